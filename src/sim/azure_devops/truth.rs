//! What a perfect exporter would show of the pools, by sections 4 and 5 of `deploy/docs/reference.md`.

use super::super::{Truth, World};
use super::{
    VENDOR,
    agent::Agent,
    elastic::Elastic,
    fleet::{Pool, View},
    job::Job,
    limit::Limit,
    moment::SimTime,
};
use std::{collections::HashMap, sync::Arc};

/// A target of Rollcall and the pools that it includes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// The label `target`.
    pub(super) name: &'static str,
    /// Names of the pools; empty for all.
    pub(super) pools: &'static [&'static str],
    /// Whether it asks who works on what.
    pub(super) job_names: bool,
}

/// What every target is configured with: the agents that are offline by design.
pub(super) const OFFLINE_BY_DESIGN: &str = "*-placeholder";

/// The results that the reference lists.
pub(super) const RESULTS: [&str; 6] =
    ["abandoned", "canceled", "failed", "skipped", "succeeded", "succeededWithIssues"];

/// Label values end here, at a character boundary.
const LABEL_BYTES: usize = 256;

/// A job as an agent shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownJob {
    /// The name of the pool.
    pub pool: String,
    /// The vendor's id.
    pub id: i64,
    /// From the queue to the agent that took it, in seconds.
    pub wait: f64,
    /// From then to its end, and its result, once it has ended.
    pub ended: Option<(f64, &'static str)>,
}

struct Samples<'a> {
    target: Target,
    capabilities: &'a [&'static str],
    all: Vec<Truth>,
}

impl Samples<'_> {
    fn add(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        let sample = Truth::new(name, VENDOR, self.target.name, labels, value);
        self.all.push(sample);
    }
}

