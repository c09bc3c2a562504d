//! Events of the daemon's own evaluation of alerts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{LazyLock, Mutex},
};

use prometheus::IntGaugeVec;

use crate::{alert::queue::Notification, catalogue::daemon as family, event, rules::catalogue::Severity};

static ALERTS: LazyLock<IntGaugeVec> = LazyLock::new(|| event::int_gauge_vec(&family::ALERTS));

/// What has series now.
static KNOWN: Mutex<BTreeSet<(&str, Severity)>> = Mutex::new(BTreeSet::new());

/// The rules were evaluated.
#[derive(Debug)]
pub struct AlertsCounted {
    /// How many are pending and firing, by name and severity; those of direct mode, of which others are 0.
    pub counts: BTreeMap<(&'static str, Severity), (usize, usize)>,
}

impl AlertsCounted {
    /// Notes the numbers. A series that is not told of any more ends.
    pub fn emit(self) {
        let mut known = KNOWN.lock().unwrap_or_else(|e| e.into_inner());
        for (name, severity) in known.iter().filter(|one| !self.counts.contains_key(*one)) {
            for state in ["pending", "firing"] {
                // An error says that there is none.
                let _ = ALERTS.remove_label_values(&[*name, severity.as_str(), state]);
            }
        }
        for ((name, severity), (pending, firing)) in &self.counts {
            for (state, n) in [("pending", pending), ("firing", firing)] {
                let n = i64::try_from(*n).unwrap_or(i64::MAX);
                ALERTS.with_label_values(&[*name, severity.as_str(), state]).set(n);
            }
        }
        *known = self.counts.into_keys().collect();
    }
}

/// What became of an alert of direct mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It begins to fire.
    Firing,
    /// It fires since before the daemon, or direct mode, was started, and is told again.
    StillFiring,
    /// It was resolved.
    Resolved,
    /// Nobody says any more whether it fires: its target or its rule is gone, or somebody else pages.
    Withdrawn,
}

/// An alert of direct mode begins or ceases to fire.
#[derive(Debug)]
pub struct AlertTransition<'a> {
    /// The alert.
    pub alert: &'a Notification,
    /// What became of it.
    pub transition: Transition,
}

impl AlertTransition<'_> {
    /// What wakes somebody is worth a warning; signs of life, and what was told before, are for who looks closely.
    pub fn emit(self) {
        let label = |name: &str| self.alert.labels.get(name).map(String::as_str);
        let (alertname, severity) = (label("alertname"), label("severity"));
        let since = self.alert.starts_at.to_string();
        /// One line, with what the alert has of these labels.
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    alertname,
                    severity,
                    vendor = label("vendor"),
                    target = label("target"),
                    pool = label("pool"),
                    agent = label("agent"),
                    job = label("job_name"),
                    host = label("host"),
                    credential = label("credential"),
                    %since,
                    $message
                )
            };
        }
        match (self.transition, severity) {
            (Transition::Firing, Some("none")) => line!(debug, "Alert fires."),
            (Transition::Firing, Some("critical")) => line!(warn, "Alert fires."),
            (Transition::Firing, _) => line!(info, "Alert fires."),
            (Transition::StillFiring, _) => line!(debug, "Alert fires still."),
            (Transition::Resolved, _) => line!(info, "Alert ended."),
            (Transition::Withdrawn, Some("none")) => line!(debug, "Alert withdrawn."),
            (Transition::Withdrawn, _) => line!(info, "Alert withdrawn."),
        }
    }
}
