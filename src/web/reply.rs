//! A request as the routes see it, and their answers.

use std::any::Any;

use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::Body as _,
    header::{HOST, HeaderName, HeaderValue},
};
use serde::Serialize;

use super::{connection_limit::ActiveRequest, paced_body::PacedBody};
use crate::exposition::Body;

/// Parameters of a query; more are refused, since each may be held against every agent.
pub const MAX_PARAMETERS: usize = 64;

/// Bytes of a request's body; more are refused. No route reads any, but some clients send a few.
pub const MAX_BODY: u64 = 64 * 1024;

/// What every answer says, also an error. An answer may say something else instead.
const HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// A request without its body, which no route reads.
#[derive(Debug)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path without the query.
    pub path: String,
    /// Decoded parameters of the query, in order.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// The host that was asked, with its port where that was said; nothing where the client says none, or several.
    pub host: Option<String>,
}

impl Request {
    /// Takes what the routes need of a request.
    pub fn of<B>(request: &hyper::Request<B>) -> Request {
        // The base is never looked at; a relative URL cannot be parsed without one.
        let url = format!("http://localhost/?{}", request.uri().query().unwrap_or_default());
        let query = reqwest::Url::parse(&url)
            .map(|url| url.query_pairs().into_owned().take(MAX_PARAMETERS + 1).collect())
            .unwrap_or_default();
        // HTTP/2 has it in the URI, and what stands there goes before the header.
        let mut named = request.headers().get_all(HOST).iter();
        let header = named.next().filter(|_| named.next().is_none()).and_then(|host| host.to_str().ok());
        let host = request.uri().authority().map(|authority| authority.as_str()).or(header).map(str::to_owned);
        Request {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query,
            headers: request.headers().clone(),
            host,
        }
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header as text; several of one name are joined, as HTTP says.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

impl Reply {
    /// A body of this type.
    pub fn new(status: StatusCode, content_type: &'static str, body: Body) -> Reply {
        let mut headers = HeaderMap::new();
        headers.extend(HEADERS.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))));
        headers.insert("content-type", HeaderValue::from_static(content_type));
        Reply { status, headers, body }
    }

    /// Plain text.
    pub fn text(status: StatusCode, text: impl Into<String>) -> Reply {
        Reply::new(status, "text/plain; charset=utf-8", Body::whole(text.into()))
    }

    /// YAML, shown by browsers instead of being saved.
    pub fn yaml(text: String) -> Reply {
        Reply::new(StatusCode::OK, "text/plain; charset=utf-8", Body::whole(text))
    }

    /// JSON.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
        let text = serde_json::to_vec(value).expect("the types of the API are plain data");
        Reply::new(status, "application/json", Body::whole(text))
    }

    /// Sets a header.
    pub fn with_header(self, name: &'static str, value: &'static str) -> Reply {
        self.with_value(name, HeaderValue::from_static(value))
    }

    /// The same with a value that was put together.
    pub fn with_value(mut self, name: &'static str, value: HeaderValue) -> Reply {
        self.headers.insert(name, value);
        self
    }

    /// The same with another status.
    pub fn with_status(mut self, status: StatusCode) -> Reply {
        self.status = status;
        self
    }

    /// Bytes of the body.
    pub fn length(&self) -> usize {
        let length = self.body.size_hint().exact().unwrap_or(0);
        usize::try_from(length).unwrap_or(usize::MAX)
    }

    /// Sets a header, whatever it was before.
    pub fn replacing(mut self, name: HeaderName, value: HeaderValue) -> Reply {
        self.headers.insert(name, value);
        self
    }

    /// Keeps something until the body was sent.
    pub fn holding(mut self, thing: impl Any + Send + Sync) -> Reply {
        self.body = self.body.holding(thing);
        self
    }

    /// As hyper sends it over a connection; without the body for `HEAD`, whose length is told all the same.
    pub fn into_response(mut self, method: &Method, active: ActiveRequest) -> Response<PacedBody> {
        if *method == Method::HEAD {
            self.headers.insert("content-length", HeaderValue::from(self.length()));
            self.body = Body::whole("");
        }
        let mut response = Response::new(PacedBody::new(self.body, Some(active)));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
