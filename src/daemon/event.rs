//! Events of the daemon as a whole.

use std::sync::LazyLock;

use prometheus::{Gauge, IntGauge};

use crate::{catalogue::daemon as family, clock::UnixTime, event};

static SUCCESSFUL: LazyLock<IntGauge> = LazyLock::new(|| event::int_gauge(&family::CONFIG_LAST_RELOAD_SUCCESSFUL));
static SUCCESS_TIME: LazyLock<Gauge> = LazyLock::new(|| event::gauge(&family::CONFIG_LAST_RELOAD_SUCCESS));

/// The configuration was read, at the start or for a reload.
#[derive(Debug)]
pub struct Reloaded<'a> {
    /// Why it was refused.
    pub error: Option<&'a str>,
    /// When.
    pub now: UnixTime,
}

impl Reloaded<'_> {
    /// Notes the outcome.
    pub fn emit(self) {
        SUCCESSFUL.set(i64::from(self.error.is_none()));
        match self.error {
            None => {
                SUCCESS_TIME.set(self.now.as_secs_f64());
                tracing::info!("Configuration loaded.");
            }
            Some(error) => tracing::error!(error, "Configuration refused, the one before stays."),
        }
    }
}

/// Whether the state file can be written. The failures are counted; the first of a row and the recovery are told.
#[derive(Debug)]
pub struct StateWrites {
    failures: u64,
}

impl StateWrites {
    /// None yet; the counter is there from now on.
    pub fn new() -> StateWrites {
        event::count_state_write_failures();
        StateWrites { failures: 0 }
    }

    /// It was written, or is as it should be.
    pub fn succeeded(&mut self) {
        let failures = std::mem::take(&mut self.failures);
        if failures > 0 {
            tracing::info!(failures, "State is kept again.");
        }
    }

    /// It was not.
    pub fn failed(&mut self, error: &dyn std::fmt::Display) {
        event::state_write_failed();
        if self.failures == 0 {
            tracing::error!(%error, "State is not kept; a restart would forget it.");
        }
        self.failures += 1;
    }
}
