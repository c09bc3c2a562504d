//! A part as it is kept: who is in it, and its lines, so that a part that fails later needs no rendering again.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

use super::{
    super::{
        history::ClassChange,
        names::Names,
        roster::{Member, Roster},
    },
    intake::SERIES_OF_POOL,
    lines::{self, Prefixes},
    since::PartSinceLookup,
};
use crate::{
    api::{Part, Warnings, fingerprint::PartFingerprint},
    catalogue::{Family, agent},
    clock::UnixTime,
    exposition::text,
};

/// The families that every vendor's agents have; their lines are the first segments of a part.
pub(super) static HEALTH: [&Family; 2] = [&agent::AGENT_HEALTH, &agent::AGENT_HEALTH_SINCE];

/// A part as it is kept.
#[derive(Debug)]
pub(super) struct StoredPart {
    pub key: Box<str>,
    /// When it was last told; it is stale a while after.
    pub observed: UnixTime,
    /// When the vendor said it.
    pub read: UnixTime,
    /// What it comes from; none where another part could change it, or the configuration has changed since.
    pub fingerprint: Option<PartFingerprint>,
    /// Decode warnings in it, which count at every poll that has them.
    pub warnings: Warnings,
    /// Whether all of it was read; else most of its rows could not be.
    pub complete: bool,
    /// Its pools: name, and whether they are on demand.
    pub pools: Vec<(Arc<str>, bool)>,
    /// Its agents and other rows that have a name of their own.
    pub roster: Arc<Roster>,
    /// What is in the pools of the roster, in their order.
    pub pool_counts: Box<[PoolCounts]>,
    /// The vendor's families.
    pub families: &'static [&'static Family],
    /// Lines by family: [`HEALTH`] first, then the vendor's own.
    pub segments: Vec<Segment>,
    /// Agents that were in another class before; whoever takes the part up takes them out.
    pub changes: Vec<ClassChange>,
}

/// What a part has in a pool.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PoolCounts {
    /// Agents by class, in the order of [`Health::ALL`].
    pub agents: [u32; 6],
    /// Whether it has rows there that are no agents.
    pub logical: bool,
}

/// The lines of one family of one part.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub bytes: Bytes,
    pub series: usize,
}

/// How a part becomes text.
#[derive(Debug, Clone, Copy)]
pub(super) struct RenderOptions<'a> {
    /// The labels that all series of the target begin with.
    pub base: &'a [u8],
    /// Whether states that do not hold are shown, too.
    pub full_state_sets: bool,
    pub now: UnixTime,
}

impl StoredPart {
    /// Renders a part. `pools` and `names` are what its pools and agents are shown under.
    pub fn render(
        key: Box<str>,
        part: Part,
        pools: Vec<Arc<str>>,
        names: &Names,
        options: RenderOptions<'_>,
        before: PartSinceLookup<'_, '_>,
    ) -> StoredPart {
        let prefixes = Prefixes::new(&part, &pools, names, options.base);
        let mut segments = Vec::with_capacity(HEALTH.len() + part.families.len());
        let (roster, pool_counts, changes) = add_agents(&part, &pools, names, options.now, before);
        segments.extend(lines::health(&part, &roster, &prefixes));
        for (family, samples) in part.families.iter().zip(&part.samples) {
            let declared =
                part.state_names.iter().find(|(ordinal, _)| options.full_state_sets && *ordinal == family.ordinal);
            let states = declared.map_or(&[][..], |(_, names)| *names);
            segments.push(lines::segment(&part, family, samples, &prefixes, states));
        }
        // A pool whose agents are elsewhere is not for this part to count.
        let pools = pools.iter().zip(&part.pools).filter(|(_, pool)| pool.counted);
        let pools = pools.map(|(name, pool)| (Arc::clone(name), pool.on_demand)).collect();
        StoredPart {
            key,
            observed: options.now,
            read: options.now,
            fingerprint: part.fingerprint.filter(|_| !names.contested),
            warnings: part.warnings,
            complete: part.defect.is_none(),
            pools,
            roster: Arc::new(roster),
            pool_counts,
            families: part.families,
            segments,
            changes,
        }
    }

    /// Agents, without rows that are none.
    pub fn agents(&self) -> usize {
        self.roster.agents()
    }

    /// Its series, with those of its pools.
    pub fn series(&self) -> usize {
        self.segments.iter().map(|segment| segment.series).sum::<usize>() + self.pools.len() * SERIES_OF_POOL
    }

    /// Its agents' pools and names.
    pub fn named(&self) -> impl Iterator<Item = (&str, Member<'_>)> {
        let pools = self.roster.pools();
        self.roster.members().map(|member| (&*pools[member.pool as usize], member))
    }

    /// The lines of a family, by its index in [`StoredPart::segments`], and the key of the part.
    pub fn segment(&mut self, index: usize) -> Option<(&str, &mut Segment)> {
        let StoredPart { key, segments, .. } = self;
        segments.get_mut(index).filter(|segment| segment.series > 0).map(|segment| (&**key, segment))
    }
}

/// The rows of a part that are shown in it, and what is in its pools.
fn add_agents(
    part: &Part,
    pools: &[Arc<str>],
    names: &Names,
    now: UnixTime,
    mut before: PartSinceLookup<'_, '_>,
) -> (Roster, Box<[PoolCounts]>, Vec<ClassChange>) {
    let mut roster = Roster::new(pools.to_vec(), part.agents.len());
    let mut pool_counts = vec![PoolCounts::default(); pools.len()];
    let mut states: HashMap<Arc<str>, u32, foldhash::fast::RandomState> = HashMap::default();
    let mut changes = Vec::new();
    let mut last: Option<(&Arc<str>, u32)> = None;
    for (row, agent) in part.agents.iter().enumerate() {
        let Some(name) = names.of(row, agent) else { continue };
        let state = match last {
            // Most have the state of the one before, and it is the same text.
            Some((state, index)) if Arc::ptr_eq(state, &agent.state) => index,
            _ => *states.entry(Arc::clone(&agent.state)).or_insert_with(|| roster.state(text::cut(&agent.state).0)),
        };
        last = Some((&agent.state, state));
        let counts = &mut pool_counts[agent.pool.0 as usize];
        let at = match agent.health {
            Some(health) => {
                counts.agents[health as usize] += 1;
                let pool = &pools[agent.pool.0 as usize];
                match before.seen(pool, name) {
                    Some((class, since)) if class == health => since,
                    Some((from, _)) => {
                        let (pool, agent, state) = (Arc::clone(pool), name.into(), Arc::clone(&agent.state));
                        changes.push(ClassChange { at: now, pool, agent, from, to: health, state });
                        now
                    }
                    None => now,
                }
            }
            None => {
                counts.logical = true;
                now
            }
        };
        roster.push(agent.pool.0, name, agent.health, at, state);
    }
    roster.shrink();
    (roster, pool_counts.into(), changes)
}

#[cfg(test)]
mod tests {
    use crate::health::Health;

    #[test]
    fn a_class_is_its_place_in_the_order_of_all() {
        for (index, health) in Health::ALL.into_iter().enumerate() {
            assert_eq!(health as usize, index);
        }
    }
}
