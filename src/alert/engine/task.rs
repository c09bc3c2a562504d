//! Direct mode: evaluates after every poll and every 15 s, and tells the Alertmanagers.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    task::{JoinError, JoinHandle},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{AlertBrief, AlertDetail, AlertView, Engine, Rules};
use crate::{
    alert::event,
    alert::{
        queue::{Change, Fingerprint, Notification, Outbox},
        state::SavedAlerts,
    },
    clock::UnixTime,
    config::{Alerting, AlertingMode},
    event::{Panicked, panic_text},
    failure::Failure,
    poll::Fleet,
    rules::catalogue,
    scale::scaled,
    snapshot::{Snapshot, polls_stopped},
};

/// Every target is evaluated at least this often: time alone can make an alert fire.
const EVALUATION_INTERVAL: Duration = Duration::from_secs(15);

/// Polls that end within this time are evaluated together.
const BATCH_DELAY: Duration = Duration::from_millis(100);

/// An evaluation that takes longer hangs, or waits for a processor that it does not get.
const STUCK_TIMEOUT: Duration = Duration::from_secs(120);

/// Alerts that have ended, as many as are remembered: whoever was woken may look an hour later.
const ENDED: usize = 500;

/// The engine at work, its targets and its Alertmanagers.
///
/// While the mode is `off` nothing is sent; what is known stays, for when the mode changes back. What the rules would say is
/// worked out by an engine of its own, for the pages.
#[derive(Debug)]
pub struct AlertEvaluator {
    fleet: Arc<Fleet>,
    outbox: Outbox,
    external_url: String,
    instance: String,
    state: Mutex<EvaluatorState>,
}

#[derive(Debug)]
struct EvaluatorState {
    engine: Engine,
    /// What it would say, while the mode is `off`.
    preview: Option<Engine>,
    /// Alerts that have ended, the newest last.
    ended: VecDeque<Notification>,
    direct: bool,
    /// Polls have stopped, so there is no sign of life.
    silent: bool,
    /// The snapshots that were evaluated last.
    seen: HashMap<String, Arc<Snapshot>>,
}

impl AlertEvaluator {
    /// An evaluator that is off. `saved` is what an earlier run has saved; `external_url` is where people reach the daemon,
    /// `instance` tells it from others.
    pub fn new(fleet: Arc<Fleet>, saved: SavedAlerts, external_url: String, instance: String) -> AlertEvaluator {
        let outbox = Outbox::new(fleet.clock());
        let engine = Engine::new(Rules::default(), saved);
        let state = EvaluatorState {
            engine,
            preview: None,
            ended: VecDeque::new(),
            direct: false,
            silent: false,
            seen: HashMap::new(),
        };
        let state = Mutex::new(state);
        AlertEvaluator { fleet, outbox, external_url, instance, state }
    }

    /// Applies a configuration. Alerts and their past stay.
    ///
    /// Fails with the Alertmanager whose certificates cannot be used; nothing has changed then.
    pub async fn apply(&self, alerting: &Alerting) -> Result<(), (String, Failure)> {
        self.outbox.apply(alerting).await?;
        let direct = alerting.mode == AlertingMode::Direct;
        {
            let mut state = self.state();
            let rules = || Rules::new(alerting, &self.external_url).of_instance(&self.instance);
            state.engine.configure(rules());
            match &mut state.preview {
                Some(preview) if !direct => preview.configure(rules()),
                preview => *preview = (!direct).then(|| Engine::new(rules(), SavedAlerts::default())),
            }
            state.seen.clear();
            if state.direct != direct {
                state.direct = direct;
                // Whoever pages from now on begins anew: what fires is told again, and what was told lapses.
                state.engine.resend_all();
                self.outbox.withdraw(self.fleet.clock().now(), |_| true);
            }
        }
        self.fleet.set_direct(direct);
        self.fleet.published().notify_one();
        Ok(())
    }

    /// Whether the daemon pages.
    pub fn is_direct(&self) -> bool {
        self.state().direct
    }

    /// What is pending or fires; nothing while the mode is `off`.
    pub fn alerts(&self) -> Vec<AlertView> {
        let state = self.state();
        if state.direct { state.engine.alerts() } else { Vec::new() }
    }

    /// What is pending or fires in brief; while the mode is `off`, what would be.
    pub fn briefs(&self) -> Vec<AlertBrief> {
        self.state().shown().briefs()
    }

    /// One of these in full.
    pub fn detail(&self, fingerprint: Fingerprint) -> Option<AlertDetail> {
        self.state().shown().detail(fingerprint)
    }

    /// Alerts that have ended, the newest first.
    pub fn ended(&self) -> Vec<Notification> {
        self.state().ended.iter().rev().cloned().collect()
    }

    /// What survives a restart.
    pub fn save(&self) -> SavedAlerts {
        self.state().engine.save()
    }

    /// Evaluates until it is cancelled.
    pub async fn run(self: Arc<Self>, cancelled: CancellationToken) {
        let mut due = Instant::now();
        loop {
            let all = tokio::select! {
                () = cancelled.cancelled() => return,
                () = sleep_until(due) => true,
                () = self.fleet.published().notified() => false,
            };
            if all {
                due = Instant::now() + scaled(EVALUATION_INTERVAL);
                // Polls do so, too, but may be hours apart.
                self.fleet.clock().resync();
            }
            let evaluator = Arc::clone(&self);
            // Evaluating a large target takes a while.
            match self.watched(tokio::task::spawn_blocking(move || evaluator.evaluate(all))).await {
                Ok(()) => {}
                // The next evaluation is a new try.
                Err(error) if error.is_panic() => {
                    let message = panic_text(&*error.into_panic());
                    Panicked { task: "alerts", subject: None, message }.emit();
                }
                // The runtime ends.
                Err(_) => return,
            }
            sleep(BATCH_DELAY).await;
        }
    }

