//! Pauses that a vendor asks for, by `Retry-After`: one holds for all requests of a target.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    failure::{Failure, Reason},
    http::{Client, MAX_RETRY_AFTER},
};

/// Until when nothing is sent.
#[derive(Debug, Default)]
pub struct Pause(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    /// Waiting is counted up to here, once for all requests that wait side by side.
    counted: Option<Instant>,
}

impl Pause {
    /// Nothing is sent for so long.
    pub fn begin(&self, wait: Duration) {
        let until = Instant::now() + wait.min(MAX_RETRY_AFTER);
        let mut state = self.lock();
        state.until = state.until.max(Some(until));
    }

    /// It ends before its time.
    pub fn end(&self) {
        self.lock().until = None;
    }

    /// Waits for its end. Fails at once, with `rate_limited`, where that is not before `deadline`.
    pub async fn wait(&self, http: &Client, deadline: Instant) -> Result<(), Failure> {
        loop {
            let now = Instant::now();
            let until = {
                let mut state = self.lock();
                let Some(until) = state.until.filter(|until| *until > now) else { return Ok(()) };
                if until >= deadline {
                    let wait = until - now;
                    let message = format!("the service asked for a pause of {:.0} s more", wait.as_secs_f64());
                    return Err(Failure { retry_after: Some(wait), ..Failure::new(Reason::RateLimited, message) });
                }
                let counted = state.counted.map_or(now, |counted| counted.max(now));
                http.throttled(until.saturating_duration_since(counted));
                state.counted = state.counted.max(Some(until));
                until
            };
            tokio::time::sleep_until(until).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}
