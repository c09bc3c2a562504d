//! Which targets are joined with which, and what is joined again when some of them changed.
//!
//! A group is joined again as a whole, so it pays that its targets change at the same time. Where little changed, the groups
//! stay as they are. Where much did, those that changed are made anew by the time of their targets' last polls: as a target
//! is polled at a fixed interval, what was polled together once will be again, and a second's polls come to be one group.

use std::{collections::HashSet, sync::Arc};

use tokio::time::Instant;

use super::{List, Slot};
use crate::snapshot::{Group, Snapshot, group::weight};

/// What is joined in one group, in bytes of text: large enough for few pieces, small enough to be joined often.
const GROUP: usize = 1 << 20;

/// With no more than this to be joined again, groups stay as they are; it takes about 15 ms.
const LITTLE: usize = 4 << 20;

/// What is joined again in one turn; the rest, the longest joined last, waits for the next one.
const TURN: usize = 16 << 20;

/// Some targets' places and the group that was made of their snapshots, in the same order.
#[derive(Debug, Clone)]
pub struct JoinedGroup {
    pub slots: Arc<[Arc<Slot>]>,
    pub group: Arc<Group>,
    /// What was joined, in bytes.
    weight: usize,
}

/// All targets of a list, in groups; those that were joined longest ago come first.
#[derive(Debug, Default)]
pub struct Joined {
    list: Arc<List>,
    joined_groups: Vec<JoinedGroup>,
}

impl JoinedGroup {
    fn new(slots: Arc<[Arc<Slot>]>, snapshots: Vec<Arc<Snapshot>>, old: Option<&Group>) -> JoinedGroup {
        let weight = snapshots.iter().map(|snapshot| weight(snapshot)).sum();
        JoinedGroup { slots, group: Arc::new(Group::new(snapshots, old)), weight }
    }

    /// Whether no target has a newer snapshot.
    pub fn is_newest(&self, now: Instant) -> bool {
        self.slots.iter().zip(self.group.members()).all(|(slot, snapshot)| slot.has(snapshot, now))
    }

    fn again(&self) -> JoinedGroup {
        let snapshots = self.slots.iter().map(|slot| slot.load()).collect();
        JoinedGroup::new(Arc::clone(&self.slots), snapshots, Some(&self.group))
    }
}

impl Joined {
    /// Whether these are the targets.
    pub fn is_of(&self, list: &Arc<List>) -> bool {
        Arc::ptr_eq(&self.list, list)
    }

    /// The groups.
    pub fn joined_groups(&self) -> &[JoinedGroup] {
        &self.joined_groups
    }

    /// The same for this list, with what changed joined again; `None` where nothing did.
    pub fn next(&self, list: &Arc<List>) -> Option<Joined> {
        let now = Instant::now();
        let (mut kept, mut changed): (Vec<JoinedGroup>, Vec<JoinedGroup>) =
            self.joined_groups.iter().cloned().partition(|joined_group| joined_group.is_newest(now));
        if self.is_of(list) {
            if changed.is_empty() {
                return None;
            }
            let mut begun = 0;
            let is_turn = |joined_group: &&JoinedGroup| {
                begun += joined_group.weight;
                begun - joined_group.weight < TURN
            };
            let turn = changed.iter().take_while(is_turn).count();
            let waiting = changed.split_off(turn);
            let good = |joined_group: &JoinedGroup| joined_group.weight <= 2 * GROUP;
            if changed.iter().map(|joined_group| joined_group.weight).sum::<usize>() <= LITTLE
                && changed.iter().all(good)
            {
                let again = changed.iter().map(JoinedGroup::again);
                kept.extend(again);
            } else {
                let small = kept.extract_if(.., |joined_group| joined_group.weight < GROUP / 4);
                let slots =
                    changed.into_iter().chain(small).flat_map(|joined_group| joined_group.slots.to_vec()).collect();
                kept.extend(into_groups(slots));
            }
            // They come first next time.
            kept.splice(0..0, waiting);
        } else {
            let listed: HashSet<*const Slot> = list.slots().iter().map(Arc::as_ptr).collect();
            let is_whole =
                |joined_group: &JoinedGroup| joined_group.slots.iter().all(|slot| listed.contains(&Arc::as_ptr(slot)));
            kept.retain(|joined_group| is_whole(joined_group) && joined_group.weight >= GROUP / 4);
            let known: HashSet<*const Slot> =
                kept.iter().flat_map(|joined_group| joined_group.slots.iter().map(Arc::as_ptr)).collect();
            kept.extend(into_groups(
                list.slots().iter().filter(|slot| !known.contains(&Arc::as_ptr(slot))).cloned().collect(),
            ));
        }
        Some(Joined { list: Arc::clone(list), joined_groups: kept })
    }
}

/// New groups: of one vendor each, so that a scrape of one can use them, and of targets that were polled one after the other.
fn into_groups(slots: Vec<Arc<Slot>>) -> Vec<JoinedGroup> {
    let mut all: Vec<(Arc<Slot>, Arc<Snapshot>)> =
        slots.into_iter().map(|slot| (Arc::clone(&slot), slot.load())).collect();
    all.sort_by(|(_, a), (_, b)| {
        a.target.vendor().cmp(b.target.vendor()).then(a.status.last_poll.cmp(&b.status.last_poll))
    });
    let mut joined_groups = Vec::new();
    for of_vendor in all.chunk_by(|(_, a), (_, b)| a.target.vendor() == b.target.vendor()) {
        let mut start = 0;
        let mut filled = 0;
        for (index, (_, snapshot)) in of_vendor.iter().enumerate() {
            filled += weight(snapshot);
            if filled >= GROUP || index + 1 == of_vendor.len() {
                let (slots, snapshots): (Vec<_>, Vec<_>) = of_vendor[start..=index].iter().cloned().unzip();
                joined_groups.push(JoinedGroup::new(slots.into(), snapshots, None));
                (start, filled) = (index + 1, 0);
            }
        }
    }
    joined_groups
}

#[cfg(test)]
mod tests;
