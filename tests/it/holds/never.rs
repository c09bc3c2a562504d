//! What is never held: tokens, which no account is locked for, and log-ons that got no verdict.

use rollcall_sim::Fault;

use crate::support::{Config, Daemon, Folder, Sim, Target};

#[test]
fn a_refused_token_backs_off_and_is_never_held() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let targets = [
        Target::azure("pat", &sim).set("auth", "{ pat: refused }"),
        Target::session("api-token", &sim).set("auth", "{ api_token: refused }"),
        Target::resilio("agent-token", &sim, 1),
        Target::of("resilio_console", "console-token", &sim).set("auth", "{ api_token: refused }"),
    ];
    // Resilio's token comes from the agent itself: refused it is where not even a new one is taken.
    sim.fail("resilio", "/client", Fault::Status(401, "{}", "application/json"));
    // The waits are 3 s, 5 to 6 s and then 10 to 12 s, which is a third of stale_after: a request that comes some seconds late
    // on a busy machine changes nothing about their growth.
    let config = Config::with_defaults("{ interval: 3s, timeout: 9s, stale_after: 36s }").targets(targets);
    let daemon = Daemon::start(&config.write(&folder));
    let names = ["pat", "api-token", "agent-token", "console-token"];
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
        ("resilio_console", "/api/v2/agents"),
    ] {
        let asked: Vec<f64> = sim
            .journal()
            .iter()
            .filter(|s| s.vendor == vendor && s.path.contains(path))
            .map(|s| s.received_at.as_secs_f64())
            .collect();
        // Less is between two requests of one poll.
        let waits: Vec<f64> = asked.windows(2).map(|pair| pair[1] - pair[0]).filter(|wait| *wait > 1.5).collect();
        assert!(waits[0] < waits[2] && waits[2] > 7.5, "{vendor}: the waits do not grow: {waits:?}");
    }
}

#[test]
fn a_log_on_that_gets_no_verdict_is_not_held_and_waits() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let targets = [Target::ras("farm", &sim), Target::citrix("desktops", &sim), Target::azure_entra("builds", &sim)];
    let paths = [
        ("parallels_ras", "/api/Session/logon"),
        ("citrix_storefront", "/ExplicitForms"),
        ("azure_devops", "/oauth2/v2.0/token"),
    ];
    let names = ["farm", "desktops", "builds"];
    // A minute of waiting takes a second.
    let daemon = Daemon::with_flags(&Config::quick().targets(targets).write(&folder), &["--time-scale", "60"]);
    daemon.wait_until_up(&names);
    for (fault, reason) in [
        (Fault::Status(500, "{}", "application/json"), "http_status"),
        (Fault::Status(503, "<html>", "text/html"), "http_status"),
        (Fault::Html, "content_type"),
        (Fault::Drop, "connect"),
    ] {
        for (vendor, path) in paths {
            sim.fail(vendor, path, fault.clone());
            sim.expire_sessions(vendor);
        }
        let now = daemon.wait_for("two failures each", |now| {
            names.iter().all(|name| {
                now.of(name, "rollcall_target_consecutive_failures") >= Some(2.0) && now.failure(name) == reason
            })
        });
        for name in names {
            assert_eq!(now.of(name, "rollcall_login_held"), Some(0.0), "{name} {reason}");
            assert_eq!(now.failures(name, "held"), 0.0, "{name} {reason}");
        }
        paths.iter().for_each(|(vendor, _)| sim.heal(vendor));
        daemon.wait_until_up(&names);
    }
}
