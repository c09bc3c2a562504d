//! Refusals that take longer than anybody waits.

use std::{path::PathBuf, time::Duration};

use rollcall_sim::Fault;

use super::fixture::{KINDS, Kind, saved_holds, secret, waits};
use crate::support::{Config, Daemon, Exposition, Folder, Sim, WAIT_TIMEOUT, wait_until};

/// What answers a log-on of this kind takes so long.
fn slow_down(kind: &Kind, sim: &Sim, answer: Duration) {
    let slow = |path: &str, delay: Duration| sim.fail(kind.vendor, path, Fault::Slow(delay));
    match kind.name {
        "ras" => slow("/api/Session/logon", answer),
        "citrix-form" => {
            slow("/ExplicitForms", answer);
            slow("/ExplicitForms/Authenticate", Duration::ZERO);
        }
        // The same path challenges first.
        "citrix-basic" => slow("/HttpBasic", answer / 2),
        "site" => slow("/cvad/manage/Tokens", answer),
        "daas" => slow("/cctrustoauth2/", answer),
        _ => slow("/oauth2/v2.0/token", answer),
    }
}

/// The kinds that log on at every poll without a session, each with one target whose secret is refused slowly.
struct SlowHoldFixture {
    folder: Folder,
    rows: Vec<(Kind, Sim)>,
}

impl SlowHoldFixture {
    fn new(answer: Duration) -> SlowHoldFixture {
        let kinds = KINDS.into_iter().filter(|kind| kind.vendor != "parallels_ras_session");
        let fixture =
            SlowHoldFixture { folder: Folder::new(), rows: kinds.map(|kind| (kind, Sim::frozen())).collect() };
        for (kind, sim) in &fixture.rows {
            slow_down(kind, sim, answer);
        }
        fixture.bring("wrong");
        fixture
    }

    /// Another wrong secret.
    fn bring(&self, text: &str) {
        for (kind, _) in &self.rows {
            self.folder.write(&secret(kind), &format!("{text}-{}", kind.name));
        }
    }

    fn configure(&self, defaults: &str, labels: &str) -> PathBuf {
        let targets = self.rows.iter().map(|(kind, sim)| {
            (kind.target)(kind.name, sim, &secret(kind)).set("labels", labels).set("stale_after", "60s")
        });
        Config::with_defaults(defaults).head("state_file: rollcall.state").targets(targets).write(&self.folder)
    }

    fn sent(&self) -> Vec<(&'static str, usize)> {
        self.rows.iter().map(|(kind, sim)| (kind.name, sim.secrets_seen(kind.vendor))).collect()
    }

    fn all_sent(&self, times: usize) -> Vec<(&'static str, usize)> {
        self.rows.iter().map(|(kind, _)| (kind.name, times)).collect()
    }

    #[track_caller]
    fn wait_until_sent(&self, times: usize) {
        wait_until("every secret is sent", WAIT_TIMEOUT, || {
            if self.sent() == self.all_sent(times) { Ok(()) } else { Err(format!("{:?}", self.sent())) }
        });
    }

    /// Waits until every target was held at a poll.
    #[track_caller]
    fn wait_until_held(&self, daemon: &Daemon) -> Exposition {
        daemon.wait_for("everything is held", |now| {
            self.rows.iter().all(|(kind, _)| {
                now.of(kind.name, "rollcall_login_held") == Some(1.0) && now.failures(kind.name, "held") >= 1.0
            })
        })
    }
}

#[test]
fn an_edit_during_the_log_on_does_not_send_it_twice_and_neither_does_a_restart() {
    let patient = "{ interval: 1s, timeout: 40s, stale_after: 60s }";
    // The edit comes while all of them wait for their answers.
    let fixture = SlowHoldFixture::new(Duration::from_secs(10));
    let daemon = Daemon::start(&fixture.configure(patient, "{}"));
    fixture.wait_until_sent(1);
    fixture.configure(patient, "{ site: zrh }");
    daemon.reload();
    let now = fixture.wait_until_held(&daemon);
    assert_eq!(fixture.sent(), fixture.all_sent(1));
    assert!(fixture.rows.iter().all(|(kind, _)| now.failures(kind.name, "auth") == 0.0), "nobody was waiting any more");

    fixture.bring("worse");
    let config = fixture.configure(patient, "{ site: gva }");
    daemon.reload();
    fixture.wait_until_sent(2);
    // Nobody knows what became of it, and it is not sent again at once.
    daemon.terminate();
    let daemon = Daemon::start(&config);
    daemon.wait_for("everything waits", |now| fixture.rows.iter().all(|(kind, _)| waits(now, kind.name)));
    assert_eq!(fixture.sent(), fixture.all_sent(2), "after a restart");
}

#[test]
fn a_refusal_slower_than_the_timeout_is_sent_once() {
    // One of them is asked twice, and each answer takes half of the time: less than the timeout, and together more.
    let fixture = SlowHoldFixture::new(Duration::from_secs(7));
    let config = fixture.configure("{ interval: 1s, timeout: 5s, stale_after: 8s }", "{}");
    let daemon = Daemon::start(&config);
    let now = fixture.wait_until_held(&daemon);
    for (kind, _) in &fixture.rows {
        assert!(now.failures(kind.name, "timeout") >= 1.0, "{}", kind.name);
        assert_eq!(now.failures(kind.name, "auth"), 0.0, "{}", kind.name);
    }
    assert_eq!(fixture.sent(), fixture.all_sent(1));
    assert_eq!(saved_holds(&fixture.folder), fixture.rows.len());
    daemon.kill();
    let daemon = Daemon::start(&config);
    fixture.wait_until_held(&daemon);
    assert_eq!(fixture.sent(), fixture.all_sent(1), "after SIGKILL");
}
