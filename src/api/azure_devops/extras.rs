//! What is read beside pools, agents and queues: scale sets, the pools of deployment groups, capabilities of agents. Each at
//! its own interval, before the agents, and within a quarter of the time of a poll: what hangs here costs itself.
//!
//! A credential that has just read the list of pools is good: where it is refused here it lacks a right, and the extra is left
//! alone for an hour.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, future, stream};
use tokio::time::Instant;

use super::{
    super::{Context, extra::Extra, lenient::RowCount},
    capabilities::PoolCapabilities,
    elastic::{self, ElasticPool, ElasticPools},
    pools::{self, PoolRow},
    session::{ApiRequest, Session},
    token::Credential,
};
use crate::{
    clock::UnixTime,
    config::{Target, target},
    failure::{Failure, Reason},
    scale::scaled,
};

/// How often each of them is read.
const ELASTIC_INTERVAL: Duration = Duration::from_secs(120);
const SLOW_INTERVAL: Duration = Duration::from_secs(600);

/// As many pools are asked for their capabilities at once.
const POOLS_AT_ONCE: usize = 4;

/// Versions in which scale sets are asked for: they came with 6.1, and servers differ in whether they call theirs a preview.
const ELASTIC_VERSIONS: [&[(&str, &str)]; 2] = [&[("api-version", "7.1")], &[("api-version", "7.1-preview.1")]];

/// Each of them, and the right that it needs.
pub const EXTRAS: &[(&str, &str)] = &[
    ("elastic_pools", "the scope Agent Pools (read); whether that is enough on every server is not documented"),
    ("deployment_pools", "the scope Agent Pools (read), and the role Reader of each deployment pool"),
    ("capabilities", "the scope Agent Pools (read), and the role Reader of each pool"),
];

/// What is known of them.
#[derive(Debug)]
pub struct Extras {
    elastic: Extra<ElasticPools>,
    /// Place in [`ELASTIC_VERSIONS`].
    elastic_version: usize,
    deployment: Extra<Vec<PoolRow>>,
    capabilities: HashMap<i64, CapabilitiesOfPool>,
    /// So many different capabilities of pools were read.
    versions: u64,
}

/// The capabilities of the agents of one pool.
#[derive(Debug)]
struct CapabilitiesOfPool {
    extra: Extra<Arc<PoolCapabilities>>,
    tried: UnixTime,
    /// What was read last, and the number by which it is known.
    last: Option<Arc<PoolCapabilities>>,
    version: u64,
}

/// What the extras of a poll are asked with.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The poll.
    pub cx: &'a Context<'a>,
    /// The target.
    pub target: &'a Target,
    /// Its settings.
    pub settings: &'a target::AzureDevOps,
    /// How the service is asked.
    pub session: &'a Session,
    /// What it has just accepted.
    pub credential: &'a Credential,
    /// When all of them have to be there.
    pub deadline: Instant,
}

impl Asking<'_> {
    /// A quarter of what is left of a poll.
    pub fn deadline(cx: &Context<'_>) -> Instant {
        let now = Instant::now();
        now + cx.part_deadline().saturating_duration_since(now) / 4
    }

    fn request<'a>(&'a self, operation: &'static str, path: String) -> ApiRequest<'a> {
        let (credential, deadline) = (self.credential, self.deadline);
        ApiRequest { credential, operation, path, query: &[], versioned: true, deadline }
    }

    async fn elastic(&self, version: usize) -> Result<ElasticPools, Failure> {
        let path = "_apis/distributedtask/elasticpools".to_owned();
        let request =
            ApiRequest { query: ELASTIC_VERSIONS[version], versioned: false, ..self.request("elastic_pools", path) };
        let (mut sets, mut count) = (ElasticPools::new(), RowCount::default());
        let most = self.target.max_agents;
        let read = self
            .session
            .pages(&request, None, |body| elastic::read(body.reader(), &mut sets, &mut count, most, self.cx.warnings));
        read.await?;
        count.judge("elastic pools")?.map_or(Ok(sets), Err)
    }

    async fn deployment(&self) -> Result<Vec<PoolRow>, Failure> {
        let path = "_apis/distributedtask/pools".to_owned();
        let request = ApiRequest { query: &[("poolType", "deployment")], ..self.request("deployment_pools", path) };
        let (mut rows, mut count) = (Vec::new(), RowCount::default());
        let most = self.target.max_agents;
        let read = self
            .session
            .pages(&request, None, |body| pools::read(body.reader(), &mut rows, &mut count, most, self.cx.warnings));
        read.await?;
        count.judge("deployment pools")?.map_or(Ok(rows), Err)
    }

    async fn capabilities(&self, pool: i64) -> Option<(i64, Result<PoolCapabilities, Failure>)> {
        if Instant::now() >= self.deadline {
            return None;
        }
        let path = format!("_apis/distributedtask/pools/{pool}/agents");
        let request = ApiRequest { query: &[("includeCapabilities", "true")], ..self.request("capabilities", path) };
        let (mut found, mut count) = (PoolCapabilities::default(), RowCount::default());
        let (names, most) = (&self.settings.capabilities, self.target.max_agents);
        let read = self
            .session
            .pages(&request, None, |body| found.read(body.reader(), names, &mut count, most, self.cx.warnings))
            .await;
        let read = read.and_then(|()| count.judge("agents")).and_then(|defect| defect.map_or(Ok(found), Err));
        Some((pool, read))
    }
}

impl Default for Extras {
    fn default() -> Extras {
        Extras {
            elastic: Extra::new("elastic_pools", scaled(ELASTIC_INTERVAL)),
            elastic_version: 0,
            deployment: Extra::new("deployment_pools", scaled(SLOW_INTERVAL)),
            capabilities: HashMap::new(),
            versions: 0,
        }
    }
}

