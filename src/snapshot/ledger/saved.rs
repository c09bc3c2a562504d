//! What of a ledger survives a restart: since-when, and the pools that were known.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_tuple::{Deserialize_tuple, Serialize_tuple};

use super::Ledger;
use crate::{api::memory::SavedSince, clock::UnixTime, health::Health};

/// A target in the state file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedTarget {
    /// The label `vendor`; another one means that the name was given to another API.
    pub vendor: String,
    /// Its agents.
    pub agents: Vec<SavedAgent>,
    /// Its pools.
    pub pools: Vec<SavedPool>,
    /// When a poll last brought data.
    pub last_success: Option<UnixTime>,
    /// Since-when of other things.
    pub memory: Vec<SavedSince>,
}

/// An agent in the state file, where it is an array.
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct SavedAgent {
    pool: String,
    name: String,
    health: String,
    since: UnixTime,
}

/// A pool in the state file, where it is an array.
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct SavedPool {
    name: String,
    on_demand: bool,
    /// When it was last read.
    seen: UnixTime,
}

impl SavedTarget {
    /// Takes back what lies ahead of `now`, as a state written under a wrong clock does.
    pub fn limit(&mut self, now: UnixTime) {
        self.last_success = self.last_success.map(|at| at.min(now));
        self.agents.iter_mut().for_each(|agent| agent.since = agent.since.min(now));
        self.pools.iter_mut().for_each(|pool| pool.seen = pool.seen.min(now));
        for SavedSince { since, seen, .. } in &mut self.memory {
            (*since, *seen) = ((*since).min(now), (*seen).min(now));
        }
    }
}

impl Ledger {
    /// What survives a restart.
    pub fn save(&self) -> SavedTarget {
        let members = self.parts.iter().flat_map(|held| held.named());
        let known = members.filter_map(|(pool, m)| {
            Some(SavedAgent {
                pool: pool.to_owned(),
                name: m.name.to_owned(),
                health: m.health?.as_str().to_owned(),
                since: m.since,
            })
        });
        // Of a pool that could not be read since the start nothing newer is known, whatever came of the others.
        let told: HashSet<&str> = self.parts.iter().flat_map(|held| &held.pools).map(|(name, _)| &**name).collect();
        let restored = self.restored.iter().filter(|((pool, _), _)| !told.contains(pool.as_str()));
        let waiting = restored.map(|((pool, name), (health, since))| SavedAgent {
            pool: pool.clone(),
            name: name.clone(),
            health: health.as_str().to_owned(),
            since: *since,
        });
        SavedTarget {
            vendor: self.target.vendor().to_owned(),
            agents: known.chain(waiting).collect(),
            pools: self
                .known_pools
                .iter()
                .map(|(name, (on_demand, seen))| SavedPool {
                    name: name.to_string(),
                    on_demand: *on_demand,
                    seen: *seen,
                })
                .collect(),
            last_success: self.status.last_success,
            memory: Vec::new(),
        }
    }

    /// Takes up what an earlier run has saved, if it is about the same API.
    pub fn restore(&mut self, saved: SavedTarget) {
        if saved.vendor != self.target.vendor() {
            return;
        }
        self.status.last_success = saved.last_success;
        let agents = saved.agents.into_iter().filter_map(|SavedAgent { pool, name, health, since }| {
            Some(((pool, name), (Health::parse(&health)?, since)))
        });
        self.restored = agents.collect();
        let pools = saved.pools.into_iter().map(|SavedPool { name, on_demand, seen }| (name.into(), (on_demand, seen)));
        self.known_pools = pools.collect();
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::{
        api::{Agent, Id, Observation, Part, Warnings},
        catalogue::azure_devops::FAMILIES,
        config::Config,
        failure::{Failure, Reason},
    };

    fn pool(observation: &mut Observation, name: &str) {
        let mut part = Part::new(FAMILIES);
        let pool = part.pool(name, false);
        let (health, state) = (Some(Health::Failed), "offline".into());
        part.agent(Agent { pool, name: name.into(), id: Id::Number(1), health, state }).expect("the first one");
        observation.fresh(name, part);
    }

    #[test]
    fn rows_are_arrays_in_the_state_file() {
        let json = concat!(
            r#"{"vendor":"resilio","agents":[["client","FILER-03","failed",1000]],"pools":[["client",false,2000]],"#,
            r#""last_success":3000,"memory":[["job_status","385","syncing",4000,5000]]}"#,
        );
        let saved: SavedTarget = serde_json::from_str(json).expect("as every version has written it");
        assert_eq!((&*saved.agents[0].name, saved.pools[0].seen), ("FILER-03", UnixTime(2000)));
        assert_eq!((&*saved.memory[0].state, saved.memory[0].since), ("syncing", UnixTime(4000)));
        assert_eq!(serde_json::to_string(&saved).expect("it can be written"), json);
    }

    #[test]
    fn what_a_restart_knows_of_a_pool_that_cannot_be_read_outlives_the_next_restart() {
        let yaml = "targets: [{ name: t, vendor: azure_devops, url: 'https://127.0.0.1:1', auth: { pat: x } }]";
        let config = Config::parse(yaml, "rollcall.yml", Path::new(".")).expect("it is valid");
        let start = |before: &Ledger| {
            let mut ledger = Ledger::new(Arc::clone(&config.targets[0]), false);
            ledger.restore(before.save());
            ledger
        };
        let poll = |ledger: &mut Ledger, at, pools: [bool; 2]| {
            let mut observation = Observation::default();
            for (name, updates) in ["a", "b"].into_iter().zip(pools) {
                match updates {
                    true => pool(&mut observation, name),
                    false => observation.failed(name, Failure::new(Reason::Forbidden, "403")),
                }
            }
            ledger.apply(observation, UnixTime::from_secs(at), &Warnings::default()).expect("few agents");
        };
        let mut first = Ledger::new(Arc::clone(&config.targets[0]), false);
        poll(&mut first, 1000, [true, true]);
        let mut second = start(&first);
        poll(&mut second, 2000, [true, false]);
        let mut third = start(&second);
        poll(&mut third, 3000, [true, true]);
        let since: Vec<i64> = third.save().agents.iter().map(|agent| agent.since.0 / 1000).collect();
        assert_eq!(since, [1000, 1000]);
    }
}
