//! The fleet of an incident: simulated vendors whose clocks are fast, and the targets that poll them.

use std::{fmt::Write as _, time::Duration};

use rollcall_sim::{AzureDevops, Incident, Options};

use super::{Case, stage::FACTOR};
use crate::support::Sim;

/// What the simulated clocks show at the start: 8 o'clock of a day. What fleets do by themselves follows the clock.
const MORNING: Duration = Duration::from_secs(1_768_464_000);

/// The fleet of an incident.
pub struct Fleet {
    /// Its incident.
    pub case: Case,
    /// Its vendors.
    pub sim: Sim,
    /// Its targets as the configuration has them.
    pub targets: String,
    /// When the incident began, as the receiver has it.
    pub began: Duration,
}

impl Fleet {
    /// A fleet that is well.
    pub fn new(case: Case) -> Fleet {
        let sim = Sim::start(Options {
            agents: 60,
            resilio_clients: Some(4),
            speed: f64::from(FACTOR),
            clock: Some(MORNING),
            ..Options::default()
        });
        let mut fleet = Fleet { case, sim, targets: String::new(), began: Duration::ZERO };
        fleet.renew_secrets("");
        fleet
    }

    /// What the names of its targets begin with.
    pub fn name(&self) -> &'static str {
        self.case.incident.map_or("calm", Incident::name)
    }

    /// Holds and budgets belong to an identity: each fleet has its own.
    pub fn renew_secrets(&mut self, more: &str) {
        let name = self.name();
        for vendor in ["parallels_ras", "parallels_ras_session", "azure_devops", "citrix_storefront"] {
            self.sim.set_secret(vendor, &format!("secret-of-{name}{more}"));
        }
        let azure: &AzureDevops = self.sim.azure_devops();
        azure.set_client_secret(&format!("client-secret-of-{name}{more}"));
        let yaml = self.sim.config_yaml();
        let (_, targets) = yaml.split_once("targets:\n").expect("a configuration with targets");
        let ours = |target: &&str| {
            let vendor = target.lines().find_map(|line| line.trim().strip_prefix("vendor: "));
            vendor.is_some_and(|vendor| self.case.vendors.contains(&vendor))
        };
        let entries = targets.split("  - name: ").filter(ours);
        self.targets = entries.map(|entry| format!("  - name: {name}.{}\n", quick(entry).trim_end())).collect();
    }

    /// The names of its targets.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.targets.lines().filter_map(|line| line.strip_prefix("  - name: "))
    }

    /// Lets the incident begin; `now` is the receiver's.
    pub fn begin(&mut self, now: Duration) {
        self.began = now;
        if let Some(incident) = self.case.incident {
            self.sim.world().begin(incident);
        }
    }
}

/// A target of the simulation with the times of the replay: polled every two minutes, a deep probe every fifteen.
fn quick(target: &str) -> String {
    let mut out = String::new();
    for line in target.lines() {
        let line = match line.trim() {
            "interval: 15m" => "    interval: 15s\n    timeout: 6s\n    stale_after: 40s",
            "interval: 10s" => continue,
            "prime_timeout: 60s" => "      prime_timeout: 5s",
            "enumerate_interval: 30s" => "    enumerate_interval: 10s",
            // The lists would use up the budget of requests, which is not scaled.
            "vendor: parallels_ras" => "    vendor: parallels_ras\n    resolve_names: false",
            _ => line,
        };
        let _ = writeln!(out, "{line}");
    }
    out
}
