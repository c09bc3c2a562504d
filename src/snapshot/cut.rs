//! A snapshot with another status, where the ledger that it comes from cannot be asked.

use super::{Agents, Snapshot, Status, render::Lines, status};
use crate::{
    catalogue::{FamilyKey, target as family},
    exposition::Block,
};

impl Snapshot {
    /// The same with this status; where that is stale, without everything else.
    pub fn with_status(&self, new: &Status) -> Snapshot {
        let status = new.judged();
        let (agents, pools) =
            if status.stale { (Agents::default(), Vec::new()) } else { (self.agents.clone(), self.pools.clone()) };
        let table = table();
        let kept = self.blocks.iter().filter(|((of, _), _)| *of != table && !status.stale);
        let mut blocks: Vec<(FamilyKey, Block)> = kept.cloned().collect();
        // A line is a series.
        let lines = |(_, block): &(FamilyKey, Block)| block.plain().iter().filter(|byte| **byte == b'\n').count();
        let mut series = blocks.iter().map(lines).sum::<usize>();
        for (family, lines) in status.lines(&self.target, agents.len()) {
            if let Some(key) = family.key().filter(|_| lines.series > 0) {
                series += lines.series;
                blocks.push((key, Block::new(lines.bytes)));
            }
        }
        series += 1;
        let mut own = Lines::new(&family::SERIES, &status::base(&self.target));
        own.with(&[], series as f64);
        blocks.extend(family::SERIES.key().map(|key| (key, Block::new(own.bytes))));
        // Blocks of one family stay in their order.
        blocks.sort_by_key(|(key, _)| *key);
        let history = std::sync::Arc::clone(&self.history);
        Snapshot { target: self.target.clone(), status, pools, agents, blocks, series, history }
    }
}

/// The table of what the daemon knows about a target.
fn table() -> u8 {
    family::UP.key().expect("it stands in a table of the catalogue").0
}
