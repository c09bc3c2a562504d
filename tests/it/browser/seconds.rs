//! The ten-second test: in each incident the first 600 pixels name the target, the pool, how many agents and since when.

use rollcall_sim::{Incident, MORNING, Options};

use super::{chromium::Browser, polled};
use crate::support::{Daemon, Folder, Sim};

/// The vendors of an incident, and what the first screen must name: target, pool, and how many agents (a beginning).
fn expected(incident: Incident) -> (&'static [&'static str], [&'static str; 3]) {
    match incident {
        Incident::HypervisorLost => (&["citrix_storefront"], ["desktops", "XD-East", ""]),
        Incident::BuildPoolOffline => (&["azure_devops"], ["builds", "linux-build", "9 of 10"]),
        Incident::PasswordExpired => (&["parallels_ras"], ["hq-farm", "Gateway@1", ""]),
        Incident::RateLimited => (&["azure_devops"], ["builds", "-build", ""]),
        Incident::SyncStuck => (&["resilio"], ["filer-02", "client", "1"]),
        Incident::PrimingRefused => (&["parallels_ras_session"], ["hq-session-deep", "session", "1"]),
        Incident::GatewayLost => (&["parallels_ras"], ["hq-farm", "Gateway@1", "2"]),
        Incident::LicenseRunningOut => (&["parallels_ras"], ["hq-farm", "Gateway@1", ""]),
        Incident::PatchNight => (&["citrix_storefront"], ["desktops", "XD-East", ""]),
        Incident::VendorApiDown => (&["azure_devops", "citrix_storefront"], ["builds", "-build", ""]),
        Incident::SlowBuilds => (&["azure_devops"], ["builds", "", ""]),
        Incident::ScaleSetBroken => (&["azure_devops"], ["builds", "linux-scale-set", ""]),
        Incident::JobNobodyCanTake => (&["azure_devops"], ["builds", "windows-build", "6"]),
        Incident::FilersDark => (&["resilio", "resilio_console"], ["mc", "ber", "1 of 2"]),
        Incident::DiskFull => (&["resilio_console"], ["mc", "ber", ""]),
        Incident::SiteMaintenance => (&["citrix_site"], ["site", "Desktops East", ""]),
        Incident::RegistrationStorm => (&["citrix_site"], ["site", "East", ""]),
    }
}

/// What has to be read before, so that it is known who is concerned.
const BEGIN_LATER: [Incident; 3] = [Incident::PasswordExpired, Incident::RateLimited, Incident::VendorApiDown];

/// What is seen for some minutes, or not from its very beginning.
const BEGIN_AT_ITS_TURN: [Incident; 2] = [Incident::PatchNight, Incident::SiteMaintenance];

/// A fleet of these vendors, and a daemon that polls it.
fn fleet(incident: Incident, vendors: &[&str]) -> (Sim, Folder, Daemon) {
    // What takes half an hour until it is felt is felt at once.
    let speed = if matches!(incident, Incident::SlowBuilds | Incident::RateLimited) { 20.0 } else { 1.0 };
    let sim = Sim::start(Options { agents: 60, seed: 7, speed, clock: Some(MORNING), ..Options::default() });
    // Holds and budgets belong to an identity: each fleet has its own.
    for vendor in vendors {
        sim.set_secret(vendor, &format!("secret-of-{}", incident.name()));
    }
    let yaml = sim.config_yaml();
    let (_, targets) = yaml.split_once("targets:\n").expect("a configuration with targets");
    let is_ours = |target: &&str| {
        let vendor = target.lines().find_map(|line| line.trim().strip_prefix("vendor: "));
        vendor.is_some_and(|vendor| vendors.contains(&vendor))
    };
    let targets: String =
        targets.split("  - name: ").filter(is_ours).map(|target| format!("  - name: {target}")).collect();
    let folder = Folder::new();
    let config = folder.write("rollcall.yml", &format!("defaults:\n  interval: 5s\n\ntargets:\n{targets}"));
    if !BEGIN_LATER.contains(&incident) && !BEGIN_AT_ITS_TURN.contains(&incident) {
        sim.world().begin(incident);
    }
    let daemon = Daemon::logging_little(&config, &["--time-scale", "20"]);
    (sim, folder, daemon)
}

#[test]
fn the_first_screen_of_every_incident_says_where_how_many_and_since_when() {
    let fleets = Incident::ALL.map(|incident| (incident, fleet(incident, expected(incident).0)));
    for (incident, (sim, _, daemon)) in &fleets {
        polled(daemon);
        if BEGIN_LATER.contains(incident) {
            sim.world().begin(*incident);
        }
    }
    let browser = Browser::start();
    browser.size(1280, 800);
    for (incident, (sim, _, daemon)) in &fleets {
        if BEGIN_AT_ITS_TURN.contains(incident) {
            sim.world().begin(*incident);
        }
        let (_, [target, pool, agents]) = expected(*incident);
        browser.open(daemon.url());
        let rows = "[...document.querySelectorAll('.troubles tbody tr')].filter((row) => row.getBoundingClientRect().bottom <= 600)
                    .map((row) => [...row.cells].map((cell) => cell.innerText))";
        // A line of them has it all; the moment stands beside how long ago that is.
        browser.wait(&format!(
            "{rows}.some(([where, agents, , since]) => where.includes({target:?}) && where.includes({pool:?}) && \
             agents.trim().startsWith({agents:?}) && /\\d/.test(agents) && /\\d+:\\d+ UTC/.test(since))"
        ));
        browser.picture(&format!("incident-{}", incident.name()));
        // And what is worst stands in the first sentence, unless nobody is to be woken.
        let sentence = browser.text("document.querySelector('#headline').textContent");
        let worst = browser.text("document.querySelector('.troubles tbody th a').textContent");
        assert!(sentence.contains(&worst) || sentence.contains("Nothing pages"), "{incident}: {sentence}");
        // Two clicks from there is an agent that is concerned.
        browser.click("#headline a");
        browser.click("table.agents tbody th a");
        let page = browser.text("location.pathname + location.search");
        assert!(page.starts_with("/agents/agent?target="), "{incident}: two clicks lead to {page}");
    }
}
