//! Oddities in what a vendor said: each costs itself, is counted, and is told once.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

/// Oddities of one poll, counted and for the log.
#[derive(Debug, Default)]
pub struct Warnings {
    seen: Mutex<Vec<(Warning, String)>>,
    counts: [AtomicU64; Warning::ALL.len()],
}

/// As many details of oddities are kept per poll; the rest is only counted.
const DETAILS: usize = 100;

impl Warnings {
    /// Counts one oddity. `detail` names what and where, e.g. `agentState 99`; it goes to the log, once for each text.
    pub fn add(&self, warning: Warning, detail: impl FnOnce() -> String) {
        self.counts[warning as usize].fetch_add(1, Ordering::Relaxed);
        let mut seen = self.seen.lock().unwrap_or_else(|e| e.into_inner());
        if seen.len() < DETAILS {
            seen.push((warning, detail()));
        }
    }

    /// Counts everything that was counted there, too.
    pub fn take_up(&self, others: &Warnings) {
        for (count, other) in self.counts.iter().zip(&others.counts) {
            count.fetch_add(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let details = others.details();
        let mut seen = self.seen.lock().unwrap_or_else(|e| e.into_inner());
        let room = DETAILS.saturating_sub(seen.len());
        seen.extend(details.into_iter().take(room));
    }

    /// How often this kind was counted.
    pub fn count(&self, warning: Warning) -> u64 {
        self.counts[warning as usize].load(Ordering::Relaxed)
    }

    /// The details kept.
    pub fn details(&self) -> Vec<(Warning, String)> {
        self.seen.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}

/// Kinds of oddities, as in `rollcall_decode_warnings_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Warning {
    /// A state that no table knows.
    UnknownState,
    /// An item that cannot be read or lacks its key; it is left out.
    BadItem,
    /// Objects of one name, told apart by their ids.
    Duplicate,
    /// A label value over 256 bytes, cut.
    TruncatedLabel,
    /// A field that cannot be read; it is left out.
    BadValue,
}

impl Warning {
    /// All kinds.
    pub const ALL: [Warning; 5] =
        [Warning::UnknownState, Warning::BadItem, Warning::Duplicate, Warning::TruncatedLabel, Warning::BadValue];

    /// The label `kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Warning::UnknownState => "unknown_state",
            Warning::BadItem => "bad_item",
            Warning::Duplicate => "duplicate",
            Warning::TruncatedLabel => "truncated_label",
            Warning::BadValue => "bad_value",
        }
    }
}
