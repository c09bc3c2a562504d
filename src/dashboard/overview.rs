//! `rollcall-overview`: for whoever is on call, and for the screen on the wall.

use super::{
    Dashboard, Link, Panel, Row, Variable,
    frame::{DIRECT_ALERTS, firing_alerts},
    link, look,
    shared::{self, ELIGIBLE, SERVING, agents},
};

/// The dashboard; alerts lead to their runbooks where it is known at which address these are, vendors to their dashboards.
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
                vec![
                    shared::classes(),
                    shared::capacity(),
                    firing(),
                    felt(),
                    self::vendors(vendors),
                    shared::history(),
                ],
            ),
            Row::new("Trouble", vec![pools(), alerts(runbooks), targets(), missing()]),
            Row::new("Changes", vec![moves(), failed()]),
        ],
    }
}

/// Alerts firing of a severity, in either mode.
fn firing_of(severity: &str) -> String {
    let (rules, direct) = (firing_alerts().replace('}', &format!(",severity=\"{severity}\"}}")), DIRECT_ALERTS);
    let direct = direct.replace('}', &format!(",severity=\"{severity}\"}}"));
    format!("(count({rules}) or vector(0)) + (sum({direct}) or vector(0))")
}

fn firing() -> Panel {
    Panel::stat(
        "Alerts firing",
        "none",
        "Of Prometheus' rules and of daemons in direct mode, watchdogs left out. Critical ones have woken somebody, warnings are tickets.",
    )
    .query("Critical", firing_of("critical"))
    .query("Warning", firing_of("warning"))
    .query("Info", firing_of("info"))
    .none_is_good(look::WARN)
    .limits_of("Critical", look::GOOD, &[(1.0, look::BAD)])
    .limits_of("Info", look::GOOD, &[(1.0, look::CALM)])
    .size(8, 4)
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
    .limits(look::CALM, &[])
    .plain()
    .unit_of("Oldest build", "s")
    .unit_of("Held back", "percentunit")
    .size(16, 4)
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
    .size(12, 8)
    .done()
}

fn pools() -> Panel {
    let share = format!("topk(50, {}\n/\n({} > 0))", agents("failed"), agents(ELIGIBLE));
    // Only the rows of the first query: a merge would add every other pool.
    let beside = |expr: String| format!("{expr}\nand on (vendor, target, pool)\n{share}");
    let on_demand = "max by (vendor, target, pool) (rollcall_pool_on_demand{@pool})".to_owned();
    Panel::table(
        "Pools by share failed",
        "The 50 pools of which the largest share has failed, of the agents that could serve. A pool leads to its agents. On-demand pools may rightly be empty.",
    )
    .label("vendor", "Vendor")
    .label("target", "Target")
    .linked("pool", "Pool", &link::pool())
    .limited("Failed share", "percentunit", share.clone(), "transparent", &[(0.000_1, look::WARN), (0.5, look::BAD)])
    .value("Failed", "none", beside(agents("failed")))
    .value("Degraded", "none", beside(agents("degraded")))
    .value("Serving", "none", beside(agents(SERVING)))
    .value("All", "none", beside(agents(".+")))
    .worded("On demand", beside(on_demand), &look::PLAIN_YES_NO)
    .sorted("Failed share", true)
    .size(14, 10)
    .done()
}

fn alerts(runbooks: Option<&str>) -> Panel {
    let table = Panel::table(
        "Firing alerts",
        "What fires now, in either mode; daemons in direct mode only say how many. Alertmanager says who was told; the runbook of each alert says what to do.",
    );
    let table = match runbooks {
        Some(base) => table.linked("alertname", "Alert", &link::runbook(base)),
        None => table.label("alertname", "Alert"),
    };
    table
    .coloured("severity", "Severity", &look::mapping(&look::SEVERITY))
    .linked("target", "Target", &link::polls())
    .linked("pool", "Pool", &link::pool())
    .label("agent", "Agent")
    .hidden("vendor")
    .value(
        "Number",
        "none",
        format!(
            "sum by (alertname, severity, vendor, target, pool, agent) ({})\nor sum by (alertname, severity) ({DIRECT_ALERTS})",
            firing_alerts()
        ),
    )
    .sorted("Severity", false)
    .when_empty("nothing fires")
    .size(10, 10)
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
            "sort_desc(topk(10, max by (vendor, target, pool) (\n  {}\n  or {}\n)))",
            as_what("short", "max by (vendor, target, pool) (rollcall_pool_min_serving{@pool} - sum without (health) (rollcall_pool_agents{@pool,health=~\"healthy|degraded\"}) or rollcall_pool_min_serving{@pool}) > 0"),
            as_what("failed", &agents("failed")),
        ),
    )
    .none_is_good(look::BAD)
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
        "The ten pools with the most failed agents over the whole range.",
    )
    .query(
        "{{pool}} · {{target}}",
        format!(
            "{} and on (vendor, target, pool)\ntopk(10, max by (vendor, target, pool) (avg_over_time(rollcall_pool_agents{{@pool,health=\"failed\"}}[$__range] @ end())))",
            agents("failed"),
        ),
    )
    .link(link::series_pool())
}
