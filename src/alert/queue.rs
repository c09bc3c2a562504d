//! From the engine to the Alertmanagers: one coalescing queue per Alertmanager ("peer"), each with a task of its own.
//!
//! The [`Outbox`] takes [`Change`]s and never blocks. A peer's [`Queue`] is keyed by the alert's fingerprint, and the
//! newest state wins: what a peer that was away finds out is where things stand, not the way there.
//!
//! - A firing alert is sent at once and again each `resend_delay`, with an `endsAt` of 4 × the larger of a minute and
//!   `resend_delay` from now: should the daemon die, the alert lapses then.
//! - A resolved one is sent at once, again each `resend_delay` for 15 minutes, and then forgotten. One that the peer
//!   never took is kept until the firing alert would have lapsed there by itself as well; only then it is dropped, and
//!   counted.
//! - With `ha` no end is ever sent: another daemon may see the alert fire still, so it is left to lapse.
//! - At most 256 alerts go into a request, news before repeats, one request at a time per peer. What fails is sent
//!   again with full jitter, below 1 s at first and 30 s at most. A batch that is refused for what it holds is
//!   halved until the alert that spoils it stands alone; that one is tried once per `resend_delay`, or every two minutes
//!   where that is sooner, never in a loop.
//! - A clean stop sends what is still unsent, for 5 s at most, and resolves nothing.
//!
//! **Bound.** A queue holds one entry per alert that fires, and per alert that ended within the last 15 minutes (or
//! within the 4 × `resend_delay` above, where that is longer), at most [`MOST_ENDED`] of these: the oldest ends go first, and
//! lapse. That holds however long its peer is away and however often they change. The texts are shared between the peers. An
//! update waits for no peer.

mod notification;
mod outbox;
mod peer;

pub use notification::{Change, Fingerprint, Labels, Notification};
pub use outbox::Outbox;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use crate::{alert::alertmanager::DeliveryOutcome, clock::UnixTime, config::Alerting, scale::scaled};

/// Alerts in one request, at most.
pub const BATCH: usize = 256;

/// For how long a resolved alert is sent again.
pub const RETENTION: Duration = Duration::from_secs(15 * 60);

/// Ends that are remembered, at most. Where alerts about ever new names begin and end with each poll, a quarter of an hour of
/// them is without a bound.
pub const MOST_ENDED: usize = 10_000;

/// Alertmanager believes an alert for at least four of these, however short `resend_delay` is: to a clock that is a minute
/// ahead of ours, one that lapses a minute from now has ended before it came.
const LEAST_DELAY: Duration = Duration::from_secs(60);

/// What was refused is tried again so soon, however long `resend_delay` is: the refusals of a peer that takes nothing show
/// in its counters all the time, and an alert on them need not know how it is configured.
const REFUSED_DELAY: Duration = Duration::from_secs(120);

/// How often a queue looks for what can be forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// When what is sent again, and how long it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often an alert is sent again.
    pub resend_delay: Duration,
    /// Ends are not sent.
    pub ha: bool,
}

impl Timing {
    /// As configured.
    pub fn of(alerting: &Alerting) -> Timing {
        Timing { resend_delay: scaled(alerting.resend_delay), ha: alerting.ha }
    }

    /// How long Alertmanager is to believe that an alert fires without hearing of it again.
    pub fn lapse(&self) -> Duration {
        4 * self.resend_delay.max(scaled(LEAST_DELAY))
    }
}

