//! `/targets/<name>`: how a target is, how it was, and what its last poll asked and was told.

mod last_poll;

use maud::{Markup, html};

use super::{Context, Document, alert_groups::is_shown, alerts, graphic, text};
use crate::{
    alert::engine::{AlertBrief, LabelSet, Source},
    catalogue,
    failure::Reason,
    health::Health,
    snapshot::{Snapshot, history::PollEnd},
};

/// Pools on the page, the worst first.
const POOLS: usize = 100;

/// The page; `None` where no target is called so.
pub fn page<'a>(cx: &Context<'_>, rest: &str) -> Option<Document<'a>> {
    let name = match rest {
        "" => cx.parameter("name").to_owned(),
        rest => decoded(rest),
    };
    let snapshot = cx.snapshots().iter().find(|snapshot| snapshot.target.name == name)?;
    let shown = crate::exposition::text::cut(&name).0;
    let is_about = |alert: &&AlertBrief| alert.labels.get("target") == shown;
    let about: Vec<_> = cx.alerts().iter().filter(is_about).filter(|alert| is_shown(alert)).collect();
    let body = html! {
        nav.trail aria-label="Where this is" { a href=(cx.link("/")) { "Overview" } " › " (snapshot.target.vendor()) }
        h1 { (text::name(&name)) }
        @if cx.parameter("released") == "1" { p.note role="status" { "Released: the next poll logs on once." } }
        (state(cx, snapshot))
        @if snapshot.status.held || snapshot.status.next_logon.is_some() { (hold(cx, snapshot)) }
        h2 { "Pools" }
        (pools(cx, snapshot))
        h2 { "Alerts" }
        @if about.is_empty() { p.muted { "None." } } @else { (alerts::single_table(cx, about.iter().copied().take(50))) }
        h2 { "Polls" }
        (polls(snapshot))
        (last_poll::section(snapshot))
        h2 { "Agents that changed last" }
        (changes(cx, snapshot))
    };
    Some(Document { title: "Target", place: "/", level: None, live: true, fixed: html! {}, body })
}

