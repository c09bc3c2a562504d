//! What must hold in every scrape: the names are those of section 5 of `deploy/docs/reference.md`, and what
//! is said twice is said alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{SystemTime, UNIX_EPOCH},
};

use rollcall_sim::Quirk;

use crate::{
    catalogue::CONTRACT,
    support::{Exposition, Sample, Sim},
};

/// The classes of health.
pub const CLASSES: [&str; 6] = ["healthy", "transitional", "disabled", "degraded", "failed", "unknown"];

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs_f64()
}

/// What must hold in every scrape, whatever the vendors say.
#[track_caller]
pub fn consistent(exposition: &Exposition) {
    every_series_is_as_in_the_contract(exposition);
    agents_and_pools_agree(exposition);
    targets_are_whole(exposition);
    moments_of_the_daemon_are_now(exposition);
}

/// Name and labels of every series are those of [`CONTRACT`]. Returns the names.
#[track_caller]
pub fn every_series_is_as_in_the_contract(exposition: &Exposition) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    for sample in &exposition.samples {
        let row = CONTRACT.iter().find(|row| family(&sample.name, row.1) == row.0);
        let row = row.unwrap_or_else(|| panic!("CONTRACT in tests/it/catalogue.rs has no {sample:?}"));
        let mut labels: BTreeSet<String> = sample.labels.keys().cloned().collect();
        if sample.name.ends_with("_bucket") && row.1 == "histogram" {
            assert!(labels.remove("le"), "{sample:?}");
        }
        let wanted = crate::catalogue::labels(row);
        match row.0 {
            // The configuration gives it more.
            "rollcall_target_info" => assert!(labels.is_superset(&wanted), "{sample:?}"),
            _ => assert_eq!(labels, wanted, "{sample:?}"),
        }
        for label in labels {
            assert!(!crate::catalogue::is_forbidden(row.0, &label), "{sample:?}");
        }
        let description = row.0.ends_with("_info") || row.3.iter().any(|label| matches!(*label, "state" | "status"));
        if description
            && !matches!(
                row.0,
                "azure_devops_pool_jobs"
                    | "citrix_site_delivery_group_desktops"
                    | "parallels_ras_host_sessions"
                    | "rollcall_alerts"
            )
        {
            assert_eq!(sample.value, 1.0, "{sample:?}");
        }
        assert!(!sample.value.is_nan(), "{sample:?}");
        seen.insert(row.0);
    }
    seen
}

/// The family of a sample of that name, if it is one of this type.
fn family<'a>(name: &'a str, kind: &str) -> &'a str {
    let suffixes = ["_bucket", "_sum", "_count"];
    let stem = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    stem.filter(|_| kind == "histogram").unwrap_or(name)
}

type AgentKey<'a> = [&'a str; 4];

fn agent_key(sample: &Sample) -> AgentKey<'_> {
    ["vendor", "target", "pool", "agent"].map(|label| sample.label(label))
}

#[track_caller]
fn agents_and_pools_agree(exposition: &Exposition) {
    let mut agents: BTreeMap<AgentKey, Vec<(&str, f64)>> = BTreeMap::new();
    for sample in exposition.all("rollcall_agent_health", &[]) {
        agents.entry(agent_key(sample)).or_default().push((sample.label("health"), sample.value));
    }
    let mut pools: BTreeMap<[&str; 4], f64> = BTreeMap::new();
    for (key, classes) in &agents {
        let names: BTreeSet<&str> = classes.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, BTreeSet::from(CLASSES), "{key:?}");
        assert_eq!(classes.len(), CLASSES.len(), "{key:?}: {classes:?}");
        assert!(classes.iter().all(|(_, value)| *value == 0.0 || *value == 1.0), "{key:?}: {classes:?}");
        assert_eq!(classes.iter().map(|(_, value)| value).sum::<f64>(), 1.0, "{key:?}: {classes:?}");
        for (class, value) in classes {
            *pools.entry([key[0], key[1], key[2], class]).or_default() += value;
        }
    }
    let mut empty = BTreeSet::new();
    let shown = exposition.all("rollcall_pool_agents", &[]);
    for sample in &shown {
        let key = ["vendor", "target", "pool", "health"].map(|label| sample.label(label));
        match pools.remove(&key) {
            Some(count) => assert_eq!(sample.value, count, "{sample:?}"),
            None => {
                assert_eq!(sample.value, 0.0, "no agent is in {sample:?}");
                empty.insert([key[0], key[1], key[2]]);
            }
        }
    }
    assert!(pools.is_empty(), "without rollcall_pool_agents: {pools:?}");
    let all: BTreeSet<[&str; 3]> =
        shown.iter().map(|sample| ["vendor", "target", "pool"].map(|label| sample.label(label))).collect();
    assert_eq!(shown.len(), all.len() * CLASSES.len(), "six classes of every pool");
    assert!(
        empty.iter().all(|pool| pool[0] == "azure_devops"),
        "only Azure DevOps has pools without agents: {empty:?}"
    );
    for name in ["rollcall_pool_last_success_timestamp_seconds", "rollcall_pool_on_demand"] {
        let has: Vec<[&str; 3]> = exposition
            .all(name, &[])
            .iter()
            .map(|sample| ["vendor", "target", "pool"].map(|label| sample.label(label)))
            .collect();
        assert_eq!(has.len(), all.len(), "{name}");
        assert_eq!(has.into_iter().collect::<BTreeSet<_>>(), all, "{name}");
    }
    let since = exposition.all("rollcall_agent_health_since_timestamp_seconds", &[]);
    assert_eq!(since.len(), agents.len());
    assert!(since.iter().all(|sample| agents.contains_key(&agent_key(sample))));
    let logical: BTreeSet<AgentKey> =
        exposition.all("parallels_ras_agent_info", &[("kind", "logical")]).into_iter().map(agent_key).collect();
    for sample in exposition.samples.iter().filter(|sample| sample.labels.contains_key("agent")) {
        let key = agent_key(sample);
        let joins = agents.contains_key(&key) || (logical.contains(&key) && sample.name.starts_with("parallels_ras_"));
        assert!(joins, "does not join with rollcall_agent_health: {sample:?}");
    }
    for key in logical {
        assert!(!agents.contains_key(&key), "a logical row is no agent: {key:?}");
    }
}

