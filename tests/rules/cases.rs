//! The table of cases, and what follows from it: blindness, direct mode and two daemons for each alert that they concern.

mod azure_devops;
mod citrix_site;
mod citrix_storefront;
mod daemons;
mod parallels_ras;
mod pools;
mod resilio;
mod resilio_console;
mod targets;

use std::collections::HashSet;

use rollcall::rules::catalogue::{self, Sender, Severity};

use super::case::{Case, Kind, Series, TARGET};

/// All cases.
pub fn all() -> Vec<Case> {
    let mut all = written();
    // What many cases of an alert have in common is tried with one.
    let mut tried = HashSet::new();
    let fires = all.iter().filter(|case| case.kind == Kind::Fires);
    let derived: Vec<Case> = fires.flat_map(|case| derived(case, tried.insert((case.alert, case.vendor)))).collect();
    all.extend(derived);
    all
}

fn written() -> Vec<Case> {
    let tables = [
        daemons::cases(),
        targets::cases(),
        pools::cases(),
        parallels_ras::cases(),
        resilio::cases(),
        resilio_console::cases(),
        azure_devops::cases(),
        citrix_storefront::cases(),
        citrix_site::cases(),
    ];
    tables.into_iter().flatten().collect()
}

fn derived(case: &Case, first: bool) -> Vec<Case> {
    let Some(row) = case.rows().next() else { return Vec::new() };
    let mut derived = Vec::new();
    if row.sender == Sender::Both {
        let mut direct = case.clone().with("rollcall_direct_alerting_active", "", "1");
        direct.kind = Kind::Direct;
        direct.checks.values_mut().for_each(Vec::clear);
        derived.push(direct);
        if row.hold {
            derived.push(blind(case));
        }
    }
    if !case.vendor.is_empty() {
        derived.push(replicas(case, Kind::Twice, case, case));
    }
    if !case.vendor.is_empty() && first {
        let cut_off = case.clone().with("rollcall_target_up", "", "0");
        let mut outvoted = replicas(case, Kind::Outvoted, &well(case), &cut_off);
        outvoted.checks.values_mut().for_each(Vec::clear);
        derived.push(outvoted);
        // A daemon that is cut off polls as well.
        if case.alert != "RollcallPollsStopped" {
            derived.push(replicas(case, Kind::HalfBlind, case, &long_blind(case)));
        }
    }
    if row.labels.names().contains(&"vendor") && first {
        derived.push(dead(case));
    }
    derived
}

/// Two daemons, and what each of them sees.
fn replicas(case: &Case, kind: Kind, a: &Case, b: &Case) -> Case {
    let of = |case: &Case, instance: &'static str| {
        let of_instance = move |series: &Series| {
            let mut series = series.clone();
            series.labels.insert("instance".into(), instance.into());
            series
        };
        case.series.iter().map(of_instance).collect::<Vec<_>>()
    };
    Case { kind, series: [of(a, "a"), of(b, "b")].concat(), ..case.clone() }
}

/// The same target, and nothing is wrong with it.
fn well(case: &Case) -> Case {
    super::case::case(case.alert, case.kind, case.vendor, &case.what)
}

/// The same target, as a daemon sees it that never could read it: the data are gone, and every poll fails.
fn long_blind(case: &Case) -> Case {
    well(case)
        .with("rollcall_target_up", "", "0")
        .with("rollcall_target_stale", "", "1")
        .with("rollcall_target_consecutive_failures", "", "50+1")
        .with("rollcall_target_last_success_timestamp_seconds", "", "0")
}

/// The case, then the daemon is down, then it is back and nothing is wrong any more.
fn dead(case: &Case) -> Case {
    let end = case.end() + 1;
    let back = end + DOWN;
    let last = back + DOWN;
    let well = well(case);
    let mut dead = case.clone().with("rollcall_direct_alerting_active", "", "0");
    dead.kind = Kind::Dead;
    for series in &mut dead.series {
        let same = |other: &&Series| other.family == series.family && other.labels == series.labels;
        let counted = matches!(&*series.family, "rollcall_pool_on_demand" | "rollcall_target_agents");
        let first = counted.then(|| series.at(0)).flatten();
        let after = |minute| well.series.iter().find(same).map_or(first, |series| series.at(minute));
        let sample = |minute| match minute {
            minute if minute < end => series.at(minute),
            minute if minute < back => None,
            minute => after(minute),
        };
        *series = series.replaced(&(0..=last).map(sample).collect::<Vec<_>>());
    }
    let labels = [("job", "rollcall"), ("instance", "a:10077")].map(|(name, value)| (name.into(), value.into()));
    let up: Vec<Option<f64>> = (0..=last).map(|n| Some(f64::from(u8::from(n < end || n >= back)))).collect();
    let series = Series { family: "up".into(), labels: labels.into(), runs: Vec::new() };
    dead.series.push(series.replaced(&up));
    let firing = case.checks.values().next_back().cloned().unwrap_or_default();
    let held = firing.into_iter().map(|expected| super::case::Expected { value: f64::NAN, ..expected });
    dead.checks.insert(back - 1, held.collect());
    dead.silent(last)
}

