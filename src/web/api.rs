//! `/api/v1/*`: what the pages show, as JSON.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use serde::Serialize;

use super::{
    metrics,
    reply::{Reply, Request},
};
use crate::{
    alert::queue::Labels,
    clock::UnixTime,
    daemon::Daemon,
    health::Health,
    snapshot::{AgentView, Snapshot},
};

/// Agents in one answer where `limit` does not say, and at the most.
const LIMIT: (usize, usize) = (100, 10_000);

/// What the agents can be asked by.
const FILTERS: [&str; 7] = ["vendor", "target", "pool", "health", "q", "limit", "offset"];

#[derive(Serialize)]
struct TargetsJson<'a> {
    targets: Vec<TargetJson<'a>>,
}

#[derive(Serialize)]
struct TargetJson<'a> {
    name: &'a str,
    vendor: &'a str,
    url: &'a str,
    up: Option<bool>,
    partial: bool,
    stale: bool,
    held: bool,
    reason: Option<&'a str>,
    error: Option<&'a str>,
    consecutive_failures: u64,
    last_poll: Option<String>,
    last_success: Option<String>,
    poll_duration_seconds: f64,
    interval_seconds: f64,
    agents: usize,
    health: serde_json::Map<String, serde_json::Value>,
    pools: usize,
    series: usize,
    labels: serde_json::Map<String, serde_json::Value>,
}

/// `GET /api/v1/targets`.
pub fn targets(daemon: &Daemon) -> Reply {
    let snapshots = daemon.fleet().store().load();
    let targets: Vec<TargetJson> = snapshots.iter().map(|snapshot| target(snapshot)).collect();
    Reply::json(StatusCode::OK, &TargetsJson { targets })
}

fn target(snapshot: &Snapshot) -> TargetJson<'_> {
    let (target, status) = (&snapshot.target, &snapshot.status);
    let failure = status.failure.as_ref();
    let count = |health: Health| snapshot.pools.iter().map(|pool| pool.agents[health as usize]).sum::<u32>();
    TargetJson {
        name: &target.name,
        vendor: target.vendor(),
        url: target.url.as_str(),
        up: status.up,
        partial: status.partial,
        stale: status.stale,
        held: status.held,
        reason: failure.map(|failure| failure.reason()),
        error: failure.map(|failure| failure.message.as_str()),
        consecutive_failures: status.consecutive_failures,
        last_poll: status.last_poll.map(|at| at.to_string()),
        last_success: status.last_success.map(|at| at.to_string()),
        poll_duration_seconds: status.duration.as_secs_f64(),
        interval_seconds: target.interval.as_secs_f64(),
        agents: snapshot.agents.len(),
        health: Health::ALL.iter().map(|health| (health.to_string(), count(*health).into())).collect(),
        pools: snapshot.pools.len(),
        series: snapshot.series,
        labels: target.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect(),
    }
}

#[derive(Serialize)]
struct AgentsJson {
    agents: Vec<AgentJson>,
    limit: usize,
    offset: usize,
    total: usize,
}

#[derive(Serialize)]
struct AgentJson {
    vendor: &'static str,
    target: String,
    pool: Arc<str>,
    agent: Arc<str>,
    health: &'static str,
    state: Arc<str>,
    since: String,
}

