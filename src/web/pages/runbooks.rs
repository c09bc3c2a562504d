//! `/runbooks/` and `/runbooks/<Alert>`: the shipped runbooks as pages.

use maud::html;

use super::{Context, Document, markdown, text};
use crate::rules::{
    catalogue::{self, Severity},
    runbook,
};

/// All runbooks, by the group of their alerts.
pub fn list<'a>(cx: &Context<'_>) -> Document<'a> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for alert in catalogue::all() {
        match groups.last_mut() {
            Some((group, names)) if *group == alert.group => {
                if names.last() != Some(&alert.name) {
                    names.push(alert.name);
                }
            }
            _ => groups.push((alert.group, vec![alert.name])),
        }
    }
    let firing =
        |name: &str| cx.alerts().iter().filter(|alert| alert.alert.0.name == name && alert.fired.is_some()).count();
    let severities =
        |name: &str| catalogue::named(name).map(|alert| alert.severity.as_str()).collect::<Vec<_>>().join(", ");
    let summary = |name: &str| catalogue::named(name).next().map_or("", |alert| alert.summary);
    let body = html! {
        h1 { "Runbooks" }
        p.muted { "What each alert means, how to find the cause, and what helps. They are part of the program and need no network." }
        @for (group, names) in &groups {
            h2 { (group) }
            div.scroll { table {
                thead { tr { th scope="col" { "Alert" } th scope="col" { "Says" } th scope="col" { "Severity" } th scope="col" { "Now" } } }
                tbody { @for name in names { tr {
                    th scope="row" { @if runbook::of(name).is_some() { a href=(cx.link(&format!("/runbooks/{name}"))) { (name) } } @else { (name) } }
                    td { (summary(name)) }
                    td { (severities(name)) }
                    td { @match firing(name) { 0 => { span.muted { "–" } } n => { a href=(cx.link(&format!("/alerts?name={name}"))) { (text::count(n as u64)) " firing" } } } }
                } } }
            } }
        }
    };
    Document { title: "Runbooks", place: "/runbooks/", level: None, live: false, fixed: html! {}, body }
}

/// One runbook; `None` where there is none of this name, with or without the ending of its file.
pub fn page<'a>(cx: &Context<'_>, rest: &str) -> Option<Document<'a>> {
    let name = rest.strip_suffix(".md").unwrap_or(rest);
    let runbook = runbook::of(name)?;
    let severity = catalogue::named(name).map(|alert| alert.severity).max().unwrap_or(Severity::None);
    let body = html! {
        nav.trail aria-label="Where this is" { a href=(cx.link("/runbooks/")) { "Runbooks" } }
        div.prose { (markdown::render(runbook, 0, &|link| address(cx, link))) }
        p.muted { "Severity: " (severity.as_str()) ". " a href=(cx.link(&format!("/alerts?name={}", text::segment(name)))) { "What of it is pending or fires" } }
    };
    Some(Document { title: "Runbook", place: "/runbooks/", level: None, live: false, fixed: html! {}, body })
}

/// Where a link of a runbook leads: to another runbook, or out; `None`: to a file that is not here.
pub fn address(cx: &Context<'_>, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") || link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (file, part) = link.split_once('#').map_or((link, String::new()), |(file, part)| (file, format!("#{part}")));
    let name = file.strip_suffix(".md").filter(|name| runbook::of(name).is_some())?;
    Some(cx.link(&format!("/runbooks/{name}{part}")))
}
