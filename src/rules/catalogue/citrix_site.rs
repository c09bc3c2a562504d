//! Alerts about a Citrix site: machines, delivery groups, hypervisors and zones.

use super::{
    Alert,
    Labels::{Agent, Farm, Hypervisor, Pool, Target, Zone},
    Severity::{Critical, Info, Warning},
    Unit, alert, minutes, of_vendor,
    pools::{ELIGIBLE, SERVING},
};
use crate::{
    catalogue::{
        agent::{AGENT_HEALTH, POOL_AGENTS},
        citrix_site::{
            HYPERVISOR_FAULT, MACHINE_FAULT_STATE, MACHINE_LAST_DEREGISTRATION, MACHINE_LOAD, STOREFRONT_FARM_INFO,
            ZONE_HEALTHY,
        },
    },
    rules::expr::{Expr, Selector, age, family},
    vendors::Vendor,
};

const VENDOR: &str = Vendor::CitrixSite.as_str();
const TARGET: &[&str] = Target.names();
const HEALTH: &[&str] = &["health"];
const MEMBERS: &[&str] = &["agent", "health"];

fn health() -> Selector {
    family(&AGENT_HEALTH).is("vendor", VENDOR)
}

pub(super) fn alerts() -> Vec<Alert> {
    let rows = vec![
        alert("CitrixSiteMachineFault", Info, Agent, at_fault()).lasting(minutes(20)).annotate(
            "A Citrix machine does not start.",
            "The site reports that machine {agent} of {pool} of {target} failed to start, or is stuck on its boot.",
        ),
        alert("CitrixSiteHypervisorFault", Critical, Hypervisor, lost_hypervisor())
            .lasting(minutes(10))
            .outlasting(1)
            .annotate(
                "A Citrix site has lost a hypervisor.",
                "The connection of {target} to {hypervisor} is at fault: nothing is started, stopped or seen there.",
            ),
        alert("CitrixSiteZoneUnhealthy", Critical, Zone, family(&ZONE_HEALTHY).equals(0.0)).lasting(minutes(10)).annotate(
            "A zone of a Citrix site is unhealthy.",
            "{target} calls its zone {zone} unhealthy: its controllers or connectors do not work.",
        ),
        alert("CitrixSiteRegistrationStorm", Critical, Pool, storm()).lasting(minutes(5)).outlasting(1).annotate(
            "The machines of a Citrix delivery group lose their registrations.",
            "{value} {value:machine|machines} of {pool} of {target} lost {value:its registration|their registrations} within ten minutes: nobody gets on to them.",
        ),
        alert("CitrixSiteDeliveryGroupFull", Warning, Pool, full())
            .threshold(0.9, Unit::Share)
            .lasting(minutes(15))
            .annotate(
                "A Citrix delivery group has no room left.",
                "The load of the machines of {pool} of {target} that serve is {value:share}: soon they take nobody new.",
            ),
        inhibitor(),
    ];
    of_vendor("citrix_site", Vendor::CitrixSite, rows)
}

/// Nobody is told of it: it mutes what StoreFront reports of the same. It goes on for longer than that.
fn inhibitor() -> Alert {
    let alert = alert("CitrixSiteStoreFrontInhibitor", Info, Farm, in_trouble()).lasting(minutes(10)).annotate(
        "A Citrix site pages: StoreFront's alerts about the same are muted.",
        "{target} pages, and is {pool} in StoreFront; this mutes what would page there of the same.",
    );
    Alert { keep_firing_for: minutes(21), ..alert }
}

fn at_fault() -> Expr {
    let fault = family(&MACHINE_FAULT_STATE).one_of("state", &["FailedToStart", "StuckOnBoot"]).equals(1.0);
    // Not where it is out of service.
    fault.and(health().is("health", "failed").equals(1.0)).ignoring(&["state", "health"])
}

fn lost_hypervisor() -> Expr {
    family(&HYPERVISOR_FAULT).equals(1.0)
}

/// Machines that have lost their registrations lately, and are not off or out of service on purpose, by pool.
fn fallen() -> Expr {
    let lately = age(family(&MACHINE_LAST_DEREGISTRATION)).below(minutes(10).as_secs_f64());
    let fallen = lately.and(health().one_of("health", &["failed", "unknown"]).equals(1.0)).ignoring(HEALTH);
    fallen.count_without(MEMBERS)
}

/// A third of a pool, and at least five. Whoever has lost the hypervisor is told of that, which comes first.
fn storm() -> Expr {
    let all = health().equals(1.0).count_without(MEMBERS);
    let third = fallen().over(all).at_least(1.0 / 3.0);
    fallen().at_least(5.0).and(third).unless(lost_hypervisor()).on(TARGET)
}

/// The mean load of the hosts of a pool that serve.
fn full() -> Expr {
    let serving = || health().one_of("health", SERVING).equals(1.0);
    let load = || family(&MACHINE_LOAD).and(serving()).ignoring(HEALTH);
    let mean = load().sum_without(&["agent"]).over(load().count_without(&["agent"]));
    mean.above(Expr::Threshold)
}

/// Names that StoreFront has for a site of which something pages, or will if it lasts: CitrixSiteHypervisorFault,
/// CitrixSiteRegistrationStorm, or RollcallPoolCapacityLow. What StoreFront would page for then is not known sooner.
fn in_trouble() -> Expr {
    let pools = || family(&POOL_AGENTS).is("vendor", VENDOR);
    let failed = || pools().is("health", "failed").all().sum_without(HEALTH);
    let eligible = || pools().one_of("health", ELIGIBLE).all().sum_without(HEALTH);
    let short = failed().over(eligible()).above(0.5).and(failed().over(pools().all().sum_without(HEALTH)).above(0.2));
    let short = short.and(eligible().at_least(3.0));
    let trouble = lost_hypervisor().max_by(TARGET).or(storm().max_by(TARGET)).or(short.max_by(TARGET));
    family(&STOREFRONT_FARM_INFO).and(trouble).on(TARGET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::catalogue::named;

    /// It may mute what pages, as whatever it goes by pages itself, and no later.
    #[test]
    fn what_mutes_storefront_is_never_sooner_than_what_pages() {
        let inhibitor = inhibitor();
        for name in ["CitrixSiteHypervisorFault", "CitrixSiteRegistrationStorm"] {
            let page = named(name).next().expect("it is in the catalogue");
            assert_eq!(page.severity, Critical);
            assert!(page.r#for[0].duration <= inhibitor.r#for[0].duration, "{name}");
            let part = page.condition.clone().max_by(TARGET);
            assert!(format!("{:?}", inhibitor.condition).contains(&format!("{part:?}")), "{name}");
        }
        assert!(named("RollcallPoolCapacityLow").any(|row| row.severity == Critical));
    }
}
