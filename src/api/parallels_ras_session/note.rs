//! The last probe as it is noted: a restart goes on with it, so that failures in a row are counted over it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    codes,
    probe::Probe,
    reply::{self, BrokerError},
    verdict::Verdict,
};
use crate::{clock::UnixTime, config::target};

/// What it is noted under.
pub const NOTE: &str = "probe";

/// What a probe brought, for those that follow and may not be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub enum LastTry {
    /// No verdict, or one that proved something: nothing of it says how the broker is while nobody may ask.
    #[default]
    Nothing,
    /// A verdict that proved nothing about the credentials, so that the next probe waits.
    Unproven {
        /// Whether its poll failed.
        failed: bool,
    },
}

/// A probe in the state file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotedProbe {
    /// When it was last told.
    pub at: UnixTime,
    mode: String,
    endpoint: String,
    verdict: String,
    /// Of the error that decides; earlier versions noted no other.
    code: Option<u32>,
    /// Codes of all errors, and the fields that they blame.
    #[serde(default)]
    errors: Vec<(u32, String)>,
    prime_seconds: Option<f64>,
    seconds: f64,
    failures: u64,
    /// What the last try brought.
    #[serde(default)]
    pub last_try: LastTry,
}

impl NotedProbe {
    /// A probe under these settings.
    pub fn new(probe: &Probe, settings: &target::ParallelsRasSession, at: UnixTime, last_try: LastTry) -> NotedProbe {
        NotedProbe {
            at,
            last_try,
            mode: settings.mode.as_str().to_owned(),
            endpoint: settings.session.endpoint_host.clone(),
            verdict: probe.verdict.as_str().to_owned(),
            code: probe.errors.first().map(|error| error.code.api),
            errors: probe.errors.iter().map(|error| (error.code.api, error.parameter.to_owned())).collect(),
            prime_seconds: probe.prime_seconds,
            seconds: probe.duration.as_secs_f64(),
            failures: probe.failures,
        }
    }

    /// The probe, where it was of the same kind and endpoint: its series are those of these settings.
    pub fn of(self, settings: &target::ParallelsRasSession) -> Option<Probe> {
        let same = self.mode == settings.mode.as_str() && self.endpoint == settings.session.endpoint_host;
        let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == self.verdict).filter(|_| same)?;
        let error =
            |code, parameter: &str| BrokerError { code: codes::look_up(code), parameter: reply::parameter(parameter) };
        let mut errors: Vec<BrokerError> =
            self.errors.iter().take(reply::MAX_ERRORS).map(|(code, parameter)| error(*code, parameter)).collect();
        if errors.is_empty() {
            errors.extend(self.code.map(|code| error(code, "")));
        }
        Some(Probe {
            verdict,
            errors,
            prime_seconds: self.prime_seconds,
            duration: Duration::try_from_secs_f64(self.seconds).ok()?,
            failures: self.failures,
        })
    }
}
