//! `rollcall-parallels-ras`: for the desktop team that runs a Parallels RAS farm.

use super::{
    Dashboard, Link, Panel, Row, Variable, link, look,
    shared::{self, ELIGIBLE, SERVING, agents},
};
use crate::health::Health;

/// The server types through which users come in.
const ENTRY: &str = "(PA|Gateway|HALB|HALBDevice)@.+";

/// The vendors that it is about.
const VENDOR: &str = r#"vendor=~"parallels_ras(_session)?""#;

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "rollcall-parallels-ras",
        title: "Rollcall / Parallels RAS",
        audience: "the desktop team",
        question: "can users get in, do sessions start, is there room for more, and which servers of which site are not in order?",
        vendor: VENDOR,
        variables: vec![Variable::TARGET, Variable::POOL],
        states: &[
            "(parallels_ras_agent_state{@agent} == 1 and on (vendor, target, pool, agent) rollcall_agent_health_since_timestamp_seconds{@agent})",
            r#"label_replace(parallels_ras_session_probe_error{@agent}, "state", "$1", "verdict", "(.*)")"#,
        ],
        rows: vec![
            shared::freshness(3_600.0),
            Row::new("The farm", vec![shared::classes(agents_of), shared::capacity(agents_of), types(), troubled()]),
            Row::new("Over time", vec![shared::history(), states_over_time()]),
            Row::new("Entry points", vec![entry_share(), entry_timeline()]),
            Row::new("Load and sessions", vec![sessions(), load(), busiest(), gateways().size(8, 10)]),
            Row::new(
                "License, versions and machines",
                vec![license(), license_users(), versions(), host_pools(), machines()],
            ),
            Row::new("States that RAS reports", vec![states(), logical()]),
            Row::new("Session probe", vec![probes(), success(), duration(), prime()]),
        ],
    }
}

fn agents_of(classes: &[Health]) -> Link {
    link::agents(VENDOR, classes)
}

fn troubled() -> Panel {
    const AGENT: &str = "vendor, target, pool, agent";
    let off = shared::ranked("@pool", &shared::NOT_IN_ORDER);
    let beside = |expr: String| format!("{expr}\nand on ({AGENT}) {off}");
    Panel::table(
        "Servers not in order",
        "Servers that are failed, unknown, degraded or on their way to another state, the worst first, with the state that RAS reports and since when the daemon has seen the class.",
    )
    .linked("agent", "Server", &link::agent())
    .coloured("health", "Health", &look::health_labels())
    .label("state", "RAS says")
    .linked("pool", "Pool", &link::pool())
    .hidden("vendor")
    .hidden("target")
    .rows(format!("sort_desc({off})"))
    .rows(beside(format!("max by ({AGENT}, state) (parallels_ras_agent_state{{@pool}} == 1)")))
    .value("Since", "dateTimeFromNow", beside(format!("1000 * max by ({AGENT}) (rollcall_agent_health_since_timestamp_seconds{{@pool}})")))
    .when_empty("none, of those that are read")
    .size(13, 10)
    .done()
}

fn types() -> Panel {
    let of = |what: &str| what.replace("@pool,", "@pool,pool=~\".+@.+\",");
    Panel::table(
        "Server types and sites",
        "Agents by server type and site (`RDSHost@1`), those that fail first. A pool leads to its agents. A host that is switched off on purpose counts as disabled where the configuration says so, else as unknown.",
    )
    .linked("pool", "Pool", &link::pool())
    .linked("target", "Farm", &link::polls())
    .hidden("vendor")
    .limited("Failed", "none", of(&agents("failed")), "transparent", &[(1.0, look::BAD)])
    .limited("Unknown", "none", of(&agents("unknown")), "transparent", &[(1.0, look::ODD)])
    .limited("Degraded", "none", of(&agents("degraded")), "transparent", &[(1.0, look::WARN)])
    .value("Serving", "none", of(&agents(SERVING)))
    .value("Disabled", "none", of(&agents("disabled")))
    .value("All", "none", of(&agents(".+")))
    .sorted("Failed", true)
    .size(11, 10)
    .done()
}

