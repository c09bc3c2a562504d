//! `rollcall-resilio`: for the file team. The rows on the Management Console are in `resilio/console.rs`.

mod console;

use super::{Dashboard, Link, Panel, Row, Variable, link, look, shared};
use crate::health::Health;

/// What makes a job on a client.
const JOB: &str = "vendor, target, agent, job_name, job_id";

/// The vendors that it is about.
const VENDOR: &str = r#"vendor=~"resilio(_console)?""#;

/// The agents that the jobs are on.
fn agents_of() -> Link {
    link::agents(VENDOR, &[])
}

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "rollcall-resilio",
        title: "Rollcall / Resilio",
        audience: "the file team",
        question: "are the files where they should be, and if not: which job, on which client, for how long still?",
        vendor: VENDOR,
        variables: vec![Variable::TARGET, Variable::JOB_NAME],
        states: &[
            "resilio_client_state{@agent} == 1",
            r#"label_replace(resilio_console_agent_online{@agent} == 1, "state", "online", "", "")"#,
            r#"label_replace(resilio_console_agent_online{@agent} == 0, "state", "offline", "", "")"#,
        ],
        rows: vec![
            shared::freshness(900.0),
            Row::new("Jobs", vec![health(), still(), unsynced(), jobs(), statuses(), eta()]),
            Row::new("Data", vec![throughput(), remaining(), errors(), moved()]),
            Row::new("Clients", vec![clients(), timeline()]),
            console::agents_row(),
            console::runs_row(),
        ],
    }
}

/// The largest value of a job on a client.
fn job(metric: &str) -> String {
    format!("max by ({JOB}) ({metric}{{@job}})")
}

fn health() -> Panel {
    let panel = Panel::stat(
        "Jobs by health",
        "none",
        "Each job on each client, by its newest run. Failed: it does not go on by itself. Degraded: it goes on with errors or without peers. Disabled: paused, or expired when it was done.",
    );
    look::WORST_FIRST
        .into_iter()
        .fold(panel, |panel, health: Health| {
            let name = health.as_str();
            let expr = format!("sum(max by ({JOB}) (resilio_job_health{{@job,health=\"{name}\"}}))");
            panel.query(name, expr)
        })
        .counts_by_health(|_| agents_of())
        .size(14, 3)
        .low(3)
}

fn still() -> Panel {
    let left = format!("max by ({JOB}) (resilio_job_size_bytes{{@job}} - resilio_job_completed_bytes{{@job}}) > 0");
    let moved = format!("max by ({JOB}) (abs(delta(resilio_job_completed_bytes{{@job}}[30m]))) == 0");
    let waiting = format!("{} < time() - 1800", job("resilio_job_unsynced_since_timestamp_seconds"));
    Panel::stat(
        "Not progressing",
        "none",
        "Jobs that have been out of sync for half an hour, have something left, and completed nothing in that time: no peers, no room, or no way to write.",
    )
    .query(
        "jobs",
        format!("count({left}\nand on ({JOB}) {waiting}\nand on ({JOB}) {moved})\nor 0 * count({})", job("resilio_job_size_bytes")),
    )
    .some_is(look::BAD)
    .link(agents_of())
    .size(4, 3)
    .low(3)
}

fn unsynced() -> Panel {
    Panel::stat(
        "Longest out of sync",
        "s",
        "How long the synchronisation job that is worst off has been neither synced nor paused. All in sync: every folder is complete everywhere.",
    )
    .query(
        "unsynced",
        format!(
            "max(time() - {})\nor 0 * count({})",
            job("resilio_job_unsynced_since_timestamp_seconds"),
            job("resilio_job_size_bytes")
        ),
    )
    .limits(look::NONE, &[(14_400.0, look::WARN), (86_400.0, look::BAD)])
    .words(&[("0", "all in sync", look::GOOD)])
    .link(agents_of())
    .size(6, 3)
    .low(3)
}

fn jobs() -> Panel {
    let one = |(rank, health): (usize, &Health)| {
        format!(
            "{} * max by ({JOB}, health) (resilio_job_health{{@job,health=\"{}\"}} == 1)",
            rank + 1,
            health.as_str()
        )
    };
    let classes: Vec<String> = look::WORST_FIRST.iter().rev().enumerate().map(one).collect();
    let classes = format!("sort_desc(\n  {}\n)", classes.join("\n  or "));
    let here = Link::to("rollcall-resilio", "Only ${__data.fields.job_name}").row(&["job_name"]);
    let client = Link::to("rollcall-pool", "Client ${__data.fields.agent}").row(&["vendor", "target", "agent"]);
    Panel::table(
        "Jobs",
        "Each job on each client, the worst first. Remaining and ETA are what the client estimates; last synced does not move while a job stays in sync.",
    )
    .linked("job_name", "Job", &here)
    .linked("agent", "Client", &client)
    .hidden("target")
    .hidden("job_id")
    .hidden("vendor")
    .coloured("health", "Health", &look::health_labels())
    .label("status", "Status")
    .rows(classes)
    .rows(format!("max by ({JOB}, status) (resilio_job_status{{@job}} == 1)"))
    .value("Status since", "dateTimeFromNow", format!("1000 * {}", job("resilio_job_status_since_timestamp_seconds")))
    .limited("Peers", "none", job("resilio_job_peers"), look::WARN, &[(1.0, look::NONE)])
    .limited("Errors", "none", job("resilio_job_errors"), look::NONE, &[(1.0, look::BAD)])
    .value("Last synced", "dateTimeFromNow", format!("1000 * {}", job("resilio_job_last_synced_timestamp_seconds")))
    .value("ETA", "s", job("resilio_job_eta_seconds"))
    .value(
        "Remaining",
        "bytes",
        format!("max by ({JOB}) (resilio_job_size_bytes{{@job}} - resilio_job_completed_bytes{{@job}})"),
    )
    .limited(
        "Complete",
        "percentunit",
        format!("max by ({JOB}) (resilio_job_completed_files{{@job}} / (resilio_job_files{{@job}} > 0))"),
        "transparent",
        &[],
    )
    .value("By proxy", "none", job("resilio_job_proxied_peers"))
    .size(24, 12)
    .done()
}

