//! The command line as users meet it: exit codes, messages, help, and commands that run until they are stopped.

mod check;
mod completions;

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use rollcall_sim::{CitrixStorefront, ParallelsRas};
use serde_json::{Value, json};

use crate::{
    program::{Ended, Running, command, rollcall},
    support::{Config, Daemon, Exposition, Folder, Sim, Target, VENDORS, WAIT_TIMEOUT, http, runtime, wait_until},
};

const COMMANDS: [&str; 10] =
    ["serve", "demo", "simulate", "check", "probe", "metrics", "rules", "default-config", "dashboards", "completions"];

#[test]
fn a_bad_command_line_is_2_and_says_what_is_wrong() {
    for (args, part) in [
        (&["fly"][..], "fly"),
        (&["demo", "--incident", "quake"], "hypervisor-lost"),
        (&["demo", "--agents", "many"], "many"),
        (&["serve", "--log.level", "loud"], "loud"),
        (&["metrics", "--format", "xml"], "xml"),
        (&["probe"], "<TARGET>"),
        (&["help", "fly"], "fly"),
        (&["completions", "tcsh"], "powershell"),
        (&["serve", "--config.flie", "x"], "--config.file"),
        (&[], "Usage"),
    ] {
        let ended = rollcall(args).expect(2);
        assert!(ended.err.contains(part), "{args:?}: {}", ended.err);
        assert_eq!(ended.out, "", "{args:?}");
    }
}

#[test]
fn help_and_version_are_on_stdout_for_every_command() {
    let help = rollcall(&["--help"]).expect(0).out;
    for name in COMMANDS {
        assert!(help.contains(name), "{name} in\n{help}");
        let own = rollcall(&[name, "--help"]).expect(0).out;
        assert!(
            own.starts_with(|c: char| c.is_uppercase()) && own.contains(&format!("Usage: rollcall {name}")),
            "{own}"
        );
        assert!(own.lines().all(|line| line.chars().count() <= 100), "{own}");
        assert!(rollcall(&[name, "-h"]).expect(0).out.contains("Usage"));
        assert_eq!(rollcall(&["help", name]).expect(0).out, own);
    }
    assert_eq!(rollcall(&["help"]).expect(0).out, help);
    let serve = rollcall(&["serve", "--help"]).expect(0).out;
    for flag in [
        "--config.file",
        "--web.listen-address",
        "--web.external-url",
        "--web.route-prefix",
        "--web.max-requests",
        "--web.max-connections",
        "--web.enable-lifecycle",
        "--log.level",
        "--log.format",
    ] {
        let variable = flag.trim_start_matches("--").replace(['.', '-'], "_").to_uppercase();
        assert!(serve.contains(flag) && serve.contains(&format!("ROLLCALL_{variable}")), "{flag} in\n{serve}");
    }
    assert!(serve.contains(":10077"));
    for incident in rollcall_sim::Incident::ALL {
        assert!(rollcall(&["demo", "--help"]).out.contains(incident.name()), "{incident}");
    }
    let version = rollcall(&["--version"]).expect(0).out;
    assert!(version.starts_with(concat!("rollcall ", env!("CARGO_PKG_VERSION"), " (revision ")), "{version}");
}

