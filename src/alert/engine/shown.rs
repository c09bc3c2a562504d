//! What pages show of alerts: all of them in brief, one of them in full.

use super::{AlertView, Engine, LabelSet, Source, target_alerts::ActiveAlert};
use crate::{
    alert::queue::Fingerprint,
    clock::UnixTime,
    rules::{
        catalogue::Alert,
        expr::{Expr, Selector},
        rule::Rule,
    },
};

/// An alert without its texts: there may be as many as there are agents.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertBrief {
    /// Its row of the catalogue.
    pub alert: AlertRow,
    /// Its labels besides `alertname` and `severity`.
    pub labels: LabelSet,
    /// Since when the condition holds.
    pub since: UnixTime,
    /// When it began to fire; `None`: it is pending.
    pub fired: Option<UnixTime>,
    /// Since when the condition does not hold any more, while it goes on firing.
    pub clearing: Option<UnixTime>,
    /// Whether it goes on only because its target cannot be read.
    pub held: bool,
}

/// A row of the catalogue; rows are compared by their place.
#[derive(Debug, Clone, Copy)]
pub struct AlertRow(pub &'static Alert);

impl PartialEq for AlertRow {
    fn eq(&self, other: &AlertRow) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

/// An alert with all that is known of it.
#[derive(Debug)]
pub struct AlertDetail {
    /// What is told of it.
    pub view: AlertView,
    /// Its labels besides `alertname` and `severity`.
    pub labels: LabelSet,
    /// Its rule as configured; `None`: the configuration has it no more.
    pub rule: Option<Rule>,
}

/// A sample that an alert looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadSample {
    /// Name and labels, as in the exposition.
    pub series: String,
    /// Its value now.
    pub value: f64,
}

impl AlertBrief {
    fn of(active: &ActiveAlert) -> AlertBrief {
        AlertBrief {
            alert: AlertRow(active.alert),
            labels: active.labels.clone(),
            since: active.since,
            fired: active.fired,
            clearing: active.clearing,
            held: active.held,
        }
    }

    /// What Alertmanager knows it by, where no label is added on the way.
    pub fn fingerprint(&self) -> Fingerprint {
        let own = [("alertname", self.alert.0.name), ("severity", self.alert.0.severity.as_str())];
        let all = own.into_iter().chain(self.labels.iter());
        Fingerprint::of(&all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl Engine {
    /// All that is pending or fires, in no order.
    pub fn briefs(&self) -> Vec<AlertBrief> {
        let by_target = self.by_target.values().chain([&self.own]);
        by_target.flat_map(|target_alerts| target_alerts.alerts()).map(AlertBrief::of).collect()
    }

    /// The alert of this fingerprint.
    pub fn detail(&self, fingerprint: Fingerprint) -> Option<AlertDetail> {
        let by_target = self.by_target.values().chain([&self.own]);
        let mut all = by_target.flat_map(|target_alerts| target_alerts.alerts());
        let active = all.find(|active| AlertBrief::of(active).fingerprint() == fingerprint)?;
        let rule = self.rules.all.iter().find(|rule| rule.is_about(active.alert, &active.labels));
        Some(AlertDetail { view: self.view(active), labels: active.labels.clone(), rule: rule.cloned() })
    }
}

/// The present samples that a condition looks at for an alert with these labels, at most so many.
pub fn samples(condition: &Expr, source: &dyn Source, labels: &LabelSet, most: usize) -> Vec<ReadSample> {
    let mut selectors: Vec<&Selector> = Vec::new();
    condition.selectors(&mut |selector| {
        let is_it =
            |known: &&Selector| std::ptr::eq(known.family, selector.family) && known.matchers == selector.matchers;
        if !selectors.iter().any(is_it) {
            selectors.push(selector);
        }
    });
    let mut found: Vec<ReadSample> = Vec::new();
    for selector in selectors {
        source.visit(selector.family, &mut |sample, value| {
            let of = |name: &str| sample.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
            let agrees = labels.iter().all(|(name, value)| of(name).is_none_or(|other| other == value));
            let wanted = agrees && selector.matchers.iter().all(|m| m.matches(of(m.label).unwrap_or_default()));
            if wanted && found.len() < most {
                let labels: Vec<String> = sample.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
                let series = format!("{}{{{}}}", selector.family.name, labels.join(", "));
                let sample = ReadSample { series, value };
                if !found.contains(&sample) {
                    found.push(sample);
                }
            }
        });
    }
    found
}
