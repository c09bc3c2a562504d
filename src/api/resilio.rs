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
use super::{Agent, AgentRef, Api, BoxFuture, Context, Id, Observation, Part, logon::Logons};
use crate::{
    catalogue::resilio::FAMILIES,
    clock::UnixTime,
    config::{Target, target},
    failure::{Failure, Reason},
    health::Health,
    http,
};

/// The label `pool` of every client.
const POOL: &str = "client";

/// The longest that tags may take: an extra must not hold up the poll.
const TAGS_TIMEOUT: Duration = Duration::from_secs(5);

/// Tags that are refused are left alone for this long.
const TAGS_RETRY_INTERVAL: Duration = Duration::from_secs(3600);

/// The API of one target.
#[derive(Debug)]
pub struct Resilio {
    target: Arc<Target>,
    settings: target::Resilio,
    session: Session,
    /// The last tags that could be read, and when.
    tags: Option<(Tags, UnixTime)>,
    /// Tags that were refused, in spite of a new token, are left alone until then.
    tags_retry_at: UnixTime,
}

impl Resilio {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, settings: target::Resilio, http: http::Client, _: Arc<Logons>) -> Resilio {
        let session = Session::new(target.url.clone(), settings.auth.clone(), http);
        Resilio { target, settings, session, tags: None, tags_retry_at: UnixTime::default() }
    }

    async fn observe(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        self.session.begin();
        let answer = self.session.get("client", "client", cx.deadline).await?;
        let client = ClientInfo::read(answer.json()?, cx.warnings).map_err(|failure| failure.context(&answer.what))?;
        let runs = self.runs(cx).await;
        self.read_tags(cx).await;

        let mut observation = Observation::default();
        let mut part = Part::new(FAMILIES);
        let agent = row(&mut part, &client, &self.target, true, cx);
        client.set(&mut part, agent, cx.warnings);
        if let Some((tags, _)) = &self.tags {
            tags.set(&mut part, agent);
        }
        observation.fresh("client", part);
        match runs {
            Ok(runs) => {
                let mut part = Part::new(FAMILIES);
                let agent = row(&mut part, &client, &self.target, false, cx);
                jobs::set(&runs, &mut part, agent, &self.target, cx);
                observation.fresh("jobs", part);
            }
            Err(failure) => observation.failed("jobs", failure),
        }
        Ok(observation)
    }

    async fn runs(&mut self, cx: &Context<'_>) -> Result<Vec<jobs::Run>, Failure> {
        let answer = self.session.get("runs", "runs", cx.part_deadline()).await?;
        jobs::read(answer.json()?, cx.warnings).map_err(|failure| failure.context(&answer.what))
    }

    /// Tags may fail: those of before stay as long as other data would.
    async fn read_tags(&mut self, cx: &Context<'_>) {
        if !self.settings.tags {
            return;
        }
        if cx.now >= self.tags_retry_at {
            let deadline = cx.part_deadline().min(Instant::now() + TAGS_TIMEOUT);
            let answer = self.session.get("tags", "tags", deadline).await;
            match answer.and_then(|answer| Tags::read(answer.json()?, cx.warnings)) {
                Ok(tags) => self.tags = Some((tags, cx.now)),
                Err(failure) => {
                    tracing::debug!(target = %self.target.name, error = %failure, "Tags cannot be read.");
                    if matches!(failure.reason, Reason::Auth | Reason::Forbidden) {
                        self.tags_retry_at = cx.now.plus(TAGS_RETRY_INTERVAL);
                    }
                }
            }
        }
        self.tags.take_if(|(_, read)| cx.now.since(*read) > self.target.stale_after);
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
}

#[cfg(test)]
mod tests;
