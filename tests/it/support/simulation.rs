//! Simulated vendors in the process of the test.

use std::{ops::Deref, sync::LazyLock};

use rollcall_sim::{Options, Simulation};
use rollcall_test_server::Server;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    rollcall::http::install_crypto();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads for the tests")
});

/// The runtime that the simulations and the requests of all tests run on.
pub fn runtime() -> &'static Runtime {
    &RUNTIME
}

/// Starts a server of the tests on it.
pub fn on_runtime(start: impl FnOnce() -> Server) -> Server {
    let _context = runtime().enter();
    start()
}

/// A small fleet that stands still: two readings are the same.
pub fn frozen() -> Options {
    Options { agents: 60, frozen: true, ..Options::default() }
}

/// A running [`Simulation`].
pub struct Sim(Simulation);

impl Sim {
    /// A small fleet that stands still.
    pub fn frozen() -> Sim {
        Sim::start(frozen())
    }

    /// A fleet with these options.
    pub fn start(options: Options) -> Sim {
        Sim(runtime().block_on(Simulation::start(options)).expect("free ports on loopback"))
    }

    /// Takes a vendor off the network.
    pub fn shut(&self, vendor: &str) {
        runtime().block_on(self.0.shut(vendor));
    }

    /// Brings it back.
    pub fn reopen(&self, vendor: &str) {
        runtime().block_on(self.0.reopen(vendor)).expect("the port is still ours");
    }

    /// How many requests to the vendor had a path that contains this.
    pub fn asked(&self, vendor: &str, path_contains: &str) -> usize {
        self.0.journal().iter().filter(|seen| seen.vendor == vendor && seen.path.contains(path_contains)).count()
    }
}

impl Deref for Sim {
    type Target = Simulation;

    fn deref(&self) -> &Simulation {
        &self.0
    }
}
