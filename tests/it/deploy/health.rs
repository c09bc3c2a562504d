//! `rollcall healthcheck`, which the container image runs.

use std::process::{Command, Output};

use crate::support::{Config, Daemon, Folder, Sim, Target};

fn healthcheck(url: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command.args(["healthcheck", url]).output().expect("the binary was built with this test")
}

#[test]
fn the_health_check_tells_a_daemon_that_answers_from_one_that_does_not() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().target(Target::resilio("filer-01", &sim, 1)).write(&folder);
    let daemon = Daemon::start(&config);
    let url = daemon.url().to_owned();
    let good = healthcheck(&format!("{url}/-/healthy"));
    assert!(good.status.success(), "{good:?}");
    assert!(good.stdout.is_empty() && good.stderr.is_empty(), "{good:?}");

    let lost = healthcheck(&format!("{url}/nowhere"));
    assert_eq!(lost.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&lost.stderr), "answered 404 Not Found\n");

    daemon.terminate();
    let down = healthcheck(&format!("{url}/-/healthy"));
    assert_eq!(down.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&down.stderr).contains("refused"), "{down:?}");
}
