//! The open connections, of which there are no more than a limit. Who comes when it is reached waits for nobody who does
//! nothing: a connection without a request goes, then one whose reader takes nothing, and the peer that has most of all gives
//! way to one that has fewer. So connections that are held open for nothing take no place from others.
//!
//! One peer address has a quarter of the places at most, and then makes room among its own. That is a bound for large limits
//! only: below 32 places a peer may have them all, as long as nobody else wants one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{connection::Connection, listener::Peer};

/// Who waits for a place looks this often for one that is free by now.
const RECHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Who has no place by then is turned away.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many wait for a place at most; more are turned away at once.
const MAX_WAITING: usize = 32;

/// So many that were told to end may still be there beside those who took their places.
const MAX_LEAVING: usize = 64;

/// A peer may have so many connections however small the limit is.
const LEAST_PER_PEER: usize = 32;

/// All open connections.
#[derive(Debug)]
pub struct ConnectionLimit {
    /// 0 for any number.
    limit: usize,
    connections: Mutex<BTreeMap<u64, Arc<Connection>>>,
    waiting: AtomicUsize,
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    connection_limit: Arc<ConnectionLimit>,
    number: u64,
    connection: Arc<Connection>,
}

/// An answer under way: its connection does something.
#[derive(Debug)]
pub struct ActiveRequest(Arc<Connection>);

impl ConnectionLimit {
    /// Room for so many; 0 for any number.
    pub fn new(limit: usize) -> Arc<ConnectionLimit> {
        Arc::new(ConnectionLimit { limit, connections: Mutex::default(), waiting: AtomicUsize::new(0) })
    }

    /// A place for the connection of this number, where there is one at once. It must end when `stop` is told, or to make room.
    /// Whoever asks does so in the order in which the connections came: the newest is the last that makes room.
    pub fn try_acquire(
        self: &Arc<ConnectionLimit>,
        number: u64,
        peer: Peer,
        stop: &CancellationToken,
    ) -> Option<ConnectionPermit> {
        let mut connections = self.connections();
        if self.limit > 0 && !has_room(&connections, peer, self.limit) {
            return None;
        }
        let connection = Arc::new(Connection::new(peer, stop));
        connections.insert(number, Arc::clone(&connection));
        Some(ConnectionPermit { connection_limit: Arc::clone(self), number, connection })
    }

    /// Waits for a place; `None` where there is none within five seconds.
    pub async fn acquire(
        self: &Arc<ConnectionLimit>,
        number: u64,
        peer: Peer,
        stop: &CancellationToken,
    ) -> Option<ConnectionPermit> {
        let _waiting = Waiting::new(&self.waiting)?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && !stop.is_cancelled() {
            if let Some(permit) = self.try_acquire(number, peer, stop) {
                return Some(permit);
            }
            sleep(RECHECK_INTERVAL).await;
        }
        None
    }

    /// Ends the connection that is needed least, for whoever has no descriptor left.
    pub fn make_room(&self) {
        let connections = self.connections();
        let staying = connections.values().filter(|connection| !connection.is_leaving());
        end_one(staying, false);
    }

    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Whether there is room for one more connection of this peer; tells another one to end where that is what makes it.
fn has_room(connections: &BTreeMap<u64, Arc<Connection>>, peer: Peer, limit: usize) -> bool {
    if connections.len() >= limit.saturating_add(MAX_LEAVING) {
        return false;
    }
    let staying: Vec<&Arc<Connection>> = connections.values().filter(|connection| !connection.is_leaving()).collect();
    let of = |peer: Peer| staying.iter().copied().filter(move |connection| connection.peer() == peer);
    let own = of(peer).count();
    let per_peer = (limit / 4).max(LEAST_PER_PEER).min(limit);
    if peer.has_address() && own >= per_peer {
        return end_one(of(peer), false);
    }
    if staying.len() < limit {
        return true;
    }
    let mut counts: HashMap<Peer, usize> = HashMap::new();
    staying.iter().for_each(|connection| *counts.entry(connection.peer()).or_default() += 1);
    let largest = counts.into_iter().max_by_key(|(peer, count)| (*count, *peer));
    match largest.filter(|(_, count)| *count > own + 1) {
        Some((largest, _)) => end_one(of(largest), true),
        None => end_one(staying.iter().copied(), false),
    }
}

/// Tells the connection that is needed least to end: the one that has been without a request longest, else the one whose
/// reader has taken nothing for longest, else, with `any`, the one that moved last. Whether there was one.
fn end_one<'a>(among: impl Iterator<Item = &'a Arc<Connection>>, any: bool) -> bool {
    let (active, idle): (Vec<_>, Vec<_>) = among.partition(|connection| connection.is_active());
    if let Some(connection) = idle.into_iter().max_by_key(|connection| connection.still_for()) {
        connection.closing().cancel();
        return true;
    }
    let stalled = active.into_iter().filter(|connection| any || connection.is_stalled());
    match stalled.max_by_key(|connection| connection.still_for()) {
        Some(connection) => {
            connection.cut().cancel();
            true
        }
        None => false,
    }
}

impl ConnectionPermit {
    /// The connection that has the place.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// An answer to this connection begins; it ends when what is returned is dropped.
    pub fn begin_request(&self) -> ActiveRequest {
        ActiveRequest::new(&self.connection)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connection_limit.connections().remove(&self.number);
    }
}