#[test]
fn flags_come_from_the_environment_too() {
    let folder = Folder::new();
    let mut serve = command();
    let variables =
        [("ROLLCALL_CONFIG_FILE", folder.file("nowhere.yml")), ("ROLLCALL_WEB_LISTEN_ADDRESS", "127.0.0.1:0".into())];
    serve.arg("serve").envs(variables);
    let ended = Ended::of(serve.output().expect("the binary runs")).expect(1);
    assert!(ended.err.contains("nowhere.yml"), "{}", ended.err);
    let mut check = command();
    check.arg("check").env("ROLLCALL_CONFIG_FILE", folder.file("nowhere.yml"));
    let ended = crate::program::Ended::of(check.output().expect("the binary runs")).expect(1);
    assert!(ended.err.contains("nowhere.yml"), "{}", ended.err);
    // As for the other commands, it is rollcall.yml of the working directory otherwise.
    folder.write("rollcall.yml", "targets: [{ name: filer, vendor: resilio, url: 'http://127.0.0.1:1' }]\n");
    let mut check = command();
    let ended = check.arg("check").current_dir(folder.file("")).output().expect("the binary runs");
    let ended = crate::program::Ended::of(ended).expect(0);
    assert!(ended.out.starts_with("rollcall.yml: 1 target"), "{}", ended.out);
    let mut serve = command();
    let ended = serve.arg("serve").env("ROLLCALL_LOG_LEVEL", "loud").output().expect("the binary runs");
    assert_eq!(ended.status.code(), Some(2));
}

/// As templates of units and charts write them.
#[test]
fn a_blank_variable_is_as_unset() {
    let (folder, mut help) = (Folder::new(), command());
    let text = help.args(["serve", "--help"]).output().expect("the binary runs").stdout;
    let text = String::from_utf8(text).expect("it is a text");
    let names = text.split("[env: ").skip(1).map(|rest| rest.split(['=', ']']).next().unwrap_or_default().to_owned());
    let names: Vec<String> = names.collect();
    assert!(names.len() >= 8, "{names:?}");
    folder.write("rollcall.yml", "targets: [{ name: filer, vendor: resilio, url: 'http://127.0.0.1:1' }]\n");
    for blank in ["", " "] {
        let proxies = ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "STATE_DIRECTORY"];
        let all = names.iter().map(String::as_str).chain(proxies).map(|name| (name, blank));
        let mut check = command();
        let ended =
            check.arg("check").envs(all.clone()).current_dir(folder.file("")).output().expect("the binary runs");
        assert!(crate::program::Ended::of(ended).expect(0).out.starts_with("rollcall.yml: 1 target"));
        let daemon = Daemon::with_environment(&folder.file("rollcall.yml"), &[], &all.collect::<Vec<_>>());
        assert_eq!(daemon.get("/-/reload").status, reqwest::StatusCode::METHOD_NOT_ALLOWED, "the prefix is as usual");
    }
}

#[test]
fn a_proxy_of_the_environment_that_cannot_be_read_is_an_error_where_it_counts() {
    let folder = Folder::new();
    let config = |url: &str, more: &str| {
        folder.write("rollcall.yml", &format!("targets: [{{ name: filer, vendor: resilio, url: '{url}'{more} }}]\n"))
    };
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut program = command();
        for name in
            ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"]
        {
            program.env_remove(name);
        }
        let ended = program.args(arguments).arg(folder.file("rollcall.yml")).envs(variables.iter().copied());
        crate::program::Ended::of(ended.output().expect("the binary runs"))
    };
    config("http://filer.example.com", "");
    let bad = [("https_proxy", "http://me:cana/ry@proxy:3128")];
    for arguments in [&["check"][..], &["serve", "--web.listen-address", "127.0.0.1:0", "--config.file"]] {
        let ended = run(arguments, &bad).expect(1);
        assert!(
            ended.err.contains("the environment: https_proxy: is not the URL of a proxy; write http://"),
            "{}",
            ended.err
        );
        assert!(!ended.err.contains("cana"), "{}", ended.err);
    }
    config("http://filer.example.com", ", http: { proxy_url: none }");
    run(&["check"], &bad).expect(0);
    config("http://127.0.0.1:1", "");
    run(&["check"], &bad).expect(0);
    config("http://192.0.2.1", "");
    let ended = run(&["check"], &[("HTTP_PROXY", "http://proxy:3128"), ("NO_PROXY", "192.*")]).expect(0);
    assert!(ended.err.contains("warning: the environment: NO_PROXY: nothing matches 192.*; write "), "{}", ended.err);
}

