//! The book of a target: what every part brought last, since when agents are in their class, and what that looks like.

mod part;
mod publish;
mod saved;

pub use saved::{SavedAgent, SavedTarget};

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use part::Held;

use super::{FamilyKey, Snapshot, Status, names, status};
use crate::{
    clock::UnixTime,
    config::Target,
    exposition::{Block, text},
    failure::{Failure, Reason},
    health::Health,
    vendor::{Observation, Outcome, Part, Warnings},
};

/// What is known of a target and how it changes. It belongs to the target's task.
#[derive(Debug)]
pub struct Ledger {
    target: Arc<Target>,
    full_state_sets: bool,
    /// How the polls went.
    pub status: Status,
    parts: Vec<Held>,
    /// Since-when from the state file, until the agent is seen again.
    restored: HashMap<(String, String), (Health, UnixTime)>,
    /// Pools of complete answers, with the time of the last one.
    known_pools: BTreeMap<Arc<str>, (bool, UnixTime)>,
    blocks: HashMap<FamilyKey, Block>,
}

/// A snapshot, and when the next one is due although nothing was polled: a part becomes stale.
#[derive(Debug)]
pub struct Published {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// When the next part will be withdrawn.
    pub next_stale: Option<UnixTime>,
}

impl Ledger {
    /// An empty book.
    pub fn new(target: Arc<Target>, full_state_sets: bool) -> Ledger {
        Ledger {
            target,
            full_state_sets,
            status: Status::default(),
            parts: Vec::new(),
            restored: HashMap::new(),
            known_pools: BTreeMap::new(),
            blocks: HashMap::new(),
        }
    }

    /// The book goes on under a changed configuration of the same API.
    pub fn reconfigure(&mut self, target: Arc<Target>, full_state_sets: bool) {
        self.target = target;
        self.full_state_sets = full_state_sets;
    }

    /// Takes up what a poll brought: new parts replace old ones, failed parts stay as they were, parts that are not
    /// listed any more are gone.
    ///
    /// Fails with `too_large`, and changes nothing, where there are more agents than `max_agents`.
    pub fn apply(&mut self, observation: Observation, now: UnixTime, warnings: &Warnings) -> Result<(), Failure> {
        let (mut fresh, mut order) = (Vec::new(), Vec::new());
        let mut kept_agents = 0;
        for (key, outcome) in observation.parts {
            match outcome {
                Outcome::Fresh(part) => {
                    order.push((key, Some(fresh.len())));
                    fresh.push(part);
                }
                Outcome::Failed(_) => {
                    kept_agents += self.parts.iter().find(|held| held.key == key).map_or(0, Held::agents);
                    order.push((key, None));
                }
            }
        }
        let agents: usize = kept_agents + fresh.iter().map(count_agents).sum::<usize>();
        if agents > self.target.max_agents {
            let message = format!("{agents} agents are more than max_agents ({})", self.target.max_agents);
            return Err(Failure::new(Reason::TooLarge, message));
        }
        let previous = std::mem::take(&mut self.parts);
        let since = self.since_index(&previous);
        let kept: HashSet<&str> = order.iter().filter(|(_, fresh)| fresh.is_none()).map(|(key, _)| &**key).collect();
        let complete = kept.is_empty() && observation.failure.is_none();
        // Rows that are no agents do not take a name: those of kept Resilio jobs are the agent of the part that came.
        let taken = previous.iter().filter(|held| kept.contains(&*held.key)).flat_map(|held| &held.members);
        let taken = taken.filter(|member| member.health.is_some());
        let taken = taken.map(|member| ((member.pool.clone(), member.name.clone()), ())).collect();
        let mut pool_names: HashSet<Arc<str>> = HashSet::new();
        let named: Vec<(&Part, Vec<Arc<str>>)> =
            fresh.iter().map(|part| (part, intern_pools(part, &mut pool_names, warnings))).collect();
        let names = names::assign(&named, &taken, warnings);
        let base = status::base(&self.target);
        let mut rendered: Vec<Option<Held>> = named
            .iter()
            .zip(names)
            .map(|((part, pools), names)| {
                let since = |pool: &Arc<str>, name: &Arc<str>, health: Health| match since.get(&(&**pool, &**name)) {
                    Some((class, at)) if *class == health => *at,
                    _ => now,
                };
                Some(Held::render(part, pools, &names, &base, self.full_state_sets, now, since, warnings))
            })
            .collect();
        drop(since);
        // While a log-on is held nothing is asked: what is told again was read when it was first told.
        let told_again = observation.failure.as_ref().is_some_and(|failure| failure.reason == Reason::Held);
        let mut old: HashMap<Box<str>, Held> = previous.into_iter().map(|held| (held.key.clone(), held)).collect();
        for (key, index) in order {
            let before = old.remove(&key);
            let held = match index {
                Some(index) => rendered[index].take().map(|held| match &before {
                    Some(before) if told_again => Held { read: before.read, ..held },
                    _ => held,
                }),
                None => before,
            };
            if let Some(mut held) = held {
                held.key = key;
                self.parts.push(held);
            }
        }
        self.note_pools(now);
        if complete {
            self.restored = HashMap::new();
        }
        for (credential, at) in observation.credential_expiry {
            self.status.credential_expiry.insert(credential, at);
        }
        Ok(())
    }

    /// Agents that are known, whether fresh or not.
    pub fn agents(&self) -> usize {
        self.parts.iter().map(Held::agents).sum()
    }

    fn since_index<'a>(&'a self, parts: &'a [Held]) -> HashMap<(&'a str, &'a str), (Health, UnixTime)> {
        let restored = self.restored.iter().map(|((pool, agent), seen)| ((pool.as_str(), agent.as_str()), *seen));
        let members = parts.iter().flat_map(|held| &held.members);
        let members = members.filter_map(|m| m.health.map(|health| ((&*m.pool, &*m.name), (health, m.since))));
        restored.chain(members).collect()
    }

    /// Notes the pools of this answer; one that was not seen for a day is forgotten.
    fn note_pools(&mut self, now: UnixTime) {
        for pool in self.parts.iter().filter(|held| held.observed == now).flat_map(|held| &held.pools) {
            self.known_pools.insert(Arc::clone(&pool.0), (pool.1, now));
        }
        let day = std::time::Duration::from_secs(86_400);
        self.known_pools.retain(|_, (_, seen)| now.since(*seen) <= day);
    }
}

fn count_agents(part: &Part) -> usize {
    part.agents.iter().filter(|agent| agent.health.is_some()).count()
}

/// The names of the part's pools, cut to length; one allocation for all parts.
fn intern_pools(part: &Part, known: &mut HashSet<Arc<str>>, warnings: &Warnings) -> Vec<Arc<str>> {
    let intern = |pool: &crate::vendor::Pool| {
        let (name, lost) = text::cut(&pool.name);
        if lost {
            warnings.add(crate::vendor::Warning::TruncatedLabel, || format!("pool {name}"));
        }
        known.get(name).cloned().unwrap_or_else(|| {
            let name = Arc::<str>::from(name);
            known.insert(Arc::clone(&name));
            name
        })
    };
    part.pools.iter().map(intern).collect()
}

#[cfg(test)]
mod tests;
