//! The file that holds are kept in.

use std::fs;

use crate::support::{Config, Daemon, Exposition, Folder, Sim, Target};

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
