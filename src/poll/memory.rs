//! Since when the daemon has seen a thing in its present state; survives a restart in the state file.

use std::{collections::BTreeMap, sync::Mutex};

use crate::clock::UnixTime;

/// The since-when of a target's things other than agents: the states of Resilio jobs.
#[derive(Debug, Default)]
pub struct Memory {
    entries: Mutex<BTreeMap<(&'static str, String), Entry>>,
}

/// One thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its present state.
    pub state: String,
    /// Since when.
    pub since: UnixTime,
    /// When it was last seen.
    pub seen: UnixTime,
}

impl Memory {
    /// Notes that `thing` of this kind is now in `state`, and tells since when it is.
    ///
    /// `what` is a fixed word of the vendor (`job_status`), `thing` its id. Things that are not seen for a day are
    /// forgotten.
    pub fn since(&self, what: &'static str, thing: &str, state: &str, now: UnixTime) -> UnixTime {
        let mut entries = self.entries.lock().unwrap_or_else(|e| e.into_inner());
        let entry = entries.entry((what, thing.to_owned())).or_insert_with(|| Entry {
            state: state.to_owned(),
            since: now,
            seen: now,
        });
        if entry.state != state {
            *entry = Entry { state: state.to_owned(), since: now, seen: now };
        }
        entry.seen = now;
        entry.since
    }
}
