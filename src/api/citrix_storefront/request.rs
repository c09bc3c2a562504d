//! One request to StoreFront that can be sent again with another token, and its correlation id.

use bytes::Bytes;
use reqwest::{Method, Url};
use tokio::time::Instant;

use crate::{
    api::words,
    config::secret::SecretText,
    failure::Failure,
    http::{Answer, Call, Client},
};

/// A request without its token.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// Word for the metrics.
    pub operation: &'static str,
    /// Where.
    pub url: Url,
    /// The types that may be answered; `*/*` would be a 406.
    pub accept: &'static str,
    /// Type and content of a `POST`, none for a `GET`. Without secrets.
    pub body: Option<(&'static str, Bytes)>,
}

impl ApiRequest {
    /// A `GET`.
    pub fn get(operation: &'static str, url: Url, accept: &'static str) -> ApiRequest {
        ApiRequest { operation, url, accept, body: None }
    }

    /// A `POST`.
    pub fn post(
        operation: &'static str,
        url: Url,
        accept: &'static str,
        content: &'static str,
        body: impl Into<Bytes>,
    ) -> ApiRequest {
        ApiRequest { operation, url, accept, body: Some((content, body.into())) }
    }

    /// The request, with a token of CitrixAuth where there is one.
    pub fn call(&self, http: &Client, token: Option<&SecretText>) -> Call {
        let method = if self.body.is_some() { Method::POST } else { Method::GET };
        let mut call = http
            .request(self.operation, method, self.url.clone())
            .header("accept", self.accept)
            .header("citrix-transactionid", &transaction_id());
        if let Some((content, body)) = &self.body {
            call = call.body(content, body.clone());
        }
        match token {
            Some(token) => {
                let value = SecretText::new(format!("CitrixAuth {}", token.expose()));
                call.secret_header("authorization", &value)
            }
            None => call,
        }
    }

    /// Sends it.
    pub async fn send(&self, http: &Client, token: Option<&SecretText>, deadline: Instant) -> Result<Answer, Failure> {
        self.call(http, token).send(deadline).await
    }
}

/// The failure that the status of an answer means, with StoreFront's own words from `X-Citrix-Error-Reason`.
pub fn failure(answer: &Answer) -> Failure {
    let mut failure = answer.failure();
    if let Some(reason) = answer.header("x-citrix-error-reason") {
        failure.message = format!("{} ({})", failure.message, words::shown(reason));
    }
    failure
}

/// A GUID that no other request of anybody has; it is to be found again in the server's log, and is no secret.
pub fn transaction_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_a_guid_of_its_own() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| transaction_id()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            let lengths: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        }
    }
}
