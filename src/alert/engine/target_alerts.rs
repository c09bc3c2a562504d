//! The alerts of one target, from pending over firing to resolved.
//!
//! | the condition | pending | firing |
//! |---|---|---|
//! | holds | fires after `for` | goes on |
//! | does not hold | is forgotten | goes on for `keep_firing_for`, then it is resolved |
//! | does not hold, and nobody can know | is forgotten | is held: goes on, and its value is unknown |
//! | the target was not polled since the start | waits | is said again, and goes on |
//!
//! Nobody can know: the last poll failed and `max_hold` has not passed since the last success; the last poll was partial and
//! the subject's own part is not there; or what the condition reads besides could not be read. An alert about the polls
//! themselves is known at any time, but after a restart they have to be counted anew: it is held until a poll was
//! successful, for `max_hold` at most.
//!
//! Where the clock was set back, every wait has lasted as long as it had before.

mod clearing;
mod visibility;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use visibility::Visibility;

use super::{
    eval::{Cache, EvalContext},
    history::{History, RangeSelector},
    rules::{EvalSettings, Rules},
    sample::LabelSet,
    source::{self, Source},
    text,
};
use crate::{
    alert::{
        queue::{Change, Fingerprint, Notification},
        state::{SavedAlert, SavedTargetAlerts, minute},
    },
    catalogue::target::UP,
    clock::UnixTime,
    rules::{
        catalogue::{self, Alert, Labels, Severity},
        expr::{Grouping, LOOKBACK},
        rule::Rule,
    },
    scale::scaled,
};

/// Where nothing was evaluated for longer than this, what fired may have ended without anybody having noticed: it is told
/// only once it was seen again. As long as alerts about targets go on after their condition.
const MAX_EVALUATION_GAP: Duration = Duration::from_secs(900);

/// Which alert: name and severity, and its other labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct AlertKey {
    name: &'static str,
    severity: Severity,
    labels: LabelSet,
}

/// An alert that is pending or fires.
#[derive(Debug, Clone)]
pub struct ActiveAlert {
    /// Its row of the catalogue.
    pub alert: &'static Alert,
    /// Its labels besides `alertname` and `severity`.
    pub labels: LabelSet,
    /// Since when its condition holds.
    pub since: UnixTime,
    /// When it began to fire; `None`: it is pending.
    pub fired: Option<UnixTime>,
    /// Since when its condition does not hold any more, while it goes on.
    pub clearing: Option<UnixTime>,
    /// The value of its condition; `None`: not known.
    pub value: Option<f64>,
    /// Whether it goes on only because nobody can know.
    pub held: bool,
    /// From before a restart, and not seen since.
    restored: bool,
    /// What was last told of it.
    last_sent: Option<Notification>,
}

/// The alerts of one target.
#[derive(Debug)]
pub struct TargetAlerts {
    vendor: String,
    /// Its rules, by index, and the past that they look at.
    rule_indices: Vec<usize>,
    range_selectors: Vec<RangeSelector>,
    history: History,
    cache: Cache,
    active: BTreeMap<AlertKey, ActiveAlert>,
    /// When its rules were last evaluated.
    evaluated: Option<UnixTime>,
    /// When they last were, or could not be because the target was not polled yet.
    awake: Option<UnixTime>,
    /// When this run first evaluated it.
    started: Option<UnixTime>,
    /// Whether a poll was successful since the start.
    polled: bool,
}

impl TargetAlerts {
    /// No alerts yet. `own`: for the alerts that are about no target.
    pub fn new(vendor: &str, target: &str, own: bool, rules: &Rules) -> TargetAlerts {
        let mut target_alerts = TargetAlerts {
            vendor: vendor.to_owned(),
            rule_indices: Vec::new(),
            range_selectors: Vec::new(),
            history: History::default(),
            cache: Cache::default(),
            active: BTreeMap::new(),
            evaluated: None,
            awake: None,
            started: None,
            polled: false,
        };
        target_alerts.configure(target, own, rules);
        target_alerts
    }

    /// Goes on under other rules.
    pub fn configure(&mut self, target: &str, own: bool, rules: &Rules) {
        self.rule_indices = rules.about(&self.vendor, target, own);
        let rule_indices = self.rule_indices.iter().map(|index| &rules.all[*index]);
        self.range_selectors = RangeSelector::of(
            rule_indices.flat_map(|rule| [&rule.expr].into_iter().chain(rules.unread.get(rule.alert.name))),
        );
        self.cache = Cache::default();
    }

