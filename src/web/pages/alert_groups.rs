//! Alerts of one name and severity at one place, told in one line.

use std::collections::BTreeSet;

use super::trouble::Level;
use crate::{
    alert::{engine::AlertBrief, queue::Fingerprint},
    clock::UnixTime,
    rules::catalogue::{Alert, DIRECT_WATCHDOG},
};

/// Alerts of one name and severity.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertGroup {
    row: crate::alert::engine::AlertRow,
    /// How many there are.
    pub count: usize,
    /// How many of them fire; the others are pending.
    pub firing: usize,
    /// How many go on only because their target cannot be read.
    pub held: usize,
    /// Since when the condition of the first one holds.
    pub since: UnixTime,
    /// When the first one began to fire.
    pub fired: Option<UnixTime>,
    /// The first of them.
    pub fingerprint: Fingerprint,
    /// Where they are, each once, a few of them.
    pub places: BTreeSet<(String, String)>,
    /// Agents that they name, a few of them.
    pub agents: BTreeSet<String>,
}

/// The sign of what is pending.
pub const PENDING: &str = "○";

/// As many places and agents are named.
const NAMED: usize = 5;

impl AlertGroup {
    /// A group with nothing in it.
    pub fn new(first: &AlertBrief) -> AlertGroup {
        AlertGroup {
            row: first.alert,
            count: 0,
            firing: 0,
            held: 0,
            since: first.since,
            fired: None,
            fingerprint: first.fingerprint(),
            places: BTreeSet::new(),
            agents: BTreeSet::new(),
        }
    }

    /// Takes one more.
    pub fn add(&mut self, alert: &AlertBrief) {
        self.count += 1;
        self.firing += usize::from(alert.fired.is_some());
        self.held += usize::from(alert.held);
        self.since = self.since.min(alert.since);
        self.fired = [self.fired, alert.fired].into_iter().flatten().min();
        if self.places.len() < NAMED {
            self.places.insert((alert.labels.get("target").to_owned(), alert.labels.get("pool").to_owned()));
        }
        let agent = alert.labels.get("agent");
        if self.agents.len() < NAMED && !agent.is_empty() {
            self.agents.insert(agent.to_owned());
        }
    }

    /// Its row of the catalogue.
    pub fn alert(&self) -> &'static Alert {
        self.row.0
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        Level::of_alert(self.row.0.severity, self.firing > 0)
    }

    /// Its sign: hollow while it is pending.
    pub fn sign(&self) -> &'static str {
        if self.firing == 0 { PENDING } else { self.level().sign() }
    }

    /// What it says.
    pub fn summary(&self) -> &'static str {
        self.row.0.summary
    }

    /// `firing`, `pending`, or how many of each.
    pub fn state(&self) -> String {
        match (self.firing, self.count - self.firing) {
            (_, 0) if self.held == self.count => "firing, held".to_owned(),
            (_, 0) => "firing".to_owned(),
            (0, _) => "pending".to_owned(),
            (firing, pending) => format!("{firing} firing, {pending} pending"),
        }
    }
}

/// Whether pages show it: a sign of life says nothing, and an alert that only mutes others does not either.
pub fn is_shown(alert: &AlertBrief) -> bool {
    let name = alert.alert.0.name;
    name != DIRECT_WATCHDOG && !name.ends_with("Inhibitor")
}

/// All alerts by name, severity and target, the worst first. Those that pages do not show are left out.
pub fn of(alerts: &[AlertBrief]) -> Vec<AlertGroup> {
    let mut groups: std::collections::BTreeMap<(&str, &str, &str), AlertGroup> = std::collections::BTreeMap::new();
    for alert in alerts.iter().filter(|alert| is_shown(alert)) {
        let key = (alert.alert.0.name, alert.alert.0.severity.as_str(), alert.labels.get("target"));
        groups.entry(key).or_insert_with(|| AlertGroup::new(alert)).add(alert);
    }
    let mut groups: Vec<AlertGroup> = groups.into_values().collect();
    // Pages are read at night: what woke somebody stands above what might.
    groups.sort_by_key(|group| {
        let newest = std::cmp::Reverse(group.fired.unwrap_or(group.since));
        (std::cmp::Reverse(group.level()), group.firing == 0, std::cmp::Reverse(group.row.0.severity), newest)
    });
    groups
}
