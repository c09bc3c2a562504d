//! The rate limit while it is felt: first delays that are only told, then 429.

use super::super::{Incident, Response, World};
use super::wire::guid;
use hyper::StatusCode;
use serde_json::json;

/// The limit of one identity, in TSTU per sliding window.
const LIMIT: i64 = 200;
/// The seconds of a round of the incident, of which the last are refused.
const ROUND: i64 = 300;
const DELAYED: i64 = 60;
const REFUSED: i64 = 180;

/// What the headers say at the moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    /// `X-RateLimit-Limit`.
    pub(super) limit: i64,
    /// `X-RateLimit-Remaining`.
    pub(super) remaining: i64,
    /// `X-RateLimit-Reset`, Unix time.
    pub(super) reset: i64,
    /// `X-RateLimit-Delay`: for how many seconds this answer was held back.
    pub(super) delay: Option<f64>,
    /// `Retry-After`.
    retry_after: Option<i64>,
    /// Whether the request is refused.
    pub(super) refused: bool,
}

impl Limit {
    /// The limit, while it is felt at all.
    pub(super) fn now(world: &World) -> Option<Limit> {
        let since = world.since(Incident::RateLimited)?.as_secs() as i64;
        let second = since % ROUND;
        let refused = second >= REFUSED;
        let delayed = second >= DELAYED && !refused;
        Some(Limit {
            limit: LIMIT,
            remaining: (LIMIT - second * LIMIT / REFUSED).max(0),
            reset: world.real((world.now().as_secs() as i64 - second + ROUND) as f64) as i64,
            delay: delayed.then(|| world.real_time((second - DELAYED) as f64 / 8.0)),
            retry_after: match second {
                s if refused => Some(world.real_time((ROUND - s) as f64).ceil() as i64),
                // In a world that is fast it is less than a second, which the header cannot say.
                s if delayed => Some(world.real_time((1 + (s - DELAYED) / 20) as f64) as i64).filter(|wait| *wait > 0),
                _ => None,
            },
            refused,
        })
    }

    /// The same answer with the headers.
    pub(super) fn mark(self, response: Response) -> Response {
        let mut response = response
            .with_header("x-ratelimit-resource", "TaskAgent/PoolRequests")
            .with_header("x-ratelimit-limit", &self.limit.to_string())
            .with_header("x-ratelimit-remaining", &self.remaining.to_string())
            .with_header("x-ratelimit-reset", &self.reset.to_string());
        if let Some(delay) = self.delay {
            response = response.with_header("x-ratelimit-delay", &format!("{delay:.3}"));
        }
        if let Some(seconds) = self.retry_after {
            response = response.with_header("retry-after", &seconds.to_string());
        }
        response
    }

    /// The refusal.
    pub(super) fn refusal(self) -> Response {
        let body = json!({
            "$id": "1",
            "innerException": null,
            "message": "TF400733: The request has been canceled: Request was blocked due to exceeding usage of \
                        resource 'Concurrency' in namespace 'User'.",
            "typeKey": "RequestBlockedException",
            "errorCode": 0,
            "eventId": 3000,
            "activityId": guid(429),
        });
        self.mark(Response::full(StatusCode::TOO_MANY_REQUESTS, "application/json; charset=utf-8", body.to_string()))
    }
}
