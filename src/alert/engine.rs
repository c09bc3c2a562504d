//! The daemon's own evaluation of the alert rules: a function of samples, time and what it saw before.
//!
//! [`Engine::evaluate`] takes one target's newest samples and says what is new: what fires, what is resolved. It neither
//! waits nor sends; [`task`] calls it after every poll and every 15 s, and hands what it says to the
//! [`Outbox`](super::queue::Outbox). The samples are those of the exposition, the expressions mean what they mean in
//! PromQL, so Prometheus with the shipped rules says the same.

mod eval;
mod history;
mod rules;
mod sample;
mod shown;
mod source;
mod target_alerts;
pub mod task;
mod text;

pub use rules::{EvalSettings, Rules};
pub use sample::LabelSet;
pub use shown::{AlertBrief, AlertDetail, AlertRow, ReadSample, samples};
pub use source::{Revision, Source, Visit, lines};

use std::collections::{BTreeMap, HashMap, HashSet};

use target_alerts::{ActiveAlert, TargetAlerts};

use super::{
    queue::{Change, Labels},
    state::{SavedAlerts, SavedTargetAlerts},
};
use crate::{
    catalogue::{Family, target},
    clock::UnixTime,
    rules::catalogue::Severity,
};

/// All alerts that the daemon may send.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    by_target: HashMap<String, TargetAlerts>,
    /// Alerts that are about no target.
    own: TargetAlerts,
    /// Targets of the state file that were not seen yet.
    waiting: BTreeMap<String, SavedTargetAlerts>,
}

/// An alert as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    /// Its name.
    pub name: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// All labels.
    pub labels: Labels,
    /// Its texts.
    pub annotations: Labels,
    /// Since when the condition holds.
    pub since: UnixTime,
    /// When it began to fire; `None`: it is pending.
    pub fired: Option<UnixTime>,
    /// Since when the condition does not hold any more, while it goes on firing.
    pub clearing: Option<UnixTime>,
    /// The value of the condition; `None`: not known.
    pub value: Option<f64>,
    /// Whether it goes on only because its target cannot be read.
    pub held: bool,
}

impl Engine {
    /// An engine that goes on where an earlier run has stopped.
    pub fn new(rules: Rules, saved: SavedAlerts) -> Engine {
        let own = TargetAlerts::new("", "", true, &rules);
        Engine { rules, by_target: HashMap::new(), own, waiting: saved.targets }
    }

    /// Goes on under another configuration.
    pub fn configure(&mut self, rules: Rules) {
        self.rules = rules;
        self.own.configure("", true, &self.rules);
        self.by_target
            .iter_mut()
            .for_each(|(target, target_alerts)| target_alerts.configure(target, false, &self.rules));
    }

    /// Evaluates the rules about one target; returns what is new.
    pub fn evaluate(&mut self, source: &dyn Source, now: UnixTime) -> Vec<Change> {
        let (vendor, target) = (source.vendor(), source.target());
        #[cfg(test)]
        assert!(target != tests::PLANTED, "a planted fault");
        let mut changes = Vec::new();
        if self.by_target.get(target).is_some_and(|target_alerts| target_alerts.vendor() != vendor) {
            changes =
                self.by_target.remove(target).map(|mut target_alerts| target_alerts.withdraw()).unwrap_or_default();
        }
        if !self.by_target.contains_key(target) {
            let mut target_alerts = TargetAlerts::new(vendor, target, false, &self.rules);
            if let Some(saved) = self.waiting.remove(target) {
                target_alerts.restore(saved);
            }
            self.by_target.insert(target.to_owned(), target_alerts);
        }
        if let Some(target_alerts) = self.by_target.get_mut(target) {
            changes.extend(target_alerts.evaluate(&self.rules, source, now));
        }
        changes
    }

    /// Evaluates the rules that are about no target.
    pub fn evaluate_own(&mut self, now: UnixTime) -> Vec<Change> {
        self.own.evaluate(&self.rules, &NoTarget, now)
    }

    /// Forgets targets that are not configured any more; what fired there is withdrawn.
    pub fn retain(&mut self, targets: &HashSet<&str>) -> Vec<Change> {
        self.waiting.retain(|target, _| targets.contains(target.as_str()));
        let mut changes = Vec::new();
        self.by_target.retain(|target, target_alerts| {
            let stays = targets.contains(target.as_str());
            if !stays {
                changes.extend(target_alerts.withdraw());
            }
            stays
        });
        changes
    }

    /// What is pending or fires.
    pub fn alerts(&self) -> Vec<AlertView> {
        let by_target = self.by_target.values().chain([&self.own]);
        let mut shown: Vec<AlertView> =
            by_target.flat_map(TargetAlerts::alerts).map(|active| self.view(active)).collect();
        shown.sort_by(|a, b| (b.severity, a.name, &a.labels).cmp(&(a.severity, b.name, &b.labels)));
        shown
    }

    /// How many are pending and firing, by name and severity.
    pub fn counts(&self) -> BTreeMap<(&'static str, Severity), (usize, usize)> {
        let mut counts = BTreeMap::new();
        for active in self.by_target.values().chain([&self.own]).flat_map(TargetAlerts::alerts) {
            let (pending, firing) = counts.entry((active.alert.name, active.alert.severity)).or_default();
            *(if active.fired.is_some() { firing } else { pending }) += 1;
        }
        counts
    }

    /// After a time in which somebody else paged, everything that fires is told again.
    pub fn resend_all(&mut self) {
        self.by_target.values_mut().chain([&mut self.own]).for_each(TargetAlerts::resend_all);
    }

    /// What survives a restart.
    pub fn save(&self) -> SavedAlerts {
        let by_target = self.by_target.iter().map(|(target, target_alerts)| (target.clone(), target_alerts.save()));
        SavedAlerts { targets: self.waiting.clone().into_iter().chain(by_target).collect() }
    }

    fn view(&self, active: &ActiveAlert) -> AlertView {
        AlertView {
            name: active.alert.name,
            severity: active.alert.severity,
            labels: text::labels(active),
            annotations: text::annotations(active, &self.rules.settings),
            since: active.since,
            fired: active.fired,
            clearing: active.clearing,
            value: active.value,
            held: active.held,
        }
    }
}

/// The source of alerts that are about no target: it is always there, and has no samples.
struct NoTarget;

impl Source for NoTarget {
    fn vendor(&self) -> &str {
        ""
    }

    fn target(&self) -> &str {
        ""
    }

    fn visit(&self, family: &'static Family, visit: &mut Visit<'_>) {
        if std::ptr::eq(family, &target::UP) {
            visit(&[], 1.0);
        }
    }

    fn revision(&self, _family: &'static Family) -> Option<Revision> {
        None
    }
}

#[cfg(test)]
mod tests;
