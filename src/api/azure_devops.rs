//! Azure DevOps agent pools: Services (`https://dev.azure.com/{organization}`) and Server.
//!
//! - API: distributed task, `GET {url}/_apis/distributedtask/pools`, `.../pools/{id}/agents` and the undocumented but
//!   released `.../pools/{id}/jobrequests`.
//! - Credentials: a personal access token with the scope *Agent Pools (read)*, or an Entra application. Pools that the
//!   account may not see are missing from the list; they are not refused.
//! - <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/agents/list>
//!
//! - Beside these, as extras: `.../elasticpools`, `.../pools?poolType=deployment`, `.../agents?includeCapabilities=true`.
//!
//! Parts: one for each pool that is polled (key: its id) with its agents, and one (key: empty) of what the list of pools
//! and the queues say. A pool whose agents cannot be read thus keeps its description, and a queue never fails a poll.

mod agents;
mod capabilities;
mod elastic;
mod extras;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod jobs;
mod last_jobs;
mod limits;
mod pool_reader;
mod pools;
mod queue;
mod session;
pub mod states;
mod token;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt, future, stream};
use tokio::time::Instant;

pub use self::extras::EXTRAS;

use self::{
    extras::{Asking, Extras},
    jobs::{AgentFacts, Jobs, ReadyAgents},
    last_jobs::LastJobs,
    pool_reader::{PoolContext, PoolReader},
    pools::PoolRow,
    queue::{QUEUE_TIMEOUT, Queue},
    session::{ApiRequest, Session},
    token::Credential,
};
use super::{Api, BoxFuture, Context, Observation, Outcome, Part, fingerprint, lenient, logon::Logons};
use crate::{
    catalogue::azure_devops::{ELASTIC_POOL_STATE, FAMILIES, POOL_INFO, POOL_SIZE},
    clock::UnixTime,
    config::{Target, target},
    failure::{Failure, Reason},
    http::Client,
};

/// As many pools are asked for their agents at once.
const AGENTS_AT_ONCE: usize = 4;

/// As many pools are asked for their queues at once, beside those; apart, as slow queues must not hold up the agents.
const QUEUES_AT_ONCE: usize = 2;

/// The requests of so many pools are prepared at a time.
const PREPARED: usize = 500;

/// The API of one target.
#[derive(Debug)]
pub struct AzureDevOps {
    target: Arc<Target>,
    settings: Arc<target::AzureDevOps>,
    session: Session,
    reader: fingerprint::ReaderId,
    /// When the agents of each pool were last read, by its id.
    agents_read: HashMap<i64, UnixTime>,
    /// The same of its queue.
    queues_read: HashMap<i64, UnixTime>,
    /// Pools whose queue could not be read at the last poll, and that this was logged of.
    queues_unread: HashSet<i64>,
    /// The last job of each agent.
    last_jobs: Arc<LastJobs>,
    extras: Extras,
    /// What was counted of jobs.
    jobs: Jobs,
    /// Which agents of each pool are online and enabled, as of the last time that they were read.
    ready: HashMap<i64, ReadyAgents>,
}

/// The agents of a pool: what becomes of its part, and what they say beside their samples unless all is as it was.
type AgentsRead = Result<(Outcome, Option<AgentFacts>), Failure>;

