//! Citrix StoreFront, Store Services API: the machines behind the desktops of one account.
//!
//! API: `POST {store}/machinecontrol/list` for the resources of
//! `GET {store}/resources/v2/withoutautoprovision`; both are found through `GET {store}/endpoints/v1`.
//! <https://developer-docs.citrix.com/en-us/storefront/store-services-api/machine-control.html>
//!
//! Credentials: a domain account, by ExplicitForms or HTTP Basic. It needs no rights, and it sees the desktops that are
//! assigned to it and nothing else: an account without desktops rightly gets no machines.
//!
//! Nothing is ever started, stopped or subscribed: the enumeration that would subscribe the account to applications
//! (`ListResourcesWithAutoProvision`) is not used, nor are the power operations next to the list.

mod allowed_hosts;
mod challenge;
mod chunks;
mod endpoints;
mod form;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod logon;
mod machines;
mod part;
mod reading;
mod reply;
mod request;
mod resources;
mod session;
pub mod states;
mod tokens;
mod xml;

use std::{collections::HashSet, hash::RandomState, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesOrdered};
use reqwest::StatusCode;

use self::{
    chunks::{Chunks, LastRead},
    endpoints::Endpoints,
    reading::DecodedChunk,
    request::ApiRequest,
    resources::{Enumeration, MAX_RESOURCES},
    session::{RequestContext, Session},
};
use super::{
    Api, BoxFuture, Context, Observation, Outcome, Part, Same,
    fingerprint::{self, ContentHash, PartFingerprint},
    logon::Logons,
};
use crate::{
    blocking::{LARGE_BODY, block_in_place_if},
    clock::UnixTime,
    config::{Target, target},
    failure::{Failure, Reason},
    http::{Answer, Client},
};

/// Endpoints are asked for again after this time, or when one of them is gone.
const DISCOVERY: Duration = Duration::from_secs(3600);
/// Chunks that are asked for side by side; every request costs the farm's brokers.
const SIDE_BY_SIDE: usize = 4;

/// Characters of a value of the server's that a warning shows.
const SHOWN: usize = 64;

/// The machines of one poll.
#[derive(Debug, Default)]
struct Machines {
    /// Hashes of the ids of those in the chunks so far.
    seen: HashSet<u64>,
    /// There are more than `max_agents`.
    too_many: bool,
}

/// Nothing is read beside resources and machines.
pub const EXTRAS: &[(&str, &str)] = &[];

/// The API of one target.
#[derive(Debug)]
pub struct CitrixStorefront {
    target: Arc<Target>,
    settings: target::CitrixStorefront,
    session: Session,
    endpoints: Option<(UnixTime, Endpoints)>,
    /// The last enumeration and its time; none where `resource_ids` are given.
    enumeration: Option<(UnixTime, Enumeration)>,
    chunks: Chunks,
    hasher: RandomState,
    reader: fingerprint::ReaderId,
}

impl CitrixStorefront {
    /// Nothing is sent before the first poll.
    pub fn new(
        target: Arc<Target>,
        settings: target::CitrixStorefront,
        http: Client,
        logons: Arc<Logons>,
    ) -> CitrixStorefront {
        CitrixStorefront {
            session: Session::new(Arc::clone(&target), settings.clone(), http, logons),
            target,
            settings,
            endpoints: None,
            enumeration: None,
            chunks: Chunks::default(),
            hasher: RandomState::new(),
            reader: fingerprint::ReaderId::default(),
        }
    }

    async fn read(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        let at = RequestContext { now: cx.now, deadline: cx.deadline };
        self.session.begin(cx.now).await?;
        let endpoints = self.discover(at).await?;
        let mut observation = Observation::default();
        if self.settings.resource_ids.is_empty() {
            match self.enumerate(cx, at, &endpoints).await {
                Ok(()) => {
                    let part = self.enumeration.as_ref().map(|(_, enumeration)| part::of_enumeration(enumeration));
                    observation.parts.extend(part.map(|part| ("enumeration".into(), super::Outcome::Fresh(part))));
                }
                // What was known before is asked for; a log-on that failed would fail again.
                Err(failure) if self.enumeration.is_some() && !is_final(&failure) => {
                    observation.failed("enumeration", failure);
                }
                Err(failure) => return Err(failure),
            }
        } else {
            let ids: Vec<Box<str>> = self.settings.resource_ids.iter().map(|id| id.as_str().into()).collect();
            self.chunks.assign(&ids);
        }
        // Farms did not answer: nobody knows what they have.
        let full = |(_, enumeration): &(UnixTime, Enumeration)| enumeration.is_complete();
        observation.incomplete = !self.enumeration.as_ref().is_none_or(full);
        self.list(cx, at, &endpoints, &mut observation).await?;
        let expiry = self.session.password_expiry();
        observation.credential_expiry.extend(expiry.map(|time| ("password", time)));
        Ok(observation)
    }