fn entry_share() -> Panel {
    let of = |classes: &str| agents(classes).replace("@pool,", &format!("@pool,pool=~\"{ENTRY}\","));
    Panel::bars(
        "Entry points serving",
        "percentunit",
        "Brokers (PA), gateways and load balancers that serve, of those that could. At 0 nobody comes in through that site.",
    )
    .query("{{pool}} · {{target}}", format!("{}\n/\n({} > 0)", of(SERVING), of(ELIGIBLE)))
    .limits(look::BAD, &[(0.4, look::WARN), (1.0, look::GOOD)])
    .scale(1.0)
    .link(link::series_pool())
    .size(8, 12)
}

fn entry_timeline() -> Panel {
    Panel::timeline(
        "Health of the entry points",
        "Each broker, gateway and load balancer. Unknown is what RAS does not know; a gap is a time without data.",
        look::health_codes(),
    )
    .query("{{pool}} {{agent}}", shared::class_codes(&format!("@pool,pool=~\"{ENTRY}\"")))
    .size(16, 12)
}

fn states() -> Panel {
    Panel::bars(
        "States now",
        "none",
        "Rows of the agent list by the agentState that RAS reports, logical ones such as templates and pools with them. other: a state that Rollcall does not know.",
    )
    .query(
        "{{state}}",
        "sort_desc(count by (state) (max by (target, pool, agent, state) (parallels_ras_agent_state{@pool} == 1)))",
    )
    .limits(look::CALM, &[])
    .colour("OK", look::GOOD)
    .colour("StandBy", look::GREY)
    .size(12, 10)
}

fn states_over_time() -> Panel {
    Panel::graph(
        "States over time",
        "none",
        "What the agent list says over time, without OK and StandBy: what remains is drained, starting, syncing, or in trouble.",
    )
    .query(
        "{{state}}",
        r#"count by (state) (max by (target, pool, agent, state) (parallels_ras_agent_state{@pool,state!~"OK|StandBy"} == 1))"#,
    )
    .colour("LogonDrain", look::GREY)
    .colour("Disabled", look::GREY)
    .colour("Synchronising", look::CALM)
    .colour("CloningInProgress", "#9AC7E4")
    .colour("Provisioning", "#9AC7E4")
    .colour("InUse", "#5FB98F")
    .colour("NotInUse", "#8FCFB4")
    .colour("NotJoined", "#8E8E8E")
    .stacked()
}

fn logical() -> Panel {
    Panel::table(
        "Objects that are no hosts",
        "Sites, host pools, templates and their versions by server type and state. Several alerts are about them: a host pool without members, a template that failed.",
    )
    .label("target", "Farm")
    .label("server_type", "Server type")
    .label("state", "State")
    .value(
        "Objects",
        "none",
        "count by (target, server_type, state) (\n  max by (target, pool, agent, server_type) (parallels_ras_agent_info{@pool,kind=\"logical\"})\n  * on (target, pool, agent) group_right (server_type)\n  max by (target, pool, agent, state) (parallels_ras_agent_state{@pool} == 1)\n)",
    )
    .sorted("Server type", false)
    .size(12, 10)
    .done()
}

/// Sessions of each pool of session hosts, and the room that there is.
fn sessions() -> Panel {
    Panel::graph(
        "Sessions and room",
        "none",
        "Sessions on the session hosts of each site, active and disconnected, and how many the hosts that serve may have.",
    )
    .query(
        "{{pool}} {{state}}",
        "sum by (target, pool, state) (max by (target, pool, agent, state) (parallels_ras_host_sessions{@pool}))",
    )
    .query(
        "{{pool}} room",
        "sum by (target, pool) (\n  max by (target, pool, agent) (parallels_ras_host_max_sessions{@pool})\n  and on (target, pool, agent)\n  max by (target, pool, agent) (rollcall_agent_health{@pool,health=~\"healthy|transitional|degraded\"} == 1)\n)",
    )
}

