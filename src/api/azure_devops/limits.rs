//! Rate limits: what the service says about them on every answer, also on good ones, and waiting as long as it asks.
//!
//! Services allows 200 units in five minutes; first it delays answers and says so on a 200, then it refuses with 429.
//! <https://learn.microsoft.com/azure/devops/integrate/concepts/rate-limits>

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::super::{Part, Subject, lenient, pause::Pause};
use crate::{
    catalogue::azure_devops::{RATE_LIMIT, RATE_LIMIT_DELAY, RATE_LIMIT_REMAINING, RATE_LIMIT_RESET},
    failure::Failure,
    http::{Answer, Client},
};

/// What the service said last, shared by the requests of a poll.
#[derive(Debug, Default)]
pub struct Limits {
    pause: Pause,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    limit: Option<f64>,
    remaining: Option<f64>,
    reset: Option<f64>,
    delay: Option<f64>,
}

impl Limits {
    /// A poll begins: headers of the last one are not news any more; a pause still is.
    pub fn begin(&self) {
        *self.lock() = State::default();
    }

    /// A pause ends before its time.
    pub fn resume(&self) {
        self.pause.end();
    }

    /// Takes note of an answer.
    pub fn note(&self, answer: &Answer) {
        let number = |name| lenient::scalar::<f64>(answer.header(name)?).ok();
        let mut state = self.lock();
        let state = &mut *state;
        for (field, name) in [
            (&mut state.limit, "x-ratelimit-limit"),
            (&mut state.remaining, "x-ratelimit-remaining"),
            (&mut state.reset, "x-ratelimit-reset"),
            (&mut state.delay, "x-ratelimit-delay"),
        ] {
            *field = number(name).or(*field);
        }
        // The delay was already served; as long again before the next request is what keeps it from growing.
        let delay = || Duration::try_from_secs_f64(number("x-ratelimit-delay")?).ok();
        if let Some(wait) = answer.retry_after().or_else(delay) {
            self.pause.begin(wait);
        }
    }

    /// Waits as long as the service asked for: [`Pause::wait`].
    pub async fn wait(&self, http: &Client, deadline: Instant) -> Result<(), Failure> {
        self.pause.wait(http, deadline).await
    }

    /// Sets the samples of what was said during this poll.
    pub fn set(&self, part: &mut Part) {
        let state = self.lock();
        part.set_some(&RATE_LIMIT, Subject::Target, &[], state.limit);
        part.set_some(&RATE_LIMIT_REMAINING, Subject::Target, &[], state.remaining);
        part.set_some(&RATE_LIMIT_RESET, Subject::Target, &[], state.reset);
        part.set_some(&RATE_LIMIT_DELAY, Subject::Target, &[], state.delay);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}
