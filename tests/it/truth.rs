//! What stands on `/metrics` is what the simulated vendors hold: every sample of every agent, its labels and its value,
//! nothing missing and nothing more.

mod appearance;
mod azure;
pub mod compare;
pub mod consistent;
mod sites;
mod states;

use compare::{TruthFixture, prepare};
use rollcall_sim::{Incident, Options, Quirk};
use std::time::Duration;

const QUIRKS: [Quirk; 7] = [
    Quirk::BadItem,
    Quirk::UnknownState,
    Quirk::DuplicateName,
    Quirk::NastyName,
    Quirk::LongName,
    Quirk::OldServer,
    Quirk::OtherSpelling,
];

fn fleet(agents: usize, seed: u64) -> Options {
    Options { agents, seed, frozen: true, ..Options::default() }
}

#[test]
fn every_sample_of_a_calm_fleet_is_the_truth() {
    for seed in [1, 2] {
        let fixture = TruthFixture::start(fleet(300, seed));
        let exposition = fixture.wait_for_truth("a calm fleet");
        // All vendors, both modes of the probe: what was compared is not little.
        assert!(exposition.all("rollcall_agent_health", &[("health", "healthy")]).len() >= 300);
        for target in [
            "hq-farm",
            "hq-session-light",
            "hq-session-deep",
            "filer-01",
            "mc",
            "builds",
            "builds-entra",
            "desktops",
            "site",
        ] {
            assert_eq!(exposition.of(target, "rollcall_target_up"), Some(1.0), "{target}");
        }
        consistent::warnings_are_none(&exposition);
    }
}

#[test]
fn every_sample_stays_the_truth_over_a_day() {
    let fixture = TruthFixture::without_deep(fleet(300, 3));
    for hour in 0..12 {
        fixture.wait_for_truth(&format!("step {hour}"));
        fixture.sim.world().advance(Duration::from_secs(107 * 60 + hour * 13));
    }
    fixture.wait_for_truth("the next morning");
}

#[test]
fn every_sample_is_the_truth_under_each_quirk() {
    for quirk in QUIRKS {
        let sim = prepare(fleet(200, 4), |sim| {
            let vendors: Vec<&'static str> = sim.vendors().collect();
            vendors.into_iter().for_each(|vendor| sim.world().set_quirk(vendor, quirk, true));
        });
        let fixture = TruthFixture::over(sim, false);
        let exposition = fixture.wait_for_truth(&format!("{quirk:?}"));
        fixture.probe_deep(&format!("{quirk:?}"));
        consistent::warnings_tell(&fixture.sim, &exposition, quirk);
    }
}

/// Compares before the incident, when it begins, several times while it lasts, and when it is over. Of the vendors in
/// `unread` nothing new comes meanwhile: what was read stays, and is compared before time goes on.
fn stays_the_truth_through(incident: Incident, steps: [u64; 4], unread: &[&str]) {
    let fixture = TruthFixture::without_deep(fleet(200, 5));
    fixture.wait_for_truth("before");
    fixture.sim.world().begin(incident);
    // A poll may have been under way that could read everything but queues, which is no failure: then it begins anew.
    let straddled = |_: &u32| unread.contains(&"azure_devops") && fixture.has_lost_queues();
    for _ in (0..10).take_while(straddled) {
        fixture.sim.world().end(incident);
        fixture.wait_for_truth("before, once more");
        fixture.sim.world().begin(incident);
    }
    fixture.wait_for_truth(&format!("{incident} begins"));
    for seconds in steps {
        fixture.sim.world().advance(Duration::from_secs(seconds));
        fixture.wait_for_truth_but(&format!("{incident}, {seconds} s later"), unread);
    }
    fixture.probe_deep(&format!("{incident}"));
    fixture.sim.world().end(incident);
    // A refused log-on is held for a quarter of an hour.
    let unread = if incident == Incident::PasswordExpired { unread } else { &[] };
    fixture.wait_for_truth_but(&format!("{incident} is over"), unread);
}

/// Seconds from one comparison to the next: into the middle of a round, and past the end of sessions.
const STEPS: [u64; 4] = [70, 330, 160, 3_000];

macro_rules! incidents {
    ($($name:ident: $incident:ident, $steps:expr, $unread:expr;)*) => {
        $(
            #[test]
            fn $name() {
                stays_the_truth_through(Incident::$incident, $steps, &$unread);
            }
        )*

        #[test]
        fn every_incident_has_its_test() {
            assert_eq!([$(Incident::$incident),*], Incident::ALL);
        }
    };
}

incidents! {
    every_sample_is_the_truth_when_a_hypervisor_is_lost: HypervisorLost, STEPS, [];
    every_sample_is_the_truth_when_a_build_pool_is_offline: BuildPoolOffline, STEPS, [];
    every_sample_is_the_truth_when_a_password_expires: PasswordExpired, STEPS, ["parallels_ras"];
    // Each answer asks to wait a second, from a minute on; later more, and from the third minute on all is refused.
    every_sample_is_the_truth_when_the_rate_is_limited: RateLimited, [20, 35, 10, 5], [];
    every_sample_is_the_truth_when_a_job_is_stuck: SyncStuck, STEPS, [];
    every_sample_is_the_truth_when_priming_is_refused: PrimingRefused, STEPS, [];
    every_sample_is_the_truth_when_the_gateways_are_lost: GatewayLost, STEPS, [];
    every_sample_is_the_truth_when_a_license_runs_out: LicenseRunningOut, STEPS, [];
    every_sample_is_the_truth_in_a_patch_night: PatchNight, STEPS, [];
    every_sample_is_the_truth_when_two_vendors_are_down: VendorApiDown, STEPS, ["azure_devops", "citrix_storefront"];
    every_sample_is_the_truth_when_builds_are_slow: SlowBuilds, STEPS, [];
    every_sample_is_the_truth_when_a_scale_set_is_broken: ScaleSetBroken, STEPS, [];
    every_sample_is_the_truth_when_nobody_can_take_a_job: JobNobodyCanTake, STEPS, [];
    every_sample_is_the_truth_when_filers_are_dark: FilersDark, STEPS, [];
    every_sample_is_the_truth_when_a_disk_is_full: DiskFull, STEPS, [];
    every_sample_is_the_truth_when_a_site_is_in_maintenance: SiteMaintenance, STEPS, [];
    every_sample_is_the_truth_in_a_storm_of_lost_registrations: RegistrationStorm, STEPS, [];
}
