//! Metrics of the contract that the dashboards show and that are not in the catalogue yet.

/// Name and labels. Remove a line when its metric is in the catalogue: a test says when that is so.
pub const AWAITED: &[(&str, &[&str])] = &[
    ("rollcall_alerts", &["alertname", "severity", "state"]),
    ("rollcall_notifications_sent_total", &["alertmanager"]),
    ("rollcall_notifications_failed_total", &["alertmanager"]),
    ("rollcall_notifications_dropped_total", &["alertmanager"]),
    ("rollcall_notifications_queue_length", &["alertmanager"]),
    ("rollcall_notifications_last_success_timestamp_seconds", &["alertmanager"]),
    ("rollcall_notification_duration_seconds_bucket", &["alertmanager", "le"]),
];

#[test]
fn nothing_is_awaited_that_is_there() {
    let here = AWAITED.iter().find(|(name, _)| rollcall::catalogue::all().any(|family| name.starts_with(family.name)));
    assert_eq!(here, None, "is in the catalogue now: take it off the list");
}
