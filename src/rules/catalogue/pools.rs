//! Alerts about pools and agents of every vendor, by their classes of health.

use super::{
    Alert,
    Labels::{Agent, Pool},
    Severity::{Critical, Info, Warning},
    Unit, alert, days, hours, minutes, table,
};
use crate::{
    catalogue::{
        agent::{AGENT_HEALTH, AGENT_HEALTH_SINCE, POOL_AGENTS, POOL_MIN_SERVING, POOL_ON_DEMAND},
        parallels_ras::AGENT_STATE,
        target::POLLS,
    },
    rules::expr::{Expr, Function, Matcher, Pattern, Selector, age, family, past},
};

const HEALTH: &[&str] = &["health"];
const AGENT: &[&str] = &["pool", "agent"];
pub(super) const SERVING: &[&str] = &["healthy", "transitional", "degraded"];
pub(super) const ELIGIBLE: &[&str] = &["healthy", "transitional", "degraded", "failed"];
/// The beginnings of the pools through which users come in; what is down there is down also with one member.
pub(super) const ENTRY_POINTS: &[&str] = &["PA@", "Gateway@", "HALB@", "HALBDevice@"];
/// The pools of hosts of sessions, which reboot by themselves.
const DESKTOP_HOSTS: &[&str] = &["RDSHost@", "Guest@", "VDIHost@", "AVDHost@"];
/// States that rightly last for hours: ImageOptimizationPending, ImageOptimization, UnderConstruction, PendingRecreation.
const SLOW_STATES: &[&str] =
    &["ImageOptimizationPending", "ImageOptimization", "UnderConstruction", "PendingRecreation"];

fn all_of(classes: &[&'static str]) -> Expr {
    family(&POOL_AGENTS).one_of("health", classes).all().sum_without(HEALTH)
}

/// Agents that count for capacity, by pool.
pub(super) fn eligible() -> Expr {
    all_of(ELIGIBLE)
}

/// Failed agents of pools that serve nobody.
pub(super) fn down(pools: Selector) -> Expr {
    let failed = pools.is("health", "failed").above(0.0).sum_without(HEALTH);
    failed.unless(all_of(SERVING).above(0.0))
}

/// Pools that are rightly empty.
pub(super) fn on_demand() -> Expr {
    family(&POOL_ON_DEMAND).equals(1.0)
}

pub(super) fn only(label: &'static str, values: &[&'static str]) -> Matcher {
    Matcher { label, pattern: Pattern::OneOf(values.to_vec()), negated: false }
}

/// Only by the name of the pool, so that the other rule is told by one matcher: whoever calls a build pool `RDSHost@1` gets
/// the alert ten minutes later.
fn desktop_hosts() -> Vec<Matcher> {
    vec![Matcher { label: "pool", pattern: Pattern::Prefix(DESKTOP_HOSTS.to_vec()), negated: false }]
}

pub(super) fn alerts() -> Vec<Alert> {
    let mut rows = capacity();
    rows.extend(agents());
    table("pools", "rollcall-pool", &[], rows)
}

