//! The newest snapshot of every target.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Snapshot;

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
}

/// All targets, in the order of the configuration.
#[derive(Debug, Default)]
pub struct Store {
    slots: ArcSwap<Vec<Arc<Slot>>>,
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
}
