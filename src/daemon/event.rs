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
