//! `/alerts/<fingerprint>`: one alert, for whoever it woke.

use std::sync::Arc;

use maud::{Markup, html};

use super::{Context, Document, markdown, runbooks, text, trouble::Level};
use crate::{
    alert::{
        engine::{AlertDetail, ReadSample, samples},
        queue::{Fingerprint, Labels, Notification},
    },
    rules::{promql, runbook},
    snapshot::Snapshot,
};

/// Samples on the page.
const SAMPLES: usize = 50;

/// The page; `None` where nobody has heard of the alert since the start.
pub fn page<'a>(cx: &Context<'_>, rest: &str) -> Option<Document<'a>> {
    let fingerprint = Fingerprint(u64::from_str_radix(rest, 16).ok().filter(|_| rest.len() == 16)?);
    let body = match cx.daemon.evaluator().detail(fingerprint) {
        Some(detail) => active(cx, &detail),
        None => ended(cx, cx.daemon.evaluator().ended().iter().find(|alert| alert.fingerprint() == fingerprint)?),
    };
    Some(Document { title: "Alert", place: "/alerts", level: None, live: true, fixed: html! {}, body })
}

fn trail(cx: &Context<'_>, labels: &Labels) -> Markup {
    let of = |name: &str| labels.get(name).map_or("", String::as_str);
    let (target, pool, agent) = (of("target"), of("pool"), of("agent"));
    html! {
        nav.trail aria-label="Where this is" {
            a href=(cx.link("/alerts")) { "Alerts" }
            @if !target.is_empty() { " › " a href=(cx.target(target)) { (text::name(target)) } }
            @if !pool.is_empty() { " › " a href=(cx.agents([("target", target), ("pool", pool)])) { (text::name(pool)) } }
            @if !agent.is_empty() { " › " a href=(cx.agent(target, pool, agent)) { (text::name(agent)) } }
        }
    }
}

