//! What has happened to a target since the daemon started: its polls, the last of them in detail, and the changes of its agents.
//!
//! The target's task writes it, pages read it, and nothing in it reaches a metric or the state file. All of it is bounded:
//! failed polls are kept longer than good ones, and of many alike only the first and the last moment.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use compact_str::CompactString;

use crate::{
    api::Warning,
    clock::UnixTime,
    failure::{Failure, Reason},
    health::Health,
};

/// The last polls, as many as a sparkline shows.
const POLLS: usize = 30;

/// Runs of polls that failed alike.
const FAILURES: usize = 50;

/// Changes of agents, at least; a target with many agents may have twice as many as it has agents.
const CHANGES: usize = 4096;

/// What has happened to a target.
#[derive(Debug, Default)]
pub struct History {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    polls: VecDeque<PollRecord>,
    failures: VecDeque<FailureRun>,
    bad_since: Option<UnixTime>,
    good_since: Option<UnixTime>,
    last: Option<Arc<LastPoll>>,
    changes: VecDeque<ClassChange>,
    known: (usize, Vec<Arc<str>>),
}

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollEnd {
    /// With all data.
    Complete,
    /// With some of them.
    Partial,
    /// With none.
    Failed,
}

/// One poll.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollRecord {
    /// When it ended.
    pub at: UnixTime,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub end: PollEnd,
}

/// Polls that followed each other and ended alike.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureRun {
    /// When the first one ended.
    pub first: UnixTime,
    /// When the last one ended.
    pub last: UnixTime,
    /// How many there were.
    pub count: u64,
    /// Partial, or failed.
    pub end: PollEnd,
    /// Why.
    pub reason: Reason,
    /// The same in the words of the last one.
    pub message: String,
}

/// The last poll in detail.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LastPoll {
    /// What was asked, in order.
    pub requests: Vec<RequestRecord>,
    /// Requests that are not told of any more.
    pub left_out: u64,
    /// Decode warnings: the kind, how often, and what was seen.
    pub warnings: Vec<(Warning, u64, Vec<String>)>,
    /// Parts that could not be read.
    pub failed_parts: Vec<(Box<str>, Failure)>,
    /// How the last try of each extra ended.
    pub extras: Vec<(&'static str, Result<(), Failure>)>,
    /// What else could not be read.
    pub unread: Vec<(String, Failure)>,
    /// What the vendor says of the poll besides.
    pub notes: Vec<String>,
}

/// A request of a poll. It holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestRecord {
    /// Method and URL.
    pub request: String,
    /// Status, where an answer came.
    pub status: Option<u16>,
    /// Bytes of the answer.
    pub bytes: usize,
    /// From sending to the last byte.
    pub took: Duration,
    /// Why there was no answer.
    pub failure: Option<Failure>,
    /// What a server said that refused it: the first characters, without secrets.
    pub said: Option<String>,
}

/// An agent went from one class to another.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassChange {
    /// When the daemon saw it.
    pub at: UnixTime,
    /// The label `pool`.
    pub pool: Arc<str>,
    /// The label `agent`.
    pub agent: CompactString,
    /// The class that it left.
    pub from: Health,
    /// The class that it is in since.
    pub to: Health,
    /// The native state that it has since.
    pub state: Arc<str>,
}

impl History {
    /// Adds a poll. `failure` says why it was partial or failed.
    pub fn add_poll(&self, poll: PollRecord, failure: Option<&Failure>) {
        let mut inner = self.lock();
        push(&mut inner.polls, poll, POLLS);
        if poll.end == PollEnd::Complete {
            inner.bad_since = None;
            inner.good_since.get_or_insert(poll.at);
            return;
        }
        let follows = inner.bad_since.is_some();
        inner.good_since = None;
        inner.bad_since.get_or_insert(poll.at);
        let Some(Failure { reason, message, .. }) = failure else { return };
        match inner.failures.back_mut() {
            Some(run) if follows && run.end == poll.end && run.reason == *reason => {
                (run.last, run.count) = (poll.at, run.count + 1);
                run.message.clone_from(message);
            }
            _ => {
                let (first, last, count, end) = (poll.at, poll.at, 1, poll.end);
                let run = FailureRun { first, last, count, end, reason: *reason, message: message.clone() };
                push(&mut inner.failures, run, FAILURES);
            }
        }
    }

