//! The past of one series: its values, each with the moment from which on it was seen.

use crate::clock::UnixTime;

/// Steps kept at most; more than any threshold on changes needs.
const MAX_STEPS: usize = 256;

/// Steps that survive a restart, at most.
const MAX_SAVED_STEPS: usize = 32;

/// Values of a series in the order of time; `None`: it was not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps(Vec<(UnixTime, Option<f64>)>);

impl Steps {
    /// Notes what it is from now on.
    pub fn push(&mut self, at: UnixTime, value: Option<f64>) {
        match self.0.last() {
            None if value.is_none() => {}
            Some((_, last)) if same(*last, value) => {}
            Some((from, _)) if *from > at => {}
            _ => self.0.push((at, value)),
        }
    }

    /// Forgets steps that lie ahead: the clock was set back.
    pub fn forget_after(&mut self, now: UnixTime) {
        self.0.retain(|(at, _)| *at <= now);
    }

    /// Forgets what was over before `horizon`, and more where there is too much of it: of a counter every second step, which
    /// keeps its growth; of anything else the oldest ones.
    pub fn trim(&mut self, horizon: UnixTime, counter: bool) {
        let old = self.0.iter().take_while(|(at, _)| *at <= horizon).count();
        self.0.drain(..old.saturating_sub(1));
        if self.0.len() > MAX_STEPS {
            if counter {
                let last = self.0.len() - 1;
                let mut index = 0;
                self.0.retain(|(_, value)| {
                    index += 1;
                    index % 2 == 1 || index > last || value.is_none()
                });
            } else {
                self.0.drain(..self.0.len() - MAX_STEPS);
            }
        }
    }

    /// Whether it was not there since before `horizon`.
    pub fn is_over(&self, horizon: UnixTime) -> bool {
        match self.0.as_slice() {
            [] => true,
            [(at, None)] => *at <= horizon,
            _ => false,
        }
    }

    /// Whether there was more than one value.
    pub fn changed(&self) -> bool {
        self.0.len() > 1
    }

    /// What it was at that moment.
    pub fn at(&self, moment: UnixTime) -> Option<f64> {
        let next = self.0.partition_point(|(at, _)| *at <= moment);
        self.0.get(next.checked_sub(1)?)?.1
    }

    /// How often it changed; absence is no change.
    pub fn changes(&self, start: UnixTime, end: UnixTime) -> Option<f64> {
        let mut values = self.within(start, end);
        let mut before = values.next()?.1;
        let mut changes = 0u32;
        for (_, value) in values {
            changes += u32::from(!same(Some(before), Some(value)));
            before = value;
        }
        Some(f64::from(changes))
    }

    /// By how much it grew; a smaller value means that it began again at 0.
    pub fn increase(&self, start: UnixTime, end: UnixTime) -> Option<f64> {
        let mut values = self.within(start, end);
        let (from, mut before) = values.next()?;
        let mut grown = 0.0;
        for (_, value) in values {
            grown += if value < before { value } else { value - before };
            before = value;
        }
        // One moment alone tells of no growth.
        (from < end).then_some(grown)
    }

    /// The largest value.
    pub fn max(&self, start: UnixTime, end: UnixTime) -> Option<f64> {
        self.within(start, end).map(|(_, value)| value).reduce(f64::max)
    }

    /// The newest value.
    pub fn last(&self, start: UnixTime, end: UnixTime) -> Option<f64> {
        self.within(start, end).map(|(_, value)| value).last()
    }

    /// When it last became another one.
    pub fn newest(&self) -> Option<UnixTime> {
        self.0.last().map(|(at, _)| *at)
    }

    /// As it is kept in a file: the newest steps.
    pub fn save(&self) -> Vec<(UnixTime, Option<f64>)> {
        let finite = |(at, value): &(UnixTime, Option<f64>)| (*at, value.filter(|value| value.is_finite()));
        self.0[self.0.len().saturating_sub(MAX_SAVED_STEPS)..].iter().map(finite).collect()
    }

    /// From a file.
    pub fn restore(steps: Vec<(UnixTime, Option<f64>)>) -> Steps {
        let mut restored = Steps::default();
        steps.into_iter().for_each(|(at, value)| restored.push(at, value));
        restored
    }

    /// The values in effect at some time from `start` to `end`, and from when on.
    fn within(&self, start: UnixTime, end: UnixTime) -> impl Iterator<Item = (UnixTime, f64)> {
        let first = self.0.partition_point(|(at, _)| *at <= start).saturating_sub(1);
        let steps = self.0[first..].iter().take_while(move |(at, _)| *at <= end);
        steps.filter_map(move |(at, value)| Some(((*at).max(start), (*value)?)))
    }
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b || (a.is_nan() && b.is_nan()),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(values: &[(i64, Option<f64>)]) -> Steps {
        let mut steps = Steps::default();
        values.iter().for_each(|(at, value)| steps.push(UnixTime::from_secs(*at), *value));
        steps
    }

    fn at(second: i64) -> UnixTime {
        UnixTime::from_secs(second)
    }

    #[test]
    fn a_value_holds_until_the_next_one_or_until_it_is_gone() {
        let steps = steps(&[(10, Some(1.0)), (20, Some(2.0)), (30, Some(2.0)), (40, None)]);
        assert_eq!(
            [5, 10, 19, 20, 39, 40].map(|t| steps.at(at(t))),
            [None, Some(1.0), Some(1.0), Some(2.0), Some(2.0), None]
        );
    }

    #[test]
    fn changes_count_from_the_value_at_the_start_of_the_window() {
        let steps = steps(&[(0, Some(1.0)), (20, Some(2.0)), (30, None), (40, Some(2.0)), (50, Some(1.0))]);
        assert_eq!(steps.changes(at(10), at(60)), Some(2.0));
        assert_eq!(steps.changes(at(20), at(45)), Some(0.0));
        assert_eq!(steps.changes(at(31), at(39)), None);
    }

    #[test]
    fn growth_outlives_a_reset_and_a_gap() {
        let steps = steps(&[(0, Some(5.0)), (10, Some(8.0)), (20, None), (30, Some(2.0)), (40, Some(4.0))]);
        assert_eq!(steps.increase(at(0), at(40)), Some(7.0));
        assert_eq!(steps.increase(at(35), at(40)), Some(2.0));
        assert_eq!(steps.increase(at(-5), at(0)), None);
    }

    #[test]
    fn trimming_keeps_what_the_window_needs() {
        let mut counter = Steps::default();
        (0..1000).for_each(|n| {
            counter.push(at(n), Some(n as f64));
            counter.trim(at(-1), true);
        });
        assert!(counter.0.len() <= MAX_STEPS + 1);
        assert_eq!(counter.increase(at(0), at(999)), Some(999.0));
        let mut gauge = steps(&[(0, Some(1.0)), (10, Some(2.0)), (20, Some(1.0))]);
        gauge.trim(at(15), false);
        assert_eq!(gauge.changes(at(15), at(30)), Some(1.0));
        assert_eq!(gauge.at(at(15)), Some(2.0));
    }
}