fn load() -> Panel {
    Panel::graph(
        "Processor and memory",
        "percentunit",
        "Mean load of the session hosts, gateways and brokers of each site. A host whose counters RAS cannot read is left out.",
    )
    .query("{{pool}} processor", "avg by (target, pool) (max by (target, pool, agent) (parallels_ras_host_cpu_ratio{@pool}))")
    .query("{{pool}} memory", "avg by (target, pool) (max by (target, pool, agent) (parallels_ras_host_memory_ratio{@pool}))")
    .scale(1.0)
}

fn gateways() -> Panel {
    Panel::graph("Sessions through gateways", "none", "Sessions through each gateway, by kind.")
        .query("{{agent}} {{kind}}", "max by (target, pool, agent, kind) (parallels_ras_gateway_sessions{@pool})")
}

fn busiest() -> Panel {
    let of = |metric: &str| format!("max by (vendor, target, pool, agent) ({metric}{{@pool}})");
    let sessions = "sum by (vendor, target, pool, agent) (max by (vendor, target, pool, agent, state) (parallels_ras_host_sessions{@pool}))";
    let fullest = format!("topk(50, {sessions}\n/\n({} > 0))", of("parallels_ras_host_max_sessions"));
    // Only the rows of the first query: a merge would add every other host.
    let beside = |expr: String| format!("{expr}\nand on (vendor, target, pool, agent)\n{fullest}");
    Panel::table("Fullest hosts", "The 50 session hosts with the largest share of the sessions that they may have.")
        .label("target", "Farm")
        .label("pool", "Pool")
        .linked("agent", "Host", &link::agent())
        .hidden("vendor")
        .limited("Full", "percentunit", fullest.clone(), "transparent", &[(0.8, look::WARN), (0.9, look::BAD)])
        .value("Sessions", "none", beside(sessions.to_owned()))
        .value("At most", "none", beside(of("parallels_ras_host_max_sessions")))
        .limited(
            "Processor",
            "percentunit",
            beside(of("parallels_ras_host_cpu_ratio")),
            "transparent",
            &[(0.9, look::WARN)],
        )
        .limited(
            "Memory",
            "percentunit",
            beside(of("parallels_ras_host_memory_ratio")),
            "transparent",
            &[(0.9, look::WARN)],
        )
        .sorted("Full", true)
        .size(16, 10)
        .done()
}

fn host_pools() -> Panel {
    Panel::table(
        "Host pools",
        "Hosts by the host pool of RAS that they are in, and how many of them serve; where the configuration says host_pools.",
    )
    .label("target", "Farm")
    .label("pool", "Pool")
    .label("host_pool", "Host pool")
    .value(
        "Hosts",
        "none",
        "count by (target, pool, host_pool) (max by (target, pool, agent, host_pool) (parallels_ras_host_pool_member_info{@pool}))",
    )
    .value(
        "Serving",
        "none",
        "count by (target, pool, host_pool) (\n  max by (target, pool, agent, host_pool) (parallels_ras_host_pool_member_info{@pool})\n  and on (target, pool, agent)\n  max by (target, pool, agent) (rollcall_agent_health{@pool,health=~\"healthy|transitional|degraded\"} == 1)\n)",
    )
    .sorted("Hosts", true)
    .size(8, 8)
    .done()
}

fn license() -> Panel {
    let days = |metric: &str| format!("(max by (vendor, target) ({metric}{{@target}}) - time()) / 86400");
    Panel::table(
        "License",
        "What each farm says of its license: when it ends, when support ends, and how many users it allows.",
    )
    .linked("target", "Farm", &link::polls())
    .hidden("vendor")
    .limited(
        "Days left",
        "none",
        days("parallels_ras_license_expiry_timestamp_seconds"),
        look::BAD,
        &[(7.0, look::WARN), (30.0, look::GOOD)],
    )
    .value("Days of support", "none", days("parallels_ras_license_support_expiry_timestamp_seconds"))
    .label("license_type", "Type")
    .label("status", "Status")
    .rows("max by (vendor, target, license_type, status) (parallels_ras_license_info{@target})")
    .value("Days of grace", "none", "max by (vendor, target) (parallels_ras_license_grace_days_left{@target})")
    .size(12, 8)
    .done()
}

