//! What is known of one open connection: whose it is, what it asks for, and when it last moved.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::listener::Peer;

/// A reader that takes nothing for so long gives way where places are short.
pub const STALLED: Duration = Duration::from_secs(1);

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    peer: Peer,
    since: Instant,
    /// Requests so far.
    requests: AtomicU64,
    /// Answers under way.
    active: AtomicUsize,
    /// When a piece of an answer was last taken, or a request came or was answered: milliseconds after `since`.
    moved: AtomicU64,
    closing: CancellationToken,
    cut: CancellationToken,
}

impl Connection {
    /// A connection of this peer that is to end when `stop` is told.
    pub fn new(peer: Peer, stop: &CancellationToken) -> Connection {
        Connection {
            peer,
            since: Instant::now(),
            requests: AtomicU64::new(0),
            active: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            closing: stop.child_token(),
            cut: CancellationToken::new(),
        }
    }

    /// Who is at its other end.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Told when it is to end as soon as its last answer was sent.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Told when it is to end at once.
    pub fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// How many requests it has sent so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether an answer is under way.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed) > 0
    }

    /// Something went on just now.
    pub fn moves(&self) {
        let millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(millis, Ordering::Relaxed);
    }

    /// How long nothing has gone on.
    pub fn still_for(&self) -> Duration {
        self.since.elapsed().saturating_sub(Duration::from_millis(self.moved.load(Ordering::Relaxed)))
    }

    /// Whether its reader takes nothing of an answer.
    pub fn is_stalled(&self) -> bool {
        self.is_active() && self.still_for() >= STALLED
    }

    /// Whether it was told to end.
    pub fn is_leaving(&self) -> bool {
        self.closing.is_cancelled() || self.cut.is_cancelled()
    }

    /// A request has come; its answer is under way until [`Connection::end_request`].
    pub fn begin_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        self.moves();
    }

    /// An answer was sent, or nobody waits for it any more.
    pub fn end_request(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
        self.moves();
    }
}
