//! From the ledger to a snapshot: blocks are made of the lines of the fresh parts, and taken over where nothing in them
//! changed.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    super::{Agents, PoolView, Snapshot, render::Lines, status},
    Ledger, Published,
    part::{self, StoredPart},
    pieces::Pieces,
};
use crate::{
    catalogue::{self, Family, FamilyKey, agent as family},
    clock::UnixTime,
    config::Target,
    exposition::text,
    health::Health,
};

impl Ledger {
    /// What is known now, without parts that are older than `stale_after`.
    pub fn publish(&mut self, now: UnixTime) -> Published {
        let stale_after = self.target.stale_after;
        let is_fresh = |held: &&mut StoredPart| now <= held.observed.plus(stale_after);
        let mut fresh: Vec<&mut StoredPart> = self.parts.iter_mut().filter(is_fresh).collect();
        let ends = || fresh.iter().map(|held| held.observed.plus(stale_after));
        let (next_stale, all_stale) = (ends().min(), ends().max());
        self.status.stale = fresh.is_empty();
        let agents = Agents::of(fresh.iter().map(|held| Arc::clone(&held.roster)).collect());
        let pools = pool_views(&self.target, &fresh);

        let mut old = std::mem::take(&mut self.pieces);
        let mut pieces: Vec<(FamilyKey, Pieces)> = Vec::new();
        let mut series = 0;
        for (index, key) in held_families(&fresh) {
            let mut segments: Vec<_> = fresh.iter_mut().filter_map(|held| held.segment(index)).collect();
            if !segments.is_empty() {
                series += segments.iter().map(|(_, segment)| segment.series).sum::<usize>();
                pieces.push((key, old.remove(&key).unwrap_or_default().renewed(&mut segments)));
            }
        }
        let status = self.status.judged();
        let own = status.lines(&self.target, agents.len());
        let own = own.into_iter().map(|(family, lines)| (key_of(family), lines));
        // Where nothing is fresh, nothing is known of them either.
        let absent = if self.status.stale { Vec::new() } else { self.absent_pools(&pools) };
        for (key, lines) in pool_lines(&self.target, &pools, &absent).into_iter().chain(own) {
            if lines.series > 0 {
                series += lines.series;
                pieces.push((key, old.remove(&key).unwrap_or_default().whole(lines.bytes)));
            }
        }
        // The one more is the series that tells how many there are.
        series += 1;
        let mut own = Lines::new(&catalogue::target::SERIES, &status::base(&self.target));
        own.with(&[], series as f64);
        let key = key_of(&catalogue::target::SERIES);
        pieces.push((key, old.remove(&key).unwrap_or_default().whole(own.bytes)));
        pieces.sort_by_key(|(key, _)| *key);
        let blocks = pieces.iter().flat_map(|(key, pieces)| pieces.blocks().map(|block| (*key, block.clone())));
        let blocks = blocks.collect();
        self.pieces = pieces.into_iter().collect();
        let target = Arc::clone(&self.target);
        let history = Arc::clone(&self.history);
        if !self.status.stale {
            history.set_known(agents.len(), pools.iter().map(|pool| Arc::clone(&pool.name)).collect());
        }
        let snapshot = Snapshot { target, status, pools, agents, blocks, series, history };
        Published { snapshot, next_stale, all_stale }
    }
}

/// Position of a family in the catalogue.
pub(super) fn key_of(family: &'static Family) -> FamilyKey {
    family.key().expect("every family of a target stands in a table of the catalogue")
}

/// The families that parts bring lines for, and their keys: the vendor's own and those of the agents' health.
fn held_families(parts: &[&mut StoredPart]) -> Vec<(usize, FamilyKey)> {
    let Some(first) = parts.first() else { return Vec::new() };
    let own = first.families.iter().enumerate().map(|(index, family)| (index + part::HEALTH.len(), key_of(family)));
    part::HEALTH.iter().enumerate().map(|(index, family)| (index, key_of(family))).chain(own).collect()
}

/// The pools of all fresh parts, by name, with their agents counted.
fn pool_views(target: &Target, parts: &[&mut StoredPart]) -> Vec<PoolView> {
    let mut pools: BTreeMap<Arc<str>, PoolView> = BTreeMap::new();
    for held in parts {
        for (name, on_demand) in &held.pools {
            let view = pools.entry(Arc::clone(name)).or_insert_with(|| PoolView {
                name: Arc::clone(name),
                on_demand: *on_demand,
                agents: [0; 6],
                last_success: held.read,
                min_serving: target.min_serving(name),
            });
            view.last_success = view.last_success.min(held.read);
            view.on_demand |= on_demand;
        }
        for (name, counts) in held.roster.pools().iter().zip(&held.pool_counts) {
            if let Some(view) = pools.get_mut(name) {
                view.agents.iter_mut().zip(counts.agents).for_each(|(sum, agents)| *sum += agents);
            }
        }
    }
    // A pool of logical rows only is no pool of agents.
    let rows = parts.iter().flat_map(|held| held.roster.pools().iter().zip(&held.pool_counts));
    let logical: HashSet<&str> = rows.filter(|(_, counts)| counts.logical).map(|(name, _)| &**name).collect();
    pools.retain(|name, view| view.agents.iter().any(|n| *n > 0) || !logical.contains(&**name));
    pools.into_values().collect()
}

/// The lines about pools; `absent` are those that are expected and not there, and how many of their agents.
fn pool_lines(target: &Target, pools: &[PoolView], absent: &[(&str, u64)]) -> Vec<(FamilyKey, Lines)> {
    let base = status::base(target);
    let mut agents = Lines::new(&family::POOL_AGENTS, &base);
    let mut last = Lines::new(&family::POOL_LAST_SUCCESS, &base);
    let mut least = Lines::new(&family::POOL_MIN_SERVING, &base);
    let mut on_demand = Lines::new(&family::POOL_ON_DEMAND, &base);
    for pool in pools {
        let mut labels = base.to_vec();
        text::label(&mut labels, "pool", &pool.name);
        for (health, n) in Health::ALL.iter().zip(pool.agents) {
            let mut labels = labels.clone();
            text::label(&mut labels, "health", health.as_str());
            agents.raw(&labels, f64::from(n));
        }
        last.raw(&labels, pool.last_success.as_secs_f64());
        if let Some(n) = pool.min_serving {
            least.raw(&labels, n as f64);
        }
        on_demand.raw(&labels, f64::from(u8::from(pool.on_demand)));
    }
    for (pool, n) in absent {
        let mut labels = base.to_vec();
        text::label(&mut labels, "pool", pool);
        least.raw(&labels, *n as f64);
    }
    let families =
        [&family::POOL_AGENTS, &family::POOL_LAST_SUCCESS, &family::POOL_MIN_SERVING, &family::POOL_ON_DEMAND];
    let lines = [agents, last, least, on_demand];
    families.into_iter().zip(lines).map(|(family, lines)| (key_of(family), lines)).collect()
}
