//! What a client counts: requests, their durations, time held back, when certificates end.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use crate::clock::UnixTime;

/// Upper bounds of the buckets of `rollcall_api_request_duration_seconds`, in seconds.
pub const BUCKETS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What a client has counted since it was made.
#[derive(Debug, Default)]
pub struct Stats {
    counts: Mutex<Counts>,
}

/// A copy of the counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Requests by operation and status code; code 0: no answer, 999: a number that is no status.
    pub requests: BTreeMap<(&'static str, u16), u64>,
    /// Durations by operation.
    pub durations: BTreeMap<&'static str, Histogram>,
    /// Time held back because the vendor asked for it.
    pub throttled: Duration,
    /// When the certificates of servers end, by host.
    pub certificates: BTreeMap<String, UnixTime>,
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
    /// A copy of everything.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    pub(super) fn request(&self, operation: &'static str, code: u16, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        // What is no status of HTTP is one code, or a broken server would make up a series with each answer.
        let code = if code > 599 { 999 } else { code };
        let mut counts = self.lock();
        *counts.requests.entry((operation, code)).or_default() += 1;
        let histogram = counts.durations.entry(operation).or_default();
        histogram.buckets[bucket] += 1;
        histogram.sum += seconds;
    }

    pub(super) fn throttled(&self, duration: Duration) {
        self.lock().throttled += duration;
    }

    pub(super) fn certificate(&self, host: &str, der: Option<&[u8]>) {
        let Some((_, certificate)) = der.and_then(|der| x509_parser::parse_x509_certificate(der).ok()) else { return };
        let not_after = UnixTime::from_secs(certificate.validity().not_after.timestamp());
        self.lock().certificates.insert(host.to_owned(), not_after);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(|e| e.into_inner())
    }
}
