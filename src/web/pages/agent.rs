//! `/agents/agent?target=…&pool=…&agent=…`: all that is known of one agent.

use maud::{Markup, html};

use super::{Context, Document, alert_groups::is_shown, alerts, graphic, target::read_samples, text, words};
use crate::{
    alert::engine::{AlertBrief, LabelSet},
    snapshot::{AgentView, Snapshot, history::ClassChange},
};

/// Changes of class on the page.
const CHANGES: usize = 50;

/// Samples on the page.
const SAMPLES: usize = 200;

/// What is known of an agent.
#[derive(Debug)]
pub struct Agent<'a> {
    /// Its target.
    pub snapshot: &'a Snapshot,
    /// The agent itself; `None`: it is not there now.
    pub agent: Option<AgentView<'a>>,
    /// Its classes so far, the newest first.
    pub changes: Vec<ClassChange>,
    /// The alerts that name it, and those about its pool and target.
    pub alerts: Vec<&'a AlertBrief>,
}

impl<'a> Agent<'a> {
    /// `None`: nobody has ever heard of it.
    pub fn of(cx: &'a Context<'_>, target: &str, pool: &str, name: &str) -> Option<Agent<'a>> {
        let snapshot = cx.snapshots().iter().find(|snapshot| snapshot.target.name == target)?;
        let agent = snapshot.agents.iter().find(|agent| agent.name == name && agent.pool == pool);
        let changes = snapshot.history.changes_of(pool, name);
        if agent.is_none() && changes.is_empty() {
            return None;
        }
        let target = crate::exposition::text::cut(target).0;
        let is_about = |labels: &LabelSet| {
            let of = |label: &str, value: &str| [value, ""].contains(&labels.get(label));
            labels.get("target") == target && of("pool", pool) && of("agent", name)
        };
        let alerts = cx.alerts().iter().filter(|alert| is_about(&alert.labels) && is_shown(alert)).collect();
        Some(Agent { snapshot, agent, changes, alerts })
    }
}

/// The page; `None` where there is no such agent.
pub fn page<'a>(cx: &Context<'_>) -> Option<Document<'a>> {
    let [target, pool, name] = ["target", "pool", "agent"].map(|parameter| cx.parameter(parameter));
    let model = Agent::of(cx, target, pool, name)?;
    let body = html! {
        nav.trail aria-label="Where this is" {
            a href=(cx.link("/agents")) { "Agents" } " › " a href=(cx.target(target)) { (text::name(target)) } " › "
            a href=(cx.agents([("target", target), ("pool", pool)])) { (text::name(pool)) }
        }
        h1 { (text::name(name)) }
        (now(cx, &model))
        h2 { "Alerts" }
        @if model.alerts.is_empty() { p.muted { "None about it, its pool or its target." } }
        @else { (alerts::single_table(cx, model.alerts.iter().copied())) }
        h2 { "Classes since the daemon started" }
        (history(cx, &model))
        h2 { "What is known of it" }
        (read_samples(model.snapshot, &[("pool", pool), ("agent", name)], SAMPLES))
    };
    Some(Document { title: "Agent", place: "/agents", level: None, live: true, fixed: html! {}, body })
}

fn now(cx: &Context<'_>, model: &Agent<'_>) -> Markup {
    let snapshot = model.snapshot;
    html! {
        @match &model.agent {
            None => p.note { "It is not there now: its target does not list it any more, or its data are withdrawn." },
            Some(agent) => dl.facts {
                dt { "Health" } dd #headline { strong { (graphic::class(agent.health)) } " " (text::since(agent.since, cx.now)) br; span.muted { (words::meaning(agent.health)) } }
                dt { "Native state" } dd { (text::name(agent.state))
                    @let plain = words::state(agent.state);
                    @if !plain.eq_ignore_ascii_case(agent.state) { br; span.muted { (text::name(&plain)) } } }
                dt { "Vendor" } dd { (snapshot.target.vendor()) }
                dt { "Data" } dd { @match snapshot.status.last_success { Some(at) => { "read " (text::ago(at, cx.now)) } None => { "–" } } }
            }
        }
    }
}

fn history(cx: &Context<'_>, model: &Agent<'_>) -> Markup {
    html! {
        @if model.changes.is_empty() {
            p.muted { "It has been in one class all the time, "
                @if let Some(agent) = &model.agent { (text::since(agent.since, cx.now)) } "." }
        } @else {
            div.scroll { table {
                thead { tr { th scope="col" { "When" } th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Native state" } th scope="col" { "Lasted" } } }
                tbody { @for (index, change) in model.changes.iter().take(CHANGES).enumerate() { tr {
                    td.t { (text::exact(change.at)) }
                    td { (graphic::class(change.from)) }
                    td { (graphic::class(change.to)) }
                    td { (text::name(&change.state)) }
                    td.t { @match index.checked_sub(1) {
                        None => { (text::span(cx.now.since(change.at))) " so far" }
                        Some(next) => { (text::span(model.changes[next].at.since(change.at))) }
                    } }
                } } }
            } }
            @if model.changes.len() > CHANGES { p.muted { "and " (model.changes.len() - CHANGES) " more" } }
        }
    }
}
