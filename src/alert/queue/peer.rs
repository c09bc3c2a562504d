//! One Alertmanager: its queue, and the task that empties it. Nothing here waits for another peer.

use std::{
    hash::{BuildHasher, RandomState},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Batch, Fingerprint, Next, Notification, Queue, SWEEP_INTERVAL, Timing};
use crate::{
    alert::alertmanager::{DEADLINE, Deliver, DeliveryOutcome},
    alert::event,
    clock::{Clock, UnixTime},
    event::{Panicked, panic_text},
    failure::{Failure, Reason},
    scale::scaled,
};

/// The first pause after a failure is shorter than this; the bound doubles with each failure.
const BASE: Duration = Duration::from_secs(1);

/// No pause is longer, unless the peer asks for it.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest `Retry-After` of a peer that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// How long a stop waits for what is still unsent.
pub(super) const DRAIN: Duration = Duration::from_secs(5);

/// A request sees its own deadline first; this much later it is dropped.
const GRACE: Duration = Duration::from_millis(500);

/// A refusal is worth a line this often.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(3600);

/// One Alertmanager.
#[derive(Debug)]
pub(super) struct Peer {
    /// The label `alertmanager`.
    pub label: String,
    queue: Mutex<Queue>,
    wake: Notify,
    clock: Clock,
}

impl Peer {
    /// A peer that has been told nothing.
    pub fn new(label: String, timing: Timing, clock: Clock) -> Peer {
        event::PeerAdded { alertmanager: &label }.emit();
        Peer { label, queue: Mutex::new(Queue::new(timing)), wake: Notify::new(), clock }
    }

    /// Queues the states of alerts; those without one are withdrawn.
    pub fn put<'a>(
        &self,
        now: UnixTime,
        changes: impl IntoIterator<Item = (Fingerprint, Option<&'a Arc<Notification>>)>,
    ) {
        let mut news = false;
        let mut queue = self.queue();
        for (fingerprint, alert) in changes {
            match alert {
                Some(alert) => news |= queue.put(now, fingerprint, alert),
                None => queue.remove(fingerprint),
            }
        }
        if news {
            event::NotificationsWaiting { alertmanager: &self.label, alerts: queue.waiting(now) }.emit();
            self.wake.notify_one();
        }
    }

    /// How many alerts it is still to be told.
    pub fn waiting(&self) -> usize {
        self.queue().waiting(self.clock.now())
    }

    /// Sends until it is stopped, and then what is not told yet.
    pub async fn run(self: Arc<Self>, link: impl Deliver, stop: CancellationToken) {
        let mut sender = Sender { peer: &self, link, failures: 0, refusal_logged: None };
        loop {
            let panic = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Err(panic) = AssertUnwindSafe(sender.forever()).catch_unwind() => panic,
            };
            let message = panic_text(&*panic);
            Panicked { task: "notifications", subject: Some(&self.label), message }.emit();
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(BASE) => {}
            }
        }
        let _ = timeout(DRAIN, AssertUnwindSafe(sender.drain()).catch_unwind()).await;
        let left = self.queue().unsent() as u64;
        if left > 0 {
            event::NotificationsDropped { alertmanager: &self.label, alerts: left, why: "the daemon stops" }.emit();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What is to be done next; tells of what was dropped meanwhile.
    fn next(&self) -> Next {
        // After a machine slept, what fires would be told to have ended long ago.
        self.clock.resync();
        let now = self.clock.now();
        let (next, dropped, waiting) = {
            let mut queue = self.queue();
            (queue.next(now), queue.take_dropped(), queue.waiting(now))
        };
        if dropped > 0 {
            event::NotificationsDropped { alertmanager: &self.label, alerts: dropped, why: "too old" }.emit();
        }
        event::NotificationsWaiting { alertmanager: &self.label, alerts: waiting }.emit();
        next
    }
}

struct Sender<'a, D> {
    peer: &'a Peer,
    link: D,
    /// Failures in a row.
    failures: u64,
    /// When a refusal was last worth a line.
    refusal_logged: Option<Instant>,
}

