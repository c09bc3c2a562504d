//! How a target is polled: what it may take from `defaults`, and the rules between interval, timeout and `stale_after`.

use std::time::Duration;

use super::vendors::{self, Vendor};
use crate::{
    config::{duration::print, read::Section},
    scale::scaled,
};

/// Anything but nothing.
const LONGER_THAN_ZERO: Duration = Duration::from_nanos(1);
const MINUTE: Duration = Duration::from_secs(60);
/// A deep probe leaves a real session behind; more often than this they pile up.
const DEEP_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// The settings that a target may take from `defaults`, as far as they are given.
#[derive(Clone, Copy)]
pub(super) struct Polling {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    stale_after: Option<Duration>,
    max_response_size: Option<u64>,
    max_agents: Option<i64>,
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
            sound: self.sound && defaults.sound,
        }
    }

    pub(super) fn max_response_size(&self) -> u64 {
        self.max_response_size.unwrap_or(64 << 20)
    }

    pub(super) fn max_agents(&self) -> usize {
        usize::try_from(self.max_agents.unwrap_or(200_000)).unwrap_or(usize::MAX)
    }
}

/// The times of a target, with their defaults.
pub(super) struct Times {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) stale_after: Duration,
}

impl Times {
    /// Fills in the defaults, and notes what breaks the rules.
    pub(super) fn of(section: &Section<'_>, vendor: Vendor, polling: Polling) -> Times {
        let priming = vendors::deep_prime_timeout(vendor, section);
        let interval = polling.interval.unwrap_or(MINUTE);
        let timeout = polling.timeout.unwrap_or_else(|| default_timeout(vendor, priming));
        let stale_after = polling.stale_after.unwrap_or_else(|| (5 * MINUTE).max(3 * interval));
        let times = Times { interval, timeout, stale_after };
        if polling.sound {
            times.check(section, priming);
        }
        times
    }

    fn check(&self, section: &Section<'_>, priming: Option<Duration>) {
        let Times { interval, timeout, stale_after } = *self;
        // Where a setting of the target itself is at fault, that is the place; else the target.
        let error = |key: &'static str, message: String| match section.get(key) {
            Some(item) => item.error(message),
            None => section.error(key, message),
        };
        if priming.is_some() && interval < scaled(DEEP_INTERVAL) {
            let given = print(interval);
            let message = "must be 15m at the least in deep mode, as every probe leaves a session behind; it is";
            error("interval", format!("{message} {given}"));
        }
        if let (Some(priming), Some(mark)) = (priming, section.mark())
            && timeout <= priming
        {
            let message = format!(
                "{} is not longer than session.prime_timeout ({}), so a slow session is a failed poll",
                print(timeout),
                print(priming)
            );
            section.ctx.warn(mark, &section.path_of("timeout"), message);
        }
        let least = 2 * interval + timeout;
        if stale_after < least {
            let message = format!(
                "must be {} at the least, 2 intervals ({}) and the timeout ({}); it is {}",
                print(least),
                print(interval),
                print(timeout),
                print(stale_after)
            );
            error("stale_after", message);
        }
    }
}

fn default_timeout(vendor: Vendor, priming: Option<Duration>) -> Duration {
    match vendor {
        Vendor::AzureDevOps => Duration::from_secs(45),
        Vendor::CitrixStorefront => MINUTE,
        _ => priming.map_or(Duration::from_secs(20), |priming| priming + Duration::from_secs(15)),
    }
}
