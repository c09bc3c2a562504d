//! Disks that take nothing: what is on them stays, and the daemon goes on and says so.

use std::fs;

use rollcall_sim::ParallelsRas;

use crate::support::{Config, Daemon, Folder, Sim, Target, WAIT_TIMEOUT, wait_until};

const STATE_FAILURES: &str = "rollcall_state_write_failures_total";

/// No file of this process may become longer than a block, as on a disk that is full: what is written ends in the middle.
const FULL: &str = "trap '' XFSZ; ulimit -f 1";

#[test]
fn a_disk_that_is_full_leaves_the_state_as_it_was() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick()
        .head("state_file: kept/rollcall.state")
        .target(Target::azure("builds", &sim))
        .target(Target::ras("farm", &sim).auth_password(ParallelsRas::USERNAME, "wrong"))
        .write(&folder);
    fs::create_dir(folder.file("kept")).expect("a folder of ours");
    let flags = ["--time-scale", "60"];
    let daemon = Daemon::with_flags(&config, &flags);
    daemon.wait_until_up(&["builds"]);
    wait_until("the hold and the agents are saved", WAIT_TIMEOUT, || {
        let text = fs::read_to_string(folder.file("kept/rollcall.state")).unwrap_or_default();
        let state: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let logons = fs::read_to_string(folder.file("kept/rollcall.state.logons")).unwrap_or_default();
        let logons: serde_json::Value = serde_json::from_str(&logons).unwrap_or_default();
        let held = logons["identities"][0]["hold"].is_object();
        // More than a block, so that the next writing ends in the middle.
        let all = held && state["targets"]["builds"].is_object() && text.len() > 1024;
        if all { Ok(()) } else { Err(format!("{text}\n{logons}")) }
    });
    daemon.terminate();
    let before = folder.read("kept/rollcall.state");

    let daemon = Daemon::after(FULL, &config, &flags);
    daemon.wait_until_up(&["builds"]);
    let held = |daemon: &Daemon| {
        daemon.wait_for("the farm is held", |now| now.of("farm", "rollcall_login_held") == Some(1.0));
    };
    held(&daemon);
    daemon.wait_for("it is told", |now| now.get(STATE_FAILURES, &[]) >= Some(3.0));
    let line = daemon.wait_for_log(&["ERROR", "State is not kept", "cannot write state file"]);
    assert!(line.contains("os error 27"), "{line}");
    daemon.terminate();
    assert_eq!(folder.read("kept/rollcall.state"), before);
    let names = fs::read_dir(folder.file("kept")).expect("a folder of ours").count();
    assert_eq!(names, 4, "the state file, that of log-ons, and their locks");

    // There is room again.
    let daemon = Daemon::with_flags(&config, &flags);
    held(&daemon);
    daemon.wait_until_up(&["builds"]);
    daemon.terminate();
    assert_eq!(sim.secrets_seen("parallels_ras"), 1);
}

#[test]
fn a_disk_that_is_read_only_costs_no_start() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    // Where nobody makes files, not even root.
    let config = Config::quick().head("state_file: /sys/rollcall.state").target(Target::resilio("filer", &sim, 1));
    let daemon = Daemon::with_flags(&config.write(&folder), &["--time-scale", "60"]);
    daemon.wait_until_up(&["filer"]);
    daemon.wait_for("it is told", |now| now.get(STATE_FAILURES, &[]) >= Some(2.0));
    daemon.wait_for_log(&["ERROR", "State is not kept", "cannot write state file /sys/rollcall.state"]);
    daemon.terminate();
}
