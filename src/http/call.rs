//! One request: what may be shown of it, where its secrets may go, and how it is sent.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use reqwest::{
    Method, Url,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue},
};
use tokio::time::{Instant, timeout_at};

use super::{
    Answer, Body, Budget, Client, Exchange,
    body::{Cap, Growing},
    connector::PeerCertificate,
    failed,
    refused::{Refused, Sent},
    send_tracker::{SendTracker, TrackedBody},
    transport::{self, RequestBody, SendError, Transport},
};
use crate::{
    config::secret::SecretText,
    descriptors::{self, RequestPermit},
    failure::{Failure, Reason},
};

/// A request before it is sent.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Call {
    client: Client,
    operation: &'static str,
    request: reqwest::Request,
    /// The URL as it may be shown.
    shown: Url,
    budget: Option<Arc<Budget>>,
    /// Of the exchange whose credentials it carries.
    sent: Option<SendTracker>,
    /// Why it must not be sent.
    denied: Option<Failure>,
    /// Whether it carries a password, which is sent once at the most. A token is none.
    carries_password: bool,
    /// Whether it waits for no other request.
    unqueued: bool,
    /// Its secrets, which an answer may repeat.
    secrets: Sent,
}

impl Call {
    pub(super) fn new(client: Client, operation: &'static str, method: Method, url: Url) -> Call {
        let shown = url.clone();
        Call {
            client,
            operation,
            request: reqwest::Request::new(method, url),
            shown,
            budget: None,
            sent: None,
            denied: None,
            carries_password: false,
            unqueued: false,
            secrets: Sent::default(),
        }
    }

    /// Adds a header that may be shown.
    pub fn header(self, name: &'static str, value: &str) -> Call {
        self.insert(name, value, false)
    }

    /// Adds a header that is a secret (`Authorization`, `auth_token`, `Cookie`). Refused on plain HTTP to other hosts than
    /// loopback unless the configuration allows it; `send` then fails without sending anything.
    pub fn secret_header(mut self, name: &'static str, value: &SecretText) -> Call {
        self.guard();
        self.secrets.add(value);
        self.insert(name, value.expose(), true)
    }

    /// HTTP Basic, a secret header.
    pub fn basic(mut self, username: &str, password: &SecretText) -> Call {
        self.carries_password = true;
        self.basic_pair(username, password)
    }

    /// The same with a token where the password would be, and no user name: no account can be locked by it.
    pub fn basic_token(self, token: &SecretText) -> Call {
        self.basic_pair("", token)
    }

    fn basic_pair(mut self, username: &str, password: &SecretText) -> Call {
        self.secrets.add(password);
        let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
        self.secret_header("authorization", &SecretText::new(format!("Basic {pair}")))
    }

    /// A bearer token, a secret header.
    pub fn bearer(self, token: &SecretText) -> Call {
        let value = SecretText::new(format!("Bearer {}", token.expose()));
        self.secret_header("authorization", &value)
    }

    /// Adds a query parameter that is a secret (Resilio's token); shown as `<secret>`.
    pub fn secret_query(mut self, name: &'static str, value: &SecretText) -> Call {
        self.guard();
        self.secrets.add(value);
        self.request.url_mut().query_pairs_mut().append_pair(name, value.expose());
        self.shown.query_pairs_mut().append_pair(name, "<secret>");
        self
    }