/// How long nothing can be read: longer than `keep_firing_for`, and than every window.
const BLIND: usize = 70;
/// How long a daemon is down, and is looked at afterwards: longer than `keep_firing_for`.
const DOWN: usize = 30;
/// After this time what is not there any more has resolved.
const AFTER: usize = 80;

/// The case, then polls that fail, then polls that succeed and show nothing wrong any more.
fn blind(case: &Case) -> Case {
    let end = case.end() + 1;
    let back = end + BLIND;
    let last = back + AFTER;
    let mut blind = case.clone();
    blind.kind = Kind::Blind;
    for series in &mut blind.series {
        let family = series.family.as_str();
        let before = series.at(end - 1);
        let ours = series.labels.get("target").is_some_and(|target| target == TARGET);
        // Without it, what it was like before: a pool that is back, as many agents as before.
        let first =
            matches!(family, "rollcall_pool_on_demand" | "rollcall_target_agents").then(|| series.at(0)).flatten();
        let (while_blind, after): (Option<f64>, Option<f64>) = match family {
            "rollcall_target_up" => (Some(0.0), Some(1.0)),
            "rollcall_target_stale" => (Some(1.0), Some(0.0)),
            "rollcall_target_partial" => (Some(0.0), Some(0.0)),
            "rollcall_target_agents" => (Some(0.0), first),
            "rollcall_target_last_success_timestamp_seconds" => (before, Some(back as f64 * 60.0)),
            _ if family.starts_with("rollcall_target") || family.ends_with("_total") => (before, before),
            "rollcall_login_held" | "rollcall_direct_alerting_active" => (before, before),
            _ => (None, first),
        };
        let samples: Vec<Option<f64>> = (0..=last)
            .map(|minute| match minute {
                minute if minute < end || !ours => series.at(minute),
                minute if minute < back => while_blind,
                _ => after,
            })
            .collect();
        *series = series.replaced(&samples);
    }
    let firing = case.checks.values().next_back().cloned().unwrap_or_default();
    let held = firing.into_iter().map(|expected| super::case::Expected { value: f64::NAN, ..expected });
    blind.checks.insert(back - 1, held.collect());
    blind.silent(last)
}

/// The alerts that must have a case of things taken out of service on purpose.
const MAINTENANCE: &[&str] = &[
    "RollcallTargetBroken",
    "RollcallPoolDown",
    "RollcallPoolCapacityLow",
    "RollcallAgentFailed",
    "ParallelsRasEntryPointDown",
    "ParallelsRasObjectFailed",
    "ResilioJobNoPeers",
    "ResilioJobStalled",
    "AzureDevOpsPoolSaturated",
    "CitrixMachineUnregistered",
];

/// The alerts that must have a case of coming and going.
const FLAPPING: &[&str] = &[
    "RollcallTargetDown",
    "RollcallTargetPartial",
    "RollcallPoolDown",
    "RollcallPoolCapacityLow",
    "RollcallAgentFlapping",
    "ParallelsRasSessionProbeFailing",
    "ResilioJobNoPeers",
    "CitrixPowerStateUnknown",
];

#[test]
fn every_alert_has_the_cases_that_concern_it() {
    let cases = all();
    let has = |alert: &str, kind: Kind| cases.iter().any(|case| case.alert == alert && case.kind == kind);
    let mut missing = Vec::new();
    for alert in catalogue::all() {
        let mut needs = vec![Kind::Fires];
        // What always fires cannot be silent; that it is not sent by Prometheus is told elsewhere.
        if alert.sender != Sender::Daemon {
            needs.push(Kind::Silent);
        }
        if alert.sender == Sender::Both {
            needs.push(Kind::Direct);
        }
        if alert.hold {
            needs.push(Kind::Blind);
        }
        needs.extend(MAINTENANCE.contains(&alert.name).then_some(Kind::Maintenance));
        needs.extend(FLAPPING.contains(&alert.name).then_some(Kind::Flapping));
        missing.extend(needs.into_iter().filter(|kind| !has(alert.name, *kind)).map(|kind| (alert.name, kind)));
        let severity = alert.severity.as_str();
        let fires = cases.iter().filter(|case| case.alert == alert.name && case.kind == Kind::Fires);
        let fires = fires.flat_map(|case| case.checks.values().flatten()).any(|expected| expected.severity == severity);
        assert!(fires || alert.severity == Severity::None, "no case fires {} as {severity}", alert.name);
    }
    assert!(missing.is_empty(), "these cases are missing: {missing:?}");
}