/// What one request carries.
#[derive(Debug, Clone)]
pub struct Batch {
    /// When it was put together.
    pub at: UnixTime,
    /// The `endsAt` of the firing ones.
    pub lapses_at: UnixTime,
    /// The alerts.
    pub alerts: Vec<(Fingerprint, Arc<Notification>)>,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Next {
    /// Send this.
    Send(Batch),
    /// Nothing before this moment.
    At(UnixTime),
    /// Nothing, unless there is news.
    Nothing,
}

#[derive(Debug)]
struct Entry {
    alert: Arc<Notification>,
    /// Whether the peer has been told this state, or has refused to hear it.
    sent: bool,
    /// When it is to be sent, or sent again.
    due: UnixTime,
    /// The latest `endsAt` that the peer may have seen for it.
    valid_until: UnixTime,
    /// The largest batch that it goes into: fewer than 256 once it was in one that was refused.
    batch_limit: usize,
}

/// What one peer is still to be told, and when. Pure: it neither waits nor sends.
#[derive(Debug)]
pub struct Queue {
    timing: Timing,
    entries: HashMap<Fingerprint, Entry>,
    /// News first, then repeats, each by the time at which they are due.
    order: BTreeSet<(bool, UnixTime, Fingerprint)>,
    /// Those that ended, by when they did.
    ended: BTreeSet<(UnixTime, Fingerprint)>,
    swept: UnixTime,
    dropped: u64,
}

impl Queue {
    /// An empty queue.
    pub fn new(timing: Timing) -> Queue {
        Queue {
            timing,
            entries: HashMap::new(),
            order: BTreeSet::new(),
            ended: BTreeSet::new(),
            swept: UnixTime(i64::MIN),
            dropped: 0,
        }
    }

    /// Stores the state of an alert; whether it is news that is to be sent at once.
    pub fn put(&mut self, now: UnixTime, fingerprint: Fingerprint, alert: &Arc<Notification>) -> bool {
        if self.timing.ha && alert.ends_at.is_some() {
            self.remove(fingerprint);
            return false;
        }
        let (valid_until, batch_limit) = match self.entries.get_mut(&fingerprint) {
            Some(entry) if entry.alert.same_state(alert) => {
                if alert.ends_at.is_none() {
                    entry.alert = Arc::clone(alert);
                }
                return false;
            }
            Some(entry) => (entry.valid_until, entry.batch_limit),
            None => (UnixTime(i64::MIN), BATCH),
        };
        self.remove(fingerprint);
        let alert = Arc::clone(alert);
        self.insert(fingerprint, Entry { alert, sent: false, due: now, valid_until, batch_limit });
        self.forget_oldest_ends();
        true
    }

    /// Forgets an alert, whatever the peer was told about it.
    pub fn remove(&mut self, fingerprint: Fingerprint) {
        self.take(fingerprint);
    }

    /// What is to be done next. A batch stays in the queue until [`Queue::done`] hears what became of it.
    pub fn next(&mut self, now: UnixTime) -> Next {
        self.set_back(now);
        self.sweep(now);
        let lapses_at = now.plus(self.timing.lapse());
        let mut batch = Batch { at: now, lapses_at, alerts: Vec::new() };
        let mut room = BATCH;
        for (told, due, fingerprint) in &self.order {
            if batch.alerts.len() >= room {
                break;
            }
            if *told && *due > now {
                if batch.alerts.is_empty() {
                    return Next::At(*due);
                }
                break;
            }
            let Some(entry) = self.entries.get_mut(fingerprint) else { continue };
            if entry.batch_limit <= batch.alerts.len() {
                continue;
            }
            room = room.min(entry.batch_limit);
            if entry.alert.ends_at.is_none() {
                entry.valid_until = entry.valid_until.max(lapses_at);
            }
            batch.alerts.push((*fingerprint, Arc::clone(&entry.alert)));
        }
        if batch.alerts.is_empty() { Next::Nothing } else { Next::Send(batch) }
    }

