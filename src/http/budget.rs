//! A budget of requests: at most so many within a sliding window, shared by everybody who talks to the same server.

use std::time::Duration;

/// At most `requests` within `window`.
#[derive(Debug)]
pub struct Budget {
    requests: usize,
    window: Duration,
}

impl Budget {
    /// A budget of its own.
    pub fn new(requests: usize, window: Duration) -> Budget {
        Budget { requests, window }
    }
}
