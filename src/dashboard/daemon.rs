//! `rollcall-daemon`: for whoever runs Rollcall.

use super::{Dashboard, Link, Panel, Row, Variable, look, shared};

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "rollcall-daemon",
        title: "Rollcall / Daemon",
        audience: "who runs Rollcall",
        question: "does it poll everything in time, does it get its alerts out, and what does it cost?",
        vendor: r#"vendor=~"$vendor""#,
        variables: vec![Variable::INSTANCE, Variable::VENDOR, Variable::TARGET],
        states: &[],
        rows: vec![
            shared::freshness(3_600.0),
            Row::new("Daemons", vec![daemons()]),
            Row::new("Polls", vec![targets(), failures(), age(), duration(), oddities()]),
            Row::new("Vendors' APIs", vec![requests(), latency(), throttled(), expiries()]),
            Row::collapsed(
                "Alert delivery of daemons in direct mode",
                vec![alerts(), delivery(), notifications(), notification_latency()],
            ),
            Row::new("Resources", vec![memory(), cpu(), files(), scrapes(), scrape_size(), http()]),
        ],
    }
}

/// One value for each daemon.
fn own(metric: &str) -> String {
    format!("max by (instance) ({metric}{{@daemon}})")
}

/// One value for each target.
fn of(metric: &str) -> String {
    format!("max by (vendor, target) ({metric}{{@target}})")
}

fn daemons() -> Panel {
    Panel::table(
        "Daemons that are scraped",
        "Each daemon that Prometheus scrapes. A configuration that was refused leaves the old one in force. Every panic is a bug: please report it.",
    )
    .label("instance", "Daemon")
    .worded("Scraped", "max by (instance) (up{@daemon} and on (instance, job) max_over_time(rollcall_build_info{@daemon}[1h]))", &look::UP_DOWN)
    .label("version", "Version")
    .label("revision", "Revision")
    .rows("max by (instance, version, revision) (rollcall_build_info{@daemon})")
    .value("Started", "dateTimeFromNow", format!("1000 * {}", own("process_start_time_seconds")))
    .worded("Configuration", own("rollcall_config_last_reload_successful"), &look::OK_FAILED)
    .value("Configured", "dateTimeFromNow", format!("1000 * {}", own("rollcall_config_last_reload_success_timestamp_seconds")))
    .value("Targets", "none", "count by (instance) (rollcall_target_info{@daemon})")
    .value("Agents", "none", "sum by (instance) (rollcall_target_agents{@daemon})")
    .limited("Panics", "none", own("rollcall_panics_total"), "transparent", &[(1.0, look::BAD)])
    .size(24, 6)
    .done()
}

fn targets() -> Panel {
    let only = Link::to("rollcall-daemon", "Only ${__data.fields.target}").row(&["vendor", "target"]);
    Panel::table(
        "Polls by target",
        "The last poll of each target. Reason says why it failed: auth, forbidden and held are about the account; dns, connect, tls and timeout about the way; rate_limited and http_status about the vendor; decode, content_type and too_large about the answer.",
    )
    .linked("target", "Target", &only)
    .worded("Last poll", of("rollcall_target_up"), &look::UP_DOWN)
    .label("reason", "Reason")
    .rows("max by (vendor, target, reason) (rollcall_target_failure{@target})")
    .worded("Partial", of("rollcall_target_partial"), &look::YES_NO)
    .worded("Log-on held", of("rollcall_login_held"), &look::YES_NO)
    .limited("Failures in a row", "none", of("rollcall_target_consecutive_failures"), "transparent", &[
        (1.0, look::WARN),
        (3.0, look::BAD),
    ])
    .value("Last poll ended", "dateTimeFromNow", format!("1000 * ({} > 0)", of("rollcall_target_last_poll_timestamp_seconds")))
    .value("Last good poll", "dateTimeFromNow", format!("1000 * ({} > 0)", of("rollcall_target_last_success_timestamp_seconds")))
    .value("Interval", "s", of("rollcall_target_poll_interval_seconds"))
    .value("Took", "s", of("rollcall_target_poll_duration_seconds"))
    .value("Agents", "none", of("rollcall_target_agents"))
    .value("Series", "none", of("rollcall_target_series"))
    .worded("Pages itself", of("rollcall_direct_alerting_active"), &look::PLAIN_YES_NO)
    .label("vendor", "Vendor")
    .sorted("Failures in a row", true)
    .size(24, 12)
    .done()
}

