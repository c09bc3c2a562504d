//! A poll that fails in part keeps the last data of the part, and withdraws that alone; extras may fail without a word.

use std::collections::BTreeSet;

use rollcall_sim::{Fault, Options};

use crate::support::{Config, Daemon, Exposition, FaultProxy, Folder, Sample, Sim, Target, frozen};

fn broken() -> Fault {
    Fault::Status(500, "", "text/plain")
}

/// The agents of a target.
fn agents(now: &Exposition, target: &str) -> BTreeSet<(String, String)> {
    let health = now.all("rollcall_agent_health", &[("target", target)]);
    health.iter().map(|sample| (sample.label("pool").to_owned(), sample.label("agent").to_owned())).collect()
}

fn partial(now: &Exposition, target: &str) -> bool {
    now.of(target, "rollcall_target_partial") == Some(1.0)
        && now.of(target, "rollcall_target_up") == Some(1.0)
        && now.failure(target) == "partial"
}

/// Every failure that was counted was partial, and there is no back-off.
fn assert_only_partial(now: &Exposition, target: &str) {
    for sample in now.all("rollcall_poll_failures_total", &[("target", target)]) {
        let reason = sample.label("reason");
        assert!(reason == "partial" || sample.value == 0.0, "{target}: {reason} was counted");
    }
    assert_eq!(now.of(target, "rollcall_target_consecutive_failures"), Some(0.0));
}

#[test]
fn an_azure_pool_that_fails_keeps_its_agents_and_goes_alone_when_they_are_old() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::soon_stale().target(Target::azure("builds", &sim));
    let daemon = Daemon::start(&config.write(&folder));
    let before = daemon.wait_until_up(&["builds"]);
    let (all, gone) = (agents(&before, "builds"), "linux-build");
    let of_pool = |sample: &&Sample| sample.label("pool") == gone;
    assert!(all.iter().any(|(pool, _)| pool == gone) && all.iter().any(|(pool, _)| pool != gone));

    sim.fail("azure_devops", "/pools/10/agents", broken());
    let now = daemon.wait_for("the poll is partial", |now| partial(now, "builds"));
    assert_eq!(agents(&now, "builds"), all, "the old agents are kept");
    let now = daemon.wait_for("the pool is withdrawn", |now| agents(now, "builds") != all);
    let rest: BTreeSet<_> = all.iter().filter(|(pool, _)| pool != gone).cloned().collect();
    assert_eq!(agents(&now, "builds"), rest, "the other pools stay");
    assert!(partial(&now, "builds"));
    assert_eq!(now.of("builds", "rollcall_target_stale"), Some(0.0));
    let left: BTreeSet<String> = now.data("builds").into_iter().filter(of_pool).map(|s| s.name.clone()).collect();
    // What the list of pools and the queue say is no older than the last poll, and what was counted stays counted.
    let described = ["info", "job_requests_up", "jobs", "size", "unmatched_jobs"].map(str::to_owned).into_iter();
    let counted = ["wait", "duration"]
        .into_iter()
        .flat_map(|name| ["bucket", "sum", "count"].map(|suffix| format!("job_{name}_seconds_{suffix}")));
    let described: BTreeSet<String> =
        described.chain(counted).map(|name| format!("azure_devops_pool_{name}")).collect();
    let left: BTreeSet<String> = left.into_iter().filter(|name| !name.contains("oldest_queued")).collect();
    assert_eq!(left, described);
    assert_only_partial(&now, "builds");
    assert!(now.failures("builds", "partial") >= 3.0);

    sim.heal("azure_devops");
    let now = daemon.wait_for("the pool is back", |now| agents(now, "builds") == all);
    assert_eq!(now.failure("builds"), "");
    assert_eq!(now.of("builds", "rollcall_target_partial"), Some(0.0));
}

#[test]
fn an_azure_queue_that_fails_is_no_failure_and_never_an_empty_queue() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    sim.fail("azure_devops", "/pools/10/jobrequests", broken());
    let config = Config::quick().target(Target::azure("builds", &sim));
    let daemon = Daemon::start(&config.write(&folder));
    let now = daemon.wait_until_up(&["builds"]);
    assert_eq!(now.failure("builds"), "");
    let up = now.all("azure_devops_pool_job_requests_up", &[("target", "builds")]);
    assert!(up.len() > 2);
    for sample in up {
        let pool = sample.label("pool");
        let jobs = now.all("azure_devops_pool_jobs", &[("target", "builds"), ("pool", pool)]).len();
        let expected = if pool == "linux-build" { (0.0, 0) } else { (1.0, 3) };
        assert_eq!((sample.value, jobs), expected, "{pool}");
    }
    assert_eq!(now.get("azure_devops_pool_oldest_queued_job_timestamp_seconds", &[("pool", "linux-build")]), None);
    sim.heal("azure_devops");
    daemon.wait_for("the queue is read", |now| {
        now.get("azure_devops_pool_job_requests_up", &[("pool", "linux-build")]) == Some(1.0)
    });
}

