//! A request as the routes see it, and their answers.

use std::any::Any;

use hyper::{
    HeaderMap, Method, Response, StatusCode,
    header::{HOST, HeaderName, HeaderValue},
};
use serde::Serialize;

use crate::exposition::Body;

/// Parameters of a query; more are refused, since each may be held against every agent.
pub const MAX_PARAMETERS: usize = 64;

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
}

impl Request {
    /// Takes what the routes need of a request.
    pub fn of<B>(request: &hyper::Request<B>) -> Request {
        // The base is never looked at; a relative URL cannot be parsed without one.
        let url = format!("http://localhost/?{}", request.uri().query().unwrap_or_default());
        let query = reqwest::Url::parse(&url)
            .map(|url| url.query_pairs().into_owned().take(MAX_PARAMETERS + 1).collect())
            .unwrap_or_default();
        let mut headers = request.headers().clone();
        // HTTP/2 has no such header, and says it in the URI.
        if !headers.contains_key(HOST)
            && let Some(host) = request.uri().authority()
            && let Ok(host) = HeaderValue::from_str(host.as_str())
        {
            headers.insert(HOST, host);
        }
        Request { method: request.method().clone(), path: request.uri().path().to_owned(), query, headers }
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
        headers.insert("content-type", HeaderValue::from_static(content_type));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
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

    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Reply {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
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

    /// As hyper sends it; without the body for `HEAD`, whose length is told all the same.
    pub fn into_response(self, method: &Method) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if *method == Method::HEAD {
            let length = hyper::body::Body::size_hint(response.body()).exact().unwrap_or(0);
            response.headers_mut().insert("content-length", HeaderValue::from(length));
            *response.body_mut() = Body::whole("");
        }
        response
    }
}
