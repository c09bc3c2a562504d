//! The one outbound client: TLS, proxy, size cap, deadline, no redirects, `Retry-After`, redaction, request budgets.
//!
//! No URL query, header or body that can carry a secret reaches a message, a log line or the trace of `probe`.

mod answer;
mod budget;

pub use answer::Answer;
pub use budget::Budget;

use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Method, Url};
use tokio::time::Instant;

use crate::{
    config::{Target, secret::SecretText},
    failure::{Failure, Reason},
};

/// The client of one target. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    max_response_size: u64,
}

impl Client {
    /// The client for a target with its TLS, proxy and size settings.
    pub fn new(target: &Target) -> Result<Client, Failure> {
        let _ = target;
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
        Ok(Client { inner: Arc::new(Inner { client, max_response_size: target.max_response_size }) })
    }

    /// A request. `operation` is a fixed word for the metrics, e.g. `agents`.
    pub fn request(&self, operation: &'static str, method: Method, url: Url) -> Call {
        Call { client: self.clone(), operation, request: reqwest::Request::new(method, url), deny: None }
    }

    /// A `GET` request.
    pub fn get(&self, operation: &'static str, url: Url) -> Call {
        self.request(operation, Method::GET, url)
    }

    /// Counts time held back because the vendor asked for it.
    pub fn throttled(&self, _duration: std::time::Duration) {}
}

/// A request before it is sent.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Call {
    client: Client,
    operation: &'static str,
    request: reqwest::Request,
    deny: Option<Failure>,
}

impl Call {
    /// Adds a header that may be shown.
    pub fn header(self, name: &'static str, value: &str) -> Call {
        let _ = (name, value);
        self
    }

    /// Adds a header that is a secret (`Authorization`, `auth_token`, `Cookie`). Refused on plain HTTP to other hosts than
    /// loopback unless the configuration allows it; `send` then fails without sending anything.
    pub fn secret_header(self, name: &'static str, value: &SecretText) -> Call {
        let _ = (name, value);
        self
    }

    /// HTTP Basic, a secret header.
    pub fn basic(self, username: &str, password: &SecretText) -> Call {
        let _ = (username, password);
        self
    }

    /// A bearer token, a secret header.
    pub fn bearer(self, token: &SecretText) -> Call {
        let _ = token;
        self
    }

    /// Adds a query parameter that is a secret (Resilio's token); shown as `<secret>`.
    pub fn secret_query(self, name: &'static str, value: &SecretText) -> Call {
        let _ = (name, value);
        self
    }

    /// A body that may be shown nowhere, but whose sending over plain HTTP is fine.
    pub fn body(self, content_type: &'static str, body: impl Into<Bytes>) -> Call {
        let _ = (content_type, body.into());
        self
    }

    /// A body that carries credentials; treated like [`Call::secret_header`].
    pub fn secret_body(self, content_type: &'static str, body: impl Into<Bytes>) -> Call {
        self.body(content_type, body)
    }

    /// Waits for a place in this budget before it is sent.
    pub fn budget(self, budget: &Arc<Budget>) -> Call {
        let _ = budget;
        self
    }

    /// Sends it and reads the whole answer, whatever its status. Fails with `dns`, `connect`, `tls`, `timeout`,
    /// `too_large` or `internal`.
    pub async fn send(self, deadline: Instant) -> Result<Answer, Failure> {
        let _ = (
            deadline,
            &self.client.inner.client,
            self.client.inner.max_response_size,
            self.operation,
            self.request,
            self.deny,
        );
        todo!("integration")
    }
}
