//! New sessions: how soon another one may be asked for where the last ones brought nothing.
//!
//! A server that refuses a session may have lost it: then a new one helps, at once. It may as well refuse every session, for a
//! right that is missing, a proxy that drops a header or an end that it sets wrongly: then each poll would cost a log-on. So the
//! first is asked for without waiting, those after it 1, 5 and then 15 minutes apart, until one has worked.

use std::time::Duration;

use crate::clock::UnixTime;

const MINUTE: Duration = Duration::from_secs(60);

/// How long the next one waits, by the number of those in a row that brought nothing.
const WAITS: [Duration; 4] = [Duration::ZERO, MINUTE, MINUTE.saturating_mul(5), MINUTE.saturating_mul(15)];

/// A session that worked is doubted once in this time: what is refused beside it may be refused for ever.
const DOUBT_INTERVAL: Duration = Duration::from_secs(3600);

/// The sessions of a target since one of them worked.
#[derive(Debug, Default)]
pub struct Renewals {
    fruitless: usize,
    last: UnixTime,
    /// The present session has worked.
    proven: bool,
    doubted: Option<UnixTime>,
}

impl Renewals {
    /// Whether another session may be asked for.
    pub fn may(&self, now: UnixTime) -> bool {
        is_over(self.last, WAITS[self.fruitless.min(WAITS.len() - 1)], now)
    }

    /// Whether a refusal that need not be about the session may be: it has worked before.
    pub fn may_doubt(&self, now: UnixTime) -> bool {
        self.proven && self.may(now) && self.doubted.is_none_or(|doubted| is_over(doubted, DOUBT_INTERVAL, now))
    }

    /// Whether the last ones brought nothing.
    pub fn is_fruitless(&self) -> bool {
        self.fruitless > 0
    }

    /// The present one is doubted.
    pub fn doubted(&mut self, now: UnixTime) {
        self.doubted = Some(now);
    }

    /// Another one has come.
    pub fn renewed(&mut self, now: UnixTime) {
        let fruitless = self.fruitless.saturating_add(1);
        *self = Renewals { fruitless, last: now, proven: false, doubted: self.doubted };
    }

    /// What the session is for has worked.
    pub fn worked(&mut self) {
        *self = Renewals { proven: true, doubted: self.doubted, ..Renewals::default() };
    }
}

/// Whether a time has passed. A clock that was set back must not keep anybody waiting.
fn is_over(from: UnixTime, wait: Duration, now: UnixTime) -> bool {
    now < from || now.since(from) >= wait
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_bring_nothing_are_asked_for_ever_more_rarely() {
        let mut renewals = Renewals::default();
        let start = UnixTime::from_secs(1_000_000);
        let asked: Vec<u64> = (0..3600)
            .step_by(10)
            .filter(|second| {
                let now = start.plus(Duration::from_secs(*second));
                let may = renewals.may(now);
                assert!(!renewals.may_doubt(now), "none has worked");
                if may {
                    renewals.renewed(now);
                }
                may
            })
            .collect();
        assert_eq!(asked, [0, 60, 360, 1260, 2160, 3060]);
        assert!(renewals.may(start), "a clock that was set back");
        renewals.worked();
        let now = start.plus(Duration::from_secs(3600));
        assert!(renewals.may_doubt(now));
        renewals.doubted(now);
        renewals.renewed(now);
        renewals.worked();
        let later = |seconds| now.plus(Duration::from_secs(seconds));
        assert_eq!([0, 3599, 3600].map(|seconds| renewals.may_doubt(later(seconds))), [false, false, true]);
    }
}
