//! The listener of a simulated service: HTTP on loopback, faults, and a journal of what was asked.

use bytes::Bytes;
use hyper::{HeaderMap, Method, StatusCode};

/// A request as a service sees it.
#[derive(Debug)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path without the query.
    pub path: String,
    /// Decoded query parameters in order.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// An answer of a service.
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers beside `Content-Length`, which the server sets.
    pub headers: HeaderMap,
    /// Body.
    pub body: Body,
}

/// The body of an answer.
pub enum Body {
    /// Ready bytes.
    Full(Bytes),
    /// Chunks made on demand; for lists of any size. Sent with `Transfer-Encoding: chunked`.
    Stream(Box<dyn Iterator<Item = Bytes> + Send>),
}

/// One request that a service saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The vendor whose service saw it.
    pub vendor: &'static str,
    /// Method, e.g. `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What it was answered.
    pub status: u16,
}