fn statuses() -> Panel {
    Panel::graph("Jobs by status", "none", "Jobs by the status that the clients report, over time.")
        .query("{{status}}", format!("count by (status) (max by ({JOB}, status) (resilio_job_status{{@job}} == 1))"))
        // Of the others each is rare; none of these may look like trouble.
        .colour("synced", look::GOOD)
        .colour("successfully finished", "#5FB98F")
        .colour("seeding", "#8FCFB4")
        .colour("syncing", look::CALM)
        .colour("downloading", "#9AC7E4")
        .colour("indexing", "#9AC7E4")
        .colour("executing script", "#7FA9C9")
        .colour("writing acl", "#7FA9C9")
        .colour("paused", look::GREY)
        .colour("expired", "#8E8E8E")
        .colour("no peers", look::WARN)
        .colour("error", look::BAD)
        .stacked()
}

fn eta() -> Panel {
    Panel::graph(
        "Time still to take",
        "s",
        "What clients estimate, only while they transfer; of each job the client that takes longest, the six longest. Rising: the transfer stands still. Above four hours there is an alert.",
    )
    .query("{{job_name}} on {{target}}", "topk(6, max by (job_name, target) (resilio_job_eta_seconds{@job}))")
    .limits(look::GOOD, &[(14_400.0, look::WARN)])
    .show_limits()
}

fn throughput() -> Panel {
    Panel::graph(
        "Throughput",
        "Bps",
        "Present speed as the clients say it, at the moment of the poll. Sent data are drawn below zero.",
    )
    .query("received {{job_name}}", rate("receive"))
    .query("sent {{job_name}}", format!("-({})", rate("send")))
    .below_zero()
}

fn rate(direction: &str) -> String {
    format!("sum by (job_name) ({})", job(&format!("resilio_job_{direction}_bytes_per_second")))
}

fn remaining() -> Panel {
    Panel::graph(
        "Bytes still to come",
        "bytes",
        "Of all jobs and clients together, by job. A line that does not fall is a job that does not move.",
    )
    .query(
        "{{job_name}}",
        format!(
            "sum by (job_name) (max by ({JOB}) (resilio_job_size_bytes{{@job}} - resilio_job_completed_bytes{{@job}}))"
        ),
    )
    .stacked()
}

fn errors() -> Panel {
    Panel::graph(
        "Errors",
        "none",
        "Errors that clients report for their jobs now: all of them, and those of the five jobs with the most.",
    )
    .query("all", format!("sum({})", job("resilio_job_errors")))
    .query("{{job_name}} on {{target}}", "topk(5, max by (job_name, target) (resilio_job_errors{@job}))")
    .colour("all", "#8E8E8E")
}

fn moved() -> Panel {
    Panel::graph("Data moved", "Bps", "The clients' own counters, averaged over half an hour: they move once a poll.")
        .query("received", format!("sum(max by ({JOB}) (rate(resilio_job_received_bytes_total{{@job}}[30m])))"))
        .query("sent", format!("sum(max by ({JOB}) (rate(resilio_job_sent_bytes_total{{@job}}[30m])))"))
}

fn clients() -> Panel {
    let of = |metric: &str| format!("max by (vendor, target, agent) ({metric}{{@target}})");
    Panel::table(
        "Clients",
        "Each client and its connection to the management console. A client that lost the console still syncs, but gets no new jobs.",
    )
    .linked("agent", "Client", &link::agent())
    .hidden("vendor")
    .hidden("pool")
    .coloured("health", "Health", &look::health_labels())
    .label("state", "Console")
    .linked("target", "Target", &link::polls())
    .rows(format!("sort_desc({})", shared::ranked(r#"@target,vendor="resilio""#, &look::WORST_FIRST)))
    .rows("max by (vendor, target, agent, state) (resilio_client_state{@target} == 1)")
    .value("Console seen", "dateTimeFromNow", format!("1000 * {}", of("resilio_client_server_last_seen_timestamp_seconds")))
    .worded("Paused", of("resilio_client_paused"), &look::YES_NO)
    .worded("Restart wanted", of("resilio_client_restart_required"), &look::YES_NO)
    .label("server", "Server")
    .rows("max by (vendor, target, agent, server) (resilio_client_info{@target})")
    .label("value", "Site")
    .rows(r#"max by (vendor, target, agent, value) (resilio_client_tag_info{@target,tag=~"(?i)site"})"#)
    .size(24, 8)
    .done()
}

fn timeline() -> Panel {
    shared::changed_most(
        r#"@target,vendor="resilio""#,
        "Health of the clients that changed most",
        "The 25 clients with the most changes within the range. Unknown is a state that Rollcall does not know; a gap is a time without data.",
    )
    .size(24, 12)
}
