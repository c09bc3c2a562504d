//! What is read beside the agents and the names: load, virtual machines, license, host pools.
//!
//! Each request is an [`Extra`] of its own, so that one that fails costs itself, and a site that a server keeps apart costs
//! no more than its turn. Of each kind at most one is sent per poll, that which has waited longest, and none that would have
//! to wait for its place in the budget of the server.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    host_pools::{self, Members, PoolKey, PoolKind, Pools},
    license::{self, License},
    load::{Load, LoadKind},
    mapping::Facts,
    names::NameCache,
    scope::{ListScope, Scope},
    session::Session,
    vms::{self, Vms},
};
use crate::{
    api::{Context, Warnings, extra::Extra, fingerprint::ContentHash},
    blocking::block_in_place_if,
    clock::UnixTime,
    config::{Target, target},
    failure::{Failure, Reason},
    http::Body,
    scale::scaled,
};

const LICENSE_INTERVAL: Duration = Duration::from_secs(15 * 60);
const POOLS_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// A license is a few lines.
const MAX_LICENSE: usize = 1 << 20;

/// One request. Of those that have waited equally long, the first goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Vms(Scope),
    Load(LoadKind, Scope),
    License,
    Pools(PoolKind, Scope),
    Members(PoolKey),
}

/// Of each of these one request is sent per poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Vms,
    Load(LoadKind),
    License,
    HostPools,
}

impl Task {
    fn kind(&self) -> Kind {
        match self {
            Task::Vms(_) => Kind::Vms,
            Task::Load(kind, _) => Kind::Load(*kind),
            Task::License => Kind::License,
            Task::Pools(..) | Task::Members(_) => Kind::HostPools,
        }
    }

    /// The label `extra`.
    fn name(&self) -> &'static str {
        match self.kind() {
            Kind::Vms => "vms",
            Kind::Load(_) => "load",
            Kind::License => "license",
            Kind::HostPools => "host_pools",
        }
    }
}

/// What came of a request, by the answer that it came from.
#[derive(Debug)]
struct Reading {
    hash: Option<ContentHash>,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Vms(Arc<Vms>),
    Load(LoadKind, Arc<Load>),
    License(Arc<License>),
    Pools(Pools),
    Members(Arc<Members>),
}

/// All of them.
#[derive(Debug, Default)]
pub struct Extras {
    tasks: BTreeMap<Task, Extra<Reading>>,
}

/// What a poll may spend on extras.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// So many places of the budget stay free.
    pub reserved: usize,
    /// Nothing begins after this moment.
    pub deadline: Instant,
}

impl Allowance {
    /// Whether another request may be sent.
    pub fn is_left(&self, session: &Session) -> bool {
        session.free() > self.reserved && Instant::now() < self.deadline
    }
}

/// What the requests are about.
#[derive(Debug)]
pub struct Farm<'a> {
    /// The target.
    pub target: &'a Target,
    /// Its settings.
    pub settings: &'a target::ParallelsRas,
    /// How lists are asked for.
    pub scopes: &'a [ListScope],
    /// The types of its rows.
    pub types: &'a BTreeSet<i64>,
    /// How many rows it has.
    pub rows: usize,
}

impl Farm<'_> {
    fn of(&self, scope: Scope) -> ListScope {
        let known = self.scopes.iter().find(|of| of.scope == scope);
        known.copied().unwrap_or(ListScope { scope, default_site: None })
    }

    /// More rows than a target may have agents are not kept.
    fn most(&self) -> usize {
        self.target.max_agents
    }
}

