//! Daemons that are killed.

use std::{collections::BTreeSet, time::Duration};

use super::site::{BOTH, LAPSE, Site};
use crate::support::{Daemon, WAIT_TIMEOUT, wait_until};

/// The ports of the daemons whose sign of life Alertmanager has.
fn signs_of_life(site: &Site) -> BTreeSet<String> {
    let alerts = site.alertmanager.alerts().into_iter();
    let signs = alerts.filter(|alert| alert["labels"]["alertname"] == "RollcallDirectWatchdog");
    let instances = signs.map(|alert| alert["labels"]["instance"].as_str().unwrap_or_default().to_owned());
    instances.map(|instance| instance.rsplit(':').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_daemon_that_is_killed_while_alerts_fire_pages_nobody_again_and_resolves_once() {
    let site = Site::new();
    let daemon = site.pages("one", "");
    daemon.wait_until_up(&["builds"]);
    site.begin();
    site.wait_for("both are told", &[true]);
    site.wait_until_saved("one");
    // Each turn is in the log once, however often it is sent.
    let log = daemon.kill();
    for (alert, level) in [("RollcallPoolDown", "WARN"), ("RollcallPoolCapacityLow", "INFO")] {
        let lines = |text: &str| {
            let about = |line: &&str| line.contains("Alert ") && line.contains(&format!("alertname={alert:?}"));
            log.lines().filter(about).filter(|line| line.contains(text)).count()
        };
        assert_eq!((lines(""), lines(level), lines("pool=\"linux-build\"")), (1, 1, 1), "{alert}\n{log}");
    }

    // It comes back and cannot poll: only its state knows what fires.
    site.blind();
    let daemon = site.pages("one", "");
    daemon.wait_for("a poll failed", |now| now.of("builds", "rollcall_target_up") == Some(0.0));
    site.stays(LAPSE, &[true]);
    site.heal();
    daemon.wait_until_up(&["builds"]);
    // A clean stop resolves nothing either.
    daemon.terminate();
    let daemon = site.pages("one", "");
    daemon.wait_until_up(&["builds"]);
    site.stays(LAPSE, &[true]);
    site.end();
    site.wait_for("the ends are told", &[true, false]);
    let log = daemon.terminate();
    let fires = |alert: &str| log.matches(&format!("Alert fires. alertname=\"{alert}\"")).count();
    assert_eq!(BOTH.map(|(alert, _)| fires(alert)), [0, 0], "they began long before\n{log}");
    assert_eq!(log.matches("Alert ended. alertname=\"RollcallPoolDown\"").count(), 1, "{log}");
    site.stays(Duration::from_secs(3), &[true, false]);
}

#[test]
fn one_of_two_daemons_with_ha_is_killed_and_nobody_hears_of_it() {
    let site = Site::new();
    let [first, second] = ["one", "two"].map(|name| site.pages(name, "ha: true,"));
    for daemon in [&first, &second] {
        daemon.wait_until_up(&["builds"]);
    }
    site.begin();
    site.wait_for("both are told", &[true]);
    for daemon in [&first, &second] {
        daemon.wait_for_log(&["Alert fires.", "RollcallPoolCapacityLow"]);
    }
    // Each has a sign of life of its own, and everything else is one alert.
    let port = |daemon: &Daemon| daemon.url().rsplit(':').next().expect("a port").to_owned();
    let alive = |ports: BTreeSet<String>| {
        wait_until("signs of life of these alone", WAIT_TIMEOUT, || {
            let found = signs_of_life(&site);
            if found == ports { Ok(()) } else { Err(format!("{found:?} instead of {ports:?}")) }
        });
    };
    alive(BTreeSet::from([port(&first), port(&second)]));
    let left = port(&second);
    first.kill();
    site.stays(LAPSE, &[true]);
    alive(BTreeSet::from([left]));
    // No end is sent; the alerts lapse.
    site.end();
    second.wait_for_log(&["Alert ended.", "RollcallPoolDown"]);
    site.wait_for("the ends are told", &[true, false]);
    site.stays(Duration::from_secs(3), &[true, false]);
}
