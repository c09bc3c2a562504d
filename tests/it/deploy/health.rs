//! `rollcall healthcheck`, which the container image runs.

use crate::{
    program::{Ended, rollcall},
    support::{Config, Daemon, Folder, Sim, Target},
};

fn healthcheck(url: &str) -> Ended {
    rollcall(&["healthcheck", url])
}

#[test]
fn the_health_check_tells_a_daemon_that_answers_from_one_that_does_not() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().target(Target::resilio("filer-01", &sim, 1)).write(&folder);
    let daemon = Daemon::start(&config);
    let url = daemon.url().to_owned();
    let good = healthcheck(&format!("{url}/-/healthy")).expect(0);
    assert!(good.out.is_empty() && good.err.is_empty(), "{good:?}");

    let lost = healthcheck(&format!("{url}/nowhere")).expect(1);
    assert_eq!(lost.err, "answered 404 Not Found\n");

    daemon.terminate();
    let down = healthcheck(&format!("{url}/-/healthy")).expect(1);
    assert!(down.err.contains("refused"), "{down:?}");
}
