//! The targets' places, found by the targets' names.

use std::{collections::BTreeSet, sync::Arc};

use super::Slot;

/// All places in the order of the configuration. A target is found by its name without a look at the others: a scrape of one
/// of ten thousand targets costs what a scrape of the only one does.
#[derive(Debug, Default)]
pub struct List {
    slots: Vec<Arc<Slot>>,
    /// Positions in `slots`, sorted by the targets' names.
    by_name: Vec<usize>,
    vendors: BTreeSet<&'static str>,
}

impl List {
    /// These places.
    pub fn new(slots: Vec<Arc<Slot>>) -> List {
        let mut by_name: Vec<usize> = (0..slots.len()).collect();
        by_name.sort_by(|a, b| name(&slots[*a]).cmp(name(&slots[*b])));
        let vendors = slots.iter().map(|slot| slot.target().vendor()).collect();
        List { slots, by_name, vendors }
    }

    /// The places, in the order of the configuration.
    pub fn slots(&self) -> &[Arc<Slot>] {
        &self.slots
    }

    /// The place of the target of this name.
    pub fn get(&self, wanted: &str) -> Option<&Arc<Slot>> {
        let found = self.by_name.binary_search_by(|index| name(&self.slots[*index]).cmp(wanted)).ok()?;
        Some(&self.slots[self.by_name[found]])
    }

    /// The vendors that there are targets of.
    pub fn vendors(&self) -> &BTreeSet<&'static str> {
        &self.vendors
    }
}

fn name(slot: &Slot) -> &str {
    &slot.target().name
}
