//! What a client counts: requests, their durations, time held back, when certificates end.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::Exchange;
use crate::clock::UnixTime;

/// Upper bounds of the buckets of `rollcall_api_request_duration_seconds`, in seconds.
pub const BUCKETS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What a client has counted since it was made.
#[derive(Debug, Default)]
pub struct Stats {
    /// Shared with those who asked until something is counted anew.
    counts: Mutex<Arc<Counts>>,
    journal: Mutex<Journal>,
}

/// Exchanges since somebody last took them.
#[derive(Debug, Default)]
pub struct Journal {
    /// In order; of many not all, but those that went wrong.
    pub exchanges: Vec<Exchange>,
    /// How many more there were.
    pub left_out: u64,
}

/// Exchanges of a journal, at most.
const JOURNAL: usize = 60;

/// What was counted up to some moment. Each table is sorted, and has a few rows: a map would take several times their room,
/// for each of ten thousand targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Requests by operation and status code; code 0: no answer, 999: a number that is no status.
    pub requests: Vec<((&'static str, u16), u64)>,
    /// Durations by operation.
    pub durations: Vec<(&'static str, Histogram)>,
    /// Time held back because the vendor asked for it.
    pub throttled: Duration,
    /// When the certificates of servers end, by host.
    pub certificates: Vec<(String, UnixTime)>,
}

/// A histogram over [`BUCKETS`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Observations in each bucket alone; the last one is beyond the highest bound.
    pub buckets: [u64; BUCKETS.len() + 1],
    /// Sum of the observations in seconds.
    pub sum: f64,
}

impl Stats {
    /// Everything that was counted until now.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.lock())
    }

    /// Takes what was exchanged since the last time.
    pub fn take_journal(&self) -> Journal {
        std::mem::take(&mut self.journal.lock().unwrap_or_else(|e| e.into_inner()))
    }

    /// Keeps an exchange in the journal.
    pub(super) fn keep(&self, exchange: Exchange) {
        let went_wrong = |exchange: &Exchange| exchange.status.is_none_or(|status| status >= 400);
        let mut journal = self.journal.lock().unwrap_or_else(|e| e.into_inner());
        if journal.exchanges.len() >= JOURNAL {
            journal.left_out += 1;
            let good = journal.exchanges.iter().rposition(|exchange| !went_wrong(exchange));
            let Some(good) = good.filter(|_| went_wrong(&exchange)) else { return };
            journal.exchanges.remove(good);
        }
        journal.exchanges.push(Exchange { headers: Vec::new(), ..exchange });
    }

    pub(super) fn request(&self, operation: &'static str, code: u16, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        // What is no status of HTTP is one code, or a broken server would make up a series with each answer.
        let code = if code > 599 { 999 } else { code };
        let mut shared = self.lock();
        let counts = Arc::make_mut(&mut shared);
        *row(&mut counts.requests, (operation, code)) += 1;
        let histogram = row(&mut counts.durations, operation);
        histogram.buckets[bucket] += 1;
        histogram.sum += seconds;
    }

    pub(super) fn throttled(&self, duration: Duration) {
        if !duration.is_zero() {
            Arc::make_mut(&mut self.lock()).throttled += duration;
        }
    }

    pub(super) fn certificate(&self, host: &str, der: Option<&[u8]>) {
        let Some((_, certificate)) = der.and_then(|der| x509_parser::parse_x509_certificate(der).ok()) else { return };
        let not_after = UnixTime::from_secs(certificate.validity().not_after.timestamp());
        *row(&mut Arc::make_mut(&mut self.lock()).certificates, host.to_owned()) = not_after;
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Counts>> {
        self.counts.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// The row of a sorted table with this key, an empty one where there was none.
fn row<K: Ord, V: Default>(table: &mut Vec<(K, V)>, key: K) -> &mut V {
    let index = table.binary_search_by(|(other, _)| other.cmp(&key)).unwrap_or_else(|index| {
        table.reserve_exact(1);
        table.insert(index, (key, V::default()));
        index
    });
    &mut table[index].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_counted_on() {
        let stats = Stats::default();
        for (operation, code) in [("pools", 200), ("agents", 500), ("pools", 200), ("agents", 7000), ("agents", 200)] {
            stats.request(operation, code, Duration::from_millis(30));
        }
        let counts = stats.counts();
        let expected = [(("agents", 200), 1), (("agents", 500), 1), (("agents", 999), 1), (("pools", 200), 2)];
        assert_eq!(counts.requests, expected);
        let durations: Vec<_> =
            counts.durations.iter().map(|(name, histogram)| (*name, histogram.buckets[1])).collect();
        assert_eq!(durations, [("agents", 3), ("pools", 2)]);
    }

    #[test]
    fn what_was_given_away_stays_as_it_was() {
        let stats = Stats::default();
        stats.request("agents", 200, Duration::ZERO);
        let before = stats.counts();
        stats.request("agents", 200, Duration::ZERO);
        assert_eq!((before.requests[0].1, stats.counts().requests[0].1), (1, 2));
        assert!(Arc::ptr_eq(&stats.counts(), &stats.counts()));
    }
}