impl<D: Deliver> Sender<'_, D> {
    /// Sends what is due. May be dropped at any moment: what was under way is still in the queue.
    async fn forever(&mut self) -> std::convert::Infallible {
        loop {
            match self.peer.next() {
                Next::Send(batch) => {
                    if let Some(failure) = self.send(&batch).await {
                        sleep(pause(self.failures, &failure)).await;
                    }
                }
                Next::At(due) => {
                    // The clock may be set forward meanwhile, so it is asked again now and then.
                    let wait = due.since(self.peer.clock.now()).clamp(Duration::from_millis(1), scaled(SWEEP_INTERVAL));
                    tokio::select! {
                        () = self.peer.wake.notified() => {}
                        () = sleep(wait) => {}
                    }
                }
                Next::Nothing => self.peer.wake.notified().await,
            }
        }
    }

    /// Sends what is not told yet, and tries again soon where that fails.
    async fn drain(&mut self) {
        let mut failures = 0;
        while self.peer.queue().unsent() > 0 {
            let Next::Send(batch) = self.peer.next() else { return };
            if let Some(failure) = self.send(&batch).await {
                failures += 1;
                sleep(pause(failures, &failure)).await;
            }
        }
    }

    /// Sends a batch and notes what became of it; returns why there has to be a pause.
    async fn send(&mut self, batch: &Batch) -> Option<Failure> {
        let (alertmanager, alerts, started) = (self.peer.label.as_str(), batch.alerts.len(), Instant::now());
        let outcome = timeout(DEADLINE + GRACE, self.link.deliver(batch)).await;
        let outcome = outcome.unwrap_or_else(|_| {
            DeliveryOutcome::Failed(Failure::new(Reason::Timeout, "no answer before the deadline"))
        });
        let (duration, now) = (started.elapsed(), self.peer.clock.now());
        self.peer.queue().done(batch, &outcome);
        let failures = self.failures;
        // A peer that read the alerts is there, whatever it thinks of them.
        self.failures = match outcome {
            DeliveryOutcome::Accepted | DeliveryOutcome::Invalid(_) => 0,
            DeliveryOutcome::Refused(_) | DeliveryOutcome::Failed(_) => failures + 1,
        };
        let refused = matches!(outcome, DeliveryOutcome::Invalid(_) | DeliveryOutcome::Refused(_));
        match outcome.failure() {
            None => event::NotificationsSent { alertmanager, alerts, duration, now, failures }.emit(),
            Some(failure) => {
                let known = if refused { self.is_refusal_logged() } else { failures > 0 };
                event::NotificationsFailed { alertmanager, alerts, duration, failure, refused, known }.emit();
            }
        }
        match outcome {
            DeliveryOutcome::Accepted | DeliveryOutcome::Invalid(_) => None,
            DeliveryOutcome::Refused(failure) | DeliveryOutcome::Failed(failure) => Some(failure),
        }
    }

    /// Whether a refusal was told within the hour; if not, it is now.
    fn is_refusal_logged(&mut self) -> bool {
        if self.refusal_logged.is_some_and(|at| at.elapsed() < REFUSAL_LOG_INTERVAL) {
            return true;
        }
        self.refusal_logged = Some(Instant::now());
        false
    }
}

/// How long to wait after this many failures in a row, with full jitter: anything from nothing to the bound, so that the
/// daemons of a site do not come back all at once.
fn pause(failures: u64, failure: &Failure) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let bound = scaled(BASE.saturating_mul(1 << doublings).min(LONGEST));
    let wish = failure.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    bound.mul_f64(random_fraction()).max(wish)
}

/// A number from 0 to 1.
fn random_fraction() -> f64 {
    (RandomState::new().hash_one(()) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute_and_are_spread_over_all_of_it() {
        let failure = Failure::new(Reason::Connect, "refused");
        for (failures, bound) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (1000, 30), (u64::MAX, 30)] {
            let pauses: Vec<f64> = (0..1000).map(|_| pause(failures, &failure).as_secs_f64()).collect();
            let mean = pauses.iter().sum::<f64>() / 1000.0 / f64::from(bound);
            assert!(pauses.iter().all(|pause| *pause <= f64::from(bound)), "{failures}");
            assert!((0.4..0.6).contains(&mean), "{failures}: {mean}");
        }
    }

    #[test]
    fn the_peers_wish_is_heeded_within_reason() {
        let wish =
            |secs| Failure { retry_after: Some(Duration::from_secs(secs)), ..Failure::new(Reason::HttpStatus, "") };
        assert_eq!(pause(1, &wish(20)), Duration::from_secs(20));
        assert_eq!(pause(1, &wish(7200)), Duration::from_secs(60));
    }
}
