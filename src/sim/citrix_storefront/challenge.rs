//! The `CitrixAuth` challenge, in the form that the scheme describes and in those that its own samples have.

use super::super::Response;
use hyper::{StatusCode, header::HeaderValue};

/// How a challenge is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChallengeStyle {
    /// As the scheme describes it.
    #[default]
    Proper,
    /// No comma between `reason` and `locations`.
    NoCommaBeforeLocations,
    /// No comma before `serviceroot-hint`.
    NoCommaBeforeHint,
    /// `serviceroot-hint` without quotes.
    UnquotedHint,
    /// Typographic quotes around `serviceroot-hint`.
    TypographicQuotes,
    /// Blanks before commas and after the opening quote of the realm, none after commas, and a folded line's tabs.
    OddBlanks,
    /// Challenges of other schemes before and after it, in headers of their own and in the same one.
    AmongOthers,
}

/// What a challenge says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Challenge<'a> {
    /// The service's id.
    pub(super) realm: &'a str,
    /// Why the token was not taken.
    pub(super) reason: &'a str,
    /// Where to ask for a token, parted by `|`.
    pub(super) locations: &'a str,
    /// The root of what the token opens.
    pub(super) hint: &'a str,
}

impl Challenge<'_> {
    /// 401 with the challenge.
    pub(super) fn answer(self, style: ChallengeStyle) -> Response {
        let Challenge { realm, reason, locations, hint } = self;
        let head = format!("CitrixAuth realm=\"{realm}\", reqtokentemplate=\"\"");
        let proper = format!("{head}, reason=\"{reason}\", locations=\"{locations}\", serviceroot-hint=\"{hint}\"");
        let values = match style {
            ChallengeStyle::Proper => vec![proper],
            ChallengeStyle::NoCommaBeforeLocations => {
                vec![format!("{head}, reason=\"{reason}\"    locations=\"{locations}\", serviceroot-hint=\"{hint}\"")]
            }
            ChallengeStyle::NoCommaBeforeHint => {
                vec![format!("{head}, reason=\"{reason}\", locations=\"{locations}\" serviceroot-hint=\"{hint}\"")]
            }
            ChallengeStyle::UnquotedHint => {
                vec![format!("{head}, reason=\"{reason}\", locations=\"{locations}\", serviceroot-hint={hint}")]
            }
            ChallengeStyle::TypographicQuotes => {
                vec![format!("{head}, reason=\"{reason}\",locations=\"{locations}\", serviceroot-hint=”{hint}”")]
            }
            ChallengeStyle::OddBlanks => vec![format!(
                "CitrixAuth realm=\" {realm}\" , reqtokentemplate=\"\",\t\t reason=\"{reason}\",\
                 locations=\"{locations}\" ,\t serviceroot-hint=\"{hint}\""
            )],
            ChallengeStyle::AmongOthers => {
                vec!["Negotiate".to_owned(), format!("Basic realm=\"storefront\", {proper}"), "NTLM".to_owned()]
            }
        };
        let mut response =
            Response::empty(StatusCode::UNAUTHORIZED).with_header("cache-control", "public, no-store, max-age=0");
        for value in values {
            // Typographic quotes go out as the bytes they are.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                response.headers.append("www-authenticate", value);
            }
        }
        response
    }
}
