//! Events of the daemon's own evaluation of alerts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use prometheus::{IntGaugeVec, Opts, Registry};

use super::daemon::METRICS;
use crate::{alert::catalogue::Severity, catalogue::daemon as family};

pub(super) struct Metrics {
    alerts: IntGaugeVec,
    /// What has series now.
    known: Mutex<BTreeSet<(&'static str, Severity)>>,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Metrics> {
        let alerts = IntGaugeVec::new(Opts::new(family::ALERTS.name, family::ALERTS.help), family::ALERTS.labels)?;
        registry.register(Box::new(alerts.clone()))?;
        Ok(Metrics { alerts, known: Mutex::default() })
    }
}

/// The rules were evaluated.
#[derive(Debug)]
pub struct AlertsCounted {
    /// How many are pending and firing, by name and severity; those of direct mode, of which others are 0.
    pub counts: BTreeMap<(&'static str, Severity), (usize, usize)>,
}

impl AlertsCounted {
    /// Notes the numbers. A series that is not told of any more ends.
    pub fn emit(self) {
        let metrics = &METRICS.alerts;
        let mut known = metrics.known.lock().unwrap_or_else(|e| e.into_inner());
        for (name, severity) in known.iter().filter(|one| !self.counts.contains_key(*one)) {
            for state in ["pending", "firing"] {
                // An error says that there is none.
                let _ = metrics.alerts.remove_label_values(&[*name, severity.as_str(), state]);
            }
        }
        for ((name, severity), (pending, firing)) in &self.counts {
            for (state, n) in [("pending", pending), ("firing", firing)] {
                let n = i64::try_from(*n).unwrap_or(i64::MAX);
                metrics.alerts.with_label_values(&[*name, severity.as_str(), state]).set(n);
            }
        }
        *known = self.counts.into_keys().collect();
    }
}
