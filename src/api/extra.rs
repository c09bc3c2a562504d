//! Extras: what is read beside the main lists of a target. Each has an interval of its own and fails alone; its last good
//! data stay until they are stale by that interval, and what is refused or does not exist is left alone for an hour.

use std::time::Duration;

use crate::{
    clock::UnixTime,
    failure::{Failure, Reason},
};

/// What is refused, in spite of a new log-on, or does not exist is left alone for this long.
pub const REFUSED_FOR: Duration = Duration::from_secs(3600);

/// Whether what failed so is left alone: it was refused, or does not exist.
pub fn is_left_alone(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::Forbidden | Reason::NotFound)
}

/// An extra is stale after as many intervals of its own, where that is longer than `stale_after` of the target.
const STALE_INTERVALS: u32 = 3;

/// One extra of a target.
#[derive(Debug)]
pub struct Extra<T> {
    /// The label `extra` of `rollcall_target_extra_up`.
    name: &'static str,
    interval: Duration,
    last: Option<(T, UnixTime)>,
    due: UnixTime,
    outcome: Option<Result<(), Failure>>,
}

impl<T> Extra<T> {
    /// Never tried so far, and due at once.
    pub fn new(name: &'static str, interval: Duration) -> Extra<T> {
        Extra { name, interval, last: None, due: UnixTime::default(), outcome: None }
    }

    /// Whether it is to be read now.
    pub fn is_due(&self, now: UnixTime) -> bool {
        now >= self.due
    }

    /// Since when it is to be read; where not all can be, what has waited longest goes first.
    pub fn due(&self) -> UnixTime {
        self.due
    }

    /// Another interval, from the next try on.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Stores how a try ended. What ends the poll as a whole, a refused or held log-on, is returned.
    pub fn store(&mut self, now: UnixTime, result: Result<T, Failure>) -> Result<(), Failure> {
        let failure = match result {
            Ok(data) => {
                self.last = Some((data, now));
                self.due = now.plus(self.interval);
                self.outcome = Some(Ok(()));
                return Ok(());
            }
            Err(failure) => failure,
        };
        let wait = if is_left_alone(&failure) { REFUSED_FOR } else { Duration::ZERO };
        self.due = now.plus(failure.retry_after.unwrap_or_default().max(wait));
        self.outcome = Some(Err(failure.clone()));
        match failure.reason {
            Reason::Auth | Reason::Held => Err(failure),
            _ => Ok(()),
        }
    }

    /// The last good data, unless they are too old for a target with this `stale_after`.
    pub fn data(&self, now: UnixTime, stale_after: Duration) -> Option<&T> {
        let (data, read) = self.last.as_ref()?;
        (now.since(*read) < self.kept_for(stale_after)).then_some(data)
    }

    /// How long data are good for a target with this `stale_after`.
    pub fn kept_for(&self, stale_after: Duration) -> Duration {
        stale_after.max(self.interval * STALE_INTERVALS)
    }

    /// The label, and how the last try ended; `None` before the first.
    pub fn outcome(&self) -> Option<(&'static str, Result<(), Failure>)> {
        Some((self.name, self.outcome.clone()?))
    }

    /// Has it tried at the next poll, whatever it was left alone for.
    pub fn release(&mut self) {
        self.due = UnixTime::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const T0: UnixTime = UnixTime::from_secs(1_000_000);

    fn at(minutes: u32) -> UnixTime {
        T0.plus(MINUTE * minutes)
    }

    #[test]
    fn an_extra_is_read_at_its_own_interval_and_kept_while_it_fails() {
        let mut extra = Extra::new("names", 10 * MINUTE);
        assert!(extra.is_due(T0) && extra.outcome().is_none() && extra.data(T0, MINUTE).is_none());
        extra.store(T0, Ok("first")).expect("nothing ends the poll");
        assert_eq!([9, 10].map(|minute| extra.is_due(at(minute))), [false, true]);
        assert_eq!(extra.outcome(), Some(("names", Ok(()))));
        let failure = Failure::new(Reason::Timeout, "no answer");
        extra.store(at(10), Err(failure.clone())).expect("it fails alone");
        assert!(extra.is_due(at(10)), "it is tried at the next poll");
        assert_eq!(extra.outcome(), Some(("names", Err(failure))));
        // Three of its own intervals, as the target's `stale_after` is shorter.
        assert_eq!([29, 30].map(|minute| extra.data(at(minute), 5 * MINUTE)), [Some(&"first"), None]);
        assert_eq!([39, 40].map(|minute| extra.data(at(minute), 40 * MINUTE)), [Some(&"first"), None]);
    }

    #[test]
    fn what_is_refused_or_gone_is_left_alone_for_an_hour() {
        for reason in [Reason::Forbidden, Reason::NotFound] {
            let mut extra = Extra::<()>::new("vms", MINUTE);
            extra.store(T0, Err(Failure::new(reason, "no"))).expect("it fails alone");
            assert_eq!([59, 60].map(|minute| extra.is_due(at(minute))), [false, true]);
            extra.release();
            assert!(extra.is_due(at(1)));
        }
        let mut extra = Extra::<()>::new("vms", MINUTE);
        let failure = Failure { retry_after: Some(5 * MINUTE), ..Failure::new(Reason::RateLimited, "wait") };
        extra.store(T0, Err(failure)).expect("it fails alone");
        assert_eq!([4, 5].map(|minute| extra.is_due(at(minute))), [false, true]);
    }

    #[test]
    fn a_refused_log_on_ends_the_poll() {
        for reason in [Reason::Auth, Reason::Held] {
            let mut extra = Extra::<()>::new("vms", MINUTE);
            assert_eq!(extra.store(T0, Err(Failure::new(reason, "no"))).expect_err("it is told").reason, reason);
        }
    }
}
