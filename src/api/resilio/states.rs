//! The tables of states: the client's connection, the statuses of runs, and what they mean.

use crate::{api::table, health::Health};

/// States of the connection to the management console, in any case on the wire. `STOPPED` sounds like a purpose, but the
/// vendor's page says that the host has no network.
pub const CLIENT: [(&str, Health); 8] = [
    ("NOT_CONFIGURED", Health::Disabled),
    ("NOT_CONNECTED", Health::Degraded),
    ("CONNECTING", Health::Transitional),
    ("CONNECTED", Health::Healthy),
    ("PENDING_APPROVAL", Health::Transitional),
    ("DECLINED", Health::Disabled),
    ("STOPPED", Health::Failed),
    ("WAITING_FOR_INCOMING_CONNECTION", Health::Healthy),
];

/// The names in [`CLIENT`].
pub static CLIENT_NAMES: [&str; CLIENT.len()] = table::names(&CLIENT);

/// Statuses of runs, in any case on the wire, whatever the type of their job: the vendor's lists by type overlap. The
/// class of `expired` is that of a run that had finished; see [`run_health`]. `initial synchronization` is from the page of
/// the management console.
pub const RUN: [(&str, Health); 25] = [
    ("error", Health::Failed),
    ("loading", Health::Transitional),
    ("paused", Health::Disabled),
    ("writing acl", Health::Transitional),
    ("processing files", Health::Transitional),
    ("indexing", Health::Transitional),
    ("low priority", Health::Transitional),
    ("mounting selective sync volume", Health::Transitional),
    ("no peers", Health::Degraded),
    ("syncing", Health::Transitional),
    ("synced", Health::Healthy),
    ("invalid state", Health::Failed),
    ("waiting for files from source", Health::Transitional),
    ("downloading", Health::Transitional),
    ("seeding", Health::Healthy),
    ("cleaning up destination folder", Health::Transitional),
    ("waiting for scheduled script", Health::Transitional),
    ("executing pre-indexing script", Health::Transitional),
    ("executing post-download script", Health::Transitional),
    ("executing complete script", Health::Transitional),
    ("archiving script logs", Health::Transitional),
    ("successfully finished", Health::Healthy),
    ("expired", Health::Disabled),
    ("executing script", Health::Transitional),
    ("initial synchronization", Health::Transitional),
];

/// The names in [`RUN`].
pub static RUN_NAMES: [&str; RUN.len()] = table::names(&RUN);

/// The class of a run before errors: `expired` failed where something is missing, and is over otherwise.
pub fn run_health((status, health): (&'static str, Health), is_incomplete: bool) -> Health {
    if status == "expired" && is_incomplete { Health::Failed } else { health }
}

/// Whether the agent's estimate can be trusted: while indexing the totals still grow, and afterwards there is none.
pub fn has_eta(status: &str) -> bool {
    matches!(status, "syncing" | "downloading")
}