    /// Hears what became of a batch. What changed since it was put together stays news.
    pub fn done(&mut self, batch: &Batch, outcome: &DeliveryOutcome) {
        let alone = batch.alerts.len() <= 1;
        let half = (batch.alerts.len() / 2).max(1);
        for (fingerprint, sent) in &batch.alerts {
            let Some(entry) = self.entries.get_mut(fingerprint).filter(|entry| entry.alert.same_state(sent)) else {
                continue;
            };
            match outcome {
                DeliveryOutcome::Accepted => entry.batch_limit = BATCH,
                DeliveryOutcome::Invalid(_) | DeliveryOutcome::Refused(_) => entry.batch_limit = half,
                DeliveryOutcome::Failed(_) => {}
            }
            let over = match outcome {
                DeliveryOutcome::Accepted | DeliveryOutcome::Invalid(_) => true,
                DeliveryOutcome::Refused(_) => alone,
                DeliveryOutcome::Failed(_) => false,
            };
            if over {
                let delay = self.timing.resend_delay;
                let accepted = *outcome == DeliveryOutcome::Accepted;
                let again = if accepted { delay } else { delay.min(scaled(REFUSED_DELAY)) };
                self.mark_sent(*fingerprint, batch.at.plus(again));
            }
        }
    }

    /// How many alerts are waiting for the peer: news, and repeats that are overdue.
    pub fn waiting(&self, now: UnixTime) -> usize {
        self.order.iter().take_while(|(told, due, _)| !told || *due <= now).count()
    }

    /// How many states the peer has never been told.
    pub fn unsent(&self) -> usize {
        self.order.iter().take_while(|(told, ..)| !told).count()
    }

    /// How many alerts it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many ends were dropped since this was last asked, because nobody wants to know any more.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn take(&mut self, fingerprint: Fingerprint) -> Option<Entry> {
        let entry = self.entries.remove(&fingerprint)?;
        self.order.remove(&(entry.sent, entry.due, fingerprint));
        if let Some(ended) = entry.alert.ends_at {
            self.ended.remove(&(ended, fingerprint));
        }
        Some(entry)
    }

    fn forget_oldest_ends(&mut self) {
        while self.ended.len() > MOST_ENDED {
            let Some((_, fingerprint)) = self.ended.pop_first() else { return };
            let gone = self.take(fingerprint);
            self.dropped += u64::from(gone.is_some_and(|entry| !entry.sent));
        }
    }

    fn insert(&mut self, fingerprint: Fingerprint, entry: Entry) {
        self.order.insert((entry.sent, entry.due, fingerprint));
        if let Some(ended) = entry.alert.ends_at {
            self.ended.insert((ended, fingerprint));
        }
        self.entries.insert(fingerprint, entry);
    }

    /// The peer knows it, and is to be told again then.
    fn mark_sent(&mut self, fingerprint: Fingerprint, again: UnixTime) {
        let Some(mut entry) = self.take(fingerprint) else { return };
        (entry.sent, entry.due) = (true, again);
        if entry.alert.ends_at.is_none_or(|ended| entry.due <= ended.plus(scaled(RETENTION))) {
            self.insert(fingerprint, entry);
        }
    }

    /// Where the clock was set back, repeats would wait until it has caught up, and meanwhile the peer would take what fires
    /// for ended: they are due at once.
    fn set_back(&mut self, now: UnixTime) {
        let latest = now.plus(self.timing.resend_delay);
        while let Some((true, due, fingerprint)) = self.order.last().copied().filter(|(_, due, _)| *due > latest) {
            self.order.remove(&(true, due, fingerprint));
            self.order.insert((true, now, fingerprint));
            if let Some(entry) = self.entries.get_mut(&fingerprint) {
                entry.due = now;
            }
        }
        self.swept = self.swept.min(now);
    }

    /// Forgets ends that are too old, about once a minute.
    fn sweep(&mut self, now: UnixTime) {
        if now < self.swept.plus(scaled(SWEEP_INTERVAL)) {
            return;
        }
        self.swept = now;
        let (order, ends, dropped) = (&mut self.order, &mut self.ended, &mut self.dropped);
        self.entries.retain(|fingerprint, entry| {
            let Some(ended) = entry.alert.ends_at else { return true };
            let keep = now <= ended.plus(scaled(RETENTION)) || (!entry.sent && now <= entry.valid_until);
            if !keep {
                order.remove(&(entry.sent, entry.due, *fingerprint));
                ends.remove(&(ended, *fingerprint));
                *dropped += u64::from(!entry.sent);
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests;
