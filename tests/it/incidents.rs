//! Every scripted incident from its beginning to its end, and what it costs: real daemons, a real Prometheus with the rules
//! that are shipped, a real Alertmanager with the configuration that is shipped, and a receiver that counts.
//!
//! Everything takes a sixtieth of its time: the simulated vendors, the rules, the engine, Prometheus, Alertmanager. One
//! daemon polls a fleet for each incident and a calm one; the names of the targets tell them apart. A machine that cannot
//! keep up with that is given more time.
//!
//! [`steady`] and [`restarts`] say what is replayed with which versions.

mod costs;
mod fleet;
mod pace;
mod replay;
mod restarts;
mod steady;
mod turn;

use costs::{LASTS, Restarted, SYNC_STUCK_LASTS};
use replay::{Mode, Replay, Setup};
use rollcall_sim::Incident;

use crate::support::{VENDORS, Version};

/// An incident and its fleet.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub incident: Option<Incident>,
    /// The vendors of its fleet.
    pub vendors: &'static [&'static str],
    /// When it begins, in minutes.
    pub begins: u64,
    /// How long it lasts, in minutes.
    pub lasts: u64,
}

const fn case(incident: Incident, vendors: &'static [&'static str], begins: u64, lasts: u64) -> Case {
    Case { incident: Some(incident), vendors, begins, lasts }
}

/// Rules look back for an hour, so fleets are well for longer than that; those of Resilio do not, and its incident is long.
const WELL: u64 = 65;

/// The calm fleet.
const CALM: Case = Case { incident: None, vendors: &VENDORS, begins: 0, lasts: 0 };

/// Two processors keep up with the fleets of one half.
const HALVES: [&[Case]; 2] = [VENDORS_LOST, WORK_STUCK];

/// What is lost, or refused.
const VENDORS_LOST: &[Case] = &[
    case(Incident::HypervisorLost, &["citrix_storefront", "citrix_site"], WELL, LASTS),
    case(Incident::BuildPoolOffline, &["azure_devops"], WELL, LASTS),
    case(Incident::PasswordExpired, &["parallels_ras"], WELL, LASTS),
    case(Incident::RateLimited, &["azure_devops"], WELL, LASTS),
    case(Incident::SyncStuck, &["resilio"], 5, SYNC_STUCK_LASTS),
    case(Incident::PrimingRefused, &["parallels_ras_session"], WELL, LASTS),
    case(Incident::GatewayLost, &["parallels_ras", "parallels_ras_session"], WELL, LASTS),
    case(Incident::PatchNight, &["parallels_ras", "azure_devops", "citrix_storefront", "citrix_site"], WELL, LASTS),
    case(Incident::VendorApiDown, &["azure_devops", "citrix_storefront"], WELL, LASTS),
    CALM,
];

/// What is slow, short or full.
const WORK_STUCK: &[Case] = &[
    case(Incident::LicenseRunningOut, &["parallels_ras"], WELL, LASTS),
    case(Incident::SlowBuilds, &["azure_devops"], WELL, LASTS),
    case(Incident::ScaleSetBroken, &["azure_devops"], WELL, LASTS),
    case(Incident::JobNobodyCanTake, &["azure_devops"], WELL, LASTS),
    case(Incident::FilersDark, &["resilio", "resilio_console"], 5, LASTS),
    case(Incident::DiskFull, &["resilio_console"], 5, LASTS),
    case(Incident::SiteMaintenance, &["citrix_storefront", "citrix_site"], WELL, LASTS),
    case(Incident::RegistrationStorm, &["citrix_storefront", "citrix_site"], WELL, LASTS),
    CALM,
];

/// How many times faster everything is; the next where the machine did not keep up. The last counts whatever the machine
/// does.
const FACTORS: [u32; 3] = [60, 30, 15];

/// The same where Prometheus evaluates a hundred rules: at 30 times a replay takes a whole processor, and at 20 times three run side
/// by side on two.
const WITH_PROMETHEUS: [u32; 2] = [20, 12];

/// What differs counts unless the machine was seen to be late by half of the time after which somebody gives up, or
/// Prometheus left out an evaluation.
const LATE: f64 = 0.5;

/// So late, a replay need not be begun; that much later, it need not go on.
const LOST: f64 = 1.0;

fn replay(mode: Mode, version: Version, restarted: Option<Restarted>, cases: &[Case]) {
    if !version.is_here() {
        return;
    }
    let factors = match (restarted, mode) {
        // It asks its service discovery for five seconds before it scrapes or tells anybody: that is to be about a minute.
        (Some(Restarted::Prometheus), _) => &FACTORS[2..],
        // A restart takes its time on every machine, and may not take minutes.
        (Some(_), _) => &FACTORS[1..],
        (None, Mode::Prometheus | Mode::Both) => &WITH_PROMETHEUS[..],
        (None, Mode::Direct) => &FACTORS[..],
    };
    let slowest = *factors.last().expect("at least one");
    for factor in factors.iter().copied() {
        let bound = if factor == slowest { f64::INFINITY } else { LOST };
        let _turn = turn::wait(factor);
        let mut replay = Replay::new(Setup { mode, version, restarted, factor }, cases);
        let said = match replay.run(bound) {
            Ok(()) => replay.differences(),
            Err(said) => said,
        };
        let (late, missed) = (replay.late(), replay.missed_evaluations());
        println!(
            "{mode:?}, {version:?}, {restarted:?}, {factor} times faster: at the worst late by {late:.2} of what is tolerated, \
             {missed} evaluations missed"
        );
        if said.is_empty() {
            println!("{}", replay.receiver.protocol());
            return;
        }
        let said = format!(
            "{mode:?}, {version:?}, {restarted:?} at {:.2?}, {factor} times faster:\n{said}\n{}",
            replay.restarts,
            replay.receiver.protocol()
        );
        let kept_up = late <= LATE && missed == 0.0;
        assert!(!kept_up && factor != slowest, "{said}");
        println!("The machine did not keep up, so it is replayed more slowly. {said}");
    }
}

#[test]
fn every_incident_that_costs_something_is_replayed_with_its_vendor() {
    for cost in rollcall::incidents::EXPECTED {
        let is_of = |case: &Case| case.incident == Some(cost.incident) && case.vendors.contains(&cost.vendor);
        assert!(HALVES.concat().iter().any(is_of), "{} of {}", cost.incident, cost.vendor);
    }
}
