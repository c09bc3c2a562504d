//! `rollcall-citrix`: for the desktop team that runs a Citrix site.

use super::{Dashboard, Link, Panel, Row, Variable, link, look, shared};
use crate::health::Health;

/// The vendors that it is about.
const VENDOR: &str = r#"vendor="citrix_storefront""#;

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "rollcall-citrix",
        title: "Rollcall / Citrix",
        audience: "the desktop team",
        question: "which machines are on and registered, which are on in vain, and how old is what StoreFront says?",
        vendor: VENDOR,
        variables: vec![Variable::TARGET, Variable::POOL],
        states: &["citrix_machine_registration_state{@agent} == 1"],
        rows: vec![
            shared::freshness(900.0),
            Row::new("Now", vec![shared::classes(agents_of), shared::capacity(agents_of), now(), machines(), pools()]),
            Row::new("States", vec![power(), registration(), shared::history().size(24, 8), timeline()]),
            Row::new("The data", vec![age(), enumeration(), counts()]),
        ],
    }
}

const POOL: &str = "vendor, target, pool";
const AGENT: &str = "vendor, target, pool, agent";

fn state(kind: &str, matcher: &str) -> String {
    format!("max by ({AGENT}, state) (citrix_machine_{kind}_state{{@pool{matcher}}} == 1)")
}

/// Machines that run and that no broker can send anybody to.
fn on_unregistered() -> String {
    format!(
        "max by ({AGENT}) (citrix_machine_power_state{{@pool,state=\"On\"}} == 1)\nand on ({AGENT})\n(citrix_machine_registration_state{{@pool,state=\"Unregistered\"}} == 1)"
    )
}

/// Machines of a pool in a state, 0 where there is none of it.
fn per_pool(count: &str) -> String {
    format!("count by ({POOL}) ({count})\nor 0 * max by ({POOL}) (rollcall_pool_on_demand{{@pool}})")
}

fn agents_of(classes: &[Health]) -> Link {
    link::agents(VENDOR, classes)
}

fn now() -> Panel {
    let none = |expr: String| format!("count({expr}) or 0 * sum(max by ({POOL}) (rollcall_pool_on_demand{{@pool}}))");
    Panel::stat(
        "Machines",
        "none",
        "On but unregistered: the machine runs and nobody can be sent to it. Power unknown: StoreFront's site has lost the hypervisor. Oldest: the machine whose data the server has not renewed for the longest time.",
    )
    .query("Machines", "sum(max by (vendor, target) (citrix_store_machines{@target}))")
    .query("On but unregistered", none(on_unregistered()))
    .query("Power unknown", none(state("power", ",state=\"Unknown\"")))
    .query("Actions in progress", format!("sum(max by ({AGENT}) (citrix_machine_power_action_in_progress{{@pool}}))"))
    .query("Oldest data", format!("max(time() - max by ({AGENT}) (citrix_machine_last_updated_timestamp_seconds{{@pool}}))"))
    .unit_of("Oldest data", "s")
    .limits(look::TEXT, &[])
    .limits_of("On but unregistered", look::TEXT, &[(1.0, look::BAD)])
    .limits_of("Power unknown", look::TEXT, &[(1.0, look::ODD)])
    .limits_of("Oldest data", look::TEXT, &[(600.0, look::WARN), (1_800.0, look::BAD)])
    .plain()
    .link(agents_of(&[]))
    .size(24, 3)
    .low(3)
}

fn pools() -> Panel {
    Panel::table("Pools", "Each farm or delivery controller with its machines. A pool leads to its machines.")
        .linked("pool", "Pool", &link::pool())
        .linked("target", "Store", &link::polls())
        .hidden("vendor")
        .limited("On, unregistered", "none", per_pool(&on_unregistered()), "transparent", &[(1.0, look::BAD)])
        .limited(
            "Power unknown",
            "none",
            per_pool(&state("power", ",state=\"Unknown\"")),
            "transparent",
            &[(1.0, look::ODD)],
        )
        .value("On", "none", per_pool(&state("power", ",state=\"On\"")))
        .value("Registered", "none", per_pool(&state("registration", ",state=\"Registered\"")))
        .limited("Failed", "none", shared::agents("failed"), "transparent", &[(1.0, look::BAD)])
        .value("Disabled", "none", shared::agents("disabled"))
        .value("All", "none", shared::agents(".+"))
        .value(
            "Multi-session",
            "none",
            per_pool(&format!("max by ({AGENT}) (citrix_machine_info{{@pool,session_support=\"MultiSession\"}})")),
        )
        .sorted("On, unregistered", true)
        .size(24, 7)
        .done()
}

fn power() -> Panel {
    power_states(
        state("power", ""),
        "Machines by power state as StoreFront last knew it, which may be some minutes late. Unmanaged: no hypervisor connection by design.",
    )
}

