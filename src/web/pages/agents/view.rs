//! The form and the table of agents as HTML.

use maud::{Markup, html};

use super::{
    super::{Context, graphic, text, words},
    find::{Found, Query, Row, Sort},
};
use crate::health::Health;

/// Search, filters and order. It stands outside of what the script renews, so that nobody's typing is lost.
pub fn form(cx: &Context<'_>, query: &Query, found: &Found<'_>) -> Markup {
    html! {
        h1 { "Agents" }
        form.filters action=(cx.link("/agents")) {
            p { label for="q" { "Name or state" } input #q type="search" name="q" value=(query.q) maxlength="200" autocomplete="off"; }
            (select("vendor", "Vendor", found.vendors.iter().copied(), &query.vendor))
            (select("target", "Target", found.targets.iter().copied(), &query.target))
            (select("pool", "Pool", found.pools.iter().copied(), &query.pool))
            p {
                label for="health" { "Health" }
                select #health name="health" {
                    option value="" { "any" }
                    @for health in graphic::WORST_FIRST {
                        option value=(health.as_str()) selected[query.health == [health]] { (graphic::sign(health)) " " (health.as_str()) }
                    }
                }
            }
            (select("state", "Native state", found.states.iter().copied(), &query.state))
            p {
                label for="sort" { "Order" }
                select #sort name="sort" {
                    @for (sort, word, title) in Sort::ALL { option value=(word) selected[query.sort == sort] { (title) } }
                }
            }
            p { button type="submit" { "Show" } @if query.is_filtered() { " " a href=(cx.link("/agents")) { "Clear" } } }
        }
    }
}

fn select<'o>(name: &str, title: &str, offered: impl Iterator<Item = &'o str>, chosen: &[String]) -> Markup {
    let offered: Vec<&str> = offered.collect();
    // What the address asks for stays asked for, although nothing is called so now.
    let foreign = chosen.iter().filter(|value| !offered.contains(&value.as_str()));
    html! {
        p {
            label for=(name) { (title) }
            select id=(name) name=(name) {
                option value="" { "any" }
                @for value in foreign { option value=(value) selected { (crate::printable::printable(value)) } }
                @for value in &offered {
                    option value=(value) selected[chosen.first().is_some_and(|one| one == value)] { (crate::printable::printable(value)) }
                }
            }
        }
    }
}

/// How many there are, and those of the page.
pub fn results(cx: &Context<'_>, query: &Query, found: &Found<'_>) -> Markup {
    let (page, pages) = found.page;
    let address = |query: &Query, page: usize| {
        let pairs = query.pairs(page);
        cx.agents(pairs.iter().map(|(name, value)| (*name, value.as_str())))
    };
    let of_class = |health: Health| address(&Query { health: vec![health], ..query.clone() }, 1);
    html! {
        p.summary #headline { strong { (text::counted(found.total, "agent")) } @if query.is_filtered() { " found" } }
        (graphic::bar(&found.classes, of_class))
        @if found.rows.is_empty() {
            p.note { "No agent is like that. " a href=(cx.link("/agents")) { "Show all." } }
        } @else {
            div.scroll { table.agents {
                thead { tr {
                    th scope="col" { "Agent" } th scope="col" { "Health" } th scope="col" { "Since" }
                    th scope="col" { "Native state" } th scope="col" { "Where" }
                } }
                tbody { @for row in &found.rows { (line(cx, row)) } }
            } }
        }
        @if pages > 1 {
            nav.pages aria-label="Pages of agents" {
                @if page > 1 { a rel="prev" href=(address(query, page - 1)) { "← Previous" } }
                span { "Page " (text::count(page as u64)) " of " (text::count(pages as u64)) }
                @if page < pages { a rel="next" href=(address(query, page + 1)) { "Next →" } }
            }
        }
    }
}

fn line(cx: &Context<'_>, (snapshot, agent): &Row<'_>) -> Markup {
    let target = &snapshot.target.name;
    let (native, plain) = (agent.state, words::state(agent.state));
    html! {
        tr {
            th scope="row" { a href=(cx.agent(target, agent.pool, agent.name)) { (text::name(agent.name)) } }
            td { (graphic::class(agent.health)) }
            td.t { (text::lasting(agent.since, cx.now)) }
            td { (text::name(native)) @if !plain.eq_ignore_ascii_case(native) { br; span.muted { (text::name(&plain)) } } }
            td { a href=(cx.agents([("target", &**target), ("pool", agent.pool)])) { (text::name(agent.pool)) }
                br; a.muted href=(cx.target(target)) { (text::name(target)) } }
        }
    }
}
