//! The demo's story, and that an incident pages within a minute where it is fast: with the shipped configurations of Prometheus and
//! Alertmanager, and in direct mode.

use std::{path::Path, time::Duration};

use crate::support::{Alertmanager, Daemon, Folder, Receiver, Service, Version, WAIT_TIMEOUT, wait_until};
use rollcall::scale::FAST;

/// An incident whose pages need a few minutes, each a thirtieth.
const INCIDENT: [&str; 7] = ["--agents", "60", "--fast", "--incident", "gateway-lost", "--incident.delay", "5s"];

/// The arguments of a command that the demo prints, but for where to listen.
fn printed(out: &str, program: &str) -> Vec<std::ffi::OsString> {
    let line = out.lines().find_map(|line| line.trim().strip_prefix(&format!("{program} ")));
    let args = line.unwrap_or_else(|| panic!("{program} in\n{out}")).split(' ');
    args.filter(|arg| !arg.starts_with("--web.listen-address")).map(Into::into).collect()
}

/// What it is called in Debian, unless another one is installed.
fn alertmanager_name() -> &'static str {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_here = std::env::split_paths(&path).any(|folder| folder.join("alertmanager").is_file());
    if is_here { "alertmanager" } else { "prometheus-alertmanager" }
}

#[test]
fn a_fast_incident_pages_by_the_prometheus_and_the_alertmanager_that_the_demo_asks_for() {
    let mut demo = Daemon::demo(&INCIDENT);
    let out = demo.process.wait_for("gateway-lost begins at ");
    let alertmanager =
        Service::start("prometheus-alertmanager", Version::Stable, Folder::new(), printed(&out, alertmanager_name()));
    let args = printed(&out, "prometheus");
    let config = args[0].to_str().and_then(|arg| arg.strip_prefix("--config.file=")).expect("it comes first");
    let folder = Path::new(config).parent().expect("a file in a folder");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("the demo wrote it");
    // It took a free port.
    let address = alertmanager.url().trim_start_matches("http://").to_owned();
    let text = read("prometheus.yml").replace("127.0.0.1:9093", &address);
    assert!(text.contains(&address), "{text}");
    std::fs::write(config, &text).expect("the folder of the demo");
    let _prometheus = Service::start("prometheus", Version::Stable, Folder::new(), args.clone());
    // Everything that it waits for is a thirtieth: 5m of `for`, 30 s between scrapes and evaluations, 1m of group_wait.
    for (text, times) in [
        (read("rollcall.rules.yml"), ["- alert: ParallelsRasEntryPointDown", "for: 10s"]),
        (text, ["scrape_interval: 1s", "evaluation_interval: 1s"]),
        (read("alertmanager.yml"), ["group_wait: 2s", "repeat_interval: 480s"]),
    ] {
        assert!(times.iter().all(|time| text.contains(time)), "{times:?} in\n{text}");
    }
    let out = demo.process.wait_for("Expect ParallelsRasEntryPointDown of parallels_ras, a page, in about 14s: ");
    assert!(out.contains("gateway-lost begins. Parallels RAS: the gateways are gone"), "{out}");
    demo.process.wait_for("ParallelsRasEntryPointDown fires, a page about hq-farm.");
    wait_until("Alertmanager pages", WAIT_TIMEOUT, || {
        let out = demo.process.out();
        let pages =
            |line: &str| line.contains("Alertmanager sends a page: ") && line.contains("EntryPointDown of hq-farm");
        if out.lines().any(pages) { Ok(()) } else { Err(out) }
    });
}

#[test]
fn a_fast_incident_pages_in_direct_mode_and_its_end_is_told() {
    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(Version::Stable, &receiver, FAST, &[]);
    let url = alertmanager.url();
    let mut demo = Daemon::demo(&[&INCIDENT[..], &["--alertmanager", &url, "--incident.duration", "30s"]].concat());
    let page = wait_until("a page", WAIT_TIMEOUT, || {
        let pages = receiver.of("pager");
        let about = |page: &&crate::support::Notification| page.line().contains("ParallelsRasEntryPointDown");
        pages.iter().find(about).map(|page| page.at).ok_or_else(|| receiver.protocol())
    });
    assert!(page > Duration::ZERO);
    let out = demo.process.wait_for("The fleet is well again.");
    for told in ["gateway-lost ends.", "ParallelsRasEntryPointDown of hq-farm is resolved."] {
        assert!(out.contains(told), "{told} in\n{out}");
    }
    // The story is not drowned: the log says where it listens, and what is odd.
    let log = demo.log();
    assert!(log.contains("Listening.") && !log.contains("Configuration loaded."), "{log}");
}

#[test]
fn a_calm_demo_says_which_incident_to_try() {
    let mut demo = Daemon::demo(&["--agents", "20"]);
    let out = demo.process.wait_for("rollcall demo --fast --incident gateway-lost");
    assert!(!out.contains(" begins"), "{out}");
}
