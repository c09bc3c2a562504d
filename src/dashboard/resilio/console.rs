//! What the Management Console knows: every agent, and the newest run of each job.

use super::super::{Panel, Row, link, look, shared};
use crate::health::Health;

const VENDOR: &str = "vendor=\"resilio_console\"";
/// Agents of a console.
const AGENT: &str = "vendor, target, pool, agent";
/// A job of a console.
const JOB: &str = "vendor, target, job_name, job_id";

pub fn agents_row() -> Row {
    Row::new("Management console: agents", vec![classes(), last_seen(), agents(), errors()])
}

pub fn runs_row() -> Row {
    Row::new("Management console: runs", vec![runs(), statuses(), speed()])
}

fn classes() -> Panel {
    let panel = Panel::stat(
        "Agents of the console by health",
        "none",
        "Failed: offline. Degraded: online, with errors. Transitional: waits for approval. Disabled: declined, or offline by design, as laptops are.",
    );
    look::WORST_FIRST
        .into_iter()
        .fold(panel, |panel, health| {
            let name = health.as_str();
            let of = format!("rollcall_pool_agents{{@target,vendor=\"resilio_console\",health=\"{name}\"}}");
            panel.query(name, format!("sum(max by (vendor, target, pool) ({of}))"))
        })
        .counts_by_health(|classes| link::agents(VENDOR, classes))
        .size(16, 3)
        .low(3)
}

fn last_seen() -> Panel {
    Panel::stat(
        "Longest offline",
        "s",
        "How long the agent that has been offline for longest is gone, of those that should be online.",
    )
    .query(
        "offline",
        format!(
            "max(time() - max by ({AGENT}) (resilio_console_agent_last_seen_timestamp_seconds{{@target}}) and on ({AGENT}) (max by ({AGENT}) (rollcall_agent_health{{@target,vendor=\"resilio_console\",health=\"failed\"}}) == 1))\nor 0 * count(resilio_console_agent_online{{@target}})"
        ),
    )
    .limits(look::NONE, &[(1_800.0, look::WARN), (86_400.0, look::BAD)])
    .words(&[("0", "all online", look::GOOD)])
    .link(link::agents(VENDOR, &[Health::Failed]))
    .size(8, 3)
    .low(3)
}

fn agents() -> Panel {
    let of = |metric: &str| format!("max by ({AGENT}) ({metric}{{@target}})");
    Panel::table(
        "Agents of the console",
        "Every agent that the console knows, also those that are down, the worst first. Last seen is when it last came or went.",
    )
    .linked("agent", "Agent", &link::agent())
    .linked("pool", "Group", &link::pool())
    .hidden("vendor")
    .coloured("health", "Health", &look::health_labels())
    .rows(format!("sort_desc({})", shared::ranked("@target,vendor=\"resilio_console\"", &look::WORST_FIRST)))
    // Whether that is wrong, the health says: laptops may be offline.
    .worded("Online", of("resilio_console_agent_online"), &[("1", "online", look::NONE), ("0", "offline", look::NONE)])
    .value(
        "Last seen",
        "dateTimeFromNow",
        format!("1000 * {}", of("resilio_console_agent_last_seen_timestamp_seconds")),
    )
    .limited("Errors", "none", of("resilio_console_agent_errors"), "transparent", &[(1.0, look::BAD)])
    .label("os", "System")
    .rows(format!("max by ({AGENT}, os) (resilio_console_agent_info{{@target}})"))
    .linked("target", "Console", &link::polls())
    .label("value", "Site")
    .rows(format!("max by ({AGENT}, value) (resilio_console_agent_tag_info{{@target,tag=~\"(?i)site\"}})"))
    .size(16, 10)
    .done()
}

fn errors() -> Panel {
    Panel::table(
        "Errors by code",
        "What the console reports of agents, jobs and newest runs. 10200: the disk of an agent is full. 10300: its clock differs too much. Other: a code that nobody has named.",
    )
    .linked("target", "Console", &link::polls())
    .label("subject", "Of")
    .label("code", "Code")
    .hidden("vendor")
    .rows("max by (vendor, target, subject, code) (resilio_console_error{@target})")
    .when_empty("none, where it is read")
    .size(8, 10)
    .done()
}

fn runs() -> Panel {
    let of = |metric: &str| format!("max by ({JOB}) ({metric}{{@job}})");
    let done = format!(
        "max by ({JOB}) (resilio_console_run_completed_bytes{{@job}} / (resilio_console_run_size_bytes{{@job}} * (resilio_console_run_agents{{@job}} - 1) > 0))"
    );
    Panel::table(
        "Newest runs",
        "The newest run of each job, over all of its agents. Complete is what has arrived at all agents but one, which is the source.",
    )
    .label("job_name", "Job")
    .hidden("job_id")
    .hidden("vendor")
    .linked("target", "Console", &link::polls())
    .label("status", "Status")
    .rows(format!("max by ({JOB}, status) (resilio_console_run_status{{@job}} == 1)"))
    .worded("Active", of("resilio_console_run_active"), &look::PLAIN_YES_NO)
    .value("Agents", "none", of("resilio_console_run_agents"))
    .value("Size", "bytes", of("resilio_console_run_size_bytes"))
    .limited("Complete", "percentunit", done, "transparent", &[])
    .value("Speed", "Bps", of("resilio_console_run_receive_bytes_per_second"))
    .limited("Errors", "none", of("resilio_console_run_errors"), "transparent", &[(1.0, look::BAD)])
    .value("Started", "dateTimeFromNow", format!("1000 * {}", of("resilio_console_job_last_start_timestamp_seconds")))
    .sorted("Errors", true)
    .size(24, 10)
    .done()
}

fn statuses() -> Panel {
    Panel::graph(
        "Active runs by status on agents",
        "none",
        "Each active run on each of its agents, by what it does there. Read every few minutes (`run_details`).",
    )
    .query(
        "{{status}}",
        "count by (status) (max by (vendor, target, agent, job_id, status) (resilio_console_run_agent_status{@job} == 1))",
    )
    .stacked()
}

fn speed() -> Panel {
    Panel::graph(
        "Throughput of runs",
        "Bps",
        "Present speed at which all agents of a run receive, as the console says it.",
    )
    .query(
        "{{job_name}}",
        format!("sum by (job_name) (max by ({JOB}) (resilio_console_run_receive_bytes_per_second{{@job}}))"),
    )
    .stacked()
}
