//! What is known of a target at this moment, immutable and ready to be sent: agents, pools, status, blocks.
//!
//! A poll's [`Observation`](crate::api::Observation) goes into a [`Ledger`], which keeps what ages on its own and
//! publishes a new [`Snapshot`]. An agent that vanished is gone from the next snapshot by construction.

mod cut;
pub mod group;
pub mod history;
mod ledger;
mod names;
mod render;
mod roster;
mod scrape;
mod status;
mod store;

pub use group::Group;
pub use history::History;
pub use ledger::{Ledger, Published, SavedAgent, SavedPool, SavedTarget};
pub use roster::Agents;
pub use scrape::{of_target, scrape};
pub use status::{Status, polls_stopped};
pub use store::{Judge, List, Selection, Slot, Store};

use std::sync::Arc;

use crate::{catalogue::FamilyKey, clock::UnixTime, config::Target, exposition::Block, health::Health};

/// What is known of a target.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The target as configured.
    pub target: Arc<Target>,
    /// How its polls went.
    pub status: Status,
    /// Its pools, by name.
    pub pools: Vec<PoolView>,
    /// Its agents, in the order of the exposition.
    pub agents: Agents,
    /// The exposition: (table, ordinal) of the family and its blocks, in the order of the catalogue.
    pub blocks: Vec<(FamilyKey, Block)>,
    /// Series of the target in the exposition.
    pub series: usize,
    /// What has happened to it so far; the one thing here that goes on.
    pub history: Arc<History>,
}

impl Snapshot {
    /// The blocks of a family.
    pub fn blocks_of(&self, family: FamilyKey) -> impl Iterator<Item = &Block> {
        let start = self.blocks.partition_point(|(key, _)| *key < family);
        self.blocks[start..].iter().take_while(move |(key, _)| *key == family).map(|(_, block)| block)
    }
}

/// A pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolView {
    /// The label `pool`.
    pub name: Arc<str>,
    /// Whether it is rightly empty while there is nothing to do.
    pub on_demand: bool,
    /// Agents by class, in the order of [`Health::ALL`].
    pub agents: [u32; 6],
    /// When the whole pool was last read.
    pub last_success: UnixTime,
    /// How many agents the configuration expects to be healthy or degraded.
    pub min_serving: Option<u64>,
}

/// An agent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgentView<'a> {
    /// The label `pool`.
    pub pool: &'a str,
    /// The label `agent`.
    pub name: &'a str,
    /// Class of health.
    pub health: Health,
    /// Since when the daemon has seen this class.
    pub since: UnixTime,
    /// The native state in the vendor's words.
    pub state: &'a str,
}
