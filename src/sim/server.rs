//! The running simulation: every service on its own loopback port, with controls for tests.
//!
//! [`Simulation::start`] binds the listeners and returns once they accept; dropping it closes them all. A test breaks
//! answers with [`Simulation::fail`], takes a service off the network with [`Simulation::shut`], and reads in the
//! [`journal`](Simulation::journal) what the daemon sent.

mod fault;
mod journal;
mod listener;

pub use journal::JournalEntry;

use super::{Fault, Options, Quirk, Truth, World, vendors::Services};
use listener::Host;
use std::{
    fmt::Write as _,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// All services, running until this is dropped.
pub struct Simulation {
    world: Arc<World>,
    journal: Arc<journal::Journal>,
    hosts: Vec<Arc<Host>>,
    pub(crate) services: Services,
    stop: CancellationToken,
}

impl Simulation {
    /// Builds the services, binds 127.0.0.1 (`base_port` and the ports that follow it, or free ports) and serves on the
    /// current Tokio runtime. Fails only where a port cannot be bound.
    pub async fn start(options: Options) -> io::Result<Simulation> {
        let world = Arc::new(World::new(options));
        let services = Services::new(&world);
        let journal = Arc::new(journal::Journal::default());
        let stop = CancellationToken::new();
        let mut hosts = Vec::new();
        for (index, service) in (0_u16..).zip(services.all()) {
            let port = match world.options.base_port {
                Some(base) => base
                    .checked_add(index)
                    .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "base port is too high"))?,
                None => 0,
            };
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let world = world.clone();
            hosts.push(Host::open(address, service, world, journal.clone(), stop.clone()).await?);
        }
        Ok(Simulation { world, journal, hosts, services, stop })
    }

    /// Closes every listener and connection; returns when the ports are free again.
    pub async fn stop(self) {
        for host in &self.hosts {
            host.shut().await;
        }
    }

    /// Seed, time, incidents and quirks.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Names of the simulated vendors, in the order of their ports.
    pub fn vendors(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.hosts.iter().map(|host| host.service.vendor())
    }

    /// Where a vendor's service listens.
    ///
    /// # Panics
    /// Where no such vendor is simulated: a misspelt name in a test.
    pub fn address(&self, vendor: &str) -> SocketAddr {
        self.host(vendor).address
    }

    /// `http://` and [`Self::address`], without a path.
    pub fn url(&self, vendor: &str) -> String {
        format!("http://{}", self.address(vendor))
    }

    /// A complete `rollcall.yml` that polls every simulated service.
    pub fn config_yaml(&self) -> String {
        let mut yaml = format!(
            "# Polls the simulated vendor APIs of `rollcall simulate` ({} agents, seed {}).\n\
             # Every credential in here is made up and opens nothing but the simulation.\n\n\
             defaults:\n  interval: 5s\n\ntargets:\n",
            self.world.options.agents, self.world.options.seed
        );
        for host in &self.hosts {
            let entries = host.service.targets(&format!("http://{}", host.address));
            // Writing to a String cannot fail.
            let _ = writeln!(yaml, "{}\n", entries.trim_end());
        }
        yaml
    }

    /// What a perfect exporter would show now, over all services.
    pub fn truth(&self) -> Vec<Truth> {
        self.hosts.iter().flat_map(|h| h.service.truth()).collect()
    }

    /// The newest requests (100,000 at most), oldest first.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.journal.entries()
    }

    /// Forgets the requests so far.
    pub fn clear_journal(&self) {
        self.journal.clear();
    }

    /// How many requests in the journal submitted a password, a PAT or a client secret to this vendor, right or wrong.
    pub fn secrets_seen(&self, vendor: &str) -> usize {
        let entries = self.journal.entries();
        entries.iter().filter(|s| s.vendor == vendor && s.secret).count()
    }

    /// From now on every request to the vendor whose path and query contain `path_contains` meets the fault. Of several
    /// that match the newest holds.
    pub fn fail(&self, vendor: &str, path_contains: &str, fault: Fault) {
        self.host(vendor).fail(path_contains, fault);
    }

    /// Takes all faults off a vendor.
    pub fn heal(&self, vendor: &str) {
        self.host(vendor).heal();
    }

    /// Closes the vendor's port: connections break, new ones are refused.
    pub async fn shut(&self, vendor: &str) {
        self.host(vendor).shut().await;
    }

    /// Opens the port again after [`Self::shut`].
    pub async fn reopen(&self, vendor: &str) -> io::Result<()> {
        self.host(vendor).reopen().await
    }

    /// Changes the secret that the vendor accepts (see [`Service::set_secret`]).
    pub fn set_secret(&self, vendor: &str, secret: &str) {
        self.host(vendor).service.set_secret(secret);
    }

    /// The vendor forgets every session and token (see [`Service::expire_sessions`]).
    pub fn expire_sessions(&self, vendor: &str) {
        self.host(vendor).service.expire_sessions();
    }

    /// Whether the vendor's answers can show the quirk (see [`Service::shows`]).
    pub fn shows(&self, vendor: &str, quirk: Quirk) -> bool {
        self.host(vendor).service.shows(quirk)
    }

    fn host(&self, vendor: &str) -> &Arc<Host> {
        self.hosts
            .iter()
            .find(|host| host.service.vendor() == vendor)
            .unwrap_or_else(|| panic!("no simulated vendor is called {vendor:?}"))
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests;