    /// Waits for an evaluation. While one is stuck there is no sign of life: the watchdog lapses, and whoever watches it is
    /// paged. What fires is sent on.
    async fn watched(&self, mut evaluation: JoinHandle<()>) -> Result<(), JoinError> {
        if let Ok(ended) = timeout(scaled(STUCK_TIMEOUT), &mut evaluation).await {
            return ended;
        }
        tracing::error!("Alerts are not evaluated any more; the sign of life ends.");
        self.outbox.withdraw(self.fleet.clock().now(), is_sign_of_life);
        let ended = evaluation.await;
        // It is told again with the next evaluation.
        self.state().engine.resend_all();
        ended
    }

    /// Tells the Alertmanagers what they do not know yet, for a few seconds at most. Resolves nothing.
    pub async fn stop(&self) {
        self.outbox.stop().await;
    }

    /// Evaluates all targets, or those with a newer snapshot.
    fn evaluate(&self, all: bool) {
        if !self.is_direct() {
            if all {
                self.preview();
            }
            return event::AlertsCounted { counts: Default::default() }.emit();
        }
        let (snapshots, now) = (self.fleet.store().load(), self.fleet.clock().now());
        for snapshot in &snapshots {
            self.evaluate_one(snapshot, all, now);
        }
        let mut state = self.state();
        if !state.direct {
            drop(state);
            return event::AlertsCounted { counts: Default::default() }.emit();
        }
        let names: HashSet<&str> = snapshots.iter().map(|snapshot| super::Source::target(&**snapshot)).collect();
        let mut changes = state.engine.retain(&names);
        state.seen.retain(|name, _| names.contains(name.as_str()));
        if all {
            changes.extend(self.evaluate_own(&mut state, polls_stopped(&snapshots), now));
        }
        let counts = state.engine.counts();
        self.send_changes(now, changes);
        drop(state);
        event::AlertsCounted { counts }.emit();
    }

    /// Works out what the rules would say of all targets. Nobody is told.
    fn preview(&self) {
        let (snapshots, now) = (self.fleet.store().load(), self.fleet.clock().now());
        for snapshot in &snapshots {
            let mut state = self.state();
            let Some(preview) = &mut state.preview else { return };
            match catch_unwind(AssertUnwindSafe(|| preview.evaluate(&**snapshot, now))) {
                Ok(changes) => state.note_ended(&changes),
                Err(panic) => {
                    let target = Some(super::Source::target(&**snapshot));
                    Panicked { task: "alerts", subject: target, message: panic_text(&*panic) }.emit();
                }
            }
        }
        let names: HashSet<&str> = snapshots.iter().map(|snapshot| super::Source::target(&**snapshot)).collect();
        if let Some(preview) = &mut self.state().preview {
            preview.retain(&names);
        }
    }

    /// Evaluates the rules that are about no target. Where polls have stopped there is nothing to be evaluated any more, and so
    /// no sign of life either.
    fn evaluate_own(&self, state: &mut EvaluatorState, stopped: bool, now: UnixTime) -> Vec<Change> {
        let was_silent = std::mem::replace(&mut state.silent, stopped);
        if was_silent && !stopped {
            tracing::info!("Polls go on, and so does the sign of life.");
            state.engine.resend_all();
        }
        let mut changes = state.engine.evaluate_own(now);
        if stopped {
            changes.retain(|change| !matches!(change, Change::Notify(alert) if is_sign_of_life(alert)));
            if !was_silent {
                tracing::error!("Polls have stopped; the sign of life ends.");
            }
            self.outbox.withdraw(now, is_sign_of_life);
        }
        changes
    }

    fn evaluate_one(&self, snapshot: &Arc<Snapshot>, all: bool, now: UnixTime) {
        let target = super::Source::target(&**snapshot);
        let mut state = self.state();
        let known = state.seen.get(target).is_some_and(|seen| Arc::ptr_eq(seen, snapshot));
        if !state.direct || (known && !all) {
            return;
        }
        state.seen.insert(target.to_owned(), Arc::clone(snapshot));
        // One target's trouble is not the others'.
        match catch_unwind(AssertUnwindSafe(|| state.engine.evaluate(&**snapshot, now))) {
            // Sent before the lock is released, so that a change of the mode comes before or after all of it.
            Ok(changes) => {
                state.note_ended(&changes);
                self.send_changes(now, changes);
            }
            Err(panic) => {
                Panicked { task: "alerts", subject: Some(target), message: panic_text(&*panic) }.emit();
            }
        }
    }

    fn send_changes(&self, now: UnixTime, changes: Vec<Change>) {
        let news = changes.iter().any(|change| match change {
            Change::Notify(notification) => notification.ends_at.is_some() || notification.starts_at == now,
            Change::Withdrawn(_) => true,
        });
        if news {
            self.fleet.save_requested().notify_one();
        }
        if !changes.is_empty() {
            self.outbox.update(now, changes);
        }
    }

    fn state(&self) -> MutexGuard<'_, EvaluatorState> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl EvaluatorState {
    /// What pages show.
    fn shown(&self) -> &Engine {
        self.preview.as_ref().unwrap_or(&self.engine)
    }

    fn note_ended(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::Notify(alert) = change
                && alert.ends_at.is_some()
            {
                self.ended.push_back(alert.clone());
            }
        }
        let beyond = self.ended.len().saturating_sub(ENDED);
        self.ended.drain(..beyond);
    }
}

fn is_sign_of_life(alert: &Notification) -> bool {
    alert.labels.get("alertname").is_some_and(|name| name == catalogue::DIRECT_WATCHDOG)
}

#[cfg(test)]
mod tests;
