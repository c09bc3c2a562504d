//! Alerts about Resilio: jobs on one agent, jobs on many, and the agents themselves.

use super::{
    Alert,
    Labels::{Agent, AgentJob, Vendor, VendorJob},
    Sender,
    Severity::{Critical, Info, Warning},
    Unit, alert, hours, minutes, of_vendor,
};
use crate::{
    catalogue::resilio::{
        CLIENT_PAUSED, CLIENT_RESTART_REQUIRED, CLIENT_STATE, JOB_COMPLETED, JOB_ERRORS, JOB_ETA, JOB_HEALTH,
        JOB_STATUS, JOB_STATUS_SINCE, JOB_UNSYNCED_SINCE,
    },
    rules::expr::{Expr, Function, age, family, past},
    vendors,
};

/// What may rightly take long, and says nothing of its progress.
const BUSY: &[&str] = &["loading", "indexing", "processing files", "writing acl"];
const TRANSFERS: &[&str] = &["syncing", "downloading"];
const STATUS: &[&str] = &["status"];

pub(super) fn alerts() -> Vec<Alert> {
    let mut rows = jobs();
    rows.extend(clients());
    of_vendor("resilio", vendors::Vendor::Resilio, rows)
}

fn in_status(names: &[&'static str]) -> Expr {
    family(&JOB_STATUS).one_of("status", names).equals(1.0)
}

fn jobs() -> Vec<Alert> {
    let failed = || family(&JOB_HEALTH).is("health", "failed");
    let on_agents = |of: Expr| of.max_by(&["vendor", "target", "agent", "job_name"]).count_by(VendorJob.names());
    let widely = on_agents(failed().equals(1.0)).over(on_agents(failed().all())).at_least(Expr::Threshold);
    let widely = widely.and(on_agents(failed().equals(1.0)).at_least(3.0));
    let still = past(Function::Changes, family(&JOB_COMPLETED), hours(1)).equals(0.0);
    let busy = || age(family(&JOB_STATUS_SINCE)).above(Expr::Threshold).and(in_status(BUSY)).ignoring(STATUS);
    let busy_long = |severity, long: u64| {
        alert("ResilioJobBusyLong", severity, AgentJob, busy())
            .threshold(hours(long).as_secs_f64(), Unit::Seconds)
            .lasting(minutes(15))
            .annotate(
                "A Resilio job is busy for very long.",
                "Job {job_name} on {agent} ({target}) loads, indexes or writes permissions for {value:duration} now.",
            )
    };
    vec![
        alert("ResilioJobFailedWidely", Critical, VendorJob, widely)
            .sent_by(Sender::Prometheus)
            .threshold(0.25, Unit::Share)
            .lasting(minutes(15))
            .annotate(
                "A Resilio job has failed on many agents.",
                "Job {job_name} has failed on {value:share} of the agents that have it, and on at least 3.",
            ),
        alert("ResilioJobFailed", Warning, AgentJob, failed().equals(1.0))
            .lasting(minutes(5))
            .annotate("A Resilio job has failed.", "Job {job_name} has failed on {agent} ({target})."),
        alert("ResilioJobNoPeers", Warning, AgentJob, in_status(&["no peers"])).lasting(minutes(15)).annotate(
            "A Resilio job is connected to no other agent.",
            "Job {job_name} on {agent} ({target}) is connected to no other agent, so it cannot transfer anything.",
        ),
        alert("ResilioJobErrors", Warning, AgentJob, family(&JOB_ERRORS).above(Expr::Threshold))
            .threshold(0.0, Unit::Count)
            .lasting(minutes(15))
            .annotate("A Resilio job has errors.", "Job {job_name} on {agent} ({target}) reports errors: {value}."),
        alert("ResilioJobEtaHigh", Warning, AgentJob, family(&JOB_ETA).above(Expr::Threshold))
            .threshold(hours(4).as_secs_f64(), Unit::Seconds)
            .lasting(minutes(30))
            .annotate(
                "A Resilio job will take long.",
                "Job {job_name} on {agent} ({target}) expects to take {value:duration} more.",
            ),
        alert("ResilioJobStalled", Warning, AgentJob, still.and(in_status(TRANSFERS)).ignoring(STATUS))
            .lasting(hours(1))
            .annotate(
                "A Resilio job transfers and completes nothing.",
                "Job {job_name} on {agent} ({target}) says that it transfers, and completed nothing within the past hour.",
            ),
        alert("ResilioJobNotSynced", Warning, AgentJob, age(family(&JOB_UNSYNCED_SINCE)).above(Expr::Threshold))
            .threshold(hours(24).as_secs_f64(), Unit::Seconds)
            .lasting(minutes(15))
            .annotate(
                "A Resilio job has not been in sync for long.",
                "Job {job_name} on {agent} ({target}) has not been in sync for {value:duration}.",
            ),
        busy_long(Warning, 72),
        busy_long(Info, 24),
    ]
}

fn clients() -> Vec<Alert> {
    let lost = || family(&CLIENT_STATE).is("state", "NOT_CONNECTED").equals(1.0);
    let clients = |of: Expr| of.max_by(Agent.names()).count_by(Vendor.names());
    let share = clients(lost()).over(clients(family(&CLIENT_STATE).equals(1.0))).at_least(Expr::Threshold);
    let gone = family(&CLIENT_STATE).one_of("state", &["NOT_CONNECTED", "STOPPED"]).equals(1.0);
    vec![
        alert("ResilioClientPaused", Info, Agent, family(&CLIENT_PAUSED).equals(1.0))
            .lasting(hours(24))
            .annotate("A Resilio agent is paused.", "Resilio agent {agent} ({target}) has been paused for a day."),
        alert("ResilioClientRestartRequired", Info, Agent, family(&CLIENT_RESTART_REQUIRED).equals(1.0))
            .lasting(hours(1))
            .annotate("A Resilio agent asks for a restart.", "Resilio agent {agent} ({target}) asks for a restart."),
        alert("ResilioClientDisconnected", Warning, Agent, gone).lasting(minutes(15)).annotate(
            "A Resilio agent has lost its management console.",
            "Resilio agent {agent} ({target}) is not connected to its management console, or its host has no network.",
        ),
        alert("ResilioConsoleLost", Critical, Vendor, share.and(clients(lost()).at_least(5.0)))
            .sent_by(Sender::Prometheus)
            .threshold(0.5, Unit::Share)
            .lasting(minutes(15))
            .annotate(
                "Resilio's management console has lost its agents.",
                "{value:share} of the Resilio agents, and at least 5, are not connected to their management console.",
            ),
    ]
}
