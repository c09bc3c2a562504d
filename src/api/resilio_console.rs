//! Resilio Active Everywhere: the Management Console, which knows every agent, also those that are down.
//!
//! - API: `GET {url}/api/v2/agents`, `/groups`, `/pending_agents`, `/jobs`, `/runs` in pages, and `/runs/{id}/agents` of
//!   active runs.
//! - Credentials: an API token of a user of the console, as `Authorization: Token`. There is no log-on, and nothing that
//!   could be locked.
//! - Only `GET` is ever sent: `PUT`, `POST` and `DELETE` on the same paths stop, pause, restart and delete.
//! - There is no page; the facts are from what the vendor's own clients read and send
//!   (<https://github.com/resilio-inc/connect-scripts>).
//!
//! Parts: `agents`, `jobs` and `runs`; each may fail alone. What active runs do on each agent belongs to the part of the
//! agents, whose rows its series are about.

mod agents;
mod details;
mod errors;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod groups;
mod jobs;
mod nested;
mod pending;
mod rows;
mod run;
mod runs;
mod session;
pub mod states;

use std::{sync::Arc, time::Duration};

use futures_util::future;

use self::{
    agents::{AgentsInputs, AgentsReader},
    details::{ActiveRun, Details},
    groups::Groups,
    pending::Pending,
    runs::{PageNotes, RunsReader},
    session::Session,
};
use super::{
    Api, BoxFuture, Context, Observation, Outcome, Part, Same,
    extra::Extra,
    fingerprint::{ContentHash, PartFingerprint, ReaderId},
    logon::Logons,
};
use crate::{
    blocking::block_in_place_if,
    config::{
        Target,
        target::{self, PoolBy},
    },
    failure::{Failure, Reason},
    http::{Body, Client},
};

/// What is read beside agents and runs, and the right that it needs.
pub const EXTRAS: &[(&str, &str)] = &[
    ("groups", "view permission for the groups of agents"),
    ("pending_agents", "view permission for agents that are not approved"),
    ("run_details", "view permission for the job runs"),
];

/// The API of one target.
#[derive(Debug)]
pub struct ResilioConsole {
    target: Arc<Target>,
    settings: Arc<target::ResilioConsole>,
    session: Session,
    reader: ReaderId,
    /// Names of pools, read at each poll; the last good ones serve where they cannot be read.
    groups: Extra<Arc<Groups>>,
    /// Agents that are not approved, read at each poll.
    pending: Extra<Arc<Pending>>,
    details: Extra<Arc<Details>>,
    /// Whether the last try of the details found none of the runs: they had ended, or there is no such endpoint.
    details_missing: bool,
    /// The pages of runs that were read last.
    page_notes: PageNotes,
    /// The active runs that were read last, those with the most agents first.
    active: Vec<ActiveRun>,
}