    /// A body without credentials. It is shown nowhere.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Call {
        *self.request.body_mut() = Some(body.into().into());
        self.request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self
    }

    /// A body that carries credentials; where it may go is treated like [`Call::secret_header`].
    pub fn secret_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Call {
        self.guard();
        self.carries_password = true;
        let body = body.into();
        self.secrets.add_body(&body);
        self.body(content_type, body)
    }

    /// Waits for a place in this budget before it is sent.
    pub fn budget(mut self, budget: &Arc<Budget>) -> Call {
        self.budget = Some(Arc::clone(budget));
        self
    }

    /// It waits for no other request: a page is sent although polls have taken all descriptors that they may have.
    pub fn unqueued(mut self) -> Call {
        self.unqueued = true;
        self
    }

    /// It carries the credentials of a log-on: `send_tracker` learns when they leave, and the answer is waited for as long as the
    /// exchange may take, whatever the deadline of [`Call::send`], which is then that of the place in the budget.
    pub fn credentials(mut self, sent: &SendTracker) -> Call {
        self.sent = Some(sent.clone());
        self.carries_password = true;
        self
    }

    /// Sends it and reads the whole answer, whatever its status. A `GET` without a password of which no byte of an answer came is
    /// sent once more: the server had closed the connection. Fails with `dns`, `connect`, `tls`, `timeout`,
    /// `too_large`, `decode` (a body that cannot be unpacked), `rate_limited` (no place in the budget before the deadline) or
    /// `internal`.
    pub async fn send(self, deadline: Instant) -> Result<Answer, Failure> {
        self.exchanged(deadline, false).await
    }

    /// The same, but the body of a success stays as it came, to be read with [`Answer::take_json`] only: a long list need not
    /// be there as text all at once. What cannot be unpacked, or is too large when it is, fails while it is read. Under a
    /// tracer it is unpacked at once, as who traces wants to know how long it is.
    pub async fn send_packed(self, deadline: Instant) -> Result<Answer, Failure> {
        self.exchanged(deadline, true).await
    }

    async fn exchanged(mut self, deadline: Instant, packed: bool) -> Result<Answer, Failure> {
        let what = format!("{} {}", self.request.method(), self.shown.path());
        if let Some(denied) = self.denied.take() {
            return Err(denied.context(&what));
        }
        if let Some(budget) = &self.budget {
            let waited = budget.acquire(deadline).await.map_err(|failure| failure.context(&what))?;
            self.client.throttled(waited);
        }
        let _permit = match self.unqueued {
            true => None,
            false => Some(begin_request(deadline).await.map_err(|failure| failure.context(&what))?),
        };
        if let Some(sent) = &self.sent {
            sent.announce().await?;
        }
        self.configured_headers();
        let again = self.may_be_sent_again().then(|| (self.budget.clone(), deadline));
        let mut exchange = Exchange::of(self.operation, &self.request, &self.shown);
        let sent = self.sent.clone();
        let deadline = sent.as_ref().map_or(deadline, SendTracker::until);
        let request_body = self.request_body();
        let Call { client, operation, request, secrets, .. } = self;
        let connection = client.inner.connection.read().unwrap_or_else(|e| e.into_inner()).1.clone();
        let started = Instant::now();
        let waits = AtomicBool::default();
        let received = async {
            let (status, headers, body) = receive(&client, connection, request, request_body, again, &waits).await?;
            let packed = (packed && status.is_success() && client.inner.tracer.is_none()).then(|| body.clone());
            let body = match packed {
                Some(_) => body.beginning(BEGINNING),
                None if status.is_success() => body.unpack(&client.inner.room, &waits).await?,
                // The status counts, however its page was packed.
                None => match body.unpack(&client.inner.room, &waits).await {
                    Ok(body) => body,
                    Err(_) => body.beginning(BEGINNING),
                },
            };
            Ok::<_, Failure>((status, headers, body, packed))
        };
        let result = match timeout_at(deadline, received).await {
            Ok(result) => result,
            Err(_) if waits.load(Ordering::Relaxed) => Err(Failure::new(
                Reason::Timeout,
                "no room for the whole answer before the deadline; other answers take up http.max_buffered",
            )),
            Err(_) => Err(Failure::new(Reason::Timeout, "no complete answer before the deadline")),
        };
        exchange.duration = started.elapsed();
        let left = deadline.saturating_duration_since(Instant::now());
        let result = result.map(|(status, headers, body, packed)| Answer {
            status,
            headers,
            body,
            packed,
            what: what.clone(),
            left,
        });
        let code = result.as_ref().map_or(0, |answer| answer.status.as_u16());
        client.inner.stats.request(operation, code, exchange.duration);
        let result = result.map_err(|failure| failure.context(&what));
        match &result {
            Ok(answer) => {
                exchange.status = Some(code);
                exchange.bytes = answer.packed.as_ref().map_or(answer.body.len(), |body| body.as_sent().len());
                exchange.refused = Refused::of(answer, &secrets);
                if let Some(sent) = &sent {
                    sent.note_answer(&answer.body);
                }
            }
            Err(failure) => exchange.failure = Some(failure.clone()),
        }
        if let Some(tracer) = &client.inner.tracer {
            tracer(&exchange);
        }
        client.inner.stats.keep(exchange);
        result
    }

    /// The body, which tells when it leaves where somebody wants to know.
    fn request_body(&mut self) -> RequestBody {
        let content = self.request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice);
        let content = content.unwrap_or_default();
        match self.sent.take() {
            Some(sent) if !content.is_empty() => Either::Right(TrackedBody::new(content, sent)),
            sent => {
                // Without a body there is nothing that could tell.
                if let Some(sent) = sent {
                    sent.mark_sent();
                }
                Either::Left(Full::new(content))
            }
        }
    }

    fn insert(mut self, name: &'static str, value: &str, secret: bool) -> Call {
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(secret);
                self.request.headers_mut().insert(HeaderName::from_static(name), value);
            }
            Err(_) => {
                // A token with a line break in it, mostly.
                let (reason, what) = if secret { (Reason::Auth, "secret") } else { (Reason::Internal, "value") };
                let message = format!("the {what} for the header {name} has a character that HTTP does not allow");
                self.denied = Some(Failure::new(reason, message));
            }
        }
        self
    }

    /// Credentials leave in clear text to loopback only, unless the configuration says otherwise.
    fn guard(&mut self) {
        let url = self.request.url();
        if self.client.inner.settings.allows_credentials(url) {
            return;
        }
        let message = format!(
            "refused to send credentials over plain http to {}; use https, or set http.allow_cleartext_credentials",
            url.host_str().unwrap_or("?")
        );
        self.denied = Some(Failure::new(Reason::Auth, message));
    }

    /// Whether a second one of it can do no harm.
    fn may_be_sent_again(&self) -> bool {
        let inner = &self.client.inner;
        // A password may also be in a header of the configuration.
        let has_basic = |(name, value): &(String, SecretText)| {
            name.eq_ignore_ascii_case("authorization")
                && value.expose().trim_start().to_ascii_lowercase().starts_with("basic")
        };
        let is_configured = self.request.url().host_str() == inner.host.as_deref();
        self.request.method() == Method::GET
            && self.request.body().is_none()
            && !self.carries_password
            && !(is_configured && inner.settings.headers.iter().any(has_basic))
    }

    /// The headers of the configuration go to the target's own host only, never to a token service elsewhere.
    fn configured_headers(&mut self) {
        let inner = &self.client.inner;
        if self.request.url().host_str() != inner.host.as_deref() {
            return;
        }
        for (name, secret) in &inner.settings.headers {
            if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::from_str(secret.expose())) {
                value.set_sensitive(true);
                self.secrets.add(secret);
                self.request.headers_mut().insert(name, value);
            }
        }
    }
}

