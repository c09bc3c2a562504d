//! A farm of two sites behind a server that tells of both where no site is named, and behind one that tells of one: the same
//! samples, and never more than ten requests in ten seconds.

use std::{collections::BTreeSet, time::Duration};

use rollcall_sim::Truth;

use super::{
    compare::{OF_HOST_POOLS, differences},
    consistent::consistent,
    fleet,
};
use crate::support::{Config, Daemon, Folder, Sim, Target, WAIT_TIMEOUT};

/// The server counts when requests come, and the daemon when they leave.
const WINDOW: Duration = Duration::from_millis(9_500);

#[test]
fn every_sample_of_every_site_is_the_truth_whatever_the_server_takes_for_granted() {
    let started = [None, Some(2)].map(|granted| {
        let (sim, folder) = (Sim::start(fleet(200, 9)), Folder::new());
        sim.parallels_ras().set_default_site(granted);
        let target = Target::ras("hq-farm", &sim)
            .set("interval", "8s")
            .set("stale_after", "60s")
            .set("resolve_names", "true")
            .set("load", "true")
            .set("license", "true")
            .set("power_managed", "[VDIHost, Guest]");
        let daemon = Daemon::start(&Config::quick().target(target).write(&folder));
        (granted, sim, daemon, folder)
    });
    for (granted, sim, daemon, _folder) in &started {
        // They are compared below.
        let is_compared = |truth: &Truth| truth.labels["target"] == "hq-farm" && truth.name != OF_HOST_POOLS;
        let truth: Vec<Truth> = sim.truth().into_iter().filter(is_compared).collect();
        for pool in ["RDSHost@1", "RDSHost@2"] {
            assert!(truth.iter().any(|truth| truth.labels.get("pool").is_some_and(|name| name == pool)), "{pool}");
        }
        let exposition =
            daemon.wait_for_within(&format!("both sites, by {granted:?}"), 2 * WAIT_TIMEOUT, |exposition| {
                differences(&truth, exposition.samples.iter())
                    .inspect_err(|_| std::thread::sleep(Duration::from_millis(150)))
            });
        consistent(&exposition);
        let asked = sim.asked("parallels_ras", "/api/Agent?siteId=1");
        assert_eq!(asked > 0, granted.is_some(), "{granted:?}: site 1 was asked for {asked} times");
        let moments: Vec<Duration> = sim.journal().iter().map(|entry| entry.received_at).collect();
        for eleven in moments.windows(11) {
            assert!(
                eleven[10] - eleven[0] > WINDOW,
                "{granted:?}: eleven requests within {:?}",
                eleven[10] - eleven[0]
            );
        }
    }
}

#[test]
fn the_members_of_every_host_pool_are_the_truth() {
    let (sim, folder) = (Sim::start(fleet(200, 9)), Folder::new());
    // Polled as often as there is room for the agents and one pool.
    let target = Target::ras("hq-farm", &sim)
        .set("interval", "4s")
        .set("stale_after", "5m")
        .set("resolve_names", "true")
        .set("load", "false")
        .set("license", "false")
        .set("host_pools", "true");
    let daemon = Daemon::start(&Config::quick().target(target).write(&folder));
    let truth: Vec<Truth> = sim.truth().into_iter().filter(|truth| truth.name == OF_HOST_POOLS).collect();
    let pools: BTreeSet<&str> = truth.iter().map(|truth| &*truth.labels["host_pool"]).collect();
    assert!(pools.len() > 4, "{pools:?}");
    daemon.wait_for_within("the members of all pools", 2 * WAIT_TIMEOUT, |exposition| {
        let shown = exposition.samples.iter().filter(|sample| sample.name == OF_HOST_POOLS);
        differences(&truth, shown).inspect_err(|_| std::thread::sleep(Duration::from_millis(150)))
    });
}