    /// Replaces the details of the last poll.
    pub fn set_last(&self, last: LastPoll) {
        self.lock().last = Some(Arc::new(last));
    }

    /// Adds changes of a target with so many agents.
    pub fn add_changes(&self, changes: impl IntoIterator<Item = ClassChange>, agents: usize) {
        let mut inner = self.lock();
        let most = CHANGES.max(2 * agents);
        changes.into_iter().for_each(|change| push(&mut inner.changes, change, most));
    }

    /// Notes how many agents there are, and the names of their pools; what was noted before a withdrawal stays.
    pub fn set_known(&self, agents: usize, pools: Vec<Arc<str>>) {
        self.lock().known = (agents, pools);
    }

    /// How many agents there are, or were when their data were withdrawn, and the names of their pools.
    pub fn known(&self) -> (usize, Vec<Arc<str>>) {
        self.lock().known.clone()
    }

    /// The last polls, the oldest first.
    pub fn polls(&self) -> Vec<PollRecord> {
        self.lock().polls.iter().copied().collect()
    }

    /// Runs of failed and partial polls, the newest first.
    pub fn failures(&self) -> Vec<FailureRun> {
        self.lock().failures.iter().rev().cloned().collect()
    }

    /// Since when no poll was complete; `None`: the last one was, or there was none.
    pub fn bad_since(&self) -> Option<UnixTime> {
        self.lock().bad_since
    }

    /// Since when every poll was complete.
    pub fn good_since(&self) -> Option<UnixTime> {
        self.lock().good_since
    }

    /// The last poll in detail.
    pub fn last(&self) -> Option<Arc<LastPoll>> {
        self.lock().last.clone()
    }

    /// The changes of an agent, the newest first.
    pub fn changes_of(&self, pool: &str, agent: &str) -> Vec<ClassChange> {
        let inner = self.lock();
        let is_it = |change: &&ClassChange| change.agent == agent && *change.pool == *pool;
        inner.changes.iter().rev().filter(is_it).cloned().collect()
    }

    /// The latest changes of all agents, the newest first.
    pub fn latest_changes(&self, most: usize) -> Vec<ClassChange> {
        self.lock().changes.iter().rev().take(most).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    while queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(at: i64, end: PollEnd) -> PollRecord {
        PollRecord { at: UnixTime::from_secs(at), took: Duration::from_millis(20), end }
    }

    #[test]
    fn failures_are_kept_longer_than_successes_and_alike_ones_once() {
        let history = History::default();
        let down = Failure::new(Reason::Connect, "refused");
        history.add_poll(poll(0, PollEnd::Failed), Some(&down));
        history.add_poll(poll(60, PollEnd::Failed), Some(&down));
        history.add_poll(poll(120, PollEnd::Failed), Some(&Failure::new(Reason::Auth, "401")));
        assert_eq!(history.bad_since(), Some(UnixTime::from_secs(0)));
        for n in 0..1000 {
            history.add_poll(poll(180 + 60 * n, PollEnd::Complete), None);
        }
        assert_eq!((history.bad_since(), history.good_since()), (None, Some(UnixTime::from_secs(180))));
        history.add_poll(poll(100_000, PollEnd::Failed), Some(&down));
        assert_eq!(history.polls().len(), POLLS);
        let runs: Vec<_> = history
            .failures()
            .into_iter()
            .map(|run| (run.reason, run.count, run.first.0 / 1000, run.last.0 / 1000))
            .collect();
        assert_eq!(
            runs,
            [(Reason::Connect, 1, 100_000, 100_000), (Reason::Auth, 1, 120, 120), (Reason::Connect, 2, 0, 60)]
        );
    }

    #[test]
    fn a_target_that_never_rests_fills_no_memory() {
        let history = History::default();
        for n in 0..10_000 {
            let end = if n % 2 == 0 { PollEnd::Failed } else { PollEnd::Complete };
            history.add_poll(poll(n, end), Some(&Failure::new(Reason::Timeout, "late")));
            let change = ClassChange {
                at: UnixTime::from_secs(n),
                pool: "p".into(),
                agent: "a".into(),
                from: Health::Healthy,
                to: Health::Failed,
                state: "offline".into(),
            };
            history.add_changes([change], 7);
        }
        assert_eq!((history.failures().len(), history.changes_of("p", "a").len()), (FAILURES, CHANGES));
        assert_eq!(history.latest_changes(1)[0].at, UnixTime::from_secs(9_999));
    }
}
