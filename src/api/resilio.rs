//! Resilio Active Everywhere: the local API of one agent.
//!
//! - API: `GET {url}/api/v3/client`, `/runs` and `/tags`, with the token of `GET {url}/api/v3/token` in the query. The agent
//!   listens on 127.0.0.1 only, so the daemon runs on the same host or asks through a reverse proxy.
//! - Credentials: none but that token, which is against cross-site requests; those of the reverse proxy, if any.
//! - Only `GET` is ever sent: `PATCH` on the same paths pauses and restarts agents.
//! - <https://docs.resilio.com>, the page "Using Agent API". Much is documented nowhere; it is said where it matters.
//!
//! Parts: `client` (the agent, its tags) and `jobs`. Where the runs cannot be read the last good jobs stay; `jobs` has a
//! row for the agent, too, as its series carry the agent's name.

mod client;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod jobs;
mod session;
pub mod states;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use self::{
    client::{ClientInfo, Tags},
    session::Session,
};
use super::{Agent, AgentRef, Api, BoxFuture, Context, Id, Observation, Part, Warnings, extra::Extra, logon::Logons};
use crate::{
    blocking::block_in_place_if,
    catalogue::resilio::FAMILIES,
    config::{Target, target},
    failure::{Failure, Reason},
    health::Health,
    http::{self, Answer, MAX_OBJECT},
};

/// The label `pool` of every client.
const POOL: &str = "client";

/// The longest that tags may take: an extra must not hold up the poll.
const TAGS_TIMEOUT: Duration = Duration::from_secs(5);

/// What is read beside the client and its runs, and the right that it needs.
pub const EXTRAS: &[(&str, &str)] =
    &[("tags", "none but that to the agent's API: a reverse proxy may withhold the path")];

/// The API of one target.
#[derive(Debug)]
pub struct Resilio {
    target: Arc<Target>,
    settings: target::Resilio,
    session: Session,
    /// Read at each poll.
    tags: Extra<Tags>,
}

impl Resilio {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, settings: target::Resilio, http: http::Client, _: Arc<Logons>) -> Resilio {
        let session = Session::new(target.url.clone(), settings.auth.clone(), http);
        Resilio { target, settings, session, tags: Extra::new("tags", Duration::ZERO) }
    }

    async fn observe(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        self.session.begin();
        let read = |answer: &mut Answer, warnings: &Warnings| {
            let read = answer.take_json()?.start(MAX_OBJECT).and_then(|body| ClientInfo::read(&body, warnings));
            read.map_err(|failure| failure.context(&answer.what))
        };
        let client = self.session.get("client", "client", cx.deadline, cx.warnings, read).await?;
        let runs = self.runs(cx).await;
        let max_jobs = self.max_jobs();
        if runs.as_ref().is_ok_and(|(runs, _)| runs.len() > max_jobs) {
            let message = format!("more than {max_jobs} jobs, which have more series than max_series");
            return Err(Failure::new(Reason::TooLarge, message));
        }
        self.read_tags(cx).await;

        let mut observation = Observation::default();
        let mut part = Part::new(FAMILIES);
        let agent = row(&mut part, &client, &self.target, true, cx);
        client.set(&mut part, agent, cx.warnings);
        if let Some(tags) = self.tags.data(cx.now, self.target.stale_after) {
            tags.set(&mut part, agent);
        }
        observation.fresh("client", part);
        match runs {
            Ok((runs, defect)) => {
                let mut part = Part::new(FAMILIES);
                let agent = row(&mut part, &client, &self.target, false, cx);
                jobs::set(&runs, &mut part, agent, &self.target, cx);
                part.defect = defect;
                observation.fresh("jobs", part);
            }
            Err(failure) => observation.failed("jobs", failure),
        }
        observation.extras.extend(self.tags.outcome());
        Ok(observation)
    }

    /// As many jobs have certainly as many series as there may be.
    fn max_jobs(&self) -> usize {
        self.target.max_series / jobs::SERIES_OF_JOB
    }

    async fn runs(&mut self, cx: &Context<'_>) -> Result<(Vec<jobs::Run>, Option<Failure>), Failure> {
        let max_jobs = self.max_jobs();
        let read = |answer: &mut Answer, warnings: &Warnings| {
            let body = answer.take_json()?;
            let read = block_in_place_if(body.is_large(), || jobs::read(&body, max_jobs, warnings));
            read.map_err(|failure| failure.context(&answer.what))
        };
        self.session.get("runs", "runs", cx.part_deadline(), cx.warnings, read).await
    }

    /// Tags may fail alone.
    async fn read_tags(&mut self, cx: &Context<'_>) {
        if !self.settings.tags || !self.tags.is_due(cx.now) {
            return;
        }
        let deadline = cx.part_deadline().min(Instant::now() + TAGS_TIMEOUT);
        let read = |answer: &mut Answer, warnings: &Warnings| {
            Tags::read(answer.take_json()?.reader(), warnings).map_err(|failure| failure.context(&answer.what))
        };
        let tags = self.session.get("tags", "tags", deadline, cx.warnings, read).await;
        let tags = tags.map_err(|failure| {
            tracing::debug!(target = %self.target.name, error = %failure, "Tags cannot be read.");
            // The client was read with this token, so it is not the token that is refused.
            match failure.reason {
                Reason::Auth => Failure { reason: Reason::Forbidden, ..failure },
                _ => failure,
            }
        });
        let ended = self.tags.store(cx.now, tags);
        debug_assert!(ended.is_ok(), "nothing is held that has no log-on");
    }
}

/// Adds the agent's row. In the part of the jobs it is no agent of its own, but carries the labels of their series.
fn row(part: &mut Part, client: &ClientInfo, target: &Target, with_health: bool, cx: &Context<'_>) -> AgentRef {
    let pool = part.pool(POOL, false);
    let name = client.name.as_deref().or(client.device_id.as_deref()).unwrap_or(&target.name);
    let id = Id::Text(client.device_id.as_deref().unwrap_or(name).into());
    let health: Option<Health> = with_health.then(|| client.health(target, cx.warnings));
    let agent = Agent { pool, name: name.into(), id, health, state: client.state_for_pages().into() };
    part.agent(agent).expect("the first agent of a part has an id of its own")
}

impl Api for Resilio {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.observe(cx))
    }

    fn resume(&mut self) {
        self.tags.release();
    }
}

#[cfg(test)]
mod tests;
