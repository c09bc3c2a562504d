//! `rollcall-azure-devops`: for the build team.

use super::{Dashboard, Link, Panel, Row, Variable, link, look, shared};
use crate::health::Health;

/// The vendors that it is about.
const VENDOR: &str = r#"vendor="azure_devops""#;

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "rollcall-azure-devops",
        title: "Rollcall / Azure DevOps",
        audience: "the build team",
        question: "do builds have to wait, for which pool, and is that for want of agents or because they are broken?",
        vendor: VENDOR,
        variables: vec![Variable::TARGET, Variable::POOL],
        states: &[
            r#"label_replace(azure_devops_agent_online{@agent} == 1, "state", "online", "", "")"#,
            r#"label_replace(azure_devops_agent_online{@agent} == 0, "state", "offline", "", "")"#,
        ],
        rows: vec![
            shared::freshness(900.0),
            Row::new("Now", vec![now(), shared::classes(agents_of), shared::capacity(agents_of), pools(), troubled()]),
            Row::new("Queue and load", vec![queue(), wait(), busy(), online()]),
            Row::new("Jobs", vec![waited(), took(), ended(), working()]),
            Row::new("Scale sets", vec![scale_sets()]),
            Row::new("Agents", vec![results(), versions(), shared::history(), capabilities()]),
            Row::new("Rate limit", vec![limit(), delay()]),
        ],
    }
}

const POOL: &str = "vendor, target, pool";
const AGENT: &str = "vendor, target, pool, agent";

/// Agents of a pool for which a 0/1 metric is 1.
fn count(metric: &str) -> String {
    format!("sum by ({POOL}) (max by ({AGENT}) ({metric}{{@pool}}))")
}

fn jobs(state: &str) -> String {
    format!("max by ({POOL}) (azure_devops_pool_jobs{{@pool,state=\"{state}\"}})")
}

fn oldest() -> String {
    format!("time() - max by ({POOL}) (azure_devops_pool_oldest_queued_job_timestamp_seconds{{@pool}})")
}

fn unmatched() -> String {
    format!("max by ({POOL}) (azure_devops_pool_unmatched_jobs{{@pool}})")
}

/// A quantile of a histogram by pool, over the last hour. Of several daemons the busiest counts.
fn quantile(share: &str, rate: &str) -> String {
    // Where nothing happened it is no number, which would only be a name in the legend.
    format!("histogram_quantile({share}, max by ({POOL}, le) ({rate})) >= 0")
}

fn agents_of(classes: &[Health]) -> Link {
    link::agents(VENDOR, classes)
}

fn now() -> Panel {
    Panel::stat(
        "Builds and agents",
        "none",
        "Jobs that wait and run, how long the oldest has waited, and how many agents are online, busy, and not allowed to take jobs. All of the pools that are selected; Microsoft's own pools are left out.",
    )
    .query("Queued", format!("sum({})", jobs("queued")))
    .query("Running", format!("sum({})", jobs("running")))
    .query("Nobody can take", format!("sum({})", unmatched()))
    .query("Oldest wait", format!("max({})", oldest()))
    .query("Online", format!("sum({})", count("azure_devops_agent_online")))
    .query("Busy", format!("sum({})", count("azure_devops_agent_busy")))
    .query("Not enabled", format!("sum(1 - max by ({AGENT}) (azure_devops_agent_enabled{{@pool}}))"))
    .query("Queues unread", format!("sum(1 - max by ({POOL}) (azure_devops_pool_job_requests_up{{@pool}}))"))
    .unit_of("Oldest wait", "s")
    .limits(look::TEXT, &[])
    .limits_of("Queued", look::TEXT, &[(1.0, look::CALM)])
    .limits_of("Nobody can take", look::TEXT, &[(1.0, look::BAD)])
    .limits_of("Oldest wait", look::TEXT, &[(300.0, look::WARN), (900.0, look::BAD)])
    .limits_of("Queues unread", look::TEXT, &[(1.0, look::WARN)])
    .plain()
    .link(agents_of(&[]))
    .size(24, 3)
    .low(3)
}

fn pools() -> Panel {
    Panel::table(
        "Pools",
        "Each pool with its queue and its agents. A pool leads to its agents. Jobs wait while agents are idle: their demands do not match, or the pool is paused.",
    )
    .linked("pool", "Pool", &link::pool())
    .linked("target", "Organisation", &link::polls())
    .hidden("vendor")
    .limited("Queued", "none", jobs("queued"), "transparent", &[(1.0, look::CALM)])
    .limited("Oldest wait", "s", oldest(), "transparent", &[(300.0, look::WARN), (900.0, look::BAD)])
    .limited("Nobody can take", "none", unmatched(), "transparent", &[(1.0, look::BAD)])
    .value("Running", "none", jobs("running"))
    .value("Assigned", "none", jobs("assigned"))
    .value("Online", "none", count("azure_devops_agent_online"))
    .value("Enabled", "none", count("azure_devops_agent_enabled"))
    .value("Busy", "none", count("azure_devops_agent_busy"))
    .limited("Failed", "none", shared::agents("failed"), "transparent", &[(1.0, look::BAD)])
    .worded("On demand", format!("max by ({POOL}) (rollcall_pool_on_demand{{@pool}})"), &look::PLAIN_YES_NO)
    .worded("Queue read", format!("max by ({POOL}) (azure_devops_pool_job_requests_up{{@pool}})"), &look::OK_FAILED)
    .label("pool_type", "Type")
    .rows(format!("max by ({POOL}, pool_type) (azure_devops_pool_info{{@pool,hosted=\"false\"}})"))
    .sorted("Oldest wait", true)
    .size(24, 9)
    .done()
}