/// Every sample of that target.
pub(super) fn truth(world: &Arc<World>, target: Target, capabilities: &[&'static str]) -> Vec<Truth> {
    let view = View::new(world);
    let mut samples = Samples { target, capabilities, all: Vec::new() };
    for pool in view.pools() {
        if target.pools.is_empty() || target.pools.contains(&pool.name.as_str()) {
            pool_samples(&mut samples, &view, &pool);
        }
    }
    if let Some(limit) = Limit::now(world) {
        samples.add("azure_devops_rate_limit", &[], limit.limit as f64);
        samples.add("azure_devops_rate_limit_remaining", &[], limit.remaining as f64);
        samples.add("azure_devops_rate_limit_reset_timestamp_seconds", &[], limit.reset as f64);
        if let Some(delay) = limit.delay {
            samples.add("azure_devops_rate_limit_delay_seconds", &[], delay);
        }
    }
    samples.all
}

/// What the agents of all pools but the hosted ones show of their jobs.
pub(super) fn shown_jobs(view: &View) -> Vec<ShownJob> {
    let mut shown = Vec::new();
    for pool in view.pools().into_iter().filter(|pool| !pool.hosted()) {
        for agent in pool.agents(view) {
            for job in [agent.job, agent.last].into_iter().flatten().filter(|job| job.plan != "PoolMaintenance") {
                let moment = |moment: SimTime| view.reported(moment).seconds();
                let Some(taken) = job.received.or(job.assigned).map(moment) else { continue };
                let ended = job.finished.map(|end| (moment(end) - taken, job.result.unwrap_or("other")));
                shown.push(ShownJob { pool: pool.name.clone(), id: job.id, wait: taken - moment(job.queued), ended });
            }
        }
    }
    shown
}

/// Whether nobody who is online and enabled can take the job.
fn is_unmatched(view: &View, pool: &Pool, job: &Job) -> bool {
    let ready = |agent: &Agent| agent.status == "online" && agent.enabled;
    pool.matched(view, job).is_some_and(|agents| !agents.iter().any(ready))
}

fn elastic_samples(samples: &mut Samples<'_>, view: &View, pool: &Pool) {
    // An old server has no scale sets.
    let Some(elastic) = Elastic::of(pool, view).filter(|_| !view.old_server) else { return };
    let key = [("pool", pool.name.as_str())];
    samples.add("azure_devops_elastic_pool_state", &[key[0], ("state", elastic.state)], 1.0);
    if let Some(since) = elastic.offline_since {
        samples.add("azure_devops_elastic_pool_offline_since_timestamp_seconds", &key, view.reported(since).seconds());
    }
    let numbers = [
        ("azure_devops_elastic_pool_desired_size", elastic.desired_size),
        ("azure_devops_elastic_pool_max_capacity", elastic.max_capacity),
        ("azure_devops_elastic_pool_desired_idle", elastic.desired_idle),
        ("azure_devops_elastic_pool_sizing_attempts", elastic.sizing_attempts),
    ];
    for (name, value) in numbers {
        samples.add(name, &key, value as f64);
    }
}

fn pool_samples(samples: &mut Samples<'_>, view: &View, pool: &Pool) {
    let name = pool.name.as_str();
    let info = [
        ("pool", name),
        ("pool_id", &pool.id.to_string()),
        ("pool_type", pool.pool_type()),
        ("hosted", if pool.hosted() { "true" } else { "false" }),
    ];
    samples.add("azure_devops_pool_info", &info, 1.0);
    if pool.hosted() {
        return;
    }
    let agents: Vec<Agent> = pool.agents(view).collect();
    let shown = shown_names(&agents);
    let (mut assigned, mut running) = (0.0, 0.0);
    for (agent, shown) in agents.iter().zip(&shown) {
        match &agent.job {
            Some(job) if job.received.is_some() => running += 1.0,
            Some(_) => assigned += 1.0,
            None => {}
        }
        agent_samples(samples, view, pool, agent, shown);
    }
    elastic_samples(samples, view, pool);
    let queue = pool.queue(view);
    // Of a queue without any request nothing says what it would match.
    if pool.requests(view, false).next().is_some() {
        let unmatched = queue.iter().filter(|job| is_unmatched(view, pool, job)).count();
        samples.add("azure_devops_pool_unmatched_jobs", &[("pool", name)], unmatched as f64);
    }
    let one = [("pool", name)];
    samples.add("azure_devops_pool_size", &one, agents.len() as f64);
    samples.add("azure_devops_pool_job_requests_up", &one, 1.0);
    let states = [("queued", queue.len() as f64), ("assigned", assigned), ("running", running)];
    for (state, value) in states {
        samples.add("azure_devops_pool_jobs", &[("pool", name), ("state", state)], value);
    }
    if let Some(oldest) = queue.iter().map(|j| j.queued).min() {
        samples.add("azure_devops_pool_oldest_queued_job_timestamp_seconds", &one, view.reported(oldest).seconds());
    }
}

fn agent_samples(samples: &mut Samples<'_>, view: &View, pool: &Pool, agent: &Agent, shown: &str) {
    let flag = |on: bool| if on { 1.0 } else { 0.0 };
    let key = [("pool", pool.name.as_str()), ("agent", shown)];
    let with = |more: &[(&'static str, &'static str)]| [&key[..], more].concat();
    let health = health(view, pool, agent);
    samples.add("rollcall_agent_health", &with(&[("health", health)]), 1.0);
    match agent.status {
        "online" => samples.add("azure_devops_agent_online", &key, 1.0),
        "offline" => samples.add("azure_devops_agent_online", &key, 0.0),
        _ => {}
    }
    let id = agent.id.to_string();
    let info = [
        key[0],
        key[1],
        ("agent_id", id.as_str()),
        ("version", agent.version),
        ("os", agent.os.unwrap_or_default()),
        ("provisioning_state", agent.provisioning.unwrap_or_default()),
    ];
    samples.add("azure_devops_agent_info", &info, 1.0);
    let busy = agent.job.as_ref();
    let last = agent.last.as_ref();
    let values = [
        ("azure_devops_agent_enabled", Some(flag(agent.enabled))),
        ("azure_devops_agent_busy", Some(flag(busy.is_some()))),
        ("azure_devops_agent_update_pending", Some(flag(agent.update.is_some()))),
        ("azure_devops_agent_max_parallelism", Some(agent.parallelism as f64)),
        ("azure_devops_agent_created_timestamp_seconds", agent.created.map(|m| view.reported(m).seconds())),
        (
            "azure_devops_agent_status_changed_timestamp_seconds",
            agent.status_changed.map(|m| view.reported(m).seconds()),
        ),
        (
            "azure_devops_agent_job_assigned_timestamp_seconds",
            busy.and_then(|j| j.assigned).map(|m| view.reported(m).seconds()),
        ),
        (
            "azure_devops_agent_job_locked_until_timestamp_seconds",
            busy.and_then(|j| j.locked_until).map(|m| view.reported(m).seconds()),
        ),
        (
            "azure_devops_agent_last_job_finished_timestamp_seconds",
            last.and_then(|j| j.finished).map(|m| view.reported(m).seconds()),
        ),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            samples.add(name, &key, value);
        }
    }
    if let Some(job) = busy.filter(|_| samples.target.job_names) {
        let labels = [key[0], key[1], ("definition", &*job.pipeline_name()), ("plan_type", job.plan)];
        samples.add("azure_devops_agent_job_info", &labels, 1.0);
    }
    let found = agent.system_capabilities(pool);
    for capability in samples.capabilities {
        // The service does not tell their case apart.
        let of_machine = found.iter().find(|(name, _)| name.eq_ignore_ascii_case(capability));
        let value = if *capability == "team" { Some("platform") } else { of_machine.and_then(|(_, v)| v.as_str()) };
        if let Some(value) = value {
            let value = &value[..value.floor_char_boundary(LABEL_BYTES)];
            let labels = [key[0], key[1], ("capability", *capability), ("value", value)];
            samples.add("azure_devops_agent_capability_info", &labels, 1.0);
        }
    }
    if let Some(result) = last.and_then(|j| j.result) {
        let known = if RESULTS.contains(&result) { result } else { "other" };
        samples.add("azure_devops_agent_last_job_result", &with(&[("result", known)]), 1.0);
    }
}