impl AzureDevOps {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, settings: target::AzureDevOps, http: Client, logons: Arc<Logons>) -> AzureDevOps {
        let session = Session::new(Arc::clone(&target), settings.auth.clone(), http, logons);
        AzureDevOps {
            target,
            settings: Arc::new(settings),
            session,
            reader: fingerprint::ReaderId::default(),
            agents_read: HashMap::new(),
            queues_read: HashMap::new(),
            queues_unread: HashSet::new(),
            last_jobs: Arc::default(),
            extras: Extras::default(),
            jobs: Jobs::default(),
            ready: HashMap::new(),
        }
    }

    /// The list of pools. A token that was good at an earlier poll and is refused now is replaced once.
    async fn pools(&mut self, cx: &Context<'_>) -> Result<(Credential, (Vec<PoolRow>, Option<Failure>)), Failure> {
        let credential = self.session.credential(cx).await?;
        let failure = match self.session.pools(cx, &credential).await {
            Ok(pools) => return Ok((credential, pools)),
            Err(failure) => failure,
        };
        let Some(credential) = self.session.renew_token(cx, failure.reason).await? else { return Err(failure) };
        let pools = self.session.pools(cx, &credential).await?;
        Ok((credential, pools))
    }

    async fn observe(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        self.session.begin();
        let (credential, (mut pools, defect)) = self.pools(cx).await?;
        let (settings, stale_after) = (Arc::clone(&self.settings), self.target.stale_after);
        let asking = Asking {
            cx,
            target: &self.target,
            settings: &settings,
            session: &self.session,
            credential: &credential,
            deadline: Asking::deadline(cx),
        };
        self.extras.read_lists(&asking).await;
        self.extras.add_deployment_pools(&mut pools, cx.now, stale_after);
        pools.retain(|pool| settings.pools.include.matches(&pool.name) && !settings.pools.exclude.matches(&pool.name));
        pools::tell_apart(&mut pools, cx.warnings);
        for pool in &mut pools {
            pool.on_demand |= settings.on_demand_pools.matches(&pool.name);
        }
        let mut polled: Vec<&PoolRow> = pools.iter().filter(|pool| settings.include_hosted || !pool.hosted).collect();
        self.extras.read_capabilities(&asking, &polled).await;

        let seen = AtomicUsize::new(0);
        // A service that asks for pauses may not let all of them be read in one poll: those with the oldest data go first.
        polled.sort_by_key(|pool| self.agents_read.get(&pool.id));
        let mut counted_pools = polled.clone();
        counted_pools.sort_by_key(|pool| self.queues_read.get(&pool.id));
        counted_pools.retain(|_| settings.job_requests);
        let (mut agents, mut queues) = (Vec::new(), Vec::new());
        // So many requests are made beforehand: a closure inside the stream would have to be general over lifetimes, and those
        // of all pools would take kilobytes for each of them.
        for at in (0..polled.len()).step_by(PREPARED) {
            let (polled, counted_pools) = (polled.iter().skip(at), counted_pools.iter().skip(at));
            let reads: Vec<_> = polled.take(PREPARED).map(|pool| self.agents(cx, &credential, pool, &seen)).collect();
            let counts: Vec<_> = counted_pools.take(PREPARED).map(|pool| self.queue(cx, &credential, pool)).collect();
            let (read, counted) = future::join(
                stream::iter(reads).buffer_unordered(AGENTS_AT_ONCE).collect::<Vec<_>>(),
                stream::iter(counts).buffer_unordered(QUEUES_AT_ONCE).collect::<Vec<_>>(),
            )
            .await;
            agents.extend(read);
            queues.extend(counted);
        }
        agents.sort_by_key(|(id, _)| *id);
        if seen.into_inner() > self.target.max_agents {
            let message =
                format!("more than {} (max_agents)", crate::printable::counted(self.target.max_agents, "agent"));
            return Err(Failure::new(Reason::TooLarge, message));
        }
        if agents.iter().all(|(_, part)| part.is_err())
            && let Some((_, Err(failure))) = agents.first()
        {
            return Err(failure.clone());
        }

        let mut observation = Observation::default();
        self.note_reads(cx.now, &pools, &agents, &queues);
        observation.unread = unread_queues(&pools, &queues);
        self.note_facts(&pools, &mut agents, defect.is_none(), cx.warnings);
        let read: HashSet<i64> = agents.iter().filter(|(_, read)| read.is_ok()).map(|(id, _)| *id).collect();
        let mut description = self.describe(&pools, &queues, &read, cx.now);
        if let Some(defect) = &defect {
            // Pools that cannot be read in the list have not gone.
            let listed: HashSet<Box<str>> = agents.iter().map(|(id, _)| id.to_string().into()).collect();
            let unlisted = cx.known.keys().filter(|key| !key.is_empty() && !listed.contains(*key));
            unlisted.for_each(|key| observation.failed(key.clone(), defect.clone()));
        }
        description.defect = defect;
        observation.fresh("", description);
        for (id, outcome) in agents {
            match outcome {
                Ok((outcome, _)) => observation.parts.push((id.to_string().into(), outcome)),
                Err(failure) => observation.failed(id.to_string(), failure),
            }
        }
        observation.extras = self.extras.outcomes();
        Ok(observation)
    }

    /// The agents of a pool. `seen` counts the agents of the whole poll.
    async fn agents(
        &self,
        cx: &Context<'_>,
        credential: &Credential,
        pool: &PoolRow,
        seen: &AtomicUsize,
    ) -> (i64, AgentsRead) {
        let request = ApiRequest {
            credential,
            operation: "agents",
            path: format!("_apis/distributedtask/pools/{}/agents", pool.id),
            query: &[("includeAssignedRequest", "true"), ("includeLastCompletedRequest", "true")],
            versioned: true,
            deadline: cx.part_deadline(),
        };
        let capabilities = self.extras.capabilities(pool.id, cx.now, self.target.stale_after);
        let context = PoolContext {
            target: Arc::clone(&self.target),
            settings: Arc::clone(&self.settings),
            pool: pool.clone(),
            capabilities: capabilities.map(|(_, capabilities)| Arc::clone(capabilities)),
            last_jobs: Arc::clone(&self.last_jobs),
        };
        let known = cx.known.get(&*pool.id.to_string());
        let inputs = self.reader.hash_inputs(&(pool, capabilities.map(|(version, _)| version)));
        let mut pool_reader = PoolReader::new(context, inputs, known);
        let read = self.session.pages(&request, None, |body| {
            let added = pool_reader.page(body)?;
            if seen.fetch_add(added, Ordering::Relaxed) + added > self.target.max_agents {
                return Err(Failure::new(Reason::TooLarge, "too many agents"));
            }
            Ok(())
        });
        let read = read.await;
        if read.is_err() {
            cx.warnings.merge(pool_reader.warnings());
        }
        (pool.id, read.and_then(|()| pool_reader.finish(cx.warnings)))
    }

    /// The queue of a pool.
    async fn queue(&self, cx: &Context<'_>, credential: &Credential, pool: &PoolRow) -> (i64, Result<Queue, Failure>) {
        let request = ApiRequest {
            credential,
            operation: "jobrequests",
            path: format!("_apis/distributedtask/pools/{}/jobrequests", pool.id),
            // Only what is unfinished; without it the service sends every recent request, too, and was seen to time out.
            query: &[("completedRequestCount", "0")],
            // Undocumented, so nobody says which versions it has; KEDA and others ask without one.
            versioned: false,
            deadline: cx.part_deadline().min(Instant::now() + QUEUE_TIMEOUT),
        };
        let mut queue = Queue::default();
        let read = self.session.pages(&request, None, |body| queue.read(body.reader(), cx.warnings)).await;
        (pool.id, read.and_then(|()| queue.finish()))
    }

    /// Notes what was read now, for the order of the next poll, and logs queues that cannot be read any more.
    fn note_reads(
        &mut self,
        now: UnixTime,
        pools: &[PoolRow],
        agents: &[(i64, AgentsRead)],
        queues: &[(i64, Result<Queue, Failure>)],
    ) {
        let listed: HashSet<i64> = pools.iter().map(|pool| pool.id).collect();
        for read in [&mut self.agents_read, &mut self.queues_read] {
            read.retain(|id, _| listed.contains(id));
        }
        self.last_jobs.retain_pools(|id| listed.contains(&id));
        self.agents_read.extend(agents.iter().filter(|(_, read)| read.is_ok()).map(|(id, _)| (*id, now)));
        self.queues_read.extend(queues.iter().filter(|(_, read)| read.is_ok()).map(|(id, _)| (*id, now)));
        let before = std::mem::take(&mut self.queues_unread);
        for (id, read) in queues {
            let Err(error) = read else { continue };
            let pool = pools.iter().find(|pool| pool.id == *id).map(|pool| &*pool.name).unwrap_or_default();
            let (target, reason) = (&*self.target.name, error.reason());
            if before.contains(id) {
                tracing::debug!(%target, %pool, reason, %error, "Queue of a pool cannot be read.");
            } else {
                tracing::warn!(%target, %pool, reason, %error, "Queue of a pool cannot be read.");
            }
            self.queues_unread.insert(*id);
        }
    }

    /// Notes what the agents say beside their samples. `complete`: all pools are listed that there are.
    fn note_facts(
        &mut self,
        pools: &[PoolRow],
        agents: &mut [(i64, AgentsRead)],
        complete: bool,
        warnings: &super::Warnings,
    ) {
        let listed: HashSet<i64> = pools.iter().map(|pool| pool.id).collect();
        let is_there = |pool: i64| !complete || listed.contains(&pool);
        self.ready.retain(|pool, _| is_there(*pool));
        self.jobs.begin(is_there);
        for (pool, read) in agents {
            if let Ok((_, facts)) = read
                && let Some(AgentFacts { jobs, ready }) = facts.take()
            {
                self.jobs.note(*pool, &jobs, warnings);
                self.ready.insert(*pool, ready);
            }
        }
        self.jobs.end();
    }

    /// The part of what is known without the agents. `read` are the pools whose agents this poll has read.
    fn describe(
        &self,
        pools: &[PoolRow],
        queues: &[(i64, Result<Queue, Failure>)],
        read: &HashSet<i64>,
        now: UnixTime,
    ) -> Part {
        let mut part = Part::new(FAMILIES);
        part.declare_states(&ELASTIC_POOL_STATE, &states::ELASTIC);
        let queues: HashMap<i64, Option<&Queue>> =
            queues.iter().map(|(id, queue)| (*id, queue.as_ref().ok())).collect();
        for row in pools {
            let pool = part.described_pool(&row.name);
            let hosted = if row.hosted { "true" } else { "false" };
            part.set(&POOL_INFO, pool, &[&row.id.to_string(), &row.kind, hosted], 1.0);
            // Of hosted pools that are not polled there is the description only.
            if row.hosted && !self.settings.include_hosted {
                continue;
            }
            part.set_some(&POOL_SIZE, pool, &[], row.size);
            if let Some(queue) = queues.get(&row.id) {
                let ready = self.ready.get(&row.id).filter(|_| read.contains(&row.id));
                queue::set(&mut part, pool, *queue, ready);
            }
            self.jobs.set(&mut part, pool, row.id);
            if let Some(elastic) = self.extras.elastic(row.id, now, self.target.stale_after) {
                elastic.set(&mut part, pool);
            }
        }
        self.session.limits.set(&mut part);
        part
    }
}

