//! For tests of vendors: a server, a target, a poll, and samples as text.

use std::time::Duration;

use reqwest::Url;
use rollcall_test_server::{Request, Response, Server};
use tokio::time::Instant;

use super::{Api, Context, Observation, Outcome, Part, Warning, Warnings, fingerprint::PartFingerprints};
use crate::{
    api::memory::Memory,
    catalogue::{Family, Kind, Scope},
    clock::UnixTime,
    failure::Failure,
};

/// When polls of tests happen, unless they say otherwise.
pub const NOW: UnixTime = UnixTime(1_700_000_000_000);

/// JSON with 200.
pub fn json(body: impl Into<String>) -> Response {
    Response::new(200, "application/json; charset=utf-8; api-version=7.0", body.into())
}

/// A vendor's server.
#[derive(Debug)]
pub struct Stub {
    /// Its base URL.
    pub url: Url,
    server: Server,
}

impl Stub {
    /// Starts one that answers with what `answer` makes of a request.
    pub fn start(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Stub {
        let server = Server::http(answer);
        Stub { url: server.url().parse().expect("an address makes a URL"), server }
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// Every request line so far.
    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// Every request since the last call of this or of [`Stub::asked`].
    pub fn take(&self) -> Vec<Request> {
        self.server.take()
    }

    /// The request lines of the same.
    pub fn asked(&self) -> Vec<String> {
        self.take().into_iter().map(|seen| seen.line).collect()
    }
}

/// Polls at a time and gives the warnings, too.
pub async fn poll_at(api: &mut dyn Api, memory: &Memory, now: UnixTime) -> (Result<Observation, Failure>, Warnings) {
    poll_knowing(api, memory, now, &PartFingerprints::default()).await
}

/// The same, where parts are known from an earlier poll.
pub async fn poll_knowing(
    api: &mut dyn Api,
    memory: &Memory,
    now: UnixTime,
    known: &PartFingerprints,
) -> (Result<Observation, Failure>, Warnings) {
    let warnings = Warnings::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let result = api.poll(&Context { now, deadline, memory, warnings: &warnings, known }).await;
    merge(&warnings, &result);
    (result, warnings)
}

/// Counts the decode warnings of the parts, as the ledger does.
pub fn merge(warnings: &Warnings, result: &Result<Observation, Failure>) {
    for (_, outcome) in result.iter().flat_map(|observation| &observation.parts) {
        if let Outcome::Fresh(part) = outcome {
            warnings.merge(&part.warnings);
        }
    }
}

/// What the parts of an observation come from, as a ledger that has them would know it.
pub fn fingerprints(observation: &Observation) -> PartFingerprints {
    let fresh = observation.parts.iter().filter_map(|(key, outcome)| match outcome {
        Outcome::Fresh(part) => Some((key.clone(), part.fingerprint.clone()?)),
        Outcome::Same(same) => Some((key.clone(), same.fingerprint.clone())),
        Outcome::Failed(_) => None,
    });
    fresh.collect()
}

/// Polls now.
pub async fn poll(api: &mut dyn Api) -> Result<Observation, Failure> {
    poll_at(api, &Memory::default(), NOW).await.0
}

/// The kinds and numbers of warnings that were counted.
pub fn counted(warnings: &Warnings) -> Vec<(&'static str, u64)> {
    let counts = Warning::ALL.into_iter().map(|kind| (kind.as_str(), warnings.count(kind)));
    counts.filter(|(_, count)| *count > 0).collect()
}

/// The part of this key, which came.
pub fn fresh<'a>(observation: &'a Observation, key: &str) -> &'a Part {
    match observation.parts.iter().find(|(name, _)| &**name == key) {
        Some((_, Outcome::Fresh(part))) => part,
        other => panic!("part {key:?} did not come: {other:?}"),
    }
}

/// The failure of the part of this key.
pub fn failed<'a>(observation: &'a Observation, key: &str) -> &'a Failure {
    match observation.parts.iter().find(|(name, _)| &**name == key) {
        Some((_, Outcome::Failed(failure))) => failure,
        other => panic!("part {key:?} did not fail: {other:?}"),
    }
}

/// The samples of a part in the order of the catalogue: `family{pool,agent;labels} value`.
pub fn samples(part: &Part) -> Vec<String> {
    let mut lines = Vec::new();
    for family in part.families {
        lines.extend(samples_of(part, family));
    }
    lines
}

/// The samples of one family; of a histogram how often it was observed.
pub fn samples_of(part: &Part, family: &'static Family) -> Vec<String> {
    let line = |sample: &super::Sample| {
        let index = sample.subject as usize;
        let subject = match family.scope {
            Scope::Pool => part.pools[index].name.to_string(),
            Scope::Agent => {
                let agent = &part.agents[index];
                format!("{},{}", part.pools[agent.pool.0 as usize].name, agent.name)
            }
            Scope::Target | Scope::Daemon => String::new(),
        };
        let labels: Vec<&str> = part.label_values(family, sample).collect();
        let value = match family.kind {
            Kind::Histogram => part.histogram(sample).map_or(f64::NAN, |histogram| histogram.count() as f64),
            Kind::Gauge | Kind::Counter => sample.value,
        };
        format!("{}{{{subject};{}}} {value}", family.name, labels.join(","))
    };
    part.samples[family.ordinal as usize].iter().map(line).collect()
}
