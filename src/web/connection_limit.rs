//! The open connections, of which there are no more than a limit: when it is reached, whoever has been silent longest makes
//! room for who comes. So connections that are held open for nothing take neither sockets nor scrapes from others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// Who waits for a place looks this often for one who is silent by now.
const RECHECK_INTERVAL: Duration = Duration::from_millis(50);

/// All open connections.
#[derive(Debug)]
pub struct ConnectionLimit {
    permits: Arc<Semaphore>,
    connections: Mutex<BTreeMap<u64, OpenConnection>>,
}

#[derive(Debug)]
struct OpenConnection {
    /// Answers under way.
    active_requests: usize,
    /// When the last one was sent; before the first, when the connection came.
    idle_since: Instant,
    closing: CancellationToken,
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    connection_limit: Arc<ConnectionLimit>,
    number: u64,
    closing: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// An answer under way: its connection is not silent.
#[derive(Debug)]
pub struct ActiveRequest {
    connection_limit: Arc<ConnectionLimit>,
    number: u64,
}

impl ConnectionLimit {
    /// Room for so many; 0 for any number.
    pub fn new(limit: usize) -> Arc<ConnectionLimit> {
        let permits = match limit {
            0 => Semaphore::MAX_PERMITS,
            limit => limit.min(Semaphore::MAX_PERMITS),
        };
        Arc::new(ConnectionLimit { permits: Arc::new(Semaphore::new(permits)), connections: Mutex::default() })
    }

    /// Waits for a place for the connection of this number. It must end when `stop` is told, or to make room.
    pub async fn acquire(self: &Arc<ConnectionLimit>, number: u64, stop: &CancellationToken) -> ConnectionPermit {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                break permit;
            }
            self.close_longest_idle();
            if let Ok(Ok(permit)) = timeout(RECHECK_INTERVAL, Arc::clone(&self.permits).acquire_owned()).await {
                break permit;
            }
        };
        let closing = stop.child_token();
        let connection = OpenConnection { active_requests: 0, idle_since: Instant::now(), closing: closing.clone() };
        self.connections().insert(number, connection);
        ConnectionPermit { connection_limit: Arc::clone(self), number, closing, _permit: permit }
    }

    /// An answer to this connection begins; it ends when what is returned is dropped.
    pub fn begin_request(self: &Arc<ConnectionLimit>, number: u64) -> ActiveRequest {
        if let Some(connection) = self.connections().get_mut(&number) {
            connection.active_requests += 1;
        }
        ActiveRequest { connection_limit: Arc::clone(self), number }
    }

    fn close_longest_idle(&self) {
        let connections = self.connections();
        // One at a time: who was asked to leave is about to.
        if connections.values().any(|connection| connection.active_requests == 0 && connection.closing.is_cancelled()) {
            return;
        }
        let idle = connections.values().filter(|connection| connection.active_requests == 0);
        if let Some(connection) = idle.min_by_key(|connection| connection.idle_since) {
            connection.closing.cancel();
        }
    }

    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, OpenConnection>> {
        self.connections.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl ConnectionPermit {
    /// Told when the connection must end.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connection_limit.connections().remove(&self.number);
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        if let Some(connection) = self.connection_limit.connections().get_mut(&self.number) {
            connection.active_requests -= 1;
            connection.idle_since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_silent_makes_room() {
        let (connection_limit, stop) = (ConnectionLimit::new(3), CancellationToken::new());
        let mut permits = Vec::new();
        for number in 0..3 {
            permits.push(connection_limit.acquire(number, &stop).await);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // The first one was silent longest, but is being answered now; the second one just was.
        let _answering = connection_limit.begin_request(0);
        drop(connection_limit.begin_request(1));
        let came = tokio::spawn({
            let (connection_limit, stop) = (Arc::clone(&connection_limit), stop.clone());
            async move { connection_limit.acquire(3, &stop).await }
        });
        permits[2].closing().cancelled().await;
        assert!(!permits[0].closing().is_cancelled() && !permits[1].closing().is_cancelled());
        permits.pop();
        came.await.expect("no panic");
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_answered_who_comes_waits_for_the_first_to_be_silent() {
        let (connection_limit, stop) = (ConnectionLimit::new(1), CancellationToken::new());
        let permit = connection_limit.acquire(0, &stop).await;
        let active = connection_limit.begin_request(0);
        assert!(timeout(Duration::from_secs(5), connection_limit.acquire(1, &stop)).await.is_err());
        assert!(!permit.closing().is_cancelled());
        drop(active);
        assert!(timeout(Duration::from_secs(5), connection_limit.acquire(1, &stop)).await.is_err());
        assert!(permit.closing().is_cancelled());
        drop(permit);
        connection_limit.acquire(1, &stop).await;
    }

    #[tokio::test]
    async fn without_a_limit_nobody_leaves() {
        let (connection_limit, stop) = (ConnectionLimit::new(0), CancellationToken::new());
        let mut permits = Vec::new();
        for number in 0..2000 {
            permits.push(connection_limit.acquire(number, &stop).await);
        }
        assert!(permits.iter().all(|permit| !permit.closing().is_cancelled()));
    }
}
