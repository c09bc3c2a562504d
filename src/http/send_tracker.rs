//! Whether a request has left: known from its body, which is asked for once there is a connection.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::failure::{Failure, Reason};

const WAITING: u8 = 0;
const SENT: u8 = 1;
const STOPPED: u8 = 2;

/// What is done before credentials leave: where it fails they do not.
type Announce = dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync;

/// As much of the answer is kept, for whoever has to say what it was.
const ANSWER_KEPT: usize = 16 * 1024 + 1;

/// Follows the request of an exchange that carries credentials: until it leaves it can be stopped, and from then on its
/// answer is waited for as long as the exchange may take. Cloning shares it.
#[derive(Clone)]
pub struct SendTracker {
    state: Arc<AtomicU8>,
    until: Instant,
    announce: Option<Arc<Announce>>,
    announced: Arc<AtomicBool>,
    answer: Arc<Mutex<Bytes>>,
}

impl fmt::Debug for SendTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendTracker").field("sent", &self.is_sent()).finish_non_exhaustive()
    }
}

impl SendTracker {
    /// Of an exchange that may take until then.
    pub fn new(until: Instant) -> SendTracker {
        SendTracker { state: Arc::default(), until, announce: None, announced: Arc::default(), answer: Arc::default() }
    }

    /// The same; `announce` is waited for before the credentials leave, and where it fails they do not.
    pub fn announced(
        self,
        announce: impl Fn() -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync + 'static,
    ) -> SendTracker {
        SendTracker { announce: Some(Arc::new(announce)), ..self }
    }

    /// The credentials are about to leave. They do so once.
    pub async fn announce(&self) -> Result<(), Failure> {
        if self.announced.swap(true, Ordering::AcqRel) {
            return Err(Failure::new(Reason::Internal, "the credentials of one log-on were to be sent twice"));
        }
        match &self.announce {
            Some(announce) => announce().await,
            None => Ok(()),
        }
    }

    /// What they were answered with.
    pub fn note_answer(&self, body: &Bytes) {
        *self.answer.lock().unwrap_or_else(|e| e.into_inner()) = body.slice(..body.len().min(ANSWER_KEPT));
    }

    /// The beginning of the answer to the credentials, as far as there was one.
    pub fn answer(&self) -> Bytes {
        self.answer.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Until when the exchange may take.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Whether the credentials have left, as far as anybody can tell.
    pub fn is_sent(&self) -> bool {
        self.state.load(Ordering::Acquire) == SENT
    }

    /// Keeps the credentials from leaving; false where they have left already.
    pub fn stop(&self) -> bool {
        self.change(STOPPED)
    }

    /// The credentials leave now; false where they must not any more.
    pub fn mark_sent(&self) -> bool {
        self.change(SENT)
    }

    fn change(&self, to: u8) -> bool {
        match self.state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == to,
        }
    }
}

/// A body that tells when it is asked for.
pub(super) struct TrackedBody {
    content: Option<Bytes>,
    sent: SendTracker,
}

impl TrackedBody {
    pub(super) fn new(content: Bytes, sent: SendTracker) -> TrackedBody {
        TrackedBody { content: Some(content), sent }
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

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        if !self.sent.mark_sent() {
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
