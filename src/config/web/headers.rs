//! `http_server_config.headers`: five headers and no others, by the spelling of the toolkit.

use hyper::header::{HeaderName, HeaderValue};

use crate::config::read::Section;

/// The headers, and the values that those take which have a fixed set.
const HEADERS: [(&str, HeaderName, &[&str]); 5] = [
    ("Content-Security-Policy", hyper::header::CONTENT_SECURITY_POLICY, &[]),
    ("X-Frame-Options", hyper::header::X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    ("X-Content-Type-Options", hyper::header::X_CONTENT_TYPE_OPTIONS, &["nosniff"]),
    ("X-XSS-Protection", hyper::header::X_XSS_PROTECTION, &[]),
    ("Strict-Transport-Security", hyper::header::STRICT_TRANSPORT_SECURITY, &[]),
];

/// Reads them. A blank one is not set.
pub(super) fn read(section: Section<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (key, name, values) in HEADERS {
        let Some(item) = section.get(key) else { continue };
        let Some(text) = item.text() else { continue };
        if text.is_empty() {
            continue;
        }
        if !values.is_empty() && !values.contains(&text.as_str()) {
            item.error(format!("must be {}, not {text:?}", values.join(" or ")));
            continue;
        }
        match HeaderValue::from_str(&text) {
            Ok(value) => headers.push((name, value)),
            Err(_) => item.error("cannot be the value of a header: it has a line feed or another control character"),
        }
    }
    section.finish();
    headers
}