impl ResilioConsole {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, settings: target::ResilioConsole, http: Client, _: Arc<Logons>) -> ResilioConsole {
        let session = Session::new(target.url.clone(), settings.api_token.clone(), http);
        let details = Extra::new("run_details", settings.run_details);
        ResilioConsole {
            target,
            settings: Arc::new(settings),
            session,
            reader: ReaderId::default(),
            groups: Extra::new("groups", Duration::ZERO),
            pending: Extra::new("pending_agents", Duration::ZERO),
            details,
            details_missing: false,
            page_notes: PageNotes::default(),
            active: Vec::new(),
        }
    }

    async fn observe(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        let deadline = cx.part_deadline();
        let session = &self.session;
        let wants_groups = self.settings.pool_by == PoolBy::Group && self.groups.is_due(cx.now);
        let wants_pending = self.pending.is_due(cx.now);
        let runs = RunsReader::new(
            Arc::clone(&self.target),
            self.settings.run_details_max,
            self.reader.hash_inputs(&"runs"),
            cx.known.get("runs"),
            &self.page_notes,
        );
        let (agents, groups, pending, jobs, runs) = future::join5(
            session.list("agents", "agents", &[], deadline),
            optional(wants_groups, groups::fetch(session, deadline)),
            optional(wants_pending, pending::fetch(session, deadline)),
            session.list("jobs", "jobs", &[], deadline),
            runs.fetch(session, deadline),
        )
        .await;
        // Nothing is known of the others where the token itself is refused, or the console is away.
        if agents.is_ok() {
            let known = self.groups.data(cx.now, self.target.stale_after).cloned();
            store(
                &mut self.groups,
                cx,
                groups.map(|body| body.and_then(|body| Groups::read(&body, known, cx.warnings))),
            );
            store(&mut self.pending, cx, pending.map(|lists| lists.and_then(|lists| Pending::read(&lists))));
        }
        let runs = runs.and_then(|runs| runs.finish(cx.warnings)).map(|(outcome, read)| {
            if let Some((notes, active)) = read {
                (self.page_notes, self.active) = (notes, active);
            }
            outcome
        });
        let wants_details = !self.settings.run_details.is_zero() && self.details.is_due(cx.now);
        if wants_details && agents.is_ok() && runs.is_ok() {
            self.read_details(cx).await;
        }
        let agents = agents.and_then(|body| self.agents(cx, body));
        if let Err(failure) = &agents
            && failure.reason == Reason::TooLarge
        {
            return Err(failure.clone());
        }
        let jobs = jobs.and_then(|body| self.jobs(cx, body));
        if let (Err(failure), Err(_), Err(_)) = (&agents, &jobs, &runs) {
            return Err(failure.clone());
        }
        let mut observation = Observation::default();
        for (key, outcome) in [("agents", agents), ("jobs", jobs), ("runs", runs)] {
            match outcome {
                Ok(outcome) => observation.parts.push((key.into(), outcome)),
                Err(failure) => observation.failed(key, failure),
            }
        }
        let outcomes = [self.groups.outcome(), self.pending.outcome(), self.details.outcome()];
        observation.extras.extend(outcomes.into_iter().flatten());
        Ok(observation)
    }

    /// What the active runs do on each agent. Of a run that cannot be read what was known stays.
    async fn read_details(&mut self, cx: &Context<'_>) {
        let most_rows = self.target.max_series / 2 / details::SERIES_OF_ROW;
        let known = self.details.data(cx.now, self.target.stale_after).cloned();
        let kept_for = self.details.kept_for(self.target.stale_after);
        let ages = details::Ages { interval: self.settings.run_details, kept_for };
        let read = details::fetch(&self.session, &self.active, known.as_deref(), ages, most_rows, cx).await;
        let (data, failure) = match read {
            Ok((data, failure)) => (Some(data), failure),
            Err(failure) => (None, Some(failure)),
        };
        let is_missing = failure.as_ref().is_some_and(|failure| failure.reason == Reason::NotFound);
        let failure = failure.map(|failure| match is_missing && !self.details_missing {
            true => Failure { reason: Reason::HttpStatus, ..failure },
            false => failure,
        });
        self.details_missing = is_missing;
        store(&mut self.details, cx, data.map(|data| Ok(Arc::new(data))));
        store(&mut self.details, cx, failure.map(Err));
    }

    fn agents(&self, cx: &Context<'_>, body: Body) -> Result<Outcome, Failure> {
        let stale_after = self.target.stale_after;
        let groups = match (self.settings.pool_by, self.groups.data(cx.now, stale_after)) {
            (PoolBy::None, _) => Arc::default(),
            (PoolBy::Group, Some(groups)) => Arc::clone(groups),
            (PoolBy::Group, None) => return Err(without_groups(self.groups.outcome())),
        };
        let inputs = AgentsInputs {
            target: Arc::clone(&self.target),
            settings: Arc::clone(&self.settings),
            groups,
            pending: self.pending.data(cx.now, stale_after).cloned().unwrap_or_default(),
            details: self.details.data(cx.now, stale_after).cloned().unwrap_or_default(),
        };
        let hashes = [self.reader.hash_inputs(&"agents"), inputs.hash(), ContentHash::of(body.as_sent())];
        let read = move |body: &Body| AgentsReader::new(&inputs).read(body);
        self.outcome(cx, "agents", &hashes, body, read)
    }

    fn jobs(&self, cx: &Context<'_>, body: Body) -> Result<Outcome, Failure> {
        let hashes = [self.reader.hash_inputs(&"jobs"), ContentHash::of(body.as_sent())];
        let most = self.target.max_series;
        self.outcome(cx, "jobs", &hashes, body, move |body| jobs::read(body, most))
    }

    /// The part that comes from one answer, unless it is known already.
    fn outcome(
        &self,
        cx: &Context<'_>,
        key: &str,
        hashes: &[Option<ContentHash>],
        body: Body,
        read: impl Fn(&Body) -> (Part, Result<(), Failure>) + Send + 'static,
    ) -> Result<Outcome, Failure> {
        let fingerprint = hashes.iter().copied().collect::<Option<Vec<_>>>().map(PartFingerprint::from);
        if let Some(fingerprint) = fingerprint.as_ref().filter(|fingerprint| cx.known.get(key) == Some(fingerprint)) {
            let again = move || finished(read(&body)).map_err(|(failure, _)| failure);
            return Ok(Outcome::Same(Same::new(fingerprint.clone(), again)));
        }
        let part = block_in_place_if(body.is_large(), || finished(read(&body)));
        let mut part = part.map_err(|(failure, part)| {
            cx.warnings.merge(&part.warnings);
            failure.context(&format!("GET /api/v2/{key}"))
        })?;
        // What could be read in part only is read again.
        part.fingerprint = fingerprint.filter(|_| part.defect.is_none());
        Ok(Outcome::Fresh(part))
    }
}

/// A part that was read, or why it was not and what was counted meanwhile.
fn finished((mut part, read): (Part, Result<(), Failure>)) -> Result<Part, (Failure, Box<Part>)> {
    match read {
        Ok(()) => {
            part.shrink();
            Ok(part)
        }
        Err(failure) => Err((failure, Box::new(part))),
    }
}

/// Asks only where it is wanted.
async fn optional<T>(is_wanted: bool, ask: impl Future<Output = T>) -> Option<T> {
    if is_wanted { Some(ask.await) } else { None }
}

/// Stores how the try of an extra ended, if there was one. The agents were read with the same token, so it is not the token
/// that is refused.
fn store<T>(extra: &mut Extra<T>, cx: &Context<'_>, result: Option<Result<T, Failure>>) {
    let Some(result) = result else { return };
    let result = result.map_err(|failure| match failure.reason {
        Reason::Auth => Failure { reason: Reason::Forbidden, ..failure },
        _ => failure,
    });
    let ended = extra.store(cx.now, result);
    debug_assert!(ended.is_ok(), "nothing is held that has no log-on");
}

/// Why the pools of the agents are not known.
fn without_groups(outcome: Option<(&'static str, Result<(), Failure>)>) -> Failure {
    let failure = outcome.and_then(|(_, result)| result.err());
    let failure = failure.unwrap_or_else(|| Failure::new(Reason::Internal, "the groups were not read"));
    let message = format!("{}; without the groups no pool is known (pool_by: none needs none)", failure.message);
    Failure { message, ..failure }
}

impl Api for ResilioConsole {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.observe(cx))
    }

    fn resume(&mut self) {
        self.session.resume();
        self.groups.release();
        self.pending.release();
        self.details.release();
    }
}

#[cfg(test)]
mod tests;
