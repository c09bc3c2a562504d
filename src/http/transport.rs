//! Requests over connections: HTTP/1.1, with bounds that libraries for everybody leave open.
//!
//! - The vendors speak HTTP/1.1, and HTTP/2 has frames without end that cost much and bring nothing.
//! - A head is at most [`MAX_HEAD`] bytes long and has at most 100 lines.
//! - At most [`MAX_INTERIM`] answers of 1xx come before the real one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{
    Request, Response, Uri,
    body::Incoming,
    header::{ACCEPT, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT},
    http::Extensions,
};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::Notify;

use super::{
    connector::{Answered, Connector},
    send_tracker::TrackedBody,
};

/// The longest head of an answer, in bytes. What is read at a time is not more either.
const MAX_HEAD: usize = 128 * 1024;

/// As many answers of 1xx may come before the real one; servers send one, if any.
const MAX_INTERIM: usize = 16;

/// Connections that nobody has used for so long are closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// The body of a request.
pub(super) type RequestBody = Either<Full<Bytes>, TrackedBody>;

/// Sends requests. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub(super) struct Transport {
    client: legacy::Client<Connector, RequestBody>,
    connector: Connector,
}

/// Why there is no head of an answer.
#[derive(Debug)]
pub(super) enum SendError {
    /// Something else than data came, or nothing.
    Failed(legacy::Error),
    /// Only answers of 1xx.
    Interim,
}

impl SendError {
    /// Whether there was a connection, and not one byte of an answer came over it.
    pub(super) fn is_without_answer(&self) -> bool {
        let SendError::Failed(error) = self else { return false };
        let mut extensions = Extensions::new();
        error.connect_info().inspect(|info| info.get_extras(&mut extensions));
        extensions.get::<Answered>().is_some_and(|answered| !answered.get())
    }
}

impl Transport {
    /// Over connections that are made so.
    pub(super) fn new(connector: Connector, keeps_connections: bool) -> Transport {
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(if keeps_connections { usize::MAX } else { 0 })
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(MAX_HEAD)
            .build(connector.clone());
        Transport { client, connector }
    }

    /// The same over connections of its own: none that is there already, and none that is kept.
    pub(super) fn anew(&self) -> Transport {
        Transport::new(self.connector.clone(), false)
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&self, mut request: Request<RequestBody>) -> Result<Response<Incoming>, SendError> {
        self.complete(&mut request);
        let interim = Arc::new(InterimAnswers::default());
        let seen = Arc::clone(&interim);
        hyper::ext::on_informational(&mut request, move |_| seen.count());
        tokio::select! {
            response = self.client.request(request) => response.map_err(SendError::Failed),
            // The connection is closed when nobody waits for its answer any more.
            () = interim.too_many.notified() => Err(SendError::Interim),
        }
    }

    fn complete(&self, request: &mut Request<RequestBody>) {
        let authorization = self.connector.proxy_authorization(request.uri());
        let headers = request.headers_mut();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let agent = HeaderValue::from_static(concat!("rollcall/", env!("CARGO_PKG_VERSION")));
        headers.entry(USER_AGENT).or_insert(agent);
        if let Some(authorization) = authorization {
            headers.entry(PROXY_AUTHORIZATION).or_insert(authorization);
        }
    }
}

/// A request without headers.
pub(super) fn request(
    method: hyper::Method,
    url: &reqwest::Url,
    body: RequestBody,
) -> Result<Request<RequestBody>, hyper::http::Error> {
    let uri: Uri = url.as_str().parse()?;
    Request::builder().method(method).uri(uri).body(body)
}

/// The answers of 1xx to one request.
#[derive(Debug, Default)]
struct InterimAnswers {
    count: AtomicUsize,
    too_many: Notify,
}

impl InterimAnswers {
    /// One more has been read, in the task of the connection.
    fn count(&self) {
        if self.count.fetch_add(1, Ordering::Relaxed) >= MAX_INTERIM {
            self.too_many.notify_one();
            spend_budget();
        }
    }
}

/// Makes the next read of this task wait for its turn. Otherwise it would read on for as long as there is something, before
/// anybody else can see that it was too much.
fn spend_budget() {
    let mut context = Context::from_waker(Waker::noop());
    // A task has a budget of 128; outside of one there is none to spend.
    for _ in 0..256 {
        match tokio::task::coop::poll_proceed(&mut context) {
            Poll::Ready(proceed) => proceed.made_progress(),
            Poll::Pending => return,
        }
    }
}