    /// Restores what an earlier run has saved about the same API.
    pub fn restore(&mut self, saved: SavedTargetAlerts) {
        if saved.vendor != self.vendor {
            return;
        }
        self.history = History::restore(saved.tracks);
        (self.evaluated, self.awake) = (saved.evaluated, saved.awake.or(saved.evaluated));
        for alert in saved.alerts {
            let row = catalogue::named(&alert.alert).find(|row| row.severity.as_str() == alert.severity);
            if let (Some(row), Some(labels)) = (row, LabelSet::known(&alert.labels)) {
                let identity = AlertKey { name: row.name, severity: row.severity, labels: labels.clone() };
                let active = ActiveAlert {
                    alert: row,
                    labels,
                    since: alert.since,
                    fired: alert.fired,
                    clearing: alert.clearing,
                    value: alert.value,
                    held: false,
                    restored: true,
                    last_sent: None,
                };
                self.active.insert(identity, active);
            }
        }
    }

    /// What survives a restart.
    pub fn save(&self) -> SavedTargetAlerts {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let alerts = self.active.values().map(|active| SavedAlert {
            alert: active.alert.name.to_owned(),
            severity: active.alert.severity.as_str().to_owned(),
            labels: active.labels.iter().map(owned).collect(),
            since: active.since,
            fired: active.fired,
            clearing: active.clearing,
            value: active.value.filter(|value| value.is_finite()),
        });
        SavedTargetAlerts {
            vendor: self.vendor.clone(),
            evaluated: self.evaluated.map(minute),
            awake: self.awake.map(minute),
            alerts: alerts.collect(),
            tracks: self.history.save(),
        }
    }

    /// Which API it is about.
    pub fn vendor(&self) -> &str {
        &self.vendor
    }

    /// What is pending or fires.
    pub fn alerts(&self) -> impl Iterator<Item = &ActiveAlert> {
        self.active.values()
    }

