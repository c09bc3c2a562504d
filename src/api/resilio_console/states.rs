//! The tables of states: statuses of runs and types of jobs. The status of a run on an agent is one of
//! [`resilio`](crate::api::resilio::states).

use crate::api::table;

/// Statuses of runs, in any case on the wire, and whether somebody has to look.
pub const RUN: [(&str, bool); 5] =
    [("working", false), ("finished", false), ("aborted", true), ("timeout", true), ("paused", false)];

/// The names in [`RUN`].
pub static RUN_NAMES: [&str; RUN.len()] = table::names(&RUN);

/// Types of jobs, in any case on the wire. An agent's own API has other names for them.
pub const JOB_TYPES: [(&str, ()); 4] = [("sync", ()), ("distribution", ()), ("consolidation", ()), ("script", ())];
