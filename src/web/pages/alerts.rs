//! `/alerts`: what fires, what is pending, and what has ended lately.

use maud::{Markup, html};

use super::{
    Context, Document,
    alert_groups::{self, AlertGroup, PENDING},
    text,
};
use crate::alert::{engine::AlertBrief, queue::Notification};

/// Alerts on the page, each of its own, where a name is asked for.
const ROWS: usize = 200;

/// Alerts that have ended, on the page.
const ENDED: usize = 30;

/// The page; `?name=`, `?target=` and `?severity=` show single alerts.
pub fn page<'a>(cx: &Context<'_>) -> Document<'a> {
    let filters = ["name", "severity", "target", "pool", "state"].map(|name| (name, cx.parameter(name)));
    let asked = filters.iter().any(|(_, value)| !value.is_empty());
    let groups = alert_groups::of(cx.alerts());
    let ended = cx.daemon.evaluator().ended();
    let body = html! {
        h1 { "Alerts" }
        (opinion(cx))
        @if asked { (singles(cx, &filters)) } @else { (table(cx, &groups)) }
        h2 { "Ended lately" }
        @if ended.is_empty() { p.muted { "None since the daemon started." } } @else { (ended_table(cx, &ended)) }
    };
    Document { title: "Alerts", place: "/alerts", level: None, live: true, fixed: html! {}, body }
}

/// Whose word this is.
fn opinion(cx: &Context<'_>) -> Markup {
    html! {
        @if cx.is_direct() {
            p.muted { "The daemon pages for these itself." }
        } @else {
            p.note { strong { "Prometheus pages here." } " This is what the daemon's own evaluation says of the same catalogue since "
                "it started; Prometheus may be a scrape ahead or behind, and knows more of the past." }
        }
    }
}

/// The alerts of the overview.
pub fn section(cx: &Context<'_>, groups: &[AlertGroup], more: usize) -> Markup {
    let all = || cx.alerts().iter().filter(|alert| alert_groups::is_shown(alert));
    let firing = all().filter(|alert| alert.fired.is_some()).count();
    let pending = all().count() - firing;
    html! {
        section aria-labelledby="alerts" {
            h2 #alerts { "Alerts" span.muted { " " (text::count(firing as u64)) " firing, " (text::count(pending as u64)) " pending"
                @if !cx.is_direct() { "; Prometheus pages, this is the daemon's own opinion" } } }
            @if groups.is_empty() { p.muted { "None that needs anybody." } } @else { (table(cx, groups)) }
            @if more > 0 { p { a href=(cx.link("/alerts")) { "and " (text::count(more as u64)) " more" } } }
        }
    }
}

/// Alerts of one name and target in a line each.
fn table(cx: &Context<'_>, groups: &[AlertGroup]) -> Markup {
    html! {
        div.scroll { table.alerts {
            thead { tr { th scope="col" { "Alert" } th scope="col" { "Where" } th scope="col" { "What it says" } th scope="col" { "Since" } } }
            tbody { @for group in groups { tr.(group.level().as_str()) {
                th scope="row" {
                    span.mark aria-hidden="true" { (group.sign()) }
                    a href=(address(cx, group)) { (group.alert().name) }
                    br; span.muted { (group.alert().severity.as_str()) ", " (group.state()) }
                }
                td {
                    @for (index, (target, pool)) in group.places.iter().take(3).enumerate() {
                        @if index > 0 { br; }
                        @if !target.is_empty() { a href=(cx.target(target)) { (text::name(target)) } }
                        @if !pool.is_empty() { span.muted { " / " (text::name(pool)) } }
                    }
                    @if group.count > 1 { br; span.muted { (text::count(group.count as u64)) " alerts"
                        @if !group.agents.is_empty() {
                            ": " @for (index, agent) in group.agents.iter().take(2).enumerate() { @if index > 0 { ", " } (text::name(agent)) }
                            @if group.count > 2 { ", …" }
                        } } }
                    @else if let Some(agent) = group.agents.first() { br; span.muted { (text::name(agent)) } }
                }
                td { (group.summary()) }
                td.t { (text::lasting(group.fired.unwrap_or(group.since), cx.now)) br;
                    span.muted { (text::clock(group.fired.unwrap_or(group.since), cx.now)) } }
            } } }
        } }
    }
}

