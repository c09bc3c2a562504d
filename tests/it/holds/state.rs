//! The file that holds are kept in.

use std::{fs, time::Duration};

use rollcall_sim::Fault;

use crate::support::{Config, Daemon, Exposition, Folder, Sim, Target, wait_until};

#[test]
fn a_damaged_state_file_is_set_aside_with_a_clear_line_and_costs_no_start() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: rollcall.state").target(Target::resilio("filer", &sim, 1));
    let config = config.write(&folder);
    folder.write("rollcall.state", "{\"version\":1,\"identities\":[{");
    let daemon = Daemon::start(&config);
    daemon.wait_until_up(&["filer"]);
    let line = daemon.wait_for_log(&["ERROR", "rollcall.state is damaged", "moved to"]);
    let aside = line.split_once("moved to ").expect("it was waited for").1.split(',').next().unwrap_or_default();
    assert!(line.contains("begins without it"), "{line}");
    assert_eq!(fs::read_to_string(aside).expect("it is there"), "{\"version\":1,\"identities\":[{");
    daemon.terminate();
    let state: serde_json::Value = serde_json::from_str(&folder.read("rollcall.state")).expect("a good one again");
    assert!(state["targets"]["filer"].is_object());
}

#[test]
fn since_when_an_agent_is_so_survives_a_restart() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: rollcall.state").target(Target::azure("builds", &sim));
    let config = config.write(&folder);
    let since = |now: &Exposition| -> Vec<(String, f64)> {
        let all = now.all("rollcall_agent_health_since_timestamp_seconds", &[]);
        all.iter().map(|sample| (format!("{:?}", sample.labels), sample.value)).collect()
    };
    let daemon = Daemon::start(&config);
    let before = since(&daemon.wait_until_up(&["builds"]));
    assert!(!before.is_empty());
    daemon.terminate();
    let daemon = Daemon::start(&config);
    assert_eq!(since(&daemon.wait_until_up(&["builds"])), before);
}

/// Else a page about a probe that runs every half an hour is resolved by a restart, and comes again an hour later.
#[test]
fn failures_in_a_row_are_counted_over_a_restart() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    sim.fail("parallels_ras_session", "/", Fault::Status(400, r#"{"code":3360}"#, "application/json"));
    sim.fail("resilio", "/", Fault::Status(500, "{}", "application/json"));
    let config = |defaults: &str| {
        let targets = [Target::session("probe", &sim), Target::resilio("filer", &sim, 1)];
        Config::with_defaults(defaults).head("state_file: rollcall.state").targets(targets).write(&folder)
    };
    let (poll, probe) = ("rollcall_target_consecutive_failures", "parallels_ras_session_probe_consecutive_failures");
    let failures = |now: &Exposition| (now.of("filer", poll).unwrap_or(0.0), now.of("probe", probe).unwrap_or(0.0));
    let daemon = Daemon::start(&config("{ interval: 1s, timeout: 10s, stale_after: 60s }"));
    daemon.wait_for("two failures", |now| failures(now).0 >= 2.0 && failures(now).1 >= 2.0);
    let saved = wait_until("the counts in the state file", Duration::from_secs(60), || {
        let state = fs::read_to_string(folder.file("rollcall.state")).map_err(|error| error.to_string())?;
        let state: serde_json::Value = serde_json::from_str(&state).map_err(|error| error.to_string())?;
        let filer = state["targets"]["filer"]["failures"]["count"].as_f64().filter(|n| *n >= 2.0);
        let probe = state["targets"]["probe"]["notes"]["probe"]["failures"].as_f64().filter(|n| *n >= 2.0);
        filer.zip(probe).ok_or(format!("{state}"))
    });
    daemon.kill();
    // One poll, and the next only half an hour later.
    let daemon = Daemon::start(&config("{ interval: 30m, timeout: 10s, stale_after: 90m }"));
    let now = daemon.wait_for("a poll of each", |now| {
        ["filer", "probe"].iter().all(|target| now.of(target, "rollcall_polls_total") == Some(1.0))
    });
    let (filer, probe) = failures(&now);
    assert!(filer > saved.0 && probe > saved.1, "{saved:?} in the file, and now {filer} and {probe}");
}

#[test]
fn a_state_that_cannot_be_written_is_counted_and_told_once() {
    const COUNT: &str = "rollcall_state_write_failures_total";
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: kept/rollcall.state").target(Target::resilio("filer", &sim, 1));
    let config = config.write(&folder);
    // Its folder is not there: a disk that was not mounted.
    let daemon = Daemon::with_flags(&config, &["--time-scale", "60"]);
    daemon.wait_for("three failures", |now| now.get(COUNT, &[]) >= Some(3.0));
    assert_eq!(daemon.log().matches("State is not kept").count(), 1);
    fs::create_dir(folder.file("kept")).expect("a folder of ours");
    daemon.wait_for_log(&["INFO", "State is kept again.", "failures="]);
    let after = daemon.scrape().get(COUNT, &[]);
    daemon.wait_until_up(&["filer"]);
    assert_eq!(daemon.scrape().get(COUNT, &[]), after);
    daemon.terminate();

    // What could not be read is not written over, and that is no smaller loss.
    fs::remove_file(folder.file("kept/rollcall.state")).expect("it was written");
    fs::create_dir(folder.file("kept/rollcall.state")).expect("a folder of ours");
    let daemon = Daemon::with_flags(&config, &["--time-scale", "60"]);
    daemon.wait_for("three failures", |now| now.get(COUNT, &[]) >= Some(3.0));
    daemon.wait_for_log(&["ERROR", "Earlier state is lost.", "rollcall.state"]);
}
