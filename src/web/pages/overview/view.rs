//! The overview as HTML.

use maud::{Markup, html};

use super::{
    super::{
        Context, alerts, graphic, text,
        trouble::{Level, Trouble},
    },
    Overview, TargetLine,
};

/// What the script renews.
pub fn body(cx: &Context<'_>, model: &Overview) -> Markup {
    let banner = &model.banner;
    html! {
        h1.vh { "Overview" }
        section.banner.(banner.level.as_str()) aria-label="How bad it is" {
            span.mark aria-hidden="true" { (banner.level.sign()) }
            p #headline {
                strong {
                    @let sentence = crate::printable::printable(&banner.sentence);
                    @match model.troubles.first().and_then(|worst| agents_link(cx, worst)) {
                        Some(link) => a href=(link) { (sentence) },
                        None => { (sentence) }
                    }
                }
                @if let Some(since) = banner.since { " " span.since { (text::since(since, cx.now)) } }
            }
            (graphic::bar(&model.agents, |health| cx.agents([("health", health.as_str())])))
        }
        @if !model.troubles.is_empty() { (troubles(cx, model)) }
        (alerts::section(cx, &model.alerts, model.more_alerts))
        (targets(cx, model))
    }
}

fn troubles(cx: &Context<'_>, model: &Overview) -> Markup {
    html! {
        section aria-labelledby="wrong" {
            h2 #wrong { @if model.banner.level >= Level::Warning { "What is wrong, and where" } @else { "Worth a look" } }
            div.scroll { table.troubles {
                thead { tr {
                    th scope="col" { "Where" } th scope="col" { "Agents" } th scope="col" { "What" } th scope="col" { "Since" }
                } }
                tbody { @for trouble in &model.troubles { (line(cx, trouble)) } }
            } }
            @if model.more_troubles > 0 {
                p { a href=(cx.agents([("health", "failed")])) { "and " (text::counted(model.more_troubles, "more place")) } }
            }
        }
    }
}

/// The list of the agents that are concerned; the page of the target where they are not known.
fn agents_link(cx: &Context<'_>, trouble: &Trouble) -> Option<String> {
    let (target, pool) = (trouble.target.as_str(), trouble.pool.as_deref().unwrap_or_default());
    let health = trouble.class.map_or("", |class| class.as_str());
    match trouble.agents {
        _ if target.is_empty() => None,
        (0, 0) => Some(cx.target(target)),
        _ => Some(cx.agents([("target", target), ("pool", pool), ("health", health)])),
    }
}

fn line(cx: &Context<'_>, trouble: &Trouble) -> Markup {
    let target = trouble.target.as_str();
    html! {
        tr.(trouble.level.as_str()) {
            th scope="row" {
                span.mark aria-hidden="true" { (trouble.level.sign()) }
                span.vh { (trouble.level.as_str()) ": " }
                @if target.is_empty() { "this daemon" } @else { a href=(cx.target(target)) { (text::name(target)) } }
                @match &trouble.pool {
                    Some(pool) => { br; a.pool href=(cx.agents([("target", target), ("pool", pool)])) { (text::name(pool)) } }
                    None => @if trouble.pools.1 > 0 {
                        br; span.muted {
                            @for (index, pool) in trouble.pools.0.iter().enumerate() {
                                @if index > 0 { ", " } (text::name(pool))
                            }
                            @if trouble.pools.1 > trouble.pools.0.len() { " and " (trouble.pools.1 - trouble.pools.0.len()) " more" }
                        }
                    },
                }
            }
            td.n {
                @match (trouble.agents, agents_link(cx, trouble)) {
                    ((0, 0), _) | (_, None) => { "–" }
                    ((some, all), Some(link)) => { a href=(link) { strong { (text::count(some)) } @if some != all { " of " (text::count(all)) } } }
                }
            }
            td {
                (trouble.what)
                @if !trouble.detail.is_empty() { br; span.muted { (trouble.detail) } }
                @if !trouble.alerts.is_empty() {
                    br;
                    @for group in trouble.alerts.iter().take(3) { (alerts::chip(cx, group)) " " }
                    @if trouble.alerts.len() > 3 { span.muted { "+" (trouble.alerts.len() - 3) } }
                }
            }
            td.t { @match trouble.since {
                Some(since) => { (text::lasting(since, cx.now)) br; span.muted { (text::clock(since, cx.now)) } }
                None => { "–" }
            } }
        }
    }
}

fn targets(cx: &Context<'_>, model: &Overview) -> Markup {
    let (page, pages) = model.page;
    html! {
        section aria-labelledby="targets" {
            h2 #targets { "Targets" }
            div.scroll { table.targets {
                thead { tr {
                    th scope="col" { "Target" } th scope="col" { "State" } th scope="col" { "Data" } th scope="col" { "Agents" }
                    th.wide scope="col" { "Last polls" } th.wide scope="col" { "Took" }
                } }
                tbody { @for target in &model.targets { (target_line(cx, target)) } }
            } }
            @if pages > 1 {
                nav.pages aria-label="Pages of targets" {
                    @if page > 1 { a href=(cx.link(&format!("/?page={}#targets", page - 1))) { "← Previous" } }
                    span { "Page " (page) " of " (pages) }
                    @if page < pages { a href=(cx.link(&format!("/?page={}#targets", page + 1))) { "Next →" } }
                }
            }
        }
    }
}

fn target_line(cx: &Context<'_>, target: &TargetLine) -> Markup {
    let agents = |health: crate::health::Health| cx.agents([("target", &*target.name), ("health", health.as_str())]);
    html! {
        tr.(target.level.as_str()) {
            th scope="row" { a href=(cx.target(&target.name)) { (text::name(&target.name)) } br; span.muted { (target.vendor) } }
            td {
                span.mark aria-hidden="true" { (target.level.sign()) } (target.state)
                @if !target.why.is_empty() { br; span.muted title=(target.remedy) { (target.why) } }
            }
            td.t { @match target.data_from {
                None => { "–" }
                Some(at) => { (text::ago(at, cx.now)) @if target.stale { br; span.tag.old { "withdrawn" } } }
            } }
            td { @match &target.agents { Some(counts) => { (graphic::bar(counts, agents)) } None => { "–" } } }
            td.wide { (graphic::polls(&target.polls)) }
            td.wide.n { @match target.polls.last() { Some(poll) => { (text::short(poll.took)) } None => { "–" } } }
        }
    }
}
