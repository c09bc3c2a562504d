//! Requests and responses.

use std::{fmt::Write as _, io, time::Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// A request, read to its end.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method, path and query: `GET /a?b=c`.
    pub line: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// The request line and the headers as they were sent, with the empty line behind them.
    pub head: Bytes,
    /// Its body.
    pub body: Bytes,
    /// When it was read.
    pub at: Instant,
}

impl Request {
    /// Takes a whole request from the front of what was received; `None` where some of it is missing.
    pub(crate) fn split_from(received: &mut BytesMut) -> io::Result<Option<Request>> {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut parsed = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(head) = parsed.parse(received).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let line = format!("{} {}", parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
        let header = |header: &httparse::Header<'_>| {
            Ok((header.name.parse::<HeaderName>()?, HeaderValue::from_bytes(header.value)?))
        };
        let headers: Result<HeaderMap, http::Error> = parsed.headers.iter().map(header).collect();
        let headers = headers.map_err(io::Error::other)?;
        assert!(!headers.contains_key("transfer-encoding"), "the server of the tests reads no chunked body: {line}");
        let length = headers.get("content-length").map_or(Some(0), |value| value.to_str().ok()?.parse().ok());
        let length: usize = length.ok_or_else(|| io::Error::other("content-length is no number"))?;
        if received.len() < head + length {
            return Ok(None);
        }
        let (head, body) = (received.split_to(head).freeze(), received.split_to(length).freeze());
        Ok(Some(Request { line, headers, head, body, at: Instant::now() }))
    }

    /// `GET`
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// Its path without the query: `/a`.
    pub fn path(&self) -> &str {
        self.line.split([' ', '?']).nth(1).unwrap_or_default()
    }

    /// A header; empty where it is absent or no text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Its body as text.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&[&*self.head, &*self.body].concat()).into_owned()
    }
}

/// What is sent in answer to a request, and what happens to the connection then.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status line and headers without the empty line behind them; empty where `body` is all that is sent.
    head: String,
    body: Bytes,
    pub(crate) then: Then,
}

/// What happens to the connection after the response.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Then {
    /// It waits for the next request, unless the client wants it closed.
    KeepAlive,
    /// It is closed.
    Close,
    /// It stays open, and nothing more is sent.
    Hang,
}

impl Response {
    /// A response with this status, type and body, and with the `content-length` of the body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response {
        let response = Response::length_of(status, body.into());
        if content_type.is_empty() { response } else { response.header("content-type", content_type) }
    }

    /// A response with this status and no body.
    pub fn status(status: u16) -> Response {
        Response::new(status, "", "")
    }

    fn length_of(status: u16, body: Bytes) -> Response {
        let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len());
        Response { head, body, then: Then::KeepAlive }
    }

    /// These bytes as they are; then the connection is closed.
    pub fn raw(bytes: impl Into<Bytes>) -> Response {
        Response { head: String::new(), body: bytes.into(), then: Then::Close }
    }

    /// Nothing at all, for as long as the client waits.
    pub fn silence() -> Response {
        Response::raw("").hang()
    }

    /// With another header.
    pub fn header(mut self, name: &str, value: &str) -> Response {
        // Writing to a String cannot fail.
        let _ = write!(self.head, "{name}: {value}\r\n");
        self
    }

    /// The connection stays open after it, and nothing more is sent.
    pub fn hang(self) -> Response {
        Response { then: Then::Hang, ..self }
    }

    /// What is sent.
    pub(crate) fn bytes(&self) -> Bytes {
        match self.head.as_str() {
            "" => self.body.clone(),
            head => [head.as_bytes(), b"\r\n", &*self.body].concat().into(),
        }
    }
}
