//! Which name each agent is shown under: cut to length, and told apart from others of the same name.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap, HashSet},
    hash::BuildHasher,
    sync::Arc,
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::roster::Roster;
use crate::{
    api::{Agent, Part, Warning},
    exposition::text,
};

/// The names of a part's agents, where they are not simply their own, cut to length.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By row; `None`: the row is the same object as one of an earlier part and is shown there.
    other: HashMap<u32, Option<Box<str>>>,
    /// Another part has, or had, a say in a name of this one.
    pub contested: bool,
}

impl Names {
    /// The name of a row; `None`: it is not shown here.
    pub fn of<'a>(&'a self, row: usize, agent: &'a Agent) -> Option<&'a str> {
        match self.other.get(&(row as u32)) {
            None => Some(text::cut(&agent.name).0),
            Some(name) => name.as_deref(),
        }
    }
}

/// Names that parts of earlier polls show already.
#[derive(Debug, Default)]
pub(super) struct Taken<'a> {
    /// Of parts that could not be read, and go on showing what they did.
    failed: Shown<'a>,
    /// Of parts that came as they were. None of them is wanted by a row of the new parts.
    same: Vec<&'a Roster>,
    of_same: OnceCell<Shown<'a>>,
}

/// Names by pool.
type Shown<'a> = HashMap<&'a str, HashSet<&'a str, RandomState>>;

impl<'a> Taken<'a> {
    /// Those of failed parts and of parts that are the same.
    pub fn new(failed: &[&'a Roster], same: Vec<&'a Roster>) -> Taken<'a> {
        Taken { failed: shown(failed), same, of_same: OnceCell::new() }
    }

    fn by_failed(&self, pool: &str, name: &str) -> bool {
        self.failed.get(pool).is_some_and(|names| names.contains(name))
    }

    /// Asked for names that are made up only, of which there are few or none.
    fn by_any(&self, pool: &str, name: &str) -> bool {
        let same = || self.of_same.get_or_init(|| shown(&self.same));
        self.by_failed(pool, name) || same().get(pool).is_some_and(|names| names.contains(name))
    }
}

/// Rows that are no agents do not take a name: those of kept Resilio jobs are the agent of the part that came.
fn shown<'a>(rosters: &[&'a Roster]) -> Shown<'a> {
    let mut shown = Shown::default();
    for roster in rosters {
        for member in roster.members().filter(|member| member.health.is_some()) {
            shown.entry(&*roster.pools()[member.pool as usize]).or_default().insert(member.name);
        }
    }
    shown
}

/// New parts and their pools' names as they are shown.
pub(super) type Named<'a> = [(&'a Part, &'a [Arc<str>])];

/// Rows of new parts by the name that they want.
pub(super) struct Claims<'a> {
    parts: &'a Named<'a>,
    hasher: RandomState,
    /// The first row of each name: part and row.
    table: HashTable<(u32, u32)>,
    /// The others, by the first one.
    others: HashMap<(u32, u32), Vec<(u32, u32)>>,
    /// Pools that have rows.
    pools: HashSet<&'a str>,
}

