//! When targets are polled, and how the daemon starts and stops.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rollcall_sim::{Fault, JournalEntry};

use crate::support::{
    Config, Daemon, Exposition, FaultProxy, Folder, Sim, Target, VENDORS, WAIT_TIMEOUT, data_path, wait_until,
};

/// When the requests of a vendor with this in their path came, in seconds.
fn request_times(sim: &Sim, vendor: &str, path: &str) -> Vec<f64> {
    let seen = sim.journal();
    let matching = seen.iter().filter(|seen| seen.vendor == vendor && seen.path.contains(path));
    matching.map(|seen| seen.received_at.as_secs_f64()).collect()
}

/// How long a stop may take at most.
const STOP: Duration = Duration::from_secs(10);

fn waits(came: &[f64]) -> Vec<f64> {
    came.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn every_vendor_is_up_within_seconds_and_sigterm_logs_off() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().targets(VENDORS.map(|vendor| Target::of(vendor, vendor, &sim)));
    let daemon = Daemon::start(&config.write(&folder));
    daemon.wait_until_up(&VENDORS);
    assert_eq!(sim.parallels_ras().open_sessions(), 1);
    let began = Instant::now();
    let log = daemon.terminate();
    assert!(began.elapsed() < STOP, "{:?}", began.elapsed());
    assert!(log.contains("Stopping."));
    assert_eq!(sim.parallels_ras().open_sessions(), 0, "the RAS session was not logged off");
    assert_eq!(sim.asked("parallels_ras", "/api/Session/logoff"), 1);
}

#[test]
fn sigint_stops_within_10_s_also_while_every_vendor_hangs() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::with_defaults("{ interval: 1s, timeout: 60s, stale_after: 70s }");
    let config = config.targets(VENDORS.map(|vendor| Target::of(vendor, vendor, &sim).set("stale_after", "70s")));
    let daemon = Daemon::start(&config.write(&folder));
    daemon.wait_until_up(&VENDORS);
    VENDORS.iter().for_each(|vendor| sim.fail(vendor, "", Fault::Hang));
    sim.clear_journal();
    wait_until("every vendor was asked", WAIT_TIMEOUT, || {
        let journal = sim.journal();
        let silent = VENDORS.iter().find(|vendor| !journal.iter().any(|seen| seen.vendor == **vendor));
        silent.map_or(Ok(()), |vendor| Err((*vendor).to_owned()))
    });
    let began = Instant::now();
    daemon.signal("INT");
    daemon.wait().expect(0);
    assert!(began.elapsed() < STOP, "{:?}", began.elapsed());
}

#[test]
fn ready_means_that_every_target_was_polled_once_whether_well_or_not() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    // One request of each of its polls.
    sim.fail("resilio", "/filer-02/api/v3/client", Fault::Slow(Duration::from_secs(10)));
    sim.shut("citrix_storefront");
    let targets = [
        Target::resilio("quick", &sim, 1),
        Target::resilio("slow", &sim, 2),
        Target::citrix("dead", &sim),
        Target::ras("refused", &sim).auth_password("svc-rollcall", "wrong"),
    ];
    let daemon = Daemon::start(
        &Config::with_defaults("{ interval: 1s, timeout: 40s, stale_after: 60s }")
            .targets(targets.map(|t| t.set("stale_after", "60s")))
            .write(&folder),
    );
    assert_eq!(daemon.get("/-/healthy").status, StatusCode::OK);
    let reply = daemon.get("/-/ready");
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.text());
    let before = daemon.scrape();
    assert_eq!(before.of("slow", "rollcall_target_up"), None, "nothing is said before the first poll has ended");
    assert_eq!(before.of("slow", "rollcall_target_last_poll_timestamp_seconds"), Some(0.0));
    daemon.wait_until_up(&["quick"]);
    assert_eq!(daemon.get("/-/ready").status, StatusCode::SERVICE_UNAVAILABLE, "one is still under way");
    wait_until("it is ready", WAIT_TIMEOUT, || {
        let reply = daemon.get("/-/ready");
        if reply.status == StatusCode::OK { Ok(()) } else { Err(reply.text().to_owned()) }
    });
    let now = daemon.scrape();
    assert_eq!(now.of("slow", "rollcall_target_up"), Some(1.0));
    assert_eq!(now.of("dead", "rollcall_target_up"), Some(0.0));
    assert_eq!(now.of("refused", "rollcall_target_up"), Some(0.0));
}