/// Waits for a file descriptor for the connection.
async fn begin_request(deadline: Instant) -> Result<RequestPermit, Failure> {
    timeout_at(deadline, descriptors::begin_request()).await.map_err(|_| {
        let message = "no file descriptor is left for a connection; raise the limit of the process (LimitNOFILE)";
        Failure::new(Reason::Connect, message)
    })
}

/// As much of a body that stays as it came is unpacked to see what it is.
const BEGINNING: usize = 512;

type ResponseParts = (reqwest::StatusCode, reqwest::header::HeaderMap, Body);

async fn receive(
    client: &Client,
    connection: Transport,
    request: reqwest::Request,
    body: RequestBody,
    again: Option<(Option<Arc<Budget>>, Instant)>,
    waits: &AtomicBool,
) -> Result<ResponseParts, Failure> {
    let (inner, url) = (&client.inner, request.url());
    let invalid = |error| Failure::new(Reason::Internal, format!("the request cannot be sent: {error}"));
    let message = |body| {
        let mut message = transport::request(request.method().clone(), url, body).map_err(invalid)?;
        message.headers_mut().extend(request.headers().clone());
        message.headers_mut().entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
        Ok::<_, Failure>(message)
    };
    let mut sent = connection.send(message(body)?).await;
    if let Some((budget, deadline)) = again
        && sent.as_ref().is_err_and(SendError::is_without_answer)
    {
        // The server may have counted it.
        if let Some(budget) = budget {
            client.throttled(budget.acquire(deadline).await?);
        }
        tracing::debug!(host = url.host_str(), "A connection was closed; the request is sent once more.");
        sent = connection.anew().send(message(Either::Left(Full::default()))?).await;
    }
    let (head, mut incoming) = sent.map_err(|error| failed::no_answer(error, url, &inner.settings))?.into_parts();
    if let Some(certificate) = head.extensions.get::<PeerCertificate>() {
        inner.stats.certificate(url.host_str().unwrap_or_default(), Some(&certificate.0));
    }
    let cap = Cap::new(inner.max_response_size, &inner.room);
    // What is announced is believed where it is too much, and takes no room.
    cap.check(hyper::body::Body::size_hint(&incoming).lower())?;
    let mut body = Growing::new(&inner.room, cap, waits);
    loop {
        let frame = match body.patience()? {
            None => incoming.frame().await,
            Some(patience) => match tokio::time::timeout(patience, incoming.frame()).await {
                Ok(frame) => frame,
                Err(_) => continue,
            },
        };
        let Some(frame) = frame else { break };
        if let Ok(chunk) = frame.map_err(|error| failed::broken_off(&error))?.into_data() {
            body.push(&chunk).await?;
        }
    }
    let body = Body::new(&head.headers, body.finish(), cap);
    Ok((head.status, head.headers, body))
}
