//! A refused password is sent once, and then held: for every target that shares it, through reloads and restarts, until the
//! secret, or the target's address or credentials, change.

use std::{fs, path::PathBuf, time::Duration};

use rollcall::sim::{AzureDevops, CitrixStorefront, Fault, ParallelsRas, ParallelsRasSession};

use crate::support::{Config, Daemon, Exposition, Folder, Sim, Target, wait_until};

/// Something that logs on: its target with the secret in a file, and the secret that is right.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    vendor: &'static str,
    right: &'static str,
    target: fn(&str, &Sim, &str) -> Target,
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "ras",
        vendor: "parallels_ras",
        right: ParallelsRas::PASSWORD,
        target: |name, sim, file| Target::ras(name, sim).auth_file(ParallelsRas::USERNAME, file),
    },
    Kind {
        name: "citrix-form",
        vendor: "citrix_storefront",
        right: CitrixStorefront::PASSWORD,
        target: |name, sim, file| {
            Target::citrix(name, sim).citrix_method("explicit_forms", &format!("password_file: {file}"))
        },
    },
    Kind {
        name: "citrix-basic",
        vendor: "citrix_storefront",
        right: CitrixStorefront::PASSWORD,
        target: |name, sim, file| {
            Target::citrix(name, sim).citrix_method("http_basic", &format!("password_file: {file}"))
        },
    },
    Kind {
        name: "entra",
        vendor: "azure_devops",
        right: AzureDevops::CLIENT_SECRET,
        target: |name, sim, file| Target::azure(name, sim).entra(sim, &format!("client_secret_file: {file}")),
    },
    Kind {
        name: "session",
        vendor: "parallels_ras_session",
        right: ParallelsRasSession::PASSWORD,
        target: |name, sim, file| Target::session(name, sim).session_password(&format!("password_file: {file}")),
    },
];

/// Every kind with two targets that share the refused secret, each kind with a simulation of its own.
struct Scene {
    folder: Folder,
    sims: Vec<Sim>,
}

impl Scene {
    fn new() -> Scene {
        let scene = Scene { folder: Folder::new(), sims: KINDS.iter().map(|_| Sim::frozen()).collect() };
        for (kind, sim) in scene.each() {
            // Of its own: one vendor, user and secret are one identity, whatever the way to log on.
            scene.folder.write(&secret(kind), &format!("wrong-{}\n", kind.name));
            if kind.vendor == "parallels_ras_session" {
                // A light probe is refused only where the broker says so.
                sim.parallels_ras_session().set_session_code(Some(5_155));
            }
        }
        scene
    }

    fn each(&self) -> impl Iterator<Item = (&'static Kind, &Sim)> {
        KINDS.iter().zip(&self.sims)
    }

    /// `edit` may change each target.
    fn configure(&self, edit: impl Fn(Target) -> Target) -> PathBuf {
        let mut config = Config::quick().head("state_file: rollcall.state");
        for (kind, sim) in self.each() {
            for name in names(kind) {
                config = config.target(edit((kind.target)(&name, sim, &secret(kind))));
            }
        }
        config.write(&self.folder)
    }

    /// How often each kind's secret was sent.
    fn sent(&self) -> Vec<(&'static str, usize)> {
        self.each().map(|(kind, sim)| (kind.name, sim.secrets_seen(kind.vendor))).collect()
    }

    /// The same number for every kind.
    fn all_sent(times: usize) -> Vec<(&'static str, usize)> {
        KINDS.iter().map(|kind| (kind.name, times)).collect()
    }

    /// Waits until every target was held at two more due polls.
    #[track_caller]
    fn wait_until_held(&self, daemon: &Daemon) -> Exposition {
        let held = |now: &Exposition, name: &str| {
            (now.of(name, "rollcall_login_held") == Some(1.0)).then(|| now.failures(name, "held"))
        };
        let first =
            daemon.wait_for("everything is held", |now| all_names().iter().all(|name| held(now, name).is_some()));
        daemon.wait_for("held polls are counted", |now| {
            all_names().iter().all(|name| held(now, name) >= Some(first.failures(name, "held") + 2.0))
        })
    }
}

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
        _ => slow("/oauth2/v2.0/token", answer),
    }
}

