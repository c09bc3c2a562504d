//! The agents of a part as they are kept: 32 bytes each and their name, and everything that many have in common once.
//!
//! A roster is shared by the ledger and the snapshots, and is never changed.

use std::sync::Arc;

use super::AgentView;
use crate::{clock::UnixTime, health::Health};

/// The agents of a part, and its other rows that have a name of their own.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pools: Vec<Arc<str>>,
    states: Vec<Arc<str>>,
    /// The names one after the other; a row says where its own ends.
    names: String,
    rows: Vec<Row>,
    agents: usize,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    name_end: usize,
    pool: u32,
    state: u32,
    health: Option<Health>,
    since: UnixTime,
}

/// A row of a roster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// Index in [`Roster::pools`].
    pub pool: u32,
    pub name: &'a str,
    /// `None` for a row that is no agent.
    pub health: Option<Health>,
    pub since: UnixTime,
    state: u32,
}

impl Roster {
    /// None yet, with room for this many rows. `pools` are what [`Roster::push`] names by index.
    pub fn new(pools: Vec<Arc<str>>, rows: usize) -> Roster {
        Roster { pools, rows: Vec::with_capacity(rows), ..Roster::default() }
    }

    /// Adds a row; `state` is an index that [`Roster::state`] gave.
    pub fn push(&mut self, pool: u32, name: &str, health: Option<Health>, since: UnixTime, state: u32) {
        self.names.push_str(name);
        self.rows.push(Row { name_end: self.names.len(), pool, state, health, since });
        self.agents += usize::from(health.is_some());
    }

    /// Adds the text of a state. It is for the caller to add each once.
    pub fn state(&mut self, text: &str) -> u32 {
        self.states.push(text.into());
        self.states.len() as u32 - 1
    }

    /// Gives back what was reserved for more.
    pub fn shrink(&mut self) {
        self.names.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.states.shrink_to_fit();
    }

    /// Agents, without rows that are none.
    pub fn agents(&self) -> usize {
        self.agents
    }

    /// The names of pools.
    pub fn pools(&self) -> &[Arc<str>] {
        &self.pools
    }

    /// The row at this position.
    pub fn get(&self, at: usize) -> Option<Member<'_>> {
        let row = self.rows.get(at)?;
        let start = if at == 0 { 0 } else { self.rows[at - 1].name_end };
        let name = &self.names[start..row.name_end];
        Some(Member { pool: row.pool, name, health: row.health, since: row.since, state: row.state })
    }

    /// All rows in their order.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        (0..self.rows.len()).filter_map(|at| self.get(at))
    }
}

/// The agents of a target, in the order of the exposition.
#[derive(Debug, Clone, Default)]
pub struct Agents {
    parts: Vec<Arc<Roster>>,
    len: usize,
}

impl Agents {
    /// Those of these parts.
    pub(super) fn of(parts: Vec<Arc<Roster>>) -> Agents {
        Agents { len: parts.iter().map(|part| part.agents()).sum(), parts }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = AgentView<'_>> {
        self.parts.iter().flat_map(|part| {
            part.members().filter_map(|member| {
                Some(AgentView {
                    pool: &part.pools[member.pool as usize],
                    name: member.name,
                    health: member.health?,
                    since: member.since,
                    state: &part.states[member.state as usize],
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_32_bytes_and_comes_back_as_it_was() {
        assert_eq!(size_of::<Row>(), 32);
        let mut roster = Roster::new(vec!["p".into(), "q".into()], 3);
        let (well, none) = (roster.state("well"), roster.state(""));
        let at = UnixTime::from_secs(7);
        for (pool, name, health, state) in
            [(0, "é", Some(Health::Healthy), well), (1, "", None, none), (1, "b", Some(Health::Failed), well)]
        {
            roster.push(pool, name, health, at, state);
        }
        roster.shrink();
        let names: Vec<_> = roster.members().map(|member| (member.pool, member.name)).collect();
        assert_eq!(names, [(0, "é"), (1, ""), (1, "b")]);
        let agents = Agents::of(vec![Arc::new(roster), Arc::default()]);
        let seen: Vec<_> = agents.iter().map(|a| (a.pool, a.name, a.health, a.since, a.state)).collect();
        assert_eq!(agents.len(), 2);
        assert_eq!(seen, [("p", "é", Health::Healthy, at, "well"), ("q", "b", Health::Failed, at, "well")]);
    }
}