impl Extras {
    /// Reads the lists that are due.
    pub async fn read_lists(&mut self, asking: &Asking<'_>) {
        let now = asking.cx.now;
        let elastic = async {
            let due = asking.settings.elastic_pools && self.elastic.is_due(now);
            if due { Some(asking.elastic(self.elastic_version).await) } else { None }
        };
        let deployment = async { if self.deployment.is_due(now) { Some(asking.deployment().await) } else { None } };
        let (elastic, deployment) = future::join(elastic, deployment).await;
        if let Some(read) = elastic {
            let refused = read.as_ref().is_err_and(is_version_refused);
            store(&mut self.elastic, now, read, asking.target);
            if refused && self.elastic_version + 1 < ELASTIC_VERSIONS.len() {
                self.elastic_version += 1;
            }
        }
        if let Some(read) = deployment {
            store(&mut self.deployment, now, read, asking.target);
        }
    }

    /// Adds the pools of deployment groups that the list lacks.
    pub fn add_deployment_pools(&self, pools: &mut Vec<PoolRow>, now: UnixTime, stale_after: Duration) {
        let listed: HashSet<i64> = pools.iter().map(|pool| pool.id).collect();
        let more = self.deployment.data(now, stale_after).into_iter().flatten();
        pools.extend(more.filter(|pool| !listed.contains(&pool.id)).cloned());
    }

    /// Reads the capabilities of the agents of these pools that are due, those that were tried longest ago first.
    pub async fn read_capabilities(&mut self, asking: &Asking<'_>, pools: &[&PoolRow]) {
        if asking.settings.capabilities.is_empty() {
            return;
        }
        let now = asking.cx.now;
        let listed: HashSet<i64> = pools.iter().map(|pool| pool.id).collect();
        self.capabilities.retain(|pool, _| listed.contains(pool));
        for pool in &listed {
            self.capabilities.entry(*pool).or_insert_with(CapabilitiesOfPool::new);
        }
        let due = self.capabilities.iter().filter(|(_, of_pool)| of_pool.extra.is_due(now));
        let mut due: Vec<(UnixTime, i64)> = due.map(|(pool, of_pool)| (of_pool.tried, *pool)).collect();
        due.sort_unstable();
        // Made beforehand, as a closure inside the stream would have to be general over lifetimes.
        let reads: Vec<_> = due.into_iter().map(|(_, pool)| asking.capabilities(pool)).collect();
        let mut reads = stream::iter(reads).buffer_unordered(POOLS_AT_ONCE);
        while let Some(read) = reads.next().await {
            let Some((pool, read)) = read else { continue };
            let Some(of_pool) = self.capabilities.get_mut(&pool) else { continue };
            of_pool.tried = now;
            let read = read.map(|found| {
                if of_pool.last.as_deref() != Some(&found) {
                    self.versions += 1;
                    (of_pool.version, of_pool.last) = (self.versions, Some(Arc::new(found)));
                }
                of_pool.last.clone().unwrap_or_default()
            });
            store(&mut of_pool.extra, now, read, asking.target);
        }
    }

    /// The scale set of a pool.
    pub fn elastic(&self, pool: i64, now: UnixTime, stale_after: Duration) -> Option<&ElasticPool> {
        self.elastic.data(now, stale_after)?.get(&pool)
    }

    /// The capabilities of the agents of a pool, and a number that stands for them.
    pub fn capabilities(
        &self,
        pool: i64,
        now: UnixTime,
        stale_after: Duration,
    ) -> Option<(u64, &Arc<PoolCapabilities>)> {
        let of_pool = self.capabilities.get(&pool)?;
        Some((of_pool.version, of_pool.extra.data(now, stale_after)?))
    }

    /// How the last tries ended. Of capabilities the first pool that failed counts.
    pub fn outcomes(&self) -> Vec<(&'static str, Result<(), Failure>)> {
        let mut pools: Vec<_> = self.capabilities.iter().collect();
        pools.sort_unstable_by_key(|(pool, _)| **pool);
        let mut of_pools = pools.into_iter().filter_map(|(_, of_pool)| of_pool.extra.outcome());
        let capabilities =
            of_pools.next().map(|first| of_pools.find(|(_, tried)| first.1.is_ok() && tried.is_err()).unwrap_or(first));
        [self.elastic.outcome(), self.deployment.outcome(), capabilities].into_iter().flatten().collect()
    }

    /// Has all of them tried at the next poll.
    pub fn release(&mut self) {
        self.elastic.release();
        self.deployment.release();
        self.capabilities.values_mut().for_each(|of_pool| of_pool.extra.release());
    }
}

impl CapabilitiesOfPool {
    fn new() -> CapabilitiesOfPool {
        let extra = Extra::new("capabilities", scaled(SLOW_INTERVAL));
        CapabilitiesOfPool { extra, tried: UnixTime::default(), last: None, version: 0 }
    }
}

/// Stores how a try ended. One that is refused lacks a right, as the credential is good.
fn store<T>(extra: &mut Extra<T>, now: UnixTime, read: Result<T, Failure>, target: &Target) {
    let read = read.map_err(|failure| {
        tracing::debug!(target = %target.name, error = %failure, "An extra cannot be read.");
        match failure.reason {
            Reason::Auth => Failure { reason: Reason::Forbidden, ..failure },
            _ => failure,
        }
    });
    let ended = extra.store(now, read);
    debug_assert!(ended.is_ok(), "nothing logs on here");
}

/// Whether the server does not know this version, or calls it a preview.
fn is_version_refused(failure: &Failure) -> bool {
    failure.reason == Reason::HttpStatus && failure.message.contains("400 ")
}
