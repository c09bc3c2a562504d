//! The queue of a pool, from its unfinished job requests.

use std::{borrow::Cow, io::Read, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::{
    super::{
        Part, PoolRef, Warning, Warnings,
        lenient::{self, Field, Object, RowCount, Shape, Timestamp},
    },
    agents::is_maintenance,
    jobs::ReadyAgents,
    pools,
    states::{self, Status},
};
use crate::{
    catalogue::azure_devops::{POOL_JOB_REQUESTS_UP, POOL_JOBS, POOL_OLDEST_QUEUED_JOB, POOL_UNMATCHED_JOBS},
    failure::Failure,
};

/// The longest that a queue may take: 760 rows were seen to take 4 s, and 10,000 to time out.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(15);

/// A row of a queue on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct QueueItem<'a> {
    #[serde(borrow)]
    plan_type: Field<Cow<'a, str>>,
    queue_time: Field<Timestamp>,
    assign_time: Field<Timestamp>,
    receive_time: Field<Timestamp>,
    finish_time: Field<Timestamp>,
    #[serde(borrow)]
    result: Field<Cow<'a, str>>,
    matches_all_agents_in_pool: Field<bool>,
    /// Absent or empty where all match.
    matched_agents: MatchedAgents,
}

impl Shape for QueueItem<'_> {
    type Of<'a> = QueueItem<'a>;
}

/// The agents that meet the demands of a job: their ids, and whether the request itself says that they are online and enabled.
#[derive(Debug, Clone, PartialEq, Default)]
struct MatchedAgents(Vec<(i64, bool)>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AgentReference<'a> {
    id: Field<i64>,
    enabled: Field<bool>,
    #[serde(borrow)]
    status: Field<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for MatchedAgents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MatchedAgentsVisitor)
    }
}

struct MatchedAgentsVisitor;

impl<'de> Visitor<'de> for MatchedAgentsVisitor {
    type Value = MatchedAgents;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of agents")
    }

    /// An agent without a readable id costs itself.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<MatchedAgents, A::Error> {
        let mut agents = Vec::new();
        while let Some(Object(reference)) = seq.next_element::<Object<AgentReference<'_>>>()? {
            let Some((id, reference)) = reference.ok().and_then(|agent| Some((agent.id.ok()?, agent))) else {
                continue;
            };
            let online = matches!(&reference.status, Field::Value(text) if states::status(text) == Status::Online);
            agents.push((id, online && reference.enabled.ok().unwrap_or(true)));
        }
        Ok(MatchedAgents(agents))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<MatchedAgents, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(MatchedAgents::default())
    }

    fn visit_unit<E>(self) -> Result<MatchedAgents, E> {
        Ok(MatchedAgents::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<MatchedAgents, E> {
        Ok(MatchedAgents::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<MatchedAgents, E> {
        Ok(MatchedAgents::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<MatchedAgents, E> {
        Ok(MatchedAgents::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<MatchedAgents, E> {
        Ok(MatchedAgents::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<MatchedAgents, E> {
        Ok(MatchedAgents::default())
    }
}

/// Unfinished job requests, pool maintenance left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Queue {
    /// No agent is assigned yet.
    pub queued: u64,
    /// An agent is assigned and has not taken it yet.
    pub assigned: u64,
    /// An agent has taken it.
    pub running: u64,
    /// When the oldest that is queued was queued.
    pub oldest: Option<Timestamp>,
    /// Whether any row says which agents match it.
    says_matches: bool,
    /// Of the jobs that are queued and that not every agent matches those that do.
    restricted: Vec<MatchedAgents>,
    rows: RowCount,
}

impl Queue {
    /// Counts a page of job requests.
    pub fn read(&mut self, body: impl Read, warnings: &Warnings) -> Result<(), Failure> {
        let list = lenient::items::<QueueItem<'_>>(body, "value", |item: Option<QueueItem<'_>>| {
            self.rows.add(item.is_some());
            match item {
                Some(request) => self.add(request, warnings),
                None => warnings.add(Warning::BadItem, || "job request that cannot be read".to_owned()),
            }
        })?;
        self.rows.announce(list);
        pools::check(list, warnings, "job requests")
    }

    /// The queue once all pages were read. Fails where most of it cannot be read: its numbers would be too low.
    pub fn finish(self) -> Result<Queue, Failure> {
        match self.rows.judge("job requests")? {
            Some(defect) => Err(defect),
            None => Ok(self),
        }
    }

    /// A time that cannot be read still tells that the step was taken.
    fn add(&mut self, request: QueueItem<'_>, warnings: &Warnings) {
        let matches_all = request.matches_all_agents_in_pool.get(warnings, "matchesAllAgentsInPool");
        self.says_matches |= matches_all.is_some();
        let is_finished = request.result != Field::Missing || request.finish_time != Field::Missing;
        if is_finished || is_maintenance(&request.plan_type) {
            return;
        }
        if request.receive_time != Field::Missing {
            self.running += 1;
        } else if request.assign_time != Field::Missing {
            self.assigned += 1;
        } else {
            self.queued += 1;
            let queued = request.queue_time.get(warnings, "queueTime");
            self.oldest = [self.oldest, queued].into_iter().flatten().min();
            if matches_all == Some(false) {
                self.restricted.push(request.matched_agents);
            }
        }
    }

    /// How many queued jobs nobody can take who is online and enabled; `None` where no row says which agents match it. `ready`
    /// are the agents of this very poll; of those that it does not list counts what the request says.
    pub fn unmatched(&self, ready: Option<&ReadyAgents>) -> Option<u64> {
        let is_ready = |(id, said): &(i64, bool)| ready.and_then(|ready| ready.of(*id)).unwrap_or(*said);
        let unmatched = self.restricted.iter().filter(|matched| !matched.0.iter().any(is_ready));
        self.says_matches.then(|| unmatched.count() as u64)
    }
}

/// Sets the samples of a queue that was asked for. One that could not be read has no jobs at all, never 0 of them.
pub fn set(part: &mut Part, pool: PoolRef, queue: Option<&Queue>, ready: Option<&ReadyAgents>) {
    part.set(&POOL_JOB_REQUESTS_UP, pool, &[], f64::from(queue.is_some()));
    let Some(queue) = queue else { return };
    for (state, jobs) in [("queued", queue.queued), ("assigned", queue.assigned), ("running", queue.running)] {
        part.set(&POOL_JOBS, pool, &[state], jobs as f64);
    }
    part.set_some(&POOL_UNMATCHED_JOBS, pool, &[], queue.unmatched(ready).map(|jobs| jobs as f64));
    part.set_some(&POOL_OLDEST_QUEUED_JOB, pool, &[], queue.oldest.map(Timestamp::as_secs_f64));
}