/// Where a group leads: to its alert, or to the list of them.
fn address(cx: &Context<'_>, group: &AlertGroup) -> String {
    if group.count == 1 {
        return cx.link(&format!("/alerts/{}", group.fingerprint));
    }
    let target = group.places.first().map_or("", |(target, _)| target.as_str());
    let severity = group.alert().severity.as_str();
    cx.link(&format!(
        "/alerts{}",
        text::query([("name", group.alert().name), ("severity", severity), ("target", target)])
    ))
}

/// A group as a link of one word.
pub fn chip(cx: &Context<'_>, group: &AlertGroup) -> Markup {
    html! { a.chip.(group.level().as_str()) href=(address(cx, group)) {
        span aria-hidden="true" { (group.sign()) " " } (group.alert().name) @if group.count > 1 { " ×" (text::count(group.count as u64)) }
        span.vh { ", " (group.alert().severity.as_str()) }
        span.muted { " " (group.state()) }
    } }
}

/// Single alerts.
fn singles(cx: &Context<'_>, filters: &[(&str, &str)]) -> Markup {
    let wanted = |alert: &&AlertBrief| {
        filters.iter().all(|(name, value)| {
            value.is_empty()
                || match *name {
                    "name" => alert.alert.0.name == *value,
                    "severity" => alert.alert.0.severity.as_str() == *value,
                    "state" => *value == if alert.fired.is_some() { "firing" } else { "pending" },
                    label => alert.labels.get(label) == *value,
                }
        })
    };
    let mut found: Vec<&AlertBrief> = cx.alerts().iter().filter(wanted).collect();
    found.sort_by(|a, b| (b.fired.is_some(), a.since, &a.labels).cmp(&(a.fired.is_some(), b.since, &b.labels)));
    html! {
        p { (text::counted(found.len(), "alert")) " for "
            @for (name, value) in filters.iter().filter(|(_, value)| !value.is_empty()) { code { (name) "=" (crate::printable::printable(value)) } " " }
            "· " a href=(cx.link("/alerts")) { "all alerts" } }
        (single_table(cx, found.iter().take(ROWS).copied()))
        @if found.len() > ROWS { p.muted { "and " (text::count((found.len() - ROWS) as u64)) " more" } }
    }
}

/// A line for each of these alerts.
pub fn single_table<'b>(cx: &Context<'_>, alerts: impl Iterator<Item = &'b AlertBrief>) -> Markup {
    html! {
        div.scroll { table.alerts {
            thead { tr { th scope="col" { "Alert" } th scope="col" { "State" } th scope="col" { "About" } th scope="col" { "Since" } } }
            tbody { @for alert in alerts {
                @let level = super::trouble::Level::of_alert(alert.alert.0.severity, alert.fired.is_some());
                tr.(level.as_str()) {
                    th scope="row" { span.mark aria-hidden="true" { (if alert.fired.is_some() { level.sign() } else { PENDING }) }
                        a href=(cx.link(&format!("/alerts/{}", alert.fingerprint()))) { (alert.alert.0.name) }
                        br; span.muted { (alert.alert.0.severity.as_str()) } }
                    td { (if alert.fired.is_some() { "firing" } else { "pending" }) @if alert.held { ", held" }
                        @if alert.clearing.is_some() { ", ending" } }
                    td { @for (index, (name, value)) in alert.labels.iter().filter(|(name, _)| *name != "vendor").enumerate() {
                        @if index > 0 { ", " } span.muted { (name) " " } (text::name(value)) } }
                    td.t { (text::lasting(alert.fired.unwrap_or(alert.since), cx.now)) br; span.muted { (text::clock(alert.fired.unwrap_or(alert.since), cx.now)) } }
                }
            } }
        } }
    }
}

fn ended_table(cx: &Context<'_>, ended: &[Notification]) -> Markup {
    html! {
        div.scroll { table.alerts {
            thead { tr { th scope="col" { "Alert" } th scope="col" { "About" } th scope="col" { "Ended" } th scope="col" { "Had fired for" } } }
            tbody { @for alert in ended.iter().take(ENDED) { tr {
                th scope="row" { a href=(cx.link(&format!("/alerts/{}", alert.fingerprint()))) {
                    (alert.labels.get("alertname").map_or("", String::as_str)) } }
                td { @for (index, name) in ["target", "pool", "agent"].into_iter().filter(|name| alert.labels.contains_key(*name)).enumerate() {
                    @if index > 0 { " / " } (text::name(&alert.labels[name])) } }
                td.t { @if let Some(at) = alert.ends_at { (text::ago(at, cx.now)) } }
                td.t { @if let Some(at) = alert.ends_at { (text::span(at.since(alert.starts_at))) } }
            } } }
        } }
    }
}