fn failures() -> Panel {
    Panel::graph("Failed polls by reason", "none", "Polls that failed or were partial within half an hour, by reason.")
        .query(
            "{{reason}}",
            "sum by (reason) (max by (vendor, target, reason) (increase(rollcall_poll_failures_total{@target}[30m]))) > 0",
        )
        .query("all", "sum(max by (vendor, target, reason) (increase(rollcall_poll_failures_total{@target}[30m])))")
        .colour("all", "#8E8E8E")
}

fn age() -> Panel {
    Panel::graph(
        "Age of the data in intervals",
        "none",
        "Time since the last good poll, in intervals of the target; the 15 highest. Above 3 a target is overdue.",
    )
    .query(
        "{{target}}",
        format!(
            "topk(15, (time() - ({} > 0)) / {})",
            of("rollcall_target_last_success_timestamp_seconds"),
            of("rollcall_target_poll_interval_seconds"),
        ),
    )
    .limits(look::GOOD, &[(3.0, look::WARN)])
    .show_limits()
}

fn duration() -> Panel {
    Panel::graph(
        "Duration of polls",
        "percentunit",
        "How much of the shorter of interval and timeout the last poll took; the 15 highest. Above 80 % there is an alert; at 100 % polls are cut off or skipped.",
    )
    .query(
        "{{target}}",
        "topk(15, max by (vendor, target) (rollcall_target_poll_duration_seconds{@target} / ((rollcall_target_poll_interval_seconds{@target} < rollcall_target_poll_timeout_seconds{@target}) or rollcall_target_poll_timeout_seconds{@target})))",
    )
    .limits(look::GOOD, &[(0.8, look::WARN)])
    .show_limits()
}

fn oddities() -> Panel {
    Panel::graph(
        "Oddities in answers, and skipped polls",
        "none",
        "Within half an hour. unknown_state: the vendor said something that this version does not know; bad_item: an item could not be read; skipped: the poll before took longer than the interval.",
    )
    .query(
        "{{kind}}",
        "sum by (kind) (max by (vendor, target, kind) (increase(rollcall_decode_warnings_total{@target}[30m])))",
    )
    .query("skipped", "sum(max by (vendor, target) (increase(rollcall_polls_skipped_total{@target}[30m])))")
}

fn requests() -> Panel {
    Panel::graph("Requests by status code", "reqps", "Requests to the vendors' APIs; 0: no answer came. 401 now and then is a log-on that ended, and the new one.")
        .query(
            "{{vendor}} {{code}}",
            "sum by (vendor, code) (max by (vendor, target, operation, code) (rate(rollcall_api_requests_total{@target}[30m])))",
        )
        .stacked()
}

fn latency() -> Panel {
    let quantile = |q: &str| {
        format!(
            "histogram_quantile({q}, sum by (vendor, le) (rate(rollcall_api_request_duration_seconds_bucket{{@target}}[30m])))"
        )
    };
    Panel::graph(
        "API latency",
        "s",
        "Time to the last byte of an answer: the middle, and what one in twenty exceeds, by vendor.",
    )
    .query("{{vendor}} 50 %", quantile("0.5"))
    .query("{{vendor}} 95 %", quantile("0.95"))
}

fn throttled() -> Panel {
    Panel::graph("Held back", "percentunit", "Share of the time that Rollcall held requests back, because the vendor asked for it or its limit would have been reached; the 15 highest.")
        .scale(1.0)
        .query("{{target}}", "topk(15, max by (vendor, target) (rate(rollcall_api_throttled_seconds_total{@target}[30m])))")
}

fn expiries() -> Panel {
    Panel::bars(
        "What expires next",
        "s",
        "Passwords, client secrets and certificates of Rollcall's accounts, where the vendor says, and TLS certificates of the vendors' servers; the 15 that end first.",
    )
    .query(
        "{{target}} {{credential}}{{host}}",
        "sort(bottomk(15, max by (target, credential) (rollcall_credential_expiry_timestamp_seconds{@target}) - time() or max by (target, host) (rollcall_tls_certificate_not_after_timestamp_seconds{@target}) - time()))",
    )
    .limits(look::BAD, &[(259_200.0, look::WARN), (1_814_400.0, look::GOOD)])
    .when_empty("no vendor says")
    .size(12, 8)
}

fn alerts() -> Panel {
    Panel::graph("Alerts in direct mode", "none", "Alerts that daemons evaluate and send themselves.")
        .query("{{state}} {{alertname}}", "sum by (state, alertname) (rollcall_alerts{@daemon})")
        .when_empty("no daemon is in direct mode")
}

