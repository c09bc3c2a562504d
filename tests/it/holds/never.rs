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
    ];
    // Resilio's token comes from the agent itself: refused it is where not even a new one is taken.
    sim.fail("resilio", "/client", Fault::Status(401, "{}", "application/json"));
    // The waits are 3 s, 5 to 6 s and then 10 to 12 s, which is a third of stale_after: a request that comes some seconds late
    // on a busy machine changes nothing about their growth.
    let config = Config::with_defaults("{ interval: 3s, timeout: 9s, stale_after: 36s }").targets(targets);
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
            .map(|s| s.received_at.as_secs_f64())
            .collect();
        // Less is between two requests of one poll.
        let waits: Vec<f64> = asked.windows(2).map(|pair| pair[1] - pair[0]).filter(|wait| *wait > 1.5).collect();
        assert!(waits[0] < waits[2] && waits[2] > 7.5, "{vendor}: the waits do not grow: {waits:?}");
    }
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
