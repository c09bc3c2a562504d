//! Parallels RAS Connection Broker API, `PUT /api/directsessiontunnel`.

use super::families;

families! {
    PROBE_SUCCESS: Gauge Agent "parallels_ras_session_probe_success" ["mode"] ""
        "Whether the last session probe succeeded (1) or not (0).";
    PROBE_DURATION: Gauge Agent "parallels_ras_session_probe_duration_seconds" ["mode"] "seconds"
        "How long the last session probe took until the broker answered.";
    PRIME: Gauge Agent "parallels_ras_session_prime_seconds" ["mode"] "seconds"
        "How long the broker took to prepare the session, where its last answer said.";
    PROBE_CONSECUTIVE_FAILURES: Gauge Agent "parallels_ras_session_probe_consecutive_failures" ["mode"] ""
        "Session probes that failed in a row until now.";
    PROBE_ERROR: Gauge Agent "parallels_ras_session_probe_error" ["mode", "verdict", "category", "code", "parameter"] ""
        "Why the last session probe failed: verdict of the daemon, category and code of the broker, the field of the request that it blames; absent after a success.";
}
