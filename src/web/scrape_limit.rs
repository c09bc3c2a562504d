//! The scrapes under way, of which there are no more than `--web.max-requests`. A scrape lasts until its answer was taken, so it
//! is slow readers that pile up. Where the places are short, one gives way whose reader takes nothing, or that takes longer than
//! its scraper said it would wait: nobody is there for its end. A peer that has no scrape under way finds a place beyond the
//! limit, so that no address keeps another one's Prometheus out.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::{connection::Connection, reply::Request};

/// How long a scraper waits that does not say: Prometheus' own default.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Places beyond the limit, for peers that have no scrape under way.
const RESERVED: usize = 8;

/// All scrapes under way.
#[derive(Debug)]
pub struct ScrapeLimit {
    /// 0 for any number.
    limit: usize,
    under_way: Mutex<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    numbers: u64,
    scrapes: BTreeMap<u64, Scrape>,
}

#[derive(Debug)]
struct Scrape {
    connection: Arc<Connection>,
    since: Instant,
    timeout: Duration,
}

/// The place of one scrape, given back when it is dropped.
#[derive(Debug)]
pub struct ScrapePermit {
    scrape_limit: Arc<ScrapeLimit>,
    number: u64,
}

impl ScrapeLimit {
    /// Room for so many; 0 for any number.
    pub fn new(limit: usize) -> Arc<ScrapeLimit> {
        Arc::new(ScrapeLimit { limit, under_way: Mutex::default() })
    }

    /// A place for a scrape over this connection, or none.
    pub fn try_begin(self: &Arc<ScrapeLimit>, connection: &Arc<Connection>, timeout: Duration) -> Option<ScrapePermit> {
        let mut under_way = self.under_way();
        if self.limit > 0 && !has_room(&under_way.scrapes, connection, self.limit) {
            return None;
        }
        under_way.numbers += 1;
        let number = under_way.numbers;
        let scrape = Scrape { connection: Arc::clone(connection), since: Instant::now(), timeout };
        under_way.scrapes.insert(number, scrape);
        Some(ScrapePermit { scrape_limit: Arc::clone(self), number })
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn has_room(scrapes: &BTreeMap<u64, Scrape>, connection: &Connection, limit: usize) -> bool {
    // Those that were cut are gone as soon as their tasks run.
    let staying = || scrapes.values().filter(|scrape| !scrape.connection.cut().is_cancelled());
    let count = staying().count();
    if count < limit {
        return true;
    }
    let given_up = |scrape: &&Scrape| scrape.connection.is_stalled() || scrape.since.elapsed() > scrape.timeout;
    if let Some(scrape) = staying().filter(given_up).max_by_key(|scrape| scrape.connection.still_for()) {
        scrape.connection.cut().cancel();
        return true;
    }
    let is_new = staying().all(|scrape| scrape.connection.peer() != connection.peer());
    is_new && count < limit.saturating_add(RESERVED)
}

impl Drop for ScrapePermit {
    fn drop(&mut self) {
        self.scrape_limit.under_way().scrapes.remove(&self.number);
    }
}

/// How long whoever asks waits for the end of the answer. Prometheus says so.
pub fn scrape_timeout(request: &Request) -> Duration {
    let header = request.header("x-prometheus-scrape-timeout-seconds");
    let seconds = header.and_then(|text| text.trim().parse::<f64>().ok()).filter(|seconds| *seconds > 0.0);
    // What is no duration is none that is meant: the default stands.
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(SCRAPE_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::web::{connection::STALLED, connection_limit::ActiveRequest, listener::Peer};

    struct Scraper {
        connection: Arc<Connection>,
        _active: ActiveRequest,
        permit: Option<ScrapePermit>,
    }

    fn scrape(limit: &Arc<ScrapeLimit>, host: u8) -> Scraper {
        let peer = Peer::at(([192, 0, 2, host], 1).into());
        let connection = Arc::new(Connection::new(peer, &CancellationToken::new()));
        let permit = limit.try_begin(&connection, SCRAPE_TIMEOUT);
        Scraper { _active: ActiveRequest::new(&connection), connection, permit }
    }

    #[tokio::test(start_paused = true)]
    async fn sixty_scrapers_that_do_not_read_keep_nobody_out() {
        let limit = ScrapeLimit::new(40);
        let silent: Vec<Scraper> = (0..60).map(|_| scrape(&limit, 1)).collect();
        assert_eq!(silent.iter().filter(|scraper| scraper.permit.is_some()).count(), 40);
        // Another machine's Prometheus has its place at once, the same machine's within a second.
        assert!(scrape(&limit, 2).permit.is_some());
        assert!(scrape(&limit, 1).permit.is_none());
        tokio::time::advance(STALLED).await;
        let begun = Instant::now();
        assert!(scrape(&limit, 1).permit.is_some());
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(silent.iter().filter(|scraper| scraper.connection.cut().is_cancelled()).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn readers_that_read_are_left_alone_for_as_long_as_their_scrapers_wait() {
        let limit = ScrapeLimit::new(2);
        let reading = [scrape(&limit, 1), scrape(&limit, 1)];
        for _ in 0..20 {
            tokio::time::advance(SCRAPE_TIMEOUT / 20).await;
            reading.iter().for_each(|scraper| scraper.connection.moves());
            assert!(scrape(&limit, 1).permit.is_none());
        }
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(scrape(&limit, 1).permit.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn places_beyond_the_limit_are_bounded_and_one_for_each_peer() {
        let limit = ScrapeLimit::new(1);
        let mut scrapers = vec![scrape(&limit, 0)];
        scrapers.extend((1..=RESERVED as u8 + 3).map(|host| scrape(&limit, host)));
        assert_eq!(scrapers.iter().filter(|scraper| scraper.permit.is_some()).count(), 1 + RESERVED);
        drop(scrapers);
        assert!(scrape(&limit, 0).permit.is_some(), "places come back");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_everybody_is_answered() {
        let limit = ScrapeLimit::new(0);
        let scrapers: Vec<Scraper> = (0..500).map(|_| scrape(&limit, 1)).collect();
        assert!(scrapers.iter().all(|scraper| scraper.permit.is_some()));
    }

    #[test]
    fn the_timeout_is_the_scrapers_own() {
        let timeout = |text: &str| {
            let mut request = hyper::Request::new(());
            request.headers_mut().insert("x-prometheus-scrape-timeout-seconds", text.parse().expect("a header"));
            scrape_timeout(&Request::of(&request))
        };
        assert_eq!(timeout("2.5"), Duration::from_millis(2500));
        for odd in ["", "0", "-1", "NaN", "inf", "1e300", "soon"] {
            assert_eq!(timeout(odd), SCRAPE_TIMEOUT, "{odd}");
        }
    }
}