    async fn discover(&mut self, at: RequestContext) -> Result<Endpoints, Failure> {
        if let Some((found, endpoints)) = &self.endpoints
            && at.now.since(*found) < DISCOVERY
        {
            return Ok(endpoints.clone());
        }
        match endpoints::discover(&mut self.session, at, &self.target.url).await {
            Ok(endpoints) => Ok(self.endpoints.insert((at.now, endpoints)).1.clone()),
            // An hour-old list still does while its service does not answer.
            Err(failure) if !is_final(&failure) => match &self.endpoints {
                Some((_, endpoints)) => Ok(endpoints.clone()),
                None => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    /// Renews the list of resources when it is due.
    async fn enumerate(&mut self, cx: &Context<'_>, at: RequestContext, endpoints: &Endpoints) -> Result<(), Failure> {
        let interval = self.settings.enumerate_interval;
        if self.enumeration.as_ref().is_some_and(|(time, _)| at.now.since(*time) < interval) {
            return Ok(());
        }
        let result = resources::enumerate(&mut self.session, at, &endpoints.resources, cx.warnings).await;
        let enumeration = result.map_err(|(failure, answer)| {
            self.forget_endpoints(answer.as_ref());
            failure
        })?;
        if enumeration.is_complete() {
            self.chunks.assign(&enumeration.ids);
        } else {
            // Farms did not answer, or most resources cannot be read: what is missing may well be there.
            let ids = self.chunks.known_with(&enumeration.ids, MAX_RESOURCES);
            self.chunks.assign(&ids);
        }
        self.enumeration = Some((at.now, enumeration));
        Ok(())
    }

    /// Asks for the machines, chunk by chunk. `Err` where none of the chunks came.
    async fn list(
        &mut self,
        cx: &Context<'_>,
        at: RequestContext,
        endpoints: &Endpoints,
        observation: &mut Observation,
    ) -> Result<(), Failure> {
        let count = self.chunks.chunks.len();
        let mut outcomes: Vec<Option<Result<Outcome, Failure>>> = (0..count).map(|_| None).collect();
        let mut seen = Machines::default();
        // The first one alone: it brings the token, and finds out whether there is any use in going on.
        if count > 0 {
            let request = self.list_request(endpoints, 0);
            let result = self.session.send(at, &request).await;
            let outcome = self.take(cx, 0, result, &mut seen);
            if let Err(failure) = &outcome
                && is_final(failure)
            {
                return Err(failure.clone());
            }
            outcomes[0] = Some(outcome);
        }
        // Who asks us to wait is not asked for the rest.
        let limited = |outcome: &Option<Result<Outcome, Failure>>| match outcome {
            Some(Err(failure)) if failure.reason == Reason::RateLimited => Some(failure.clone()),
            _ => None,
        };
        let mut wait = outcomes.first().and_then(limited);
        let granted = self.session.cached_token(&endpoints.machines, at.now);
        let token = granted.as_ref().map(|granted| &granted.token);
        let mut refused = Vec::new();
        let mut under_way = FuturesOrdered::new();
        let mut next = 1;
        loop {
            while next < count && under_way.len() < SIDE_BY_SIDE {
                if let Some(failure) = &wait {
                    outcomes[next] = Some(Err(failure.clone()));
                    next += 1;
                    continue;
                }
                let call = self.list_request(endpoints, next).call(self.session.http(), token).send(at.deadline);
                let index = next;
                under_way.push_back(async move { (index, call.await) });
                next += 1;
            }
            match under_way.next().await {
                None => break,
                Some((index, Ok(answer))) if answer.status == StatusCode::UNAUTHORIZED => refused.push((index, answer)),
                Some((index, result)) => {
                    outcomes[index] = Some(self.take(cx, index, result, &mut seen));
                    wait = wait.or_else(|| limited(&outcomes[index]));
                }
            }
        }
        for (index, answer) in refused {
            let request = self.list_request(endpoints, index);
            let result = self.session.send_again(at, &request, &answer, granted.as_ref()).await;
            outcomes[index] = Some(self.take(cx, index, result, &mut seen));
        }
        if seen.too_many {
            return Err(self.too_many());
        }
        self.report(outcomes, observation)
    }

    fn too_many(&self) -> Failure {
        Failure::new(
            Reason::TooLarge,
            format!("more than {} (max_agents)", crate::printable::counted(self.target.max_agents, "machine")),
        )
    }

    fn list_request(&self, endpoints: &Endpoints, index: usize) -> ApiRequest {
        let body = machines::params(&self.chunks.chunks[index].ids);
        ApiRequest::post("machines", endpoints.machines.clone(), machines::ACCEPT, machines::PARAMS, body)
    }

    /// Reads the answer of a chunk; `seen` holds the machines of the chunks before it, also of those that failed and
    /// whose machines are still shown.
    fn take(
        &mut self,
        cx: &Context<'_>,
        index: usize,
        result: Result<Answer, Failure>,
        seen: &mut Machines,
    ) -> Result<Outcome, Failure> {
        let outcome = result.and_then(|answer| self.decode(cx, index, &answer, seen));
        if let Some(last) = &self.chunks.chunks[index].last
            && cx.now.since(last.at) < self.target.stale_after
        {
            seen.seen.extend(&last.machines);
        }
        outcome
    }

    fn decode(
        &mut self,
        cx: &Context<'_>,
        index: usize,
        answer: &Answer,
        seen: &mut Machines,
    ) -> Result<Outcome, Failure> {
        if !answer.status.is_success() {
            self.forget_endpoints(Some(answer));
            return Err(request::failure(answer));
        }
        let room = self.target.max_agents.saturating_sub(seen.seen.len());
        let body = answer.xml_body()?;
        let chunk = &mut self.chunks.chunks[index];
        let hash_inputs = self.reader.hash_inputs(&chunk.ids);
        let fingerprint =
            hash_inputs.and_then(|hash_inputs| Some(PartFingerprint::from(vec![hash_inputs, ContentHash::of(&body)?])));
        let known = cx.known.get(&key(chunk.number)).filter(|known| Some(*known) == fingerprint.as_ref());
        if let (Some(fingerprint), Some(last)) = (known, &mut chunk.last)
            && last.still_holds(fingerprint, cx.now, &seen.seen)
        {
            last.at = cx.now;
            if last.machines.len() > room {
                seen.too_many = true;
                return Err(self.too_many());
            }
            let (target, now) = (Arc::clone(&self.target), cx.now);
            let again = move || DecodedChunk::decode_part(&body, now, &target);
            return Ok(Outcome::Same(Same::new(fingerprint.clone(), again)));
        }
        let CitrixStorefront { target, hasher, .. } = &*self;
        let ids = &self.chunks.chunks[index].ids;
        let read = block_in_place_if(body.len() >= LARGE_BODY, || {
            DecodedChunk::read(&body, ids, cx.now, target, hasher, (&seen.seen, room))
        });
        let DecodedChunk { mut part, machines, without, repeats } = read.map_err(|(failure, warnings)| {
            cx.warnings.merge(&warnings);
            failure.context(&answer.what)
        })?;
        if machines.len() > room {
            cx.warnings.merge(&part.warnings);
            seen.too_many = true;
            return Err(self.too_many());
        }
        let chunk = &mut self.chunks.chunks[index];
        // The few machines that could be read do not replace all of them.
        let whole = |last: &LastRead| last.complete && cx.now.since(last.at) < self.target.stale_after;
        let known = chunk.last.as_ref().is_some_and(whole);
        if let Some(defect) = part.defect.take_if(|_| known) {
            cx.warnings.merge(&part.warnings);
            return Err(defect.context(&answer.what));
        }
        // Only what the answer alone says can be known again by the answer.
        let fingerprint = fingerprint.filter(|_| repeats && part.defect.is_none());
        let (at, complete) = (cx.now, part.defect.is_none());
        let machines = machines.into();
        let last = LastRead { at, machines, without, complete, fingerprint: fingerprint.clone() };
        chunk.last = Some(last);
        part.fingerprint = fingerprint;
        Ok(Outcome::Fresh(part))
    }

    fn report(
        &self,
        outcomes: Vec<Option<Result<Outcome, Failure>>>,
        observation: &mut Observation,
    ) -> Result<(), Failure> {
        let came = outcomes.iter().flatten().filter(|outcome| outcome.is_ok()).count();
        let last = self.chunks.chunks.iter().filter_map(|chunk| chunk.last.as_ref());
        let (machines, without) = last.fold((0, 0), |(m, w), last| (m + last.machines.len(), w + last.without));
        let failures = || outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err());
        if came > 0 || outcomes.is_empty() {
            observation.fresh("store", part::of_store(machines, without));
        } else if let Some(first) = failures().next() {
            return Err(Failure { retry_after: Failure::max_retry_after(failures()), ..first.clone() });
        }
        for (chunk, outcome) in self.chunks.chunks.iter().zip(outcomes) {
            match outcome {
                Some(Ok(outcome)) => observation.parts.push((key(chunk.number), outcome)),
                Some(Err(failure)) => observation.failed(key(chunk.number), failure),
                None => {}
            }
        }
        Ok(())
    }

    /// An endpoint that is gone may have moved.
    fn forget_endpoints(&mut self, answer: Option<&Answer>) {
        if answer.is_some_and(|answer| matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE)) {
            self.endpoints = None;
        }
    }
}

/// A failure that the next request of this poll would meet again.
fn is_final(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::Auth | Reason::Held)
}

fn key(number: u64) -> Box<str> {
    format!("chunk {number}").into()
}

impl Api for CitrixStorefront {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.read(cx))
    }
}

/// Reads one chunk of machines, for [`super::measure`].
pub(super) fn measure(body: &[u8], now: UnixTime, target: &Target) -> Part {
    let seen = HashSet::new();
    let read = DecodedChunk::read(body, &[], now, target, &RandomState::new(), (&seen, usize::MAX));
    debug_assert!(read.is_ok());
    read.map_or_else(|_| part::of_machines(), |chunk| chunk.part)
}

#[cfg(test)]
mod tests;
