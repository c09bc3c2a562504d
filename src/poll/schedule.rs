//! When the next poll of a target is due.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crate::{config::Target, scale::scaled};

/// First polls are spread over this time at most, or over the interval where that is shorter.
const SPREAD: Duration = Duration::from_secs(30);

/// What each target adds to that time: a few dozen are polled within seconds, hundreds over the whole of it.
const SPREAD_PER_TARGET: Duration = Duration::from_millis(100);

/// The time over which the first polls of this many targets are spread. What one server allows is not a matter of it: a
/// vendor that counts requests has its budget.
pub(super) fn first_spread(targets: usize) -> Duration {
    scaled(SPREAD_PER_TARGET.saturating_mul(u32::try_from(targets).unwrap_or(u32::MAX)).min(SPREAD))
}

/// How long after the start the first poll of a target is due: always the same for the same name and spread, so that the
/// targets of a site keep their distance.
pub(super) fn first_delay(target: &Target, spread: Duration) -> Duration {
    target.interval.min(spread).mul_f64(fraction(&target.name, 0))
}

/// How long after the start of a poll that failed the next one is due. `failures` counts those in a row, 1 for the first;
/// `retry_after` is what the vendor asked for, from the poll's end.
pub(super) fn after_failure(target: &Target, failures: u64, took: Duration, retry_after: Option<Duration>) -> Duration {
    let longest = (5 * target.interval).min(target.stale_after / 3).max(target.interval);
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let wait = target.interval.saturating_mul(2u32.saturating_pow(doublings)).min(longest);
    // Jitter shortens only what is longer than the interval, so that neither bound is broken.
    let jittered = wait.mul_f64(1.0 - 0.2 * fraction(&target.name, failures)).max(target.interval);
    jittered.max(retry_after.map_or(Duration::ZERO, |wait| took + wait))
}

/// After a success: the next multiple of the interval, and how many fell away because the poll took longer.
pub(super) fn after_success(target: &Target, took: Duration, retry_after: Option<Duration>) -> (Duration, u64) {
    let interval = target.interval.as_nanos().max(1);
    let skipped = u64::try_from(took.as_nanos() / interval).unwrap_or(u64::MAX);
    let next = target.interval.saturating_mul(u32::try_from(skipped + 1).unwrap_or(u32::MAX));
    (next.max(retry_after.map_or(Duration::ZERO, |wait| took + wait)), skipped)
}

/// A number from 0 to 1 that looks like chance and is always the same for the same target and turn.
fn fraction(name: &str, turn: u64) -> f64 {
    let mut hasher = DefaultHasher::new();
    (name, turn).hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(interval: u64, stale_after: u64) -> Target {
        Target {
            interval: Duration::from_secs(interval),
            stale_after: Duration::from_secs(stale_after),
            ..Target::sample_client()
        }
    }

    #[test]
    fn back_off_is_reached_exponentially_and_never_leaves_its_bounds() {
        let target = target(60, 3600);
        let waits: Vec<u64> = (1..8).map(|n| after_failure(&target, n, Duration::ZERO, None).as_secs()).collect();
        assert_eq!(waits[0], 60);
        assert!((96..=120).contains(&waits[1]) && (192..=240).contains(&waits[2]), "{waits:?}");
        assert!(waits[3..].iter().all(|wait| (240..=300).contains(wait)), "{waits:?}");
        // A third of stale_after is the limit where that is shorter, and the interval is the least.
        assert!(after_failure(&self::target(60, 300), 9, Duration::ZERO, None) <= Duration::from_secs(100));
        assert_eq!(after_failure(&self::target(60, 150), 9, Duration::ZERO, None), Duration::from_secs(60));
    }

    #[test]
    fn the_vendors_wish_is_counted_from_the_end_of_the_poll() {
        let (took, wish) = (Duration::from_secs(5), Some(Duration::from_secs(600)));
        assert_eq!(after_failure(&target(60, 3600), 1, took, wish), Duration::from_secs(605));
        assert_eq!(after_success(&target(60, 3600), took, wish).0, Duration::from_secs(605));
    }

    #[test]
    fn a_poll_that_takes_longer_than_the_interval_costs_the_polls_it_missed() {
        let target = target(10, 300);
        assert_eq!(after_success(&target, Duration::from_secs(3), None), (Duration::from_secs(10), 0));
        assert_eq!(after_success(&target, Duration::from_secs(25), None), (Duration::from_secs(30), 2));
    }

    #[test]
    fn first_polls_of_many_targets_are_spread_and_few_are_polled_at_once() {
        let delays = |count: usize| -> Vec<Duration> {
            let named = |n| Target { name: format!("t{n}"), ..target(60, 300) };
            (0..count).map(|n| first_delay(&named(n), first_spread(count))).collect()
        };
        let many = delays(300);
        assert!(many.iter().all(|delay| *delay < Duration::from_secs(30)));
        let early = many.iter().filter(|delay| **delay < Duration::from_secs(15)).count();
        assert!((100..200).contains(&early), "{early}");
        assert!(delays(1)[0] < Duration::from_millis(100));
        assert!(delays(36).iter().all(|delay| *delay < Duration::from_secs(4)));
        // More targets take no longer, and a short interval is no less kept.
        assert_eq!(first_spread(100_000), Duration::from_secs(30));
        assert!(first_delay(&target(5, 300), first_spread(100_000)) < Duration::from_secs(5));
    }
}
