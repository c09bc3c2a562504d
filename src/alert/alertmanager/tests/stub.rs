//! A small Alertmanager on loopback.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Method, path and type.
    pub line: String,
    pub authorization: String,
    pub alerts: Vec<serde_json::Value>,
}

#[derive(Debug)]
pub(super) struct Stub {
    pub url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// Answers the n-th request with `status(n)`; ends with the runtime of the test.
    pub async fn start(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Stub {
        Stub::with("", status).await
    }

    /// The same with this page.
    pub async fn with(page: &'static str, status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, status) = (Arc::clone(&seen), Arc::new(status));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, status) = (Arc::clone(&log), Arc::clone(&status));
                let service = service_fn(move |request| {
                    let (log, status) = (Arc::clone(&log), Arc::clone(&status));
                    async move {
                        let request = read(request).await;
                        let mut log = log.lock().expect("no test panics while it holds this");
                        log.push(request);
                        let mut response = Response::new(Full::<Bytes>::from(page));
                        *response.status_mut() = status(log.len() - 1).try_into().expect("a valid status");
                        Ok::<_, Infallible>(response)
                    }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Stub { url: Url::parse(&format!("http://{address}")).expect("an address makes a URL"), seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics while it holds this").clone()
    }
}

async fn read(request: Request<Incoming>) -> Seen {
    let (parts, body) = request.into_parts();
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body = body.collect().await.expect("a test sends whole bodies").to_bytes();
    Seen {
        line: format!("{} {} {}", parts.method, parts.uri, header("content-type")),
        authorization: header("authorization"),
        alerts: serde_json::from_slice(&body).expect("an array of alerts"),
    }
}