#[track_caller]
fn targets_are_whole(exposition: &Exposition) {
    // Always there once a target was polled; and of these as many as the closed set of labels has.
    let always = [
        ("rollcall_target_info", 1),
        ("rollcall_target_up", 1),
        ("rollcall_target_partial", 1),
        ("rollcall_target_stale", 1),
        ("rollcall_target_consecutive_failures", 1),
        ("rollcall_target_poll_interval_seconds", 1),
        ("rollcall_target_poll_timeout_seconds", 1),
        ("rollcall_target_poll_duration_seconds", 1),
        ("rollcall_target_last_poll_timestamp_seconds", 1),
        ("rollcall_target_next_poll_timestamp_seconds", 1),
        ("rollcall_target_last_success_timestamp_seconds", 1),
        ("rollcall_target_agents", 1),
        ("rollcall_target_series", 1),
        ("rollcall_polls_total", 1),
        ("rollcall_polls_skipped_total", 1),
        ("rollcall_poll_failures_total", 15),
        ("rollcall_decode_warnings_total", 5),
        ("rollcall_api_throttled_seconds_total", 1),
        ("rollcall_login_held", 1),
        ("rollcall_direct_alerting_active", 1),
    ];
    let targets = exposition.all("rollcall_target_info", &[]);
    assert!(!targets.is_empty());
    for info in targets {
        let target = info.label("target");
        let labels = [("target", target), ("vendor", info.label("vendor"))];
        for (name, count) in always {
            assert_eq!(exposition.all(name, &labels).len(), count, "{name} of {target}");
        }
        let health = exposition.all("rollcall_agent_health", &labels).len() / CLASSES.len();
        assert_eq!(exposition.of(target, "rollcall_target_agents"), Some(health as f64), "{target}");
        let series = exposition.samples.iter().filter(|sample| sample.label("target") == target).count();
        assert_eq!(exposition.of(target, "rollcall_target_series"), Some(series as f64), "{target}");
        let failing = exposition.of(target, "rollcall_target_up") == Some(0.0)
            || exposition.of(target, "rollcall_target_partial") == Some(1.0);
        assert_eq!(!exposition.failure(target).is_empty(), failing, "{target}");
        let failures = exposition.of(target, "rollcall_target_consecutive_failures");
        assert!(failures == Some(0.0) || (failing && failures > Some(0.0)), "{target}: {failures:?}");
        let held = exposition.of(target, "rollcall_login_held");
        assert!(held == Some(0.0) || held == Some(1.0), "{target}: {held:?}");
        requests_add_up(exposition, target);
    }
}

