//! `probe` and `check --connect` keep to the holds, and a person may end one.

use super::fixture::{HoldFixture, KINDS, all_names, assert_held, names};
use crate::{
    program::rollcall,
    support::{Daemon, http},
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
fn whoever_has_unlocked_an_account_need_not_wait() {
    let fixture = HoldFixture::new();
    let config = fixture.configure(|target| target);
    let daemon = Daemon::with_flags(&config, &["--web.enable-lifecycle"]);
    fixture.wait_until_held(&daemon);
    let release = |query: &str| http("POST", &format!("{}/-/release{query}", daemon.url()), &[]);
    assert_eq!(release("").status, 400);
    assert_eq!(release("?target=nobody").status, 404);
    assert_eq!(http("GET", &format!("{}/-/release?target=ras-a", daemon.url()), &[]).status, 405);

    // Still locked: one try, and it is held again.
    assert_eq!(release("?target=ras-a").status, 200);
    let (ras, sim) = fixture.each().next().expect("there are kinds");
    daemon.wait_for("the second refusal", |now| {
        names(ras).iter().map(|name| now.failures(name, "auth")).sum::<f64>() == 2.0
    });
    assert_held(&fixture.wait_until_held(&daemon));
    assert_eq!(sim.secrets_seen(ras.vendor), 2);

    // Unlocked: what was refused is right now, and both targets of the account are back.
    sim.set_secret(ras.vendor, "wrong-ras");
    assert_eq!(release("?target=ras-b").status, 200);
    let [one, other] = names(ras);
    let now = daemon.wait_until_up(&[&one, &other]);
    assert_eq!(now.of(&one, "rollcall_login_held"), Some(0.0));
    assert_eq!(release("?target=ras-a").status, 404, "nothing is held any more");
}
