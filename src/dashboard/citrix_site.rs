//! `rollcall-citrix-site`: for the desktop team, all machines of a site.

use super::{Dashboard, Link, Panel, Row, Variable, citrix, link, look, shared};
use crate::health::Health;

/// The vendor that it is about.
const VENDOR: &str = r#"vendor="citrix_site""#;

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "rollcall-citrix-site",
        title: "Rollcall / Citrix site",
        audience: "the desktop team",
        question: "which delivery groups have room, which machines are lost or out of service, and are hypervisors and zones well?",
        vendor: VENDOR,
        variables: vec![Variable::TARGET, Variable::POOL],
        states: &["citrix_site_machine_registration_state{@agent} == 1"],
        rows: vec![
            shared::freshness(900.0),
            Row::new("Now", vec![shared::classes(agents_of), shared::capacity(agents_of), now(), machines(), groups()]),
            Row::new("Below the machines", vec![hypervisors(), zones(), versions()]),
            Row::new("Capacity", vec![sessions(), load(), desktops(), licenses()]),
            Row::new("States", vec![power(), registration(), shared::history(), deregistrations(), timeline()]),
        ],
    }
}

const POOL: &str = "vendor, target, pool";
const AGENT: &str = "vendor, target, pool, agent";

fn agents_of(classes: &[Health]) -> Link {
    link::agents(VENDOR, classes)
}

/// The largest of several daemons, by these labels.
fn of(labels: &str, metric: &str, more: &str) -> String {
    format!("max by ({labels}) (citrix_site_{metric}{{@pool{more}}})")
}

fn state(kind: &str, matcher: &str) -> String {
    format!("max by ({AGENT}, state) (citrix_site_machine_{kind}_state{{@pool{matcher}}} == 1)")
}

