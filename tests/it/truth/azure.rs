//! What Azure DevOps says of jobs over several polls, of capabilities, and of pools of deployment groups; and how often it is
//! asked.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use rollcall_sim::{Options, ShownJob};

use super::{
    compare::{TruthFixture, prepare},
    fleet,
};
use crate::support::{Exposition, Sim};

const BUILDS: &str = "builds";

/// Waits until two more polls have ended: the second one began when time stood still.
fn polled(fixture: &TruthFixture) -> Exposition {
    let polls = |now: &Exposition| now.of(BUILDS, "rollcall_polls_total").unwrap_or_default();
    let before = polls(&fixture.daemon.scrape());
    fixture.daemon.wait_for("two polls", |now| polls(now) >= before + 2.0)
}

/// What has been counted: by pool, and for durations the result.
#[derive(Debug, Default)]
struct Counted {
    waits: BTreeMap<String, Vec<f64>>,
    durations: BTreeMap<(String, &'static str), Vec<f64>>,
    taken: HashSet<i64>,
    ended: HashSet<i64>,
}

impl Counted {
    /// What a perfect exporter counts of this; nothing where it is the first that it sees.
    fn see(&mut self, shown: Vec<ShownJob>, first: bool) {
        for job in shown {
            if self.taken.insert(job.id) && !first {
                self.waits.entry(job.pool.clone()).or_default().push(job.wait);
            }
            let Some((took, result)) = job.ended else { continue };
            if self.ended.insert(job.id) && !first {
                self.durations.entry((job.pool, result)).or_default().push(took);
            }
        }
    }
}

/// Whether a histogram holds exactly these observations. Times are 128ths of a second, whose sums are exact.
#[track_caller]
fn holds(now: &Exposition, name: &str, labels: &[(&str, &str)], values: &[f64]) {
    let labels = [&[("target", BUILDS)], labels].concat();
    let get = |suffix: &str| now.get(&format!("{name}{suffix}"), &labels);
    assert_eq!(get("_count"), Some(values.len() as f64), "{name} {labels:?}");
    assert_eq!(get("_sum"), Some(values.iter().sum()), "{name} {labels:?}");
    let buckets = now.all(&format!("{name}_bucket"), &labels);
    assert!(buckets.len() >= 12, "{buckets:?}");
    for bucket in buckets {
        let bound = bucket.label("le").replace("+Inf", "inf").parse::<f64>().expect("a number");
        let within = values.iter().filter(|value| **value <= bound).count();
        assert_eq!(bucket.value, within as f64, "{bucket:?}");
    }
}

#[test]
fn waits_and_durations_of_every_pool_are_the_truth_over_hours_and_a_reload() {
    let fixture =
        TruthFixture::polling(Sim::start(Options { agents: 200, ..fleet(200, 8) }), |target| target == BUILDS);
    let mut counted = Counted::default();
    polled(&fixture);
    let mut now = polled(&fixture);
    counted.see(fixture.sim.azure_devops().shown_jobs(), true);
    for step in 0..8 {
        fixture.sim.world().advance(Duration::from_secs(400 + step * 61));
        if step == 3 {
            // It changes nothing of the target.
            fixture.daemon.reload();
        }
        now = polled(&fixture);
        counted.see(fixture.sim.azure_devops().shown_jobs(), false);
    }
    let pools = now.all("azure_devops_pool_size", &[("target", BUILDS)]);
    assert!(pools.len() > 5);
    let results = ["succeeded", "succeededWithIssues", "failed", "canceled", "skipped", "abandoned", "other"];
    for pool in pools {
        let pool = pool.label("pool");
        let waits = counted.waits.remove(pool).unwrap_or_default();
        holds(&now, "azure_devops_pool_job_wait_seconds", &[("pool", pool)], &waits);
        let has_jobs = !counted.taken.is_empty() && pool != "Default";
        for result in results.iter().filter(|_| has_jobs) {
            let durations = counted.durations.remove(&(pool.to_owned(), *result)).unwrap_or_default();
            let labels = [("pool", pool), ("result", *result)];
            holds(&now, "azure_devops_pool_job_duration_seconds", &labels, &durations);
        }
    }
    assert!(counted.waits.is_empty() && counted.durations.is_empty(), "{counted:?}");
    assert!(counted.ended.len() > 200, "{}", counted.ended.len());
}

#[test]
fn the_capabilities_that_are_asked_for_are_the_truth_and_no_others_are_told() {
    let names = ["Agent.ComputerName", "docker", "git", "team"];
    let sim = prepare(fleet(200, 9), |sim| sim.azure_devops().set_capabilities(&names));
    let fixture = TruthFixture::polling(sim, |target| target == BUILDS);
    for step in 0..2 {
        let now = fixture.wait_for_truth("with capabilities");
        assert!(now.all("azure_devops_agent_capability_info", &[]).len() > 100);
        assert!(
            !now.samples.iter().any(|sample| sample.labels.values().any(|value| value == "environment-of-an-agent"))
        );
        if step == 0 {
            // Agents of scale sets come and go.
            fixture.sim.world().advance(Duration::from_secs(5_000));
        }
    }
}

#[test]
fn pools_of_deployment_groups_are_there_also_where_the_list_lacks_them() {
    let sim = prepare(fleet(200, 10), |sim| sim.azure_devops().set_deployment_apart(true));
    let now = TruthFixture::polling(sim, |target| target == BUILDS).wait_for_truth("deployment pools apart");
    assert!(!now.all("azure_devops_pool_info", &[("pool_type", "deployment")]).is_empty());
    for extra in ["elastic_pools", "deployment_pools"] {
        assert_eq!(now.get("rollcall_target_extra_up", &[("target", BUILDS), ("extra", extra)]), Some(1.0), "{extra}");
    }
    assert_eq!(now.all("rollcall_target_extra_up", &[]).len(), 2, "no capability is asked for");
}
