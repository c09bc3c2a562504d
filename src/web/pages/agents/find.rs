//! From the parameters of the address to the agents of one page.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use super::super::graphic::WORST_FIRST;
use crate::{
    health::Health,
    snapshot::{AgentView, Snapshot},
    web::reply::Request,
};

/// Agents on a page.
pub const ROWS: usize = 50;

/// Pools and states that a form offers, at most.
const OFFERED: usize = 200;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// A part of a name or of a state, in any case.
    pub q: String,
    /// Filters, each any of these; empty: all.
    pub vendor: Vec<String>,
    /// The same.
    pub target: Vec<String>,
    /// The same.
    pub pool: Vec<String>,
    /// The same.
    pub health: Vec<Health>,
    /// The native state.
    pub state: Vec<String>,
    /// What comes first.
    pub sort: Sort,
    /// Which page, from 1.
    pub page: usize,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The worst class, and in it what changed last.
    #[default]
    Worst,
    /// What changed last.
    Newest,
    /// What has been as it is for longest.
    Oldest,
    /// By name.
    Name,
}

impl Sort {
    /// All of them, and what they are called.
    pub const ALL: [(Sort, &str, &str); 4] = [
        (Sort::Worst, "worst", "worst first"),
        (Sort::Newest, "newest", "changed last"),
        (Sort::Oldest, "oldest", "unchanged for longest"),
        (Sort::Name, "name", "by name"),
    ];

    /// As in the address.
    pub fn as_str(self) -> &'static str {
        Sort::ALL.iter().find(|(sort, ..)| *sort == self).map_or("", |(_, word, _)| word)
    }
}

impl Query {
    /// What the address asks for; what nobody knows there is left out.
    pub fn of(request: &Request) -> Query {
        let all = |name: &str| -> Vec<String> {
            request.all(name).filter(|value| !value.is_empty()).map(str::to_owned).collect()
        };
        let last = |name: &str| request.all(name).last().unwrap_or_default().to_owned();
        let sort = last("sort");
        Query {
            q: last("q"),
            vendor: all("vendor"),
            target: all("target"),
            pool: all("pool"),
            health: all("health").iter().filter_map(|health| Health::parse(health)).collect(),
            state: all("state"),
            sort: Sort::ALL.into_iter().find(|(_, word, _)| *word == sort).map_or(Sort::Worst, |(sort, ..)| sort),
            page: last("page").parse().unwrap_or(1).max(1),
        }
    }

    /// The same as pairs for an address, with another page.
    pub fn pairs(&self, page: usize) -> Vec<(&str, String)> {
        let texts = [("vendor", &self.vendor), ("target", &self.target), ("pool", &self.pool), ("state", &self.state)];
        let mut pairs = vec![("q", self.q.clone())];
        pairs
            .extend(texts.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value.clone()))));
        pairs.extend(self.health.iter().map(|health| ("health", health.as_str().to_owned())));
        if self.sort != Sort::Worst {
            pairs.push(("sort", self.sort.as_str().to_owned()));
        }
        if page > 1 {
            pairs.push(("page", page.to_string()));
        }
        pairs
    }

    /// Whether anything is filtered.
    pub fn is_filtered(&self) -> bool {
        !self.q.is_empty() || self.pairs(1).len() > 1 + usize::from(self.sort != Sort::Worst)
    }
}

/// An agent and its target.
pub type Row<'a> = (&'a Snapshot, AgentView<'a>);

/// The agents of a page, and what a form can offer.
#[derive(Debug)]
pub struct Found<'a> {
    /// Agents of this page.
    pub rows: Vec<Row<'a>>,
    /// How many there are on all pages.
    pub total: usize,
    /// By class, those that all filters but the one for the class let through.
    pub classes: [u32; 6],
    /// Which page of how many.
    pub page: (usize, usize),
    /// What may be asked for.
    pub vendors: BTreeSet<&'a str>,
    /// The same.
    pub targets: BTreeSet<&'a str>,
    /// The same, of the targets that are asked for.
    pub pools: BTreeSet<&'a str>,
    /// The same, of what was found.
    pub states: BTreeSet<&'a str>,
}

impl<'a> Found<'a> {
    /// Looks through all agents.
    pub fn of(snapshots: &'a [Arc<Snapshot>], query: &Query) -> Found<'a> {
        let any = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|one| one == value);
        let q = query.q.to_lowercase();
        let (mut matching, mut classes) = (Vec::new(), [0; 6]);
        let (mut vendors, mut targets) = (BTreeSet::new(), BTreeSet::new());
        let (mut pools, mut states) = (BTreeSet::new(), BTreeSet::new());
        for snapshot in snapshots {
            let target = &snapshot.target;
            vendors.insert(target.vendor());
            targets.insert(target.name.as_str());
            if !any(&query.vendor, target.vendor()) || !any(&query.target, &target.name) {
                continue;
            }
            pools.extend(snapshot.pools.iter().map(|pool| &*pool.name).take(OFFERED.saturating_sub(pools.len())));
            let mut last_state = "";
            for agent in snapshot.agents.iter() {
                let is_named = || contains(agent.name, &q) || contains(agent.state, &q);
                if !any(&query.pool, agent.pool) || !any(&query.state, agent.state) || !q.is_empty() && !is_named() {
                    continue;
                }
                classes[agent.health as usize] += 1;
                if !query.health.is_empty() && !query.health.contains(&agent.health) {
                    continue;
                }
                if last_state != agent.state && states.len() < OFFERED {
                    states.insert(agent.state);
                    last_state = agent.state;
                }
                matching.push((&**snapshot, agent));
            }
        }
        let total = matching.len();
        let pages = total.div_ceil(ROWS).max(1);
        let page = query.page.clamp(1, pages);
        let rows = page_of(matching, query.sort, (page - 1) * ROWS);
        Found { rows, total, classes, page: (page, pages), vendors, targets, pools, states }
    }
}

/// The rows of the page that begins at `start`. Of a hundred thousand only those are put in order that are shown.
fn page_of(mut all: Vec<Row<'_>>, sort: Sort, start: usize) -> Vec<Row<'_>> {
    let order = |a: &Row<'_>, b: &Row<'_>| order(sort, a, b);
    if start > 0 && start < all.len() {
        all.select_nth_unstable_by(start, order);
    }
    let mut rest = all.split_off(start.min(all.len()));
    if rest.len() > ROWS {
        rest.select_nth_unstable_by(ROWS, order);
        rest.truncate(ROWS);
    }
    rest.sort_by(order);
    rest
}

fn order(sort: Sort, (a_of, a): &Row<'_>, (b_of, b): &Row<'_>) -> Ordering {
    let rank = |health: Health| WORST_FIRST.iter().position(|class| *class == health);
    let first = match sort {
        Sort::Worst => rank(a.health).cmp(&rank(b.health)).then(b.since.cmp(&a.since)),
        Sort::Newest => b.since.cmp(&a.since),
        Sort::Oldest => a.since.cmp(&b.since),
        Sort::Name => Ordering::Equal,
    };
    first.then_with(|| (a.name, &a_of.target.name, a.pool).cmp(&(b.name, &b_of.target.name, b.pool)))
}

/// Whether a text holds another one, which is in lower case; most are ASCII and need no copy.
fn contains(text: &str, q: &str) -> bool {
    if !text.is_ascii() || !q.is_ascii() {
        return text.to_lowercase().contains(q);
    }
    let (text, q) = (text.as_bytes(), q.as_bytes());
    q.is_empty() || text.windows(q.len()).any(|window| window.eq_ignore_ascii_case(q))
}

#[cfg(test)]
mod tests;
