//! Log-ons that proved nothing: the password left, and neither a session nor a known refusal came back.
//!
//! They wait 1, 5 and 15 minutes and then an hour, by identity and by target: a server that answers with an error must not keep
//! those from logging on that share its account, nor use up what they may send. At most three passwords that were not taken
//! leave within 15 minutes, whatever became of them otherwise. One that is under way counts as one that proved nothing: nobody
//! else can know better, and who sent it may have died.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixTime,
    failure::{Failure, Reason},
    scale::scaled,
};

/// The waits after the first, the second, the third in a row, and after each that follows.
const WAITS: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(15 * 60), Duration::from_secs(3600)];

/// Within this time ...
pub(super) const WINDOW: Duration = Duration::from_secs(15 * 60);
/// ... no more passwords leave that are not taken.
pub(super) const MOST: usize = 3;

/// What is said of a password that was sent and not answered.
pub(super) const UNANSWERED: &str = "the credentials were sent, and no answer came";

/// What is known of the log-ons of an identity that proved nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Unproven {
    /// Log-ons in a row, besides those under way and those aside.
    row: Row,
    /// The same of each target, those aside among them, until one of it is taken or refused.
    targets: BTreeMap<String, TargetRow>,
    /// Passwords under way, and those of the last minutes that were not taken; in the order in which they left.
    tries: Vec<Try>,
    /// What came of the last one.
    why: Option<Why>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Row {
    count: usize,
    /// When the last one ended.
    at: UnixTime,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TargetRow {
    row: Row,
    /// Its address and credentials as configured.
    fingerprint: String,
}

/// A password that left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Try {
    id: u64,
    at: UnixTime,
    target: String,
    /// Whether it logs nobody on.
    aside: bool,
    /// Whether it is known what came of it.
    ended: bool,
    /// Whether one that came after it was answered: what becomes of it says nothing about the next.
    #[serde(default)]
    overtaken: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Why {
    reason: String,
    message: String,
}

/// When the next password may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NextTry {
    /// Then.
    pub at: UnixTime,
    /// Whether only the bound on all passwords is in the way, which ends sooner where one under way is taken.
    pub bound: bool,
}

impl Row {
    fn add(&mut self, at: UnixTime) {
        *self = Row { count: self.count.saturating_add(1), at: self.at.max(at) };
    }

    fn next(self) -> Option<UnixTime> {
        let wait = WAITS[self.count.checked_sub(1)?.min(WAITS.len() - 1)];
        Some(self.at.plus(scaled(wait)))
    }
}

impl Unproven {
    /// When `target` may log on, where that is not now.
    pub fn next(&self, now: UnixTime, target: &str, aside: bool) -> Option<NextTry> {
        let mut row = self.row;
        let mut own = self.targets.get(target).map(|target| target.row).unwrap_or_default();
        for attempt in self.tries.iter().filter(|attempt| !attempt.ended) {
            if !attempt.aside {
                row.add(attempt.at);
            }
            if attempt.target == target {
                own.add(attempt.at);
            }
        }
        let row = if aside { None } else { row.next() };
        let ladder = row.max(own.next()).filter(|at| now < *at);
        let recent = self.tries.len().checked_sub(MOST).map(|first| self.tries[first].at.plus(scaled(WINDOW)));
        let bound = recent.filter(|at| now < *at);
        let at = ladder.max(bound)?;
        Some(NextTry { at, bound: ladder.is_none() })
    }

    /// Whether the target proved nothing under another address or with other credentials.
    pub fn is_edited(&self, target: &str, fingerprint: &str) -> bool {
        self.targets.get(target).is_some_and(|known| known.fingerprint != fingerprint)
    }

    /// Whether the last log-on of this target proved nothing.
    pub fn has_failed(&self, target: &str) -> bool {
        self.targets.contains_key(target)
    }

    /// Whether a log-on of this target waits.
    pub fn has(&self, target: &str) -> bool {
        self.targets.contains_key(target) || self.tries.iter().any(|attempt| attempt.target == target && !attempt.ended)
    }

    /// A password is about to leave. What is still under way has nobody who waits for it.
    pub fn begin(&mut self, id: u64, now: UnixTime, target: &str, aside: bool) {
        if !aside {
            for attempt in self.tries.iter_mut().filter(|attempt| !attempt.ended && !attempt.aside) {
                attempt.ended = true;
                self.row.add(attempt.at);
                self.why = Some(Why { reason: Reason::Timeout.as_str().to_owned(), message: UNANSWERED.to_owned() });
            }
        }
        self.tries.retain(|attempt| !attempt.ended || now.since(attempt.at) < scaled(WINDOW));
        self.tries.push(Try { id, at: now, target: target.to_owned(), aside, ended: false, overtaken: false });
        self.tries.sort_by_key(|attempt| attempt.at);
    }

