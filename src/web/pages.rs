//! The pages for people, made on the server from the newest snapshots: `/`, `/agents`, `/targets/<name>`, `/alerts`,
//! `/runbooks/`, `/catalogue`, `/config`.
//!
//! Each page is a model, which says what is to be told and is tested as data, and a view of it. They work without scripts; the
//! one script makes them live. Everything that a vendor or a configuration named is escaped by the templates, and shown by
//! [`text::name`]. Nothing is loaded from anywhere else, and the policy of every page says so.

mod agent;
mod agents;
mod alert;
mod alert_groups;
mod alerts;
mod assets;
mod catalogue;
mod config;
mod document;
mod graphic;
mod markdown;
mod overview;
mod runbooks;
#[cfg(test)]
mod stub;
mod target;
mod text;
mod trouble;
mod words;

use std::{cell::OnceCell, sync::Arc};

use hyper::{StatusCode, header::HeaderValue};
use maud::html;

use super::{
    Options,
    reply::{Reply, Request},
};
use crate::{alert::engine::AlertBrief, clock::UnixTime, daemon::Daemon, snapshot::Snapshot};
use document::Document;

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// `/`
    Overview,
    /// `/agents`
    Agents,
    /// `/agents/agent?target=…&pool=…&agent=…`
    Agent,
    /// `/targets/<name>`
    Target,
    /// `/alerts`
    Alerts,
    /// `/alerts/<fingerprint>`
    Alert,
    /// `/runbooks/`
    Runbooks,
    /// `/runbooks/<Alert>`
    Runbook,
    /// `/catalogue`
    Catalogue,
    /// `/config`
    Config,
    /// `/assets/<file>`
    Asset,
}

/// What a page is made of.
pub struct Context<'a> {
    daemon: &'a Daemon,
    options: &'a Options,
    request: &'a Request,
    prefix: String,
    now: UnixTime,
    snapshots: OnceCell<Vec<Arc<Snapshot>>>,
    alerts: OnceCell<Vec<AlertBrief>>,
}

impl<'a> Context<'a> {
    fn new(daemon: &'a Daemon, options: &'a Options, request: &'a Request) -> Context<'a> {
        let (prefix, now) = (options.link_prefix(), daemon.fleet().clock().now());
        Context { daemon, options, request, prefix, now, snapshots: OnceCell::new(), alerts: OnceCell::new() }
    }

    /// The newest snapshot of every target, in the order of the configuration.
    fn snapshots(&self) -> &[Arc<Snapshot>] {
        self.snapshots.get_or_init(|| self.daemon.fleet().store().load())
    }

    /// What is pending or fires, here or in the daemon's own opinion.
    fn alerts(&self) -> &[AlertBrief] {
        self.alerts.get_or_init(|| self.daemon.evaluator().briefs())
    }

    /// Whether the daemon itself pages; else what it says of alerts is its own opinion.
    fn is_direct(&self) -> bool {
        self.daemon.evaluator().is_direct()
    }

    /// Whether nothing here is real.
    fn simulated(&self) -> bool {
        self.options.simulated
    }

    /// The address of a page, for a link.
    fn link(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The address of the page about a target.
    fn target(&self, name: &str) -> String {
        match name {
            // Browsers take these for steps up.
            "." | ".." => self.link(&format!("/targets/{}", text::query([("name", name)]))),
            _ => self.link(&format!("/targets/{}", text::segment(name))),
        }
    }

    /// The address of the page about an agent.
    fn agent(&self, target: &str, pool: &str, agent: &str) -> String {
        let query = ["target", "pool", "agent"].into_iter().zip([target, pool, agent]);
        let query: Vec<String> = query.map(|(name, value)| format!("{name}={}", text::segment(value))).collect();
        self.link(&format!("/agents/agent?{}", query.join("&")))
    }

    /// The address of the agents that these filters let through.
    fn agents<'q>(&self, filters: impl IntoIterator<Item = (&'q str, &'q str)>) -> String {
        self.link(&format!("/agents{}", text::query(filters)))
    }

    /// The last value of a parameter; empty where there is none.
    fn parameter(&self, name: &'a str) -> &'a str {
        self.request.all(name).last().unwrap_or_default()
    }
}

/// Answers the request for a page; `rest` is what follows its path.
pub fn answer(view: View, daemon: &Daemon, options: &Options, request: &Request, rest: &str) -> Reply {
    let cx = Context::new(daemon, options, request);
    let page = match view {
        View::Overview => Some(overview::page(&cx)),
        View::Agents => Some(agents::page(&cx)),
        View::Agent => agent::page(&cx),
        View::Target => target::page(&cx, rest),
        View::Alerts => Some(alerts::page(&cx)),
        View::Alert => alert::page(&cx, rest),
        View::Runbooks => Some(runbooks::list(&cx)),
        View::Runbook => runbooks::page(&cx, rest),
        View::Catalogue => Some(catalogue::page(&cx)),
        View::Config => return config::reply(&cx),
        View::Asset => return assets::asset(rest).unwrap_or_else(|| Reply::text(StatusCode::NOT_FOUND, "not found\n")),
    };
    match page {
        Some(page) => page.reply(&cx, StatusCode::OK),
        None => missing(&cx).reply(&cx, StatusCode::NOT_FOUND),
    }
}

/// Leads back to a page after something was done there: whoever has pressed a button sees what came of it.
pub fn back(options: &Options, target: &str) -> Option<HeaderValue> {
    let target = text::segment(target);
    HeaderValue::try_from(format!("{}/targets/{target}?released=1", options.link_prefix())).ok()
}

/// A path that was right once, or never.
fn missing<'a>(cx: &Context<'_>) -> Document<'a> {
    let body = html! {
        h1 { "Not here" }
        p { "There is no such page. The agent or target may be gone, or have another name now; alerts that have "
            "fired and ended are remembered until the daemon starts again, those that never fired are not." }
        p { a href=(cx.link("/")) { "To the overview" } " · " a href=(cx.link("/agents")) { "Find an agent" } " · "
            a href=(cx.link("/alerts")) { "Alerts" } }
    };
    Document { title: "Not here", place: "", level: None, live: false, fixed: html! {}, body }
}
