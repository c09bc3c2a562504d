//! Requests and answers as a simulated service sees them: whole in, ready or streamed out.

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};

/// A request as a service sees it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path without the query, as sent (not percent-decoded).
    pub path: String,
    /// Decoded query parameters in order.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Request {
    /// A request to `path_and_query` without headers and body; for tests that ask a service directly.
    pub fn new(method: Method, path_and_query: &str) -> Request {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        Request {
            method,
            path: path.to_owned(),
            query: parse_query(query),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A `GET`.
    pub fn get(path_and_query: &str) -> Request {
        Request::new(Method::GET, path_and_query)
    }

    /// The same with one more header. A value that no header can hold is left out.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Request {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    /// The same with this body.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Request {
        self.body = body.into();
        self
    }

    /// The first header of that name (lower case), if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The first query parameter of that name, compared without regard to case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The address that the client used, e.g. `http://127.0.0.1:40123`: for links inside answers.
    pub fn base(&self) -> String {
        format!("http://{}", self.header(HOST.as_str()).unwrap_or("localhost"))
    }
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

impl Response {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Response {
        Response { status, headers: HeaderMap::new(), body: Body::Full(Bytes::new()) }
    }

    /// Ready bytes of that type.
    pub fn full(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
        Response { body: Body::Full(body.into()), ..Response::empty(status) }
            .with_header(CONTENT_TYPE.as_str(), content_type)
    }

    /// 200 with chunks that are made while they are sent.
    pub fn stream(content_type: &'static str, chunks: impl Iterator<Item = Bytes> + Send + 'static) -> Response {
        Response { body: Body::Stream(Box::new(chunks)), ..Response::empty(StatusCode::OK) }
            .with_header(CONTENT_TYPE.as_str(), content_type)
    }

    /// The same with one more header. A name or value that no header can hold is left out.
    pub fn with_header(mut self, name: &str, value: &str) -> Response {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            self.headers.append(name, value);
        }
        self
    }

    /// The whole body, streamed or not; for tests that ask a service directly.
    pub fn into_bytes(self) -> Bytes {
        match self.body {
            Body::Full(bytes) => bytes,
            Body::Stream(chunks) => {
                let mut all = Vec::new();
                chunks.for_each(|chunk| all.extend_from_slice(&chunk));
                all.into()
            }
        }
    }
}

/// Splits and decodes a query string.
pub(super) fn parse_query(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_broken_escapes_stay() {
        let request = Request::get("/a?Token=a%2Bb%3D&q=x+y&z=%zz%é");
        assert_eq!(request.param("token"), Some("a+b="));
        assert_eq!(request.param("q"), Some("x y"));
        assert_eq!(request.param("z"), Some("%zz%é"));
    }
}
