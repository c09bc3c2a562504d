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
    api::{Agent, Id, Part, Warning},
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
pub(super) struct ReservedNames<'a> {
    /// Of parts that could not be read, and go on showing what they did.
    failed: NamesByPool<'a>,
    /// Of parts that came as they were. None of them is wanted by a row of the new parts.
    same: Vec<&'a Roster>,
    of_same: OnceCell<NamesByPool<'a>>,
}

/// Longer ids are shortened where they stand behind a name. Those of every vendor are shorter.
const LONGEST_ID: usize = 64;

/// Names by pool.
type NamesByPool<'a> = HashMap<&'a str, HashSet<&'a str, RandomState>>;

impl<'a> ReservedNames<'a> {
    /// Those of failed parts and of parts that are the same.
    pub fn new(failed: &[&'a Roster], same: Vec<&'a Roster>) -> ReservedNames<'a> {
        ReservedNames { failed: names_by_pool(failed), same, of_same: OnceCell::new() }
    }

    fn by_failed(&self, pool: &str, name: &str) -> bool {
        self.failed.get(pool).is_some_and(|names| names.contains(name))
    }

    /// Asked for names that are made up only, of which there are few or none.
    fn by_any(&self, pool: &str, name: &str) -> bool {
        let same = || self.of_same.get_or_init(|| names_by_pool(&self.same));
        self.by_failed(pool, name) || same().get(pool).is_some_and(|names| names.contains(name))
    }
}

/// Rows that are no agents do not take a name: those of kept Resilio jobs are the agent of the part that came.
fn names_by_pool<'a>(rosters: &[&'a Roster]) -> NamesByPool<'a> {
    let mut shown = NamesByPool::default();
    for roster in rosters {
        for member in roster.members().filter(|member| member.health.is_some()) {
            shown.entry(&*roster.pools()[member.pool as usize]).or_default().insert(member.name);
        }
    }
    shown
}

/// New parts and their pools' names as they are shown.
pub(super) type NamedParts<'a> = [(&'a Part, &'a [Arc<str>])];

/// Rows of new parts by the name that they want.
pub(super) struct RowsByName<'a> {
    parts: &'a NamedParts<'a>,
    hasher: RandomState,
    /// The first row of each name: part and row.
    table: HashTable<(u32, u32)>,
    /// The others, by the first one.
    others: HashMap<(u32, u32), Vec<(u32, u32)>>,
    /// Pools that have rows.
    pools: HashSet<&'a str>,
}