    /// It did not leave after all.
    pub fn withdraw(&mut self, id: u64) {
        self.tries.retain(|attempt| attempt.id != id);
    }

    /// It was taken. One aside logs nobody on: it proves something for its target alone.
    pub fn accepted(&mut self, id: u64, target: &str, aside: bool) {
        self.withdraw(id);
        self.targets.remove(target);
        self.overtake(|attempt| attempt.aside && attempt.target == target);
        if !aside {
            self.settle();
        }
    }

    /// It was refused, which is for the hold to deal with; that it left counts here.
    pub fn refused(&mut self, id: u64, target: &str) {
        self.targets.remove(target);
        self.settle();
        self.tries.iter_mut().filter(|attempt| attempt.id == id).for_each(|attempt| attempt.ended = true);
    }

    /// It proved nothing.
    pub fn proved_nothing(
        &mut self,
        id: u64,
        now: UnixTime,
        (target, fingerprint): (&str, &str),
        aside: bool,
        failure: &Failure,
    ) {
        let attempt = self.tries.iter_mut().find(|attempt| attempt.id == id);
        if attempt.is_some_and(|attempt| {
            attempt.ended = true;
            attempt.overtaken
        }) {
            return;
        }
        if !aside {
            self.row.add(now);
        }
        let known = self.targets.entry(target.to_owned());
        let known = known.or_insert_with(|| TargetRow { row: Row::default(), fingerprint: String::new() });
        known.row.add(now);
        known.fingerprint = fingerprint.to_owned();
        self.why = Some(Why { reason: failure.reason.as_str().to_owned(), message: failure.message.clone() });
    }

    /// The waits of this target end; the bound on all passwords stays.
    pub fn lift(&mut self, target: &str) {
        self.targets.remove(target);
        self.settle();
    }

    /// The row is over; what is under way counts for the bound alone.
    fn settle(&mut self) {
        self.row = Row::default();
        self.overtake(|attempt| !attempt.aside);
    }

    /// What is under way of these counts for the bound alone, whatever becomes of it.
    fn overtake(&mut self, is_one: impl Fn(&Try) -> bool) {
        for attempt in self.tries.iter_mut().filter(|attempt| is_one(attempt)) {
            (attempt.ended, attempt.overtaken) = (true, true);
        }
    }

    /// Takes back what lies ahead of `now`.
    pub fn limit(&mut self, now: UnixTime) {
        let rows = self.targets.values_mut().map(|target| &mut target.row).chain([&mut self.row]);
        let times = rows.map(|row| &mut row.at).chain(self.tries.iter_mut().map(|attempt| &mut attempt.at));
        times.for_each(|at| *at = (*at).min(now));
    }

    /// Whether it says nothing any more.
    pub fn is_over(&self, now: UnixTime) -> bool {
        let over = |row: &Row| row.count == 0 || now.since(row.at) > FORGOTTEN;
        over(&self.row)
            && self.targets.values().all(|target| over(&target.row))
            && self.tries.iter().all(|attempt| now.since(attempt.at) > scaled(WINDOW))
    }

    /// Adds what another one knows.
    pub fn merge(&mut self, other: &Unproven) {
        let greater = |a: Row, b: Row| Row { count: a.count.max(b.count), at: a.at.max(b.at) };
        self.row = greater(self.row, other.row);
        for (target, known) in &other.targets {
            let own = self.targets.entry(target.clone()).or_insert_with(|| known.clone());
            own.row = greater(own.row, known.row);
        }
        for attempt in &other.tries {
            match self.tries.iter_mut().find(|own| own.id == attempt.id) {
                Some(own) => {
                    own.ended |= attempt.ended;
                    own.overtaken |= attempt.overtaken;
                }
                None => self.tries.push(attempt.clone()),
            }
        }
        self.tries.sort_by_key(|attempt| attempt.at);
        self.why = other.why.clone().or(self.why.take());
    }

    /// Why nothing is sent before `next`: the reason is that of the last log-on.
    pub fn failure(&self, next: UnixTime) -> Failure {
        let (reason, message) = match &self.why {
            Some(why) => (reason(&why.reason), why.message.as_str()),
            None => (Reason::Timeout, UNANSWERED),
        };
        Failure::new(reason, format!("no log-on before {next}, as the last one proved nothing: {message}"))
    }
}

/// A row that nobody has added to for so long is over.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

fn reason(name: &str) -> Reason {
    Reason::ALL.into_iter().find(|reason| reason.as_str() == name).unwrap_or(Reason::Timeout)
}
