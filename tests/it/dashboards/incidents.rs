//! Every simulated incident is visible on the overview, and what is empty in a calm fleet has data in one that is not.
//!
//! One daemon polls a fleet for each incident, and a calm one beside them; the names of the targets tell them apart.

use std::time::Duration;

use rollcall::sim::{AzureDevops, Incident, Options};

use super::{
    Ask, asks,
    data::{When, excuse, wait_for_data},
};
use crate::support::{Daemon, Folder, Prometheus, Sim, wait_until};

/// Stands in for the shipped rules.
const RULES: &str = "\
groups:
  - name: test
    rules:
      - alert: RollcallTargetDown
        expr: max by (vendor, target) (rollcall_target_up == 0)
        labels: { severity: warning }
";

/// What of the overview is higher than in a calm fleet: incident, panel, legend or `refId`.
const VISIBLE: &[(Incident, &str, &str)] = &[
    (Incident::HypervisorLost, "Agents by health", "unknown"),
    (Incident::HypervisorLost, "Vendors", "C"),
    (Incident::BuildPoolOffline, "Agents by health", "failed"),
    (Incident::BuildPoolOffline, "Pools by share failed", "A"),
    (Incident::BuildPoolOffline, "Pools that miss the most capacity", "A"),
    (Incident::BuildPoolOffline, "What users feel", "Builds queued"),
    (Incident::PasswordExpired, "Log-ons held", "held"),
    (Incident::PasswordExpired, "Targets down", "down"),
    (Incident::PasswordExpired, "Where the data come from", "C"),
    (Incident::RateLimited, "What users feel", "Held back"),
    (Incident::SyncStuck, "What users feel", "File jobs failed"),
    (Incident::PrimingRefused, "What users feel", "Probes failing"),
    (Incident::PrimingRefused, "Agents by health", "failed"),
    (Incident::GatewayLost, "What users feel", "Probes failing"),
    (Incident::GatewayLost, "Agents by health", "failed"),
    (Incident::PatchNight, "Agents by health", "disabled"),
    (Incident::VendorApiDown, "Targets down", "down"),
    (Incident::VendorApiDown, "Where the data come from", "C"),
];

/// The fleet in which this happens, `calm` for none, and its entries of the configuration.
fn fleet(incident: Option<Incident>) -> (Sim, String) {
    let name = incident.map_or("calm", Incident::name);
    let sim = Sim::start(Options {
        agents: 60,
        incidents: incident.into_iter().collect(),
        incident_delay: Duration::ZERO,
        // Its first minute is without delays.
        speed: if incident == Some(Incident::RateLimited) { 5.0 } else { 1.0 },
        ..Options::default()
    });
    // Holds and budgets belong to an identity: each fleet has its own.
    for vendor in ["parallels_ras", "parallels_ras_session", "azure_devops", "citrix_storefront"] {
        sim.set_secret(vendor, &format!("secret-of-{name}"));
    }
    let azure: &AzureDevops = sim.azure_devops();
    azure.set_client_secret(&format!("client-secret-of-{name}"));
    let yaml = sim.config_yaml();
    let (_, targets) = yaml.split_once("targets:\n").expect("a configuration with targets");
    (sim, targets.replace("- name: ", &format!("- name: {name}.")))
}

/// The sum of a query's values for one fleet; of numbers that are not there, 0.
fn sum(prometheus: &Prometheus, ask: &Ask, fleet: &str) -> f64 {
    let expr = ask.filled(&format!("{fleet}[.].*"));
    let series = if ask.instant { prometheus.now(&expr) } else { prometheus.lately(&expr) };
    let series = series.unwrap_or_else(|error| panic!("{}: {error}\n{expr}", ask.name()));
    series.iter().map(|series| series.value).filter(|value| value.is_finite()).sum()
}

#[test]
fn every_incident_is_visible_on_the_overview() {
    let fleets: Vec<(Sim, String)> = Incident::ALL.into_iter().map(Some).chain([None]).map(fleet).collect();
    let targets: String = fleets.iter().map(|(_, targets)| targets.as_str()).collect();
    let folder = Folder::new();
    let config = folder.write("rollcall.yml", &format!("defaults:\n  interval: 5s\n\ntargets:\n{targets}"));
    let daemon = Daemon::start(&config);
    let prometheus = Prometheus::start(daemon.url(), RULES);

    let of_incidents = |ask: &Ask| excuse(ask) == Some(When::Incident);
    wait_for_data(&prometheus, asks().into_iter().filter(of_incidents).collect());

    let overview: Vec<Ask> = asks().into_iter().filter(|ask| ask.uid == "rollcall-overview").collect();
    let mut left = VISIBLE.to_vec();
    wait_until("every incident is visible", Duration::from_secs(120), || {
        let mut said = Vec::new();
        left.retain(|(incident, panel, what)| {
            let found = overview.iter().find(|ask| ask.panel == *panel && (ask.legend == *what || ask.id == *what));
            let ask = found.unwrap_or_else(|| panic!("the overview has no {panel} / {what}"));
            let (calm, now) = (sum(&prometheus, ask, "calm"), sum(&prometheus, ask, incident.name()));
            said.push(format!("{incident}: {panel} / {what} is {now}, calm {calm}"));
            now <= calm
        });
        std::thread::sleep(Duration::from_secs(1));
        if left.is_empty() { Ok(()) } else { Err(said.join("\n")) }
    });
    for incident in Incident::ALL {
        assert!(VISIBLE.iter().any(|(shown, ..)| *shown == incident), "nothing is said of {incident}");
    }
}
