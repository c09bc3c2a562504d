//! Since when agents are in their class, looked up in what was known before.

use std::{cell::OnceCell, collections::HashMap, hash::BuildHasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{super::roster::Member, part::StoredPart};
use crate::{clock::UnixTime, health::Health};

/// What was known before: the parts of the last poll, and what the state file told.
pub(super) struct SinceLookup<'a> {
    parts: &'a [StoredPart],
    restored: &'a HashMap<(String, String), (Health, UnixTime)>,
    index: OnceCell<Index<'a>>,
}

/// Where every agent is, for those that are not where they were: part and row, by pool and name.
struct Index<'a> {
    hasher: RandomState,
    table: HashTable<(u32, u32)>,
    restored: HashMap<(&'a str, &'a str), (Health, UnixTime)>,
}

impl<'a> SinceLookup<'a> {
    /// What these parts and the state file know.
    pub fn new(
        parts: &'a [StoredPart],
        restored: &'a HashMap<(String, String), (Health, UnixTime)>,
    ) -> SinceLookup<'a> {
        SinceLookup { parts, restored, index: OnceCell::new() }
    }

    /// The look-up for the rows of a part, in their order; `held` is the part as it was.
    pub fn of<'s>(&'s self, held: Option<&'s StoredPart>) -> PartSinceLookup<'s, 'a> {
        PartSinceLookup { since: self, held, next: 0 }
    }

    fn index(&self) -> &Index<'a> {
        self.index.get_or_init(|| {
            let total = self.parts.iter().map(|held| held.agents()).sum();
            let hasher = RandomState::default();
            let mut table: HashTable<(u32, u32)> = HashTable::with_capacity(total);
            for (part, held) in self.parts.iter().enumerate() {
                for (row, (pool, member)) in held.named().enumerate() {
                    if member.health.is_none() {
                        continue;
                    }
                    let position = (part as u32, row as u32);
                    let is_it = |other: &(u32, u32)| self.name(*other) == Some((pool, member.name));
                    match table.find_mut(hasher.hash_one((pool, member.name)), is_it) {
                        // Of an agent in two parts the later one counts.
                        Some(other) => *other = position,
                        None => {
                            let rehash = |other: &(u32, u32)| hasher.hash_one(self.name(*other).unwrap_or_default());
                            table.insert_unique(hasher.hash_one((pool, member.name)), position, rehash);
                        }
                    }
                }
            }
            let restored = self.restored.iter().map(|((pool, name), seen)| ((&**pool, &**name), *seen));
            Index { hasher, table, restored: restored.collect() }
        })
    }

    fn name(&self, position: (u32, u32)) -> Option<(&'a str, &'a str)> {
        let held = &self.parts[position.0 as usize];
        let member = held.roster.get(position.1 as usize)?;
        Some((&held.roster.pools()[member.pool as usize], member.name))
    }

    fn anywhere(&self, pool: &str, name: &str) -> Option<(Health, UnixTime)> {
        let index = self.index();
        let is_it = |other: &(u32, u32)| self.name(*other) == Some((pool, name));
        match index.table.find(index.hasher.hash_one((pool, name)), is_it) {
            Some((part, row)) => {
                let member = self.parts[*part as usize].roster.get(*row as usize)?;
                Some((member.health?, member.since))
            }
            None => index.restored.get(&(pool, name)).copied(),
        }
    }
}

/// The look-up for one part. Agents mostly stay where they were, so the row behind the last one is looked at first.
pub(super) struct PartSinceLookup<'s, 'a> {
    since: &'s SinceLookup<'a>,
    held: Option<&'s StoredPart>,
    next: usize,
}

impl PartSinceLookup<'_, '_> {
    /// The class that an agent was in before, and since when; `None`: it is new.
    pub fn seen(&mut self, pool: &str, name: &str) -> Option<(Health, UnixTime)> {
        // The one behind that, too, for the case that one has gone.
        let near = (self.next..self.next + 2).find_map(|at| {
            let held = self.held?;
            let member = held.roster.get(at)?;
            let is_it = member.name == name && *held.roster.pools()[member.pool as usize] == *pool;
            is_it.then_some((at, member))
        });
        match near {
            Some((at, Member { health, since, .. })) => {
                self.next = at + 1;
                Some((health?, since))
            }
            None => self.since.anywhere(pool, name),
        }
    }
}