/// A part of a path as it was before it was escaped.
pub fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = |bytes: &[u8]| u8::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok();
        match (first, more) {
            (b'%', [a, b, after @ ..]) if let Some(byte) = hex(&[*a, *b]) => {
                bytes.push(byte);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn state(cx: &Context<'_>, snapshot: &Snapshot) -> Markup {
    let (status, target) = (&snapshot.status, &snapshot.target);
    let line = super::overview::TargetLine::of(snapshot);
    html! {
        section.banner.(line.level.as_str()) aria-label="How it is" {
            span.mark aria-hidden="true" { (line.level.sign()) }
            p #headline {
                strong { (line.state) }
                @match (snapshot.history.bad_since(), snapshot.history.good_since()) {
                    (Some(at), _) | (None, Some(at)) => { " " (text::since(at, cx.now)) }
                    (None, None) => {}
                }
                @if let Some(failure) = &status.failure {
                    br; (failure.reason.why()) " " (failure.reason.remedy())
                    br; code { (failure.reason()) ": " (failure.message) }
                }
            }
        }
        dl.facts {
            dt { "Address" } dd { (crate::printable::printable(target.url.as_str())) }
            dt { "Data" } dd {
                @match status.last_success {
                    None => { "never read" }
                    Some(at) => { "read " (text::ago(at, cx.now)) @if status.stale { ", too old: withdrawn" } }
                }
            }
            dt { "Next poll" } dd { @match status.next_poll { Some(at) => { (text::ago(at, cx.now)) } None => { "–" } }
                span.muted { ", every " (text::span(target.interval)) ", at most " (text::span(target.timeout)) ", stale after " (text::span(target.stale_after)) } }
            dt { "Last poll" } dd { @match status.last_poll { Some(at) => { (text::ago(at, cx.now)) ", took " (text::short(status.duration)) } None => { "–" } } }
            dt { "Agents" } dd { @if status.stale { "–" } @else { a href=(cx.agents([("target", &*target.name)])) { (text::count(snapshot.agents.len() as u64)) } } }
            dt { "Series" } dd { (text::count(snapshot.series as u64)) }
            @for (credential, at) in &status.credential_expiry { dt { (credential) } dd { "ends " (text::ago(*at, cx.now)) } }
            @for (host, at) in &status.requests.certificates { dt { "Certificate" } dd { (text::name(host)) " ends " (text::ago(*at, cx.now)) } }
            @for (name, value) in &target.labels { dt { (text::name(name)) } dd { (text::name(value)) } }
        }
    }
}

fn hold(cx: &Context<'_>, snapshot: &Snapshot) -> Markup {
    let name = &snapshot.target.name;
    html! {
        h2 #hold { "Log-ons wait" }
        p { (Reason::Held.why()) " " (Reason::Held.remedy()) }
        @if let Some(next) = snapshot.status.next_logon {
            p { "By itself Rollcall tries again " strong { (text::ago(next, cx.now)) } ", at " (text::exact(next)) "." }
        }
        @if cx.options.enable_lifecycle {
            form method="post" action=(cx.link(&format!("/-/release?target={}", text::segment(name)))) {
                button type="submit" { "Release: log on once now" }
                " " span.muted { "only after the account was unlocked or the secret was changed" }
            }
        } @else {
            p.muted { "With --web.enable-lifecycle a button here, or POST to /-/release, lets it log on at once." }
        }
    }
}

fn pools(cx: &Context<'_>, snapshot: &Snapshot) -> Markup {
    let mut pools: Vec<_> = snapshot.pools.iter().collect();
    let bad = |pool: &crate::snapshot::PoolView| {
        let n = |health: Health| pool.agents[health as usize];
        (n(Health::Failed), n(Health::Unknown), n(Health::Degraded))
    };
    pools.sort_by_key(|pool| std::cmp::Reverse(bad(pool)));
    let link = |pool: &str, health: Health| {
        cx.agents([("target", &*snapshot.target.name), ("pool", pool), ("health", health.as_str())])
    };
    html! {
        @if pools.is_empty() { p.muted { "None are known now." } } @else {
            div.scroll { table {
                thead { tr { th scope="col" { "Pool" } th scope="col" { "Agents" } th scope="col" { "Expected" } th scope="col" { "Read" } } }
                tbody { @for pool in pools.iter().take(POOLS) { tr {
                    th scope="row" { a href=(cx.agents([("target", &*snapshot.target.name), ("pool", &*pool.name)])) { (text::name(&pool.name)) }
                        @if pool.on_demand { br; span.muted { "on demand" } } }
                    td { (graphic::bar(&pool.agents, |health| link(&pool.name, health))) }
                    td { @match pool.min_serving { Some(least) => { "at least " (text::count(least)) } None => { "–" } } }
                    td.t { (text::ago(pool.last_success, cx.now)) }
                } } }
            } }
            @if pools.len() > POOLS { p.muted { "and " (text::count((pools.len() - POOLS) as u64)) " more, which are no worse" } }
        }
    }
}

fn polls(snapshot: &Snapshot) -> Markup {
    let (polls, failures) = (snapshot.history.polls(), snapshot.history.failures());
    html! {
        p { (graphic::polls(&polls)) " " (text::count(snapshot.status.polls)) " since the start"
            @if snapshot.status.skipped > 0 { ", " (text::count(snapshot.status.skipped)) " left out because the one before took too long" } }
        @if failures.is_empty() { p.muted { "None has failed since the daemon started." } } @else {
            div.scroll { table {
                thead { tr { th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Polls" } th scope="col" { "Why" } } }
                tbody { @for run in &failures { tr {
                    td.t { (text::exact(run.first)) }
                    td.t { (text::exact(run.last)) }
                    td.n { (text::count(run.count)) (if run.end == PollEnd::Partial { " partial" } else { " failed" }) }
                    td { (run.reason.as_str()) ": " (run.reason.why()) br; code { (run.message) } }
                } } }
            } }
        }
    }
}

fn changes(cx: &Context<'_>, snapshot: &Snapshot) -> Markup {
    let changes = snapshot.history.latest_changes(20);
    html! {
        @if changes.is_empty() { p.muted { "None since the daemon started." } } @else {
            div.scroll { table {
                thead { tr { th scope="col" { "When" } th scope="col" { "Agent" } th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Native state" } } }
                tbody { @for change in &changes { tr {
                    td.t { (text::ago(change.at, cx.now)) }
                    th scope="row" { a href=(cx.agent(&snapshot.target.name, &change.pool, &change.agent)) { (text::name(&change.agent)) }
                        br; span.muted { (text::name(&change.pool)) } }
                    td { (graphic::class(change.from)) } td { (graphic::class(change.to)) }
                    td { (text::name(&change.state)) }
                } } }
            } }
        }
    }
}

/// The samples of a target whose labels have these values, as a table.
pub fn read_samples(snapshot: &Snapshot, wanted: &[(&'static str, &str)], most: usize) -> Markup {
    type Row = (&'static str, Vec<(String, String)>, f64);
    let wanted = LabelSet::of(wanted.iter().copied());
    let mut rows: Vec<Row> = Vec::new();
    for family in catalogue::all().filter(|family| family.all_labels().any(|label| label == "agent")) {
        if family.kind == catalogue::Kind::Histogram {
            continue;
        }
        snapshot.visit(family, &mut |labels, value| {
            let of = |name: &str| labels.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| *value);
            let is_zero_class = value == 0.0 && !of("health").is_empty();
            if rows.len() < most && !is_zero_class && wanted.iter().all(|(name, value)| of(name) == value) {
                let base = ["vendor", "target", "pool", "agent"];
                let own = labels.iter().filter(|(name, _)| !base.contains(name));
                let own = own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
                rows.push((family.name, own, value));
            }
        });
    }
    let help = |name: &str| catalogue::all().find(|family| family.name == name).map_or("", |family| family.help);
    html! {
        div.scroll { table {
            thead { tr { th scope="col" { "Metric" } th scope="col" { "Labels" } th scope="col" { "Value" } } }
            tbody { @for (name, labels, value) in &rows { tr {
                th scope="row" title=(help(name)) { code { (name) } }
                td { @for (index, (name, value)) in labels.iter().enumerate() { @if index > 0 { ", " } span.muted { (name) "=" } (text::name(value)) } }
                td.n { (number(name, *value)) }
            } } }
        } }
    }
}

/// A value, and a moment as one.
fn number(name: &str, value: f64) -> Markup {
    html! {
        @if name.ends_with("_timestamp_seconds") && value > 0.0 { (text::exact(crate::clock::UnixTime((value * 1000.0) as i64))) }
        @else { (value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_from_an_address() {
        for name in ["builds", "a b/c%", "Büro", "\u{202e}", "100%", "%zz", ""] {
            assert_eq!(decoded(&text::segment(name)), name);
        }
        assert_eq!(decoded("a%"), "a%");
    }
}