fn registration() -> Panel {
    registration_states(
        state("registration", ""),
        "Machines by registration with their broker. Machines that are off are unregistered rightly; see the table for those that are on.",
    )
}

/// Machines by power state, of a store or a site.
pub(super) fn power_states(states: String, description: &'static str) -> Panel {
    Panel::graph("Power states", "none", description)
        .query("{{state}}", format!("count by (state) ({states})"))
        .colour("On", look::GOOD)
        .colour("Off", look::GREY)
        .colour("Suspended", "#B0B0B0")
        .colour("Unknown", look::ODD)
        .colour("TurningOn", look::CALM)
        .colour("Resuming", look::CALM)
        .colour("TurningOff", "#9AC7E4")
        .colour("Suspending", "#9AC7E4")
        .colour("Unmanaged", "#5F9E8F")
        .stacked()
}

/// Machines by registration, of a store or a site.
pub(super) fn registration_states(states: String, description: &'static str) -> Panel {
    Panel::graph("Registration states", "none", description)
        .query("{{state}}", format!("count by (state) ({states})"))
        .colour("Registered", look::GOOD)
        .colour("Unregistered", look::GREY)
        .colour("AgentError", look::BAD)
        .colour("Initializing", look::CALM)
        .stacked()
}

fn timeline() -> Panel {
    shared::changed_most(
        "@pool",
        "Health of the machines that changed most",
        "The 25 machines with the most changes within the range. Unknown is what the site does not know; a gap is a time without data.",
    )
}

fn machines() -> Panel {
    let off = shared::ranked("@pool", &shared::NOT_IN_ORDER);
    let beside = |expr: String| format!("{expr}\nand on ({AGENT}) {off}");
    let renamed = |kind: &str| {
        format!(
            "max by ({AGENT}, {kind}) (label_replace(citrix_machine_{kind}_state{{@pool}} == 1, \"{kind}\", \"$1\", \"state\", \"(.*)\"))"
        )
    };
    let since = format!("1000 * max by ({AGENT}) (rollcall_agent_health_since_timestamp_seconds{{@pool}})");
    Panel::table(
        "Machines not in order",
        "Machines that are failed, unknown, degraded or on their way to another state, the worst first, with what StoreFront says of them.",
    )
    .linked("agent", "Machine", &link::agent())
    .linked("pool", "Pool", &link::pool())
    .linked("target", "Store", &link::polls())
    .hidden("vendor")
    .coloured("health", "Health", &look::health_labels())
    .rows(format!("sort_desc({off})"))
    .value("Since", "dateTimeFromNow", beside(since))
    .label("power", "Power")
    .rows(beside(renamed("power")))
    .label("registration", "Registration")
    .rows(beside(renamed("registration")))
    .worded("Power action", beside(format!("max by ({AGENT}) (citrix_machine_power_action_in_progress{{@pool}})")), &look::PLAIN_YES_NO)
    .value(
        "Data from",
        "dateTimeFromNow",
        beside(format!("1000 * max by ({AGENT}) (citrix_machine_last_updated_timestamp_seconds{{@pool}})")),
    )
    .label("session_support", "Sessions")
    .rows(beside(format!("max by ({AGENT}, session_support) (citrix_machine_info{{@pool}})")))
    .when_empty("none, of those that are read")
    .size(24, 9)
    .done()
}

fn age() -> Panel {
    let of = |what: &str| format!("max by (pool, target) (time() - citrix_machine_{what}_timestamp_seconds{{@pool}})");
    Panel::graph(
        "Age of the machines' data",
        "s",
        "Of each pool the machine whose data the server has not renewed for the longest time, and the oldest that a power state can be. Rollcall cannot be fresher than StoreFront.",
    )
    .query("{{pool}} · {{target}} data", of("last_updated"))
    .query("{{pool}} · {{target}} power state", of("max_last_updated"))
}

fn enumeration() -> Panel {
    Panel::stat(
        "Enumeration",
        "none",
        "How complete the last list of resources was. partial or failed: a delivery controller did not answer; machines that are missing from it are kept.",
    )
    .query("{{status}}", "max by (status) (citrix_store_enumeration{@target} == 1)")
    .names()
    .plain()
    .colour("full", look::GOOD)
    .colour("partial", look::WARN)
    .colour("failed", look::BAD)
    .link(Link::to("rollcall-daemon", "Polls").carry(&["target"]))
    .size(4, 8)
}

fn counts() -> Panel {
    let of = |what: &str| format!("sum(max by (vendor, target) (citrix_store_{what}{{@target}}))");
    Panel::graph(
        "Resources and machines",
        "none",
        "What the account may see. Resources that fall while nothing was changed: its rights were. Resources without a machine were asked for and brought none.",
    )
    .query("resources", of("resources"))
    .query("resources that can be asked for", of("queryable_resources"))
    .query("resources without machine", of("resources_without_machine"))
    .query("machines", of("machines"))
    .size(8, 8)
}
