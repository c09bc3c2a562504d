//! `/`: how bad it is, in one sentence; what is wrong and since when, worst first; alerts; targets.

mod banner;
mod view;

use std::sync::Arc;

use super::{
    Context, Document,
    alert_groups::{self, AlertGroup},
    trouble::{self, Level, Trouble},
};
use crate::{
    clock::UnixTime,
    failure::Reason,
    snapshot::{Snapshot, history::PollRecord},
};
use banner::Banner;

/// Lines of trouble, and of alerts, on the page; more are counted.
const TROUBLES: usize = 12;
const ALERTS: usize = 12;

/// Targets on a page.
const TARGETS: usize = 25;

/// What the overview tells.
#[derive(Debug)]
pub struct Overview {
    /// How bad it is.
    pub banner: Banner,
    /// What is wrong, the worst first.
    pub troubles: Vec<Trouble>,
    /// How many more there are.
    pub more_troubles: usize,
    /// Alerts, the worst first.
    pub alerts: Vec<AlertGroup>,
    /// How many more there are.
    pub more_alerts: usize,
    /// Targets of this page.
    pub targets: Vec<TargetLine>,
    /// Which page of how many.
    pub page: (usize, usize),
    /// All agents by class.
    pub agents: [u32; 6],
}

/// A target in one line.
#[derive(Debug, Clone)]
pub struct TargetLine {
    /// Its name.
    pub name: String,
    /// What it is.
    pub vendor: &'static str,
    /// How it is.
    pub level: Level,
    /// How its polls went, in a word.
    pub state: &'static str,
    /// Why it is not well, for people; empty where it is.
    pub why: &'static str,
    /// What to do then.
    pub remedy: &'static str,
    /// When data last came; `None`: never.
    pub data_from: Option<UnixTime>,
    /// Whether they are withdrawn.
    pub stale: bool,
    /// Agents by class; `None`: not known.
    pub agents: Option<[u32; 6]>,
    /// Its last polls.
    pub polls: Vec<PollRecord>,
}

impl TargetLine {
    /// That of a target.
    pub fn of(snapshot: &Snapshot) -> TargetLine {
        let status = &snapshot.status;
        let reason = status.failure.as_ref().map(|failure| failure.reason);
        let (level, state) = match (status.up, status.partial) {
            _ if status.missed > 0 => (Level::Critical, "not polled"),
            (None, _) => (Level::Calm, "not polled yet"),
            (Some(false), _) if status.held => (Level::Critical, "held"),
            (Some(false), _) if status.stale => (Level::Critical, "down"),
            (Some(false), _) => (Level::Warning, "failing"),
            (Some(true), true) => (Level::Notice, "partial"),
            (Some(true), false) => (Level::Calm, "up"),
        };
        let mut agents = [0; 6];
        for pool in &snapshot.pools {
            agents.iter_mut().zip(pool.agents).for_each(|(sum, n)| *sum += n);
        }
        TargetLine {
            name: snapshot.target.name.clone(),
            vendor: snapshot.target.vendor(),
            level,
            state,
            why: reason.map_or("", Reason::why),
            remedy: reason.map_or("", Reason::remedy),
            data_from: status.last_success,
            stale: status.stale && status.last_success.is_some(),
            agents: (!status.stale).then_some(agents),
            polls: snapshot.history.polls(),
        }
    }
}

impl Overview {
    /// The overview at this moment. `page` of the targets, from 1.
    pub fn of(
        snapshots: &[Arc<Snapshot>],
        alerts: &[crate::alert::engine::AlertBrief],
        started: UnixTime,
        page: usize,
    ) -> Overview {
        let mut troubles = trouble::of(snapshots, alerts);
        let mut groups = alert_groups::of(alerts);
        let banner = Banner::of(snapshots, &troubles, &groups, started);
        let more_troubles = troubles.len().saturating_sub(TROUBLES);
        let all_groups = groups.len();
        troubles.truncate(TROUBLES);
        // What only may become a note is for the page of alerts.
        groups.retain(|group| group.level() > Level::Calm);
        groups.truncate(ALERTS);
        let more_alerts = all_groups - groups.len();
        // The worst of thousands must not be on the last page; those that are well keep the order of the configuration.
        let mut order: Vec<&Arc<Snapshot>> = snapshots.iter().collect();
        let level =
            |snapshot: &Snapshot| match (snapshot.status.missed > 0, snapshot.status.up, snapshot.status.partial) {
                (true, ..) | (_, Some(false), _) => 0,
                (_, Some(true), true) => 1,
                (_, None, _) => 2,
                _ => 3,
            };
        order.sort_by_key(|snapshot| level(snapshot));
        let pages = order.len().div_ceil(TARGETS).max(1);
        let page = page.clamp(1, pages);
        let targets = order.iter().skip((page - 1) * TARGETS).take(TARGETS).map(|snapshot| TargetLine::of(snapshot));
        let mut agents = [0; 6];
        for pool in snapshots.iter().flat_map(|snapshot| &snapshot.pools) {
            agents.iter_mut().zip(pool.agents).for_each(|(sum, n): (&mut u32, u32)| *sum = sum.saturating_add(n));
        }
        Overview {
            banner,
            troubles,
            more_troubles,
            alerts: groups,
            more_alerts,
            targets: targets.collect(),
            page: (page, pages),
            agents,
        }
    }
}

/// The page.
pub fn page<'a>(cx: &Context<'_>) -> Document<'a> {
    let page = cx.parameter("page").parse().unwrap_or(1);
    let model = Overview::of(cx.snapshots(), cx.alerts(), cx.daemon.started(), page);
    let body = view::body(cx, &model);
    Document { title: "Overview", place: "/", level: Some(model.banner.level), live: true, fixed: maud::html! {}, body }
}

#[cfg(test)]
mod tests;
