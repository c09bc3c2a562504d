//! Alertmanagers that are away, that refuse, that never answer.

use std::time::{Duration, Instant};

use super::{
    site::{FACTOR, RESEND, Site},
    stub::{Behaviour, NotifyRequest, Stub},
};
use crate::support::{ClosedPort, Daemon, WAIT_TIMEOUT, wait_until};

const POOL_DOWN: &str = "RollcallPoolDown";

/// When what was refused is tried again, before it is divided by [`FACTOR`].
const REFUSED: Duration = Duration::from_secs(120);

/// Waits until this line was logged so many times.
#[track_caller]
fn logged(daemon: &Daemon, line: &str, times: usize) {
    wait_until(line, WAIT_TIMEOUT, || {
        let log = daemon.log();
        if log.lines().filter(|one| one.contains(line)).count() >= times { Ok(()) } else { Err(log) }
    });
}

#[test]
fn an_alertmanager_that_was_away_hears_once_what_fires_and_what_has_ended() {
    let mut site = Site::new();
    let daemon = site.pages("one", "");
    daemon.wait_until_up(&["builds"]);
    // It begins while nobody listens.
    site.alertmanager.stop();
    site.begin();
    logged(&daemon, "Alert fires. alertname=\"RollcallPoolDown\"", 1);
    logged(&daemon, "Alert fires. alertname=\"RollcallPoolCapacityLow\"", 1);
    logged(&daemon, "Alerts could not be sent", 3);
    site.alertmanager.restart();
    site.wait_for("both are told", &[true]);
    site.stays(Duration::from_secs(2), &[true]);
    // It ends while nobody listens.
    site.alertmanager.stop();
    site.end();
    logged(&daemon, "Alert ended. alertname=\"RollcallPoolDown\"", 1);
    logged(&daemon, "Alert ended. alertname=\"RollcallPoolCapacityLow\"", 1);
    site.alertmanager.restart();
    site.wait_for("the ends are told", &[true, false]);
    site.stays(Duration::from_secs(3), &[true, false]);
    let waiting = daemon.scrape().all("rollcall_notifications_dropped_total", &[])[0].value;
    assert_eq!(waiting, 0.0);
}

#[test]
fn peers_that_are_ill_delay_nobody_and_hear_everything_once_they_are_well() {
    let site = Site::new();
    let [refusing, broken] = [400, 500].map(|status| Stub::start(Behaviour::Answers(status)));
    let (silent, well) = (Stub::start(Behaviour::Silent), Stub::start(Behaviour::Answers(200)));
    let dead = ClosedPort::any();
    let urls = [dead.url(), silent.url(), broken.url(), refusing.url(), well.url(), &site.alertmanager.url()];
    let peers = urls.map(|url| format!("{{ url: '{url}' }}")).join(", ");
    let daemon = site.pages_to("one", &format!("[{peers}]"), RESEND, "");
    daemon.wait_until_up(&["builds"]);
    // The one that never answers has just been sent a request, which is given up after ten seconds.
    let asked = silent.requests().len();
    wait_until("it is asked anew", WAIT_TIMEOUT, || {
        let now = silent.requests().len();
        if now > asked { Ok(()) } else { Err(format!("{now}")) }
    });
    site.begin();
    site.wait_for("both are told", &[true]);
    // It waits still when another is told: nobody waits for it. It is told again and again, as it may be that the very first
    // page comes between two requests to the silent one.
    wait_until("the one that is well is told while the silent one waits", WAIT_TIMEOUT, || {
        let (pages, asked) = (well.requests(), silent.requests());
        let waits = |page: Instant, request: &NotifyRequest| {
            request.received_at < page && request.ended.is_none_or(|ended| ended > page)
        };
        let mut pages = pages.iter().filter(|page| page.has_alert(POOL_DOWN)).map(|page| page.received_at);
        let beside = pages.any(|page| asked.iter().any(|request| waits(page, request)));
        if beside { Ok(()) } else { Err(format!("{asked:?}\n{}", daemon.log())) }
    });

    // 400 is an answer about the alerts: the next time is two minutes later. Everything else is tried again soon.
    let now = daemon.wait_for("all were tried", |now| {
        let failed = |url: &str| now.get("rollcall_notifications_failed_total", &[("alertmanager", url)]);
        [dead.url(), broken.url(), refusing.url(), silent.url()].iter().all(|url| failed(url) > Some(2.0))
    });
    let of = |name: &str, url: &str| now.get(&format!("rollcall_notifications_{name}"), &[("alertmanager", url)]);
    assert_eq!(of("failed_total", well.url()), Some(0.0));
    assert_eq!(of("sent_total", broken.url()), Some(0.0));
    assert!(of("queue_length", dead.url()) >= Some(2.0), "they wait for it");
    assert!(of("queue_length", dead.url()) < Some(100.0), "one entry for each alert");
    let asked: Vec<Instant> =
        refusing.requests().iter().filter(|one| one.has_alert(POOL_DOWN)).map(|one| one.received_at).collect();
    let since = asked.first().expect("it was asked").elapsed();
    let times = since.div_duration_f64(REFUSED / FACTOR).ceil() as usize;
    assert!(asked.len() <= times + 1, "{} times in {since:?}: 400 is asked in a loop", asked.len());

    // Once they are well they are told.
    broken.set(Behaviour::Answers(200));
    silent.set(Behaviour::Answers(200));
    for stub in [&broken, &silent] {
        wait_until("it is told", WAIT_TIMEOUT, || {
            let last = stub.requests().into_iter().rev().find(|request| request.has_alert(POOL_DOWN));
            let sent = daemon.scrape().get("rollcall_notifications_sent_total", &[("alertmanager", stub.url())]);
            if last.is_some() && sent > Some(0.0) { Ok(()) } else { Err(format!("{sent:?} {:?}", stub.requests())) }
        });
    }
    site.end();
    site.wait_for("the ends are told", &[true, false]);
    site.stays(Duration::from_secs(2), &[true, false]);
}
