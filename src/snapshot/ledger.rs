//! The ledger of a target: the last data of every part, since when agents are in their class, and what that looks like.

mod expected;
mod intake;
mod lines;
mod part;
mod pieces;
mod publish;
mod saved;
mod since;

pub use saved::{SavedAgent, SavedPool, SavedTarget};

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use intake::{Intake, PartUpdate};
use part::{RenderOptions, StoredPart};
use pieces::Pieces;
use since::SinceLookup;

use super::{History, Snapshot, Status, status};
use crate::{
    api::{Observation, Warnings, fingerprint::PartFingerprints, memory::earliest_kept},
    catalogue::FamilyKey,
    clock::UnixTime,
    config::Target,
    failure::{Failure, Reason},
    health::Health,
};

/// Of pools that are gone so many are known at most: a service may name new ones at every poll.
const MAX_GONE: usize = 10_000;

/// What is known of a target and how it changes. It belongs to the target's task.
#[derive(Debug)]
pub struct Ledger {
    target: Arc<Target>,
    full_state_sets: bool,
    /// How the polls went.
    pub status: Status,
    /// What has happened so far.
    pub history: Arc<History>,
    parts: Vec<StoredPart>,
    /// Since-when from the state file, until the agent is seen again.
    restored: HashMap<(String, String), (Health, UnixTime)>,
    /// Pools of complete answers, with the time of the last one.
    known_pools: BTreeMap<Arc<str>, (bool, UnixTime)>,
    /// The names of pools of the last answer that told of all of them, and of those that came since. `None`: there was
    /// no such answer, or nothing is expected.
    listed: Option<HashSet<Arc<str>>>,
    /// What the last snapshot was made of.
    pieces: HashMap<FamilyKey, Pieces>,
}

/// A snapshot, and when the next one is due although nothing was polled: a part becomes stale.
#[derive(Debug)]
pub struct Published {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// When the next part will be withdrawn.
    pub next_stale: Option<UnixTime>,
    /// When the last one will be.
    pub all_stale: Option<UnixTime>,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(target: Arc<Target>, full_state_sets: bool) -> Ledger {
        Ledger {
            target,
            full_state_sets,
            status: Status::default(),
            history: Arc::default(),
            parts: Vec::new(),
            restored: HashMap::new(),
            known_pools: BTreeMap::new(),
            listed: None,
            pieces: HashMap::new(),
        }
    }

    /// The target that it is about.
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// The ledger goes on under a changed configuration of the same API.
    pub fn reconfigure(&mut self, target: Arc<Target>, full_state_sets: bool) {
        self.target = target;
        self.full_state_sets = full_state_sets;
        // What is held was rendered as the old configuration wants it.
        self.parts.iter_mut().for_each(|held| held.fingerprint = None);
        // It may ask for other pools.
        self.listed = None;
    }