impl Extras {
    /// Reads what is due, as far as the allowance goes; the rest waits for the next poll.
    ///
    /// Fails only where a new log-on was refused or held, which the poll has to tell.
    pub async fn refresh(
        &mut self,
        session: &mut Session,
        names: &mut NameCache,
        cx: &Context<'_>,
        farm: &Farm<'_>,
        allowance: Allowance,
    ) -> Result<(), Failure> {
        self.plan(farm);
        let mut sent = HashSet::new();
        while allowance.is_left(session)
            && let Some(task) = self.next(cx.now, &sent)
        {
            sent.insert(task.kind());
            let result = self.read(&task, session, names, cx, farm, allowance.deadline).await;
            let reason = result.as_ref().err().map(|failure| failure.reason);
            if let Err(failure) = &result {
                tracing::debug!(target = %farm.target.name, extra = task.name(), error = %failure, "An extra cannot be read.");
            }
            if let Some(extra) = self.tasks.get_mut(&task) {
                extra.store(cx.now, result)?;
            }
            // The server has no time for us now, or the session is gone: the others do not ask either.
            if matches!(reason, Some(Reason::Timeout | Reason::RateLimited | Reason::Connect | Reason::Internal)) {
                break;
            }
            self.plan(farm);
        }
        Ok(())
    }

    /// The requests there are for this farm; those that are not wanted any more go.
    fn plan(&mut self, farm: &Farm<'_>) {
        let settings = farm.settings;
        let scopes = || farm.scopes.iter().map(|of| of.scope);
        let mut wanted: Vec<Task> = Vec::new();
        if vms::SERVER_TYPES.iter().any(|server_type| farm.types.contains(server_type)) {
            wanted.extend(scopes().map(Task::Vms));
        }
        if settings.load {
            wanted
                .extend(LoadKind::ALL.into_iter().flat_map(|kind| scopes().map(move |scope| Task::Load(kind, scope))));
        }
        if settings.license {
            wanted.push(Task::License);
        }
        if settings.host_pools {
            wanted
                .extend(PoolKind::ALL.into_iter().flat_map(|kind| scopes().map(move |scope| Task::Pools(kind, scope))));
            wanted.extend(self.pools().map(|(key, _)| Task::Members(key.clone())));
        }
        wanted.sort_unstable();
        self.tasks.retain(|task, _| wanted.binary_search(task).is_ok());
        // Every poll is a turn for one of the scopes; half an interval less, as polls do not come to the moment.
        let turns = u32::try_from(farm.scopes.len().max(1)).unwrap_or(u32::MAX);
        let in_turn = farm.target.interval.saturating_mul(turns) - farm.target.interval / 2;
        // One request a poll: where there are more pools than polls in the interval, each comes more seldom, and stays as much
        // longer.
        let of_pools = wanted.iter().filter(|task| task.kind() == Kind::HostPools).count();
        let round = farm.target.interval.saturating_mul(u32::try_from(of_pools).unwrap_or(u32::MAX));
        for task in wanted {
            let interval = match task.kind() {
                Kind::Vms | Kind::Load(_) => in_turn,
                Kind::License => scaled(LICENSE_INTERVAL),
                Kind::HostPools => scaled(POOLS_INTERVAL).max(round),
            };
            let name = task.name();
            self.tasks.entry(task).or_insert_with(|| Extra::new(name, interval)).set_interval(interval);
        }
    }

    /// The pools that are known, however old the lists are.
    fn pools(&self) -> impl Iterator<Item = (&PoolKey, &(compact_str::CompactString, Option<i64>))> {
        let readings = self.tasks.values().filter_map(|extra| extra.data(UnixTime::default(), Duration::MAX));
        readings.filter_map(|reading| if let Data::Pools(pools) = &reading.data { Some(pools) } else { None }).flatten()
    }

    /// What is due and has waited longest, of a kind that this poll has not asked for.
    fn next(&self, now: UnixTime, sent: &HashSet<Kind>) -> Option<Task> {
        let due = self.tasks.iter().filter(|(task, extra)| extra.is_due(now) && !sent.contains(&task.kind()));
        due.min_by_key(|(task, extra)| (extra.due(), *task)).map(|(task, _)| task.clone())
    }

