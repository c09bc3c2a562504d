//! Since when the daemon has seen a thing in its present state; survives a restart in the state file.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use crate::clock::UnixTime;

/// The since-when of a target's things other than agents: the states of Resilio jobs.
#[derive(Debug, Default)]
pub struct Memory {
    entries: Mutex<BTreeMap<(String, String), Entry>>,
}

/// One thing.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    state: String,
    since: UnixTime,
    seen: UnixTime,
}

/// Things that were not seen for so long are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(86_400);

impl Memory {
    /// Notes that `thing` of this kind is now in `state`, and tells since when it is.
    ///
    /// `what` is a fixed word of the vendor (`job_status`), `thing` its id. Things that are not seen for a day are
    /// forgotten.
    pub fn since(&self, what: &str, thing: &str, state: &str, now: UnixTime) -> UnixTime {
        let mut entries = self.lock();
        let entry = entries.entry((what.to_owned(), thing.to_owned())).or_insert_with(|| Entry {
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

    /// What survives a restart: kind, thing, state, since when, when last seen.
    pub fn save(&self, now: UnixTime) -> Vec<(String, String, String, UnixTime, UnixTime)> {
        self.forget(now);
        let entries = self.lock();
        let rows = entries
            .iter()
            .map(|((what, thing), entry)| (what.clone(), thing.clone(), entry.state.clone(), entry.since, entry.seen));
        rows.collect()
    }

    /// Forgets what was not seen for a day; called after each poll.
    pub fn forget(&self, now: UnixTime) {
        self.lock().retain(|_, entry| now.since(entry.seen) < FORGET_AFTER);
    }

    /// Takes up what an earlier run has saved.
    pub fn restore(&self, rows: Vec<(String, String, String, UnixTime, UnixTime)>) {
        let rows =
            rows.into_iter().map(|(what, thing, state, since, seen)| ((what, thing), Entry { state, since, seen }));
        self.lock().extend(rows);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Entry>> {
        self.entries.lock().unwrap_or_else(|e| e.into_inner())
    }
}
