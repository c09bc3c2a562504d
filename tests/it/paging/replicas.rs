//! Two of each, and one is cut off: two daemons that one Prometheus scrapes, two Alertmanagers of one cluster.

use std::time::Duration;

use super::site::{FACTOR, LET_GO, POOL, RESEND, Site, routes};
use crate::{
    program::rollcall,
    support::{
        Alertmanager, ClosedPort, Config, Daemon, FaultProxy, Folder, Prometheus, Receiver, Sim, Target, Version,
        WAIT_TIMEOUT, frozen, wait_until,
    },
};

/// A StoreFront behind a proxy.
fn storefront(name: &str, sim: &Sim, proxy: &FaultProxy) -> Target {
    Target::citrix(name, sim).map("url", |url| url.replace(&sim.url("citrix_storefront"), proxy.url()))
}

/// The proxy's answer to everything from now on.
fn cut(proxy: &FaultProxy) {
    proxy.answer("", 502, &[]);
}

#[test]
fn nobody_is_told_of_a_target_that_one_of_two_daemons_cannot_reach() {
    for version in Version::all() {
        let sim = Sim::start(frozen());
        let receiver = Receiver::start();
        let alertmanager = Alertmanager::start(version, &receiver, FACTOR, &[]);
        // `desktops` will be lost for the first alone, `lost` for both; `lost` shows how long it would have taken.
        let proxies = [(); 3].map(|()| FaultProxy::of(&sim, "citrix_storefront"));
        let [first, second, lost] = &proxies;
        let folder = Folder::new();
        let daemons = [("first", first), ("second", second)].map(|(name, proxy)| {
            let config = Config::with_defaults("{ interval: 2s, timeout: 5s, stale_after: 12s }")
                .target(storefront("desktops", &sim, proxy))
                .target(storefront("lost", &sim, lost));
            let file = folder.write(&format!("{name}/rollcall.yml"), &config.yaml());
            Daemon::with_flags(&file, &["--time-scale", &FACTOR.to_string()])
        });
        for daemon in &daemons {
            daemon.wait_until_up(&["desktops", "lost"]);
        }
        let rules = rollcall(&["rules", "--time-scale", &FACTOR.to_string()]).expect(0).out;
        let urls = daemons.each_ref().map(Daemon::url);
        let prometheus = Prometheus::alerting_all(version, &urls, &rules, &[&alertmanager.url()], FACTOR, RESEND);
        prometheus.wait_for("both are scraped", WAIT_TIMEOUT, |prometheus| {
            let up = prometheus.now("rollcall_target_up == 1")?.len();
            if up == 4 { Ok(()) } else { Err(format!("{up}")) }
        });
        [first, lost].into_iter().for_each(cut);
        let pages = |target: &str| {
            let notes = receiver.of("pager").into_iter().chain(receiver.of("tickets"));
            let alerts = notes.flat_map(|note| note.alerts);
            // The simulation stands still: after ten minutes of Prometheus its machines that start are rightly stuck.
            let of_targets = alerts.filter(|alert| alert.label("alertname").starts_with("RollcallTarget"));
            of_targets.filter(|alert| alert.label("target") == target).count()
        };
        wait_until("somebody is paged for the target that nobody reads", WAIT_TIMEOUT, || {
            let paged =
                receiver.of("pager").iter().any(|page| page.alerts.iter().any(|alert| alert.label("target") == "lost"));
            if paged { Ok(()) } else { Err(receiver.protocol()) }
        });
        assert_eq!(pages("desktops"), 0, "{version:?}\n{}", receiver.protocol());
        let failures = daemons[0].scrape().of("desktops", "rollcall_target_consecutive_failures");
        assert!(failures >= Some(3.0), "{failures:?}: it was cut off all the time");
    }
}

#[test]
fn a_page_survives_that_first_one_daemon_and_then_both_are_cut_off() {
    for version in Version::all() {
        let site = Site::new();
        let proxies = [(); 2].map(|()| FaultProxy::of(&site.sim, "azure_devops"));
        let [(first, rules), (second, _)] =
            [("one", &proxies[0]), ("two", &proxies[1])].map(|(name, proxy)| site.polls_through(name, proxy));
        let urls = [first.url(), second.url()];
        let prometheus = Prometheus::alerting_all(version, &urls, &rules, &[&site.alertmanager.url()], FACTOR, RESEND);
        for daemon in [&first, &second] {
            daemon.wait_until_up(&["builds"]);
        }
        site.begin();
        site.wait_for("both are told", &[true]);
        let blind = |daemon: &Daemon| {
            daemon
                .wait_for("its data are too old", |now| now.all("rollcall_pool_agents", &[("pool", POOL)]).is_empty());
        };
        cut(&proxies[0]);
        blind(&first);
        site.stays(LET_GO, &[true]);
        cut(&proxies[1]);
        blind(&second);
        site.stays(Duration::from_secs(5), &[true]);
        // The first to come back sees that it lasts.
        proxies[0].heal();
        first.wait_until_up(&["builds"]);
        site.stays(LET_GO, &[true]);
        site.end();
        // One of them is enough to know that it has ended.
        site.wait_for("the ends are told", &[true, false]);
        site.stays(Duration::from_secs(3), &[true, false]);
        drop(prometheus);
    }
}

