//! `http:` of the file, of a target, of an Alertmanager. What a lower one does not give, it takes from the upper one.

use std::sync::Arc;

use reqwest::{
    Url,
    header::{HeaderName, HeaderValue},
};

use super::pem;
use crate::config::{
    Http, Pin, Proxy, SharedHttp, Target, Tls,
    read::{Item, Section},
    secret::SecretText,
    size,
};

/// All answers under way together, where nothing is said. The manifests give the daemon twice as much in all.
const MAX_BUFFERED: u64 = 256 << 20;

/// Headers that belong to the connection or the body; setting them breaks requests.
const RESERVED: [&str; 6] =
    ["host", "connection", "content-length", "content-type", "transfer-encoding", "accept-encoding"];

/// What the top of the file says for all targets together.
pub(super) fn shared(section: &Section<'_>) -> SharedHttp {
    SharedHttp { max_buffered: section.get("max_buffered").and_then(|item| item.bytes()).unwrap_or(MAX_BUFFERED) }
}

/// Warns of answers that are allowed and could not be read.
pub(super) fn check_sizes(root: &Section<'_>, shared: &SharedHttp, targets: &[Arc<Target>]) {
    let Some(target) = targets.iter().find(|target| target.max_response_size > shared.max_buffered) else { return };
    let message = format!(
        "answers of {} may be as long as {}, and http.max_buffered is {}: what is longer than that fails; raise it",
        target.name,
        size::print(target.max_response_size),
        size::print(shared.max_buffered)
    );
    if let Some(mark) = root.mark() {
        root.ctx.warn(mark, "http.max_buffered", message);
    }
}

/// The settings over those of the level above.
pub(super) fn read(section: Section<'_>, above: &Http) -> Http {
    let section = section.holding_secrets();
    let proxy = section.get("proxy_url").map_or(above.proxy.clone(), |item| proxy(&item));
    let tls = tls(section.section("tls"), &above.tls);
    let headers = section.get("headers").map_or(above.headers.clone(), |item| headers(&item));
    let allow_cleartext_credentials = section.bool("allow_cleartext_credentials", above.allow_cleartext_credentials);
    section.finish();
    Http { proxy, tls, headers, allow_cleartext_credentials }
}

/// The text is not shown: it may hold a password.
fn proxy(item: &Item<'_>) -> Proxy {
    match item.text().as_deref() {
        None | Some("") => Proxy::Environment,
        Some("none") => Proxy::None,
        Some(text) => match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Proxy::Url(url),
            _ => {
                item.error("must be \"\" (from the environment), none, or a URL with http:// or https://");
                Proxy::Environment
            }
        },
    }
}

fn tls(section: Section<'_>, above: &Tls) -> Tls {
    let given = |key: &'static str| section.get(key).map(|item| (item.scalar() == Some(""), item));
    // An empty text takes back what the level above gives.
    let ca_file = match given("ca_file") {
        None => above.ca_file.clone(),
        Some((true, _)) => None,
        Some((false, item)) => pem::certificates(&item),
    };
    let cert_file = match given("cert_file") {
        None => above.cert_file.clone(),
        Some((true, _)) => None,
        Some((false, item)) => pem::certificates(&item),
    };
    let key_file = match given("key_file") {
        None => above.key_file.clone(),
        Some((true, _)) => None,
        Some((false, item)) => pem::private_key(&item),
    };
    let is_set = |key| given(key).is_some_and(|(empty, _)| !empty);
    let has_cert = is_set("cert_file") || cert_file.is_some();
    let has_key = is_set("key_file") || key_file.is_some();
    if has_cert && !has_key {
        section.error("key_file", "is missing; cert_file needs it");
    }
    if has_key && !has_cert {
        section.error("cert_file", "is missing; key_file needs it");
    }
    let server_name = match given("server_name") {
        None => above.server_name.clone(),
        Some((true, _)) => None,
        Some((false, item)) => server_name(&item),
    };
    let pin_sha256 = match given("pin_sha256") {
        None => above.pin_sha256,
        Some((true, _)) => None,
        Some((false, item)) => item.text().and_then(|text| Pin::parse(&text).map_err(|error| item.error(error)).ok()),
    };
    let insecure_skip_verify = section.bool("insecure_skip_verify", above.insecure_skip_verify);
    if let Some(item) = section.get("insecure_skip_verify").filter(|_| insecure_skip_verify) {
        item.warn(
            "whoever is on the way can read and change everything, credentials too; ca_file and pin_sha256 are the safe ways",
        );
    }
    // One of the two would do nothing; where the level above gives the other one, this level has the say.
    if let Some(item) = section.get("pin_sha256").filter(|_| pin_sha256.is_some()) {
        if section.get("insecure_skip_verify").is_some() && insecure_skip_verify {
            item.error("is given too; with insecure_skip_verify nothing is checked");
        }
        if is_set("ca_file") {
            item.error("is given too; only one of ca_file and pin_sha256 can be");
        }
    }
    let is_pinned_here = is_set("pin_sha256");
    let insecure_skip_verify = insecure_skip_verify && !is_pinned_here;
    let pin_sha256 = pin_sha256.filter(|_| is_pinned_here || !(is_set("ca_file") || insecure_skip_verify));
    section.finish();
    Tls { ca_file, cert_file, key_file, server_name, pin_sha256, insecure_skip_verify }
}

fn server_name(item: &Item<'_>) -> Option<String> {
    let name = item.text()?;
    if rustls::pki_types::ServerName::try_from(name.as_str()).is_err() {
        item.error(format!("{name:?} is not a host name"));
    }
    Some(name)
}

/// Names and values; a value is never shown.
fn headers(item: &Item<'_>) -> Vec<(String, SecretText)> {
    let mut headers: Vec<(String, SecretText)> = Vec::new();
    for entry in item.entries().unwrap_or_default() {
        let value =
            Item { ctx: item.ctx, node: &entry.node, path: format!("{}.{}", item.path, entry.key.escape_debug()) };
        let Ok(name) = HeaderName::from_bytes(entry.key.as_bytes()) else {
            // What is not a name may be half of a value.
            item.ctx.error(&entry.mark, &item.path, "holds a name that is not valid for a header");
            continue;
        };
        if entry.node.is_null() {
            item.ctx.error(&entry.mark, &item.path, "holds a header without a value; an empty one is \"\"");
            continue;
        }
        if RESERVED.contains(&name.as_str()) {
            item.ctx.error(&entry.mark, &value.path, "this header is set by the daemon itself");
        }
        if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name.as_str())) {
            item.ctx.error(&entry.mark, &value.path, "is given twice; the case of a header's name does not count");
        }
        let Some(text) = value.text() else { continue };
        if HeaderValue::from_str(&text).is_err() {
            value.error("holds a character that cannot stand in a header");
        }
        headers.push((entry.key.clone(), SecretText::new(text)));
    }
    headers
}
