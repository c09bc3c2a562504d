//! The decoders alone, for [`fuzzing`](crate::fuzzing): any bytes in, a part or a failure out. Wherever a server says where to
//! go next, it must not lead credentials astray.

use std::{
    collections::HashSet,
    hash::RandomState,
    sync::{Arc, LazyLock},
};

use reqwest::{
    Url,
    header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};

use super::{
    allowed_hosts::AllowedHosts,
    challenge::{self, Challenge},
    endpoints::Found,
    form::{Form, Refusal},
    logon, part,
    reading::DecodedChunk,
    reply::Reply,
    resources,
    xml::Element,
};
use crate::{
    api::{Context, Part},
    config::{Target, secret::SecretText, target::CitrixMethod},
    failure::Failure,
};

/// A list of machines.
pub fn machines(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let all = (&HashSet::new(), usize::MAX);
    let read = DecodedChunk::read(body, &[], cx.now, target, &RandomState::new(), all);
    read.map(|chunk| chunk.part).map_err(|(failure, _)| failure)
}

/// An enumeration.
pub fn resources(body: &[u8], cx: &Context<'_>, _: &Arc<Target>) -> Result<Part, Failure> {
    let enumeration = resources::decode(body, cx.warnings)?;
    assert!(enumeration.ids.len() <= enumeration.resources, "{enumeration:?}");
    Ok(part::of_enumeration(&enumeration))
}

/// The list of endpoints.
pub fn endpoints(body: &[u8]) -> Result<(), Failure> {
    let Found { resources, machines } = Element::parse(body).and_then(|root| Found::read(&root))?;
    [resources, machines].into_iter().flatten().for_each(|url| stays_at_home(&url));
    Ok(())
}

/// What the token service says: a token, choices, or a form that is filled in.
pub fn reply(body: &[u8], cx: &Context<'_>) -> Result<(), Failure> {
    match Reply::parse(body, cx.now)? {
        Reply::Token(issued) => assert!(!issued.token.expose().is_empty(), "an empty token is none"),
        Reply::Choices(choices) => {
            let (_, choice) = logon::choose(CitrixMethod::Auto, &choices)?;
            stays_at_home(&choice.location);
        }
        Reply::Form(form) => return fill(&form),
    }
    Ok(())
}

fn fill(form: &Form) -> Result<(), Failure> {
    for username in ["svc-monitor", "CORP\\svc-monitor"] {
        let fill = |password: &str| form.fill(username, &SecretText::new(password));
        let (one, other) = match (fill("one"), fill("other")) {
            (Ok(one), Ok(other)) => (one, other),
            (Err(Refusal::Other(failure)), _) => return Err(failure),
            _ => continue,
        };
        let sent = one.fields.iter().zip(&other.fields).filter(|(one, other)| one != other).count();
        assert_eq!((sent, one.fields.len()), (1, other.fields.len()), "the password stands in one field");
        stays_at_home(&one.post_back);
    }
    let _ = form.after_credentials();
    Ok(())
}

/// The values of `WWW-Authenticate`, one a line.
pub fn challenge(lines: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').take(100) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    let (_, _) = (challenge::schemes(&headers), challenge::offers_basic(&headers));
    if let Some(challenge) = Challenge::find(&headers) {
        assert!(!challenge.realm.is_empty(), "a challenge is about a realm");
        let _ = (challenge.verdict(), challenge.wrong_audience());
        challenge.locations.iter().chain(&challenge.root).for_each(|url| stays_at_home(url));
    }
    // The whole as one header, as a proxy may fold it.
    let _ = Challenge::parse(&String::from_utf8_lossy(lines));
}

/// Where a server may lead us: over https, to the hosts that the configuration names, and to nobody else.
fn stays_at_home(text: &str) {
    static HOME: LazyLock<(Url, AllowedHosts)> = LazyLock::new(|| {
        let url: Url = "https://sf.example.com/Citrix/Store".parse().expect("it is a URL");
        let allowed_hosts = AllowedHosts::new(&url, &["auth.example.com".to_owned()]);
        (url, allowed_hosts)
    });
    let (base, allowed_hosts) = &*HOME;
    let Ok(url) = allowed_hosts.resolve(base, text) else { return };
    // What is sent is the text of the URL: it is taken apart by hand.
    let authority = url.as_str().strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
    let host = authority.and_then(|authority| authority.rsplit('@').next()).and_then(|host| host.split(':').next());
    assert!(matches!(host, Some("sf.example.com" | "auth.example.com")), "{text:?} leads to {url}");
}
