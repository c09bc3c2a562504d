//! From the catalogue to Prometheus' rules.
//!
//! The alerts do not build on the recording rules: groups are evaluated side by side, so that a recorded series may lag
//! behind by an interval, and a site may load the alerts alone. The recording rules are for dashboards and for reports.
//!
//! Rules of one alert and severity that differ in their part (`for` by vendor, overrides) are told apart by static labels:
//! Prometheus 2.53 and later restores no alert after a restart whose rule has a label with a template (prometheus#16883),
//! and `promtool check rules` calls rules with the same name and labels duplicates, whatever their expressions. Where a
//! part is one vendor, target or pool, its rule says that label again. Any other part has a label without a value,
//! `part_2: ""`: Prometheus drops it from the alerts, so that their labels stay those of the daemon's own, and as a matcher,
//! when it looks for their past, it fits series without that label. Both were tried with Prometheus 2.42 and 3.5.
//!
//! The committed files in `deploy/` and `dashboards/` are written anew by `UPDATE_DEPLOY=1 cargo test --test rules committed`.

mod best;
mod file;
mod hold;
pub mod labels;
mod print;
mod recording;

pub use file::{FilePart, Format, Groups, render};
pub use print::print;

use std::time::Duration;

use super::{catalogue::Sender, expr::Expr, links::Links, rule::Rule};
use crate::scale::scaled;

/// What the rules depend on besides the catalogue and its overrides.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The longest hold.
    pub max_hold: Duration,
    /// Which scrapes are those of daemons: `job="rollcall"`.
    pub selector: String,
    /// Where links lead; what is empty is asked for while Prometheus writes the annotations.
    pub links: Links,
    /// Labels of every rule besides its own.
    pub labels: Vec<labels::Label>,
    /// Labels of the PrometheusRule besides, or in place of, the shipped ones.
    pub metadata_labels: Vec<labels::Label>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_hold: Duration::from_secs(86_400),
            selector: "job=\"rollcall\"".to_owned(),
            links: Links::default(),
            labels: Vec::new(),
            metadata_labels: Vec::new(),
        }
    }
}

/// The whole expression of an alert rule: the condition, what is held, and not while the daemon itself pages.
pub fn expression(rule: &Rule, options: &Options) -> Expr {
    hold::held(rule, scaled(options.max_hold))
}

/// Whether Prometheus has this rule.
pub fn has(rule: &Rule) -> bool {
    rule.alert.sender != Sender::Daemon
}
