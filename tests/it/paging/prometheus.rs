//! The same where Prometheus pages with the rules of the catalogue.

use std::time::Duration;

use super::site::{FACTOR, LET_GO, RESEND, Site};
use crate::support::{Exposition, Prometheus, Series, WAIT_TIMEOUT};

fn failures(now: &Exposition) -> f64 {
    now.all("rollcall_poll_failures_total", &[("target", "builds")]).iter().map(|sample| sample.value).sum()
}

fn value(found: &[Series]) -> Option<f64> {
    found.first().map(|series| series.value)
}

#[test]
fn missed_scrapes_and_failed_polls_page_nobody_again() {
    let site = Site::new();
    let (daemon, rules) = site.polls("one");
    let prometheus = Prometheus::alerting(&[daemon.url()], &rules, &site.alertmanager.url(), FACTOR, RESEND);
    daemon.wait_until_up(&["builds"]);
    site.begin();
    site.wait_for("both are told", &[true]);
    // The daemon does not answer for a scrape or two.
    daemon.signal("STOP");
    prometheus.wait_for("a scrape failed", WAIT_TIMEOUT, |prometheus| match value(&prometheus.now("up")?) {
        Some(0.0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    daemon.signal("CONT");
    prometheus.wait_for("scrapes are well", WAIT_TIMEOUT, |prometheus| match value(&prometheus.now("up")?) {
        Some(1.0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    site.stays(Duration::from_secs(2), &[true]);
    for times in [1.0, 10.0] {
        let before = failures(&daemon.scrape());
        site.blind();
        daemon.wait_for("polls failed", |now| failures(now) >= before + times);
        site.heal();
        daemon.wait_until_up(&["builds"]);
        site.stays(Duration::ZERO, &[true]);
    }
    site.end();
    site.wait_for("the ends are told", &[true, false]);
    site.stays(Duration::from_secs(2), &[true, false]);
}

#[test]
fn of_two_daemons_that_are_scraped_one_is_killed_and_a_pool_is_forbidden() {
    let site = Site::new();
    let ((first, rules), (second, _)) = (site.polls("one"), site.polls("two"));
    let prometheus =
        Prometheus::alerting(&[first.url(), second.url()], &rules, &site.alertmanager.url(), FACTOR, RESEND);
    for daemon in [&first, &second] {
        daemon.wait_until_up(&["builds"]);
    }
    site.begin();
    site.wait_for("both are told", &[true]);
    first.kill();
    prometheus.wait_for("one is down", WAIT_TIMEOUT, |prometheus| match value(&prometheus.now("sum(up)")?) {
        Some(1.0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    site.stays(LET_GO, &[true]);
    site.forbid();
    second.wait_for("the data of the pool are too old", |now| {
        now.all("rollcall_pool_agents", &[("pool", super::site::POOL)]).is_empty()
    });
    site.stays(LET_GO, &[true]);
    site.heal();
    site.end();
    site.wait_for("the ends are told", &[true, false]);
    site.stays(Duration::from_secs(2), &[true, false]);
}