/// The target has no port of its own, so a proxy that is asked answers, and one that is not cannot.
#[test]
fn what_no_proxy_names_goes_past_the_proxy() {
    let folder = Folder::new();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = proxy.local_addr().expect("it is bound").to_string();
    proxy.set_nonblocking(true).expect("a socket of ours");
    let text = "defaults: { timeout: 1s }\ntargets: [{ name: filer, vendor: resilio, url: 'http://192.0.2.1:8443' }]\n";
    let file = folder.write("rollcall.yml", text);
    for (no_proxy, asked) in
        [("", true), ("192.0.2.1:80", true), ("*", false), ("192.0.2.1:8443", false), ("192.0.2.0/24", false)]
    {
        let mut probe = command();
        probe
            .args(["probe", "filer", "--config.file"])
            .arg(&file)
            .env("HTTP_PROXY", &address)
            .env("NO_PROXY", no_proxy);
        let ended = crate::program::Ended::of(probe.output().expect("the binary runs")).expect(1);
        assert_eq!(proxy.accept().is_ok(), asked, "{no_proxy:?}: {}", ended.err);
        while proxy.accept().is_ok() {}
    }
}

#[test]
fn probe_shows_each_simulated_target_and_names_them_for_one_that_is_not_there() {
    let sim = Sim::frozen();
    let folder = Folder::new();
    let file = folder.write("rollcall.yml", &sim.config_yaml());
    let file = file.to_str().expect("a plain name");
    let yaml = sim.config_yaml();
    let names: Vec<&str> = yaml.lines().filter_map(|line| line.strip_prefix("  - name: ")).collect();
    assert!(names.len() > 6);
    for name in &names {
        let ended = rollcall(&["probe", name, "--config.file", file]).expect(0);
        assert!(ended.err.contains(name) && ended.err.contains("http://127.0.0.1:"), "{}", ended.err);
        assert!(ended.err.contains("200, "), "requests and their answers: {}", ended.err);
        assert!(ended.out.contains("pool ") && ended.out.contains(" agent"), "{}", ended.out);
        assert!(!ended.out.contains("# HELP"));
        let ended = rollcall(&["probe", name, "--config.file", file, "--metrics", "--agents", "0"]).expect(0);
        let start = ended.out.find("# HELP").expect("the exposition");
        let exposition = Exposition::parse(&ended.out[start..]);
        assert_eq!(exposition.of(name, "rollcall_target_up"), Some(1.0));
        let agents = exposition.all("rollcall_agent_health", &[]).iter().filter(|s| s.value == 1.0).count();
        let listed = ended.out[..start].lines().filter(|line| line.starts_with("  ")).count();
        assert_eq!(listed, agents, "{}", ended.out);
    }
    let ended = rollcall(&["probe", "nobody", "--config.file", file]).expect(1);
    assert!(names.iter().all(|name| ended.err.contains(name)), "{}", ended.err);
    sim.shut("resilio");
    let ended = rollcall(&["probe", "filer-01", "--config.file", file]).expect(1);
    assert!(ended.err.contains("connect"), "{}", ended.err);
}

