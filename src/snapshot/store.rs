//! The newest snapshot of every target, and the groups that targets are joined in.

mod join;
mod list;

pub use list::List;

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Group, Snapshot};
use crate::{catalogue::FamilyKey, config::Target, exposition::Block};
use join::Joined;

/// One target's place: its newest snapshot, swapped in atomically.
#[derive(Debug)]
pub struct Slot {
    target: Arc<Target>,
    snapshot: ArcSwap<Snapshot>,
}

impl Slot {
    /// A place with a first snapshot. All later ones are of the same target.
    pub fn new(snapshot: Snapshot) -> Slot {
        Slot { target: Arc::clone(&snapshot.target), snapshot: ArcSwap::from_pointee(snapshot) }
    }

    /// Whose place it is.
    pub fn target(&self) -> &Arc<Target> {
        &self.target
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
    list: ArcSwap<List>,
    joined: ArcSwap<Joined>,
}

impl Store {
    /// The newest snapshot of every target.
    pub fn load(&self) -> Vec<Arc<Snapshot>> {
        self.list.load().slots().iter().map(|slot| slot.load()).collect()
    }

    /// All targets' places.
    pub fn list(&self) -> Arc<List> {
        self.list.load_full()
    }

    /// Takes a new list of targets.
    pub fn replace(&self, slots: Vec<Arc<Slot>>) {
        self.list.store(Arc::new(List::new(slots)));
    }

    /// What a scrape of the wanted targets sends: of each the newest snapshot, alone or in a group. A group that has any
    /// other target, or an older snapshot of one, is not used; so nothing is older for being joined.
    pub fn select(&self, wanted: impl Fn(&Target) -> bool) -> Selection {
        let (list, joined) = (self.list(), self.joined.load_full());
        if !joined.is_of(&list) {
            let slots = list.slots().iter().filter(|slot| wanted(slot.target()));
            return Selection { groups: Vec::new(), singles: slots.map(|slot| slot.load()).collect() };
        }
        let mut selection = Selection::default();
        for joined_group in joined.joined_groups() {
            // Who is wanted is asked first: of the others' snapshots nothing is touched then.
            if joined_group.slots.iter().all(|slot| wanted(slot.target())) && joined_group.is_newest() {
                selection.groups.push(Arc::clone(&joined_group.group));
            } else {
                let slots = joined_group.slots.iter().filter(|slot| wanted(slot.target()));
                selection.singles.extend(slots.map(|slot| slot.load()));
            }
        }
        selection
    }

    /// Joins what is new since the last time, or a part of it where that is much. It takes a while: no scrape waits for it.
    pub fn join(&self) {
        let (list, joined) = (self.list(), self.joined.load_full());
        if let Some(next) = joined.next(&list) {
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
