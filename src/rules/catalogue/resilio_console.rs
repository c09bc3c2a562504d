//! Alerts about the Management Console of Resilio: agents, runs, and what it reports of both.

use super::{
    Alert,
    Labels::{Agent, Run, Target},
    Severity::{Info, Warning},
    Unit, alert, hours, minutes, of_vendor,
};
use crate::{
    catalogue::{
        agent::{AGENT_HEALTH, POOL_AGENTS},
        resilio_console::{ERROR, RUN_ERRORS, RUN_STATUS},
    },
    rules::expr::{Expr, family},
    vendors::Vendor,
};

const VENDOR: &str = Vendor::ResilioConsole.as_str();

pub(super) fn alerts() -> Vec<Alert> {
    let offline = || family(&AGENT_HEALTH).is("vendor", VENDOR).is("health", "failed").equals(1.0);
    let reported = |code: &'static str| family(&ERROR).is("code", code).equals(1.0);
    let ended = family(&RUN_STATUS).one_of("status", &["aborted", "timeout"]).equals(1.0);
    let failed = ended.max_by(RUN).or(family(&RUN_ERRORS).above(0.0).max_by(RUN));
    let pending = family(&POOL_AGENTS).is("vendor", VENDOR).is("health", "transitional").above(Expr::Threshold);
    let rows = vec![
        alert("ResilioAgentOffline", Warning, Agent, offline()).lasting(minutes(30)).annotate(
            "A Resilio agent is offline in its management console.",
            "Resilio agent {agent} of pool {pool} is offline in {target}: it is not connected to its management console.",
        ),
        inhibitor(offline()),
        alert("ResilioAgentDiskFull", Warning, Target, reported("10200")).lasting(minutes(5)).annotate(
            "A Resilio agent has no room left on its disk.",
            "{target} reports a full disk of an agent, a job or a run (10200).",
        ),
        alert("ResilioAgentClockSkew", Warning, Target, reported("10300")).lasting(minutes(15)).annotate(
            "The clock of a Resilio agent differs too much from that of its console.",
            "{target} reports that the clocks of an agent and of the console differ too much (10300).",
        ),
        alert("ResilioRunFailed", Warning, Run, failed).lasting(minutes(5)).outlasting(1).annotate(
            "A run of a Resilio job was aborted, timed out or has errors.",
            "The newest run of job {job_name} in {target} was aborted, timed out or has errors.",
        ),
        alert("ResilioAgentsPending", Info, Target, pending)
            .threshold(0.0, Unit::Count)
            .lasting(hours(24))
            .annotate(
                "Resilio agents have waited for approval for a day.",
                "{value} {value:agent waits|agents wait} for approval in {target}.",
            ),
    ];
    of_vendor("resilio_console", Vendor::ResilioConsole, rows)
}

/// Nobody is told of it, and nothing mutes it: it mutes what the agent's own API reports of the same. That is told after 10 or 15
/// minutes, so [`ResilioAgentOffline`](alerts), after half an hour, comes too late for it, and a second severity of that would not
/// do: the lower one ends where the higher begins. It goes on for longer than *RollcallTargetDown*, the last to end of what it
/// mutes.
fn inhibitor(offline: Expr) -> Alert {
    let alert = alert("ResilioAgentOfflineInhibitor", Info, Agent, offline).lasting(minutes(5)).annotate(
        "A Resilio agent is offline in its management console: reported once.",
        "Resilio agent {agent} of pool {pool} is offline in {target}; this mutes what its own API reports of the same.",
    );
    Alert { keep_firing_for: minutes(21), ..alert }
}

const RUN: &[&str] = Run.names();
