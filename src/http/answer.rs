//! An answer, and what its status and type mean.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};

use super::{Body, MAX_OBJECT};
use crate::failure::{Failure, Reason};

/// A server may ask for no longer pause than this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// As much of a page is looked at.
const PAGE: usize = 16 * 1024;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, unpacked; its beginning where [`Call::send_packed`](super::Call::send_packed) has left it as it came.
    pub body: Bytes,
    /// The body as it came, where it was left so.
    pub(super) packed: Option<Body>,
    /// What was asked, for messages: `GET /api/Agent`.
    pub what: String,
    /// What the poll has left.
    pub left: Duration,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Retry-After`, in seconds or as a date; at most an hour, whatever a confused server says.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match text.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
            Err(_) => {
                let date = jiff::fmt::rfc2822::parse(text).ok()?;
                SystemTime::from(date.timestamp()).duration_since(SystemTime::now()).unwrap_or_default()
            }
        };
        Some(wait.min(MAX_RETRY_AFTER))
    }

    /// The answer if its status is 2xx. Otherwise 401 is `auth`, 403 `forbidden`, 404 and 406 `not_found`, 429
    /// `rate_limited`, everything else `http_status`; a `Retry-After` longer than the poll has left is always `rate_limited`.
    pub fn success(self) -> Result<Answer, Failure> {
        if self.status.is_success() { Ok(self) } else { Err(self.failure()) }
    }

    /// The failure that this status means.
    pub fn failure(&self) -> Failure {
        let retry_after = self.retry_after();
        let reason = match self.status.as_u16() {
            _ if retry_after.is_some_and(|wait| wait > self.left) => Reason::RateLimited,
            401 => Reason::Auth,
            403 => Reason::Forbidden,
            404 | 406 => Reason::NotFound,
            429 => Reason::RateLimited,
            _ => Reason::HttpStatus,
        };
        let message = match self.status.canonical_reason() {
            Some(text) => format!("{}: {} {text}", self.what, self.status.as_u16()),
            None => format!("{}: {}", self.what, self.status.as_u16()),
        };
        Failure { retry_after, ..Failure::new(reason, message) }
    }

    /// Whether the body is a page for people: `text/html`, or it begins with `<!doctype html` or `<html`.
    pub fn is_html(&self) -> bool {
        if self.media_type().is_some_and(|media| media == "text/html" || media == "application/xhtml+xml") {
            return true;
        }
        let start = &self.content()[..self.content().len().min(64)];
        let start = String::from_utf8_lossy(start).trim_start().to_ascii_lowercase();
        start.starts_with("<!doctype html") || start.starts_with("<html")
    }

    /// The beginning of a page for people, unpacked: enough of it to see whose it is.
    pub fn page(&self) -> Bytes {
        self.packed.as_ref().map_or_else(|| self.body.slice(..self.body.len().min(PAGE)), |body| body.beginning(PAGE))
    }

    /// The body if the type is JSON (`application/json`, `text/json`, `*+json`, or no type at all) and it is not HTML, else
    /// `content_type`. A byte order mark is dropped.
    pub fn json(&self) -> Result<&[u8], Failure> {
        debug_assert!(self.packed.is_none(), "only its beginning is there; `take_json` has the whole");
        self.typed_json()
    }

    /// The same, of an answer that is one object; `too_large` where it is longer than [`MAX_OBJECT`].
    pub fn json_object(&self) -> Result<&[u8], Failure> {
        let body = self.json()?;
        if body.len() > MAX_OBJECT {
            return Err(Failure::new(Reason::TooLarge, format!("{}: more than {MAX_OBJECT} bytes", self.what)));
        }
        Ok(body)
    }

    /// The same as [`Answer::json`], to be kept beyond the answer, still packed where it came so and was left so. The answer is without a body afterwards.
    pub fn take_json(&mut self) -> Result<Body, Failure> {
        let plain = self.body.slice_ref(self.typed_json()?);
        self.body = Bytes::new();
        Ok(self.packed.take().unwrap_or_else(|| Body::plain(plain)))
    }

    /// Whether the body looks like a list or an object of JSON; of one that was left packed only its beginning is looked at.
    pub fn begins_as_json(&self) -> bool {
        self.typed_json().is_ok_and(|body| {
            let start = body.iter().find(|byte| !byte.is_ascii_whitespace());
            matches!(start, Some(b'[' | b'{'))
        })
    }

    /// The body if the type is XML (`*/xml`, `*+xml`, or no type at all) and it is not HTML, else `content_type`. A UTF-8
    /// byte order mark is dropped.
    pub fn xml(&self) -> Result<&[u8], Failure> {
        debug_assert!(self.packed.is_none(), "only its beginning is there");
        self.typed("XML", |media| media.ends_with("/xml") || media.ends_with("+xml"))
    }

    /// The same, to be kept beyond the answer.
    pub fn xml_body(&self) -> Result<Bytes, Failure> {
        self.xml().map(|body| self.body.slice_ref(body))
    }

    fn typed_json(&self) -> Result<&[u8], Failure> {
        self.typed("JSON", |media| matches!(media, "application/json" | "text/json") || media.ends_with("+json"))
    }

    fn typed(&self, wanted: &str, is_right: impl Fn(&str) -> bool) -> Result<&[u8], Failure> {
        let media = self.media_type();
        if !self.is_html() && media.as_deref().is_none_or(is_right) {
            return Ok(self.content());
        }
        let got = media.unwrap_or_else(|| "no content type".to_owned());
        let got = if self.is_html() && got != "text/html" { format!("{got}, but an HTML page") } else { got };
        let message = format!("{}: expected {wanted}, got {}", self.what, got.chars().take(100).collect::<String>());
        Err(Failure { retry_after: self.retry_after(), ..Failure::new(Reason::ContentType, message) })
    }

    fn content(&self) -> &[u8] {
        self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body)
    }

    fn media_type(&self) -> Option<String> {
        let value = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media = value.split(';').next()?.trim().to_ascii_lowercase();
        (!media.is_empty()).then_some(media)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, reqwest::header::HeaderValue::from_static(value))
        });
        Answer {
            status: StatusCode::from_u16(status).expect("a valid status"),
            headers: headers.collect(),
            body: Bytes::from_static(body.as_bytes()),
            packed: None,
            what: "GET /x".to_owned(),
            left: Duration::from_secs(10),
        }
    }

    #[test]
    fn each_status_has_the_reason_of_the_reference() {
        let rows = [
            (401, Reason::Auth),
            (403, Reason::Forbidden),
            (404, Reason::NotFound),
            (406, Reason::NotFound),
            (429, Reason::RateLimited),
            (302, Reason::HttpStatus),
            (500, Reason::HttpStatus),
            (503, Reason::HttpStatus),
        ];
        for (status, reason) in rows {
            assert_eq!(answer(status, &[], "").success().expect_err("not a success").reason, reason, "{status}");
        }
        let later = answer(503, &[("retry-after", "11")], "").success().expect_err("not a success");
        assert_eq!((later.reason, later.retry_after), (Reason::RateLimited, Some(Duration::from_secs(11))));
        assert!(answer(204, &[], "").success().is_ok());
    }

    #[test]
    fn retry_after_comes_in_seconds_or_as_a_date() {
        assert_eq!(answer(429, &[("retry-after", " 17 ")], "").retry_after(), Some(Duration::from_secs(17)));
        assert_eq!(answer(429, &[("retry-after", "1.5")], "").retry_after(), Some(Duration::from_millis(1500)));
        let past = answer(503, &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], "");
        assert_eq!(past.retry_after(), Some(Duration::ZERO));
        assert_eq!(answer(429, &[("retry-after", "1e300")], "").retry_after(), None);
        assert_eq!(answer(429, &[("retry-after", "9999999")], "").retry_after(), Some(MAX_RETRY_AFTER));
        assert_eq!(answer(429, &[("retry-after", "soon")], "").retry_after(), None);
    }

    #[test]
    fn a_page_for_people_is_no_data_whatever_it_calls_itself() {
        let json = ("content-type", "application/json; charset=utf-8; api-version=5.1");
        assert_eq!(answer(200, &[json], "\u{feff}[]").json().expect("JSON"), b"[]");
        assert_eq!(answer(200, &[], "[]").json().expect("no type at all"), b"[]");
        for answer in [
            answer(200, &[json], "  <!DOCTYPE html><html>"),
            answer(200, &[("content-type", "text/html")], "[]"),
            answer(200, &[("content-type", "text/plain")], "[]"),
        ] {
            assert_eq!(answer.json().expect_err("not JSON").reason, Reason::ContentType);
        }
        let vendor = ("content-type", "application/vnd.citrix.resources+xml; charset=utf-8");
        assert!(answer(200, &[vendor], "<resources/>").xml().is_ok());
    }
}
