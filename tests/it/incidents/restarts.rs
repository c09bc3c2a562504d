//! Restarts at each stage of every incident: while it is pending, while it fires, while nothing can be read, and while what has
//! ended is kept firing.
//!
//! One replay is of one who is started again, in one mode. All of them are `tests/run restarts`: there are fourteen, each of both
//! halves of the incidents, and a half takes 8 to 16 minutes. Those of the newer versions are left out where these cannot be
//! had.

use std::collections::BTreeSet;

use super::{Case, costs::Restarted, replay, replay::Mode};
use crate::support::Version;

/// How long before the end of an incident nothing can be read, and for how long: longer than data stay fresh, and not for so
/// long that a ticket is due for that, also where who polls is started again meanwhile. The rate limit refuses polls for two of
/// five minutes from its beginning on: it does so neither right before nor right after.
const BLIND_BEFORE_END: u64 = 18;
const BLIND_LASTS: u64 = 8;

/// When the fleet is blind, and when it is no longer.
pub fn blind(case: &Case) -> [(u64, bool); 2] {
    let begins = case.begins + case.lasts - BLIND_BEFORE_END;
    [(begins, true), (begins + BLIND_LASTS, false)]
}

/// The minutes of the restarts; those of one incident are at some stage of the others as well.
pub fn times(cases: impl Iterator<Item = Case>) -> BTreeSet<u64> {
    let of = |case: Case| {
        let ends = case.begins + case.lasts;
        let held = ends - BLIND_BEFORE_END + BLIND_LASTS - 1;
        // Pending, firing, held, kept firing. The pool of agents fires after seven minutes, the last page comes after thirty.
        [case.begins + 4, case.begins + 38, held, ends + 4]
    };
    cases.filter(|case| case.incident.is_some()).flat_map(of).collect()
}

/// A test of the whole matrix for each line: its name, who pages, the versions, who is started again.
macro_rules! restarts {
    ($($name:ident: $mode:ident, $version:ident, $restarted:ident;)*) => {
        $(
            #[test]
            #[ignore = "tests/run restarts"]
            fn $name() {
                for cases in super::HALVES {
                    replay(Mode::$mode, Version::$version, Some(Restarted::$restarted), cases);
                }
            }
        )*
    };
}

restarts! {
    prometheus_is_killed: Prometheus, Current, Prometheus;
    the_daemon_is_killed_that_pages: Direct, Current, Daemon;
    alertmanager_is_stopped: Prometheus, Current, Alertmanager;
    alertmanager_is_stopped_that_the_daemon_pages: Direct, Current, Alertmanager;
    the_daemon_is_killed: Prometheus, Current, Daemon;
    the_daemon_is_killed_and_has_no_state: Prometheus, Current, DaemonWithoutState;
    the_daemon_is_killed_that_pages_and_has_no_state: Direct, Current, DaemonWithoutState;

    stable_prometheus_is_killed: Prometheus, Stable, Prometheus;
    stable_alertmanager_is_stopped: Prometheus, Stable, AlertmanagerWithoutDelay;
    stable_alertmanager_is_stopped_that_the_daemon_pages: Direct, Stable, AlertmanagerWithoutDelay;
    stable_and_the_daemon_is_killed: Prometheus, Stable, Daemon;
    stable_and_the_daemon_is_killed_that_pages: Direct, Stable, Daemon;
    stable_and_the_daemon_is_killed_and_has_no_state: Prometheus, Stable, DaemonWithoutState;
    stable_and_the_daemon_is_killed_that_pages_and_has_no_state: Direct, Stable, DaemonWithoutState;
}

#[test]
fn every_incident_meets_a_restart_at_each_stage() {
    for cases in super::HALVES {
        let times = times(cases.iter().copied());
        for case in cases.iter().filter(|case| case.incident.is_some()) {
            let [(blind, _), (sees, _)] = blind(case);
            let ends = case.begins + case.lasts;
            for (from, to) in
                [(case.begins, case.begins + 7), (case.begins + 31, blind), (blind + 7, sees), (ends, ends + 15)]
            {
                assert!(
                    times.range(from..to).next().is_some(),
                    "{:?}: none from {from} to {to}: {times:?}",
                    case.incident
                );
            }
        }
    }
}
