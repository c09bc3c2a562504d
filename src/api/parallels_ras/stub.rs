//! A vendor server for the tests of both Parallels rooms: answers by a function, and remembers what it was asked.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use reqwest::Url;

/// In a body: a byte that is not UTF-8.
pub const BAD_BYTE: char = '\u{e0ff}';

/// One request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `GET /api/Agent?siteId=1`.
    pub what: String,
    pub headers: hyper::HeaderMap,
    pub body: String,
}

/// Listens on loopback until the test ends.
pub struct Stub {
    pub url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// `answer` turns a request into status, content type and body; status 0 never answers.
    pub async fn start(answer: impl Fn(&Seen) -> (u16, &'static str, String) + Send + Sync + 'static) -> Stub {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (answer, log) = (Arc::new(answer), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                        let seen = Seen {
                            what: format!("{} {}", parts.method, parts.uri),
                            headers: parts.headers,
                            body: String::from_utf8_lossy(&body).into_owned(),
                        };
                        log.lock().expect("no test panics here").push(seen.clone());
                        let (status, content_type, body) = answer(&seen);
                        if status == 0 {
                            std::future::pending::<()>().await;
                        }
                        let response = Response::builder().status(status).header("content-type", content_type);
                        Ok::<_, Infallible>(response.body(Full::new(bytes(&body))).expect("a valid response"))
                    }
                });
                tokio::spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Stub { url: format!("http://{address}").parse().expect("a valid URL"), seen }
    }

    /// Everything that came since the last call.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().expect("no test panics here"))
    }

    /// The same, methods and paths only.
    pub fn asked(&self) -> Vec<String> {
        self.take().into_iter().map(|seen| seen.what).collect()
    }
}

fn bytes(body: &str) -> Bytes {
    body.split(BAD_BYTE).map(str::as_bytes).collect::<Vec<_>>().join(&0xff).into()
}