fn delivery() -> Panel {
    let of = |metric: &str| format!("max by (instance, alertmanager) ({metric}{{@daemon}})");
    Panel::table(
        "Alertmanagers",
        "Each Alertmanager that a daemon in direct mode sends to. A queue that grows, or a last success that is old, means that pages do not get out.",
    )
    .label("instance", "Daemon")
    .label("alertmanager", "Alertmanager")
    .limited("Queue", "none", of("rollcall_notifications_queue_length"), "transparent", &[(1.0, look::WARN)])
    .value("Last success", "dateTimeFromNow", format!("1000 * ({} > 0)", of("rollcall_notifications_last_success_timestamp_seconds")))
    .limited("Dropped", "none", "sum by (instance, alertmanager) (increase(rollcall_notifications_dropped_total{@daemon}[$__range]))", "transparent", &[(0.5, look::BAD)])
    .when_empty("no daemon is in direct mode")
    .size(12, 8)
    .done()
}

fn notifications() -> Panel {
    let rate = |what: &str| {
        format!("sum by (alertmanager) (rate(rollcall_notifications_{what}_total{{@daemon}}[$__rate_interval]))")
    };
    Panel::graph(
        "Notifications",
        "cps",
        "Alerts that were sent, failed to be sent and are tried again, or were dropped, by Alertmanager.",
    )
    .query("sent {{alertmanager}}", rate("sent"))
    .query("failed {{alertmanager}}", rate("failed"))
    .query("dropped {{alertmanager}}", rate("dropped"))
    .when_empty("no daemon is in direct mode")
}

fn notification_latency() -> Panel {
    Panel::graph("Latency of Alertmanagers", "s", "Time that an Alertmanager took to accept a batch; one in twenty took longer.")
        .query(
            "{{alertmanager}}",
            "histogram_quantile(0.95, sum by (alertmanager, le) (rate(rollcall_notification_duration_seconds_bucket{@daemon}[$__rate_interval])))",
        )
        .when_empty("no daemon is in direct mode")
}

fn memory() -> Panel {
    Panel::graph("Memory", "bytes", "Resident memory of each daemon. It follows the number of agents.")
        .query(
            "{{instance}}",
            format!("{} and on (instance) {}", own("process_resident_memory_bytes"), own("rollcall_build_info")),
        )
        .size(8, 8)
}

fn cpu() -> Panel {
    Panel::graph("Processor", "percentunit", "Processor time of each daemon; 100 % is one core.")
        .query(
            "{{instance}}",
            format!(
                "max by (instance) (rate(process_cpu_seconds_total{{@daemon}}[$__rate_interval])) and on (instance) {}",
                own("rollcall_build_info")
            ),
        )
        .size(8, 8)
}

fn files() -> Panel {
    Panel::graph(
        "Open files and threads",
        "none",
        "Open file descriptors, of which each connection is one, and threads.",
    )
    .query(
        "{{instance}} files",
        format!("{} and on (instance) {}", own("process_open_fds"), own("rollcall_build_info")),
    )
    .query(
        "{{instance}} threads",
        format!("{} and on (instance) {}", own("process_threads"), own("rollcall_build_info")),
    )
    .size(8, 8)
}

fn scrapes() -> Panel {
    Panel::graph("Duration of scrapes", "s", "How long Prometheus takes to scrape each daemon, as Prometheus measures it. Data are ready beforehand: a scrape costs no poll.")
        .query("{{instance}}", format!("max by (instance) (scrape_duration_seconds{{@daemon}}) and on (instance) {}", own("rollcall_build_info")))
        .size(8, 8)
}

fn scrape_size() -> Panel {
    Panel::graph(
        "Samples of a scrape",
        "none",
        "What each daemon costs in Prometheus. The table of targets says which one brings how many series.",
    )
    .query(
        "{{instance}}",
        format!(
            "max by (instance) (scrape_samples_scraped{{@daemon}}) and on (instance) {}",
            own("rollcall_build_info")
        ),
    )
    .size(8, 8)
}

fn http() -> Panel {
    Panel::graph("Requests answered", "reqps", "Requests to the daemons by route and status code.")
        .query(
            "{{route}} {{code}}",
            "sum by (route, code) (rate(rollcall_http_requests_total{@daemon}[$__rate_interval]))",
        )
        .size(8, 8)
}