fn queue() -> Panel {
    Panel::graph(
        "Jobs by state",
        "none",
        "Unfinished jobs: queued wait for an agent, assigned have one that has not taken them yet, running run.",
    )
    .query("{{state}}", format!("sum by (state) (max by ({POOL}, state) (azure_devops_pool_jobs{{@pool}}))"))
    .colour("queued", look::WARN)
    .colour("assigned", look::ODD)
    .colour("running", look::CALM)
    .stacked()
}

fn wait() -> Panel {
    Panel::graph(
        "Oldest wait by pool",
        "s",
        "How long the oldest job of each pool has waited. A gap: nothing waits. Above 15 minutes there is an alert.",
    )
    .query("{{pool}} · {{target}}", oldest())
    .limits(look::GOOD, &[(900.0, look::BAD)])
    .show_limits()
    .link(link::series_pool())
}

fn busy() -> Panel {
    Panel::graph(
        "Busy agents by pool",
        "percentunit",
        "Share of the online agents that have a job. At 100 % the next job waits.",
    )
    .query(
        "{{pool}} · {{target}}",
        format!("{}\n/\n({} > 0)", count("azure_devops_agent_busy"), count("azure_devops_agent_online")),
    )
    .scale(1.0)
    .link(link::series_pool())
}

fn online() -> Panel {
    Panel::graph(
        "Online agents by pool",
        "none",
        "Agents that are online, by pool. Pools of scale sets follow the load.",
    )
    .query("{{pool}} · {{target}}", count("azure_devops_agent_online"))
    .link(link::series_pool())
}

fn troubled() -> Panel {
    let off = shared::ranked("@pool", &shared::NOT_IN_ORDER);
    let of = |metric: &str| format!("max by ({AGENT}) ({metric}{{@pool}})");
    let beside = |expr: String| format!("{expr}\nand on ({AGENT}) {off}");
    Panel::table(
        "Agents not in order",
        "Agents that are failed, unknown, degraded or on their way to another state, the worst first. Job since: it still holds a job; when such an agent is offline, the build hangs until the service gives up.",
    )
    .linked("agent", "Agent", &link::agent())
    .linked("pool", "Pool", &link::pool())
    .linked("target", "Organisation", &link::polls())
    .hidden("vendor")
    .coloured("health", "Health", &look::health_labels())
    .rows(format!("sort_desc({off})"))
    .worded("Status", beside(of("azure_devops_agent_online")), &[("1", "online", look::NONE), ("0", "OFFLINE", look::BAD)])
    .value("Changed", "dateTimeFromNow", beside(format!("1000 * {}", of("azure_devops_agent_status_changed_timestamp_seconds"))))
    .value("Job since", "dateTimeFromNow", beside(format!("1000 * {}", of("azure_devops_agent_job_assigned_timestamp_seconds"))))
    .worded("Update pending", beside(of("azure_devops_agent_update_pending")), &look::PLAIN_YES_NO)
    .label("version", "Version")
    .label("os", "System")
    .rows(beside(format!("max by ({AGENT}, version, os) (azure_devops_agent_info{{@pool}})")))
    .when_empty("none, of those that are read")
    .size(24, 8)
    .done()
}

fn results() -> Panel {
    Panel::bars("Results of the last jobs", "none", "Agents by the result of the last job that each finished. An agent that fails everything hides in a pool that is well.")
        .query("{{result}}", format!("sort_desc(count by (result) (max by ({AGENT}, result) (azure_devops_agent_last_job_result{{@pool}} == 1)))"))
        .limits(look::CALM, &[])
        .colour("succeeded", look::GOOD)
        .colour("failed", look::BAD)
        .size(6, 8)
}

fn versions() -> Panel {
    Panel::bars(
        "Versions of the agents",
        "none",
        "Agents by version. Old ones refuse new tasks, and update themselves when they get one.",
    )
    .query(
        "{{version}}",
        format!("sort_desc(count by (version) (max by ({AGENT}, version) (azure_devops_agent_info{{@pool}})))"),
    )
    .limits(look::CALM, &[])
    .size(6, 8)
}

