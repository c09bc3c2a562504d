//! `rollcall-overview`: for whoever is on call, and for the screen on the wall.

use super::{
    Dashboard, Link, Panel, Row, Variable,
    frame::{active_since, direct_alerts, firing_alerts, firing_of},
    link, look,
    shared::{self, SERVING, agents},
};
use crate::health::Health;

/// The dashboard; alerts lead to their runbooks at this address, or on the pages of a daemon, vendors to their dashboards.
pub fn dashboard(runbooks: Option<&str>, vendors: &[Dashboard]) -> Dashboard {
    Dashboard {
        uid: "rollcall-overview",
        title: "Rollcall / Overview",
        audience: "who is on call, and who passes by the screen on the wall",
        question: "is everybody present, and if not, who is missing and since when?",
        vendor: r#"vendor=~"$vendor""#,
        variables: vec![Variable::VENDOR, Variable::TARGET, Variable::POOL],
        states: &[],
        rows: vec![
            shared::freshness(3_600.0),
            Row::new(
                "Now",
                vec![shared::classes(agents_of).size(13, 3), shared::capacity(agents_of).size(4, 3), firing(), felt()],
            ),
            Row::new("Who, and since when", vec![alerts(runbooks), pools()]),
            Row::new("Where", vec![self::vendors(vendors), shared::history().size(10, 9), targets(), missing()]),
            Row::new("Changes", vec![moves(), failed()]),
        ],
    }
}

fn agents_of(classes: &[Health]) -> Link {
    link::agents("", classes)
}

/// Alerts firing of a severity, in either mode.
fn number_of(severity: &str) -> String {
    let (rules, direct) = (firing_of(severity), direct_alerts(severity));
    format!("(count({rules}) or vector(0)) + (sum({direct}) or vector(0))")
}

fn firing() -> Panel {
    Panel::stat(
        "Alerts firing",
        "none",
        "Of Prometheus' rules and of daemons in direct mode, watchdogs left out. Critical ones have woken somebody, warnings are tickets.",
    )
    .query("Critical", number_of("critical"))
    .query("Warning", number_of("warning"))
    .query("Info", number_of("info"))
    .some_is(look::WARN)
    .limits_of("Critical", look::NONE, &[(1.0, look::BAD)])
    .limits_of("Info", look::NONE, &[(1.0, look::CALM)])
    .link(Link::page("/alerts", "The alerts"))
    .size(7, 3)
    .low(3)
}