impl<'a> RowsByName<'a> {
    /// The rows of these parts.
    pub fn new(parts: &'a NamedParts<'a>) -> RowsByName<'a> {
        let total = parts.iter().map(|(part, _)| part.agents.len()).sum();
        let (hasher, table) = (RandomState::default(), HashTable::with_capacity(total));
        let mut rows = RowsByName { parts, hasher, table, others: HashMap::new(), pools: HashSet::new() };
        for (index, (part, pools)) in parts.iter().enumerate() {
            let mut last = None;
            for (row, agent) in part.agents.iter().enumerate() {
                let pool = &pools[agent.pool.0 as usize];
                if last.replace(agent.pool) != Some(agent.pool) {
                    rows.pools.insert(pool);
                }
                rows.add((index as u32, row as u32), pool, text::cut(&agent.name).0);
            }
        }
        rows
    }

    fn add(&mut self, position: (u32, u32), pool: &str, name: &str) {
        let RowsByName { parts, hasher, table, others, .. } = self;
        let hash = hasher.hash_one((pool, name));
        match table.find(hash, |other| wanted_name(parts, *other) == (pool, name)) {
            Some(first) => others.entry(*first).or_default().push(position),
            None => {
                table.insert_unique(hash, position, |position| hasher.hash_one(wanted_name(parts, *position)));
            }
        }
    }

    /// Whether one of these rows has a name that is in the roster, too.
    pub fn overlaps(&self, roster: &Roster) -> bool {
        let shared: Vec<bool> = roster.pools().iter().map(|pool| self.pools.contains(&**pool)).collect();
        let mut members = roster.members().filter(|member| shared[member.pool as usize]);
        shared.contains(&true)
            && members.any(|member| self.contains(&roster.pools()[member.pool as usize], member.name))
    }

    /// Whether a row wants this name.
    fn contains(&self, pool: &str, name: &str) -> bool {
        let hash = self.hasher.hash_one((pool, name));
        self.table.find(hash, |other| wanted_name(self.parts, *other) == (pool, name)).is_some()
    }

    /// Gives names to the rows. Of several objects of one name the one with the lowest id keeps it, the others get `#<id>`
    /// behind it.
    pub fn assign(self, reserved: &ReservedNames<'_>) -> Vec<Names> {
        let mut names: Vec<Names> = self.parts.iter().map(|_| Names::default()).collect();
        let is_unique = |position: &(u32, u32)| {
            let (pool, name) = wanted_name(self.parts, *position);
            reserved.failed.is_empty() || !reserved.by_failed(pool, name)
        };
        // In the order of their names, so that the same rows get the same names at each poll.
        let contested = self.table.iter().filter(|first| self.others.contains_key(*first) || !is_unique(first));
        let contested: BTreeMap<(&str, &str), (u32, u32)> =
            contested.map(|first| (wanted_name(self.parts, *first), *first)).collect();
        let mut used: HashSet<(&str, Box<str>)> = HashSet::new();
        for ((pool, name), first) in contested {
            let mut rows = self.others.get(&first).cloned().unwrap_or_default();
            rows.insert(0, first);
            // Stable: of the rows of one object the earlier part comes first.
            rows.sort_by(|a, b| self.agent(*a).id.cmp(&self.agent(*b).id));
            let mut shown = Box::<str>::from(name);
            let mut counted = false;
            for (index, position) in rows.iter().enumerate() {
                let agent = self.agent(*position);
                let another = index > 0 && self.agent(rows[index - 1]).id != agent.id;
                if another || (index == 0 && reserved.by_failed(pool, name)) {
                    let part = self.parts[position.0 as usize].0;
                    part.warnings.add(Warning::Duplicate, || format!("agent {name}, id {}", agent.id));
                    let id = short_id(&agent.id);
                    shown = format!("{name}#{id}").into();
                    while reserved.by_any(pool, &shown)
                        || self.contains(pool, &shown)
                        || used.contains(&(pool, shown.clone()))
                    {
                        shown = format!("{shown}#{id}").into();
                    }
                    used.insert((pool, shown.clone()));
                    counted = false;
                }
                let names = &mut names[position.0 as usize];
                names.contested = true;
                let twice = agent.health.is_some() && std::mem::replace(&mut counted, true);
                names.other.insert(position.1, (!twice).then(|| shown.clone()));
            }
        }
        names
    }

    fn agent(&self, (part, row): (u32, u32)) -> &'a Agent {
        &self.parts[part as usize].0.agents[row as usize]
    }
}

/// An id as it stands behind a name. A long one has the hash of all of it, so that ids which begin alike stay apart.
fn short_id(id: &Id) -> String {
    let id = id.to_string();
    if id.len() <= LONGEST_ID {
        return id;
    }
    let start = &id[..id.floor_char_boundary(LONGEST_ID / 2)];
    format!("{start}~{}", &blake3::hash(id.as_bytes()).to_hex()[..16])
}

/// Pool and name that a row wants.
fn wanted_name<'a>(parts: &'a NamedParts<'_>, (part, row): (u32, u32)) -> (&'a str, &'a str) {
    let (part, pools) = &parts[part as usize];
    let agent = &part.agents[row as usize];
    (&pools[agent.pool.0 as usize], text::cut(&agent.name).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ids_that_begin_alike_stay_apart_in_few_letters() {
        let long = |end: &str| short_id(&Id::from(&*format!("{}{end}", "é".repeat(100))));
        let (one, other) = (long("1"), long("2"));
        assert!(one != other && one.len() < 60 && one == long("1"), "{one} {other}");
        assert_eq!((short_id(&Id::Number(7)), short_id(&"a-7".into())), ("7".to_owned(), "a-7".to_owned()));
    }
}
