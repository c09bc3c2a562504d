//! What active runs do on each agent, a request for each run.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    super::{
        AgentRef, Context, Part, Warning,
        fingerprint::ContentHash,
        lenient::{self, Field, RowCount, Shape},
        resilio::states::{self, RUN},
        table::OTHER,
    },
    errors::Errors,
    rows::{Row, Rows},
    session::Session,
};
use crate::{
    blocking::block_in_place_if,
    catalogue::resilio_console as families,
    clock::UnixTime,
    config::Target,
    failure::{Failure, Reason},
    health::Health,
    http::Body,
};

/// The longest that all of them may take: an extra must not hold up the poll.
const TIMEOUT: Duration = Duration::from_secs(10);

/// As many runs are asked for at once.
const AT_ONCE: usize = 4;

/// Series of a run on an agent: its status, and its health by class.
pub const SERIES_OF_ROW: usize = 1 + Health::ALL.len();

/// A run that is active.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveRun {
    /// Its id.
    pub id: i64,
    /// That of its job.
    pub job_id: i64,
    /// The name of its job.
    pub name: Box<str>,
}

/// A run on an agent, on the wire. What an agent tells of its own runs beyond the first four is taken where it is there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AgentRunItem<'a> {
    agent_id: Field<i64>,
    #[serde(borrow)]
    status: Field<Cow<'a, str>>,
    files_total: Field<f64>,
    files_completed: Field<f64>,
    size_total: Field<f64>,
    size_completed: Field<f64>,
    errors: Errors,
}

impl Shape for AgentRunItem<'_> {
    type Of<'a> = AgentRunItem<'a>;
}

/// What the active runs do on each agent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Details(Vec<RunDetails>);

#[derive(Debug, Clone, PartialEq)]
struct RunDetails {
    run: ActiveRun,
    /// When it was read.
    at: UnixTime,
    /// What it was read from.
    hash: Option<ContentHash>,
    rows: Rows,
}

/// How often a run is read, and how long what is known of one that cannot be read stays.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// One that was read less long ago is not asked for.
    pub interval: Duration,
    /// What was read longer ago is left out.
    pub kept_for: Duration,
}

/// Reads these runs, those first that were not read for the longest time: of very many some would never have their turn
/// otherwise. Gives what is known now, at most `most_rows` rows of it, and why it is not all: of a run that cannot be read what
/// is `known` stays. A run that is gone is left out. Fails where none can be read.
pub async fn fetch(
    session: &Session,
    active: &[ActiveRun],
    known: Option<&Details>,
    ages: Ages,
    most_rows: usize,
    cx: &Context<'_>,
) -> Result<(Details, Option<Failure>), Failure> {
    let deadline = cx.part_deadline().min(Instant::now() + TIMEOUT);
    let before = |run: &ActiveRun| known.and_then(|known| known.0.iter().find(|before| before.run == *run));
    let is_recent = |run: &&ActiveRun| before(run).is_some_and(|before| cx.now.since(before.at) < ages.interval);
    let (recent, mut due): (Vec<&ActiveRun>, Vec<&ActiveRun>) = active.iter().partition(is_recent);
    // Stable: those with the most agents first.
    due.sort_by_key(|run| before(run).map(|before| before.at));
    // Made beforehand: a closure inside the stream would have to be general over lifetimes.
    let requests: Vec<_> = due
        .into_iter()
        .map(|run| async move {
            let path = format!("runs/{}/agents", run.id);
            (run, session.list("run_agents", &path, &[], deadline).await)
        })
        .collect();
    let mut answers = std::pin::pin!(stream::iter(requests).buffered(AT_ONCE));
    let (mut details, mut rows) = (Details::default(), 0);
    let keep = |details: &mut Details, of_run: Option<&RunDetails>, rows: &mut usize| {
        if let Some(of_run) = of_run.filter(|of_run| of_run.rows.len() <= most_rows - *rows) {
            *rows += of_run.rows.len();
            details.0.push(of_run.clone());
        }
    };
    recent.iter().for_each(|run| keep(&mut details, before(run), &mut rows));
    let mut some = active.is_empty() || !recent.is_empty();
    let (mut failure, mut gone) = (None, None);
    while let Some((run, body)) = answers.next().await {
        let read = body.and_then(|body| {
            block_in_place_if(body.is_large(), || RunDetails::read(run.clone(), &body, most_rows - rows, cx))
        });
        match read {
            Ok(of_run) => {
                some = true;
                rows += of_run.rows.len();
                details.0.push(of_run);
            }
            // It has ended since the list was made.
            Err(error) if error.reason == Reason::NotFound => gone = Some(error),
            Err(error) => {
                let is_fresh = |before: &&RunDetails| cx.now.since(before.at) < ages.kept_for;
                keep(&mut details, before(run).filter(is_fresh), &mut rows);
                failure.get_or_insert(error);
            }
        }
    }
    // In the order of the list, whoever was read when.
    let place = |of_run: &RunDetails| active.iter().position(|run| *run == of_run.run);
    details.0.sort_by_cached_key(place);
    match failure {
        failure if some => Ok((details, failure)),
        failure => Err(failure.or(gone).expect("of some runs none was read")),
    }
}