fn license_users() -> Panel {
    Panel::graph("Users of the license", "none", "Users that are licensed, the peak, and those of today.")
        .query("{{target}} {{kind}}", "max by (target, kind) (parallels_ras_license_users{@target})")
}

fn versions() -> Panel {
    Panel::table("Versions of agents", "Agents by their version; more than one in a pool is an upgrade, or one that was left undone.")
        .label("target", "Farm")
        .label("pool", "Pool")
        .label("version", "Version")
        .value(
            "Agents",
            "none",
            "count by (target, pool, version) (max by (target, pool, agent, version) (parallels_ras_agent_version_info{@pool}))",
        )
        .sorted("Pool", false)
        .size(8, 8)
        .done()
}

fn machines() -> Panel {
    Panel::bars(
        "Virtual machines",
        "none",
        "VDI hosts and guests by the state of their virtual machine, as their provider reports it. One that is off or paused counts as disabled where RAS cannot verify the agent, one that is on as failed.",
    )
    .query(
        "{{state}}",
        "sort_desc(count by (state) (max by (target, pool, agent, state) (parallels_ras_vm_state{@pool} == 1)))",
    )
    .limits(look::CALM, &[])
    .size(8, 8)
}

fn probes() -> Panel {
    Panel::table(
        "Session probes",
        "The last probe of each broker. Light proves its API, deep proves a log-on. Broker, endpoint, license, app, certificate and unreachable mean that users are turned away; token, account, request and policy mean that the probe itself is set up wrongly.",
    )
    .linked("target", "Target", &link::polls())
    .label("agent", "Endpoint")
    .label("mode", "Mode")
    .hidden("vendor")
    .worded("Last probe", of("parallels_ras_session_probe_success"), &look::OK_FAILED)
    .label("verdict", "Verdict")
    .label("category", "Category")
    .label("code", "Code")
    .label("parameter", "Field")
    .rows("max by (vendor, target, agent, mode, verdict, category, code, parameter) (parallels_ras_session_probe_error{@target})")
    .limited("Failures in a row", "none", of("parallels_ras_session_probe_consecutive_failures"), "transparent", &[
        (1.0, look::WARN),
        (2.0, look::BAD),
    ])
    .value("Took", "s", of("parallels_ras_session_probe_duration_seconds"))
    .limited("Session prepared in", "s", of("parallels_ras_session_prime_seconds"), "transparent", &[(30.0, look::WARN)])
    .size(24, 6)
    .done()
}

fn of(metric: &str) -> String {
    format!("max by (vendor, target, agent, mode) ({metric}{{@target}})")
}

fn success() -> Panel {
    Panel::bars(
        "Probes that succeeded over the range",
        "percentunit",
        "Share of the range in which the newest probe had succeeded.",
    )
    .query(
        "{{target}}",
        "sort(max by (target, mode) (avg_over_time(parallels_ras_session_probe_success{@target}[$__range])))",
    )
    .limits(look::BAD, &[(0.95, look::WARN), (0.99, look::GOOD)])
    .scale(1.0)
    .size(8, 8)
}

fn duration() -> Panel {
    Panel::graph("Probe duration", "s", "How long the broker took to answer the probe. It moves once a probe.")
        .query("{{target}} {{mode}}", "max by (target, mode) (parallels_ras_session_probe_duration_seconds{@target})")
        .size(8, 8)
}

fn prime() -> Panel {
    Panel::graph(
        "Time to prepare a session",
        "s",
        "Prime time as the broker says it, of deep probes. Above 30 s users wait noticeably.",
    )
    .query("{{target}} {{mode}}", "max by (target, mode) (parallels_ras_session_prime_seconds{@target})")
    .limits(look::GOOD, &[(30.0, look::WARN)])
    .show_limits()
    .size(8, 8)
}
