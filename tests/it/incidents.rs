//! Every scripted incident from its beginning to its end, and what it costs: real daemons, a real Prometheus with the rules
//! that are shipped, a real Alertmanager with the configuration that is shipped, and a receiver that counts.
//!
//! Everything takes a sixtieth of its time: the simulated vendors, the rules, the engine, Prometheus, Alertmanager. One
//! daemon polls a fleet for each incident and a calm one; the names of the targets tell them apart.

mod stage;

use rollcall::{alert::document::COSTS, sim::Incident};
use stage::{Mode, Stage};

/// An incident and its fleet.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub incident: Option<Incident>,
    /// The vendors of its fleet.
    pub vendors: &'static [&'static str],
    /// When it begins, in minutes. Rules look back for an hour, so most fleets are well for longer.
    pub begins: u64,
    /// How long it lasts, in minutes.
    pub lasts: u64,
}

const ALL: &[&str] = &["parallels_ras", "parallels_ras_session", "resilio", "azure_devops", "citrix_storefront"];

const fn case(incident: Incident, vendors: &'static [&'static str], begins: u64, lasts: u64) -> Case {
    Case { incident: Some(incident), vendors, begins, lasts }
}

const CASES: &[Case] = &[
    case(Incident::HypervisorLost, &["citrix_storefront"], 65, 60),
    case(Incident::BuildPoolOffline, &["azure_devops"], 65, 60),
    case(Incident::PasswordExpired, &["parallels_ras"], 65, 60),
    case(Incident::RateLimited, &["azure_devops"], 65, 60),
    case(Incident::SyncStuck, &["resilio"], 10, 130),
    case(Incident::PrimingRefused, &["parallels_ras_session"], 65, 60),
    case(Incident::GatewayLost, &["parallels_ras", "parallels_ras_session"], 65, 60),
    case(Incident::PatchNight, &["parallels_ras", "azure_devops", "citrix_storefront"], 65, 60),
    case(Incident::VendorApiDown, &["azure_devops", "citrix_storefront"], 65, 60),
    Case { incident: None, vendors: ALL, begins: 0, lasts: 0 },
];

fn replay(mode: Mode) {
    let mut stage = Stage::new(mode, CASES);
    stage.play();
    println!("{}", stage.receiver.protocol());
    let differences = stage.differences(COSTS);
    assert!(differences.is_empty(), "{mode:?}:\n{differences}\n{}", stage.receiver.protocol());
}

#[test]
fn prometheus_pages_as_often_as_the_documentation_says() {
    replay(Mode::Prometheus);
}

#[test]
fn the_daemon_pages_as_often_as_the_documentation_says() {
    replay(Mode::Direct);
}

#[test]
fn both_at_once_page_as_often_as_the_documentation_says() {
    replay(Mode::Both);
}
