//! The ten-second test: in each incident the first 600 pixels name the target, the pool, how many agents and since when.

use rollcall_sim::Incident;

use super::demo;

/// What the first screen says of an incident: target, pool, and how many agents.
fn expected(incident: Incident) -> (&'static str, &'static str) {
    match incident {
        Incident::HypervisorLost => ("desktops", ""),
        Incident::BuildPoolOffline => ("builds", "linux"),
        Incident::PasswordExpired => ("hq-farm", ""),
        Incident::RateLimited | Incident::SlowBuilds | Incident::ScaleSetBroken | Incident::JobNobodyCanTake => {
            ("builds", "")
        }
        Incident::SyncStuck | Incident::FilersDark | Incident::DiskFull => ("", ""),
        Incident::PrimingRefused => ("", "session"),
        Incident::GatewayLost => ("hq-farm", "Gateway@1"),
        Incident::LicenseRunningOut => ("hq-farm", ""),
        Incident::PatchNight => ("", ""),
        Incident::VendorApiDown => ("builds", ""),
    }
}

#[test]
fn the_first_screen_of_every_incident_says_where_how_many_and_since_when() {
    for incident in Incident::ALL {
        let (target, pool) = expected(incident);
        let (demo, browser) = demo(&["--agents", "60", "--incident", incident.name(), "--incident.delay", "0s"]);
        browser.size(1280, 800);
        browser.open(demo.url());
        browser.wait("document.querySelector('.troubles') !== null");
        let seen = browser.first_pixels(600);
        browser.picture(&format!("incident-{}", incident.name()));
        assert!(seen.contains(target) && seen.contains(pool), "{incident}: {seen}");
    }
}
