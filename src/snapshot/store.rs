//! The newest snapshot of every target, and the groups that targets are joined in.

mod join;
mod list;

pub use list::List;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::{Group, Snapshot};
use crate::{catalogue::FamilyKey, config::Target, exposition::Block};
use join::Joined;

/// Says until when a snapshot is true. It is asked whenever one is read, and waits for nothing.
pub trait Judge: std::fmt::Debug + Send + Sync {
    /// Whether the newest snapshot is true no more.
    fn has_expired(&self, now: Instant) -> bool;

    /// Publishes one that is.
    fn renew(&self, slot: &Slot, now: Instant);
}

/// One target's place: its newest snapshot, swapped in atomically.
#[derive(Debug)]
pub struct Slot {
    target: Arc<Target>,
    snapshot: ArcSwap<Snapshot>,
    judge: Option<Arc<dyn Judge>>,
}

impl Slot {
    /// A place with a first snapshot. All later ones are of the same target.
    pub fn new(snapshot: Snapshot) -> Slot {
        Slot { target: Arc::clone(&snapshot.target), snapshot: ArcSwap::from_pointee(snapshot), judge: None }
    }

    /// The same with somebody who says until when a snapshot is true.
    pub fn judged(snapshot: Snapshot, judge: Arc<dyn Judge>) -> Slot {
        Slot { judge: Some(judge), ..Slot::new(snapshot) }
    }

    /// Whose place it is.
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// The newest snapshot, which is true now.
    pub fn load(&self) -> Arc<Snapshot> {
        self.load_at(Instant::now())
    }

    /// The newest snapshot, whether it is true or not.
    pub fn newest(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Takes a newer one, unless there is one already.
    pub fn exchange(&self, old: &Arc<Snapshot>, new: Snapshot) {
        self.snapshot.compare_and_swap(old, Arc::new(new));
    }

    fn load_at(&self, now: Instant) -> Arc<Snapshot> {
        self.judge_at(now);
        self.newest()
    }

    fn judge_at(&self, now: Instant) {
        if let Some(judge) = self.judge.as_ref().filter(|judge| judge.has_expired(now)) {
            judge.renew(self, now);
        }
    }

    /// Takes a newer one.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Whether this is the newest snapshot, and true now.
    fn has(&self, snapshot: &Arc<Snapshot>, now: Instant) -> bool {
        self.judge_at(now);
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
        let now = Instant::now();
        self.list.load().slots().iter().map(|slot| slot.load_at(now)).collect()
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
        let (list, joined, now) = (self.list(), self.joined.load_full(), Instant::now());
        if !joined.is_of(&list) {
            let slots = list.slots().iter().filter(|slot| wanted(slot.target()));
            return Selection { groups: Vec::new(), singles: slots.map(|slot| slot.load_at(now)).collect() };
        }
        let mut selection = Selection::default();
        for joined_group in joined.joined_groups() {
            // Who is wanted is asked first: of the others' snapshots nothing is touched then.
            if joined_group.slots.iter().all(|slot| wanted(slot.target())) && joined_group.is_newest(now) {
                selection.groups.push(Arc::clone(&joined_group.group));
            } else {
                let slots = joined_group.slots.iter().filter(|slot| wanted(slot.target()));
                selection.singles.extend(slots.map(|slot| slot.load_at(now)));
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