fn felt() -> Panel {
    Panel::stat(
        "What users feel",
        "none",
        "Session probes that failed, jobs in build queues and the time the oldest has waited, file jobs that failed or run badly, the share of time that the target with the least luck was held back by its vendor, and licenses that end within 30 days.",
    )
    .query("Probes failing", "sum(1 - max by (vendor, target, agent) (parallels_ras_session_probe_success{@target}))")
    .query("Builds queued", r#"sum(max by (vendor, target, pool) (azure_devops_pool_jobs{@pool,state="queued"}))"#)
    .query("Oldest build", "max(time() - max by (vendor, target, pool) (azure_devops_pool_oldest_queued_job_timestamp_seconds{@pool}))")
    .query("File jobs in trouble", r#"sum(max by (vendor, target, agent, job_id, health) (resilio_job_health{@target,health=~"failed|degraded"}))"#)
    .query("Held back", "max(rate(rollcall_api_throttled_seconds_total{@target}[30m]))")
    .query(
        "Licenses ending",
        "count(max by (vendor, target) (parallels_ras_license_expiry_timestamp_seconds{@target}) - time() < 30 * 86400)\nor\n0 * count(max by (vendor, target) (parallels_ras_license_expiry_timestamp_seconds{@target}))",
    )
    .limits(look::TEXT, &[])
    .limits_of("Probes failing", look::TEXT, &[(1.0, look::BAD)])
    .limits_of("Builds queued", look::TEXT, &[(1.0, look::CALM)])
    .limits_of("Oldest build", look::TEXT, &[(300.0, look::WARN), (900.0, look::BAD)])
    .limits_of("File jobs in trouble", look::TEXT, &[(1.0, look::WARN)])
    .limits_of("Held back", look::TEXT, &[(0.05, look::WARN), (0.5, look::BAD)])
    .limits_of("Licenses ending", look::TEXT, &[(1.0, look::WARN)])
    .plain()
    .unit_of("Oldest build", "s")
    .unit_of("Held back", "percentunit")
    .leads("Probes failing", &Link::to("rollcall-parallels-ras", "Session probes"))
    .leads("Builds queued", &Link::to("rollcall-azure-devops", "Queues"))
    .leads("Oldest build", &Link::to("rollcall-azure-devops", "Queues"))
    .leads("File jobs in trouble", &Link::to("rollcall-resilio", "Jobs"))
    .leads("Held back", &Link::to("rollcall-daemon", "Polls"))
    .leads("Licenses ending", &Link::to("rollcall-parallels-ras", "Licenses"))
    .size(24, 3)
    .low(3)
}

fn vendors(dashboards: &[Dashboard]) -> Panel {
    let listed = dashboards.iter().fold(
        "sum by (vendor) (max by (vendor, target) (rollcall_target_agents{@target}))".to_owned(),
        |expr, dashboard| {
            let (uid, vendors) = (dashboard.uid, dashboard.vendors());
            format!(r#"label_replace({expr}, "dashboard", "{uid}", "vendor", "{vendors}")"#)
        },
    );
    let of = |health: &str| {
        format!("sum by (vendor) (max by (vendor, target, pool) (rollcall_pool_agents{{@pool,health=\"{health}\"}}))")
    };
    let detail = Link::to("${__data.fields.dashboard}", "Dashboard of ${__data.fields.vendor}").carry(&["target"]);
    Panel::table(
        "Vendors",
        "Agents by vendor and class. A vendor leads to its own dashboard. Agents without a target's data are not counted.",
    )
    .linked("vendor", "Vendor", &detail)
    .hidden("dashboard")
    .value("Agents", "none", listed)
    .limited("Failed", "none", of("failed"), "transparent", &[(1.0, look::BAD)])
    .limited("Unknown", "none", of("unknown"), "transparent", &[(1.0, look::ODD)])
    .limited("Degraded", "none", of("degraded"), "transparent", &[(1.0, look::WARN)])
    .limited("Transitional", "none", of("transitional"), "transparent", &[(1.0, look::CALM)])
    .value("Disabled", "none", of("disabled"))
    .value("Healthy", "none", of("healthy"))
    .limited(
        "Targets down",
        "none",
        "sum by (vendor) (1 - max by (vendor, target) (rollcall_target_up{@target}))",
        "transparent",
        &[(1.0, look::BAD)],
    )
    .size(14, 9)
    .done()
}

fn pools() -> Panel {
    const POOL: &str = "vendor, target, pool";
    const AGENT: &str = "vendor, target, pool, agent";
    let of_all = agents("healthy|transitional|degraded|failed|unknown");
    let share = format!("topk(50, {}\n/\n({of_all} > 0) > 0)", agents("failed|unknown"));
    // Only the rows of the first query: a merge would add every other pool.
    let beside = |expr: String| format!("{expr}\nand on ({POOL})\n{share}");
    let since = format!(
        "1000 * min by ({POOL}) (\n  max by ({AGENT}) (rollcall_agent_health_since_timestamp_seconds{{@pool}})\n  and on ({AGENT})\n  max by ({AGENT}) (rollcall_agent_health{{@pool,health=~\"failed|unknown\"}} == 1)\n)"
    );
    Panel::table(
        "Pools by share failed",
        "The 50 pools of which the largest share does not serve: it has failed, or nothing is known of it. Since: when the first of these agents came to be so. A pool leads to its agents. A pool that is not here serves, or is not read.",
    )
    .linked("target", "Target", &link::polls())
    .linked("pool", "Pool", &link::pool())
    .hidden("vendor")
    .limited("Out", "percentunit", share.clone(), "transparent", &[(0.000_1, look::WARN), (0.5, look::BAD)])
    .limited("Failed", "none", beside(agents("failed")), look::NONE, &[(1.0, look::BAD)])
    .limited("Unknown", "none", beside(agents("unknown")), look::NONE, &[(1.0, look::ODD)])
    .value("Serving", "none", beside(agents(SERVING)))
    .value("Since", "dateTimeFromNow", beside(since))
    .sorted("Out", true)
    .when_empty("no pool, of those that are read")
    .size(11, 9)
    .done()
}

/// By rank of its severity, so that the worst comes first.
fn ranked(of: impl Fn(&str) -> String) -> String {
    let all = [(3, "critical"), (2, "warning"), (1, "info")];
    all.map(|(rank, severity)| of(severity).replace("RANK", &rank.to_string())).join("\n  or ")
}

fn alerts(runbooks: Option<&str>) -> Panel {
    let table = Panel::table(
        "Firing alerts",
        "What fires now, the worst first, in either mode; daemons in direct mode only say how many. One line for each pool. Alertmanager says who was told; the runbook of each alert says what to do.",
    );
    let table = table.linked("alertname", "Alert", &link::runbook(runbooks));
    const ALERT: &str = "alertname, severity, vendor, target, pool";
    let rules = ranked(|severity| format!("RANK * max by ({ALERT}) ({})", firing_of(severity)));
    let direct =
        ranked(|severity| format!("RANK * max by (alertname, severity) ({} > bool 0)", direct_alerts(severity)));
    let numbers = ["critical", "warning", "info"]
        .map(|severity| format!("sum by (alertname, severity) ({})", direct_alerts(severity)));
    table
        .coloured("severity", "Severity", &look::mapping(&look::SEVERITY))
        .linked("target", "Target", &link::polls())
        .linked("pool", "Pool", &link::pool())
        .hidden("vendor")
        .rows(format!("sort_desc(\n  {rules}\n  or {direct}\n)"))
        .value("Number", "none", format!("sum by ({ALERT}) ({})\nor {}", firing_alerts(), numbers.join("\nor ")))
        .value(
            "Since",
            "dateTimeFromNow",
            format!(
                "1000 * min by ({ALERT}) ({})\nand on ({ALERT}) max by ({ALERT}) ({})",
                active_since(),
                firing_alerts()
            ),
        )
        .when_empty("no alert fires")
        .size(13, 9)
        .done()
}

fn targets() -> Panel {
    Panel::table(
        "Where the data come from",
        "Targets, those with failures first: whether the last poll brought data, and why not. A target leads to its polls.",
    )
    .label("vendor", "Vendor")
    .linked("target", "Target", &link::polls())
    .worded("Last poll", "max by (vendor, target) (rollcall_target_up{@target})", &look::UP_DOWN)
    .label("reason", "Reason")
    .limited(
        "Failures in a row",
        "none",
        "max by (vendor, target) (rollcall_target_consecutive_failures{@target})",
        "transparent",
        &[(1.0, look::WARN), (3.0, look::BAD)],
    )
    .rows("max by (vendor, target, reason) (rollcall_target_failure{@target})")
    .worded("Log-on held", "max by (vendor, target) (rollcall_login_held{@target})", &look::YES_NO)
    .value("Agents", "none", "max by (vendor, target) (rollcall_target_agents{@target})")
    .value(
        "Last good poll",
        "dateTimeFromNow",
        "1000 * (max by (vendor, target) (rollcall_target_last_success_timestamp_seconds{@target}) > 0)",
    )
    .sorted("Failures in a row", true)
    .size(14, 10)
    .done()
}

fn missing() -> Panel {
    // Both kinds of a pool side by side, or the first would hide the second.
    let as_what = |what: &str, expr: &str| format!(r#"label_replace({expr}, "what", "{what}", "", "")"#);
    Panel::bars(
        "Pools that miss the most capacity",
        "none",
        "Agents that failed, or by which the pool falls short of the minimum that the configuration expects to be healthy or degraded, whichever is more; ten pools. A pool that is expected by its name and is not there falls short by all of it.",
    )
    .query(
        "{{pool}} · {{target}}",
        format!(
            "sort_desc(topk(10, max by (vendor, target, pool) (\n  {}\n  or {}\n) > 0))",
            as_what("short", "max by (vendor, target, pool) (rollcall_pool_min_serving{@pool} - sum without (health) (rollcall_pool_agents{@pool,health=~\"healthy|degraded\"}) or rollcall_pool_min_serving{@pool}) > 0"),
            as_what("failed", &agents("failed")),
        ),
    )
    .some_is(look::BAD)
    .when_empty("no pool, of those that are read")
    .link(link::series_pool())
    .size(10, 10)
}

fn moves() -> Panel {
    Panel::graph(
        "Changes of class",
        "none",
        "How often agents moved from one class of health to another within half an hour, as far as the counts of their pools show it. High and steady: something flaps; a peak: something happened.",
    )
    .query("{{vendor}}", "sum by (vendor) (max by (vendor, target, pool, health) (changes(rollcall_pool_agents{@pool}[30m]))) / 2")
}

fn failed() -> Panel {
    Panel::graph(
        "Failed agents by pool",
        "none",
        "All of them together, and the ten pools with the most failed agents over the whole range.",
    )
    .query("all", format!("sum({})", agents("failed")))
    .colour("all", "#8E8E8E")
    .query(
        "{{pool}} · {{target}}",
        format!(
            "{} and on (vendor, target, pool)\ntopk(10, max by (vendor, target, pool) (avg_over_time(rollcall_pool_agents{{@pool,health=\"failed\"}}[$__range] @ end())) > 0)",
            agents("failed"),
        ),
    )
    .link(link::series_pool())
}
