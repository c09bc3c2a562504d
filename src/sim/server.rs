//! The listener of a simulated service: HTTP on loopback, faults, and a journal of what was asked.

use super::{Options, World};
use std::{io, sync::Arc, time::Duration};

/// One request that a service saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The vendor whose service saw it.
    pub vendor: &'static str,
    /// Method, e.g. `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What it was answered; 0 where a fault gave no answer.
    pub status: u16,
    /// Whether it submitted a password, a PAT or a client secret.
    pub secret: bool,
    /// When it came, in real time since the start of the simulation.
    pub came: Duration,
    /// When it was answered (the end of the body is not waited for).
    pub answered: Duration,
}

/// All five services, running.
pub struct Simulation {
    world: Arc<World>,
}

impl Simulation {
    /// Binds and serves.
    pub async fn start(options: Options) -> io::Result<Simulation> {
        Ok(Simulation {
            world: Arc::new(World::new(options)),
        })
    }

    /// Seed, time, incidents and quirks.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }
}