fn now() -> Panel {
    let none = |expr: String| format!("count({expr}) or 0 * sum(max by ({POOL}) (rollcall_pool_on_demand{{@pool}}))");
    Panel::stat(
        "Machines",
        "none",
        "In maintenance: machines that take nobody new on purpose. Failed to start: those that are stuck on their boot as well. Hypervisors and zones: those that the site calls faulty or unhealthy.",
    )
    .query("Machines", none(format!("max by ({AGENT}) (citrix_site_machine_info{{@pool}})")))
    .query("In maintenance", format!("sum({})", of(AGENT, "machine_maintenance_mode", "")))
    .query("Failed to start", none(state("fault", r#",state=~"FailedToStart|StuckOnBoot""#)))
    .query("Hypervisors at fault", "sum(max by (vendor, target, hypervisor) (citrix_site_hypervisor_fault{@target}))")
    .query("Unhealthy zones", "sum(1 - max by (vendor, target, zone) (citrix_site_zone_healthy{@target}))")
    .limits(look::TEXT, &[])
    .limits_of("Failed to start", look::TEXT, &[(1.0, look::BAD)])
    .limits_of("Hypervisors at fault", look::TEXT, &[(1.0, look::BAD)])
    .limits_of("Unhealthy zones", look::TEXT, &[(1.0, look::BAD)])
    .plain()
    .link(agents_of(&[]))
    .size(24, 3)
    .low(3)
}

fn groups() -> Panel {
    let desktops = |state: &str| of(POOL, "delivery_group_desktops", &format!(",state=\"{state}\""));
    Panel::table(
        "Delivery groups",
        "Each delivery group as the site counts it. Load is the mean of its multi-session machines that are registered. A group leads to its machines.",
    )
    .linked("pool", "Delivery group", &link::pool())
    .linked("target", "Site", &link::polls())
    .hidden("vendor")
    .limited("Failed", "none", shared::agents("failed"), "transparent", &[(1.0, look::BAD)])
    .value("Disabled", "none", shared::agents("disabled"))
    .value("Machines", "none", desktops("total"))
    .value("Available", "none", desktops("available"))
    .value("Unregistered", "none", desktops("unregistered"))
    .limited("At fault", "none", desktops("faulted"), "transparent", &[(1.0, look::BAD)])
    .value("Sessions", "none", of(POOL, "delivery_group_sessions", ""))
    .limited(
        "Load",
        "percentunit",
        format!("avg by ({POOL}) ({})", of(AGENT, "machine_load_ratio", "")),
        "transparent",
        &[(0.75, look::WARN), (0.9, look::BAD)],
    )
    .worded("Maintenance", of(POOL, "delivery_group_maintenance_mode", ""), &look::PLAIN_YES_NO)
    .sorted("At fault", true)
    .size(24, 9)
    .done()
}

fn sessions() -> Panel {
    Panel::graph("Sessions", "none", "Sessions of each delivery group, connected or not.")
        .query("{{pool}} · {{target}}", of(POOL, "delivery_group_sessions", ""))
}

fn load() -> Panel {
    Panel::graph(
        "Load of multi-session machines",
        "percentunit",
        "Mean load index of the machines of a group that are registered. At 100 % a machine takes nobody new.",
    )
    .query("{{pool}} · {{target}}", format!("avg by ({POOL}) ({})", of(AGENT, "machine_load_ratio", "")))
}

fn desktops() -> Panel {
    Panel::graph(
        "Machines by what the site says",
        "none",
        "Over all delivery groups. Available: registered and without a session. A machine may be counted in several.",
    )
    .query(
        "{{state}}",
        format!("sum by (state) ({})", of("vendor, target, pool, state", "delivery_group_desktops", "")),
    )
}

fn licenses() -> Panel {
    Panel::graph(
        "Licenses",
        "none",
        "Licenses in use, those that there are, and those that may be used beyond for a while. Read every 15 minutes.",
    )
    .query("{{kind}} · {{target}}", "max by (vendor, target, kind) (citrix_site_licenses{@target})")
}

fn power() -> Panel {
    citrix::power_states(
        state("power", ""),
        "Machines by power state as the site last knew it. Unmanaged: no hypervisor connection by design.",
    )
}

fn registration() -> Panel {
    citrix::registration_states(
        state("registration", ""),
        "Machines by registration with the site. Those that are off are unregistered rightly.",
    )
}

fn deregistrations() -> Panel {
    Panel::graph(
        "Registrations lost within ten minutes",
        "none",
        "Machines that lost their registration within the ten minutes before, by reason. AgentShutdown and AgentSuspended are the power policy; a peak of anything else is a storm.",
    )
    .query(
        "{{reason}}",
        format!(
            "count by (reason) (max by ({AGENT}, reason) (citrix_site_machine_last_deregistration_reason{{@pool}}) and on ({AGENT}) (time() - max by ({AGENT}) (citrix_site_machine_last_deregistration_timestamp_seconds{{@pool}}) < 600))"
        ),
    )
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
            "max by ({AGENT}, {kind}) (label_replace(citrix_site_machine_{kind}_state{{@pool}} == 1, \"{kind}\", \"$1\", \"state\", \"(.*)\"))"
        )
    };
    let moment = |metric: &str| format!("1000 * max by ({AGENT}) ({metric}{{@pool}})");
    Panel::table(
        "Machines not in order",
        "Machines that are failed, unknown, degraded or on their way to another state, the worst first, with what the site says of them.",
    )
    .linked("agent", "Machine", &link::agent())
    .linked("pool", "Delivery group", &link::pool())
    .linked("target", "Site", &link::polls())
    .hidden("vendor")
    .coloured("health", "Health", &look::health_labels())
    .rows(format!("sort_desc({off})"))
    .value("Since", "dateTimeFromNow", beside(moment("rollcall_agent_health_since_timestamp_seconds")))
    .label("power", "Power")
    .rows(beside(renamed("power")))
    .label("registration", "Registration")
    .rows(beside(renamed("registration")))
    .label("fault", "Fault")
    .rows(beside(renamed("fault")))
    .value("Sessions", "none", beside(of(AGENT, "machine_sessions", "")))
    .value(
        "Lost registration",
        "dateTimeFromNow",
        beside(moment("citrix_site_machine_last_deregistration_timestamp_seconds")),
    )
    .label("reason", "Why")
    .rows(beside(format!("max by ({AGENT}, reason) (citrix_site_machine_last_deregistration_reason{{@pool}})")))
    .when_empty("none, of those that are read")
    .size(24, 9)
    .done()
}

fn hypervisors() -> Panel {
    Panel::table("Hypervisors", "Connections of the site to hypervisors, and why one is at fault.")
        .label("hypervisor", "Hypervisor")
        .linked("target", "Site", &link::polls())
        .label("connection_type", "Type")
        .label("zone", "Zone")
        .hidden("vendor")
        .rows("max by (vendor, target, hypervisor, connection_type, zone) (citrix_site_hypervisor_info{@target})")
        .label("reason", "Reason")
        .rows("max by (vendor, target, hypervisor, reason) (citrix_site_hypervisor_fault{@target})")
        .worded(
            "At fault",
            "max by (vendor, target, hypervisor) (citrix_site_hypervisor_fault{@target})",
            &[("1", "FAULT", look::BAD), ("0", "no", look::NONE)],
        )
        .sorted("At fault", true)
        .size(12, 8)
        .done()
}

fn zones() -> Panel {
    Panel::table("Zones", "Zones of the site, and whether it calls them healthy.")
        .label("zone", "Zone")
        .linked("target", "Site", &link::polls())
        .hidden("vendor")
        .worded(
            "Healthy",
            "max by (vendor, target, zone) (citrix_site_zone_healthy{@target})",
            &[("1", "yes", look::NONE), ("0", "NO", look::BAD)],
        )
        .size(6, 8)
        .done()
}

fn versions() -> Panel {
    Panel::graph(
        "Versions of agents",
        "none",
        "Machines by the version of their agent: an update that was forgotten somewhere.",
    )
    .query(
        "{{agent_version}}",
        format!("count by (agent_version) (max by ({AGENT}, agent_version) (citrix_site_machine_info{{@pool}}))"),
    )
    .stacked()
    .size(6, 8)
}
