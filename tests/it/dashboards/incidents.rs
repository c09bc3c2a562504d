//! Every simulated incident is visible on the overview, and what is empty in a calm fleet has data in one that is not.
//!
//! One daemon polls a fleet for each incident, and a calm one beside them; the names of the targets tell them apart.

use std::{collections::BTreeSet, path::Path, time::Duration};

use rollcall::{
    config::Config,
    rules::{
        catalogue,
        promql::{self, FilePart, Format},
        rule,
    },
};
use rollcall_sim::{AzureDevops, Fault, Incident, Options};

use super::{
    PanelQuery,
    data::{When, excuse, wait_for_data},
    panel_queries,
};
use crate::support::{self, Daemon, Folder, Prometheus, Series, Sim, Target, VENDORS, WAIT_TIMEOUT, wait_until};

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
    (Incident::SyncStuck, "What users feel", "File jobs in trouble"),
    (Incident::PrimingRefused, "What users feel", "Probes failing"),
    (Incident::PrimingRefused, "Agents by health", "failed"),
    (Incident::GatewayLost, "What users feel", "Probes failing"),
    (Incident::GatewayLost, "Agents by health", "failed"),
    (Incident::LicenseRunningOut, "What users feel", "Licenses ending"),
    (Incident::PatchNight, "Agents by health", "disabled"),
    (Incident::VendorApiDown, "Targets down", "down"),
    (Incident::VendorApiDown, "Where the data come from", "C"),
    (Incident::SlowBuilds, "What users feel", "Builds queued"),
    (Incident::ScaleSetBroken, "Agents by health", "disabled"),
    (Incident::JobNobodyCanTake, "What users feel", "Builds queued"),
    (Incident::FilersDark, "Agents by health", "failed"),
    (Incident::DiskFull, "Agents by health", "degraded"),
    (Incident::SiteMaintenance, "Agents by health", "disabled"),
    (Incident::RegistrationStorm, "Agents by health", "failed"),
];

/// What the panel of firing alerts says of an incident, and not of a calm fleet; all of it with `for: 0s`. Not here: a patch
/// night, which pages nobody, and what takes longer than a test: three answers of a service that wants to be left alone in
/// between, two deep probes.
const FIRING: &[(Incident, &str)] = &[
    (Incident::HypervisorLost, "CitrixPowerStateUnknown"),
    (Incident::HypervisorLost, "CitrixSiteHypervisorFault"),
    (Incident::BuildPoolOffline, "RollcallPoolDown"),
    (Incident::BuildPoolOffline, "RollcallPoolBelowMinimum"),
    (Incident::BuildPoolOffline, "AzureDevOpsAgentLostJob"),
    (Incident::PasswordExpired, "RollcallTargetLoginHeld"),
    (Incident::SyncStuck, "ResilioJobNoPeers"),
    (Incident::GatewayLost, "ParallelsRasEntryPointDown"),
    (Incident::LicenseRunningOut, "ParallelsRasLicenseExpiring"),
    (Incident::LicenseRunningOut, "ParallelsRasLicenseUsersNearLimit"),
    (Incident::VendorApiDown, "RollcallTargetDown"),
    (Incident::ScaleSetBroken, "AzureDevOpsElasticPoolUnhealthy"),
    (Incident::JobNobodyCanTake, "AzureDevOpsJobUnmatched"),
    (Incident::FilersDark, "ResilioAgentOffline"),
    (Incident::DiskFull, "ResilioAgentDiskFull"),
];

/// The shipped rules, as quick as a test has to be.
fn rules() -> String {
    let names: BTreeSet<&str> = catalogue::all().iter().map(|alert| alert.name).collect();
    let quick = names.iter().map(|name| format!("    - {{ alert: {name}, for: 0s }}\n"));
    let text = format!("targets: []\nalerting:\n  overrides:\n{}", quick.collect::<String>());
    let config = Config::parse(&text, "rollcall.yml", Path::new("")).expect("the text is valid");
    let rules = rule::resolve(&config.alerting.overrides);
    promql::render(&rules, FilePart::All, Format::Prometheus, &promql::Options::default())
}

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
    for vendor in VENDORS {
        sim.set_secret(vendor, &format!("secret-of-{name}"));
    }
    let azure: &AzureDevops = sim.azure_devops();
    azure.set_client_secret(&format!("client-secret-of-{name}"));
    azure.set_capabilities(&["docker", "team"]);
    let yaml = sim.config_yaml();
    let (_, targets) = yaml.split_once("targets:\n").expect("a configuration with targets");
    (sim, targets.replace("- name: ", &format!("- name: {name}.")))
}

/// What a query gives for one fleet.
fn series(prometheus: &Prometheus, panel_query: &PanelQuery, fleet: &str) -> Vec<Series> {
    let expr = panel_query.filled(&format!("{fleet}[.].*"));
    let series = if panel_query.instant { prometheus.now(&expr) } else { prometheus.lately(&expr) };
    series.unwrap_or_else(|error| panic!("{}: {error}\n{expr}", panel_query.name()))
}

/// The sum of a query's values for one fleet; of numbers that are not there, 0.
fn sum(prometheus: &Prometheus, panel_query: &PanelQuery, fleet: &str) -> f64 {
    series(prometheus, panel_query, fleet).iter().map(|series| series.value).filter(|value| value.is_finite()).sum()
}

