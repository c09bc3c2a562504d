//! The first sentence.

use std::sync::Arc;

use super::super::{
    alert_groups::AlertGroup,
    text,
    trouble::{Level, Trouble},
};
use crate::{clock::UnixTime, snapshot::Snapshot};

/// How bad it is, in one sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Banner {
    /// How bad it is.
    pub level: Level,
    /// The sentence.
    pub sentence: String,
    /// Since when it is so.
    pub since: Option<UnixTime>,
}

impl Banner {
    /// The worst of these.
    pub fn of(snapshots: &[Arc<Snapshot>], troubles: &[Trouble], alerts: &[AlertGroup], started: UnixTime) -> Banner {
        let level = troubles.iter().map(|trouble| trouble.level).max().unwrap_or(Level::Calm);
        let waiting = snapshots.iter().filter(|snapshot| snapshot.status.up.is_none()).count();
        let firing =
            |level: Level| alerts.iter().filter(|g| g.level() == level && g.firing > 0).map(|g| g.firing).sum();
        let worst = troubles.first();
        let at_worst = troubles.iter().filter(|trouble| trouble.level == level);
        let since = at_worst.filter_map(|trouble| trouble.since).min();
        if level >= Level::Warning {
            let place = worst.map(Trouble::place).unwrap_or_default();
            let what = worst.map_or("", |trouble| trouble.what.trim_end_matches('.'));
            let count: usize = firing(level);
            let lead = match (level, count) {
                (Level::Critical, 0) => String::new(),
                (Level::Critical, n) => format!("{} firing. ", text::counted(n, "critical alert")),
                (_, 0) => "Nothing critical fires yet. ".to_owned(),
                (_, n) => format!("{} firing. ", text::counted(n, "warning")),
            };
            let others = troubles.iter().filter(|trouble| trouble.level >= Level::Warning).count().saturating_sub(1);
            let more = if others > 0 { format!(" {} more.", text::counted(others, "place")) } else { String::new() };
            return Banner { level, sentence: format!("{lead}{place}: {what}.{more}"), since };
        }
        let agents: usize = snapshots.iter().map(|snapshot| snapshot.agents.len()).sum();
        let size = format!("{}, {}", text::counted(snapshots.len(), "target"), text::counted(agents, "agent"));
        if snapshots.is_empty() {
            return Banner { level: Level::Notice, sentence: "No target is configured.".to_owned(), since: None };
        }
        if waiting > 0 {
            let sentence = format!("Starting: {} of {size} not polled yet.", text::count(waiting as u64));
            return Banner { level: Level::Notice, sentence, since: Some(started) };
        }
        let good = snapshots.iter().filter_map(|snapshot| snapshot.history.good_since()).max();
        let sentence = match level {
            Level::Notice => {
                format!("Nothing pages. {size}; {} worth a look.", text::counted(troubles.len(), "place"))
            }
            _ => format!("All is well. {size}."),
        };
        Banner { level: level.min(Level::Notice), sentence, since: good.max(Some(started)) }
    }
}

impl Trouble {
    /// Where it is, and how many agents: `builds, pool linux: 4 of 5 agents`.
    pub fn place(&self) -> String {
        let agents = match self.agents {
            (0, 0) => String::new(),
            (some, all) if some == all => format!(", {}", text::counted(all as usize, "agent")),
            (some, all) => format!(", {} of {}", text::count(some), text::counted(all as usize, "agent")),
        };
        let target = if self.target.is_empty() { "This daemon" } else { &self.target };
        match &self.pool {
            Some(pool) => format!("{target}, pool {pool}{agents}"),
            None => format!("{target}{agents}"),
        }
    }
}
