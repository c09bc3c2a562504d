//! `alerting.overrides`: what a configuration changes in the alert catalogue. Both the configuration, which reads it, and the
//! rules, which apply it, stand above.

use std::time::Duration;

use crate::glob::Glob;

/// A change to rows of the alert catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertOverride {
    /// Name of the alert.
    pub alert: String,
    /// Only the row of this severity.
    pub severity: Option<String>,
    /// Only these vendors.
    pub vendor: Glob,
    /// Only these targets.
    pub target: Glob,
    /// Only these pools.
    pub pool: Glob,
    /// How long the condition must hold.
    pub r#for: Option<Duration>,
    /// How long it keeps firing afterwards.
    pub keep_firing_for: Option<Duration>,
    /// The threshold of the condition.
    pub threshold: Option<f64>,
    /// Whether the alert exists at all.
    pub enabled: Option<bool>,
}
