//! Why a daemon does not start, or does not take a configuration.

use super::state::StateError;
use crate::{config::Errors, failure::Failure};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It has errors: all of them, each with its place.
    #[error(transparent)]
    Invalid(#[from] Errors),
    /// Another daemon uses its state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The certificates of a target cannot be used.
    #[error("target {name}: {failure}")]
    Target {
        /// Its name.
        name: String,
        /// What is wrong with them.
        failure: Failure,
    },
    /// The certificates of an Alertmanager cannot be used.
    #[error("alertmanager {url}: {failure}")]
    Alertmanager {
        /// Its address, without credentials.
        url: String,
        /// What is wrong with them.
        failure: Failure,
    },
}

impl ConfigError {
    pub(super) fn target((name, failure): (String, Failure)) -> ConfigError {
        ConfigError::Target { name, failure }
    }

    pub(super) fn alertmanager((url, failure): (String, Failure)) -> ConfigError {
        ConfigError::Alertmanager { url, failure }
    }
}
