//! What the token service says: a token, a choice of protocols, or a form; told apart by the root element.

use std::time::Duration;

use super::{
    form::Form,
    xml::{Element, escape},
};
use crate::{
    api::lenient::{self, Timestamp, span},
    clock::UnixTime,
    config::secret::SecretText,
    failure::{Failure, Reason},
    http::Answer,
};

/// Type of a request for a token.
pub const REQUEST_TOKEN: &str = "application/vnd.citrix.requesttoken+xml";
/// What the token service may answer.
pub const ACCEPT_TOKEN: &str =
    "application/vnd.citrix.requesttokenresponse+xml, application/vnd.citrix.requesttokenchoices+xml";

/// Asked for; the server grants what its administrator set. 30 hours, as in the vendor's samples.
const LIFETIME: &str = "1.06:00:00";
/// A token that says nothing about its end, or nothing sensible, is used for this time, unless it is refused before.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);
/// An end that comes sooner is none that anybody has set: a server whose clock stands still says so.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(30);

/// The body of a request for a token for the service `realm`, called at `url`.
pub fn request_token(realm: &str, url: &str, template: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <requesttoken xmlns=\"http://citrix.com/delivery-services/1-0/auth/requesttoken\">\
         <for-service>{}</for-service><for-service-url>{}</for-service-url>\
         <reqtokentemplate>{}</reqtokentemplate><requested-lifetime>{LIFETIME}</requested-lifetime></requesttoken>",
        escape(realm),
        escape(url),
        escape(template)
    )
}

/// An answer of the token service or of a log-on.
#[derive(Debug, PartialEq)]
pub enum Reply {
    /// A token.
    Token(IssuedToken),
    /// Ways to log on, in the server's order.
    Choices(Vec<Choice>),
    /// A form to fill in.
    Form(Form),
}

/// A token that was just issued.
#[derive(Debug, PartialEq)]
pub struct IssuedToken {
    /// The token.
    pub token: SecretText,
    /// How long it is good, from its receipt: clocks of servers are not trusted.
    pub lifetime: Duration,
    /// When the password ends, where the server says.
    pub password_expiry: Option<UnixTime>,
}

/// A way to log on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// `ExplicitForms`, `HttpBasic`, ….
    pub protocol: String,
    /// Where.
    pub location: String,
}

impl Reply {
    /// Reads an answer of status 2xx, or 300 for choices. `now` is the time of its receipt.
    pub fn read(answer: &Answer, now: UnixTime) -> Result<Reply, Failure> {
        Reply::parse(answer.xml()?, now).map_err(|failure| failure.context(&answer.what))
    }

    /// Reads a body.
    pub fn parse(body: &[u8], now: UnixTime) -> Result<Reply, Failure> {
        let root = Element::parse(body)?;
        let choices = choices(&root);
        match root.name.as_str() {
            // Where only one protocol is enabled, the choices were seen inside a requesttokenresponse, with status 200.
            "requesttokenresponse" | "requesttokenchoices" if !choices.is_empty() => Ok(Reply::Choices(choices)),
            "requesttokenresponse" => match root.text_at(&["token"]) {
                "" => Err(Failure::new(Reason::Decode, "an answer with neither a token nor choices")),
                token => Ok(Reply::Token(IssuedToken {
                    token: SecretText::new(token),
                    lifetime: lifetime(&root),
                    password_expiry: password_expiry(&root, now),
                })),
            },
            "requesttokenchoices" => Err(Failure::new(Reason::Auth, "the server offers no way to log on")),
            "authenticateresponse" => Form::read(&root).map(Reply::Form),
            _ => Err(Failure::new(Reason::Decode, "neither a token nor choices nor a form")),
        }
    }
}

fn choices(root: &Element) -> Vec<Choice> {
    let choice = |element: &&Element| Choice {
        protocol: element.text_at(&["protocol"]).to_owned(),
        // A sample wraps it in line feeds; texts are trimmed.
        location: element.text_at(&["location"]).to_owned(),
    };
    root.all("choice").iter().map(choice).filter(|choice| !choice.location.is_empty()).collect()
}

/// The shorter of what the times and the lifetime say: in a sample of the vendor's they disagree.
fn lifetime(root: &Element) -> Duration {
    let time = |name: &str| time(root.text_at(&[name]));
    let between = match (time("issued"), time("expiry")) {
        (Some(issued), Some(expiry)) => Some(expiry.since(issued)),
        _ => None,
    };
    let told = span(root.text_at(&["lifetime"]));
    let sensible = |lifetime: &Duration| *lifetime >= SHORTEST_LIFETIME;
    between.into_iter().chain(told).filter(sensible).min().unwrap_or(DEFAULT_LIFETIME)
}

/// The end of the password, or what remains of its time. Of several the earliest.
fn password_expiry(root: &Element, now: UnixTime) -> Option<UnixTime> {
    let end = |info: &Element| {
        let remaining = || span(info.text_at(&["timeremaining"])).map(|left| now.plus(left));
        time(info.text_at(&["expirytime"])).or_else(remaining)
    };
    root.all("credentialupdateinformation").into_iter().filter_map(end).min()
}