#[test]
fn a_target_that_is_slower_than_its_interval_is_never_polled_twice_at_once() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    // One request takes longer than the interval.
    let paths = VENDORS.map(|vendor| match vendor {
        "azure_devops" => (vendor, "/_apis/distributedtask/pools?"),
        // Its lists are asked for side by side.
        "resilio_console" => (vendor, "/api/v2/jobs"),
        _ => (vendor, data_path(vendor)),
    });
    for (vendor, path) in &paths {
        sim.fail(vendor, path, Fault::Slow(Duration::from_millis(1_500)));
    }
    let config = Config::with_defaults("{ interval: 1s, timeout: 10s, stale_after: 20s }");
    let set = |target: Target| target.set("interval", "1s").set("stale_after", "20s");
    let config = config.targets(VENDORS.map(|vendor| set(Target::of(vendor, vendor, &sim))));
    let daemon = Daemon::start(&config.write(&folder));
    let now = daemon.wait_for("four polls each", |now| {
        VENDORS.iter().all(|vendor| now.of(vendor, "rollcall_polls_total") >= Some(4.0))
    });
    let journal = sim.journal();
    for (vendor, path) in &paths {
        let polls: Vec<&JournalEntry> =
            journal.iter().filter(|s| s.vendor == *vendor && s.path.contains(path) && s.status == 200).collect();
        assert!(polls.len() >= 3, "{vendor}");
        for pair in polls.windows(2) {
            assert!(pair[0].answered <= pair[1].received_at, "{vendor}: {pair:?}");
        }
        let skipped = now.of(vendor, "rollcall_polls_skipped_total");
        assert!(skipped >= Some(3.0), "{vendor}: {skipped:?} polls fell away");
        assert_eq!(now.failure(vendor), "", "{vendor}");
    }
}

#[test]
fn a_target_that_never_answers_costs_its_own_time_only() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    sim.fail("resilio", "/filer-02", Fault::Hang);
    // So long that it does not matter when a request comes a second or two late on a busy machine.
    let slow = Target::resilio("hangs", &sim, 2).set("timeout", "6s").set("stale_after", "27s");
    let config = Config::with_defaults("{ interval: 3s, timeout: 9s, stale_after: 27s }");
    let config = config.target(slow).target(Target::resilio("well", &sim, 1));
    let daemon = Daemon::start(&config.write(&folder));
    let now = daemon.wait_for("two time-outs", |now| now.failures("hangs", "timeout") >= 2.0);
    let took = now.of("hangs", "rollcall_target_poll_duration_seconds").expect("it was polled");
    assert!((5.9..9.0).contains(&took), "given up after {took} s");
    assert_eq!(now.of("hangs", "rollcall_target_poll_timeout_seconds"), Some(6.0));
    let waits = waits(&request_times(&sim, "resilio", "/filer-01/api/v3/client"));
    assert!(
        waits.len() >= 3 && waits.iter().all(|wait| *wait < 5.4),
        "the other one is polled every three seconds: {waits:?}"
    );
    assert_eq!(now.of("well", "rollcall_polls_skipped_total"), Some(0.0));
}

#[test]
fn back_off_grows_to_its_limit_and_ends_with_the_first_success() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    sim.fail("resilio", "/client", Fault::Status(500, "", "text/plain"));
    // The limit is the smaller of 5 intervals and a third of stale_after: 12 s.
    let config = Config::with_defaults("{ interval: 3s, timeout: 6s, stale_after: 36s }");
    let daemon = Daemon::start(&config.target(Target::resilio("filer", &sim, 1)).write(&folder));
    daemon.wait_for("six failures", |now| now.of("filer", "rollcall_target_consecutive_failures") >= Some(6.0));
    // Each poll asks once more with a new token, at once.
    let mut failing = waits(&request_times(&sim, "resilio", "/client"));
    failing.retain(|wait| *wait > 0.5);
    // Due after 3 s, 4.8 to 6 s and 9.6 to 12 s; a request that comes late on a busy machine makes the next wait shorter.
    let expected = [(1.5, 5.7), (3.3, 8.7), (8.1, 15.0), (8.1, 15.0), (8.1, 15.0)];
    assert!(failing.len() >= expected.len(), "{failing:?}");
    for (wait, (least, most)) in failing.iter().zip(expected) {
        assert!((least..most).contains(wait), "{failing:?}");
    }
    sim.heal("resilio");
    let back = daemon.wait_until_up(&["filer"]);
    assert_eq!(back.of("filer", "rollcall_target_consecutive_failures"), Some(0.0));
    sim.clear_journal();
    let polls = back.of("filer", "rollcall_polls_total").expect("it was polled");
    daemon.wait_for("three more polls", |now| now.of("filer", "rollcall_polls_total") >= Some(polls + 3.0));
    let well = waits(&request_times(&sim, "resilio", "/client"));
    assert!(well.iter().all(|wait| *wait < 5.4), "every three seconds again: {well:?}");
}

#[test]
fn the_vendor_is_left_alone_for_as_long_as_it_asks() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let proxy = FaultProxy::of(&sim, "resilio");
    proxy.answer("/client", 429, &["retry-after: 4"]);
    let target = Target::resilio("filer", &sim, 1).map("url", |url| url.replace(&sim.url("resilio"), proxy.url()));
    let daemon = Daemon::start(&Config::quick().target(target).write(&folder));
    let first = daemon.wait_for("it is refused", |now| now.failure("filer") == "rate_limited");
    proxy.heal();
    assert_eq!(first.of("filer", "rollcall_polls_total"), Some(1.0));
    let second = daemon.wait_until_up(&["filer"]);
    let ended =
        |now: &Exposition| now.of("filer", "rollcall_target_last_poll_timestamp_seconds").expect("it was polled");
    let left_alone = ended(&second) - ended(&first);
    assert!(left_alone > 3.5, "asked again after {left_alone} s");
}
