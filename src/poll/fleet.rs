//! All targets of the daemon: their tasks, and a reload that touches only what changed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    freshness::{Freshness, lock_in_time},
    schedule,
    task::{TargetState, lock, supervise},
};
use crate::{
    api::{
        logon::{Logons, Released, saved::SavedIdentity},
        memory::Memory,
    },
    clock::Clock,
    config::{Config, Target},
    failure::Failure,
    http::Client,
    snapshot::{Judge, Ledger, SavedTarget, Slot, Store},
};

/// A daemon is ready after this time, even where a target was not polled yet.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a clean stop waits for the answers to log-ons.
const LOGON_DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A clean stop takes no longer than this for all targets together.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A target of the state file that is not configured any more is forgotten this long after its last success.
const FORGET_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// The running targets.
#[derive(Debug)]
pub struct Fleet {
    store: Arc<Store>,
    logons: Logons,
    clock: Clock,
    started: Instant,
    ready: AtomicBool,
    save_requested: Arc<Notify>,
    published: Arc<Notify>,
    /// Whether the daemon pages for the targets.
    direct: Arc<AtomicBool>,
    running: Mutex<BTreeMap<String, RunningTarget>>,
    /// Targets of the state file that no task has taken up yet.
    waiting: Mutex<BTreeMap<String, SavedTarget>>,
}

#[derive(Debug)]
struct RunningTarget {
    target_state: TargetState,
    full_state_sets: bool,
    cancel: CancellationToken,
    /// None once somebody waits for its end.
    task: Option<JoinHandle<()>>,
}

/// What survives a restart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SavedFleet {
    /// Log-on holds, and which secrets have worked.
    pub identities: Vec<SavedIdentity>,
    /// Targets by name.
    pub targets: BTreeMap<String, SavedTarget>,
}

/// What the targets of a configuration are asked with, by name.
#[derive(Debug)]
pub struct Clients(BTreeMap<String, Client>);

impl Clients {
    /// Fails with the target whose certificates cannot be used.
    pub fn new(config: &Config) -> Result<Clients, (String, Failure)> {
        let client = |target: &Arc<Target>| match Client::new(target) {
            Ok(client) => Ok((target.name.clone(), client)),
            Err(failure) => Err((target.name.clone(), failure)),
        };
        config.targets.iter().map(client).collect::<Result<_, _>>().map(Clients)
    }
}

impl Fleet {
    /// No targets yet. `saved` is what an earlier run knew of its targets; log-ons outlive nobody.
    pub fn new(clock: Clock, saved: SavedFleet) -> Fleet {
        Fleet::with_logons(clock, saved, Logons::default())
    }

    /// The same with log-ons that are kept.
    pub fn with_logons(clock: Clock, saved: SavedFleet, logons: Logons) -> Fleet {
        logons.restore(saved.identities, clock.now());
        Fleet {
            store: Arc::default(),
            logons,
            clock,
            started: Instant::now(),
            ready: AtomicBool::default(),
            save_requested: Arc::default(),
            published: Arc::default(),
            direct: Arc::default(),
            running: Mutex::default(),
            waiting: Mutex::new(saved.targets),
        }
    }

