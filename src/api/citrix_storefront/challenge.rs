//! `CitrixAuth realm="…", reqtokentemplate="…", reason="…", locations="…|…", serviceroot-hint="…"`, a challenge.
//!
//! The vendor's own samples leave out commas and quotes, use typographic quotes, put spaces before commas and break
//! lines; so names and values are taken as they come, and nothing is split at `,` or `=` first.
//! <https://github.com/citrix/storefront-authentication-sdk>, `docs/citrixauth-authentication-scheme.md`

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What a service wants to see before it answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Challenge {
    /// Id of the service; a token is made for it.
    pub realm: String,
    /// Echoed in the request for a token; empty today.
    pub template: String,
    /// Why the service did not answer.
    pub reason: String,
    /// Where a token may be asked for, in order.
    pub locations: Vec<String>,
    /// Root of the protection space.
    pub root: Option<String>,
}

/// What the reason of a challenge asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeKind {
    /// A token is missing or no longer good: get one, once.
    Token,
    /// The credentials behind the token are not good: log on no more.
    Credentials,
    /// The servers do not trust each other: nothing that we send would help.
    Setup,
}

impl Challenge {
    /// The CitrixAuth challenge among all those of an answer. The name of the scheme is case-sensitive.
    pub fn find(headers: &HeaderMap) -> Option<Challenge> {
        headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            Challenge::parse(&text)
        })
    }

    /// The CitrixAuth challenge in one header.
    pub fn parse(header: &str) -> Option<Challenge> {
        let mut challenge = Challenge::default();
        let mut inside = false;
        for item in Items(header) {
            match item {
                // Another scheme's name ends the challenge.
                Item::Word(_) if inside => break,
                Item::Word(word) => inside = word == "CitrixAuth",
                Item::Pair(name, value) if inside => challenge.set(name, value.trim()),
                Item::Pair(..) => {}
            }
        }
        (!challenge.realm.is_empty()).then_some(challenge)
    }

    fn set(&mut self, name: &str, value: &str) {
        match name.to_ascii_lowercase().as_str() {
            "realm" => self.realm = value.to_owned(),
            "reqtokentemplate" => self.template = value.to_owned(),
            "reason" => self.reason = value.to_owned(),
            "locations" => {
                let locations = value.split('|').map(str::trim).filter(|location| !location.is_empty());
                self.locations = locations.map(str::to_owned).collect();
            }
            "serviceroot-hint" => self.root = (!value.is_empty()).then(|| value.to_owned()),
            _ => {}
        }
    }

    /// What the reason asks for. One that is not documented is treated like a missing token, which is tried once.
    pub fn verdict(&self) -> ChallengeKind {
        let is = |reasons: &[&str]| reasons.iter().any(|reason| self.reason.eq_ignore_ascii_case(reason));
        if is(&["badpassword", "badaccount", "passwordClaimNotFound"]) {
            ChallengeKind::Credentials
        } else if is(&["nottrusted", "wrongclaims", "gatewayclaimsinconsistent"]) {
            ChallengeKind::Setup
        } else {
            ChallengeKind::Token
        }
    }

    /// Whether the service says that the token was made for another URL.
    pub fn wrong_audience(&self) -> bool {
        self.reason.eq_ignore_ascii_case("invalidAudience")
    }
}

/// The schemes that an answer offers, for messages.
pub fn schemes(headers: &HeaderMap) -> String {
    let mut names = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        // Only the first word: what follows may be a ticket.
        names.extend(text.split_whitespace().next().map(|word| word.chars().take(30).collect::<String>()));
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Whether an answer offers HTTP Basic, in a header of its own or, as proxies join them, behind other schemes.
pub fn offers_basic(headers: &HeaderMap) -> bool {
    headers.get_all(WWW_AUTHENTICATE).iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        Items(&text).any(|item| matches!(item, Item::Word(word) if word.eq_ignore_ascii_case("basic")))
    })
}

enum Item<'a> {
    /// The name of a scheme.
    Word(&'a str),
    /// A parameter.
    Pair(&'a str, &'a str),
}

struct Items<'a>(&'a str);

