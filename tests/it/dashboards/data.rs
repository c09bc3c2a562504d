//! Every query brings data from a real Prometheus that scrapes `rollcall demo`.

use std::time::Duration;

use super::{PanelQuery, fill, panel_queries, variables};
use crate::support::{Alertmanager, Daemon, MORNING, Prometheus, WAIT_TIMEOUT, wait_until};

/// When a query that is empty in a calm fleet has data. Each is held to that by a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// While the incidents last; see `incidents.rs`.
    Incident,
    /// In a demo with `--alertmanager`.
    Direct,
    /// Once data are too old to be shown; see `incidents.rs`.
    Withdrawn,
}

const READ: &str = "no data are withdrawn";
const NOT_DIRECT: &str = "the demo pages only where it is told to";

/// What may be empty in a calm fleet, and why: dashboard, panel, `refId`s.
pub const EMPTY: &[(&str, &str, &str, When, &str)] = &[
    ("rollcall-overview", "Where the data come from", "C", When::Incident, "no poll failed, so there is no reason"),
    ("rollcall-daemon", "Polls by target", "B", When::Incident, "no poll failed, so there is no reason"),
    ("rollcall-overview", "Firing alerts", "ABC", When::Incident, "nothing fires"),
    ("rollcall-overview", "Pools by share failed", "ABCDE", When::Incident, "every pool serves"),
    ("rollcall-overview", "Pools that miss the most capacity", "A", When::Incident, "no pool misses any"),
    ("rollcall-overview", "Failed agents by pool", "B", When::Incident, "no agent failed"),
    ("rollcall-overview", "Serving", "B", When::Withdrawn, READ),
    ("rollcall-pool", "Serving", "B", When::Withdrawn, READ),
    ("rollcall-parallels-ras", "Serving", "B", When::Withdrawn, READ),
    ("rollcall-azure-devops", "Serving", "B", When::Withdrawn, READ),
    ("rollcall-citrix", "Serving", "B", When::Withdrawn, READ),
    ("rollcall-citrix-site", "Serving", "B", When::Withdrawn, READ),
    ("rollcall-pool", "Flapping", "A", When::Incident, "no agent may have changed"),
    ("rollcall-parallels-ras", "Servers not in order", "ABC", When::Incident, "all servers may be in order"),
    ("rollcall-daemon", "Failed polls by reason", "A", When::Incident, "no poll failed"),
    ("rollcall-parallels-ras", "Session probes", "B", When::Incident, "no probe failed, so there is no verdict"),
    ("rollcall-parallels-ras", "License", "D", When::Incident, "no license is in its days of grace"),
    ("rollcall-azure-devops", "Throughput units left", "AB", When::Incident, "the service says it near the limit only"),
    ("rollcall-azure-devops", "Agents not in order", "ABCDEF", When::Incident, "all agents may be in order"),
    ("rollcall-citrix", "Machines not in order", "ABCDEFG", When::Incident, "all machines may be in order"),
    ("rollcall-citrix-site", "Machines not in order", "ABCDEFGH", When::Incident, "all machines may be in order"),
    ("rollcall-citrix-site", "Registrations lost within ten minutes", "A", When::Incident, "none may be lost"),
    ("rollcall-azure-devops", "Builds and agents", "D", When::Incident, "no job may wait"),
    ("rollcall-azure-devops", "Scale sets", "B", When::Incident, "every scale set is online"),
    ("rollcall-azure-devops", "Pools", "B", When::Incident, "no job may wait"),
    ("rollcall-overview", "What users feel", "C", When::Incident, "no job may wait"),
    ("rollcall-resilio", "Errors by code", "A", When::Incident, "the console reports none"),
    ("rollcall-daemon", "Alerts in direct mode", "A", When::Direct, NOT_DIRECT),
    ("rollcall-daemon", "Alertmanagers", "ABC", When::Direct, NOT_DIRECT),
    ("rollcall-daemon", "Notifications", "ABC", When::Direct, NOT_DIRECT),
    ("rollcall-daemon", "Latency of Alertmanagers", "A", When::Direct, NOT_DIRECT),
];

/// Why a query may be empty while all is well.
pub fn excuse(panel_query: &PanelQuery) -> Option<When> {
    let listed = |(uid, panel, ids, ..): &&(&str, &str, &str, When, &str)| {
        panel_query.uid == *uid && panel_query.panel == *panel && ids.contains(panel_query.id.as_str())
    };
    EMPTY.iter().find(listed).map(|entry| entry.3)
}