/// The queues that could not be read, for people.
fn unread_queues(pools: &[PoolRow], queues: &[(i64, Result<Queue, Failure>)]) -> Vec<(String, Failure)> {
    let failed = queues.iter().filter_map(|(id, queue)| Some((id, queue.as_ref().err()?)));
    let named = failed.map(|(id, failure)| {
        let pool = pools.iter().find(|pool| pool.id == *id).map_or("", |pool| &pool.name);
        (format!("queue of pool {pool}"), failure.clone())
    });
    named.collect()
}

impl Api for AzureDevOps {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.observe(cx))
    }

    fn resume(&mut self) {
        self.session.resume();
        self.extras.release();
    }
}

/// Reads one page of agents, for [`super::measure`].
pub(super) fn measure(body: &[u8], target: &Target, warnings: &super::Warnings) -> Part {
    let mut part = Part::new(FAMILIES);
    let target::VendorSettings::AzureDevOps(settings) = &target.settings else { return part };
    let pool = PoolRow::sample();
    agents::begin(&pool, &mut part);
    let last_jobs = &LastJobs::default();
    let decoder = agents::AgentDecoder { target, settings, pool: &pool, capabilities: None, warnings, last_jobs };
    let read = decoder.read(body, &mut part, &mut lenient::RowCount::default(), &mut AgentFacts::default());
    debug_assert!(read.is_ok(), "{read:?}");
    part.shrink();
    part
}

#[cfg(test)]
mod tests;