const QUOTES: [char; 4] = ['"', '\u{201c}', '\u{201d}', '\u{fffd}'];

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let rest = self.0.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || QUOTES.contains(&c));
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == ',' || c == '=').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let Some(value) = behind.trim_start().strip_prefix('=').map(str::trim_start) else {
            self.0 = behind;
            return Some(Item::Word(name));
        };
        let (value, behind) = match value.strip_prefix(QUOTES) {
            Some(quoted) => quoted.split_once(QUOTES).unwrap_or((quoted, "")),
            None => value.split_at(value.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(value.len())),
        };
        self.0 = behind;
        Some(Item::Pair(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    /// Headers in the shapes of the vendor's samples, each with what is wrong with it.
    const SAMPLES: [&str; 8] = [
        // As it should be.
        r#"CitrixAuth realm="id-1", reqtokentemplate="", reason="notoken", locations="https://sf.example.com/Citrix/Authentication/auth/v1/token", serviceroot-hint="https://sf.example.com/Citrix/Store/resources/v2""#,
        // Typographic quotes, and a space before a comma.
        "CitrixAuth realm=\"id-1\" , reqtokentemplate=\"\", reason=\"notoken\",locations=\"https://sf.example.com/Citrix/Authentication/auth/v1/token\", serviceroot-hint=\u{201d}https://sf.example.com/Citrix/Store/resources/v2\u{201d}",
        // Folded over lines.
        "CitrixAuth realm=\"id-1\",\r\n    reqtokentemplate=\"\", reason=\"notoken\", \r\n    locations=\"https://sf.example.com/Citrix/Authentication/auth/v1/token\",\r\n    serviceroot-hint=\"https://sf.example.com/Citrix/Store/resources/v2\"",
        // No comma before the hint.
        "CitrixAuth realm=\"id-1\",\n reqtokentemplate=\"\", reason=\"notoken\",\n locations=\"https://sf.example.com/Citrix/Authentication/auth/v1/token\"\n serviceroot-hint=\"https://sf.example.com/Citrix/Store/resources/v2\"",
        // No comma between reason and locations.
        "CitrixAuth realm=\"id-1\", reqtokentemplate=\"\", reason=\"notoken\"   locations=\"https://sf.example.com/Citrix/Authentication/auth/v1/token\", serviceroot-hint=\"https://sf.example.com/Citrix/Store/resources/v2\"",
        // The hint without quotes.
        r#"CitrixAuth realm="id-1", reqtokentemplate="", reason="notoken", locations="https://sf.example.com/Citrix/Authentication/auth/v1/token", serviceroot-hint=https://sf.example.com/Citrix/Store/resources/v2"#,
        // A space inside the realm, none after commas.
        r#"CitrixAuth realm=" id-1",reqtokentemplate="",reason="notoken", locations="https://sf.example.com/Citrix/Authentication/auth/v1/token", serviceroot-hint="https://sf.example.com/Citrix/Store/resources/v2""#,
        // Between other schemes of the same header.
        r#"Negotiate YII=, CitrixAuth realm="id-1", reqtokentemplate="", reason="notoken", locations="https://sf.example.com/Citrix/Authentication/auth/v1/token", serviceroot-hint="https://sf.example.com/Citrix/Store/resources/v2", Basic realm="other""#,
    ];

    #[test]
    fn every_sample_of_the_vendor_reads_the_same() {
        for sample in SAMPLES {
            let challenge = Challenge::parse(sample).expect(sample);
            assert_eq!(challenge.realm, "id-1", "{sample}");
            assert_eq!(challenge.template, "", "{sample}");
            assert_eq!(challenge.reason, "notoken", "{sample}");
            assert_eq!(challenge.locations, ["https://sf.example.com/Citrix/Authentication/auth/v1/token"], "{sample}");
            assert_eq!(challenge.root.as_deref(), Some("https://sf.example.com/Citrix/Store/resources/v2"), "{sample}");
        }
    }

    #[test]
    fn quotes_of_another_code_page_are_quotes() {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"x\""));
        let bytes = b"CitrixAuth realm=\x94id-1\x94, reason=\"expired\"";
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(bytes).expect("a valid header"));
        let challenge = Challenge::find(&headers).expect("a challenge");
        assert_eq!((challenge.realm.as_str(), challenge.reason.as_str()), ("id-1", "expired"));
        assert_eq!(schemes(&headers), "Basic, CitrixAuth");
    }

    #[test]
    fn basic_is_found_wherever_it_is_offered() {
        let offers = |values: &[&'static str]| {
            let values = values.iter().map(|value| (WWW_AUTHENTICATE, HeaderValue::from_static(value)));
            offers_basic(&values.collect())
        };
        assert!(offers(&["Negotiate", "basic realm=\"sf\""]));
        assert!(offers(&["Negotiate, NTLM, Basic realm=\"sf\""]));
        assert!(offers(&["Negotiate YII=, Digest realm=\"a, b\", nonce=\"x\", Basic realm=\"sf\""]));
        assert!(!offers(&["Negotiate", "Digest realm=\"Basic\", qop=\"auth, basic\""]));
        assert!(!offers(&[]));
    }

    #[test]
    fn locations_keep_their_order_and_their_queries() {
        let header = r#"CitrixAuth realm="r", locations="https://a/t?x=1&y=2 | https://b/t,https://c||""#;
        let challenge = Challenge::parse(header).expect("a challenge");
        assert_eq!(challenge.locations, ["https://a/t?x=1&y=2", "https://b/t,https://c"]);
    }

    #[test]
    fn the_scheme_is_case_sensitive_and_needs_a_realm() {
        for header in ["citrixauth realm=\"r\"", "Negotiate", "CitrixAuth", "Basic realm=\"CitrixAuth\"", ""] {
            assert_eq!(Challenge::parse(header), None, "{header}");
        }
    }

    #[test]
    fn each_reason_has_its_verdict() {
        let rows = [
            ("notoken", ChallengeKind::Token),
            ("expired", ChallengeKind::Token),
            ("notforthisservice", ChallengeKind::Token),
            ("invalidtoken", ChallengeKind::Token),
            ("tokenSignatureNotVerified", ChallengeKind::Token),
            ("invalidAudience", ChallengeKind::Token),
            ("badpassword", ChallengeKind::Credentials),
            ("badaccount", ChallengeKind::Credentials),
            ("passwordclaimnotfound", ChallengeKind::Credentials),
            ("nottrusted", ChallengeKind::Setup),
            ("wrongclaims", ChallengeKind::Setup),
            ("gatewayclaimsinconsistent", ChallengeKind::Setup),
            ("something new", ChallengeKind::Token),
        ];
        for (reason, verdict) in rows {
            assert_eq!(Challenge { reason: reason.to_owned(), ..Challenge::default() }.verdict(), verdict, "{reason}");
        }
    }
}