/// The histogram is whole, and counts as often as the counter.
#[track_caller]
fn requests_add_up(exposition: &Exposition, target: &str) {
    let mut requests: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in exposition.all("rollcall_api_requests_total", &[("target", target)]) {
        *requests.entry(sample.label("operation")).or_default() += sample.value;
    }
    for (operation, count) in &requests {
        let labels = [("target", target), ("operation", *operation)];
        let name = "rollcall_api_request_duration_seconds";
        assert_eq!(exposition.get(&format!("{name}_count"), &labels), Some(*count), "{target} {operation}");
        let buckets = exposition.all(&format!("{name}_bucket"), &labels);
        assert_eq!(buckets.last().map(|last| (last.label("le"), last.value)), Some(("+Inf", *count)));
        let rising = buckets.windows(2).all(|pair| pair[0].value <= pair[1].value);
        assert!(rising && buckets.len() > 5, "{buckets:?}");
        let sum = exposition.get(&format!("{name}_sum"), &labels);
        assert!(sum.is_some_and(|sum| sum > 0.0 && sum < count * 60.0), "{target} {operation}: {sum:?}");
    }
}

#[track_caller]
fn moments_of_the_daemon_are_now(exposition: &Exposition) {
    let start = exposition.get("process_start_time_seconds", &[]).expect("Linux");
    let own = [
        "rollcall_agent_health_since_timestamp_seconds",
        "rollcall_pool_last_success_timestamp_seconds",
        "rollcall_target_last_poll_timestamp_seconds",
        "rollcall_config_last_reload_success_timestamp_seconds",
        "resilio_job_status_since_timestamp_seconds",
        "resilio_job_unsynced_since_timestamp_seconds",
    ];
    for sample in exposition.samples.iter().filter(|sample| own.contains(&sample.name.as_str())) {
        // The kernel counts the start of a process in hundredths of a second.
        assert!(sample.value >= start - 1.1 && sample.value <= now(), "{sample:?}, {start} to {}", now());
    }
    let job = |sample: &Sample| {
        let labels = ["target", "pool", "agent", "job_name", "job_id"];
        labels.map(|label| sample.label(label).to_owned())
    };
    let all = |name: &str| exposition.all(name, &[]).into_iter().map(job).collect::<BTreeSet<_>>();
    let jobs = all("resilio_job_info");
    assert_eq!(all("resilio_job_status_since_timestamp_seconds"), jobs);
    let folders: BTreeSet<_> = exposition.all("resilio_job_info", &[("type", "folder")]).into_iter().map(job).collect();
    let busy = exposition.all("resilio_job_status", &[]).into_iter();
    let busy = busy.filter(|sample| !matches!(sample.label("status"), "synced" | "paused")).map(job);
    let unsynced: BTreeSet<_> = busy.filter(|job| folders.contains(job)).collect();
    assert_eq!(all("resilio_job_unsynced_since_timestamp_seconds"), unsynced);
    for sample in exposition.all("parallels_ras_session_probe_success", &[]) {
        let labels =
            [("target", sample.label("target")), ("agent", sample.label("agent")), ("mode", sample.label("mode"))];
        let took = exposition.get("parallels_ras_session_probe_duration_seconds", &labels);
        assert!(took.is_some_and(|took| took > 0.0 && took < 90.0), "{sample:?} took {took:?}");
        let failures = exposition.get("parallels_ras_session_probe_consecutive_failures", &labels);
        assert!(
            failures.is_some_and(|failures| (failures == 0.0) == (sample.value == 1.0)),
            "{sample:?}: {failures:?}"
        );
        let errors = exposition.all("parallels_ras_session_probe_error", &labels);
        assert_eq!(errors.len(), usize::from(sample.value == 0.0), "{sample:?}");
    }
}

/// A well-behaved server gives nothing to warn of.
#[track_caller]
pub fn warnings_are_none(exposition: &Exposition) {
    for sample in exposition.all("rollcall_decode_warnings_total", &[]) {
        assert_eq!(sample.value, 0.0, "{sample:?}");
    }
}

/// Each quirk is counted where it is odd, and only there.
#[track_caller]
pub fn warnings_tell(sim: &Sim, exposition: &Exposition, quirk: Quirk) {
    let kind = match quirk {
        Quirk::BadItem => "bad_item",
        Quirk::UnknownState => "unknown_state",
        Quirk::DuplicateName => "duplicate",
        Quirk::LongName => "truncated_label",
        _ => "",
    };
    for sample in exposition.all("rollcall_decode_warnings_total", &[]) {
        let is_odd = match (sample.label("target"), quirk) {
            // Every Resilio client lists its own runs; their names and states are odd on one each.
            (filer, Quirk::UnknownState) if filer.starts_with("filer-") => filer == "filer-01",
            (filer, Quirk::LongName) if filer.starts_with("filer-") => filer == "filer-04",
            (target, _) => target != "builds-entra",
        };
        let odd = sample.label("kind") == kind && is_odd && sim.shows(sample.label("vendor"), quirk);
        assert_eq!(sample.value > 0.0, odd, "{quirk:?}: {sample:?}");
    }
}
