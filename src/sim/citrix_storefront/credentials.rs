//! What a request brings to be let in: token, Basic credentials, cookie, form fields.

use super::{super::Request, auth::ROOT};
use base64::{Engine, prelude::BASE64_STANDARD};

/// The token of the request. The scheme's name is compared with case, as the vendor says.
pub(super) fn presented(request: &Request) -> Option<&str> {
    request.header("authorization")?.strip_prefix("CitrixAuth ").map(str::trim)
}

pub(super) fn basic(request: &Request) -> Option<(String, String)> {
    let (scheme, value) = request.header("authorization")?.split_once(' ')?;
    let decoded = BASE64_STANDARD.decode(value.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), password.to_owned()))
}

/// Whether the request submits a password.
pub(super) fn carries_secret(request: &Request) -> bool {
    let is_password =
        |(name, value): &(String, String)| name.to_ascii_lowercase().contains("password") && !value.is_empty();
    is_form(&request.path) && fields(request).iter().any(is_password) || basic(request).is_some()
}

fn is_form(path: &str) -> bool {
    path.trim_end_matches('/').eq_ignore_ascii_case(&format!("{ROOT}/ExplicitForms"))
}

/// The decoded fields of a posted form.
pub(super) fn fields(request: &Request) -> Vec<(String, String)> {
    let query = format!("?{}", String::from_utf8_lossy(&request.body));
    Request::new(request.method.clone(), &query).query
}

pub(super) fn content_type(request: &Request) -> &str {
    let value = request.header("content-type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

pub(super) fn cookie<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request
        .headers
        .get_all("cookie")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value)
}
