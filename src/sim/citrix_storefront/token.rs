//! Tokens: the request for one, the answer that carries it, and those that were handed out.

use super::xml::{escape, leaves};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// The media types and name spaces of the token service.
pub(super) const REQUEST: &str = "application/vnd.citrix.requesttoken+xml";
pub(super) const RESPONSE: &str = "application/vnd.citrix.requesttokenresponse+xml";
pub(super) const CHOICES: &str = "application/vnd.citrix.requesttokenchoices+xml";
const SPACE: &str = "http://citrix.com/delivery-services/1-0/auth/";

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenRequest {
    /// The realm that the token is for.
    pub(super) service: String,
    /// For how long, if it says.
    pub(super) lifetime: Option<Duration>,
}

impl TokenRequest {
    /// Reads a `requesttoken`; the reason where it is not one.
    pub(super) fn read(body: &[u8]) -> Result<TokenRequest, &'static str> {
        let fields = leaves(body).ok_or("The request is not well-formed XML")?;
        if !String::from_utf8_lossy(body).contains(&format!("{SPACE}requesttoken")) {
            return Err("The request is not in the requesttoken namespace");
        }
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, text)| text);
        let service = field("for-service").filter(|s| !s.is_empty());
        let url = field("for-service-url").filter(|s| !s.is_empty());
        let (Some(service), Some(_), Some(_)) = (service, url, field("reqtokentemplate")) else {
            return Err("for-service, for-service-url and reqtokentemplate are required");
        };
        Ok(TokenRequest {
            service: service.clone(),
            lifetime: field("requested-lifetime").and_then(|text| read_span(text)),
        })
    }
}

/// Reads .NET's `[d.]hh:mm:ss[.fff]`.
pub(super) fn read_span(text: &str) -> Option<Duration> {
    let (days, rest) = match text.split_once('.') {
        Some((days, rest)) if rest.contains(':') => (days.parse::<u64>().ok()?, rest),
        _ => (0, text),
    };
    let mut parts = rest.split(':');
    let hours: u64 = parts.next()?.parse().ok()?;
    let minutes: u64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next()?.parse().ok()?;
    let whole = Duration::from_secs(days * 86_400 + hours * 3_600 + minutes * 60);
    Some(whole + Duration::try_from_secs_f64(seconds).ok()?)
}

/// Prints `d.hh:mm:ss[.fff]`.
pub(super) fn print_span(span: Duration) -> String {
    let total = span.as_secs();
    let (days, hours, minutes) = (total / 86_400, total / 3_600 % 24, total / 60 % 60);
    let fraction = match span.subsec_millis() {
        0 => String::new(),
        millis => format!(".{millis:03}"),
    };
    format!("{days}.{hours:02}:{minutes:02}:{:02}{fraction}", total % 60)
}

/// What a token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    realm: String,
    end: Instant,
}

/// The tokens that were handed out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    all: HashMap<String, Token>,
    issued: u64,
}

/// When the account's password ends, in the world's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct PasswordEnd {
    /// The moment.
    pub(super) at: Timestamp,
    /// From now.
    pub(super) remaining: Duration,
}

/// An ended token is remembered as such for this long.
const REMEMBERED: Duration = Duration::from_secs(600);

impl Tokens {
    /// Hands out a token for a realm: the body of the answer.
    pub(super) fn issue(
        &mut self,
        request: &TokenRequest,
        most: Duration,
        password: Option<Option<PasswordEnd>>,
    ) -> String {
        let lifetime = request.lifetime.unwrap_or(most).min(most);
        let now = Instant::now();
        self.all.retain(|_, token| token.end + REMEMBERED > now);
        self.issued += 1;
        let token = BASE64_STANDARD.encode(format!("\u{1f}simulated token {:08}", self.issued));
        let kept = Token { realm: request.service.clone(), end: now + lifetime };
        self.all.insert(token.clone(), kept);
        // Sessions live in real time, also in a world that stands still.
        let issued = Timestamp::now();
        let expiry = issued.checked_add(lifetime).unwrap_or(issued);
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<requesttokenresponse xmlns=\"{SPACE}requesttokenresponse\">\n  \
             <for-service>{service}</for-service>\n  <issued>{issued:.7}</issued>\n  <expiry>{expiry:.7}</expiry>\n  \
             <lifetime>{span}</lifetime>\n  <token-template />\n  <token>{token}</token>\n{update}</requesttokenresponse>",
            service = escape(&request.service),
            span = print_span(lifetime),
            update = password.map_or_else(String::new, credential_update),
        )
    }

    /// Whether the token opens the realm; if not, the reason of the challenge.
    pub(super) fn check(&self, token: Option<&str>, realm: &str) -> Result<(), &'static str> {
        let token = token.ok_or("notoken")?;
        let known = self.all.get(token).ok_or("invalidtoken")?;
        if known.end <= Instant::now() {
            return Err("expired");
        }
        match known.realm == realm {
            true => Ok(()),
            false => Err("notforthisservice"),
        }
    }

    /// Ends every token but those for `spared`.
    pub(super) fn end(&mut self, spared: Option<&str>) {
        let now = Instant::now();
        for token in self.all.values_mut() {
            if spared != Some(token.realm.as_str()) {
                token.end = token.end.min(now);
            }
        }
    }
}

/// What the answer with a primary token says about the password.
fn credential_update(end: Option<PasswordEnd>) -> String {
    let times = end.map_or_else(String::new, |end| {
        format!(
            "      <ExpiryTime>{:.3}</ExpiryTime>\n      <TimeRemaining>{}</TimeRemaining>\n",
            end.at,
            print_span(Duration::from_secs(end.remaining.as_secs()))
        )
    });
    let service = match end {
        Some(_) => "<CredentialUpdateService>\n        /ExplicitForms/ChangePassword\n      </CredentialUpdateService>",
        None => "<CredentialUpdateService />",
    };
    format!(
        "  <CredentialUpdateInformationList xmlns=\"http://citrix.com/authentication/response/1\">\n    \
         <CredentialUpdateInformation>\n      <CredentialDisplayName>CORP</CredentialDisplayName>\n      \
         <AuthenticationInfoId>Citrix Common Forms 1.0</AuthenticationInfoId>\n{times}      {service}\n    \
         </CredentialUpdateInformation>\n  </CredentialUpdateInformationList>\n"
    )
}

/// The protocols by which the client may log on.
pub(super) fn choices(list: &[(&str, String)], within_response: bool) -> String {
    let root = if within_response { "requesttokenresponse" } else { "requesttokenchoices" };
    let choices: String = list
        .iter()
        .map(|(protocol, location)| {
            format!(
                "    <choice>\n      <protocol>{protocol}</protocol>\n      <location>\n        {}\n      \
                 </location>\n    </choice>\n",
                escape(location)
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<{root} xmlns=\"{SPACE}{root}\">\n  <choices>\n{choices}  \
         </choices>\n</{root}>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_read_and_print_as_dot_net_has_them() {
        assert_eq!(read_span("1.06:00:00"), Some(Duration::from_secs(108_000)));
        assert_eq!(read_span("01:00:00"), Some(Duration::from_secs(3_600)));
        assert_eq!(read_span("0.01:00:18.768"), Some(Duration::from_millis(3_618_768)));
        assert_eq!(read_span("an hour"), None);
        assert_eq!(print_span(Duration::from_secs(72_000)), "0.20:00:00");
        assert_eq!(print_span(Duration::from_millis(1_500)), "0.00:00:01.500");
    }
}
