//! The task of one target: polls it, never twice at once, keeps its ledger and publishes its snapshots.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::event;
use super::{
    details,
    freshness::Freshness,
    outcome::{self, PollResult},
    schedule,
};
use crate::{
    api::{
        self, Api, Context, Observation, Warning, Warnings, fingerprint::PartFingerprints, logon::Logons,
        memory::Memory,
    },
    blocking::{MANY_AGENTS, block_in_place_if},
    clock::{Clock, UnixTime},
    config::Target,
    event::{Panicked, panic_text},
    failure::{Failure, Reason},
    http::Client,
    snapshot::{Ledger, Slot},
};

/// How long the log-off of a clean stop may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// A poll sees its own deadline first; this much later it is dropped.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// Texts of warnings that were logged already, at most.
const MAX_LOGGED_WARNINGS: usize = 1000;

/// What the task of a target works with, and what survives its restart.
#[derive(Debug, Clone)]
pub(super) struct TargetState {
    pub target: Arc<Target>,
    /// Over which time the first polls of the targets are spread.
    pub spread: Duration,
    pub ledger: Arc<Mutex<Ledger>>,
    pub memory: Arc<Memory>,
    pub slot: Arc<Slot>,
    pub logons: Logons,
    pub clock: Clock,
    /// Told when something changed that must reach the state file at once.
    pub save_requested: Arc<Notify>,
    /// Told when there is a newer snapshot.
    pub published: Arc<Notify>,
    /// Until when the newest snapshot is true.
    pub freshness: Arc<Freshness>,
    /// The pause that the vendor has asked for.
    pub pause: Arc<Pause>,
}

/// A pause that the vendor has asked for, beyond the schedule, and extras that are left alone because it refused them.
#[derive(Debug, Default)]
pub(super) struct Pause {
    lasts: AtomicBool,
    left_alone: AtomicBool,
    ended: Notify,
}

impl TargetState {
    /// Ends a pause that the vendor has asked for, and has extras tried that were left alone; says whether there was a pause.
    pub fn resume(&self) -> bool {
        let pause = &self.pause;
        // Both, whatever the first is.
        let lasts = pause.lasts.swap(false, Ordering::Relaxed) | pause.left_alone.swap(false, Ordering::Relaxed);
        pause.ended.notify_one();
        lasts
    }
}

/// Makes the API of a target, at the start and after a panic.
type Open = dyn Fn() -> Box<dyn Api> + Send + Sync;

pub(super) struct Task {
    target_state: TargetState,
    client: Client,
    open: Arc<Open>,
    api: Box<dyn Api>,
    logged: HashSet<String>,
    next_stale: Option<UnixTime>,
    /// When the next poll would be due, had the vendor not asked for a pause.
    unpaused: Instant,
}

impl Task {
    fn new(target_state: TargetState, client: Client, open: Arc<Open>) -> Task {
        let api = open();
        // Of the data of an earlier task, which may have to go before the first poll ends.
        let next_stale = lock(&target_state.ledger).first_stale();
        Task { target_state, client, open, api, logged: HashSet::new(), next_stale, unpaused: Instant::now() }
    }

    /// Polls until it is cancelled, then logs off.
    pub async fn run(mut self, cancelled: CancellationToken) {
        let mut due = Instant::now() + schedule::first_delay(&self.target_state.target, self.target_state.spread);
        self.unpaused = due;
        self.target_state.freshness.plan(due);
        self.publish();
        loop {
            let stale = stale_at(self.next_stale, self.target_state.clock);
            tokio::select! {
                () = cancelled.cancelled() => break,
                () = sleep_until(due) => {
                    tokio::select! {
                        () = cancelled.cancelled() => break,
                        next = self.poll() => due = next,
                    }
                }
                () = sleep_until(stale) => self.publish(),
                () = self.target_state.pause.ended.notified() => {
                    self.api.resume();
                    if self.unpaused < due {
                        due = self.unpaused;
                        self.target_state.freshness.plan(due.max(Instant::now()));
                        self.publish();
                    }
                }
            }
        }
        let (warnings, now) = (Warnings::default(), self.target_state.clock.now());
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        let known = PartFingerprints::default();
        let cx = Context { now, deadline, memory: &self.target_state.memory, warnings: &warnings, known: &known };
        let _ = timeout_at(deadline, AssertUnwindSafe(self.api.close(&cx)).catch_unwind()).await;
    }

    /// Polls once; returns when the next poll is due.
    pub async fn poll(&mut self) -> Instant {
        self.target_state.clock.resync();
        let (started, now) = (Instant::now(), self.target_state.clock.now());
        let warnings = Warnings::default();
        let outcome = self.poll_api(now, started, &warnings).await;
        let took = started.elapsed();
        if let Ok(observation) = &outcome {
            self.target_state.pause.left_alone.store(observation.leaves_extras_alone(), Ordering::Relaxed);
        }
        let agents = outcome.as_ref().map_or(0, Observation::rows) + lock(&self.target_state.ledger).agents();
        started + block_in_place_if(agents >= MANY_AGENTS, || self.finish_poll(outcome, took, &warnings))
    }