#[test]
fn simulate_writes_a_configuration_that_connects_and_never_overwrites_one_that_is_not_its_own() {
    let folder = Folder::new();
    let file = folder.file("rollcall.yml");
    let start = || {
        let mut command = command();
        command.args(["simulate", "--agents", "40", "--config.file"]).arg(&file);
        command
    };
    let mut simulation = Running::start(&mut start());
    let said = simulation.wait_for("Stop with Ctrl-C");
    for vendor in VENDORS {
        assert!(said.contains(&format!(" {vendor} ")), "{vendor} in\n{said}");
    }
    let path = file.to_str().expect("a plain name");
    rollcall(&["check", path]).expect(0);
    let ended = rollcall(&["check", path, "--connect"]).expect(0);
    assert!(ended.out.lines().filter(|line| line.starts_with("ok")).count() > 6, "{}", ended.out);
    assert_eq!(simulation.terminate().code, 0);
    // Its own it overwrites; another's it does not.
    let mut again = Running::start(&mut start());
    again.wait_for("Stop with Ctrl-C");
    assert_eq!(again.terminate().code, 0);
    folder.write("rollcall.yml", "# Mine.\ntargets: []\n");
    let ended = rollcall(&["simulate", "--config.file", path]).expect(1);
    assert!(ended.err.contains("--force"), "{}", ended.err);
    assert_eq!(folder.read("rollcall.yml"), "# Mine.\ntargets: []\n");
    let mut forced = Running::start(start().arg("--force"));
    forced.wait_for("Stop with Ctrl-C");
    assert_ne!(folder.read("rollcall.yml"), "# Mine.\ntargets: []\n");
}

