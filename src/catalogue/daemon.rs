//! What the daemon knows about itself.

use super::families;

families! {
    BUILD_INFO: Gauge Daemon "rollcall_build_info" ["version", "revision", "rustc"] ""
        "Version, source revision and compiler of this daemon; always 1.";
    LINKS_INFO: Gauge Daemon "rollcall_links_info" ["external_url", "dashboard_url"] ""
        "Where people reach this daemon, and Grafana where the configuration says so (alerting.dashboard_url); always 1. The links of alerts begin with them.";
    CONFIG_LAST_RELOAD_SUCCESSFUL: Gauge Daemon "rollcall_config_last_reload_successful" [] ""
        "Whether the configuration was accepted the last time it was read.";
    CONFIG_LAST_RELOAD_SUCCESS: Gauge Daemon "rollcall_config_last_reload_success_timestamp_seconds" [] "seconds"
        "Unix time at which the configuration was last accepted.";
    WEB_CONFIG_LAST_RELOAD_SUCCESSFUL: Gauge Daemon "rollcall_web_config_last_reload_successful" [] ""
        "Whether the web configuration was accepted the last time it was read; only with --web.config.file.";
    ALERTS: Gauge Daemon "rollcall_alerts" ["alertname", "severity", "state"] ""
        "Alerts that the daemon itself evaluates and that are pending or firing; only in direct mode.";
    NOTIFICATIONS_SENT: Counter Daemon "rollcall_notifications_sent_total" ["alertmanager"] ""
        "Alerts that this Alertmanager accepted from the daemon, repeats included; only in direct mode.";
    NOTIFICATIONS_FAILED: Counter Daemon "rollcall_notifications_failed_total" ["alertmanager"] ""
        "Alerts in requests that this Alertmanager did not accept, counted at each attempt; they are sent again.";
    NOTIFICATIONS_DROPPED: Counter Daemon "rollcall_notifications_dropped_total" ["alertmanager"] ""
        "Alerts given up without this Alertmanager having been told: ends too old to be of use, or untold at a stop.";
    NOTIFICATIONS_QUEUE: Gauge Daemon "rollcall_notifications_queue_length" ["alertmanager"] ""
        "Alerts that this Alertmanager is still to be told, overdue repeats included; 0 while it keeps up.";
    NOTIFICATIONS_LAST_SUCCESS: Gauge Daemon "rollcall_notifications_last_success_timestamp_seconds" ["alertmanager"] "seconds"
        "Unix time at which this Alertmanager last accepted alerts; 0 until it did.";
    NOTIFICATION_DURATION: Histogram Daemon "rollcall_notification_duration_seconds" ["alertmanager"] "seconds"
        "Duration of the requests to this Alertmanager, failed ones included.";
    HTTP_REQUESTS: Counter Daemon "rollcall_http_requests_total" ["route", "method", "code"] ""
        "Requests answered by the daemon, by route, method and status code; unknown paths are other.";
    STATE_WRITE_FAILURES: Counter Daemon "rollcall_state_write_failures_total" [] ""
        "Times that the state file, or the file of log-ons beside it, could not be written; a restart would forget what changed since.";
    PANICS: Counter Daemon "rollcall_panics_total" [] ""
        "Panics caught in the tasks of the daemon; each is a bug.";
    LOG_LINES_DROPPED: Counter Daemon "rollcall_log_lines_dropped_total" [] ""
        "Log lines that could not be written: their reader is gone or does not read, or the disk is full.";
}

/// What the operating system knows about the daemon's process; only on Linux, from the `prometheus` crate.
pub mod process {
    use super::families;

    families! {
        CPU: Counter Daemon "process_cpu_seconds_total" [] "seconds"
            "Total user and system CPU time spent in seconds.";
        MAX_FDS: Gauge Daemon "process_max_fds" [] ""
            "Maximum number of open file descriptors.";
        OPEN_FDS: Gauge Daemon "process_open_fds" [] ""
            "Number of open file descriptors.";
        RESIDENT: Gauge Daemon "process_resident_memory_bytes" [] "bytes"
            "Resident memory size in bytes.";
        START: Gauge Daemon "process_start_time_seconds" [] "seconds"
            "Start time of the process since unix epoch in seconds.";
        THREADS: Gauge Daemon "process_threads" [] ""
            "Number of OS threads in the process.";
        VIRTUAL: Gauge Daemon "process_virtual_memory_bytes" [] "bytes"
            "Virtual memory size in bytes.";
    }
}
