//! The fleet of an incident: simulated vendors whose clocks are fast, and the targets that poll them.

use std::time::Duration;

use rollcall_sim::{AzureDevops, Incident, MORNING, Options, quick_target};

use super::Case;
use crate::support::{Sim, VENDORS};

/// Resilio agents of a fleet that are asked themselves at the most. Of its dark ones there is one at each of three sites, and
/// they would be too large a part of smaller ones.
const ASKED: usize = 6;
const WITH_DARK_ONES: usize = 18;

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
    /// When it ended.
    pub ended: Duration,
    /// How many times faster it lives.
    factor: u32,
}

impl Fleet {
    /// A fleet that is well, this many times faster.
    pub fn new(case: Case, factor: u32) -> Fleet {
        let sim = Sim::start(Options {
            agents: 60,
            resilio_clients: Some(if case.incident == Some(Incident::FilersDark) { WITH_DARK_ONES } else { 4 }),
            speed: f64::from(factor),
            clock: Some(MORNING),
            ..Options::default()
        });
        let mut fleet =
            Fleet { case, sim, targets: String::new(), began: Duration::ZERO, ended: Duration::ZERO, factor };
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
        for vendor in VENDORS {
            self.sim.set_secret(vendor, &format!("secret-of-{name}{more}"));
        }
        let azure: &AzureDevops = self.sim.azure_devops();
        azure.set_client_secret(&format!("client-secret-of-{name}{more}"));
        let yaml = self.sim.config_yaml();
        let (_, targets) = yaml.split_once("targets:\n").expect("a configuration with targets");
        let ours = |target: &&str| {
            let vendor = target.lines().find_map(|line| line.trim().strip_prefix("vendor: "));
            let number = target.lines().next().and_then(|name| name.strip_prefix("filer-")?.parse::<usize>().ok());
            vendor.is_some_and(|vendor| self.case.vendors.contains(&vendor))
                && number.is_none_or(|number| number <= ASKED)
        };
        let entries = targets.split("  - name: ").filter(ours);
        self.targets = entries
            .map(|entry| format!("  - name: {name}.{}\n", quick_target(entry, self.factor).trim_end()))
            .collect();
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

    /// Nothing can be read any more of what is read. A session probe that reaches nobody is no blind one: that is its finding.
    pub fn blind(&self) {
        self.read().for_each(|vendor| self.sim.shut(vendor));
    }

    /// Everything can be read again.
    pub fn see(&self) {
        self.read().for_each(|vendor| self.sim.reopen(vendor));
    }

    fn read(&self) -> impl Iterator<Item = &'static str> {
        self.case.vendors.iter().copied().filter(|vendor| *vendor != "parallels_ras_session")
    }
}