    async fn poll_api(&mut self, now: UnixTime, started: Instant, warnings: &Warnings) -> Result<Observation, Failure> {
        self.client.refresh()?;
        let deadline = started + self.target_state.target.timeout;
        let Task { target_state, client, api, next_stale, .. } = self;
        let known = lock(&target_state.ledger).fingerprints();
        let cx = Context { now, deadline, memory: &target_state.memory, warnings, known: &known };
        let outcome = {
            let poll = AssertUnwindSafe(api.poll(&cx)).catch_unwind();
            tokio::pin!(poll);
            loop {
                tokio::select! {
                    outcome = &mut poll => break Some(outcome),
                    () = sleep_until(deadline + GRACE) => break None,
                    // What becomes stale while a long poll is under way is withdrawn in time.
                    () = sleep_until(stale_at(*next_stale, target_state.clock)) => *next_stale = publish(target_state, client),
                }
            }
        };
        match outcome {
            Some(Ok(outcome)) => outcome,
            Some(Err(panic)) => {
                let (subject, message) = (Some(&*self.target_state.target.name), panic_text(&*panic));
                Panicked { task: "poll", subject, message }.emit();
                self.api = (self.open)();
                Err(Failure::new(Reason::Internal, "the poll panicked; this is a bug of Rollcall, please report it"))
            }
            None => {
                let message = format!("the poll took longer than {:?}", self.target_state.target.timeout);
                Err(Failure::new(Reason::Timeout, message))
            }
        }
    }

    /// Notes how a poll ended and publishes it; returns when the next one is due, from the start of this one.
    fn finish_poll(&mut self, outcome: Result<Observation, Failure>, took: Duration, warnings: &Warnings) -> Duration {
        let now = self.target_state.clock.now();
        let target = Arc::clone(&self.target_state.target);
        let last = details::of(&outcome, self.client.stats().take_journal());
        let result = outcome::record(&mut lock(&self.target_state.ledger), outcome, now, took, warnings);
        lock(&self.target_state.ledger).history.set_last(details::ended(last, &result, warnings));
        self.target_state.memory.forget(now);
        self.log_warnings(warnings);
        let mut ledger = lock(&self.target_state.ledger);
        let (next, unpaused) = match result {
            PollResult::Failed(failure) => {
                let retry_after = Failure::max_retry_after([&failure]);
                let after = |pause| schedule::after_failure(&target, ledger.status.consecutive_failures, took, pause);
                (after(retry_after), after(None))
            }
            PollResult::Data(failed) => {
                let retry_after = Failure::max_retry_after(failed.iter().map(|(_, failure)| failure));
                let (next, count) = schedule::after_success(&target, took, retry_after);
                if count > 0 {
                    event::PollsSkipped { target: &target.name, count }.emit(&mut ledger.status);
                }
                (next, schedule::after_success(&target, took, None).0)
            }
        };
        drop(ledger);
        self.unpaused = Instant::now() + unpaused.saturating_sub(took);
        self.target_state.pause.lasts.store(unpaused < next, Ordering::Relaxed);
        self.target_state.freshness.plan(Instant::now() + next.saturating_sub(took));
        self.publish();
        next
    }

    fn log_warnings(&mut self, warnings: &Warnings) {
        let details = warnings.details();
        for warning in Warning::ALL {
            let count = warnings.count(warning);
            if count == 0 {
                continue;
            }
            let texts = details.iter().filter(|(kind, _)| *kind == warning).map(|(_, text)| text.clone());
            let room = MAX_LOGGED_WARNINGS.saturating_sub(self.logged.len());
            let new_details = texts.filter(|text| self.logged.insert(text.clone())).take(room).collect();
            let mut ledger = lock(&self.target_state.ledger);
            event::UnexpectedData { target: &self.target_state.target.name, warning, count, new_details }
                .emit(&mut ledger.status);
        }
    }

    /// Publishes what is known now.
    fn publish(&mut self) {
        self.next_stale = publish(&self.target_state, &self.client);
    }
}

/// Runs the task of a target until it is cancelled. A panic outside of a poll, which is a bug, is counted and costs the
/// target one interval, not its life.
pub(super) async fn supervise(target_state: TargetState, client: Client, cancelled: CancellationToken) {
    let (target, http) = (Arc::clone(&target_state.target), client.clone());
    let logons = Arc::new(target_state.logons.clone());
    let open = Arc::new(move || api::open(Arc::clone(&target), http.clone(), Arc::clone(&logons)));
    supervise_api(target_state, client, open, cancelled).await;
}

async fn supervise_api(target_state: TargetState, client: Client, open: Arc<Open>, cancelled: CancellationToken) {
    loop {
        let task =
            async { Task::new(target_state.clone(), client.clone(), Arc::clone(&open)).run(cancelled.clone()).await };
        let Err(panic) = AssertUnwindSafe(task).catch_unwind().await else { return };
        let (subject, message) = (Some(&*target_state.target.name), panic_text(&*panic));
        Panicked { task: "schedule", subject, message }.emit();
        tokio::select! {
            () = cancelled.cancelled() => return,
            () = tokio::time::sleep(target_state.target.interval) => {}
        }
    }
}

/// Publishes what is known of a target now; returns when the next part becomes stale.
fn publish(target_state: &TargetState, client: &Client) -> Option<UnixTime> {
    let (mut ledger, now) = (lock(&target_state.ledger), target_state.clock.now());
    let was_held = ledger.status.held;
    ledger.status.held = target_state.logons.hold_of(&target_state.target.name, now).is_some();
    ledger.status.next_logon = target_state.logons.next_logon(&target_state.target.name, now);
    if ledger.status.held != was_held {
        target_state.save_requested.notify_one();
    }
    ledger.status.requests = client.stats().counts();
    let next_stale = target_state.freshness.publish(&mut ledger, &target_state.slot);
    target_state.published.notify_one();
    next_stale
}

/// When the next part becomes stale on tokio's clock; far away where none will.
fn stale_at(next_stale: Option<UnixTime>, clock: Clock) -> Instant {
    let far = Duration::from_secs(86_400);
    let left = next_stale.map_or(far, |at| at.since(clock.now()) + Duration::from_millis(1));
    Instant::now() + left
}

pub(super) fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(|e| e.into_inner())
}

#[cfg(test)]
mod tests;
