//! `probe` and `check --connect` keep to the holds, and a person may end one.

use std::time::Duration;

use rollcall_sim::Fault;

use super::fixture::{HoldFixture, KINDS, all_names, assert_held, names, waits};
use crate::{
    program::rollcall,
    support::{Config, Daemon, Folder, Sim, Target, WAIT_TIMEOUT, http, wait_until},
};

#[test]
fn looks_send_a_refused_password_once_and_a_daemon_knows_it_then() {
    let fixture = HoldFixture::new();
    let config = fixture.configure(|target| target);
    let file = config.to_str().expect("a plain name");
    for kind in &KINDS {
        let [one, other] = names(kind);
        let ended = rollcall(&["probe", &one, "--config.file", file]).expect(1);
        assert!(ended.err.contains("no further log-on before"), "{one}: {}", ended.err);
        for again in [&one, &other] {
            let ended = rollcall(&["probe", again, "--config.file", file]).expect(1);
            assert!(ended.err.contains("held: log-ons are held since"), "{again}: {}", ended.err);
        }
    }
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1));
    let ended = rollcall(&["check", "--connect", file]).expect(1);
    assert_eq!(ended.out.matches("held: ").count(), all_names().len(), "{}", ended.out);
    let daemon = Daemon::start(&config);
    assert_held(&fixture.wait_until_held(&daemon));
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1), "the daemon begins with what the looks have learnt");

    // It alone writes the state file; looks beside it still read there what is held.
    let ended = rollcall(&["serve", "--config.file", file, "--web.listen-address", "127.0.0.1:0"]).expect(1);
    assert!(ended.err.contains("is in use by another rollcall"), "{}", ended.err);
    let ended = rollcall(&["check", "--connect", file]).expect(1);
    assert_eq!(ended.out.matches("held: ").count(), all_names().len(), "{}", ended.out);
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1));
}

#[test]
fn without_a_state_file_a_look_says_that_the_next_one_sends_it_again() {
    let fixture = HoldFixture::new();
    let config = fixture.configure(|target| target);
    let text = fixture.folder.read("rollcall.yml").replace("state_file: rollcall.state\n", "");
    fixture.folder.write("rollcall.yml", &text);
    let file = config.to_str().expect("a plain name");
    let ended = rollcall(&["probe", "ras-a", "--config.file", file]).expect(1);
    assert!(ended.err.contains("there is no state_file, so nothing keeps this hold"), "{}", ended.err);
}

#[test]
fn whoever_has_unlocked_an_account_need_not_wait_and_has_one_try_in_a_quarter_of_an_hour() {
    let fixture = HoldFixture::new();
    let config = fixture.configure(|target| target);
    // A quarter of an hour takes 15 s.
    let daemon = Daemon::with_flags(&config, &["--web.enable-lifecycle", "--time-scale", "60"]);
    fixture.wait_until_held(&daemon);
    let release = |query: &str| http("POST", &format!("{}/-/release{query}", daemon.url()), &[]);
    assert_eq!(release("").status, 400);
    assert_eq!(release("?target=nobody").status, 404);
    assert_eq!(http("GET", &format!("{}/-/release?target=ras-a", daemon.url()), &[]).status, 405);

    // Still locked: one try, and it is held again.
    assert_eq!(release("?target=ras-a").status, 200);
    let too_soon = release("?target=ras-b");
    assert!(too_soon.status == 429 || too_soon.status == 404, "{}", too_soon.status);
    let (ras, sim) = fixture.each().next().expect("there are kinds");
    daemon.wait_for("the second refusal", |now| {
        names(ras).iter().map(|name| now.failures(name, "auth")).sum::<f64>() == 2.0
    });
    assert_held(&fixture.wait_until_held(&daemon));
    assert_eq!(sim.secrets_seen(ras.vendor), 2);

    // Unlocked: what was refused is right now, and both targets of the account are back.
    sim.set_secret(ras.vendor, "wrong-ras");
    wait_until("another release", WAIT_TIMEOUT, || match release("?target=ras-b").status.as_u16() {
        200 => Ok(()),
        status => Err(status.to_string()),
    });
    let [one, other] = names(ras);
    let now = daemon.wait_until_up(&[&one, &other]);
    assert_eq!(now.of(&one, "rollcall_login_held"), Some(0.0));
    assert_eq!(release("?target=ras-a").status, 404, "nothing is held any more");
}

#[test]
fn eight_looks_at_once_beside_a_daemon_with_a_session_send_a_refused_password_once() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: rollcall.state").target(Target::ras("farm", &sim)).write(&folder);
    let daemon = Daemon::start(&config);
    daemon.wait_until_up(&["farm"]);
    sim.set_secret("parallels_ras", "rotated");
    let file = config.to_str().expect("a plain name");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| rollcall(&["probe", "farm", "--config.file", file]).expect(1));
        }
    });
    assert_eq!(sim.secrets_seen("parallels_ras"), 2, "that of the daemon, and one of the looks");
    // A hold stops log-ons, not polls.
    let polls = daemon.scrape().of("farm", "rollcall_polls_total");
    let now = daemon.wait_for("another poll", |now| now.of("farm", "rollcall_polls_total") > polls);
    assert_eq!((now.of("farm", "rollcall_target_up"), now.of("farm", "rollcall_login_held")), (Some(1.0), Some(0.0)));
    // When its session ends it knows what the looks have learnt.
    sim.expire_sessions("parallels_ras");
    let now = daemon.wait_for("it is held", |now| now.failures("farm", "held") >= 1.0);
    assert_eq!(now.failures("farm", "auth"), 0.0);
    assert_eq!(sim.secrets_seen("parallels_ras"), 2);
}

#[test]
fn a_daemon_that_is_killed_while_a_log_on_is_awaited_does_not_send_it_again() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: rollcall.state").target(Target::ras("farm", &sim)).write(&folder);
    sim.fail("parallels_ras", "/api/Session/logon", Fault::Slow(Duration::from_secs(100)));
    let mut daemon = Daemon::start(&config);
    wait_until("the password", WAIT_TIMEOUT, || match sim.secrets_seen("parallels_ras") {
        1 => Ok(()),
        n => Err(n.to_string()),
    });
    for _ in 0..3 {
        daemon.kill();
        daemon = Daemon::start(&config);
        let now = daemon.wait_for("it waits", |now| waits(now, "farm"));
        assert_eq!((now.failure("farm").as_str(), now.of("farm", "rollcall_login_held")), ("timeout", Some(0.0)));
    }
    assert_eq!(sim.secrets_seen("parallels_ras"), 1);
}
