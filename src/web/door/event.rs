//! Events of the web configuration.

use std::sync::LazyLock;

use prometheus::IntGauge;

use crate::{catalogue::daemon as family, config::web::WebConfig, event};

static SUCCESSFUL: LazyLock<IntGauge> = LazyLock::new(|| event::int_gauge(&family::WEB_CONFIG_LAST_RELOAD_SUCCESSFUL));

/// The web configuration was read, at the start or since one of its files changed.
#[derive(Debug)]
pub struct WebConfigRead<'a> {
    /// What holds from now on, or why it was refused.
    pub result: Result<&'a WebConfig, &'a str>,
}

impl WebConfigRead<'_> {
    /// Notes the outcome.
    pub fn emit(self) {
        SUCCESSFUL.set(i64::from(self.result.is_ok()));
        match self.result {
            Ok(config) => {
                config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                let (tls, users) = (config.tls.is_some(), config.users.len());
                tracing::info!(tls, http2 = tls && config.http2, users, "Web configuration taken up.");
            }
            Err(error) => tracing::error!(error, "Web configuration refused, the one before stays."),
        }
    }
}
