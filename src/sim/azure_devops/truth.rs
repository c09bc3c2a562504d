//! What a perfect exporter would show of the pools, by sections 4 and 5 of `deploy/docs/reference.md`.

use super::super::{Truth, World};
use super::{
    VENDOR,
    agent::Agent,
    fleet::{Pool, View},
    limit::Limit,
};
use std::{collections::HashMap, sync::Arc};

/// A target of Rollcall and the pools that it includes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// The label `target`.
    pub(super) name: &'static str,
    /// Names of the pools; empty for all.
    pub(super) pools: &'static [&'static str],
}

/// What every target is configured with: the agents that are offline by design.
pub(super) const OFFLINE_BY_DESIGN: &str = "*-placeholder";

/// The results that the reference lists.
pub(super) const RESULTS: [&str; 6] =
    ["abandoned", "canceled", "failed", "skipped", "succeeded", "succeededWithIssues"];

/// Label values end here, at a character boundary.
const LABEL_BYTES: usize = 256;

struct Samples {
    target: &'static str,
    all: Vec<Truth>,
}

impl Samples {
    fn add(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        let sample = Truth::new(name, VENDOR, self.target, labels, value);
        self.all.push(sample);
    }
}

/// Every sample of that target.
pub(super) fn truth(world: &Arc<World>, target: Target) -> Vec<Truth> {
    let view = View::new(world);
    let mut samples = Samples { target: target.name, all: Vec::new() };
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

fn pool_samples(samples: &mut Samples, view: &View, pool: &Pool) {
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
    let queue = pool.queue(view);
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

fn agent_samples(samples: &mut Samples, view: &View, pool: &Pool, agent: &Agent, shown: &str) {
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