impl ActiveRequest {
    /// An answer to this connection, until it is dropped.
    pub fn new(connection: &Arc<Connection>) -> ActiveRequest {
        connection.begin_request();
        ActiveRequest(Arc::clone(connection))
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.0
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

/// One who waits, among no more than [`MAX_WAITING`].
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn new(count: &AtomicUsize) -> Option<Waiting<'_>> {
        let waiting = Waiting(count);
        (count.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::connection::STALLED;

    struct House {
        limit: Arc<ConnectionLimit>,
        stop: CancellationToken,
        numbers: u64,
    }

    impl House {
        fn of(limit: usize) -> House {
            House { limit: ConnectionLimit::new(limit), stop: CancellationToken::new(), numbers: 0 }
        }

        async fn come(&mut self, peer: &str) -> Option<ConnectionPermit> {
            self.numbers += 1;
            let peer = Peer::at(format!("{peer}:1").parse().expect("an address"));
            self.limit.acquire(self.numbers, peer, &self.stop).await
        }

        async fn fill(&mut self, peer: &str, count: usize) -> Vec<ConnectionPermit> {
            let mut permits = Vec::new();
            for _ in 0..count {
                permits.push(self.come(peer).await.expect("there is room"));
                tokio::time::advance(Duration::from_millis(10)).await;
            }
            permits
        }
    }

    fn told_to_end(permits: &[ConnectionPermit]) -> Vec<usize> {
        let leaving = permits.iter().enumerate().filter(|(_, permit)| permit.connection().is_leaving());
        leaving.map(|(index, _)| index).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_silent_makes_room_at_once() {
        let mut house = House::of(3);
        let permits = house.fill("192.0.2.1", 3).await;
        // The first one was silent longest, but is being answered now; the second one just was.
        let _answering = permits[0].begin_request();
        drop(permits[1].begin_request());
        let begun = Instant::now();
        house.come("192.0.2.1").await.expect("nobody is waited for");
        assert_eq!((told_to_end(&permits), begun.elapsed()), (vec![2], Duration::ZERO));
        assert!(permits[2].connection().closing().is_cancelled() && !permits[2].connection().cut().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_answered_who_comes_waits_for_a_reader_that_takes_nothing() {
        let mut house = House::of(1);
        let permits = house.fill("192.0.2.1", 1).await;
        let _active = permits[0].begin_request();
        let begun = Instant::now();
        house.come("192.0.2.1").await.expect("the reader gives way");
        assert!(begun.elapsed() >= STALLED && begun.elapsed() < STALLED + Duration::from_millis(200));
        assert!(permits[0].connection().cut().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_answered_and_read_who_comes_is_turned_away_in_the_end() {
        let mut house = House::of(1);
        let permits = house.fill("192.0.2.1", 1).await;
        let _active = permits[0].begin_request();
        let connection = Arc::clone(permits[0].connection());
        let reading = tokio::spawn(async move {
            loop {
                connection.moves();
                sleep(Duration::from_millis(500)).await;
            }
        });
        let begun = Instant::now();
        assert!(house.come("192.0.2.1").await.is_none());
        assert!(begun.elapsed() >= PATIENCE && told_to_end(&permits).is_empty());
        // A peer that has none is let in all the same once somebody has more than one.
        assert!(house.come("192.0.2.2").await.is_none());
        reading.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn one_peer_has_a_quarter_of_the_places_and_makes_room_among_its_own() {
        let mut house = House::of(200);
        let other = house.fill("192.0.2.9", 1).await;
        let many = house.fill("192.0.2.1", 50).await;
        let _more = house.fill("192.0.2.1", 3).await;
        assert_eq!((told_to_end(&many), told_to_end(&other)), (vec![0, 1, 2], vec![]));
        // Nobody knows how many use a Unix socket.
        let mut local = Vec::new();
        for number in 1000..1100 {
            local.push(house.limit.acquire(number, Peer::Local, &house.stop).await.expect("there is room"));
        }
        assert_eq!(told_to_end(&many), [0, 1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_has_most_gives_way_to_others_even_while_it_reads() {
        let mut house = House::of(8);
        let greedy = house.fill("192.0.2.1", 8).await;
        let _active: Vec<ActiveRequest> = greedy.iter().map(ConnectionPermit::begin_request).collect();
        let begun = Instant::now();
        let _prometheus = house.come("192.0.2.2").await.expect("it has none");
        assert_eq!((told_to_end(&greedy).len(), begun.elapsed()), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_bounded() {
        let mut house = House::of(1);
        let permits = house.fill("192.0.2.1", 1).await;
        let _active = permits[0].begin_request();
        let come = |number: u64| {
            let (limit, stop) = (Arc::clone(&house.limit), house.stop.clone());
            let peer = Peer::at(([192, 0, 2, 1], 1).into());
            tokio::spawn(async move { limit.acquire(number, peer, &stop).await.is_some() })
        };
        let waiting: Vec<_> = (100..100 + MAX_WAITING as u64).map(come).collect();
        tokio::task::yield_now().await;
        let begun = Instant::now();
        assert!(!come(999).await.expect("no panic"), "turned away");
        assert_eq!(begun.elapsed(), Duration::ZERO);
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn without_a_limit_nobody_leaves() {
        let mut house = House::of(0);
        let mut permits = Vec::new();
        for _ in 0..2000 {
            permits.push(house.come("192.0.2.1").await.expect("there is no limit"));
        }
        assert!(told_to_end(&permits).is_empty());
    }
}