fn active(cx: &Context<'_>, detail: &AlertDetail) -> Markup {
    let view = &detail.view;
    let level = Level::of_alert(view.severity, view.fired.is_some());
    let target = detail.labels.get("target");
    let snapshot =
        cx.snapshots().iter().find(|snapshot| crate::exposition::text::cut(&snapshot.target.name).0 == target);
    let of = |name: &str| view.annotations.get(name).map_or("", String::as_str);
    let (pool, dashboard) = (detail.labels.get("pool"), of("dashboard_url"));
    html! {
        (trail(cx, &view.labels))
        h1 { (view.name) }
        section.banner.(level.as_str()) aria-label="State" {
            span.mark aria-hidden="true" { (level.sign()) }
            p #headline {
                strong { (view.severity.as_str()) ", " (if view.fired.is_some() { "firing" } else { "pending" }) }
                " " (text::since(view.fired.unwrap_or(view.since), cx.now))
                br; (crate::printable::printable(of("description")))
                @if view.held { br; strong { "Held: " } "its target cannot be read, so nobody knows whether it has ended." }
                @if let Some(at) = view.clearing { br; "Its condition has not held " (text::since(at, cx.now)) "; it ends unless it comes back." }
            }
        }
        @if !cx.is_direct() { p.note { strong { "Prometheus pages here." } " This is the daemon's own evaluation of the same rule." } }
        p.actions {
            @if !pool.is_empty() { a.button href=(cx.agents([("target", target), ("pool", pool)])) { "Agents of the pool" } }
            @else if !target.is_empty() { a.button href=(cx.agents([("target", target)])) { "Agents of the target" } }
            @if !target.is_empty() { a.button href=(cx.target(target)) { "Target" } }
            a.button href="#runbook" { "Runbook" }
            @if dashboard.starts_with("http") { a.button href=(dashboard) rel="noreferrer" { "Dashboard" } }
        }
        h2 { "Condition" }
        p { (of("summary")) }
        @if let Some(rule) = &detail.rule {
            dl.facts {
                dt { "Holds since" } dd { (text::since(view.since, cx.now)) }
                dt { "Fires after" } dd { (text::span(rule.r#for)) @if view.fired.is_none() {
                    ", in " (text::span((view.since.plus(rule.r#for)).since(cx.now))) } }
                dt { "Goes on for" } dd { (text::span(rule.keep_firing_for)) " after its condition has ended" }
                @if let Some(threshold) = rule.threshold { dt { "Threshold" } dd { (threshold) } }
                dt { "Value" } dd { @match view.value { Some(value) => { (value) } None => { "not known" } } }
            }
            details #promql { summary { "As PromQL" } pre tabindex="0" { code { (promql::print(&rule.expr, "job=\"rollcall\"")) } } }
            (evidence(snapshot, &samples_of(snapshot, detail)))
        }
        h2 { "Labels" }
        (pairs(&view.labels))
        (runbook_section(cx, view.name, &view.labels))
    }
}

fn samples_of(snapshot: Option<&Arc<Snapshot>>, detail: &AlertDetail) -> Vec<ReadSample> {
    let (Some(snapshot), Some(rule)) = (snapshot, &detail.rule) else { return Vec::new() };
    samples(&rule.expr, &**snapshot, &detail.labels, SAMPLES)
}

fn evidence(snapshot: Option<&Arc<Snapshot>>, samples: &[ReadSample]) -> Markup {
    html! {
        h3 { "Samples that it looks at" }
        @if samples.is_empty() {
            p.muted { @if snapshot.is_some_and(|snapshot| snapshot.status.stale) { "None now: the data of its target are withdrawn." } @else { "None now." } }
        } @else {
            div.scroll { table.samples {
                thead { tr { th scope="col" { "Series" } th scope="col" { "Value" } } }
                tbody { @for sample in samples { tr { th scope="row" { code { (crate::printable::printable(&sample.series)) } } td.n { (sample.value) } } } }
            } }
        }
    }
}

fn pairs(pairs: &Labels) -> Markup {
    html! { dl.facts { @for (name, value) in pairs { dt { (name) } dd { (text::name(value)) } } } }
}

/// The runbook, without its title, and with the names of this alert in its commands.
fn runbook_section(cx: &Context<'_>, name: &str, labels: &Labels) -> Markup {
    html! {
        h2 #runbook { "Runbook" }
        @match runbook::of(name) {
            Some(text) => {
                @let text = named(text.split_once('\n').map_or(text, |(_, rest)| rest), labels);
                div.prose { (markdown::render(&text, 1, &|link| runbooks::address(cx, link))) }
            },
            None => p.muted { "None is shipped." },
        }
    }
}

/// The text with the names of the alert in place of TARGET, POOL and AGENT. They are to be pasted into a shell, so a name that
/// could do anything there stays out.
fn named(text: &str, labels: &Labels) -> String {
    let is_plain = |value: &&String| {
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte))
    };
    let names = [("TARGET", "target"), ("POOL", "pool"), ("AGENT", "agent")];
    let known = names.into_iter().filter_map(|(place, label)| Some((place, labels.get(label).filter(is_plain)?)));
    known.fold(text.to_owned(), |text, (place, value)| text.replace(place, value))
}

fn ended(cx: &Context<'_>, alert: &Notification) -> Markup {
    let name = alert.labels.get("alertname").map_or("", String::as_str);
    html! {
        (trail(cx, &alert.labels))
        h1 { (name) }
        section.banner.calm aria-label="State" {
            span.mark aria-hidden="true" { "✓" }
            p #headline {
                strong { "Ended" }
                @if let Some(at) = alert.ends_at { " " (text::ago(at, cx.now)) ", after " (text::span(at.since(alert.starts_at))) }
                br; (crate::printable::printable(alert.annotations.get("description").map_or("", String::as_str)))
            }
        }
        h2 { "Labels" }
        (pairs(&alert.labels))
        (runbook_section(cx, name, &alert.labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_runbook_have_the_names_of_the_alert_unless_these_could_do_harm() {
        let labels = |pool: &str| {
            Labels::from([("target", "builds"), ("pool", pool)].map(|(n, v)| (n.to_owned(), v.to_owned())))
        };
        let text = "curl -d target=TARGET --data-urlencode 'pool=POOL' # AGENT";
        assert_eq!(
            named(text, &labels("RDSHost@1")),
            "curl -d target=builds --data-urlencode 'pool=RDSHost@1' # AGENT"
        );
        assert_eq!(named(text, &labels("'; rm x #")), "curl -d target=builds --data-urlencode 'pool=POOL' # AGENT");
    }
}
