//! What is known of one open connection: whose it is, what it asks for, and when it last moved.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A reader that takes nothing for so long gives way where places are short.
pub const STALLED: Duration = Duration::from_secs(1);

/// Who is at the other end: an IPv4 address, or the /64 of an IPv6 one, of which one machine has as many as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(Option<IpAddr>);

impl Peer {
    /// The peer at an address; without one, whoever uses a Unix socket: all of them together.
    pub fn at(address: Option<SocketAddr>) -> Peer {
        Peer(address.map(|address| match address.ip().to_canonical() {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }))
    }

    /// Whether one address is one peer; of a Unix socket nobody knows how many use it.
    pub fn has_address(self) -> bool {
        self.0.is_some()
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::at(Some(address.parse().expect("an address")))
    }

    #[test]
    fn one_machine_is_one_peer_whatever_its_port_and_the_end_of_its_address() {
        assert_eq!(peer("192.0.2.7:1"), peer("192.0.2.7:2"));
        assert_eq!(peer("192.0.2.7:1"), peer("[::ffff:192.0.2.7]:1"));
        assert_ne!(peer("192.0.2.7:1"), peer("192.0.2.8:1"));
        assert_eq!(peer("[2001:db8:1:2::1]:1"), peer("[2001:db8:1:2:ffff::9]:1"));
        assert_ne!(peer("[2001:db8:1:2::1]:1"), peer("[2001:db8:1:3::1]:1"));
        assert!(!Peer::at(None).has_address());
    }
}