    /// The newest snapshot of every target.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Lets a target that waits log on once more, see [`Logons::release`]; one whose vendor has asked for a pause is polled.
    pub async fn release(&self, target: &str) -> Released {
        let released = self.logons.release(target, self.clock.now()).await;
        let paused = self.running().get(target).is_some_and(|run| run.target_state.resume());
        if paused && released == Released::NotWaiting { Released::Yes } else { released }
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Told whenever a target has a newer snapshot.
    pub fn published(&self) -> &Notify {
        &self.published
    }

    /// Told when something changed that must reach the state file at once.
    pub fn save_requested(&self) -> &Notify {
        &self.save_requested
    }

    /// Whether the daemon itself pages for the targets, which their snapshots tell from now on.
    pub fn set_direct(&self, direct: bool) {
        // Whoever reads a snapshot sees that it says something else.
        self.direct.store(direct, Ordering::Relaxed);
    }

    /// Makes the running targets those of the configuration. Targets that did not change keep their task, session and
    /// data; one whose settings changed keeps its data while it is still the same API at the same address.
    pub fn apply(&self, config: &Config, clients: Clients) {
        let Clients(mut clients) = clients;
        let full = config.exposition.full_state_sets;
        let spread = schedule::first_spread(config.targets.len());
        let stopped = {
            let mut running = self.running();
            let wanted: HashMap<&str, &Arc<Target>> = config.targets.iter().map(|t| (t.name.as_str(), t)).collect();
            let stays = |name: &String, run: &RunningTarget| {
                run.full_state_sets == full
                    && wanted.get(name.as_str()).is_some_and(|target| **target == run.target_state.target)
            };
            let gone: Vec<String> =
                running.iter().filter(|(name, run)| !stays(name, run)).map(|(name, _)| name.clone()).collect();
            gone.into_iter().filter_map(|name| running.remove_entry(&name)).collect::<BTreeMap<_, _>>()
        };
        let mut target_states = BTreeMap::new();
        for (name, run) in stopped {
            target_states.insert(name, run.target_state.clone());
            run.cancel.cancel();
            // The log-off of an old session must not delay the new one of the others.
            drop(run.task);
        }
        let mut slots = Vec::new();
        let mut running = self.running();
        for target in &config.targets {
            if let Some(run) = running.get(&target.name) {
                // Whoever reloads wants to see what it is like now.
                run.target_state.resume();
                slots.push(Arc::clone(&run.target_state.slot));
                continue;
            }
            let target_state = self.target_state(target, full, spread, target_states.remove(&target.name));
            slots.push(Arc::clone(&target_state.slot));
            let Some(client) = clients.remove(&target.name) else { continue };
            let cancel = CancellationToken::new();
            let task = tokio::spawn(supervise(target_state.clone(), client, cancel.clone()));
            running.insert(
                target.name.clone(),
                RunningTarget { target_state, full_state_sets: full, cancel, task: Some(task) },
            );
        }
        self.store.replace(slots);
    }

    /// Whether every target was polled, failed or held once, or a minute has passed. It stays so: a target that a reload
    /// brings does not take the others out of service.
    pub fn ready(&self) -> bool {
        let ready = self.ready.load(Ordering::Relaxed)
            || self.started.elapsed() >= READY_TIMEOUT
            || self.store.load().iter().all(|s| s.status.last_poll.is_some());
        self.ready.store(ready, Ordering::Relaxed);
        ready
    }

    /// Returns once a log-on hold begins or ends, or a secret has worked: a hold that a restart forgets may cost the account.
    pub async fn logons_changed(&self) {
        self.logons.changed().await;
    }

    /// Stops all tasks; sessions are logged off within 5 s. Log-ons that are under way have 2 s of these to be answered, and
    /// are held else. What the targets knew stays, to be saved.
    pub async fn stop(&self) {
        let tasks: Vec<JoinHandle<()>> = {
            let mut running = self.running();
            running.values().for_each(|run| run.cancel.cancel());
            running.values_mut().filter_map(|run| run.task.take()).collect()
        };
        let answered_by = Instant::now() + LOGON_DRAIN_TIMEOUT;
        let _ = tokio::time::timeout(STOP_TIMEOUT, futures_util::future::join_all(tasks)).await;
        self.logons.close(answered_by).await;
    }

    /// What survives a restart, as of now.
    pub fn save(&self) -> SavedFleet {
        let now = self.clock.now();
        let is_known = |saved: &SavedTarget| saved.last_success.is_some_and(|at| now.since(at) < FORGET_AFTER);
        let mut targets = self.waiting.lock().unwrap_or_else(|e| e.into_inner()).clone();
        targets.retain(|_, saved| is_known(saved));
        let target_states: Vec<(String, TargetState)> =
            self.running().iter().map(|(name, run)| (name.clone(), run.target_state.clone())).collect();
        for (name, target_state) in target_states {
            // One whose task hangs with it must not keep the others from being saved.
            let Some(mut saved) = lock_in_time(&target_state.ledger).map(|ledger| ledger.save()) else { continue };
            saved.memory = target_state.memory.save(now);
            saved.notes = target_state.memory.save_notes();
            targets.insert(name, saved);
        }
        SavedFleet { identities: self.logons.save(), targets }
    }

    /// The state of a target that starts: what its earlier task knew, or what the state file has of it.
    fn target_state(
        &self,
        target: &Arc<Target>,
        full_state_sets: bool,
        spread: Duration,
        before: Option<TargetState>,
    ) -> TargetState {
        let same_api = |target_state: &TargetState| {
            target_state.target.vendor() == target.vendor() && target_state.target.url == target.url
        };
        if let Some(before) = before.filter(same_api) {
            // One whose task hangs with it begins anew.
            let place = lock_in_time(&before.ledger).map(|mut ledger| {
                ledger.reconfigure(Arc::clone(target), full_state_sets);
                // The old task may publish once more; it must not do so in the new one's place.
                self.place(target, &before.ledger, &mut ledger)
            });
            if let Some((slot, freshness)) = place {
                return TargetState { target: Arc::clone(target), spread, slot, freshness, ..before };
            }
        }
        let mut ledger = Ledger::new(Arc::clone(target), full_state_sets);
        let memory = Memory::default();
        let saved = self.waiting.lock().unwrap_or_else(|e| e.into_inner()).remove(&target.name);
        if let Some(mut saved) = saved {
            memory.restore(std::mem::take(&mut saved.memory));
            memory.restore_notes(std::mem::take(&mut saved.notes));
            ledger.restore(saved, self.clock.now());
        }
        let now = self.clock.now();
        ledger.status.held = self.logons.hold_of(&target.name, now).is_some();
        ledger.status.next_logon = self.logons.next_logon(&target.name, now);
        let ledger = Arc::new(Mutex::new(ledger));
        let (slot, freshness) = self.place(target, &ledger, &mut lock(&ledger));
        TargetState {
            target: Arc::clone(target),
            spread,
            ledger,
            memory: Arc::new(memory),
            slot,
            logons: self.logons.clone(),
            clock: self.clock,
            save_requested: Arc::clone(&self.save_requested),
            published: Arc::clone(&self.published),
            freshness,
            pause: Arc::default(),
        }
    }

    /// A place for what is known of a target, with that in it.
    fn place(
        &self,
        target: &Arc<Target>,
        shared: &Arc<Mutex<Ledger>>,
        ledger: &mut Ledger,
    ) -> (Arc<Slot>, Arc<Freshness>) {
        let direct = Arc::clone(&self.direct);
        let freshness = Arc::new(Freshness::new(Arc::clone(target), Arc::clone(shared), self.clock, direct));
        let judge = Arc::clone(&freshness) as Arc<dyn Judge>;
        let slot = Arc::new(Slot::judged(ledger.publish(self.clock.now()).snapshot, judge));
        freshness.publish(ledger, &slot);
        (slot, freshness)
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, RunningTarget>> {
        self.running.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixTime;

    #[tokio::test]
    async fn targets_that_are_gone_leave_the_state_file_in_the_end() {
        let now = UnixTime::from_secs(1_768_464_000);
        let saved = |last_success| SavedTarget { vendor: "resilio".to_owned(), last_success, ..Default::default() };
        let targets = BTreeMap::from([
            ("yesterday".to_owned(), saved(Some(now.minus(Duration::from_secs(86_400))))),
            ("last month".to_owned(), saved(Some(now.minus(Duration::from_secs(30 * 86_400))))),
            ("never".to_owned(), saved(None)),
        ]);
        let fleet = Fleet::new(Clock::at(now), SavedFleet { identities: Vec::new(), targets });
        assert_eq!(fleet.save().targets.into_keys().collect::<Vec<_>>(), ["yesterday"]);
    }
}