    async fn read(
        &self,
        task: &Task,
        session: &mut Session,
        names: &mut NameCache,
        cx: &Context<'_>,
        farm: &Farm<'_>,
        deadline: Instant,
    ) -> Result<Reading, Failure> {
        let (operation, path) = match task {
            Task::Vms(scope) => ("vms", scope.path(vms::PATH)),
            Task::Load(kind, scope) => (kind.operation(), scope.path(kind.path())),
            Task::License => ("license", license::PATH.to_owned()),
            Task::Pools(kind, scope) => ("host_pools", scope.path(kind.path())),
            Task::Members(pool) => ("host_pool_members", pool.path()),
        };
        let mut answer = session.get(cx, operation, &path, deadline).await?;
        let body = answer.take_json()?;
        let hash = ContentHash::of(body.as_sent());
        let data = block_in_place_if(body.is_large(), || self.decode(task, &body, names, cx, farm));
        Ok(Reading { hash, data: data.map_err(|failure| failure.context(&answer.what))? })
    }

    fn decode(
        &self,
        task: &Task,
        body: &Body,
        names: &mut NameCache,
        cx: &Context<'_>,
        farm: &Farm<'_>,
    ) -> Result<Data, Failure> {
        let (most, warnings) = (farm.most(), cx.warnings);
        Ok(match task {
            Task::Vms(scope) => {
                let of = farm.of(*scope);
                // The same list has the names, also where it has no states. Its oddities are counted below.
                let _ = names.learn("vms", body, of, farm.rows, &Warnings::default());
                Data::Vms(Arc::new(Vms::read(body.reader(), of, most, warnings)?))
            }
            Task::Load(kind, scope) => {
                Data::Load(*kind, Arc::new(Load::read(body.reader(), farm.of(*scope), most, warnings)?))
            }
            Task::License => Data::License(Arc::new(License::read(&body.start(MAX_LICENSE)?, warnings)?)),
            Task::Pools(kind, scope) => {
                Data::Pools(host_pools::pools(body.reader(), *kind, farm.of(*scope), warnings)?)
            }
            Task::Members(pool) => {
                let site = self.pools().find(|(key, _)| *key == pool).and_then(|(_, (_, site))| *site);
                Data::Members(Arc::new(host_pools::members(body.reader(), pool.kind, site, most, warnings)?))
            }
        })
    }

    /// What is known now, for the samples.
    pub fn facts(&self, now: UnixTime, stale_after: Duration) -> Facts {
        let mut facts = Facts { inputs: Some(Vec::new()), ..Facts::default() };
        for (task, extra) in &self.tasks {
            let Some(reading) = extra.data(now, stale_after) else { continue };
            facts.inputs = facts.inputs.take().zip(reading.hash).map(|(mut inputs, hash)| {
                inputs.push(hash);
                inputs
            });
            match (&reading.data, task) {
                (Data::Vms(vms), _) => facts.vms.push(Arc::clone(vms)),
                (Data::Load(kind, load), _) => facts.load.push((kind.server_type(), Arc::clone(load))),
                (Data::License(license), _) => facts.license = Some(Arc::clone(license)),
                (Data::Members(members), Task::Members(pool)) => {
                    if let Some((_, (name, _))) = self.pools().find(|(key, _)| *key == pool) {
                        facts.host_pools.push((name.clone(), Arc::clone(members)));
                    }
                }
                _ => {}
            }
        }
        facts
    }

    /// How the last tries of each extra ended. A list that this version of RAS does not have is no failure while another of
    /// the same extra comes.
    pub fn outcomes(&self) -> Vec<(&'static str, Result<(), Failure>)> {
        let mut outcomes: Vec<(&'static str, Result<(), Failure>)> = Vec::new();
        for (name, outcome) in self.tasks.values().filter_map(Extra::outcome) {
            let Some((_, known)) = outcomes.iter_mut().find(|(known, _)| *known == name) else {
                outcomes.push((name, outcome));
                continue;
            };
            let is_not_found = |outcome: &Result<(), Failure>| {
                outcome.as_ref().is_err_and(|failure| failure.reason == Reason::NotFound)
            };
            if is_not_found(known) || (known.is_ok() && outcome.is_err() && !is_not_found(&outcome)) {
                *known = outcome;
            }
        }
        outcomes
    }

    /// Has everything tried at the next poll.
    pub fn release(&mut self) {
        self.tasks.values_mut().for_each(Extra::release);
    }
}