/// The queries that have no data yet, or an error.
pub fn missing(prometheus: &Prometheus, panel_queries: &[PanelQuery]) -> Vec<(PanelQuery, String)> {
    let mut missing = Vec::new();
    for panel_query in panel_queries {
        let expr = panel_query.filled(".*");
        let answer = if panel_query.instant { prometheus.now(&expr) } else { prometheus.lately(&expr) };
        match answer {
            Ok(series) if !series.is_empty() => {}
            Ok(_) => missing.push((panel_query.clone(), "no data".to_owned())),
            Err(error) => missing.push((panel_query.clone(), error)),
        }
    }
    missing
}

/// Waits until these have data.
#[track_caller]
pub fn wait_for_data(prometheus: &Prometheus, panel_queries: Vec<PanelQuery>) {
    let mut left = panel_queries;
    wait_until("every query has data", 2 * WAIT_TIMEOUT, || {
        let missing = missing(prometheus, &left);
        left = missing.iter().map(|(panel_query, _)| panel_query.clone()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        // Scrapes come once a second.
        std::thread::sleep(Duration::from_secs(1));
        let lines = missing
            .iter()
            .map(|(panel_query, why)| format!("{}: {why}\n  {}", panel_query.name(), panel_query.filled(".*")));
        Err(lines.collect::<Vec<_>>().join("\n"))
    });
}

#[test]
fn every_panel_and_variable_has_data_in_the_demo() {
    let daemon = Daemon::demo(&MORNING);
    let prometheus = Prometheus::start(daemon.url(), "groups: []\n");
    wait_for_data(
        &prometheus,
        panel_queries().into_iter().filter(|panel_query| excuse(panel_query).is_none()).collect(),
    );
    // What one half of a query has must not hide that the other has nothing.
    let halves =
        ["rollcall_credential_expiry_timestamp_seconds", "rollcall_tls_certificate_not_after_timestamp_seconds"];
    for metric in halves {
        assert_ne!(prometheus.now(metric).map(|series| series.len()), Ok(0), "{metric}");
    }
    for (uid, selector, label) in variables() {
        let expr = format!("count by ({label}) ({})", fill(&selector, ".*"));
        let values = prometheus.now(&expr).unwrap_or_else(|error| panic!("{uid}: {expr}: {error}"));
        assert!(!values.is_empty(), "{uid}: {label} has no values");
    }
    // What is excused must at least be no error.
    for panel_query in panel_queries().iter().filter(|panel_query| excuse(panel_query).is_some()) {
        let expr = panel_query.filled(".*");
        let answer = if panel_query.instant { prometheus.now(&expr) } else { prometheus.lately(&expr) };
        answer.unwrap_or_else(|error| panic!("{}: {error}\n{expr}", panel_query.name()));
    }
}

#[test]
fn panels_about_direct_mode_have_data_in_a_demo_that_pages() {
    let alertmanager = Alertmanager::with("route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
    let flags = ["--alertmanager", &alertmanager.url(), "--incident", "vendor-api-down", "--incident.delay", "0s"];
    let daemon = Daemon::demo(&[&flags[..], &MORNING].concat());
    let prometheus = Prometheus::start(daemon.url(), "groups: []\n");
    wait_for_data(
        &prometheus,
        panel_queries().into_iter().filter(|panel_query| excuse(panel_query) == Some(When::Direct)).collect(),
    );
    // The watchdog fires at once, for the sake of the notifications: it is no alert that anybody should see.
    let panel_queries = panel_queries();
    let firing = panel_queries
        .iter()
        .find(|panel_query| panel_query.uid == "rollcall-overview" && panel_query.panel == "Firing alerts")
        .expect("a panel");
    assert_eq!(prometheus.now(&firing.filled(".*")).map(|series| series.len()), Ok(0));
}

#[test]
fn every_excuse_is_about_a_query_that_exists() {
    let panel_queries = panel_queries();
    for (uid, panel, ids, ..) in EMPTY {
        for id in ids.chars() {
            let found = panel_queries.iter().any(|panel_query| {
                panel_query.uid == *uid && panel_query.panel == *panel && panel_query.id == id.to_string()
            });
            assert!(found, "there is no {uid} / {panel} / {id}");
        }
    }
}
