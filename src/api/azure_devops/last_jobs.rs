//! The last real job of each agent. Maintenance of a pool is a request like any other in what the service says, and is no job:
//! an agent whose last request it was keeps what is known of the one before.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use super::super::{Agent, Id, lenient::Timestamp};

/// How a job ended, as far as the service says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LastJob {
    /// When.
    pub finished: Option<Timestamp>,
    /// The label `result`.
    pub result: Option<&'static str>,
}

/// Those of a target, by pool and agent.
#[derive(Debug, Default)]
pub struct LastJobs(Mutex<HashMap<i64, HashMap<i64, LastJob>>>);

impl LastJobs {
    /// Takes note of a job.
    pub fn note(&self, pool: i64, agent: i64, job: LastJob) {
        self.lock().entry(pool).or_default().insert(agent, job);
    }

    /// The last one that is known.
    pub fn known(&self, pool: i64, agent: i64) -> Option<LastJob> {
        self.lock().get(&pool)?.get(&agent).copied()
    }

    /// Forgets agents of a pool that are not there any more.
    pub fn retain_agents(&self, pool: i64, agents: &[Agent]) {
        let mut jobs = self.lock();
        let Some(jobs) = jobs.get_mut(&pool).filter(|jobs| jobs.len() > agents.len()) else { return };
        let ids: std::collections::HashSet<i64> = agents
            .iter()
            .filter_map(|agent| match agent.id {
                Id::Number(id) => Some(id),
                Id::Text(_) => None,
            })
            .collect();
        jobs.retain(|id, _| ids.contains(id));
    }

    /// Forgets pools.
    pub fn retain_pools(&self, is_there: impl Fn(i64) -> bool) {
        self.lock().retain(|id, _| is_there(*id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, HashMap<i64, LastJob>>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}
