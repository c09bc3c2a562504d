//! The catalogue with the overrides of a configuration applied: what is evaluated.

use std::time::Duration;

use super::{
    catalogue::Alert,
    expr::{Expr, Matcher},
};
use crate::config::AlertOverride;

/// An alert rule. Several may come from one row of the catalogue; together they cover each subject once.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The row that it comes from.
    pub alert: &'static Alert,
    /// The condition: `max by (LABELS)` outermost, every threshold a number, restricted to the part that this rule is for.
    pub expr: Expr,
    /// The part of the subjects that this rule is for: all of these hold for its alerts' labels.
    pub scope: Vec<Matcher>,
    /// As in the condition.
    pub threshold: Option<f64>,
    /// How long the condition must hold.
    pub r#for: Duration,
    /// How long it goes on afterwards.
    pub keep_firing_for: Duration,
}

impl Rule {
    /// Whether the rule may concern this target at all; the engine evaluates only those.
    pub fn concerns(&self, vendor: &str, target: &str) -> bool {
        let value = |label| match label {
            "vendor" => Some(vendor),
            "target" => Some(target),
            _ => None,
        };
        let vendors = self.alert.vendors;
        (vendors.is_empty() || vendors.contains(&vendor))
            && self.scope.iter().all(|matcher| value(matcher.label).is_none_or(|value| matcher.matches(value)))
    }
}

/// The rules of the catalogue under these overrides.
pub fn resolve(_overrides: &[AlertOverride]) -> Vec<Rule> {
    Vec::new()
}
