//! Polls that fail, of everything and of a part.

use std::time::Duration;

use super::site::{LET_GO, POOL, Site};
use crate::support::Exposition;

/// How often the daemon could not read the target.
fn failures(now: &Exposition) -> f64 {
    now.all("rollcall_poll_failures_total", &[("target", "builds")]).iter().map(|sample| sample.value).sum()
}

#[test]
fn failed_polls_hold_what_fires_and_the_first_good_one_ends_it() {
    let site = Site::new();
    let daemon = site.pages("one", "");
    daemon.wait_until_up(&["builds"]);
    site.begin();
    site.wait_for("both are told", &[true]);
    for times in [1.0, 10.0] {
        let before = failures(&daemon.scrape());
        site.blind();
        daemon.wait_for("polls failed", |now| failures(now) >= before + times);
        if times > 1.0 {
            assert_eq!(daemon.scrape().of("builds", "rollcall_target_stale"), Some(1.0), "nothing is known any more");
        }
        site.heal();
        daemon.wait_until_up(&["builds"]);
        site.stays(Duration::ZERO, &[true]);
    }
    // It was well in the meantime, and nobody could know.
    site.blind();
    site.end();
    let before = failures(&daemon.scrape());
    daemon.wait_for("polls failed", |now| failures(now) >= before + 6.0);
    site.stays(LET_GO, &[true]);
    site.heal();
    site.wait_for("the ends are told", &[true, false]);
    site.stays(Duration::from_secs(2), &[true, false]);
}

#[test]
fn a_pool_that_is_forbidden_is_held_beside_others_that_are_well() {
    let site = Site::new();
    let daemon = site.pages("one", "");
    daemon.wait_until_up(&["builds"]);
    site.begin();
    site.wait_for("both are told", &[true]);
    site.forbid();
    let gone = |now: &Exposition| now.all("rollcall_pool_agents", &[("pool", POOL)]).is_empty();
    let now = daemon.wait_for("its data are too old", gone);
    assert!(!now.all("rollcall_pool_agents", &[("target", "builds")]).is_empty(), "the others are there");
    site.stays(LET_GO, &[true]);
    assert_eq!(daemon.scrape().of("builds", "rollcall_target_partial"), Some(1.0));
    // What nobody may read begins nothing either, and ends nothing.
    site.end();
    site.stays(LET_GO, &[true]);
    site.heal();
    site.wait_for("the ends are told", &[true, false]);
    site.stays(Duration::from_secs(2), &[true, false]);
}
