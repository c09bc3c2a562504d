//! Alertmanager API v2: `POST {url}/api/v2/alerts`, a JSON array of alerts; without a log-on, with HTTP Basic or a
//! bearer token.
//!
//! | answer | means |
//! |---|---|
//! | 2xx | all are stored |
//! | 400 | those that are valid are stored, the others never will be |
//! | 413, 422 | nothing is stored, and never will be in this form: one alert, or the size, spoils the batch |
//! | anything else, or none | nothing is known: to be sent again |
//! | 2xx or 400 with an HTML page | the same: a proxy's log-on or error page, Alertmanager has none |
//!
//! Labels are the identity of an alert, annotations are not; an empty label is none. `endsAt` is always given: where it
//! is missing Alertmanager makes up its own.
//!
//! Source: `api/v2/openapi.yaml` and `postAlertsHandler` in `api/v2/api.go` of prometheus/alertmanager 0.25.

mod wire;

use std::{future::Future, time::Duration};

use reqwest::{Method, Url};
use tokio::time::Instant;

use crate::{
    alert::queue::{Batch, Labels},
    config::{Alertmanager, target::ProxyAuth},
    failure::{Failure, Reason},
    http,
};

/// One request may take as long.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The answers are empty, or a sentence about what was wrong.
const MAX_RESPONSE_SIZE: u64 = 1 << 20;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum DeliveryOutcome {
    /// All of it is stored.
    Accepted,
    /// What was valid in it is stored, the rest never will be.
    Invalid(Failure),
    /// Nothing of it is stored, and never will be in this form.
    Refused(Failure),
    /// Nothing is known of it: no answer, or one that says nothing about the alerts.
    Failed(Failure),
}

impl DeliveryOutcome {
    /// Why it was not accepted.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            DeliveryOutcome::Accepted => None,
            DeliveryOutcome::Invalid(failure)
            | DeliveryOutcome::Refused(failure)
            | DeliveryOutcome::Failed(failure) => Some(failure),
        }
    }
}

/// Takes a batch to its receiver. The client below does; the tests have receivers of their own.
pub trait Deliver: Send + Sync + 'static {
    /// Sends the batch, once, and says what became of it; within [`DEADLINE`]. Safe to drop half-way.
    fn deliver(&self, batch: &Batch) -> impl Future<Output = DeliveryOutcome> + Send;
}

/// The client of one Alertmanager.
#[derive(Debug)]
pub struct AlertmanagerClient {
    url: Url,
    auth: Option<ProxyAuth>,
    http: http::Client,
    external: Labels,
}

impl AlertmanagerClient {
    /// A client that adds these external labels to every alert that does not have them itself.
    ///
    /// Fails with `internal` where a certificate or key file cannot be used.
    pub fn new(settings: &Alertmanager, external: Labels) -> Result<AlertmanagerClient, Failure> {
        let url = http::below(&bare(&settings.url), ["api", "v2", "alerts"]);
        let http = http::Client::with(&settings.http, &url, MAX_RESPONSE_SIZE, None)?;
        Ok(AlertmanagerClient { url, auth: settings.auth.clone(), http, external })
    }

    async fn post(&self, batch: &Batch) -> Result<http::Answer, Failure> {
        self.http.refresh()?;
        let call = self.http.request("alerts", Method::POST, self.url.clone()).unqueued();
        let call = call.body("application/json", wire::encode(batch, &self.external)?);
        // A secret file is read at each request, so that the next one has the change.
        let call = match &self.auth {
            None => call,
            Some(ProxyAuth::Basic(login)) => call.basic(&login.username, &login.password.read()?),
            Some(ProxyAuth::Bearer(token)) => call.bearer(&token.read()?),
        };
        call.send(Instant::now() + DEADLINE).await
    }
}

impl Deliver for AlertmanagerClient {
    async fn deliver(&self, batch: &Batch) -> DeliveryOutcome {
        match self.post(batch).await {
            Ok(answer) if answer.is_html() && (answer.status.is_success() || answer.status == 400) => {
                let message = format!("{}, an HTML page: not an answer of Alertmanager", answer.failure());
                DeliveryOutcome::Failed(Failure::new(Reason::ContentType, message))
            }
            Ok(answer) if answer.status.is_success() => DeliveryOutcome::Accepted,
            Ok(answer) => match answer.status.as_u16() {
                400 => DeliveryOutcome::Invalid(answer.failure()),
                413 | 422 => DeliveryOutcome::Refused(answer.failure()),
                _ => DeliveryOutcome::Failed(answer.failure()),
            },
            Err(failure) => DeliveryOutcome::Failed(failure),
        }
    }
}

/// The label `alertmanager`: the URL as configured, without user name, password, query and last slash.
pub fn label(settings: &Alertmanager) -> String {
    let mut url = bare(&settings.url);
    url.set_query(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// The URL without what must not be shown. An http URL always can be without, so nothing is lost with the results.
fn bare(url: &Url) -> Url {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url
}

fn unwritable(error: serde_json::Error) -> Failure {
    Failure::new(Reason::Internal, format!("an alert cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests;
