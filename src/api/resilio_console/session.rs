//! How the console is asked: token, pauses that it asks for, and how many requests at once.

use std::sync::Arc;

use reqwest::Url;
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    api::pause::Pause,
    config::secret::{Secret, SecretText},
    failure::Failure,
    http::{self, Answer, Body, Client},
};

/// As many requests are under way at once.
const AT_ONCE: usize = 4;

/// As often one request is sent again after a pause that the console has asked for.
const PAUSES: usize = 5;

/// What outlives a poll.
#[derive(Debug)]
pub struct Session {
    base: Url,
    token: Secret,
    http: Client,
    pause: Pause,
    places: Arc<Semaphore>,
}

impl Session {
    /// Nothing is sent yet.
    pub fn new(base: Url, token: Secret, http: Client) -> Session {
        Session { base, token, http, pause: Pause::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// A pause that the console has asked for ends before its time.
    pub fn resume(&self) {
        self.pause.end();
    }

    /// The body of the answer to `GET /api/v2/{path}`, which is JSON.
    ///
    /// Where the console asks for a pause that the deadline leaves time for (429 or 503 with `Retry-After`), the request is
    /// sent again after it, and all others wait, too.
    pub async fn list(
        &self,
        operation: &'static str,
        path: &str,
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<Body, Failure> {
        let mut answer = self.ask(operation, path, query, deadline).await?;
        answer.take_json()
    }

    async fn ask(
        &self,
        operation: &'static str,
        path: &str,
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        for turn in 0.. {
            self.pause.wait(&self.http, deadline).await?;
            let answer = {
                let _place = self.places.acquire().await.expect("the semaphore is never closed");
                self.send(operation, path, query, deadline).await?
            };
            let asks_for_a_pause = matches!(answer.status.as_u16(), 429 | 503);
            match answer.retry_after().filter(|_| asks_for_a_pause) {
                Some(wait) => self.pause.begin(wait),
                None => return answer.success(),
            }
            if turn >= PAUSES || answer.retry_after().is_some_and(|wait| wait >= answer.left) {
                return Err(answer.failure());
            }
        }
        unreachable!("the last turn returns")
    }

    async fn send(
        &self,
        operation: &'static str,
        path: &str,
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let mut url = http::below(&self.base, ["api", "v2"].into_iter().chain(path.split('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let authorization = SecretText::new(format!("Token {}", self.token.read()?.expose()));
        let call = self.http.get(operation, url).header("accept", "application/json");
        // The vendor's own clients send it with every request.
        let call = call.header("content-type", "application/json").secret_header("authorization", &authorization);
        call.send_packed(deadline).await
    }
}
