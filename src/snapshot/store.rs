//! The newest snapshot of every target, and the groups that targets are joined in.

mod join;

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{FamilyKey, Snapshot};
use crate::exposition::{Block, Group};
use join::Joined;

/// One target's place: its newest snapshot, swapped in atomically.
#[derive(Debug)]
pub struct Slot {
    snapshot: ArcSwap<Snapshot>,
}

impl Slot {
    /// A place with a first snapshot.
    pub fn new(snapshot: Snapshot) -> Slot {
        Slot { snapshot: ArcSwap::from_pointee(snapshot) }
    }

    /// The newest snapshot.
    pub fn load(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Takes a newer one.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Whether this is the newest snapshot.
    fn has(&self, snapshot: &Arc<Snapshot>) -> bool {
        Arc::ptr_eq(&self.snapshot.load(), snapshot)
    }
}

/// All targets, in the order of the configuration.
#[derive(Debug, Default)]
pub struct Store {
    slots: ArcSwap<Vec<Arc<Slot>>>,
    joined: ArcSwap<Joined>,
}

impl Store {
    /// The newest snapshot of every target.
    pub fn load(&self) -> Vec<Arc<Snapshot>> {
        self.slots.load().iter().map(|slot| slot.load()).collect()
    }

    /// Takes a new list of targets.
    pub fn replace(&self, slots: Vec<Arc<Slot>>) {
        self.slots.store(Arc::new(slots));
    }

    /// What a scrape of the wanted targets sends: of each the newest snapshot, alone or in a group. A group that has any
    /// other target, or an older snapshot of one, is not used; so nothing is older for being joined.
    pub fn select(&self, wanted: impl Fn(&Snapshot) -> bool) -> Selection {
        let (slots, joined) = (self.slots.load_full(), self.joined.load_full());
        if !joined.is_of(&slots) {
            let singles = slots.iter().map(|slot| slot.load()).filter(|snapshot| wanted(snapshot)).collect();
            return Selection { groups: Vec::new(), singles };
        }
        let mut selection = Selection::default();
        for joint in joined.joints() {
            if joint.is_newest() && joint.group.members().iter().all(|snapshot| wanted(snapshot)) {
                selection.groups.push(Arc::clone(&joint.group));
            } else {
                let newest = joint.slots.iter().map(|slot| slot.load());
                selection.singles.extend(newest.filter(|snapshot| wanted(snapshot)));
            }
        }
        selection
    }

    /// Joins what is new since the last time, or a part of it where that is much. It takes a while: no scrape waits for it.
    pub fn join(&self) {
        let (slots, joined) = (self.slots.load_full(), self.joined.load_full());
        if let Some(next) = joined.next(&slots) {
            self.joined.store(Arc::new(next));
        }
    }
}

/// What a scrape sends of the targets.
#[derive(Debug, Default)]
pub struct Selection {
    /// Targets that are joined.
    pub groups: Vec<Arc<Group>>,
    /// Targets that are not, for now.
    pub singles: Vec<Arc<Snapshot>>,
}

impl Selection {
    /// The blocks of each group and of each target.
    pub fn blocks(&self) -> impl Iterator<Item = &[(FamilyKey, Block)]> {
        let groups = self.groups.iter().map(|group| group.blocks());
        groups.chain(self.singles.iter().map(|snapshot| &*snapshot.blocks))
    }
}