/// Two Alertmanagers of one cluster that have found each other.
fn cluster(version: Version, receiver: &Receiver) -> [Alertmanager; 2] {
    let ports = [(); 2].map(|()| ClosedPort::any());
    let addresses = ports.each_ref().map(|port| port.url().trim_start_matches("http://").to_owned());
    drop(ports);
    let member = |own: &str, peer: &str| {
        let flags = [
            format!("--cluster.listen-address={own}"),
            format!("--cluster.peer={peer}"),
            // All of this takes longer than a page of the test.
            "--cluster.settle-timeout=1s".to_owned(),
            "--cluster.peer-timeout=1s".to_owned(),
            "--cluster.pushpull-interval=1s".to_owned(),
            "--cluster.reconnect-interval=1s".to_owned(),
        ];
        Alertmanager::with_flags(version, &routes(receiver), &flags.each_ref().map(String::as_str))
    };
    let [first, second] = &addresses;
    let members = [member(first, second), member(second, first)];
    for one in &members {
        wait_for_peers(one, 2);
    }
    members
}

/// Waits until a member of a cluster sees so many, itself among them.
#[track_caller]
fn wait_for_peers(member: &Alertmanager, count: usize) {
    wait_until("the members see each other", WAIT_TIMEOUT, || {
        let status = member.get("/api/v2/status").map_err(|error| error.to_string())?;
        let status: serde_json::Value = serde_json::from_str(status.text()).map_err(|error| error.to_string())?;
        let peers = status["cluster"]["peers"].as_array().map_or(0, Vec::len);
        if peers == count && status["cluster"]["status"] == "ready" {
            Ok(())
        } else {
            Err(status["cluster"].to_string())
        }
    });
}

/// Who sends the alerts.
enum Sender {
    Prometheus,
    Daemon,
}

/// One of two is stopped when it begins, and comes back; the other is killed before it ends.
fn one_of_two_alertmanagers_is_cut_off(version: Version, sender: Sender) {
    let site = Site::new();
    let [mut first, second] = cluster(version, &site.receiver);
    let urls = [first.url(), second.url()];
    let (daemon, _prometheus) = match sender {
        Sender::Daemon => {
            let peers = urls.each_ref().map(|url| format!("{{ url: '{url}' }}")).join(", ");
            (site.pages_to("one", &format!("[{peers}]"), RESEND, ""), None)
        }
        Sender::Prometheus => {
            let (daemon, rules) = site.polls("one");
            let urls = urls.each_ref().map(String::as_str);
            let prometheus = Prometheus::alerting_all(version, &[daemon.url()], &rules, &urls, FACTOR, RESEND);
            (daemon, Some(prometheus))
        }
    };
    daemon.wait_until_up(&["builds"]);
    // It answers nobody, neither its peer nor whoever sends alerts.
    second.signal("STOP");
    wait_for_peers(&first, 1);
    site.begin();
    site.wait_for("both are told", &[true]);
    second.signal("CONT");
    wait_for_peers(&first, 2);
    wait_until("the one that comes back is told of both by the sender", WAIT_TIMEOUT, || {
        let alerts = second.alerts();
        let known = alerts
            .iter()
            .filter(|alert| super::site::BOTH.iter().any(|(name, _)| alert["labels"]["alertname"] == *name));
        if known.count() >= 2 { Ok(()) } else { Err(format!("{alerts:?}")) }
    });
    // It would page within the time after which it takes itself for the only one.
    site.stays(Duration::from_secs(5), &[true]);
    first.kill();
    site.end();
    site.wait_for("the ends are told", &[true, false]);
    first.restart();
    wait_for_peers(&second, 2);
    site.stays(Duration::from_secs(5), &[true, false]);
}

#[test]
fn prometheus_pages_once_and_tells_the_end_while_one_of_two_alertmanagers_is_cut_off() {
    for version in Version::all() {
        one_of_two_alertmanagers_is_cut_off(version, Sender::Prometheus);
    }
}

#[test]
fn the_daemon_pages_once_and_tells_the_end_while_one_of_two_alertmanagers_is_cut_off() {
    for version in Version::all() {
        one_of_two_alertmanagers_is_cut_off(version, Sender::Daemon);
    }
}
