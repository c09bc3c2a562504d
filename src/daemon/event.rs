//! Events of the daemon as a whole.

use std::sync::{LazyLock, Mutex};

use prometheus::{Gauge, IntGauge, IntGaugeVec};

use crate::{catalogue::daemon as family, clock::UnixTime, event, rules::links::Links};

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

static LINKS: LazyLock<IntGaugeVec> = LazyLock::new(|| event::int_gauge_vec(&family::LINKS_INFO));
static TOLD: Mutex<Option<[String; 2]>> = Mutex::new(None);

/// Where links lead from now on.
#[derive(Debug)]
pub struct LinksKnown<'a>(pub &'a Links);

impl LinksKnown<'_> {
    /// Notes it in place of what was known before; no scrape finds neither.
    pub fn emit(self) {
        let now = [self.0.external_url.clone(), self.0.dashboard_url.clone()];
        let mut told = TOLD.lock().unwrap_or_else(|e| e.into_inner());
        LINKS.with_label_values(&now).set(1);
        if let Some(before) = told.replace(now.clone()).filter(|before| *before != now) {
            // It is there: nobody else takes it away.
            let _ = LINKS.remove_label_values(&before);
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
