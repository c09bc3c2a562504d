//! Alerts about the daemons themselves. One that is down sends nothing, so Prometheus watches over them.

use std::time::Duration;

use super::{
    Alert,
    Labels::{self, Daemon, Job},
    Sender,
    Severity::{self, Critical, Warning},
    Unit, alert, hours, minutes, table,
};
use crate::{
    catalogue::{
        Family, Kind, Scope,
        daemon::{
            CONFIG_LAST_RELOAD_SUCCESSFUL, NOTIFICATIONS_FAILED, NOTIFICATIONS_QUEUE, NOTIFICATIONS_SENT, PANICS,
            STATE_WRITE_FAILURES, WEB_CONFIG_LAST_RELOAD_SUCCESSFUL,
        },
    },
    rules::expr::{Expr, Function, always, family, past},
};

/// What Prometheus says of its scrapes. It is no family of ours: [`promql`](crate::rules::promql) adds the selector of the
/// daemons' job.
pub static SCRAPE_UP: Family = Family {
    name: "up",
    kind: Kind::Gauge,
    scope: Scope::Daemon,
    labels: &["job", "instance"],
    unit: "",
    help: "Whether Prometheus could scrape the daemon.",
    ordinal: 0,
};

/// The sign of life of a daemon in direct mode; it always fires.
pub const DIRECT_WATCHDOG: &str = "RollcallDirectWatchdog";

pub(super) fn alerts() -> Vec<Alert> {
    let up = || family(&SCRAPE_UP);
    let growth = |counter| past(Function::Increase, family(counter), WINDOW);
    let grown = |counter| growth(counter).sum_without(PEER).above(0.0);
    // With a long resend_delay one that is well is seldom told anything.
    let content = family(&NOTIFICATIONS_QUEUE).equals(0.0).unless(growth(&NOTIFICATIONS_FAILED).above(0.0));
    let of_prometheus = |row: Alert| row.sent_by(Sender::Prometheus);
    let rows = vec![
        alert("RollcallDown", Warning, Daemon, up().equals(0.0)).lasting(minutes(10)).annotate(
            "A Rollcall daemon cannot be scraped.",
            "Prometheus cannot scrape the Rollcall daemon {instance} of job {job}: what it polls is not watched by it.",
        ),
        alert(
            "RollcallDownWidely",
            Critical,
            Job,
            up().equals(0.0)
                .count_by(&["job"])
                .over(up().all().count_by(&["job"]))
                .above(Expr::Threshold),
        )
        .threshold(0.5, Unit::Share)
        .lasting(minutes(5))
        .annotate(
            "Most Rollcall daemons of a job cannot be scraped.",
            "{value:share} of the Rollcall daemons of job {job} cannot be scraped: their targets are not watched.",
        ),
        alert("RollcallAbsent", Critical, Labels::None, Expr::Absent(up())).lasting(minutes(15)).annotate(
            "No Rollcall daemon is scraped at all.",
            "Prometheus knows no Rollcall daemon: nothing that Rollcall watches is watched.",
        ),
        alert("RollcallWatchdog", Severity::None, Daemon, up().equals(1.0)).annotate(
            "A sign of life: always fires for each daemon that is scraped.",
            "Rollcall daemon {instance} of job {job} is scraped, and alerts about it are delivered. Its silence is the alarm.",
        ),
        alert("RollcallConfigReloadFailed", Warning, Daemon, family(&CONFIG_LAST_RELOAD_SUCCESSFUL).equals(0.0))
            .lasting(minutes(10))
            .annotate(
                "A Rollcall daemon refused its configuration.",
                "Rollcall daemon {instance} of job {job} refused its configuration the last time it was read; the old one stays.",
            ),
        alert("RollcallWebConfigReloadFailed", Warning, Daemon, family(&WEB_CONFIG_LAST_RELOAD_SUCCESSFUL).equals(0.0))
            .lasting(minutes(10))
            .annotate(
                "A Rollcall daemon refused its web configuration.",
                "Rollcall daemon {instance} of job {job} refused its web configuration or a certificate the last time it was read; the old one stays.",
            ),
        alert(
            "RollcallAlertDeliveryFailing",
            Critical,
            Daemon,
            grown(&NOTIFICATIONS_FAILED).unless(grown(&NOTIFICATIONS_SENT)).unless(content.count_without(PEER)),
        )
        .lasting(minutes(5))
        .annotate(
            "A Rollcall daemon in direct mode reaches no Alertmanager.",
            "Rollcall daemon {instance} of job {job} pages by itself, and no Alertmanager has accepted its alerts for 5m.",
        ),
    ];
    let rows = rows.into_iter().chain([
        alert("RollcallAlertmanagerUnreachable", Warning, Labels::Alertmanager, {
            let grown = |counter| past(Function::Increase, family(counter), minutes(15)).above(0.0);
            grown(&NOTIFICATIONS_FAILED).unless(grown(&NOTIFICATIONS_SENT))
        })
        .lasting(hours(1))
        .annotate(
            "One Alertmanager accepts nothing from a Rollcall daemon in direct mode.",
            "{alertmanager} has accepted no alerts of the Rollcall daemon {instance} of job {job} for an hour.",
        ),
        alert(
            "RollcallStateNotWritten",
            Warning,
            Daemon,
            past(Function::Increase, family(&STATE_WRITE_FAILURES), minutes(15)).above(0.0),
        )
        .lasting(minutes(15))
        .annotate(
            "A Rollcall daemon cannot write its state file.",
            "Rollcall daemon {instance} of job {job} cannot write its state: a restart would forget holds, counts and alerts.",
        ),
        alert("RollcallPanicking", Warning, Daemon, past(Function::Increase, family(&PANICS), minutes(15)).above(0.0))
            .annotate(
                "A task of a Rollcall daemon panicked, which is a bug.",
                "Tasks of the Rollcall daemon {instance} of job {job} panicked within the past 15m; they were started again.",
            ),
    ]);
    let watchdog = alert(DIRECT_WATCHDOG, Severity::None, Labels::Instance, always()).annotate(
        "A sign of life: always fires in direct mode.",
        "Rollcall daemon {instance} in direct mode evaluates its rules and delivers its alerts. Its silence is the alarm.",
    );
    let rows = rows.map(of_prometheus).chain([watchdog.sent_by(Sender::Daemon)]).collect();
    table("daemons", "rollcall-daemon", &[], rows)
}

const PEER: &[&str] = &["alertmanager"];

/// Long enough for several attempts.
const WINDOW: Duration = minutes(5);
