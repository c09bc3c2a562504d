//! The daemon's own evaluation of the alert rules: a function of samples, time and what it saw before.
//!
//! [`Engine::evaluate`] takes one target's newest samples and says what is new: what fires, what is resolved. It neither
//! waits nor sends; [`task`] calls it after every poll and every 15 s, and hands what it says to the
//! [`Outbox`](super::queue::Outbox). The samples are those of the exposition, the expressions mean what they mean in
//! PromQL, so Prometheus with the shipped rules says the same.

mod book;
mod eval;
mod history;
mod rules;
mod sample;
mod source;
pub mod task;
mod text;

pub use rules::{Rules, Settings};
pub use sample::LabelSet;
pub use source::{Source, Stamp, Visit, lines};

use std::collections::{BTreeMap, HashMap, HashSet};

use book::{Active, Book};

use super::{
    queue::{Change, Labels},
    state::{SavedAlerts, SavedBook},
};
use crate::{
    catalogue::{Family, target},
    clock::UnixTime,
    rules::catalogue::Severity,
};

/// All alerts that the daemon may send.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    books: HashMap<String, Book>,
    /// Alerts that are about no target.
    own: Book,
    /// Targets of the state file that were not seen yet.
    waiting: BTreeMap<String, SavedBook>,
}

/// An alert as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its name.
    pub name: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// All labels.
    pub labels: Labels,
    /// Its texts.
    pub annotations: Labels,
    /// Since when the condition holds.
    pub since: UnixTime,
    /// When it began to fire; `None`: it is pending.
    pub fired: Option<UnixTime>,
    /// Since when the condition does not hold any more, while it goes on firing.
    pub clearing: Option<UnixTime>,
    /// The value of the condition; `None`: not known.
    pub value: Option<f64>,
    /// Whether it goes on only because its target cannot be read.
    pub held: bool,
}

impl Engine {
    /// An engine that goes on where an earlier run has stopped.
    pub fn new(rules: Rules, saved: SavedAlerts) -> Engine {
        let own = Book::new("", "", true, &rules);
        Engine { rules, books: HashMap::new(), own, waiting: saved.targets }
    }

    /// Goes on under another configuration.
    pub fn configure(&mut self, rules: Rules) {
        self.rules = rules;
        self.own.configure("", true, &self.rules);
        self.books.iter_mut().for_each(|(target, book)| book.configure(target, false, &self.rules));
    }

    /// Evaluates the rules about one target; returns what is new.
    pub fn evaluate(&mut self, source: &dyn Source, now: UnixTime) -> Vec<Change> {
        let (vendor, target) = (source.vendor(), source.target());
        let mut changes = Vec::new();
        if self.books.get(target).is_some_and(|book| book.vendor() != vendor) {
            changes = self.books.remove(target).map(|mut book| book.withdraw()).unwrap_or_default();
        }
        if !self.books.contains_key(target) {
            let mut book = Book::new(vendor, target, false, &self.rules);
            if let Some(saved) = self.waiting.remove(target) {
                book.restore(saved);
            }
            self.books.insert(target.to_owned(), book);
        }
        if let Some(book) = self.books.get_mut(target) {
            changes.extend(book.evaluate(&self.rules, source, now));
        }
        changes
    }

    /// Evaluates the rules that are about no target.
    pub fn evaluate_own(&mut self, now: UnixTime) -> Vec<Change> {
        self.own.evaluate(&self.rules, &Nobody, now)
    }

    /// Forgets targets that are not configured any more; what fired there is withdrawn.
    pub fn retain(&mut self, targets: &HashSet<&str>) -> Vec<Change> {
        self.waiting.retain(|target, _| targets.contains(target.as_str()));
        let mut changes = Vec::new();
        self.books.retain(|target, book| {
            let stays = targets.contains(target.as_str());
            if !stays {
                changes.extend(book.withdraw());
            }
            stays
        });
        changes
    }

    /// What is pending or fires.
    pub fn alerts(&self) -> Vec<Shown> {
        let books = self.books.values().chain([&self.own]);
        let mut shown: Vec<Shown> = books.flat_map(Book::alerts).map(|active| self.show(active)).collect();
        shown.sort_by(|a, b| (b.severity, a.name, &a.labels).cmp(&(a.severity, b.name, &b.labels)));
        shown
    }

    /// How many are pending and firing, by name and severity.
    pub fn counts(&self) -> BTreeMap<(&'static str, Severity), (usize, usize)> {
        let mut counts = BTreeMap::new();
        for active in self.books.values().chain([&self.own]).flat_map(Book::alerts) {
            let (pending, firing) = counts.entry((active.alert.name, active.alert.severity)).or_default();
            *(if active.fired.is_some() { firing } else { pending }) += 1;
        }
        counts
    }

    /// After a time in which somebody else paged, everything that fires is told again.
    pub fn forget_told(&mut self) {
        self.books.values_mut().chain([&mut self.own]).for_each(Book::forget_told);
    }

    /// What survives a restart.
    pub fn save(&self) -> SavedAlerts {
        let books = self.books.iter().map(|(target, book)| (target.clone(), book.save()));
        SavedAlerts { targets: self.waiting.clone().into_iter().chain(books).collect() }
    }

    fn show(&self, active: &Active) -> Shown {
        Shown {
            name: active.alert.name,
            severity: active.alert.severity,
            labels: text::labels(active),
            annotations: text::annotations(active, &self.rules.settings),
            since: active.since,
            fired: active.fired,
            clearing: active.clearing,
            value: active.value,
            held: active.held,
        }
    }
}

/// The source of alerts that are about no target: it is always there, and has no samples.
struct Nobody;

impl Source for Nobody {
    fn vendor(&self) -> &str {
        ""
    }

    fn target(&self) -> &str {
        ""
    }

    fn visit(&self, family: &'static Family, visit: &mut Visit<'_>) {
        if std::ptr::eq(family, &target::UP) {
            visit(&[], 1.0);
        }
    }

    fn stamp(&self, _family: &'static Family) -> Option<Stamp> {
        None
    }
}

#[cfg(test)]
mod tests;
