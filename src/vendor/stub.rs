//! For tests of vendors: a server of a few lines, a target, a poll, and samples as text.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::{net::TcpListener, time::Instant};

use super::{Api, Context, Observation, Outcome, Part, Warning, Warnings, origin::Origins};
use crate::{
    catalogue::{Family, Scope},
    clock::UnixTime,
    failure::Failure,
    poll::memory::Memory,
};

/// When polls of tests happen, unless they say otherwise.
pub const NOW: UnixTime = UnixTime(1_700_000_000_000);

/// A request that a stub has seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method, path and query: `GET /a?b=c`.
    pub line: String,
    /// Header `Authorization`.
    pub authorization: Option<String>,
    /// Header `X-TFS-FedAuthRedirect`.
    pub suppress: Option<String>,
    /// Body.
    pub body: String,
}

/// What a stub answers.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    /// JSON with 200.
    pub fn json(body: impl Into<String>) -> Reply {
        Reply::new(200, "application/json; charset=utf-8; api-version=7.0", body)
    }

    /// Anything.
    pub fn new(status: u16, content_type: &str, body: impl Into<String>) -> Reply {
        Reply { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    /// With another header.
    pub fn header(mut self, name: &'static str, value: &str) -> Reply {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A server on loopback.
#[derive(Debug)]
pub struct Stub {
    /// Its base URL.
    pub url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// Starts a server; it stops with the runtime of the test.
    pub async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                    async move { Ok::<_, Infallible>(reply(request, &log, &*answer).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Stub { url: Url::parse(&format!("http://{address}")).expect("an address makes a URL"), seen }
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics while it holds this").clone()
    }

    /// Every request line so far.
    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

async fn reply(
    request: Request<Incoming>,
    log: &Mutex<Vec<Seen>>,
    answer: &(dyn Fn(&Seen) -> Reply + Send + Sync),
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a test sends whole bodies").to_bytes();
    let header = |name: &str| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into());
    let seen = Seen {
        line: format!("{} {}", parts.method, parts.uri),
        authorization: header("authorization"),
        suppress: header("x-tfs-fedauthredirect"),
        body: String::from_utf8_lossy(&body).into(),
    };
    log.lock().expect("no test panics while it holds this").push(seen.clone());
    let reply = answer(&seen);
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(reply.body.into())).expect("a test makes valid headers")
}

/// Polls at a time and gives the warnings, too.
pub async fn poll_at(api: &mut dyn Api, memory: &Memory, now: UnixTime) -> (Result<Observation, Failure>, Warnings) {
    poll_knowing(api, memory, now, &Origins::default()).await
}

/// The same, where parts are known from an earlier poll.
pub async fn poll_knowing(
    api: &mut dyn Api,
    memory: &Memory,
    now: UnixTime,
    known: &Origins,
) -> (Result<Observation, Failure>, Warnings) {
    let warnings = Warnings::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let result = api.poll(&Context { now, deadline, memory, warnings: &warnings, known }).await;
    take_up(&warnings, &result);
    (result, warnings)
}

/// Counts the oddities of the parts, as the ledger does.
pub fn take_up(warnings: &Warnings, result: &Result<Observation, Failure>) {
    for (_, outcome) in result.iter().flat_map(|observation| &observation.parts) {
        if let Outcome::Fresh(part) = outcome {
            warnings.take_up(&part.warnings);
        }
    }
}

/// What the parts of an observation come from, as a ledger that has taken them up would know it.
pub fn origins(observation: &Observation) -> Origins {
    let fresh = observation.parts.iter().filter_map(|(key, outcome)| match outcome {
        Outcome::Fresh(part) => Some((key.clone(), part.origin.clone()?)),
        Outcome::Same(same) => Some((key.clone(), same.origin.clone())),
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

/// The samples of one family.
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
        format!("{}{{{subject};{}}} {}", family.name, labels.join(","), sample.value)
    };
    part.samples[family.ordinal as usize].iter().map(line).collect()
}
