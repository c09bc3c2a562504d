//! Too few file descriptors: the daemon's own port stays open, and every target has its turn.

use std::time::Duration;

use crate::support::{Config, Daemon, Folder, Sim, Target};

#[test]
fn sixty_four_descriptors_are_enough_for_a_hundred_targets_and_the_port() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let names: Vec<String> = (0..100).map(|number| format!("filer-{number}")).collect();
    let targets = names.iter().map(|name| Target::resilio(name, &sim, 1));
    let defaults = "{ interval: 2s, timeout: 30s, stale_after: 2m }";
    let config = Config::with_defaults(defaults).head("state_file: rollcall.state").targets(targets).write(&folder);
    let daemon = Daemon::after("ulimit -n 64", &config, &[]);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // Each scrape is a connection of its own, and one that fails fails the test.
    daemon.wait_until_up(&names);
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let now = daemon.scrape();
        assert_eq!(now.get("process_max_fds", &[]), Some(64.0));
        assert!(now.get("process_open_fds", &[]) < Some(64.0));
        let failed: f64 = names.iter().map(|name| now.failures(name, "connect")).sum();
        assert_eq!(failed, 0.0, "they wait for each other");
    }
    let log = daemon.terminate();
    assert_eq!(log.matches("Too few file descriptors").count(), 1, "{log}");
    assert!(!log.contains("Connection not accepted"), "{log}");
}

/// Most systems start a service with a soft limit of 1024 for the sake of old programs.
#[test]
fn the_soft_limit_is_raised_to_the_hard_one_and_no_core_is_written() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().target(Target::resilio("filer", &sim, 1)).write(&folder);
    let daemon = Daemon::after("ulimit -Sn 50; ulimit -Hn 200", &config, &[]);
    daemon.wait_for("it may open more", |now| now.get("process_max_fds", &[]) == Some(200.0));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.process.pid())).expect("Linux");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("Linux has it");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    daemon.terminate();
}
