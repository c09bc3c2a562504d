//! The journal: what the services were asked and what they answered, bounded.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// Older entries make room beyond this many.
const CAPACITY: usize = 100_000;

/// One request that a service saw.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// The vendor whose service saw it.
    pub vendor: &'static str,
    /// Method, e.g. `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What it was answered; 0 where there was no answer (yet).
    pub status: u16,
    /// Whether it submitted a password, a PAT or a client secret.
    pub secret: bool,
    /// When it came, in real time since the start of the simulation.
    pub received_at: Duration,
    /// When the head of the answer was sent; [`Self::received_at`] where there was no answer.
    pub answered: Duration,
}

/// A ring of [`JournalEntry`].
#[derive(Debug)]
pub(super) struct Journal {
    started: Instant,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    /// Number of the oldest entry still here.
    first: u64,
    entries: VecDeque<JournalEntry>,
}

impl Default for Journal {
    fn default() -> Journal {
        Journal { started: Instant::now(), ring: Mutex::default() }
    }
}

impl Journal {
    /// Notes a request when it comes, so that one that hangs for ever is seen too; gives the number for [`Self::close`].
    pub(super) fn open(&self, vendor: &'static str, method: &str, path: &str, secret: bool) -> u64 {
        let received_at = self.started.elapsed();
        let mut ring = self.ring();
        if ring.entries.len() == CAPACITY {
            ring.entries.pop_front();
            ring.first += 1;
        }
        ring.entries.push_back(JournalEntry {
            vendor,
            method: method.to_owned(),
            path: path.to_owned(),
            status: 0,
            secret,
            received_at,
            answered: received_at,
        });
        ring.first + ring.entries.len() as u64 - 1
    }

    /// Notes the answer. An entry that made room meanwhile is passed over.
    pub(super) fn close(&self, number: u64, status: u16) {
        let answered = self.started.elapsed();
        let mut ring = self.ring();
        let Some(index) = number.checked_sub(ring.first) else {
            return;
        };
        if let Some(seen) = usize::try_from(index).ok().and_then(|i| ring.entries.get_mut(i)) {
            seen.status = status;
            seen.answered = answered;
        }
    }

    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        self.ring().entries.iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        let mut ring = self.ring();
        ring.first += ring.entries.len() as u64;
        ring.entries.clear();
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_make_room_and_late_answers_find_their_entry() {
        let journal = Journal::default();
        let early = journal.open("v", "GET", "/0", false);
        for index in 1..=CAPACITY {
            journal.open("v", "GET", &format!("/{index}"), false);
        }
        journal.close(early, 200);
        let late = journal.open("v", "GET", "/late", true);
        journal.close(late, 201);
        let entries = journal.entries();
        assert_eq!(entries.len(), CAPACITY);
        assert_eq!(entries[0].path, "/2");
        assert_eq!(entries.last().map(|s| (s.status, s.secret)), Some((201, true)));
        journal.clear();
        journal.close(late, 500);
        assert!(journal.entries().is_empty());
    }
}
