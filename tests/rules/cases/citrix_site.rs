use super::super::case::{Case, Kind::*, case};

const VENDOR: &str = "citrix_site";
const MACHINE: &str = "pool=Win,agent=m0";

/// A machine of the pool `Win` in this class of health.
fn machine(case: Case, index: usize, health: &str, values: &str) -> Case {
    case.with("rollcall_agent_health", &format!("pool=Win,agent=m{index},health={health}"), values)
}

pub fn cases() -> Vec<Case> {
    let mut cases = site();
    cases.extend(storms());
    cases.extend(load());
    cases.extend(inhibitor());
    cases
}

fn site() -> Vec<Case> {
    let fault = |kind, what, state: &str, health: &str, values| {
        let of = format!("{MACHINE},state={state}");
        let case =
            case("CitrixSiteMachineFault", kind, VENDOR, what).with("citrix_site_machine_fault_state", &of, values);
        machine(case, 0, health, "1")
    };
    let hypervisor = |kind, what, values| {
        let of = "hypervisor=vc-1,reason=it cannot be reached";
        case("CitrixSiteHypervisorFault", kind, VENDOR, what).with("citrix_site_hypervisor_fault", of, values)
    };
    let zone = |kind, what, values| {
        case("CitrixSiteZoneUnhealthy", kind, VENDOR, what).with("citrix_site_zone_healthy", "zone=Branch", values)
    };
    vec![
        fault(Fires, "it does not start", "FailedToStart", "failed", "1").silent(19).fires(20, "info", MACHINE, 1.0),
        fault(Fires, "it is stuck", "StuckOnBoot", "failed", "1").silent(19).fires(20, "info", MACHINE, 1.0),
        fault(Silent, "it is full", "MaxCapacity", "degraded", "1").silent(60),
        fault(Silent, "it starts after all", "StuckOnBoot", "failed", "1*15 -").silent(60),
        fault(Maintenance, "in maintenance mode", "FailedToStart", "disabled", "1").silent(60),
        hypervisor(Fires, "for ten minutes", "1").silent(9).fires(10, "critical", "hypervisor=vc-1", 1.0),
        hypervisor(Silent, "it comes back", "1*8 0").silent(40),
        hypervisor(Flapping, "again and again", "1*8 0*2 1*8 0").silent(18).silent(40),
        zone(Fires, "for ten minutes", "0").silent(9).fires(10, "critical", "zone=Branch", 0.0),
        zone(Silent, "a controller is restarted", "0*6 1").silent(40),
    ]
}

/// Six machines, the first of which lose their registration at once and are in this class of health then.
fn lost(case: Case, count: usize, health: &str, lost_at: &str) -> Case {
    (0..6).fold(case, |case, index| {
        let (moment, health) = if index < count { (lost_at, health) } else { ("-500000", "healthy") };
        let of = format!("pool=Win,agent=m{index}");
        let case = case.with("citrix_site_machine_last_deregistration_timestamp_seconds", &of, moment);
        machine(case, index, health, "1")
    })
}

fn storms() -> Vec<Case> {
    let storm = |kind, what| case("CitrixSiteRegistrationStorm", kind, VENDOR, what);
    vec![
        // Ten minutes after the beginning it is long ago.
        lost(storm(Fires, "five of six"), 5, "failed", "0").silent(4).fires(5, "critical", "pool=Win", 5.0),
        lost(storm(Fires, "nobody knows their power states"), 6, "unknown", "0")
            .silent(4)
            .fires(5, "critical", "pool=Win", 6.0),
        lost(storm(Silent, "four of six"), 4, "failed", "0").silent(5).silent(9),
        (6..18)
            .fold(lost(storm(Silent, "less than a third"), 5, "failed", "0"), |case, index| {
                machine(case, index, "healthy", "1")
            })
            .silent(5)
            .silent(9),
        lost(storm(Silent, "switched off in the evening"), 6, "disabled", "0").silent(5).silent(9),
        lost(storm(Silent, "yesterday"), 6, "failed", "-90000").silent(5).silent(40),
        lost(storm(Silent, "the hypervisor is lost"), 6, "unknown", "0")
            .with("citrix_site_hypervisor_fault", "hypervisor=vc-1,reason=gone", "1")
            .silent(5)
            .silent(9),
        lost(storm(Maintenance, "in maintenance mode"), 6, "disabled", "0").silent(5).silent(9),
    ]
}

fn load() -> Vec<Case> {
    let full = |kind, what, loads: &[(&str, &str)]| {
        let begin = case("CitrixSiteDeliveryGroupFull", kind, VENDOR, what);
        loads.iter().enumerate().fold(begin, |case, (index, (load, health))| {
            let case = case.with("citrix_site_machine_load_ratio", &format!("pool=Win,agent=m{index}"), load);
            machine(case, index, health, "1")
        })
    };
    vec![
        full(Fires, "the mean is high", &[("1", "degraded"), ("0.9", "healthy")])
            .silent(14)
            .fires(15, "warning", "pool=Win", 0.95),
        full(Fires, "of those that serve", &[("1", "degraded"), ("0", "failed"), ("0", "disabled")])
            .silent(14)
            .fires(15, "warning", "pool=Win", 1.0),
        full(Silent, "one is full", &[("1", "degraded"), ("0.5", "healthy")]).silent(60),
        full(Silent, "for ten minutes", &[("1*10 0.2", "healthy")]).silent(60),
        full(Maintenance, "a full one is drained", &[("1", "disabled"), ("0.4", "healthy")]).silent(60),
    ]
}

fn inhibitor() -> Vec<Case> {
    let farm = |kind, what| {
        case("CitrixSiteStoreFrontInhibitor", kind, VENDOR, what).with(
            "citrix_site_storefront_farm_info",
            "pool=XD-East",
            "1",
        )
    };
    let fault = |case: Case, values| case.with("citrix_site_hypervisor_fault", "hypervisor=vc-1,reason=gone", values);
    let expected = "pool=XD-East";
    vec![
        fault(farm(Fires, "a hypervisor is lost"), "1").silent(9).fires(10, "info", expected, 1.0),
        farm(Fires, "half of a pool has failed")
            .pool("Win", "0", &[("failed", "3"), ("healthy", "2")])
            .silent(9)
            .fires(10, "info", expected, 1.0),
        farm(Silent, "a third of a pool has failed").pool("Win", "0", &[("failed", "1"), ("healthy", "2")]).silent(40),
        farm(Silent, "a small pool is down").pool("Win", "0", &[("failed", "2")]).silent(40),
        fault(farm(Silent, "it comes back"), "1*8 0").silent(40),
        fault(farm(Silent, "all is well"), "0").silent(40),
    ]
}
