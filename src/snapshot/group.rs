//! Targets whose small blocks are joined, so that ten thousand of them are not hundreds of thousands of tiny pieces.

use std::{collections::BTreeMap, sync::Arc};

use super::Snapshot;
use crate::{catalogue::FamilyKey, exposition::Block};

/// Blocks from this size on are good pieces by themselves: a group has them as they are.
const SMALL: usize = 16 * 1024;

/// Snapshots of some targets and their exposition, by family: what is small is one block, what is not follows it. It tells
/// exactly what its snapshots tell; whether these are still the newest is not its business.
#[derive(Debug)]
pub struct Group {
    members: Vec<Arc<Snapshot>>,
    blocks: Vec<(FamilyKey, Block)>,
}

impl Group {
    /// Joins these snapshots. `old` is a group of the same targets in the same order: what did not change is taken from it.
    pub fn new(members: Vec<Arc<Snapshot>>, old: Option<&Group>) -> Group {
        let before = old.map(|old| by_family(&old.members)).unwrap_or_default();
        let mut blocks = Vec::new();
        for (key, all) in by_family(&members) {
            let (small, large): (Vec<&Block>, Vec<&Block>) = all.iter().partition(|block| is_small(block));
            if !small.is_empty() {
                let same = before.get(&key).is_some_and(|before| is_same(before, &all));
                let taken = old.filter(|_| same).and_then(|old| old.first(key));
                blocks.push((key, taken.cloned().unwrap_or_else(|| join(&small))));
            }
            blocks.extend(large.into_iter().map(|block| (key, block.clone())));
        }
        blocks.shrink_to_fit();
        Group { members, blocks }
    }

    /// The snapshots.
    pub fn members(&self) -> &[Arc<Snapshot>] {
        &self.members
    }

    /// The exposition, in the order of the catalogue.
    pub fn blocks(&self) -> &[(FamilyKey, Block)] {
        &self.blocks
    }

    fn first(&self, key: FamilyKey) -> Option<&Block> {
        let index = self.blocks.partition_point(|(other, _)| *other < key);
        self.blocks.get(index).filter(|(other, _)| *other == key).map(|(_, block)| block)
    }
}

/// Bytes of a snapshot that are copied when it is joined with others.
pub fn weight(snapshot: &Snapshot) -> usize {
    let small = snapshot.blocks.iter().map(|(_, block)| block).filter(|block| is_small(block));
    small.map(|block| block.plain().len()).sum()
}

fn is_small(block: &Block) -> bool {
    block.plain().len() < SMALL
}

fn by_family(members: &[Arc<Snapshot>]) -> BTreeMap<FamilyKey, Vec<&Block>> {
    let mut families: BTreeMap<FamilyKey, Vec<&Block>> = BTreeMap::new();
    for (key, block) in members.iter().flat_map(|snapshot| &snapshot.blocks) {
        families.entry(*key).or_default().push(block);
    }
    families
}

fn is_same(before: &[&Block], now: &[&Block]) -> bool {
    before.len() == now.len() && before.iter().zip(now).all(|(before, now)| before.is(now))
}

fn join(small: &[&Block]) -> Block {
    match small {
        [one] if one.is_packed() => (*one).clone(),
        [one] => Block::packed(one.plain().clone()),
        many => {
            let mut lines = Vec::with_capacity(many.iter().map(|block| block.plain().len()).sum());
            many.iter().for_each(|block| lines.extend_from_slice(block.plain()));
            Block::packed(lines)
        }
    }
}