fn capacity() -> Vec<Alert> {
    let citrix = || vec![only("vendor", &["citrix_storefront", "citrix_site"])];
    let entry_points = family(&POOL_AGENTS).is("vendor", "parallels_ras").prefixed("pool", ENTRY_POINTS);
    let failed = || family(&POOL_AGENTS).is("health", "failed").all().sum_without(HEALTH);
    let some_failed = failed().above(0.0).over(eligible()).at_least(Expr::Threshold);
    let pool_down = some_failed.and(eligible().at_least(2.0)).unless(on_demand());
    let lacking = || failed().over(eligible()).above(Expr::Threshold).and(eligible().at_least(3.0)).unless(on_demand());
    let of_all = failed().over(family(&POOL_AGENTS).all().sum_without(HEALTH));
    let urgent = failed().over(
        // Builds wait: a pool that is short of agents is a ticket.
        family(&POOL_AGENTS).none_of("vendor", &["azure_devops"]).one_of("health", ELIGIBLE).all().sum_without(HEALTH),
    );
    let urgent = urgent.above(Expr::Threshold).and(of_all.above(0.2)).and(eligible().at_least(3.0)).unless(on_demand());
    let capacity_low = |severity, condition, share| {
        alert("RollcallPoolCapacityLow", severity, Pool, condition)
            .threshold(share, Unit::Share)
            // Not before RollcallPoolDown, which mutes it.
            .lasting_for(citrix(), minutes(25))
            .lasting_for(desktop_hosts(), minutes(15))
            .lasting(minutes(10))
            .annotate(
                "A pool is short of agents.",
                "{value:share} of the agents of pool {pool} of {target} ({vendor}) that should serve have failed.",
            )
    };
    // Not SERVING: nobody can rely yet on what is still on its way.
    let working = all_of(&["healthy", "degraded"]);
    // A pool that is expected and not there has no agents: all of them are missing.
    let missing = family(&POOL_MIN_SERVING).minus(working).or(family(&POOL_MIN_SERVING)).above(0.0);
    // What the console of Resilio has disabled is a laptop that is off, or an agent that was declined: no maintenance.
    let disabled = family(&POOL_AGENTS).none_of("vendor", &["resilio_console"]).is("health", "disabled");
    let disabled = disabled.above(0.0).sum_without(HEALTH);
    let others = family(&POOL_AGENTS).none_of("health", &["disabled"]).all().sum_without(HEALTH);
    let all_disabled = disabled.unless(others.above(0.0)).unless(on_demand()).max_by(Pool.names());
    let served = past(Function::Max, family(&POOL_AGENTS).one_of("health", SERVING), days(1)).above(0.0);
    let degraded = || family(&POOL_AGENTS).is("health", "degraded").all().sum_without(HEALTH);
    vec![
        alert(
            "RollcallPoolDown",
            Critical,
            Pool,
            pool_down.unless(entry_points.all().sum_without(HEALTH)),
        )
        // All of them: none serves.
        .threshold(1.0, Unit::Share)
        .lasting_for(citrix(), minutes(25))
        .lasting_for(desktop_hosts(), minutes(15))
        .lasting(minutes(5))
        .outlasting(2)
        .annotate(
            "No agent of a pool serves.",
            "{value:share} of the agents of pool {pool} of {target} ({vendor}) that should serve have failed.",
        ),
        capacity_low(Critical, urgent, 0.5),
        capacity_low(Warning, lacking(), 0.2),
        alert("RollcallPoolBelowMinimum", Critical, Pool, missing)
            .lasting(minutes(10))
            .annotate(
                "Fewer agents of a pool work than the configuration expects.",
                "Too few agents of pool {pool} of {target} ({vendor}) work: {value} fewer than the configuration expects.",
            ),
        alert("RollcallPoolAllDisabled", Warning, Pool, all_disabled.and(served.max_by(Pool.names())))
            .lasting(hours(1))
            .annotate(
                "Every agent of a pool is out of service on purpose.",
                "Every agent of pool {pool} of {target} ({vendor}) is disabled ({value}), and some served within the past day.",
            ),
        alert(
            "RollcallPoolDegraded",
            Warning,
            Pool,
            degraded().over(eligible()).above(Expr::Threshold).and(degraded().at_least(2.0)),
        )
        .threshold(0.5, Unit::Share)
        .lasting(minutes(30))
        .annotate(
            "Most agents of a pool serve, but need attention.",
            "{value:share} of the agents of pool {pool} of {target} ({vendor}) that should serve are degraded.",
        ),
    ]
}

fn agents() -> Vec<Alert> {
    let since = || age(family(&AGENT_HEALTH_SINCE));
    // Whoever waits for approval in a console waits for a person: ResilioAgentsPending.
    let changing =
        family(&AGENT_HEALTH).none_of("vendor", &["resilio_console"]).is("health", "transitional").equals(1.0);
    let slow = || family(&AGENT_STATE).one_of("state", SLOW_STATES).equals(1.0);
    let stuck = since().above(Expr::Threshold).and(changing).ignoring(HEALTH);
    let stuck = stuck.unless(slow()).ignoring(&["state"]);
    let very_stuck = since().above(hours(4).as_secs_f64()).and(slow()).ignoring(&["state"]);
    let changes = past(Function::Changes, family(&AGENT_HEALTH_SINCE), hours(1));
    // A daemon without a state file forgets since when with every start; more than one within the hour may be a crash loop.
    let restarted = past(Function::Resets, family(&POLLS), hours(1)).at_least(2.0);
    vec![
        alert("RollcallAgentFailed", Info, Agent, family(&AGENT_HEALTH).is("health", "failed").equals(1.0))
            .lasting(minutes(30))
            .annotate("An agent has failed.", "Agent {agent} of pool {pool} of {target} ({vendor}) has failed."),
        alert("RollcallAgentStuck", Warning, Pool, stuck.or(very_stuck))
            .threshold(1800.0, Unit::Seconds)
            .lasting(minutes(5))
            .annotate(
                "An agent does not get through a change.",
                "An agent of pool {pool} of {target} ({vendor}) has been transitional for {value:duration}.",
            ),
        alert(
            "RollcallAgentFlapping",
            Warning,
            Pool,
            changes.at_least(Expr::Threshold).unless(restarted).ignoring(AGENT),
        )
        .threshold(6.0, Unit::Count)
        .lasting(minutes(15))
        .annotate(
            "An agent changes its class of health again and again.",
            "An agent of pool {pool} of {target} ({vendor}) changed its class of health {value} times within an hour.",
        ),
    ]
}
