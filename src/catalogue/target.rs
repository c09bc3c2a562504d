//! What the daemon knows about a target: its polls, its requests, its credentials.

use super::families;

families! {
    INFO: Gauge Target "rollcall_target_info" ["url"] ""
        "The target's address and the labels that the configuration gives it; always 1.";
    UP: Gauge Target "rollcall_target_up" [] ""
        "Whether the last poll brought data, complete or partial (1), or failed or does not come (0); absent until the first one ended.";
    PARTIAL: Gauge Target "rollcall_target_partial" [] ""
        "Whether the last poll brought only a part of the data.";
    STALE: Gauge Target "rollcall_target_stale" [] ""
        "Whether no part of the target's data is younger than its stale_after (1); then its vendor series are withdrawn.";
    EXTRA_UP: Gauge Target "rollcall_target_extra_up" ["extra"] ""
        "Whether the last try of an extra, which is read beside the main lists and fails alone, worked (1) or not (0); absent for what is switched off or was never tried.";
    FAILURE: Gauge Target "rollcall_target_failure" ["reason"] ""
        "The reason why the last poll failed or was partial; always 1, absent when it was complete.";
    CONSECUTIVE_FAILURES: Gauge Target "rollcall_target_consecutive_failures" [] ""
        "Polls that failed, or did not come, in a row until now.";
    POLL_INTERVAL: Gauge Target "rollcall_target_poll_interval_seconds" [] "seconds"
        "Configured time between two polls.";
    POLL_TIMEOUT: Gauge Target "rollcall_target_poll_timeout_seconds" [] "seconds"
        "Configured longest time of one poll.";
    POLL_DURATION: Gauge Target "rollcall_target_poll_duration_seconds" [] "seconds"
        "How long the last poll took.";
    LAST_POLL: Gauge Target "rollcall_target_last_poll_timestamp_seconds" [] "seconds"
        "Unix time at which the last poll ended; 0 before the first.";
    NEXT_POLL: Gauge Target "rollcall_target_next_poll_timestamp_seconds" [] "seconds"
        "Unix time at which the next poll is due, or was while one is under way; a vendor that asks for it can put it off.";
    FIRST_POLL: Gauge Target "rollcall_target_first_poll_timestamp_seconds" [] "seconds"
        "Unix time at which the first poll since the daemon's start ended; 0 before.";
    LAST_SUCCESS: Gauge Target "rollcall_target_last_success_timestamp_seconds" [] "seconds"
        "Unix time at which a poll last brought data; 0 before the first.";
    AGENTS: Gauge Target "rollcall_target_agents" [] ""
        "Agents of the target that are exposed now.";
    SERIES: Gauge Target "rollcall_target_series" [] ""
        "Series of the target that are exposed now.";
    POLLS: Counter Target "rollcall_polls_total" [] ""
        "Polls that ended, well or not, while held too.";
    POLLS_SKIPPED: Counter Target "rollcall_polls_skipped_total" [] ""
        "Polls that fell away because the one before took longer than the interval.";
    POLL_FAILURES: Counter Target "rollcall_poll_failures_total" ["reason"] ""
        "Polls that failed or were partial, by reason.";
    DECODE_WARNINGS: Counter Target "rollcall_decode_warnings_total" ["kind"] ""
        "Oddities in what the vendor sent that cost at most one item, by kind.";
    API_REQUESTS: Counter Target "rollcall_api_requests_total" ["operation", "code"] ""
        "Requests to the vendor's API by operation and status code; code 0 means that no answer came.";
    API_REQUEST_DURATION: Histogram Target "rollcall_api_request_duration_seconds" ["operation"] "seconds"
        "How long requests to the vendor's API took, to the last byte of the answer.";
    API_THROTTLED: Counter Target "rollcall_api_throttled_seconds_total" [] "seconds"
        "Time held back because the vendor asked for it or its limit would have been reached.";
    CREDENTIAL_EXPIRY: Gauge Target "rollcall_credential_expiry_timestamp_seconds" ["credential"] "seconds"
        "Unix time at which the credential ends, where the vendor says.";
    TLS_NOT_AFTER: Gauge Target "rollcall_tls_certificate_not_after_timestamp_seconds" ["host"] "seconds"
        "Unix time at which the server's TLS certificate ends.";
    LOGIN_HELD: Gauge Target "rollcall_login_held" [] ""
        "Whether log-ons are held because the vendor refused the credentials (1); none is sent meanwhile.";
    LOGIN_NEXT_ATTEMPT: Gauge Target "rollcall_login_next_attempt_timestamp_seconds" [] "seconds"
        "Unix time before which no log-on is sent, because the vendor refused the last one or the last one proved nothing; absent while none waits.";
    DIRECT_ALERTING_ACTIVE: Gauge Target "rollcall_direct_alerting_active" [] ""
        "Whether the daemon itself pages for this target (1), which silences the shipped rules, or not (0).";
}
