//! What is wrong, by place: a target, or a pool of one. It is made of what fires, of what the polls say, and of the agents.

mod place;

use std::collections::BTreeMap;

use super::{
    Context,
    alert_groups::{AlertGroup, is_shown},
};
use crate::{
    alert::engine::AlertBrief, clock::UnixTime, health::Health, rules::catalogue::Severity, snapshot::Snapshot,
};
use place::Place;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All is well.
    Calm,
    /// Somebody may look when there is time.
    Notice,
    /// Somebody should look.
    Warning,
    /// Somebody is woken.
    Critical,
}

impl Level {
    /// Its sign, which is read without colour.
    pub const fn sign(self) -> &'static str {
        match self {
            Level::Calm => "✓",
            Level::Notice => "•",
            Level::Warning => "▲",
            Level::Critical => "✕",
        }
    }

    /// Its class in the style.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Calm => "calm",
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }

    /// The icon of the page.
    pub const fn icon(self) -> &'static str {
        match self {
            Level::Calm => "calm.svg",
            Level::Notice => "notice.svg",
            Level::Warning => "warning.svg",
            Level::Critical => "critical.svg",
        }
    }

    /// That of an alert: what is not sure yet counts one less.
    pub fn of_alert(severity: Severity, fires: bool) -> Level {
        match (severity, fires) {
            (Severity::Critical, true) => Level::Critical,
            (Severity::Critical, false) | (Severity::Warning, true) => Level::Warning,
            (Severity::Warning, false) | (Severity::Info, true) => Level::Notice,
            (Severity::Info, false) | (Severity::None, _) => Level::Calm,
        }
    }
}

/// Something that is wrong at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// How bad it is.
    pub level: Level,
    /// The target; empty where it is about none.
    pub target: String,
    /// Its pool, where it is about one.
    pub pool: Option<String>,
    /// Pools that are concerned, where it is about the whole target: the first few, and how many there are.
    pub pools: (Vec<String>, usize),
    /// What is wrong, in a few words.
    pub what: String,
    /// What it means, or what to do.
    pub detail: String,
    /// Agents that are concerned, and of how many.
    pub agents: (u64, u64),
    /// The class that most of them are in.
    pub class: Option<Health>,
    /// Since when.
    pub since: Option<UnixTime>,
    /// The alerts about it, the worst first.
    pub alerts: Vec<AlertGroup>,
}

/// Everything that is wrong, the worst first.
pub fn of(snapshots: &[std::sync::Arc<Snapshot>], alerts: &[AlertBrief]) -> Vec<Trouble> {
    let mut places: BTreeMap<(&str, Option<&str>), Place<'_>> = BTreeMap::new();
    for snapshot in snapshots {
        let name = crate::exposition::text::cut(&snapshot.target.name).0;
        if let Some(place) = Place::of_target(snapshot) {
            places.insert((name, None), place);
        }
        for place in Place::of_pools(snapshot) {
            places.insert((name, place.pool()), place);
        }
    }
    let by_name: BTreeMap<&str, &Snapshot> =
        snapshots.iter().map(|snapshot| (crate::exposition::text::cut(&snapshot.target.name).0, &**snapshot)).collect();
    for alert in alerts.iter().filter(|alert| is_shown(alert)) {
        let (target, pool) = (alert.labels.get("target"), alert.labels.get("pool"));
        let pool = (!pool.is_empty()).then_some(pool);
        let snapshot = by_name.get(target).copied();
        places.entry((target, pool)).or_insert_with(|| Place::quiet(snapshot, pool)).add(alert);
    }
    let mut all: Vec<Trouble> = places.into_iter().map(|((target, pool), place)| place.trouble(target, pool)).collect();
    all.retain(|trouble| trouble.level > Level::Calm);
    let key = |trouble: &Trouble| {
        let fires = trouble.alerts.iter().any(|group| group.firing > 0);
        (trouble.level, fires, trouble.pool.is_none() && trouble.class.is_none(), trouble.agents.0)
    };
    all.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| (&a.target, &a.pool).cmp(&(&b.target, &b.pool))));
    all
}

/// How bad it is altogether.
pub fn level(cx: &Context<'_>) -> Level {
    let alerts = cx.alerts().iter().filter(|alert| is_shown(alert));
    let alerts = alerts.map(|alert| Level::of_alert(alert.alert.0.severity, alert.fired.is_some()));
    let targets = cx.snapshots().iter().filter_map(|snapshot| Place::of_target(snapshot)).map(|place| place.level());
    alerts.chain(targets).max().unwrap_or(Level::Calm)
}

#[cfg(test)]
mod tests;