/// `GET /api/v1/agents`: filtered by `vendor`, `target`, `pool`, `health` (each repeatable) and `q` (part of a name or
/// state, in any case); paged by `limit` and `offset`.
pub fn agents(daemon: &Daemon, request: &Request) -> Reply {
    let number = |name: &str, default: usize| match request.all(name).last() {
        None => Ok(default),
        Some(text) => text.parse::<usize>().map_err(|_| format!("{name} is {text:?}, not a number\n")),
    };
    let (limit, offset) = match (number("limit", LIMIT.0), number("offset", 0)) {
        (Ok(limit), Ok(offset)) => (limit.min(LIMIT.1), offset),
        (Err(message), _) | (_, Err(message)) => return Reply::text(StatusCode::BAD_REQUEST, message),
    };
    if let Some((unknown, _)) = request.query.iter().find(|(name, _)| !FILTERS.contains(&name.as_str())) {
        let all = FILTERS.join(", ");
        return Reply::text(StatusCode::BAD_REQUEST, format!("no filter is called {unknown:?}; there are: {all}\n"));
    }
    if let Err(message) = metrics::check(daemon, request, &daemon.fleet().store().list()) {
        return Reply::text(StatusCode::BAD_REQUEST, message);
    }
    if let Some(unknown) = request.all("health").find(|health| Health::parse(health).is_none()) {
        let all = Health::ALL.map(Health::as_str).join(", ");
        return Reply::text(
            StatusCode::BAD_REQUEST,
            format!("no class of health is called {unknown:?}; there are: {all}\n"),
        );
    }
    let wanted = |name: &str, value: &str| request.all(name).next().is_none() || request.all(name).any(|v| v == value);
    let search: Vec<String> = request.all("q").filter(|q| !q.is_empty()).map(str::to_lowercase).collect();
    let found = |agent: &AgentView<'_>| {
        if search.is_empty() {
            return true;
        }
        let (name, state) = (agent.name.to_lowercase(), agent.state.to_lowercase());
        search.iter().all(|q| name.contains(q) || state.contains(q))
    };
    let (mut total, mut page) = (0usize, Vec::new());
    for snapshot in daemon.fleet().store().load() {
        let target = &snapshot.target;
        if !wanted("vendor", target.vendor()) || !wanted("target", &target.name) {
            continue;
        }
        for agent in snapshot.agents.iter() {
            if !wanted("pool", agent.pool) || !wanted("health", agent.health.as_str()) || !found(&agent) {
                continue;
            }
            if total >= offset && page.len() < limit {
                page.push(AgentJson {
                    vendor: target.vendor(),
                    target: target.name.clone(),
                    pool: agent.pool.into(),
                    agent: agent.name.into(),
                    health: agent.health.as_str(),
                    state: agent.state.into(),
                    since: agent.since.to_string(),
                });
            }
            total += 1;
        }
    }
    Reply::json(StatusCode::OK, &AgentsJson { agents: page, limit, offset, total })
}

#[derive(Serialize)]
struct AlertsJson {
    alerts: Vec<AlertJson>,
    mode: &'static str,
}

#[derive(Serialize)]
struct AlertJson {
    name: &'static str,
    severity: &'static str,
    state: &'static str,
    /// Since when its condition holds.
    active_since: String,
    /// When it began to fire.
    firing_since: Option<String>,
    /// Since when its condition does not hold any more, while it goes on firing.
    clearing_since: Option<String>,
    /// Whether it goes on only because its target cannot be read.
    held: bool,
    value: Option<f64>,
    labels: Labels,
    annotations: Labels,
}

/// `GET /api/v1/alerts`: what is pending or fires in direct mode; there is nothing while Prometheus evaluates the rules.
/// Filtered by any label (each repeatable), and by `state`.
pub fn alerts(daemon: &Daemon, request: &Request) -> Reply {
    let wanted = |name: &str, value: &str| request.all(name).next().is_none() || request.all(name).any(|v| v == value);
    let alerts = daemon.evaluator().alerts().into_iter().map(|alert| AlertJson {
        name: alert.name,
        severity: alert.severity.as_str(),
        state: if alert.fired.is_some() { "firing" } else { "pending" },
        active_since: alert.since.to_string(),
        firing_since: alert.fired.map(|at| at.to_string()),
        clearing_since: alert.clearing.map(|at| at.to_string()),
        held: alert.held,
        value: alert.value.filter(|value| value.is_finite()),
        labels: alert.labels,
        annotations: alert.annotations,
    });
    let found = alerts.filter(|alert| {
        let asked = request.query.iter().filter(|(name, _)| name != "state");
        let mut labels = asked.map(|(name, _)| (name, alert.labels.get(name.as_str()).map_or("", String::as_str)));
        wanted("state", alert.state) && labels.all(|(name, value)| wanted(name, value))
    });
    let found: Vec<AlertJson> = found.collect();
    let mode = if daemon.evaluator().is_direct() { "direct" } else { "off" };
    Reply::json(StatusCode::OK, &AlertsJson { alerts: found, mode })
}

/// `GET /api/v1/status`.
pub fn status(daemon: &Daemon, uptime: Duration) -> Reply {
    let snapshots = daemon.fleet().store().load();
    let config = daemon.config();
    let started: UnixTime = daemon.started();
    let status = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": env!("ROLLCALL_REVISION"),
        "rustc": env!("ROLLCALL_RUSTC"),
        "started": started.to_string(),
        "uptime_seconds": uptime.as_secs(),
        "ready": daemon.fleet().ready(),
        "config_file": daemon.config_file().display().to_string(),
        "state_file": config.state_file.as_ref().map(|path| path.display().to_string()),
        "shard": daemon.shard().map(|shard| shard.to_string()),
        "targets": snapshots.len(),
        "targets_down": snapshots.iter().filter(|snapshot| snapshot.status.up == Some(false)).count(),
        "agents": snapshots.iter().map(|snapshot| snapshot.agents.len()).sum::<usize>(),
        "series": snapshots.iter().map(|snapshot| snapshot.series).sum::<usize>(),
        "tasks": tokio::runtime::Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks()),
    });
    Reply::json(StatusCode::OK, &status)
}