/// The kinds that log on at every poll without a session, each with one target whose secret is refused slowly.
struct SlowScene {
    folder: Folder,
    rows: Vec<(Kind, Sim)>,
}

impl SlowScene {
    fn new(answer: Duration) -> SlowScene {
        let kinds = KINDS.into_iter().filter(|kind| kind.vendor != "parallels_ras_session");
        let scene = SlowScene { folder: Folder::new(), rows: kinds.map(|kind| (kind, Sim::frozen())).collect() };
        for (kind, sim) in &scene.rows {
            slow_down(kind, sim, answer);
        }
        scene.bring("wrong");
        scene
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
        wait_until("every secret is sent", crate::support::PATIENCE, || {
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

fn secret(kind: &Kind) -> String {
    format!("secrets/{}", kind.name)
}

fn names(kind: &Kind) -> [String; 2] {
    ["a", "b"].map(|which| format!("{}-{which}", kind.name))
}

fn all_names() -> Vec<String> {
    KINDS.iter().flat_map(names).collect()
}

/// What a held target shows.
#[track_caller]
fn assert_held(now: &Exposition) {
    for name in all_names() {
        assert_eq!(now.failure(&name), "held", "{name}");
        assert_eq!(now.of(&name, "rollcall_target_up"), Some(0.0), "{name}");
        assert_eq!(now.of(&name, "rollcall_login_held"), Some(1.0), "{name}");
    }
}

#[test]
fn a_refused_password_is_sent_once_through_reloads_edits_and_restarts_and_a_new_one_ends_the_hold() {
    let scene = Scene::new();
    let config = scene.configure(|target| target);
    let daemon = Daemon::start(&config);
    let now = scene.wait_until_held(&daemon);
    assert_held(&now);
    assert_eq!(scene.sent(), Scene::all_sent(1), "once for two targets");
    for kind in &KINDS {
        let counted: f64 = names(kind).iter().map(|name| now.failures(name, "auth")).sum();
        assert_eq!(counted, 1.0, "{}: the one who was refused counts auth, once", kind.name);
        for name in names(kind) {
            let (auth, held) = (now.failures(&name, "auth"), now.failures(&name, "held"));
            assert_eq!(now.of(&name, "rollcall_polls_total"), Some(auth + held), "{name}");
        }
    }

    daemon.reload();
    scene.wait_until_held(&daemon);
    assert_eq!(scene.sent(), Scene::all_sent(1), "after a reload of the same configuration");

    scene.configure(|target| target.set("labels", "{ site: zrh }").set("max_agents", "5000"));
    daemon.reload();
    assert_held(&scene.wait_until_held(&daemon));
    assert_eq!(scene.sent(), Scene::all_sent(1), "after an unrelated edit");

    daemon.terminate();
    let state = scene.folder.read("rollcall.state");
    assert!(KINDS.iter().all(|kind| !state.contains(&format!("wrong-{}", kind.name))), "{state}");
    let daemon = Daemon::start(&config);
    let now = scene.wait_until_held(&daemon);
    assert_held(&now);
    assert!(all_names().iter().all(|name| now.failures(name, "auth") == 0.0));
    assert_eq!(scene.sent(), Scene::all_sent(1), "after a restart");

    daemon.kill();
    let daemon = Daemon::start(&config);
    assert_held(&scene.wait_until_held(&daemon));
    assert_eq!(scene.sent(), Scene::all_sent(1), "after SIGKILL");

    for (kind, sim) in scene.each() {
        scene.folder.write(&secret(kind), &format!("{}\n", kind.right));
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
fn an_edit_during_the_log_on_does_not_send_it_twice_and_neither_does_a_restart() {
    let patient = "{ interval: 1s, timeout: 20s, stale_after: 60s }";
    let scene = SlowScene::new(Duration::from_secs(4));
    let daemon = Daemon::start(&scene.configure(patient, "{}"));
    scene.wait_until_sent(1);
    scene.configure(patient, "{ site: zrh }");
    daemon.reload();
    let now = scene.wait_until_held(&daemon);
    assert_eq!(scene.sent(), scene.all_sent(1));
    assert!(scene.rows.iter().all(|(kind, _)| now.failures(kind.name, "auth") == 0.0), "nobody was waiting any more");

    scene.bring("worse");
    let config = scene.configure(patient, "{ site: gva }");
    daemon.reload();
    scene.wait_until_sent(2);
    daemon.terminate();
    let daemon = Daemon::start(&config);
    scene.wait_until_held(&daemon);
    assert_eq!(scene.sent(), scene.all_sent(2), "after a restart");
}

#[test]
fn a_refusal_slower_than_the_timeout_is_sent_once() {
    let scene = SlowScene::new(Duration::from_secs(5));
    let config = scene.configure("{ interval: 1s, timeout: 3s, stale_after: 6s }", "{}");
    let daemon = Daemon::start(&config);
    let now = scene.wait_until_held(&daemon);
    for (kind, _) in &scene.rows {
        assert!(now.failures(kind.name, "timeout") >= 1.0, "{}", kind.name);
        assert_eq!(now.failures(kind.name, "auth"), 0.0, "{}", kind.name);
    }
    assert_eq!(scene.sent(), scene.all_sent(1));
    daemon.kill();
    let daemon = Daemon::start(&config);
    scene.wait_until_held(&daemon);
    assert_eq!(scene.sent(), scene.all_sent(1), "after SIGKILL");
}

#[test]
fn a_hold_is_saved_at_once_and_survives_sigkill() {
    let scene = Scene::new();
    let config = scene.configure(|target| target);
    let daemon = Daemon::start(&config);
    daemon.wait_for("everything is held", |now| {
        all_names().iter().all(|name| now.of(name, "rollcall_login_held") == Some(1.0))
    });
    // It is written for every hold at once; without that, it would come 15 s later.
    wait_until("every hold is saved", std::time::Duration::from_secs(5), || {
        let state = fs::read_to_string(scene.folder.file("rollcall.state")).unwrap_or_default();
        let state: serde_json::Value = serde_json::from_str(&state).unwrap_or_default();
        let holds = state["identities"].as_array().into_iter().flatten().filter(|identity| !identity["hold"].is_null());
        let holds = holds.count();
        if holds == KINDS.len() { Ok(()) } else { Err(format!("{holds} holds in {state}")) }
    });
    daemon.kill();
    let daemon = Daemon::start(&config);
    assert_held(&scene.wait_until_held(&daemon));
    assert_eq!(scene.sent(), Scene::all_sent(1));
}

#[test]
fn another_url_or_other_credentials_end_the_hold_for_one_more_try() {
    let scene = Scene::new();
    let daemon = Daemon::start(&scene.configure(|target| target));
    scene.wait_until_held(&daemon);
    assert_eq!(scene.sent(), Scene::all_sent(1));
    // The same servers by another name.
    scene.configure(|target| match target.name().ends_with("-b") {
        true => target.map("url", |url| url.replace("127.0.0.1", "localhost")),
        false => target,
    });
    daemon.reload();
    wait_until("one more try", crate::support::PATIENCE, || {
        if scene.sent() == Scene::all_sent(2) { Ok(()) } else { Err(format!("{:?}", scene.sent())) }
    });
    assert_held(&scene.wait_until_held(&daemon));
    assert_eq!(scene.sent(), Scene::all_sent(2), "which was refused, too");

    let file = |kind: &Kind| format!("{}-2", secret(kind));
    for (kind, sim) in scene.each() {
        scene.folder.write(&file(kind), kind.right);
        sim.parallels_ras_session().set_session_code(None);
    }
    let mut config = Config::quick().head("state_file: rollcall.state");
    for (kind, sim) in scene.each() {
        config = config.targets(names(kind).map(|name| (kind.target)(&name, sim, &file(kind))));
    }
    config.write(&scene.folder);
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
fn a_refused_token_backs_off_and_is_never_held() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let targets = [
        Target::azure("pat", &sim).set("auth", "{ pat: refused }"),
        Target::session("api-token", &sim).set("auth", "{ api_token: refused }"),
        Target::resilio("agent-token", &sim, 1),
    ];
    // Resilio's token comes from the agent itself: refused it is where not even a new one is taken.
    sim.fail("resilio", "/client", Fault::Status(401, "{}", "application/json"));
    // The longest wait is 4 s here, a third of stale_after.
    let config = Config::with_defaults("{ interval: 1s, timeout: 3s, stale_after: 12s }").targets(targets);
    let daemon = Daemon::start(&config.write(&folder));
    let names = ["pat", "api-token", "agent-token"];
    let now = daemon.wait_for("four refusals each", |now| names.iter().all(|name| now.failures(name, "auth") >= 4.0));
    for name in names {
        assert_eq!(now.of(name, "rollcall_login_held"), Some(0.0), "{name}");
        assert_eq!(now.failures(name, "held"), 0.0, "{name}");
        assert_eq!(now.failure(name), "auth", "{name}");
        assert_eq!(now.of(name, "rollcall_target_up"), Some(0.0), "{name}");
    }
    for (vendor, path) in [
        ("azure_devops", "/_apis/"),
        ("parallels_ras_session", "/api/directsessiontunnel"),
        ("resilio", "/api/v3/token"),
    ] {
        let asked: Vec<f64> = sim
            .journal()
            .iter()
            .filter(|s| s.vendor == vendor && s.path.contains(path))
            .map(|s| s.came.as_secs_f64())
            .collect();
        let waits: Vec<f64> = asked.windows(2).map(|pair| pair[1] - pair[0]).filter(|wait| *wait > 0.5).collect();
        assert!(waits[0] < waits[2] && waits[2] > 2.5, "{vendor}: the waits do not grow: {waits:?}");
    }
}

#[test]
fn a_deep_probe_sends_a_refused_password_once_and_holds_the_light_ones_of_its_account() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let broker = sim.parallels_ras_session();
    folder.write("secrets/probe", "wrong-probe");
    let configure = |labels: &str| {
        let target = |name: &str| Target::session(name, &sim).session_password("password_file: secrets/probe");
        let deep =
            target("deep").set("mode", "deep").set("interval", "15m").set("stale_after", "31m").set("labels", labels);
        let deep = deep.map("session", |session| session.replace(" }", ", prime_timeout: 3s }")).set("timeout", "5s");
        Config::quick().head("state_file: rollcall.state").targets([deep, target("light")]).write(&folder)
    };
    let config = configure("{}");
    let daemon = Daemon::start(&config);
    let held = |now: &Exposition, name: &str| now.of(name, "rollcall_login_held") == Some(1.0);
    let is_held = |now: &Exposition| held(now, "deep") && held(now, "light") && now.failures("light", "held") >= 2.0;
    let now = daemon.wait_for("both are held", is_held);
    assert_eq!((now.failure("deep").as_str(), now.failures("light", "auth")), ("auth", 0.0));
    let refused = [("target", "deep"), ("verdict", "account"), ("code", "5155")];
    assert_eq!(now.get("parallels_ras_session_probe_error", &refused), Some(1.0));
    // While it is held the last verdict stays: the light one had nothing to complain about.
    assert_eq!(now.of("light", "parallels_ras_session_probe_success"), Some(1.0));
    let sent = sim.secrets_seen("parallels_ras_session");

    configure("{ site: zrh }");
    daemon.reload();
    daemon.wait_for("the edited target is held at its next poll", |now| now.failures("deep", "held") >= 1.0);
    daemon.terminate();
    let daemon = Daemon::start(&config);
    daemon.wait_for("both are held after a restart", |now| is_held(now) && now.failures("deep", "held") >= 1.0);
    assert_eq!((broker.wrong_passwords(), broker.primed_sessions()), (1, 0));
    assert_eq!(sim.secrets_seen("parallels_ras_session"), sent, "nothing was sent while it was held");

    folder.write("secrets/probe", ParallelsRasSession::PASSWORD);
    configure("{ site: gva }");
    daemon.reload();
    let now = daemon.wait_until_up(&["deep", "light"]);
    assert!(!held(&now, "deep") && !held(&now, "light"));
    assert_eq!((broker.wrong_passwords(), broker.primed_sessions()), (0, 1));
}

#[test]
fn a_log_on_that_gets_no_verdict_is_not_held() {
    let faults = [
        ("500", Fault::Status(500, "{}", "application/json"), "http_status"),
        ("503", Fault::Status(503, "<html>", "text/html"), "http_status"),
        ("html", Fault::Html, "content_type"),
        ("dropped", Fault::Drop, "connect"),
    ];
    let folder = Folder::new();
    let mut config = Config::quick();
    let (mut rows, mut faulty) = (Vec::new(), Vec::new());
    for (fault_name, fault, reason) in faults {
        let sim = Sim::frozen();
        for (vendor, path) in [
            ("parallels_ras", "/api/Session/logon"),
            ("citrix_storefront", "/ExplicitForms"),
            ("azure_devops", "/oauth2/v2.0/token"),
        ] {
            sim.fail(vendor, path, fault.clone());
            let name = format!("{vendor}-{fault_name}");
            config = config.target(match vendor {
                "azure_devops" => Target::azure_entra(&name, &sim),
                _ => Target::of(vendor, &name, &sim),
            });
            rows.push((name, reason));
        }
        faulty.push(sim);
    }
    let daemon = Daemon::start(&config.write(&folder));
    let now = daemon.wait_for("two failures each", |now| {
        rows.iter().all(|(name, _)| now.of(name, "rollcall_target_consecutive_failures") >= Some(2.0))
    });
    for (name, reason) in &rows {
        assert_eq!(now.failure(name), *reason, "{name}");
        assert_eq!(now.of(name, "rollcall_login_held"), Some(0.0), "{name}");
        assert_eq!(now.failures(name, "held"), 0.0, "{name}");
    }
    for sim in &faulty {
        sim.vendors().for_each(|vendor| sim.heal(vendor));
    }
    daemon.wait_until_up(&rows.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
}

#[test]
fn a_damaged_state_file_is_set_aside_with_a_clear_line_and_costs_no_start() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: rollcall.state").target(Target::resilio("filer", &sim, 1));
    let config = config.write(&folder);
    folder.write("rollcall.state", "{\"version\":1,\"identities\":[{");
    let daemon = Daemon::start(&config);
    daemon.wait_until_up(&["filer"]);
    let line = daemon.wait_for_log(&["ERROR", "rollcall.state is damaged", "moved to"]);
    let aside = line.split_once("moved to ").expect("it was waited for").1.split(',').next().unwrap_or_default();
    assert!(line.contains("begins without it"), "{line}");
    assert_eq!(fs::read_to_string(aside).unwrap(), "{\"version\":1,\"identities\":[{");
    daemon.terminate();
    let state: serde_json::Value = serde_json::from_str(&folder.read("rollcall.state")).expect("a good one again");
    assert!(state["targets"]["filer"].is_object());
}

#[test]
fn since_when_an_agent_is_so_survives_a_restart() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: rollcall.state").target(Target::azure("builds", &sim));
    let config = config.write(&folder);
    let since = |now: &Exposition| -> Vec<(String, f64)> {
        let all = now.all("rollcall_agent_health_since_timestamp_seconds", &[]);
        all.iter().map(|sample| (format!("{:?}", sample.labels), sample.value)).collect()
    };
    let daemon = Daemon::start(&config);
    let before = since(&daemon.wait_until_up(&["builds"]));
    assert!(!before.is_empty());
    daemon.terminate();
    let daemon = Daemon::start(&config);
    assert_eq!(since(&daemon.wait_until_up(&["builds"])), before);
}