fn waited() -> Panel {
    Panel::graph(
        "How long jobs waited",
        "s",
        "What 95 % of the jobs of the past hour waited at most until an agent took them, by pool. A gap: none was taken.",
    )
    .query("{{pool}} · {{target}}", quantile("0.95", "rate(azure_devops_pool_job_wait_seconds_bucket{@pool}[1h])"))
    .limits(look::GOOD, &[(900.0, look::BAD)])
    .link(link::series_pool())
    .size(8, 8)
}

fn took() -> Panel {
    Panel::graph(
        "How long jobs took",
        "s",
        "What half of the jobs that ended within the past hour took at most, by pool, whatever their result. When all pools become slower, look at what they share.",
    )
    .query("{{pool}} · {{target}}", quantile(
            "0.5",
            "sum without (result) (rate(azure_devops_pool_job_duration_seconds_bucket{@pool}[1h]))",
        ))
    .link(link::series_pool())
    .size(8, 8)
}

fn ended() -> Panel {
    Panel::graph("Jobs that ended", "none", "Jobs that ended within an hour, by result, each counted once. Jobs so short that two of one agent fit between two polls are missing.")
        .query(
            "{{result}}",
            format!("sum by (result) (max by ({POOL}, result) (increase(azure_devops_pool_job_duration_seconds_count{{@pool}}[1h])))"),
        )
        .colour("succeeded", look::GOOD)
        .colour("failed", look::BAD)
        .stacked()
        .size(8, 8)
}

fn working() -> Panel {
    let since = format!("1000 * max by ({AGENT}) (azure_devops_agent_job_assigned_timestamp_seconds{{@pool}})");
    let job = format!("max by ({AGENT}, definition, plan_type) (azure_devops_agent_job_info{{@pool}})");
    Panel::table(
        "Who works on what",
        "Busy agents and the pipelines that they work for; only with `job_names: true` in the configuration.",
    )
    .linked("agent", "Agent", &link::agent())
    .linked("pool", "Pool", &link::pool())
    .linked("target", "Organisation", &link::polls())
    .hidden("vendor")
    .label("definition", "Pipeline")
    .label("plan_type", "Kind")
    .rows(job.clone())
    .value("Since", "dateTimeFromNow", format!("{since}\nand on ({AGENT}) {job}"))
    .sorted("Since", false)
    .when_empty("no agent works, or job_names is off")
    .size(24, 8)
    .done()
}

fn scale_sets() -> Panel {
    let of = |metric: &str| format!("max by ({POOL}) (azure_devops_elastic_pool_{metric}{{@pool}})");
    let online = format!("{}\nand on ({POOL}) {}", count("azure_devops_agent_online"), of("state"));
    Panel::table(
        "Scale sets",
        "The scale sets behind elastic pools. One at its maximum while jobs wait is too small; one that is unhealthy or offline starts no machine.",
    )
    .linked("pool", "Pool", &link::pool())
    .linked("target", "Organisation", &link::polls())
    .hidden("vendor")
    .coloured("state", "State", &look::mapping(&[("online", "online", look::NONE), ("new", "new", look::CALM), ("unhealthy", "UNHEALTHY", look::BAD), ("offline", "OFFLINE", look::BAD), ("other", "other", look::ODD)]))
    .rows(format!("max by ({POOL}, state) (azure_devops_elastic_pool_state{{@pool}})"))
    .value("Offline since", "dateTimeFromNow", format!("1000 * {}", of("offline_since_timestamp_seconds")))
    .value("Online", "none", online)
    .value("Desired", "none", of("desired_size"))
    .value("Maximum", "none", of("max_capacity"))
    .value("Stand-by", "none", of("desired_idle"))
    .limited("Sizing attempts", "none", of("sizing_attempts"), "transparent", &[(1.0, look::WARN)])
    .when_empty("no pool has a scale set, or elastic_pools is off")
    .size(24, 6)
    .done()
}

fn capabilities() -> Panel {
    Panel::bars(
        "Capabilities",
        "none",
        "Agents by capability and value; only those that `capabilities` in the configuration names.",
    )
    .query(
        "{{capability}}: {{value}}",
        format!("topk(30, count by (capability, value) (max by ({AGENT}, capability, value) (azure_devops_agent_capability_info{{@pool}})))"),
    )
    .limits(look::CALM, &[])
    .when_empty("no capability is asked for")
    .size(24, 6)
}

fn limit() -> Panel {
    Panel::graph(
        "Throughput units left",
        "none",
        "What is left to the account before the service delays it, of what it allows; only where the service says, which it does when it is near. Empty: the limit is far.",
    )
    .query("left {{target}}", "max by (target) (azure_devops_rate_limit_remaining{@target})")
    .query("allowed {{target}}", "max by (target) (azure_devops_rate_limit{@target})")
    .when_empty("the limit is far")
}

fn delay() -> Panel {
    Panel::graph("Held back", "percentunit", "Share of the time that the service, or the budget that keeps clear of its limit, held Rollcall's requests back.")
        .scale(1.0)
        .query("held back {{target}}", "max by (target) (rate(rollcall_api_throttled_seconds_total{@target}[30m]))")
}
