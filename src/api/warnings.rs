//! Decode warnings: what is odd in a vendor's answer costs itself, is counted, and is logged once.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use strum::{EnumCount, IntoStaticStr, VariantArray};

use super::lenient;
use crate::printable::printable;

/// Decode warnings of one poll, counted and for the log.
#[derive(Debug, Default)]
pub struct Warnings {
    seen: Mutex<Vec<(Warning, String)>>,
    counts: [AtomicU64; Warning::ALL.len()],
}

/// Different details kept per poll, at most; the rest is only counted.
const DETAILS: usize = 100;

/// As much of a detail is kept, in bytes: most of it is what the vendor said.
const DETAIL: usize = 500;

impl Warnings {
    /// Counts one warning. `detail` names what and where, e.g. `agentState 99`; it goes to the log, once for each text.
    pub fn add(&self, warning: Warning, detail: impl FnOnce() -> String) {
        self.counts[warning as usize].fetch_add(1, Ordering::Relaxed);
        let mut seen = self.seen.lock().unwrap_or_else(|e| e.into_inner());
        if seen.len() < DETAILS {
            keep(&mut seen, (warning, printable(lenient::cut(&detail(), DETAIL)).into_owned()));
        }
    }

    /// Counts everything that was counted there, too.
    pub fn merge(&self, others: &Warnings) {
        for (count, other) in self.counts.iter().zip(&others.counts) {
            count.fetch_add(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let details = others.details();
        let mut seen = self.seen.lock().unwrap_or_else(|e| e.into_inner());
        details.into_iter().for_each(|detail| keep(&mut seen, detail));
    }

    /// How often this kind was counted.
    pub fn count(&self, warning: Warning) -> u64 {
        self.counts[warning as usize].load(Ordering::Relaxed)
    }

    /// The details kept, each once.
    pub fn details(&self) -> Vec<(Warning, String)> {
        self.seen.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}

/// A state that a thousand agents are in must not hide another one that one agent is in.
fn keep(seen: &mut Vec<(Warning, String)>, detail: (Warning, String)) {
    if seen.len() < DETAILS && !seen.contains(&detail) {
        seen.push(detail);
    }
}

/// Kinds of warnings, as in `rollcall_decode_warnings_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
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
    pub const ALL: [Warning; Warning::COUNT] =
        *Warning::VARIANTS.first_chunk().expect("there are as many as are counted");

    /// The label `kind`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_hides_nothing_that_comes_once() {
        let warnings = Warnings::default();
        for code in [99; 1000].into_iter().chain([98]) {
            warnings.add(Warning::UnknownState, || format!("agentState {code}"));
        }
        let told = |warnings: &Warnings| warnings.details().into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(told(&warnings), ["agentState 99", "agentState 98"]);
        let all = Warnings::default();
        all.merge(&warnings);
        all.merge(&warnings);
        assert_eq!((told(&all), all.count(Warning::UnknownState)), (told(&warnings), 2002));
        let long = Warnings::default();
        long.add(Warning::BadItem, || format!("item {}", "\x1b\n".repeat(1 << 20)));
        let detail = &told(&long)[0];
        assert!(detail.starts_with(r"item \u{1b}\n") && detail.len() < 10 * DETAIL, "{}", detail.len());
        for id in 0..2 * DETAILS {
            all.add(Warning::BadItem, || format!("item {id}"));
        }
        assert_eq!(told(&all).len(), DETAILS);
    }
}