    /// Evaluates the target's rules; returns what is new.
    pub fn evaluate(&mut self, rules: &Rules, source: &dyn Source, now: UnixTime) -> Vec<Change> {
        self.set_back(now);
        let after_gap = self.awake.is_some_and(|before| now.since(before) > scaled(MAX_EVALUATION_GAP));
        let started = *self.started.get_or_insert(now);
        let up = source::single(source, &UP);
        if after_gap && up.is_none() {
            return Vec::new();
        }
        self.awake = Some(now);
        let Some(up) = up else { return self.unsent_notifications(&rules.settings) };
        self.polled |= up == 1.0;
        if after_gap {
            self.active.values_mut().for_each(|active| (active.restored, active.last_sent) = (true, None));
        }
        if self.evaluated.is_some_and(|before| now.since(before) > scaled(LOOKBACK)) {
            self.active.retain(|_, active| active.fired.is_some());
        }
        self.evaluated = Some(now);
        self.history.record(&self.range_selectors, source, now);
        let present = self.present(rules, source, now);
        let unread = self.unread(rules, source, now);
        let visibility = Visibility::of(source, now, up, self.polled, started, rules.settings.max_hold, unread);
        let mut changes = self.absent(rules, &visibility, &present, after_gap);
        for (identity, (value, rule)) in present {
            let active =
                self.active.entry(identity).or_insert_with_key(|identity| ActiveAlert::new(rule, identity, now));
            (active.clearing, active.held, active.restored) = (None, false, false);
            active.value = Some(value).filter(|value| !value.is_nan());
            if active.fired.is_none() && now.since(active.since) >= rule.r#for {
                active.fired = Some(now);
            }
        }
        changes.extend(self.unsent_notifications(&rules.settings));
        changes
    }

    /// Nothing of this is to be told any more: the target is gone, or is another one.
    pub fn withdraw(&mut self) -> Vec<Change> {
        let gone = std::mem::take(&mut self.active);
        gone.into_values().filter_map(ActiveAlert::withdrawn).collect()
    }

    /// Somebody else was told meanwhile, or nobody: everything that fires is to be told again.
    pub fn resend_all(&mut self) {
        self.active.values_mut().for_each(|active| active.last_sent = None);
    }

    /// Where the clock was set back, moments from before lie ahead: what is pending would not fire until they are reached
    /// again, and an end before its start would be told as one that is still to come.
    fn set_back(&mut self, now: UnixTime) {
        let Some(back) = self.awake.max(self.evaluated).map(|before| before.since(now)).filter(|back| !back.is_zero())
        else {
            return;
        };
        let earlier = |moment: UnixTime| moment.minus(back).min(now);
        for active in self.active.values_mut() {
            active.since = earlier(active.since);
            active.clearing = active.clearing.map(earlier);
            // Told already, so it changes only where it cannot be.
            active.fired = active.fired.map(|fired| if fired > now { earlier(fired) } else { fired });
        }
        self.started = self.started.map(earlier);
        (self.awake, self.evaluated) = (self.awake.map(earlier), self.evaluated.map(earlier));
    }

    /// What the conditions give, by alert.
    fn present<'r>(
        &mut self,
        rules: &'r Rules,
        source: &dyn Source,
        now: UnixTime,
    ) -> HashMap<AlertKey, (f64, &'r Rule)> {
        let mut context = EvalContext { source, history: &self.history, now, cache: &mut self.cache };
        let mut present = HashMap::new();
        for index in &self.rule_indices {
            let rule = &rules.all[*index];
            for sample in context.samples(&rule.expr) {
                let labels = match rule.alert.labels {
                    // No sample knows it.
                    Labels::Instance => LabelSet::of([("instance", rules.settings.instance.as_str())]),
                    labels => sample.labels.grouped(Grouping::By(labels.names())),
                };
                let identity = AlertKey { name: rule.alert.name, severity: rule.alert.severity, labels };
                present.insert(identity, (sample.value, rule));
            }
        }
        present
    }

    /// Names of alerts that fire, and the pools of which a part of what they read is missing.
    fn unread(
        &mut self,
        rules: &Rules,
        source: &dyn Source,
        now: UnixTime,
    ) -> HashMap<&'static str, HashSet<LabelSet>> {
        let firing = self.active.values().filter(|active| active.fired.is_some()).map(|active| active.alert.name);
        let firing: HashSet<&'static str> = firing.filter(|name| rules.unread.contains_key(name)).collect();
        let mut context = EvalContext { source, history: &self.history, now, cache: &mut self.cache };
        let mut pools = |name| {
            let samples = context.samples(rules.unread.get(name)?);
            Some((name, samples.into_iter().map(|sample| sample.labels).collect()))
        };
        firing.into_iter().filter_map(&mut pools).collect()
    }

    /// What becomes of alerts whose condition does not hold.
    fn absent<V>(
        &mut self,
        rules: &Rules,
        visibility: &Visibility<'_>,
        present: &HashMap<AlertKey, V>,
        after_gap: bool,
    ) -> Vec<Change> {
        let rule_indices = &self.rule_indices;
        let mut changes = Vec::new();
        let mut parts = HashMap::new();
        let kept_from = clearing::kept_from(self.active.values().filter_map(|active| active.clearing));
        self.active.retain(|identity, active| {
            if present.contains_key(identity) {
                return true;
            }
            let Some(fired) = active.fired else { return false };
            let own = rule_indices.iter().map(|index| &rules.all[*index]);
            let Some(rule) = own.into_iter().find(|rule| rule.is_about(active.alert, &active.labels)) else {
                // No rule says anything about it any more, so nobody knows how it ends.
                changes.extend(active.clone().withdrawn());
                return false;
            };
            if visibility.is_blind(active, &mut parts) {
                (active.held, active.clearing, active.value) = (true, None, None);
                return true;
            }
            active.held = false;
            if after_gap && active.restored {
                changes.extend(active.clone().withdrawn());
                return false;
            }
            let clearing = *active.clearing.get_or_insert(visibility.now);
            if visibility.now.since(clearing) < rule.keep_firing_for && clearing >= kept_from {
                return true;
            }
            let mut notification = text::notification(active, fired, &rules.settings);
            notification.ends_at = Some(visibility.now);
            changes.push(Change::Notify(notification));
            false
        });
        changes
    }

    /// What fires and was not told so before, or in other words.
    fn unsent_notifications(&mut self, settings: &EvalSettings) -> Vec<Change> {
        let mut changes = Vec::new();
        for active in self.active.values_mut() {
            let Some(fired) = active.fired else { continue };
            let notification = text::notification(active, fired, settings);
            if active.last_sent.as_ref() != Some(&notification) {
                active.last_sent = Some(notification.clone());
                changes.push(Change::Notify(notification));
            }
        }
        changes
    }
}

impl ActiveAlert {
    fn new(rule: &Rule, identity: &AlertKey, now: UnixTime) -> ActiveAlert {
        ActiveAlert {
            alert: rule.alert,
            labels: identity.labels.clone(),
            since: now,
            fired: None,
            clearing: None,
            value: None,
            held: false,
            restored: false,
            last_sent: None,
        }
    }

    fn withdrawn(self) -> Option<Change> {
        self.fired?;
        Some(Change::Withdrawn(Fingerprint::of(&text::labels(&self))))
    }
}