impl<'a> Claims<'a> {
    /// The rows of these parts.
    pub fn new(parts: &'a Named<'a>) -> Claims<'a> {
        let total = parts.iter().map(|(part, _)| part.agents.len()).sum();
        let (hasher, table) = (RandomState::default(), HashTable::with_capacity(total));
        let mut claims = Claims { parts, hasher, table, others: HashMap::new(), pools: HashSet::new() };
        for (index, (part, pools)) in parts.iter().enumerate() {
            let mut last = None;
            for (row, agent) in part.agents.iter().enumerate() {
                let pool = &pools[agent.pool.0 as usize];
                if last.replace(agent.pool) != Some(agent.pool) {
                    claims.pools.insert(pool);
                }
                claims.add((index as u32, row as u32), pool, text::cut(&agent.name).0);
            }
        }
        claims
    }

    fn add(&mut self, claim: (u32, u32), pool: &str, name: &str) {
        let Claims { parts, hasher, table, others, .. } = self;
        let hash = hasher.hash_one((pool, name));
        match table.find(hash, |other| wish(parts, *other) == (pool, name)) {
            Some(first) => others.entry(*first).or_default().push(claim),
            None => {
                table.insert_unique(hash, claim, |claim| hasher.hash_one(wish(parts, *claim)));
            }
        }
    }

    /// Whether one of these rows has a name that is in the roster, too.
    pub fn touch(&self, roster: &Roster) -> bool {
        let shared: Vec<bool> = roster.pools().iter().map(|pool| self.pools.contains(&**pool)).collect();
        let mut members = roster.members().filter(|member| shared[member.pool as usize]);
        shared.contains(&true)
            && members.any(|member| self.contains(&roster.pools()[member.pool as usize], member.name))
    }

    /// Whether a row wants this name.
    fn contains(&self, pool: &str, name: &str) -> bool {
        let hash = self.hasher.hash_one((pool, name));
        self.table.find(hash, |other| wish(self.parts, *other) == (pool, name)).is_some()
    }

    /// Gives names to the rows. Of several objects of one name the one with the lowest id keeps it, the others get `#<id>`
    /// behind it.
    pub fn assign(self, taken: &Taken<'_>) -> Vec<Names> {
        let mut names: Vec<Names> = self.parts.iter().map(|_| Names::default()).collect();
        let lone = |claim: &(u32, u32)| {
            let (pool, name) = wish(self.parts, *claim);
            taken.failed.is_empty() || !taken.by_failed(pool, name)
        };
        // In the order of their names, so that the same rows get the same names at each poll.
        let contested = self.table.iter().filter(|first| self.others.contains_key(*first) || !lone(first));
        let contested: BTreeMap<(&str, &str), (u32, u32)> =
            contested.map(|first| (wish(self.parts, *first), *first)).collect();
        let mut used: HashSet<(&str, Box<str>)> = HashSet::new();
        for ((pool, name), first) in contested {
            let mut claims = self.others.get(&first).cloned().unwrap_or_default();
            claims.insert(0, first);
            // Stable: of the rows of one object the earlier part comes first.
            claims.sort_by(|a, b| self.agent(*a).id.cmp(&self.agent(*b).id));
            let mut shown = Box::<str>::from(name);
            let mut counted = false;
            for (index, claim) in claims.iter().enumerate() {
                let agent = self.agent(*claim);
                let another = index > 0 && self.agent(claims[index - 1]).id != agent.id;
                if another || (index == 0 && taken.by_failed(pool, name)) {
                    let part = self.parts[claim.0 as usize].0;
                    part.warnings.add(Warning::Duplicate, || format!("agent {name}, id {}", agent.id));
                    shown = format!("{name}#{}", agent.id).into();
                    while taken.by_any(pool, &shown)
                        || self.contains(pool, &shown)
                        || used.contains(&(pool, shown.clone()))
                    {
                        shown = format!("{shown}#{}", agent.id).into();
                    }
                    used.insert((pool, shown.clone()));
                    counted = false;
                }
                let names = &mut names[claim.0 as usize];
                names.contested = true;
                let twice = agent.health.is_some() && std::mem::replace(&mut counted, true);
                names.other.insert(claim.1, (!twice).then(|| shown.clone()));
            }
        }
        names
    }

    fn agent(&self, (part, row): (u32, u32)) -> &'a Agent {
        &self.parts[part as usize].0.agents[row as usize]
    }
}

/// Pool and name that a row wants.
fn wish<'a>(parts: &'a Named<'_>, (part, row): (u32, u32)) -> (&'a str, &'a str) {
    let (part, pools) = &parts[part as usize];
    let agent = &part.agents[row as usize];
    (&pools[agent.pool.0 as usize], text::cut(&agent.name).0)
}
