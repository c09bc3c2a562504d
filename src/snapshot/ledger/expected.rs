//! The pools that the configuration expects by their name and the target does not have: they lack all of their agents.
//!
//! A pool is not there only where an answer that told of all pools did not tell of it. One whose part could not be read, or
//! has been withdrawn since, is not known to be gone.

use std::{collections::HashSet, sync::Arc};

use super::{super::PoolView, Ledger, part::StoredPart};
use crate::exposition::text;

impl Ledger {
    /// Notes the names of the pools of an answer. `lists_all`: it told of all pools that there are.
    pub(super) fn note_listed(&mut self, lists_all: bool) {
        if self.target.expected_pools().next().is_none() {
            self.listed = None;
            return;
        }
        let here: HashSet<Arc<str>> = self.parts.iter().flat_map(named_pools).cloned().collect();
        match &mut self.listed {
            listed if lists_all => *listed = Some(here),
            Some(listed) => listed.extend(here),
            None => {}
        }
    }

    /// The pools that are expected and not there, and how many of their agents; `pools` are those that are. One that was
    /// on demand when it was last seen, or would be, may rightly be gone.
    pub(super) fn absent_pools(&self, pools: &[PoolView]) -> Vec<(&str, u64)> {
        let Some(listed) = &self.listed else { return Vec::new() };
        let expected = self.target.expected_pools().map(|(name, n)| (text::cut(name).0, n));
        let is_on_demand = |name: &str| {
            self.target.is_on_demand(name) || self.known_pools.get(name).is_some_and(|(on_demand, _)| *on_demand)
        };
        let is_absent = |name: &str| !listed.contains(name) && pools.iter().all(|pool| *pool.name != *name);
        expected.filter(|(name, _)| is_absent(name) && !is_on_demand(name)).collect()
    }
}

/// The pools that a part names, also those whose agents it leaves to others, but none of logical rows only: that is no pool
/// of agents.
fn named_pools(held: &StoredPart) -> impl Iterator<Item = &Arc<str>> {
    let pools = held.roster.pools().iter().zip(&held.pool_counts);
    pools.filter(|(_, counts)| !counts.logical || counts.agents.iter().any(|n| *n > 0)).map(|(name, _)| name)
}