#[test]
fn a_citrix_chunk_that_fails_keeps_its_machines_and_goes_alone_when_they_are_old() {
    let sim = Sim::start(Options { agents: 1_800, ..frozen() });
    let folder = Folder::new();
    let proxy = FaultProxy::of(&sim, "citrix_storefront");
    let target =
        Target::citrix("desktops", &sim).map("url", |url| url.replace(&sim.url("citrix_storefront"), proxy.url()));
    let config = Config::with_defaults("{ interval: 1s, timeout: 10s, stale_after: 20s }").target(target);
    let daemon = Daemon::start(&config.write(&folder));
    let before = daemon.wait_until_up(&["desktops"]);
    let all = agents(&before, "desktops");
    assert!(all.len() > 200, "{}", all.len());

    // Only the body of the request for the first chunk names this desktop.
    proxy.answer("XD-East.Desktop 1<", 500, &[]);
    let now = daemon.wait_for("the poll is partial", |now| partial(now, "desktops"));
    assert_eq!(agents(&now, "desktops"), all, "the old machines are kept");
    let now = daemon.wait_for("the chunk is withdrawn", |now| agents(now, "desktops") != all);
    let rest = agents(&now, "desktops");
    assert!(rest.is_subset(&all) && !rest.is_empty(), "{} of {}", rest.len(), all.len());
    let gone: BTreeSet<_> = all.difference(&rest).collect();
    assert!(gone.iter().any(|(_, agent)| agent == "VDI-EAST-001"), "{gone:?}");
    assert!(partial(&now, "desktops"));
    assert_eq!(now.of("desktops", "rollcall_target_stale"), Some(0.0));
    assert_only_partial(&now, "desktops");

    proxy.heal();
    let now = daemon.wait_for("the chunk is back", |now| agents(now, "desktops") == all);
    assert_eq!(now.failure("desktops"), "");
}

#[test]
fn resilio_jobs_that_cannot_be_read_stay_and_go_alone_when_they_are_old() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::soon_stale().target(Target::resilio("filer", &sim, 1));
    let daemon = Daemon::start(&config.write(&folder));
    let before = daemon.wait_until_up(&["filer"]);
    let jobs = |now: &Exposition| now.all("resilio_job_status", &[("target", "filer")]).len();
    let all = jobs(&before);
    assert!(all > 0);
    sim.fail("resilio", "/runs", broken());
    let now = daemon.wait_for("the poll is partial", |now| partial(now, "filer"));
    assert_eq!(jobs(&now), all);
    let now = daemon.wait_for("the jobs are withdrawn", |now| jobs(now) == 0);
    let job_series = now.data("filer").into_iter().filter(|sample| sample.name.starts_with("resilio_job_")).count();
    assert_eq!(job_series, 0);
    assert_eq!(now.all("resilio_client_state", &[("target", "filer")]).len(), 1, "the client stays");
    assert_eq!(now.of("filer", "rollcall_target_stale"), Some(0.0));
    assert_only_partial(&now, "filer");
    sim.heal("resilio");
    daemon.wait_for("the jobs are back", |now| jobs(now) == all && now.failure("filer").is_empty());
}

#[test]
fn resilio_tags_that_fail_are_no_failure() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    sim.fail("resilio", "/tags", broken());
    let daemon = Daemon::start(&Config::quick().target(Target::resilio("filer", &sim, 1)).write(&folder));
    let now = daemon.wait_until_up(&["filer"]);
    assert_eq!((now.failure("filer").as_str(), now.of("filer", "rollcall_target_partial")), ("", Some(0.0)));
    assert!(now.all("resilio_client_tag_info", &[]).is_empty());
    assert!(!now.all("resilio_job_status", &[("target", "filer")]).is_empty());
    sim.heal("resilio");
    daemon.wait_for("the tags are there", |now| !now.all("resilio_client_tag_info", &[]).is_empty());
}

#[test]
fn a_ras_list_of_names_that_fails_or_is_forbidden_leaves_ids_and_is_no_failure() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    sim.fail("parallels_ras", "/api/RDS", broken());
    sim.parallels_ras().forbid("/api/Gateway");
    let target = Target::ras("farm", &sim).set("resolve_names", "true");
    let daemon = Daemon::start(&Config::quick().target(target).write(&folder));
    let names = |now: &Exposition, pool: &str| -> Vec<String> {
        let of_pool = now.all("rollcall_agent_health", &[("target", "farm"), ("pool", pool), ("health", "healthy")]);
        of_pool.iter().map(|sample| sample.label("agent").to_owned()).collect()
    };
    let is_id = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
    let now =
        daemon.wait_for("the brokers have names", |now| names(now, "PA@1").iter().any(|name| name.contains("broker")));
    assert_eq!(now.failure("farm"), "");
    for pool in ["RDSHost@1", "Gateway@1"] {
        let names = names(&now, pool);
        assert!(!names.is_empty() && names.iter().all(is_id), "{pool}: {names:?}");
    }
    // The log-on of that very poll tells a forbidden list from a session that has ended: the list is left alone.
    daemon.wait_for("more polls", |now| now.of("farm", "rollcall_polls_total") >= Some(4.0));
    let now = daemon.scrape();
    assert_eq!(sim.asked("parallels_ras", "/api/Gateway"), 1);
    assert_eq!(sim.secrets_seen("parallels_ras"), 1);
    assert_eq!(now.failures("farm", "forbidden"), 0.0);
    assert_eq!(now.of("farm", "rollcall_target_up"), Some(1.0));
}
