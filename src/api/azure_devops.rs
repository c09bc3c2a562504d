//! Azure DevOps agent pools: Services (`https://dev.azure.com/{organization}`) and Server.
//!
//! - API: distributed task, `GET {url}/_apis/distributedtask/pools`, `.../pools/{id}/agents` and the undocumented but
//!   released `.../pools/{id}/jobrequests`.
//! - Credentials: a personal access token with the scope *Agent Pools (read)*, or an Entra application. Pools that the
//!   account may not see are missing from the list; they are not refused.
//! - <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/agents/list>
//!
//! Parts: one for each pool that is polled (key: its id) with its agents, and one (key: empty) of what the list of pools
//! and the queues say. A pool whose agents cannot be read thus keeps its description, and a queue never fails a poll.

mod agents;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod limits;
mod pool_reader;
mod pools;
mod queue;
mod session;
pub mod states;
mod token;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt, future, stream};
use tokio::time::Instant;

use self::{
    pool_reader::{PoolContext, PoolReader},
    pools::PoolRow,
    queue::{QUEUE_TIMEOUT, Queue},
    session::{ApiRequest, Session},
    token::Credential,
};
use super::{Api, BoxFuture, Context, Observation, Outcome, Part, fingerprint, logon::Logons};
use crate::{
    catalogue::azure_devops::{FAMILIES, POOL_INFO, POOL_SIZE},
    config::{Target, target},
    failure::{Failure, Reason},
    http::Client,
};

/// As many pools are asked for their agents at once.
const AGENTS_AT_ONCE: usize = 4;

/// As many pools are asked for their queues at once, beside those; apart, as slow queues must not hold up the agents.
const QUEUES_AT_ONCE: usize = 2;

/// The API of one target.
#[derive(Debug)]
pub struct AzureDevOps {
    target: Arc<Target>,
    settings: Arc<target::AzureDevOps>,
    session: Session,
    reader: fingerprint::ReaderId,
}

impl AzureDevOps {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, settings: target::AzureDevOps, http: Client, logons: Arc<Logons>) -> AzureDevOps {
        let session = Session::new(Arc::clone(&target), settings.auth.clone(), http, logons);
        AzureDevOps { target, settings: Arc::new(settings), session, reader: fingerprint::ReaderId::default() }
    }

    /// The list of pools. A token that was good at an earlier poll and is refused now is replaced once.
    async fn pools(&mut self, cx: &Context<'_>) -> Result<(Credential, Vec<PoolRow>), Failure> {
        let credential = self.session.credential(cx).await?;
        let failure = match self.session.pools(cx, &credential).await {
            Ok(pools) => return Ok((credential, pools)),
            Err(failure) => failure,
        };
        if failure.reason != Reason::Auth || !self.session.forget_token(cx) {
            return Err(failure);
        }
        let credential = self.session.credential(cx).await?;
        let pools = self.session.pools(cx, &credential).await?;
        Ok((credential, pools))
    }

    async fn observe(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        self.session.begin();
        let (credential, mut pools) = self.pools(cx).await?;
        let settings = &self.settings;
        pools.retain(|pool| settings.pools.include.matches(&pool.name) && !settings.pools.exclude.matches(&pool.name));
        pools::tell_apart(&mut pools, cx.warnings);
        for pool in &mut pools {
            pool.on_demand |= settings.on_demand_pools.matches(&pool.name);
        }
        let polled: Vec<&PoolRow> = pools.iter().filter(|pool| settings.include_hosted || !pool.hosted).collect();

        let seen = AtomicUsize::new(0);
        // Made beforehand: a closure inside the stream would have to be general over lifetimes.
        let agents: Vec<_> = polled.iter().map(|pool| self.agents(cx, &credential, pool, &seen)).collect();
        let queues: Vec<_> = if settings.job_requests {
            polled.iter().map(|pool| self.queue(cx, &credential, pool)).collect()
        } else {
            Vec::new()
        };
        let (mut agents, queues) = future::join(
            stream::iter(agents).buffer_unordered(AGENTS_AT_ONCE).collect::<Vec<_>>(),
            stream::iter(queues).buffer_unordered(QUEUES_AT_ONCE).collect::<Vec<_>>(),
        )
        .await;
        agents.sort_by_key(|(id, _)| *id);
        if seen.into_inner() > self.target.max_agents {
            let message = format!("more than {} agents (max_agents)", self.target.max_agents);
            return Err(Failure::new(Reason::TooLarge, message));
        }
        if agents.iter().all(|(_, part)| part.is_err())
            && let Some((_, Err(failure))) = agents.first()
        {
            return Err(failure.clone());
        }

        let mut observation = Observation::default();
        observation.fresh("", self.describe(&pools, &queues));
        for (id, outcome) in agents {
            match outcome {
                Ok(outcome) => observation.parts.push((id.to_string().into(), outcome)),
                Err(failure) => observation.failed(id.to_string(), failure),
            }
        }
        Ok(observation)
    }

    /// The agents of a pool. `seen` counts the agents of the whole poll.
    async fn agents(
        &self,
        cx: &Context<'_>,
        credential: &Credential,
        pool: &PoolRow,
        seen: &AtomicUsize,
    ) -> (i64, Result<Outcome, Failure>) {
        let request = ApiRequest {
            credential,
            operation: "agents",
            path: format!("_apis/distributedtask/pools/{}/agents", pool.id),
            query: &[("includeAssignedRequest", "true"), ("includeLastCompletedRequest", "true")],
            versioned: true,
            deadline: cx.part_deadline(),
        };
        let context =
            PoolContext { target: Arc::clone(&self.target), settings: Arc::clone(&self.settings), pool: pool.clone() };
        let known = cx.known.get(&*pool.id.to_string());
        let mut pool_reader = PoolReader::new(context, self.reader.hash_inputs(pool), known);
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

    /// The queue of a pool, `None` where it cannot be read.
    async fn queue(&self, cx: &Context<'_>, credential: &Credential, pool: &PoolRow) -> (i64, Option<Queue>) {
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
        match self.session.pages(&request, None, |body| queue.read(body.reader(), cx.warnings)).await {
            Ok(()) => (pool.id, Some(queue)),
            Err(failure) => {
                tracing::debug!(target = %self.target.name, pool = %pool.name, error = %failure, "Queue cannot be read.");
                (pool.id, None)
            }
        }
    }

    /// The part of what is known without the agents.
    fn describe(&self, pools: &[PoolRow], queues: &[(i64, Option<Queue>)]) -> Part {
        let mut part = Part::new(FAMILIES);
        let queues: HashMap<i64, Option<&Queue>> = queues.iter().map(|(id, queue)| (*id, queue.as_ref())).collect();
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
                queue::set(&mut part, pool, *queue);
            }
        }
        self.session.limits.set(&mut part);
        part
    }
}

impl Api for AzureDevOps {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.observe(cx))
    }
}

/// Reads one page of agents, for [`super::measure`].
pub(super) fn measure(body: &[u8], target: &Target, warnings: &super::Warnings) -> Part {
    let mut part = Part::new(FAMILIES);
    let target::VendorSettings::AzureDevOps(settings) = &target.settings else { return part };
    let pool = PoolRow {
        id: 1,
        name: "linux-build".to_owned(),
        kind: "automation".to_owned(),
        hosted: false,
        size: None,
        on_demand: false,
    };
    agents::begin(&pool, &mut part);
    let read = agents::AgentDecoder { target, settings, pool: &pool, warnings }.read(body, &mut part);
    debug_assert!(read.is_ok(), "{read:?}");
    part.shrink();
    part
}

#[cfg(test)]
mod tests;