impl RunDetails {
    fn read(run: ActiveRun, body: &Body, most: usize, cx: &Context<'_>) -> Result<RunDetails, Failure> {
        let warnings = cx.warnings;
        let what = format!("GET /api/v2/runs/{}/agents", run.id);
        let (mut rows, mut count) = (Rows::default(), RowCount::default());
        let list = lenient::items::<AgentRunItem<'_>>(body.reader(), "data", |item: Option<AgentRunItem<'_>>| {
            if rows.len() > most {
                return;
            }
            let row = item.and_then(|wire| wire.agent_id.ok().map(|id| (wire, id)));
            count.add(row.is_some());
            let Some((wire, agent_id)) = row else {
                warnings.add(Warning::BadItem, || format!("agent of run {} without a readable agent_id", run.id));
                return;
            };
            let status = wire.status.filled().get(warnings, "status of a run on an agent");
            let status = status.map(|status| rows.status(lenient::cut(status.trim(), 64)));
            let less = |done: Field<f64>, total: Field<f64>| Some(done.ok()? < total.ok()?);
            let bytes = less(wire.size_completed, wire.size_total);
            let is_incomplete = bytes.or_else(|| less(wire.files_completed, wire.files_total)).unwrap_or(false);
            rows.push(Row { agent_id, status, is_incomplete, has_errors: wire.errors.any() });
        });
        let list = list.map_err(|failure| failure.context(&what))?;
        if !list.found {
            return Err(Failure::new(Reason::Decode, format!("{what}: no list of agents")));
        }
        if rows.len() > most {
            let message = format!("{what}: more rows than half of max_series has room for; lower run_details_max");
            return Err(Failure::new(Reason::TooLarge, message));
        }
        if let Some(defect) = count.judge("agents").map_err(|failure| failure.context(&what))? {
            return Err(defect.context(&what));
        }
        rows.shrink();
        Ok(RunDetails { run, at: cx.now, hash: ContentHash::of(body.as_sent()), rows })
    }
}

impl Details {
    /// What tells these from others; `None` where nothing does.
    pub fn hashes(&self) -> Option<Vec<(i64, ContentHash)>> {
        self.0.iter().map(|of_run| Some((of_run.run.id, of_run.hash?))).collect()
    }

    /// Sets the samples of the agents that are there.
    pub fn set(&self, part: &mut Part, agents: &HashMap<i64, AgentRef>, target: &Target) {
        for RunDetails { run, rows, .. } in &self.0 {
            let id = run.job_id.to_string();
            let mut seen = std::collections::HashSet::with_capacity(rows.len());
            for row in rows.iter() {
                // One that is gone from the console may be in a run still.
                let Some(agent) = agents.get(&row.agent_id) else { continue };
                if !seen.insert(row.agent_id) {
                    part.warnings
                        .add(Warning::BadItem, || format!("agent {} comes twice in run {}", row.agent_id, run.id));
                    continue;
                }
                let known = row.status.and_then(|status| RUN.get(usize::from(status)).copied());
                let text = known.map_or_else(|| row.status.map_or("", |status| rows.other(status)), |(name, _)| name);
                if known.is_none() && row.status.is_some() {
                    part.warnings.add(Warning::UnknownState, || format!("status of a run on an agent {text:?}"));
                }
                let base = known.map_or(Health::Unknown, |known| states::run_health(known, row.is_incomplete));
                let pool = &part.pools[part.agents[agent.0 as usize].pool.0 as usize].name;
                let health = target.health(pool, &[text], base);
                // Not even the console calls a run synced that has errors.
                let is_faulty = row.has_errors && text != "paused";
                let health = if is_faulty { health.at_least_degraded() } else { health };
                if row.status.is_some() {
                    let status = known.map_or(OTHER, |(name, _)| name);
                    part.set(&families::RUN_AGENT_STATUS, *agent, &[&id, &run.name, status], 1.0);
                }
                for class in Health::ALL {
                    let value = f64::from(u8::from(class == health));
                    part.set(&families::RUN_AGENT_HEALTH, *agent, &[&id, &run.name, class.as_str()], value);
                }
            }
        }
    }
}

/// Reads what one run does on its agents, for fuzzing.
#[cfg(any(test, fuzzing))]
pub fn read(run: ActiveRun, body: &[u8], most: usize, cx: &Context<'_>) -> Result<Details, Failure> {
    Ok(Details(vec![RunDetails::read(run, &Body::plain(body.to_vec()), most, cx)?]))
}
