//! Pages and JSON are made for one reader each: a bound on how many are made at a time, on what waits in memory to be taken, and
//! on who waits for that. They are made beside the tasks of the server, so that nothing else waits meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::StatusCode;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout_at},
};

use super::{connection::Connection, reply::Reply};
use crate::blocking::block_in_place_if;

/// Bytes of answers that were made and not taken yet; one more may be made beyond.
const MAX_BUFFERED: usize = 32 << 20;

/// So many requests wait for their turn at most; more are answered 503 at once.
const MAX_WAITING: usize = 64;

/// Who has had no turn by then is answered 503.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who waits for room looks this often whether there is some.
const RECHECK_INTERVAL: Duration = Duration::from_millis(50);

/// All pages that are being made or sent.
#[derive(Debug)]
pub struct PageLimit {
    turns: Semaphore,
    waiting: AtomicUsize,
    buffered: Mutex<Buffered>,
}

#[derive(Debug, Default)]
struct Buffered {
    numbers: u64,
    pages: BTreeMap<u64, (Arc<Connection>, usize)>,
}

/// Answers that are not taken yet, until it is dropped.
#[derive(Debug)]
struct Sending {
    page_limit: Arc<PageLimit>,
    number: u64,
}

impl PageLimit {
    /// Nothing is under way yet. Half of the processors make pages, so that the other half does the rest.
    pub fn new() -> Arc<PageLimit> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = Semaphore::new((processors / 2).max(1));
        Arc::new(PageLimit { turns, waiting: AtomicUsize::new(0), buffered: Mutex::default() })
    }

    /// Makes an answer for this connection, or says that there are too many.
    pub async fn make(self: &Arc<PageLimit>, connection: &Arc<Connection>, make: impl FnOnce() -> Reply) -> Reply {
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return busy();
        }
        let until = Instant::now() + PATIENCE;
        let Ok(Ok(_turn)) = timeout_at(until, self.turns.acquire()).await else { return busy() };
        while !self.has_room() {
            if Instant::now() >= until {
                return busy();
            }
            sleep(RECHECK_INTERVAL).await;
        }
        drop(waiting);
        let reply = block_in_place_if(true, make);
        let sending = self.sending(connection, reply.length());
        reply.holding(sending)
    }

    /// Whether there is room for one more; else a reader that takes nothing gives way.
    fn has_room(&self) -> bool {
        let buffered = self.buffered();
        let staying = || buffered.pages.values().filter(|(connection, _)| !connection.cut().is_cancelled());
        if staying().map(|(_, length)| length).sum::<usize>() < MAX_BUFFERED {
            return true;
        }
        let stalled = staying().map(|(connection, _)| connection).filter(|connection| connection.is_stalled());
        if let Some(connection) = stalled.max_by_key(|connection| connection.still_for()) {
            connection.cut().cancel();
        }
        false
    }

    fn sending(self: &Arc<PageLimit>, connection: &Arc<Connection>, length: usize) -> Sending {
        let mut buffered = self.buffered();
        buffered.numbers += 1;
        let number = buffered.numbers;
        buffered.pages.insert(number, (Arc::clone(connection), length));
        Sending { page_limit: Arc::clone(self), number }
    }

    fn buffered(&self) -> MutexGuard<'_, Buffered> {
        self.buffered.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.page_limit.buffered().pages.remove(&self.number);
    }
}

/// One who waits for a turn.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy() -> Reply {
    Reply::text(StatusCode::SERVICE_UNAVAILABLE, "too many pages are asked for at once\n")
        .with_header("retry-after", "5")
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::web::{connection::STALLED, connection_limit::ActiveRequest, listener::Peer};

    fn connection() -> Arc<Connection> {
        Arc::new(Connection::new(Peer::Local, &CancellationToken::new()))
    }

    fn page(megabytes: usize) -> Reply {
        Reply::text(StatusCode::OK, "x".repeat(megabytes << 20))
    }

    #[tokio::test(start_paused = true)]
    async fn pages_that_nobody_takes_give_way_and_never_hold_more_than_the_budget() {
        let limit = PageLimit::new();
        let (mut pages, mut cut) = (Vec::new(), 0);
        for _ in 0..40 {
            let connection = connection();
            let active = ActiveRequest::new(&connection);
            let reply = limit.make(&connection, || page(4)).await;
            assert_eq!(reply.status, StatusCode::OK);
            pages.push((connection, active, reply));
            // Whoever is cut goes.
            let before = pages.len();
            pages.retain(|(connection, ..)| !connection.cut().is_cancelled());
            cut += before - pages.len();
            assert!(pages.len() <= 9, "{} MB", 4 * pages.len());
        }
        assert!(cut >= 31, "{cut}");
        drop(pages);
        assert!(limit.buffered().pages.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_or_behind_too_many_is_answered_that_it_is_busy() {
        let limit = PageLimit::new();
        let mut turns = Vec::new();
        while let Ok(turn) = limit.turns.try_acquire() {
            turns.push(turn);
        }
        let ask = || {
            let limit = Arc::clone(&limit);
            tokio::spawn(async move { limit.make(&connection(), || page(0)).await.status })
        };
        let begun = Instant::now();
        let waiting: Vec<_> = (0..MAX_WAITING).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        assert_eq!(ask().await.expect("no panic"), StatusCode::SERVICE_UNAVAILABLE);
        assert!(begun.elapsed() < STALLED);
        for waiting in waiting {
            assert_eq!(waiting.await.expect("no panic"), StatusCode::SERVICE_UNAVAILABLE);
        }
        assert!(begun.elapsed() >= PATIENCE);
        drop(turns);
        assert_eq!(ask().await.expect("no panic"), StatusCode::OK);
    }
}
