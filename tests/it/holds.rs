//! A refused password is sent once, and then held: for every target that shares it, through reloads and restarts, until the
//! secret, or the target's address or credentials, change.

mod fixture;
mod look;
mod never;
mod slow;
mod state;

use rollcall_sim::ParallelsRasSession;

use crate::support::{Config, Daemon, Exposition, Folder, Sim, Target, WAIT_TIMEOUT, wait_until};
use fixture::{HoldFixture, KINDS, Kind, all_names, assert_held, names, saved_holds, secret};

#[test]
fn a_refused_password_is_sent_once_through_reloads_edits_and_restarts_and_a_new_one_ends_the_hold() {
    let fixture = HoldFixture::new();
    let config = fixture.configure(|target| target);
    let daemon = Daemon::start(&config);
    let now = fixture.wait_until_held(&daemon);
    assert_held(&now);
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1), "once for two targets");
    for kind in &KINDS {
        let counted: f64 = names(kind).iter().map(|name| now.failures(name, "auth")).sum();
        assert_eq!(counted, 1.0, "{}: the one who was refused counts auth, once", kind.name);
        for name in names(kind) {
            let (auth, held) = (now.failures(&name, "auth"), now.failures(&name, "held"));
            assert_eq!(now.of(&name, "rollcall_polls_total"), Some(auth + held), "{name}");
        }
    }

    daemon.reload();
    fixture.wait_until_held(&daemon);
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1), "after a reload of the same configuration");

    fixture.configure(|target| target.set("labels", "{ site: zrh }").set("max_agents", "5000"));
    daemon.reload();
    assert_held(&fixture.wait_until_held(&daemon));
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1), "after an unrelated edit");

    daemon.terminate();
    let state = fixture.folder.read("rollcall.state") + &fixture.folder.read("rollcall.state.logons");
    assert!(KINDS.iter().all(|kind| !state.contains(&format!("wrong-{}", kind.name))), "{state}");
    let daemon = Daemon::start(&config);
    let now = fixture.wait_until_held(&daemon);
    assert_held(&now);
    assert!(all_names().iter().all(|name| now.failures(name, "auth") == 0.0));
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1), "after a restart");

    daemon.kill();
    let daemon = Daemon::start(&config);
    assert_held(&fixture.wait_until_held(&daemon));
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1), "after SIGKILL");

    for (kind, sim) in fixture.each() {
        fixture.folder.write(&secret(kind), &format!("{}\n", kind.right));
        sim.parallels_ras_session().set_session_code(None);
    }
    let names = all_names();
    let now = daemon.wait_until_up(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for name in &names {
        assert_eq!(now.of(name, "rollcall_login_held"), Some(0.0), "{name}");
        assert_eq!(now.failure(name), "", "{name}");
    }
}

#[test]
fn a_hold_is_saved_at_once_and_survives_sigkill() {
    let fixture = HoldFixture::new();
    let config = fixture.configure(|target| target);
    let daemon = Daemon::start(&config);
    daemon.wait_for("everything is held", |now| {
        all_names().iter().all(|name| now.of(name, "rollcall_login_held") == Some(1.0))
    });
    assert_eq!(saved_holds(&fixture.folder), KINDS.len(), "they are written before they are shown");
    daemon.kill();
    let daemon = Daemon::start(&config);
    assert_held(&fixture.wait_until_held(&daemon));
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1));
}

