//! HTTP/2, which is spoken within TLS only: its limits, and an end for whoever takes nothing.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use hyper::{rt::Executor, server::conn::http2::Builder};
use hyper_util::rt::TokioTimer;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::event::{Panicked, panic_text};

/// Requests of one connection that are answered side by side.
const MAX_STREAMS: u32 = 16;
/// Bytes of the headers of a request.
const MAX_HEADERS: u32 = 64 * 1024;
/// How often a silent client is asked whether it is still there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));
/// An answer must be taken within this time, as it must be without HTTP/2. There the socket says so; here a client can
/// answer pings and take nothing.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);

/// Requests of one connection are tasks of their own, and one that panics is counted.
#[derive(Debug, Clone, Copy)]
pub struct CountingExecutor;

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for CountingExecutor {
    fn execute(&self, request: F) {
        tokio::spawn(async move {
            if let Err(panic) = AssertUnwindSafe(request).catch_unwind().await {
                Panicked { task: "connection", subject: None, message: panic_text(&*panic) }.emit();
            }
        });
    }
}

/// How a connection is served.
pub fn builder() -> Builder<CountingExecutor> {
    let mut builder = Builder::new(CountingExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADERS)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    builder
}

/// Whether a connection has an answer that is not taken.
#[derive(Debug, Clone, Default)]
pub struct Http2Stall(CancellationToken);

impl Http2Stall {
    /// An answer is under way until what is returned is dropped.
    pub fn begin_answer(&self) -> oneshot::Sender<()> {
        let (sending, sent) = oneshot::channel();
        let stalled = self.0.clone();
        tokio::spawn(async move {
            if timeout(TOTAL_TIMEOUT, sent).await.is_err() {
                stalled.cancel();
            }
        });
        sending
    }

    /// Waits until there is one.
    pub async fn stalled(&self) {
        self.0.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_ends_its_connection() {
        let stall = Http2Stall::default();
        drop(stall.begin_answer());
        assert!(timeout(2 * TOTAL_TIMEOUT, stall.stalled()).await.is_err(), "it was taken");
        let _held = stall.begin_answer();
        assert!(timeout(TOTAL_TIMEOUT - Duration::from_secs(1), stall.stalled()).await.is_err());
        timeout(Duration::from_secs(2), stall.stalled()).await.expect("it is not taken");
    }
}
