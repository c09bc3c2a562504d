//! How many alerts go on after their condition.

use crate::clock::UnixTime;

/// Alerts of a target that go on after their condition, at most. Where each poll brings other names, those of a quarter of an
/// hour are without a bound; the oldest of more than this end at once.
const MOST: usize = 10_000;

/// Those whose condition has not held since before this moment end now. What has begun to clear since is not yet counted: there
/// are no more of these than of what fired at the last evaluation.
pub(super) fn kept_from(clearing: impl Iterator<Item = UnixTime>) -> UnixTime {
    let mut clearing: Vec<UnixTime> = clearing.collect();
    match clearing.len().checked_sub(MOST) {
        None | Some(0) => UnixTime(i64::MIN),
        Some(surplus) => *clearing.select_nth_unstable(surplus).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_too_many_end() {
        let from = |number: i64| kept_from((0..number).rev().map(UnixTime));
        assert_eq!([from(0), from(10_000)], [UnixTime(i64::MIN); 2]);
        assert_eq!([from(10_001), from(12_000)], [UnixTime(1), UnixTime(2000)]);
        assert_eq!(kept_from((0..20_000).map(|_| UnixTime(7))), UnixTime(7), "what cleared together stays together");
    }
}