#[test]
fn every_incident_is_visible_on_the_overview() {
    let fleets: Vec<(Sim, String)> = Incident::ALL.into_iter().map(Some).chain([None]).map(fleet).collect();
    let targets: String = fleets.iter().map(|(_, targets)| targets.as_str()).collect();
    let folder = Folder::new();
    let config = folder.write("rollcall.yml", &format!("defaults:\n  interval: 5s\n\ntargets:\n{targets}"));
    let daemon = Daemon::start(&config);
    let prometheus = Prometheus::start(daemon.url(), &rules());

    let of_incidents = |panel_query: &PanelQuery| excuse(panel_query) == Some(When::Incident);
    wait_for_data(&prometheus, panel_queries().into_iter().filter(of_incidents).collect());

    let overview: Vec<PanelQuery> =
        panel_queries().into_iter().filter(|panel_query| panel_query.uid == "rollcall-overview").collect();
    let mut left = VISIBLE.to_vec();
    wait_until("every incident is visible", 2 * WAIT_TIMEOUT, || {
        let mut said = Vec::new();
        left.retain(|(incident, panel, what)| {
            let found = overview.iter().find(|panel_query| {
                panel_query.panel == *panel && (panel_query.legend == *what || panel_query.id == *what)
            });
            let panel_query = found.unwrap_or_else(|| panic!("the overview has no {panel} / {what}"));
            let (calm, now) = (sum(&prometheus, panel_query, "calm"), sum(&prometheus, panel_query, incident.name()));
            said.push(format!("{incident}: {panel} / {what} is {now}, calm {calm}"));
            now <= calm
        });
        std::thread::sleep(Duration::from_secs(1));
        if left.is_empty() { Ok(()) } else { Err(said.join("\n")) }
    });
    let firing = overview.iter().find(|panel_query| panel_query.panel == "Firing alerts").expect("a panel");
    let mut left = FIRING.to_vec();
    wait_until("every alert is visible", 2 * WAIT_TIMEOUT, || {
        let fires = |fleet: &str, name: &str| {
            let label = ("alertname".to_owned(), name.to_owned());
            series(&prometheus, firing, fleet).iter().any(|series| series.labels.contains(&label))
        };
        left.retain(|(incident, name)| !fires(incident.name(), name));
        std::thread::sleep(Duration::from_secs(1));
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    let calm = series(&prometheus, firing, "calm");
    for (_, name) in FIRING {
        let label = ("alertname".to_owned(), (*name).to_owned());
        assert!(!calm.iter().any(|series| series.labels.contains(&label)), "{name} fires in a calm fleet: {calm:?}");
    }
    for incident in Incident::ALL {
        assert!(VISIBLE.iter().any(|(shown, ..)| *shown == incident), "nothing is said of {incident}");
    }
}

/// What serves is then about the rest only, and says so: a fleet of which half is not seen is not well.
#[test]
fn what_serves_is_not_called_all_while_data_are_withdrawn() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let targets =
        [Target::azure("calm.builds", &sim), Target::ras("calm.farm", &sim), Target::citrix("calm.desktops", &sim)];
    let daemon = Daemon::start(&support::Config::soon_stale().targets(targets).write(&folder));
    let prometheus = Prometheus::start(daemon.url(), &rules());
    daemon.wait_until_up(&["calm.builds", "calm.farm", "calm.desktops"]);
    let serving: Vec<PanelQuery> =
        panel_queries().into_iter().filter(|panel_query| panel_query.panel == "Serving").collect();
    let are = |legend: &str, expected: usize| {
        wait_until(&format!("{expected} say {legend}"), 2 * WAIT_TIMEOUT, || {
            let shown = serving.iter().filter(|panel_query| panel_query.legend == legend);
            let shown: Vec<String> = shown
                .filter(|panel_query| !series(&prometheus, panel_query, "calm").is_empty())
                .map(PanelQuery::name)
                .collect();
            if shown.len() == expected { Ok(()) } else { Err(format!("{shown:?}")) }
        });
    };
    are("of all", 5);
    are("of those still read", 0);
    // The one about Azure DevOps sees nothing any more; overview and pool see the others.
    sim.fail("azure_devops", "", Fault::Status(503, "", "text/plain"));
    are("of those still read", 2);
    are("of all", 2);
}

#[test]
fn an_expected_pool_that_is_not_there_is_visible_on_the_overview() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let target = Target::azure("calm.builds", &sim).set("expect", "[{ pool: misspelt, min_serving: 8 }]");
    let daemon = Daemon::start(&support::Config::quick().target(target).write(&folder));
    let prometheus = Prometheus::start(daemon.url(), &rules());
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let pool = label("pool", "misspelt");
    let overview: Vec<PanelQuery> =
        panel_queries().into_iter().filter(|panel_query| panel_query.uid == "rollcall-overview").collect();
    let of = |panel: &str| {
        let panel_query = overview.iter().find(|panel_query| panel_query.panel == panel).expect("a panel");
        series(&prometheus, panel_query, "calm")
            .into_iter()
            .filter(|series| series.labels.contains(&pool))
            .collect::<Vec<_>>()
    };
    wait_until("it misses all of its agents, and the alert fires", 2 * WAIT_TIMEOUT, || {
        let (missing, firing) = (of("Pools that miss the most capacity"), of("Firing alerts"));
        let fires = firing.iter().any(|alert| alert.labels.contains(&label("alertname", "RollcallPoolBelowMinimum")));
        let all = missing.iter().any(|series| series.value == 8.0);
        if all && fires { Ok(()) } else { Err(format!("{missing:?}\n{firing:?}")) }
    });
}
