//! How a target is polled: what it may take from `defaults`, and the rules between interval, timeout and `stale_after`.

use std::time::Duration;

use crate::{config::read::Section, duration::print, vendors::Vendor};

/// Anything but nothing.
const LONGER_THAN_ZERO: Duration = Duration::from_nanos(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The settings that a target may take from `defaults`, as far as they are given.
#[derive(Clone, Copy)]
pub(super) struct Polling {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    stale_after: Option<Duration>,
    max_response_size: Option<u64>,
    max_agents: Option<i64>,
    max_series: Option<i64>,
    /// Nothing was wrong with them, so that the rules between them can be judged.
    sound: bool,
}

impl Polling {
    pub(super) fn read(section: &Section<'_>) -> Polling {
        let before = section.ctx.errors.borrow().len();
        let mut polling = Polling {
            interval: section.get("interval").and_then(|item| item.duration(Duration::from_secs(1))),
            timeout: section.get("timeout").and_then(|item| item.duration(LONGER_THAN_ZERO)),
            stale_after: section.get("stale_after").and_then(|item| item.duration(LONGER_THAN_ZERO)),
            max_response_size: section.get("max_response_size").and_then(|item| item.bytes()),
            max_agents: section.get("max_agents").and_then(|item| item.integer(1..=i64::MAX)),
            max_series: section.get("max_series").and_then(|item| item.integer(1..=i64::MAX)),
            sound: true,
        };
        polling.sound = section.ctx.errors.borrow().len() == before;
        polling
    }

    pub(super) fn or(self, defaults: Polling) -> Polling {
        Polling {
            interval: self.interval.or(defaults.interval),
            timeout: self.timeout.or(defaults.timeout),
            stale_after: self.stale_after.or(defaults.stale_after),
            max_response_size: self.max_response_size.or(defaults.max_response_size),
            max_agents: self.max_agents.or(defaults.max_agents),
            max_series: self.max_series.or(defaults.max_series),
            sound: self.sound && defaults.sound,
        }
    }

    pub(super) fn max_response_size(&self) -> u64 {
        self.max_response_size.unwrap_or(64 << 20)
    }

    pub(super) fn max_agents(&self) -> usize {
        usize::try_from(self.max_agents.unwrap_or(200_000)).unwrap_or(usize::MAX)
    }

    pub(super) fn max_series(&self, vendor: Vendor) -> usize {
        self.max_series.map_or(vendor.default_max_series(), |most| usize::try_from(most).unwrap_or(usize::MAX))
    }
}

/// The times of a target, with their defaults.
pub(in crate::config) struct Times {
    pub(in crate::config) interval: Duration,
    pub(in crate::config) timeout: Duration,
    pub(in crate::config) stale_after: Duration,
}

impl Times {
    /// Fills in the defaults, and notes what breaks the rules.
    pub(super) fn of(section: &Section<'_>, vendor: Vendor, polling: Polling) -> Times {
        let interval = polling.interval.unwrap_or(MINUTE);
        let timeout = polling.timeout.unwrap_or_else(|| vendor.default_timeout(section));
        let stale_after = polling.stale_after.unwrap_or_else(|| (5 * MINUTE).max(3 * interval));
        let times = Times { interval, timeout, stale_after };
        if polling.sound {
            vendor.check_times(&times, section);
            times.check(section);
        }
        times
    }

    fn check(&self, section: &Section<'_>) {
        let Times { interval, timeout, stale_after } = *self;
        let least = 2 * interval + timeout;
        if stale_after < least {
            let message = format!(
                "must be {} at the least, 2 intervals ({}) and the timeout ({}); it is {}",
                print(least),
                print(interval),
                print(timeout),
                print(stale_after)
            );
            section.error_of("stale_after", message);
        }
    }
}
