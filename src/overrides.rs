//! `alerting.overrides`: what a configuration changes in the alert catalogue. Both the configuration, which reads it, and the
//! rules, which apply it, stand above.

use std::time::Duration;

use serde::Serialize;

use crate::glob::Glob;

/// A change to rows of the alert catalogue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertOverride {
    /// Name of the alert.
    pub alert: String,
    /// Only the row of this severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Only these vendors.
    pub vendor: Glob,
    /// Only these targets.
    pub target: Glob,
    /// Only these pools.
    pub pool: Glob,
    /// How long the condition must hold.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::duration::serialize_some")]
    pub r#for: Option<Duration>,
    /// How long it keeps firing afterwards.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::duration::serialize_some")]
    pub keep_firing_for: Option<Duration>,
    /// The threshold of the condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Whether the alert exists at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}
