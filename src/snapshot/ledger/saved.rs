//! What of a ledger survives a restart: since-when, the pools that were known, when credentials end, and failures in a row.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_tuple::{Deserialize_tuple, Serialize_tuple};

use super::Ledger;
use crate::{
    api::memory::{Notes, SavedSince},
    clock::UnixTime,
    health::Health,
};

/// The credentials that a vendor may tell the end of.
const CREDENTIALS: [&str; 3] = ["password", "client_secret", "certificate"];

/// A target in the state file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedTarget {
    /// The label `vendor`; another one means that the name was given to another API.
    pub vendor: String,
    /// Its agents.
    pub agents: Vec<SavedAgent>,
    /// Its pools.
    pub pools: Vec<SavedPool>,
    /// When a poll last had data.
    pub last_success: Option<UnixTime>,
    /// Since-when of other things.
    pub memory: Vec<SavedSince>,
    /// Failed polls in a row; without them, and in a file of an earlier version, there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<SavedFailures>,
    /// When credentials end, as the vendor said last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credential_expiry: BTreeMap<String, UnixTime>,
    /// What the vendor notes of itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: Notes,
}

/// Failed polls in a row, in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SavedFailures {
    count: u64,
    /// When the last one ended.
    at: UnixTime,
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
        self.failures.iter_mut().for_each(|failures| failures.at = failures.at.min(now));
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
            failures: self.saved_failures(),
            credential_expiry: self.status.credential_expiry.iter().map(|(k, at)| ((*k).to_owned(), *at)).collect(),
            notes: Notes::new(),
        }
    }

    fn saved_failures(&self) -> Option<SavedFailures> {
        let count = self.status.consecutive_failures;
        self.status.failed_at.filter(|_| count > 0).map(|at| SavedFailures { count, at })
    }

    /// Takes up what an earlier run has saved, if it is about the same API.
    ///
    /// Failures in a row go on where no poll was missed: within `stale_after` one is due in any case. After a longer pause
    /// nobody knows what the polls between would have brought, so they are counted anew.
    pub fn restore(&mut self, saved: SavedTarget, now: UnixTime) {
        if saved.vendor != self.target.vendor() {
            return;
        }
        self.status.last_success = saved.last_success;
        if let Some(SavedFailures { count, at }) = saved.failures
            && now.since(at) <= self.target.stale_after
        {
            (self.status.consecutive_failures, self.status.failed_at) = (count, Some(at));
        }
        let known = |name: &str| CREDENTIALS.into_iter().find(|known| *known == name);
        let ends = saved.credential_expiry.iter().filter_map(|(name, at)| Some((known(name)?, *at)));
        self.status.credential_expiry = ends.collect();
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
    use std::{path::Path, sync::Arc, time::Duration};

    use super::*;
    use crate::{
        api::{Agent, Id, Observation, Part, Warnings},
        catalogue::azure_devops::FAMILIES,
        config::{Config, Target},
        failure::{Failure, Reason},
    };

    fn target() -> Arc<Target> {
        let yaml = "targets: [{ name: t, vendor: azure_devops, url: 'https://127.0.0.1:1', auth: { pat: x } }]";
        Config::parse(yaml, "rollcall.yml", Path::new(".")).expect("it is valid").targets.remove(0)
    }

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
    fn failures_in_a_row_go_on_after_a_restart_unless_it_took_too_long() {
        let (known, stale_after) = (Ledger::new(target(), false), target().stale_after);
        let saved = SavedTarget { failures: Some(SavedFailures { count: 2, at: UnixTime(5000) }), ..known.save() };
        let restart = |after: Duration| {
            let mut ledger = Ledger::new(target(), false);
            let json = serde_json::to_string(&saved).expect("it can be written");
            ledger.restore(serde_json::from_str(&json).expect("it can be read"), UnixTime(5000).plus(after));
            ledger
        };
        let soon = restart(stale_after);
        assert_eq!(soon.status.consecutive_failures, 2);
        assert_eq!(soon.save().failures, saved.failures, "the next restart, without a poll between, knows it as well");
        assert_eq!(restart(stale_after + Duration::from_secs(1)).status.consecutive_failures, 0);
    }

    #[test]
    fn the_end_of_a_credential_is_known_after_a_restart_that_brings_no_poll() {
        let mut before = Ledger::new(target(), false);
        before.status.credential_expiry.insert("client_secret", UnixTime(7000));
        let mut after = Ledger::new(target(), false);
        after.restore(before.save(), UnixTime(6000));
        assert_eq!(after.status.credential_expiry, before.status.credential_expiry);
    }

    #[test]
    fn what_a_restart_knows_of_a_pool_that_cannot_be_read_outlives_the_next_restart() {
        let start = |before: &Ledger| {
            let mut ledger = Ledger::new(target(), false);
            ledger.restore(before.save(), UnixTime::from_secs(1000));
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
        let mut first = Ledger::new(target(), false);
        poll(&mut first, 1000, [true, true]);
        let mut second = start(&first);
        poll(&mut second, 2000, [true, false]);
        let mut third = start(&second);
        poll(&mut third, 3000, [true, true]);
        let since: Vec<i64> = third.save().agents.iter().map(|agent| agent.since.0 / 1000).collect();
        assert_eq!(since, [1000, 1000]);
    }
}
