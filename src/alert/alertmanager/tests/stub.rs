//! A small Alertmanager on loopback.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Url;
use rollcall_test_server::{Request, Response, Server};

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct RecordedRequest {
    /// Method, path and type.
    pub line: String,
    pub authorization: String,
    pub alerts: Vec<serde_json::Value>,
}

#[derive(Debug)]
pub(super) struct Stub {
    pub url: Url,
    server: Server,
}

impl Stub {
    /// Answers the n-th request with `status(n)`.
    pub fn start(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Stub {
        Stub::with("", status)
    }

    /// The same with this page.
    pub fn with(page: &'static str, status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Stub {
        let count = AtomicUsize::new(0);
        let server = Server::http(move |_| Response::new(status(count.fetch_add(1, Ordering::Relaxed)), "", page));
        Stub { url: server.url().parse().expect("an address makes a URL"), server }
    }

    pub fn seen(&self) -> Vec<RecordedRequest> {
        self.server.requests().iter().map(read).collect()
    }
}

fn read(request: &Request) -> RecordedRequest {
    RecordedRequest {
        line: format!("{} {}", request.line, request.header("content-type")),
        authorization: request.header("authorization").to_owned(),
        alerts: serde_json::from_slice(&request.body).expect("an array of alerts"),
    }
}