    /// Takes the result of a poll: new parts replace old ones, failed parts stay as they were, and so do those that came
    /// again as they were, which then are as good as new; parts that are not listed any more are gone.
    ///
    /// Fails with `too_large`, and changes nothing, where there are more agents than `max_agents` or more series than
    /// `max_series`.
    pub fn apply(&mut self, observation: Observation, now: UnixTime, warnings: &Warnings) -> Result<(), Failure> {
        let intake = Intake::new(observation.parts, &self.parts);
        let agents = intake.agents();
        if agents > self.target.max_agents {
            intake.warnings(warnings);
            let message = format!("{agents} agents are more than max_agents ({})", self.target.max_agents);
            return Err(Failure::new(Reason::TooLarge, message));
        }
        let series = intake.series(self.full_state_sets);
        if series > self.target.max_series {
            intake.warnings(warnings);
            let message = format!("{series} series are more than max_series ({})", self.target.max_series);
            return Err(Failure::new(Reason::TooLarge, message));
        }
        let complete = !intake.has_failed() && observation.failure.is_none();
        let lists_all = !intake.has_failed() && !observation.incomplete;
        let base = status::base(&self.target);
        let options = RenderOptions { base: &base, full_state_sets: self.full_state_sets, now };
        let updates = intake.render(options, &SinceLookup::new(&self.parts, &self.restored));
        // While a log-on is held nothing is asked: what is told again was read when it was first told.
        let told_again = observation.repeated;
        let previous = std::mem::take(&mut self.parts);
        let mut changes = Vec::new();
        let mut old: HashMap<Box<str>, StoredPart> =
            previous.into_iter().map(|held| (held.key.clone(), held)).collect();
        for (key, updates) in updates {
            let before = old.remove(&key);
            let read = before.as_ref().map(|before| before.read).filter(|_| told_again).unwrap_or(now);
            let (held, counts) = match updates {
                PartUpdate::Replace(mut held) => {
                    changes.append(&mut held.changes);
                    (Some(StoredPart { read, ..*held }), true)
                }
                PartUpdate::Refresh => (before.map(|before| StoredPart { observed: now, read, ..before }), true),
                PartUpdate::Keep => (before, false),
            };
            if let Some(held) = held {
                if counts {
                    warnings.merge(&held.warnings);
                }
                self.parts.push(held);
            }
        }
        self.history.add_changes(changes, agents);
        self.note_pools(now);
        self.note_listed(lists_all);
        if complete {
            self.restored = HashMap::new();
        }
        // What the vendor does not say any more has ended: of a password that was changed it may say nothing.
        self.status.credential_expiry = observation.credential_expiry.into_iter().collect();
        self.status.extras = observation.extras.into_iter().map(|(name, outcome)| (name, outcome.is_ok())).collect();
        Ok(())
    }

    /// Whether this part was read as a whole, and is not stale yet.
    pub fn has_complete(&self, key: &str, now: UnixTime) -> bool {
        let held = self.parts.iter().find(|held| *held.key == *key);
        held.is_some_and(|held| held.complete && now.since(held.observed) < self.target.stale_after)
    }

    /// What the parts come from that need not be read again while it is the same.
    pub fn fingerprints(&self) -> PartFingerprints {
        self.parts.iter().filter_map(|held| Some((held.key.clone(), held.fingerprint.clone()?))).collect()
    }

    /// When the first of the parts becomes stale, or did.
    pub fn first_stale(&self) -> Option<UnixTime> {
        self.parts.iter().map(|held| held.observed.plus(self.target.stale_after)).min()
    }

    /// Agents that are known, whether fresh or not.
    pub fn agents(&self) -> usize {
        self.parts.iter().map(StoredPart::agents).sum()
    }

    /// Notes the pools of this answer; one that was not seen for a day is forgotten, unless it is one on demand that is
    /// expected by its name. Of those that are gone not more than [`MAX_GONE`] are known, the latest.
    fn note_pools(&mut self, now: UnixTime) {
        for pool in self.parts.iter().filter(|held| held.observed == now).flat_map(|held| &held.pools) {
            self.known_pools.insert(Arc::clone(&pool.0), (pool.1, now));
        }
        let day = std::time::Duration::from_secs(86_400);
        let target = &self.target;
        let is_expected = |pool: &str| target.expected_pools().any(|(name, _)| name == pool);
        self.known_pools.retain(|name, (on_demand, seen)| now.since(*seen) <= day || (*on_demand && is_expected(name)));
        let is_gone = |name: &str, (on_demand, seen): &(bool, UnixTime)| {
            (*seen != now && !(*on_demand && is_expected(name))).then_some(*seen)
        };
        let gone = self.known_pools.iter().filter_map(|(name, pool)| is_gone(name, pool));
        if let Some(latest) = earliest_kept(gone, MAX_GONE) {
            let mut left = MAX_GONE;
            self.known_pools.retain(|name, pool| match is_gone(name, pool) {
                Some(seen) if seen < latest || left == 0 => false,
                Some(_) => {
                    left -= 1;
                    true
                }
                None => true,
            });
        }
    }
}

#[cfg(test)]
mod tests;