/// A time that is set.
fn time(text: &str) -> Option<UnixTime> {
    lenient::scalar::<Timestamp>(text).ok().map(UnixTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(inside: &str) -> Reply {
        let body = format!(
            r#"<requesttokenresponse xmlns="http://citrix.com/delivery-services/1-0/auth/requesttokenresponse">
            <for-service>other</for-service>{inside}<token-template /><token> dG9rZW4= </token></requesttokenresponse>"#
        );
        Reply::parse(body.as_bytes(), UnixTime::from_secs(1_700_000_000)).expect("readable")
    }

    fn issued(inside: &str) -> IssuedToken {
        match token(inside) {
            Reply::Token(issued) => issued,
            other => panic!("not a token: {other:?}"),
        }
    }

    #[test]
    fn a_token_is_good_for_the_shorter_of_its_two_lifetimes() {
        let hour = "<issued>2025-05-12T15:27:28.1550000Z</issued><expiry>2025-05-12T16:27:28.155Z</expiry>";
        let rows = [
            (format!("{hour}<lifetime>0.20:00:00</lifetime>"), 3600),
            (format!("{hour}<lifetime>0.00:05:00</lifetime>"), 300),
            (hour.to_owned(), 3600),
            ("<issued>2025-05-12T15:27:28Z</issued><expiry>0001-01-01T00:00:00Z</expiry>".to_owned(), 3600),
            ("<lifetime>0.20:00:00</lifetime>".to_owned(), 72_000),
            ("<lifetime>long</lifetime>".to_owned(), 3600),
            ("<lifetime>0.00:00:00</lifetime>".to_owned(), 3600),
            // An end in the past, one before the beginning, and one in another format.
            ("<issued>2025-05-12T15:27:28Z</issued><expiry>2025-05-12T15:27:28Z</expiry>".to_owned(), 3600),
            (
                "<issued>2025-05-12T15:27:28Z</issued><expiry>2024-05-12T15:27:28Z</expiry><lifetime>0.02:00:00</lifetime>".to_owned(),
                7200,
            ),
            ("<issued>2025-05-12T15:27:28Z</issued><expiry>05/12/2025 4:27 PM</expiry>".to_owned(), 3600),
        ];
        for (inside, seconds) in rows {
            let issued = issued(&inside);
            assert_eq!(issued.lifetime, Duration::from_secs(seconds), "{inside}");
            assert_eq!(issued.token.expose(), "dG9rZW4=");
            assert_eq!(issued.password_expiry, None);
        }
    }

    #[test]
    fn the_end_of_the_password_is_told_with_the_token() {
        let list = |inside: &str| {
            format!(
                "<CredentialUpdateInformationList xmlns=\"http://citrix.com/authentication/response/1\"><CredentialUpdateInformation>{inside}</CredentialUpdateInformation></CredentialUpdateInformationList>"
            )
        };
        let rows = [
            (
                "<ExpiryTime>2025-05-12T15:27:28.155Z</ExpiryTime><TimeRemaining>10.05:33:09</TimeRemaining>",
                Some(1_747_063_648_155),
            ),
            ("<TimeRemaining>0.00:00:10</TimeRemaining>", Some(1_700_000_010_000)),
            (
                "<ExpiryTime>0001-01-01T00:00:00Z</ExpiryTime><TimeRemaining>0.00:00:10</TimeRemaining>",
                Some(1_700_000_010_000),
            ),
            ("<ExpiryTime>0001-01-01T00:00:00Z</ExpiryTime>", None),
            ("<CredentialUpdateService />", None),
        ];
        for (inside, expected) in rows {
            assert_eq!(issued(&list(inside)).password_expiry.map(|time| time.0), expected, "{inside}");
        }
    }

    #[test]
    fn choices_come_alone_or_inside_a_token_response() {
        let choices = "<choices><choice><protocol>ExplicitForms</protocol><location>\n https://sf/forms\n</location></choice><choice><protocol>HttpBasic</protocol><location>https://sf/basic</location></choice></choices>";
        for root in ["requesttokenchoices", "requesttokenresponse", "x:RequestTokenChoices"] {
            let body = format!("<{root} xmlns:x=\"urn:x\">{choices}</{root}>");
            let Ok(Reply::Choices(found)) = Reply::parse(body.as_bytes(), UnixTime::default()) else {
                panic!("no choices in {root}");
            };
            let found: Vec<_> = found.iter().map(|c| (c.protocol.as_str(), c.location.as_str())).collect();
            assert_eq!(found, [("ExplicitForms", "https://sf/forms"), ("HttpBasic", "https://sf/basic")]);
        }
    }

    #[test]
    fn anything_else_is_no_reply() {
        for (body, reason) in [
            ("<requesttokenchoices/>", Reason::Auth),
            ("<requesttokenresponse/>", Reason::Decode),
            ("<destroytokenresponse/>", Reason::Decode),
            ("<requesttokenresponse><token>a", Reason::Decode),
        ] {
            assert_eq!(Reply::parse(body.as_bytes(), UnixTime::default()).expect_err(body).reason, reason, "{body}");
        }
    }

    #[test]
    fn what_is_asked_for_is_escaped() {
        let body = request_token("a<b", "https://sf/?a=1&b=2", "");
        let root = Element::parse(body.as_bytes()).expect("well-formed");
        assert_eq!(root.text_at(&["for-service"]), "a<b");
        assert_eq!(root.text_at(&["for-service-url"]), "https://sf/?a=1&b=2");
        assert_eq!(root.text_at(&["requested-lifetime"]), "1.06:00:00");
    }
}
