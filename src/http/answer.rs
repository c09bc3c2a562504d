//! An answer, and what its status and type mean.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{StatusCode, header::HeaderMap};

use crate::failure::Failure;

/// A whole answer, decompressed.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// What was asked, for messages: `GET /api/Agent`.
    pub what: String,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Retry-After`, in seconds or as a date.
    pub fn retry_after(&self) -> Option<Duration> {
        todo!("integration")
    }

    /// The answer if its status is 2xx. Otherwise 401 is `auth`, 403 `forbidden`, 404 and 406 `not_found`, 429
    /// `rate_limited`, everything else `http_status`; with `Retry-After`.
    pub fn success(self) -> Result<Answer, Failure> {
        todo!("integration")
    }

    /// Whether the body is a page for people: `text/html`, or it begins with `<!doctype html` or `<html`.
    pub fn is_html(&self) -> bool {
        todo!("integration")
    }

    /// The body if the type is JSON (`application/json`, `text/json`, `*+json`, or no type at all) and it is not HTML, else
    /// `content_type`. A byte order mark is dropped.
    pub fn json(&self) -> Result<&[u8], Failure> {
        todo!("integration")
    }

    /// The body if the type is XML (`*/xml`, `*+xml`, or no type at all) and it is not HTML, else `content_type`.
    pub fn xml(&self) -> Result<&[u8], Failure> {
        todo!("integration")
    }
}
