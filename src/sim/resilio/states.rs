//! Client states and run statuses of the Agent API, as its page lists them, and the class of each.
//!
//! Written from the page on its own: the exporter's table is another one, and a test compares the two.

/// Every `server.state` and its class.
pub(crate) const CLIENT_STATES: [(&str, &str); 8] = [
    ("NOT_CONFIGURED", "disabled"),
    ("NOT_CONNECTED", "degraded"),
    ("CONNECTING", "transitional"),
    ("CONNECTED", "healthy"),
    ("PENDING_APPROVAL", "transitional"),
    ("DECLINED", "disabled"),
    ("STOPPED", "failed"),
    ("WAITING_FOR_INCOMING_CONNECTION", "healthy"),
];

/// Every `status` of a run and its class; `expired` has a rule of its own in [`job_health`]. The last one is of the
/// Management Console's list.
pub(crate) const RUN_STATUSES: [(&str, &str); 25] = [
    ("error", "failed"),
    ("loading", "transitional"),
    ("paused", "disabled"),
    ("writing acl", "transitional"),
    ("processing files", "transitional"),
    ("indexing", "transitional"),
    ("low priority", "transitional"),
    ("mounting selective sync volume", "transitional"),
    ("no peers", "degraded"),
    ("syncing", "transitional"),
    ("synced", "healthy"),
    ("invalid state", "failed"),
    ("waiting for files from source", "transitional"),
    ("downloading", "transitional"),
    ("seeding", "healthy"),
    ("cleaning up destination folder", "transitional"),
    ("waiting for scheduled script", "transitional"),
    ("executing pre-indexing script", "transitional"),
    ("executing post-download script", "transitional"),
    ("executing complete script", "transitional"),
    ("archiving script logs", "transitional"),
    ("successfully finished", "healthy"),
    ("expired", "failed"),
    ("executing script", "transitional"),
    ("initial synchronization", "transitional"),
];

/// The class of a client.
pub(crate) fn client_health(state: &str, paused: bool, restart_required: bool) -> &'static str {
    if paused {
        return "disabled";
    }
    let known = CLIENT_STATES.iter().find(|(name, _)| *name == state);
    let class = known.map_or("unknown", |(_, class)| class);
    if restart_required { at_least_degraded(class) } else { class }
}

/// The class of a job whose newest run is so.
pub(crate) fn job_health(status: &str, unfinished: bool, errors: usize) -> &'static str {
    let known = RUN_STATUSES.iter().find(|(name, _)| *name == status);
    let class = match known.map_or("unknown", |(_, class)| class) {
        _ if status == "expired" && !unfinished => "disabled",
        class => class,
    };
    if errors > 0 && status != "paused" { at_least_degraded(class) } else { class }
}

fn at_least_degraded(class: &'static str) -> &'static str {
    match class {
        "failed" => "failed",
        _ => "degraded",
    }
}