/// Section 4, Health, of `deploy/docs/reference.md`: the first rule that applies.
fn health(view: &View, pool: &Pool, agent: &Agent) -> &'static str {
    let offline = agent.status == "offline";
    let by_design = agent.name.ends_with(OFFLINE_BY_DESIGN.trim_start_matches('*'));
    // An old server does not say which pools are on demand.
    let on_demand = !view.old_server && pool.options() != "none";
    match agent.provisioning {
        _ if !agent.enabled => "disabled",
        _ if by_design || (offline && (on_demand || pool.hosted())) => "disabled",
        Some("Deallocated") if offline => "disabled",
        Some("Provisioning" | "Deprovisioning") if offline => "transitional",
        _ if offline => "failed",
        _ if agent.status != "online" => "unknown",
        _ if agent.update.is_some() && agent.job.is_none() => "transitional",
        _ => "healthy",
    }
}

/// The label `agent` of each: cut to 256 bytes, and told apart by `#<id>` where two would be the same.
fn shown_names(agents: &[Agent]) -> Vec<String> {
    let cut = |name: &str| name[..name.floor_char_boundary(LABEL_BYTES)].to_owned();
    let mut lowest: HashMap<String, i64> = HashMap::new();
    for agent in agents {
        let id = lowest.entry(cut(&agent.name)).or_insert(agent.id);
        *id = agent.id.min(*id);
    }
    agents
        .iter()
        .map(|agent| {
            let name = cut(&agent.name);
            match lowest.get(&name) {
                Some(id) if *id != agent.id => format!("{name}#{}", agent.id),
                _ => name,
            }
        })
        .collect()
}
