//! An alert on its way, and what it is known by.

use std::{collections::BTreeMap, fmt};

use crate::clock::UnixTime;

/// Labels or annotations by name.
pub type Labels = BTreeMap<String, String>;

/// An alert as it is to be told: it fires, or it was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What it is known by, without external labels; empty ones count as absent.
    pub labels: Labels,
    /// The text.
    pub annotations: Labels,
    /// When it began to fire.
    pub starts_at: UnixTime,
    /// The moment of resolution; `None` while it fires. How long Alertmanager is to believe a firing alert is up to the
    /// queue.
    pub ends_at: Option<UnixTime>,
    /// Where to read on; empty: nowhere.
    pub generator_url: String,
}

impl Notification {
    /// What it is known by.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }

    /// Whether the other one tells the same, but for the text: both fire, or both are resolved, since the same start.
    pub(super) fn same_state(&self, other: &Notification) -> bool {
        self.starts_at == other.starts_at && self.ends_at.is_some() == other.ends_at.is_some()
    }
}

/// The identity of an alert, made of its labels: 64 bits of FNV-1a as Prometheus and Alertmanager make it, so that
/// without external labels it is the `fingerprint` of their API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Of these labels; empty ones count as absent.
    pub fn of(labels: &Labels) -> Fingerprint {
        const OFFSET: u64 = 14_695_981_039_346_656_037;
        const PRIME: u64 = 1_099_511_628_211;
        const SEPARATOR: u8 = 255;
        let mut hash = OFFSET;
        for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            let bytes = name.bytes().chain([SEPARATOR]).chain(value.bytes()).chain([SEPARATOR]);
            hash = bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
        }
        Fingerprint(hash)
    }
}

/// Sixteen hexadecimal digits, as in Alertmanager's API.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// News from the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The alert fires, or was resolved. To say it again is no news; a new text goes out with the next resend.
    Notify(Notification),
    /// The alert is gone without an end (its target was removed): nothing is sent any more, and it lapses.
    Withdrawn(Fingerprint),
}

impl From<Notification> for Change {
    fn from(notification: Notification) -> Change {
        Change::Notify(notification)
    }
}
