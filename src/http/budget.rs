//! A budget of requests: at most so many within a sliding window, shared by everybody who talks to the same server.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, LazyLock, Mutex, Weak},
    time::Duration,
};

use reqwest::Url;
use tokio::time::Instant;

use crate::failure::{Failure, Reason};

/// At most `requests` within `window`.
#[derive(Debug)]
pub struct Budget {
    requests: usize,
    window: Duration,
    /// When the latest requests were, or will be, sent.
    taken: Mutex<VecDeque<Instant>>,
}

static SERVERS: LazyLock<Mutex<HashMap<String, Weak<Budget>>>> = LazyLock::new(Mutex::default);

impl Budget {
    /// A budget of its own.
    pub fn new(requests: usize, window: Duration) -> Budget {
        Budget { requests, window, taken: Mutex::default() }
    }

    /// The budget of the server behind this URL, the same one for every target of the process: the vendor counts
    /// everybody together, whatever account they use.
    pub fn for_server(url: &Url, requests: usize, window: Duration) -> Arc<Budget> {
        let key = url.origin().ascii_serialization();
        let mut servers = SERVERS.lock().unwrap_or_else(|e| e.into_inner());
        servers.retain(|_, budget| budget.strong_count() > 0);
        if let Some(budget) = servers.get(&key).and_then(Weak::upgrade) {
            return budget;
        }
        let budget = Arc::new(Budget::new(requests, window));
        servers.insert(key, Arc::downgrade(&budget));
        budget
    }

    /// Takes a place and waits until it is due; returns how long that was. Where the place would be due after the
    /// deadline none is taken: `rate_limited`.
    pub async fn acquire(&self, deadline: Instant) -> Result<Duration, Failure> {
        let now = Instant::now();
        let due = self.reserve(now, deadline)?;
        tokio::time::sleep_until(due).await;
        Ok(due.saturating_duration_since(now))
    }

    /// Places that could be taken without waiting.
    pub fn free(&self) -> usize {
        let now = Instant::now();
        let taken = self.taken.lock().unwrap_or_else(|e| e.into_inner());
        self.requests.saturating_sub(taken.iter().filter(|at| **at + self.window > now).count())
    }

    fn reserve(&self, now: Instant, deadline: Instant) -> Result<Instant, Failure> {
        let mut taken = self.taken.lock().unwrap_or_else(|e| e.into_inner());
        while taken.len() > self.requests || taken.front().is_some_and(|at| *at + self.window <= now) {
            taken.pop_front();
        }
        let due = if taken.len() < self.requests {
            now
        } else {
            taken.front().map_or(now, |oldest| (*oldest + self.window).max(now))
        };
        if due >= deadline {
            let message = format!("no request left: {} in {:?} are used up", self.requests, self.window);
            let retry_after = Some(due.saturating_duration_since(now));
            return Err(Failure { retry_after, ..Failure::new(Reason::RateLimited, message) });
        }
        taken.push_back(due);
        if taken.len() > self.requests {
            taken.pop_front();
        }
        Ok(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_ever_sees_more_than_its_requests() {
        let budget = Budget::new(10, Duration::from_secs(10));
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut sent = Vec::new();
        for _ in 0..35 {
            budget.acquire(deadline).await.expect("there is time enough");
            sent.push(Instant::now());
        }
        for pair in sent.windows(11) {
            assert!(pair[10] - pair[0] >= Duration::from_secs(10));
        }
        assert_eq!(sent[34] - sent[0], Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_after_the_deadline_is_not_taken() {
        let budget = Budget::new(1, Duration::from_secs(10));
        let deadline = Instant::now() + Duration::from_secs(5);
        budget.acquire(deadline).await.expect("the first place is free");
        let failure = budget.acquire(deadline).await.expect_err("the second is too late");
        assert_eq!(failure.reason, Reason::RateLimited);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(10)));
        assert_eq!(budget.free(), 0);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(budget.free(), 1);
    }

    #[test]
    fn one_server_has_one_budget() {
        let url = |text: &str| Url::parse(text).expect("a valid URL");
        let window = Duration::from_secs(10);
        let one = Budget::for_server(&url("https://ras.example.com:20443/a"), 10, window);
        let same = Budget::for_server(&url("https://RAS.example.com:20443/b"), 10, window);
        let other = Budget::for_server(&url("https://ras.example.com:20444"), 10, window);
        assert!(Arc::ptr_eq(&one, &same));
        assert!(!Arc::ptr_eq(&one, &other));
    }
}