#[test]
fn the_demo_prints_where_everything_is_and_stops_cleanly() {
    let mut demo = Daemon::demo(&["--agents", "20", "--incident", "sync-stuck"]);
    let page = format!(" {}/metrics ", demo.url());
    let said = demo.process.wait_for(&page);
    assert!(said.contains("sync-stuck"), "{said}");
    let exposition = demo.wait_until_all_up();
    for vendor in VENDORS {
        assert!(said.contains(&format!(" {vendor} ")), "{vendor} in\n{said}");
        assert!(!exposition.all("rollcall_agent_health", &[("vendor", vendor)]).is_empty(), "{vendor}");
    }
    assert!(demo.get("/").text().contains("hq-farm"));
    let begun = Instant::now();
    demo.terminate();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_proxy_of_the_environment_that_cannot_be_reached_is_named_without_its_credentials() {
    let folder = Folder::new();
    let text = "targets: [{ name: filer, vendor: resilio, url: 'http://filer.example.com' }]\n";
    let file = folder.write("rollcall.yml", text);
    let mut probe = command();
    probe.args(["probe", "filer", "--config.file"]).arg(file).env("NO_PROXY", "").env_remove("no_proxy");
    probe.env("HTTP_PROXY", "http://me:canary@127.0.0.1:1").env_remove("http_proxy");
    let ended = crate::program::Ended::of(probe.output().expect("the binary runs")).expect(1);
    assert!(ended.err.contains(": through the proxy 127.0.0.1:1: "), "{}", ended.err);
    assert!(!ended.err.contains("canary"), "{}", ended.err);
}

#[test]
fn addresses_that_cannot_be_listened_on_are_told_before_anything_is_polled() {
    let sim = Sim::frozen();
    let folder = Folder::new();
    let file = Config::quick().target(Target::resilio("filer", &sim, 1)).write(&folder);
    let file = file.to_str().expect("a plain name");
    let taken = TcpListener::bind("127.0.0.1:0").expect("free ports");
    let taken = taken.local_addr().map(|address| (address.to_string(), taken)).expect("it is bound");
    for (address, part) in [
        (taken.0.as_str(), "; --web.listen-address chooses another"),
        ("127.0.0.1", ""),
        ("127.0.0.1:port", ""),
        ("127.0.0.1:99999", ""),
        ("nobody.invalid:80", ""),
        ("192.0.2.1:10077", ""),
    ] {
        let ended = rollcall(&["serve", "--config.file", file, "--web.listen-address", address]).expect(1);
        let said = ended.err.lines().last().unwrap_or_default();
        assert!(said.starts_with(&format!("cannot listen on {address}: ")), "{address}: {}", ended.err);
        assert!(said.to_lowercase().contains(part), "{address}: {said}");
    }
    assert!(sim.journal().is_empty());
}

#[test]
fn the_daemon_listens_on_all_its_addresses_and_on_every_interface() {
    let sim = Sim::frozen();
    let folder = Folder::new();
    let file = Config::quick().target(Target::resilio("filer", &sim, 1)).write(&folder);
    let mut serve = command();
    serve.arg("serve").arg("--config.file").arg(&file).args([
        "--web.listen-address",
        ":0",
        "--web.listen-address",
        "127.0.0.1:0",
    ]);
    let daemon = Running::start(&mut serve);
    let ports = wait_until("it listens twice", WAIT_TIMEOUT, || {
        let log = daemon.err();
        let lines = log.lines().filter(|line| line.contains("Listening."));
        let ports: Vec<String> = lines.filter_map(|line| Some(line.rsplit_once(':')?.1.trim().to_owned())).collect();
        if ports.len() == 2 { Ok(ports) } else { Err(log) }
    });
    for port in &ports {
        assert_eq!(http("GET", &format!("http://127.0.0.1:{port}/-/healthy"), &[]).status, 200);
    }
    assert_eq!(daemon.terminate().code, 0);
}

/// The simulation as a process of its own, at full size: what the issue promises to whoever tests with it.
#[test]
fn a_hundred_thousand_simulated_agents_start_within_seconds_and_stay_small_while_they_are_read() {
    const LIMIT_KIB: u64 = 300 * 1024;
    let folder = Folder::new();
    let file = folder.file("rollcall.yml");
    let mut command = command();
    command.args(["simulate", "--agents", "100000", "--config.file"]).arg(&file);
    let mut simulation = Running::start(&mut command);
    let said = simulation.wait_for("Stop with Ctrl-C");
    // Time on a processor, so that it says the same on a busy machine.
    let started = simulation.cpu_time();
    assert!(started < Duration::from_secs(5), "{started:?}");
    let url = |vendor: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(vendor)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{vendor} in\n{said}")).trim().to_owned()
    };
    let farm = url("parallels_ras");
    let body = json!({ "username": ParallelsRas::USERNAME, "password": ParallelsRas::PASSWORD });
    let token = runtime().block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client without options that can be wrong");
        let answer = client.post(format!("{farm}/api/Session/logon")).json(&body).send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        answer["authToken"].as_str().expect("a token").to_owned()
    });
    for path in ["/api/Agent", "/api/RDS/Host"] {
        let list = http("GET", &format!("{farm}{path}"), &[("auth_token", &token)]);
        assert!(list.status == 200 && list.body.len() > 1_000_000, "{path}: {} bytes", list.body.len());
    }
    // The exporter reads all of Azure DevOps and StoreFront, with time enough for a busy machine.
    let text = folder.read("rollcall.yml").replace("defaults:\n", "defaults:\n  timeout: 2m\n  stale_after: 40m\n");
    folder.write("rollcall.yml", &text);
    let path = file.to_str().expect("a plain name");
    for (target, least) in [("builds", 35_000), ("desktops", 19_000), ("hq-farm", 30_000)] {
        let ended = rollcall(&["probe", target, "--config.file", path, "--agents", "1"]).expect(0);
        let agents: usize = ended
            .out
            .lines()
            .filter_map(|line| {
                line.strip_prefix("pool ")?.rsplit_once(": ")?.1.strip_suffix(" agents")?.parse::<usize>().ok()
            })
            .sum();
        assert!(agents >= least, "{target}: {agents} agents\n{}", ended.out);
    }
    let peak = simulation.memory_kib("VmHWM");
    println!("started after {started:?} of a processor, at most {peak} KiB resident");
    assert!(peak < LIMIT_KIB, "{peak} KiB");
    assert!(std::fs::read_to_string(&file).is_ok_and(|text| text.contains(CitrixStorefront::USERNAME)));
}

#[test]
fn a_demo_of_twenty_agents_is_complete() {
    let demo = Daemon::demo(&["--agents", "20", "--seed", "3", "--frozen"]);
    let exposition = demo.wait_until_all_up();
    assert!(exposition.all("rollcall_agent_health", &[("health", "healthy")]).len() >= 20);
}
