//! What a vendor remembers besides agents: since when a thing is in its present state, and what it notes of itself. It
//! survives a change of the settings, and a restart in the state file.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use serde_tuple::{Deserialize_tuple, Serialize_tuple};

use super::lenient;
use crate::clock::UnixTime;

/// The since-when of a target's things other than agents, the states of Resilio jobs, and its vendor's notes.
#[derive(Debug, Default)]
pub struct Memory {
    entries: Mutex<BTreeMap<(String, String), Entry>>,
    notes: Mutex<Notes>,
}

/// What a vendor notes of itself, by a fixed word.
pub type Notes = BTreeMap<String, Value>;

/// One thing.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    state: String,
    since: UnixTime,
    seen: UnixTime,
}

/// Since when one thing is in its state; an array in the state file.
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct SavedSince {
    /// A fixed word of the vendor, `job_status` for example.
    pub kind: String,
    /// Which thing.
    pub id: String,
    /// Its state.
    pub state: String,
    /// Since when it is in this state.
    pub since: UnixTime,
    /// When it was last seen.
    pub seen: UnixTime,
}

/// What was not seen for this time is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(86_400);

/// Of things that are gone so many are remembered, the latest. A few come and go in a day; a server that makes up new ones at every
/// poll must not fill memory and state file with them.
const MAX_GONE: usize = 10_000;

/// Of an id and of a state so many bytes count.
const LONGEST: usize = 256;

impl Memory {
    /// Notes that `thing` of this kind is now in `state`, and tells since when it is.
    ///
    /// `what` is a fixed word of the vendor (`job_status`), `thing` its id. Things that are not seen for a day are
    /// forgotten.
    pub fn since(&self, what: &str, thing: &str, state: &str, now: UnixTime) -> UnixTime {
        let [thing, state] = [thing, state].map(|text| lenient::cut(text, LONGEST));
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

    /// What survives a restart.
    pub fn save(&self, now: UnixTime) -> Vec<SavedSince> {
        self.forget(now);
        let entries = self.lock();
        let rows = entries.iter().map(|((kind, id), entry)| SavedSince {
            kind: kind.clone(),
            id: id.clone(),
            state: entry.state.clone(),
            since: entry.since,
            seen: entry.seen,
        });
        rows.collect()
    }

    /// Forgets what was not seen for a day, and of what is gone all but the latest; called after each poll.
    pub fn forget(&self, now: UnixTime) {
        let mut entries = self.lock();
        entries.retain(|_, entry| now.since(entry.seen) < FORGET_AFTER);
        // A poll that brought nothing has seen nothing: what the last good one saw is not gone.
        let Some(last) = entries.values().map(|entry| entry.seen).max() else { return };
        let gone = entries.values().map(|entry| entry.seen).filter(|seen| *seen != last);
        let Some(latest) = earliest_kept(gone, MAX_GONE) else { return };
        let mut left = MAX_GONE;
        entries.retain(|_, entry| {
            if entry.seen == last {
                return true;
            }
            let stays = entry.seen >= latest && left > 0;
            left -= usize::from(stays);
            stays
        });
    }

    /// Restores what an earlier run has saved.
    pub fn restore(&self, rows: Vec<SavedSince>) {
        let rows = rows
            .into_iter()
            .map(|SavedSince { kind, id, state, since, seen }| ((kind, id), Entry { state, since, seen }));
        self.lock().extend(rows);
    }

    /// Notes a value under a fixed word of the vendor.
    pub fn note(&self, what: &str, value: &impl Serialize) {
        // What JSON cannot say is not noted: a restart begins without it, as it did before.
        if let Ok(value) = serde_json::to_value(value) {
            self.lock_notes().insert(what.to_owned(), value);
        }
    }

    /// What was noted last, here or in an earlier run; nothing where another version noted it in a way that is not known.
    pub fn noted<T: DeserializeOwned>(&self, what: &str) -> Option<T> {
        let value = self.lock_notes().get(what).cloned()?;
        serde_json::from_value(value).ok()
    }

    /// The notes, which survive a restart.
    pub fn save_notes(&self) -> Notes {
        self.lock_notes().clone()
    }

    /// Restores the notes of an earlier run.
    pub fn restore_notes(&self, notes: Notes) {
        self.lock_notes().extend(notes);
    }

    /// How many things are remembered.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Entry>> {
        self.entries.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn lock_notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Of more than `most` moments the one from which on about so many are kept; `None` where there are not more.
pub fn earliest_kept(moments: impl Iterator<Item = UnixTime>, most: usize) -> Option<UnixTime> {
    let mut moments: Vec<UnixTime> = moments.collect();
    if moments.len() <= most {
        return None;
    }
    let (_, earliest, _) = moments.select_nth_unstable_by(most.saturating_sub(1), |a, b| b.cmp(a));
    Some(*earliest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_makes_up_new_things_does_not_fill_the_memory() {
        let memory = Memory::default();
        let minute = |minute: i64| UnixTime::from_secs(minute * 60);
        for poll in 0..20 {
            for thing in 0..3000 {
                memory.since("job_status", &format!("{poll}-{thing}-{}", "x".repeat(5000)), "syncing", minute(poll));
            }
            memory.since("job_status", "old", "synced", minute(poll));
            memory.forget(minute(poll));
            assert!(memory.count() <= MAX_GONE + 3001, "{}", memory.count());
        }
        assert_eq!(memory.since("job_status", "old", "synced", minute(20)), minute(0));
        let kept: Vec<SavedSince> = memory.save(minute(20));
        assert!(kept.iter().all(|row| row.id.len() <= LONGEST));
        let oldest = kept.iter().map(|row| row.seen).min();
        assert_eq!(oldest, Some(minute(16)), "the latest are kept");
        assert_eq!(kept.len(), 1 + MAX_GONE);
    }

    #[test]
    fn a_poll_that_brings_nothing_forgets_nothing() {
        let memory = Memory::default();
        for thing in 0..2 * MAX_GONE {
            memory.since("job_status", &thing.to_string(), "syncing", UnixTime::from_secs(0));
        }
        memory.forget(UnixTime::from_secs(60));
        assert_eq!(memory.count(), 2 * MAX_GONE);
    }
}
