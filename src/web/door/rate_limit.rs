//! The limit of all requests: a bucket of tokens, full at the start, of which each request takes one.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::config::web::RateLimit;

/// A bucket.
#[derive(Debug)]
pub struct RateLimiter {
    limit: RateLimit,
    bucket: Mutex<Bucket>,
}

/// What is in it, counted in the time that it takes to fill: a token is an interval.
#[derive(Debug)]
struct Bucket {
    nanos: u128,
    filled: Instant,
}

impl RateLimiter {
    /// A full one.
    pub fn new(limit: RateLimit) -> RateLimiter {
        let nanos = limit.interval.as_nanos() * u128::from(limit.burst);
        RateLimiter { limit, bucket: Mutex::new(Bucket { nanos, filled: Instant::now() }) }
    }

    /// What it was made with.
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Whether one more may pass.
    pub fn allow(&self) -> bool {
        let token = self.limit.interval.as_nanos();
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let more = now.saturating_duration_since(bucket.filled).as_nanos();
        bucket.nanos = (bucket.nanos + more).min(token * u128::from(self.limit.burst));
        bucket.filled = now;
        let rest = bucket.nanos.checked_sub(token);
        bucket.nanos = rest.unwrap_or(bucket.nanos);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn limiter(interval: u64, burst: u32) -> RateLimiter {
        RateLimiter::new(RateLimit { interval: Duration::from_millis(interval), burst })
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_one_an_interval() {
        let limiter = limiter(1000, 3);
        let pass = |n: usize| (0..n).filter(|_| limiter.allow()).count();
        assert_eq!(pass(10), 3);
        advance(Duration::from_millis(999)).await;
        assert_eq!(pass(10), 0);
        advance(Duration::from_millis(1)).await;
        assert_eq!(pass(10), 1);
        advance(Duration::from_secs(3600)).await;
        assert_eq!(pass(10), 3, "no more than the burst is saved up");
    }

    /// As in the toolkit's own tests: ten requests, and not one passes.
    #[tokio::test(start_paused = true)]
    async fn a_burst_of_none_lets_nothing_pass() {
        let limiter = limiter(1000, 0);
        advance(Duration::from_secs(60)).await;
        assert!((0..10).all(|_| !limiter.allow()));
    }

    #[tokio::test(start_paused = true)]
    async fn limits_of_any_size_can_be_counted() {
        let slow = RateLimiter::new(RateLimit { interval: Duration::from_secs(u64::MAX / 1000), burst: u32::MAX });
        assert!((0..100).all(|_| slow.allow()), "it is full");
        let fast = RateLimiter::new(RateLimit { interval: Duration::from_nanos(1), burst: 1 });
        assert!(fast.allow() && !fast.allow());
    }
}