#[test]
fn another_url_or_other_credentials_end_the_hold_for_one_more_try() {
    let fixture = HoldFixture::new();
    let daemon = Daemon::start(&fixture.configure(|target| target));
    fixture.wait_until_held(&daemon);
    assert_eq!(fixture.sent(), HoldFixture::all_sent(1));
    // The same servers by another name.
    fixture.configure(|target| match target.name().ends_with("-b") {
        true => target.map("url", |url| url.replace("127.0.0.1", "localhost")),
        false => target,
    });
    daemon.reload();
    wait_until("one more try", WAIT_TIMEOUT, || {
        if fixture.sent() == HoldFixture::all_sent(2) { Ok(()) } else { Err(format!("{:?}", fixture.sent())) }
    });
    assert_held(&fixture.wait_until_held(&daemon));
    assert_eq!(fixture.sent(), HoldFixture::all_sent(2), "which was refused, too");

    let file = |kind: &Kind| format!("{}-2", secret(kind));
    for (kind, sim) in fixture.each() {
        fixture.folder.write(&file(kind), kind.right);
        sim.parallels_ras_session().set_session_code(None);
    }
    let mut config = Config::quick().head("state_file: rollcall.state");
    for (kind, sim) in fixture.each() {
        config = config.targets(names(kind).map(|name| (kind.target)(&name, sim, &file(kind))));
    }
    config.write(&fixture.folder);
    daemon.reload();
    let names = all_names();
    let now = daemon.wait_until_up(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(names.iter().all(|name| now.of(name, "rollcall_login_held") == Some(0.0)));
}

#[test]
fn a_password_that_is_refused_after_it_worked_is_sent_once_more_and_held() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().target(Target::ras("farm", &sim)).target(Target::citrix("desktops", &sim));
    let daemon = Daemon::start(&config.write(&folder));
    daemon.wait_until_up(&["farm", "desktops"]);
    for vendor in ["parallels_ras", "citrix_storefront"] {
        assert_eq!(sim.secrets_seen(vendor), 1);
        sim.set_secret(vendor, "rotated");
        sim.expire_sessions(vendor);
    }
    let held = |now: &Exposition, name: &str| now.failures(name, "held");
    let now = daemon.wait_for("held", |now| held(now, "farm") >= 2.0 && held(now, "desktops") >= 2.0);
    for (name, vendor) in [("farm", "parallels_ras"), ("desktops", "citrix_storefront")] {
        assert_eq!(sim.secrets_seen(vendor), 2, "{vendor}");
        assert_eq!(now.failures(name, "auth"), 1.0, "{name}");
        assert!(!sim.parallels_ras().locked() && !sim.citrix_storefront().locked());
    }
}

#[test]
fn a_deep_probe_sends_a_refused_password_once_and_holds_the_light_ones_of_its_account() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let broker = sim.parallels_ras_session();
    folder.write("secrets/probe", "wrong-probe");
    let configure = |labels: &str, with_deep: bool| {
        let target = |name: &str| Target::session(name, &sim).session_password("password_file: secrets/probe");
        let deep =
            target("deep").set("mode", "deep").set("interval", "15m").set("stale_after", "31m").set("labels", labels);
        let deep = deep.map("session", |session| session.replace(" }", ", prime_timeout: 10s }")).set("timeout", "15s");
        let targets = if with_deep { vec![deep, target("light")] } else { vec![target("light")] };
        Config::quick().head("state_file: rollcall.state").targets(targets).write(&folder)
    };
    // The light one has a verdict before the password is refused.
    let daemon = Daemon::start(&configure("{}", false));
    daemon.wait_until_up(&["light"]);
    let config = configure("{}", true);
    daemon.reload();
    let held = |now: &Exposition, name: &str| now.of(name, "rollcall_login_held") == Some(1.0);
    let is_held = |now: &Exposition| held(now, "deep") && held(now, "light") && now.failures("light", "held") >= 2.0;
    let now = daemon.wait_for("both are held", is_held);
    assert_eq!((now.failure("deep").as_str(), now.failures("light", "auth")), ("auth", 0.0));
    let refused = [("target", "deep"), ("verdict", "account"), ("code", "5155")];
    assert_eq!(now.get("parallels_ras_session_probe_error", &refused), Some(1.0));
    // While it is held the last verdict stays: the light one had nothing to complain about.
    assert_eq!(now.of("light", "parallels_ras_session_probe_success"), Some(1.0));
    let sent = sim.secrets_seen("parallels_ras_session");

    configure("{ site: zrh }", true);
    daemon.reload();
    // No deep probe is due for a quarter of an hour; the last verdict and the hold stay.
    daemon.wait_for("the edited target is held as before", |now| {
        now.get("rollcall_target_info", &[("target", "deep"), ("site", "zrh")]).is_some() && held(now, "deep")
    });
    daemon.terminate();
    let daemon = Daemon::start(&config);
    daemon.wait_for("both are held after a restart", is_held);
    assert_eq!((broker.wrong_passwords(), broker.primed_sessions()), (1, 0));
    assert_eq!(sim.secrets_seen("parallels_ras_session"), sent, "nothing was sent while it was held");

    folder.write("secrets/probe", ParallelsRasSession::PASSWORD);
    configure("{ site: gva }", true);
    daemon.reload();
    let now = daemon.wait_until_up(&["deep", "light"]);
    assert!(!held(&now, "deep") && !held(&now, "light"));
    assert_eq!((broker.wrong_passwords(), broker.primed_sessions()), (0, 1));
}
