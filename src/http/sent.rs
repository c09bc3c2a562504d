//! Whether a request has left: known from its body, which is asked for once there is a connection.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

const WAITING: u8 = 0;
const LEFT: u8 = 1;
const STOPPED: u8 = 2;

/// Follows the request of an exchange that carries credentials: until it leaves it can be stopped, and from then on its
/// answer is waited for as long as the exchange may take. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Sent {
    state: Arc<AtomicU8>,
    until: Instant,
}

impl Sent {
    /// Of an exchange that may take until then.
    pub fn new(until: Instant) -> Sent {
        Sent { state: Arc::default(), until }
    }

    /// Until when the exchange may take.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Whether the credentials have left, as far as anybody can tell.
    pub fn has_left(&self) -> bool {
        self.state.load(Ordering::Acquire) == LEFT
    }

    /// Keeps the credentials from leaving; false where they have left already.
    pub fn stop(&self) -> bool {
        self.change(STOPPED)
    }

    /// The credentials leave now; false where they must not any more.
    pub fn leave(&self) -> bool {
        self.change(LEFT)
    }

    fn change(&self, to: u8) -> bool {
        match self.state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == to,
        }
    }
}

/// A body that tells when it is asked for.
pub(super) struct Told {
    content: Option<Bytes>,
    sent: Sent,
}

impl Told {
    pub(super) fn new(content: Bytes, sent: Sent) -> Told {
        Told { content: Some(content), sent }
    }
}

/// The exchange was given up before its credentials left.
#[derive(Debug)]
pub(super) struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("given up before it was sent")
    }
}

impl std::error::Error for Stopped {}

impl Body for Told {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        if !self.sent.leave() {
            return Poll::Ready(Some(Err(Stopped)));
        }
        Poll::Ready(self.content.take().map(|content| Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.as_ref().map_or(0, |content| content.len() as u64))
    }
}
