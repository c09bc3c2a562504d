//! What the daemon knows about itself.

use super::families;

families! {
    BUILD_INFO: Gauge Daemon "rollcall_build_info" ["version", "revision", "rustc"] ""
        "Version, source revision and compiler of this daemon; always 1.";
    CONFIG_LAST_RELOAD_SUCCESSFUL: Gauge Daemon "rollcall_config_last_reload_successful" [] ""
        "Whether the configuration was accepted the last time it was read.";
    CONFIG_LAST_RELOAD_SUCCESS: Gauge Daemon "rollcall_config_last_reload_success_timestamp_seconds" [] "seconds"
        "Unix time at which the configuration was last accepted.";
    HTTP_REQUESTS: Counter Daemon "rollcall_http_requests_total" ["route", "method", "code"] ""
        "Requests answered by the daemon, by route, method and status code; unknown paths are other.";
    PANICS: Counter Daemon "rollcall_panics_total" [] ""
        "Panics caught in the tasks of the daemon; each is a bug.";
}
