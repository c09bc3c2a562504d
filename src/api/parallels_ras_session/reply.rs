//! The broker's answer, read leniently: half of the vendor's own samples are no valid JSON.
//!
//! What decides is the status and `code`, never `message`: the same code is worded in several ways. The answer holds tokens
//! in URLs, so nothing of it is kept but numbers.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    codes::{self, Code},
    request::FIELDS,
    verdict::Verdict,
};
use crate::{
    api::lenient::{self, Field, FromScalar, Shape},
    failure::Failure,
};

/// A longer body is no answer of a broker and is not read: as JSON it would take many times its length.
pub const MAX_BODY: usize = 1 << 20;

/// One error of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrokerError {
    /// The row of its code.
    pub code: Code,
    /// The field that it blames, see [`parameter`].
    pub parameter: &'static str,
}

/// Of an answer so many errors are kept; the first decides.
pub const MAX_ERRORS: usize = 20;

/// The field of our request that an error blames; `other` for one that we do not send, empty where it names none.
pub fn parameter(named: &str) -> &'static str {
    let named = named.trim();
    if named.is_empty() {
        return "";
    }
    FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(named)).unwrap_or("other")
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The verdict.
    pub verdict: Verdict,
    /// All errors with a code, in their order.
    pub errors: Vec<BrokerError>,
    /// How long the priming took, where it says.
    pub prime_seconds: Option<f64>,
    /// Whether the body is what the broker would send.
    pub readable: bool,
}

impl Reply {
    /// The row of the code that decides.
    pub fn code(&self) -> Option<Code> {
        self.errors.first().map(|error| error.code)
    }
}

/// The fields that count.
#[derive(Debug, Default)]
struct Fields {
    errors: Vec<BrokerError>,
    /// Whether there is a link to the session.
    link: bool,
    prime_milliseconds: Option<f64>,
    readable: bool,
}

/// Reads an answer of status 200, 400, 401 or 405.
pub fn read(status: u16, body: &[u8]) -> Reply {
    let fields = if body.len() > MAX_BODY {
        Fields::default()
    } else {
        let text = lenient::text(body);
        Fields::parse(&text).unwrap_or_else(|_| Fields::scan(&text))
    };
    let verdict = match (status, fields.errors.first()) {
        (200, _) if fields.link => Verdict::Ok,
        (_, Some(error)) => error.code.verdict,
        // The one answer without a code: `{"error":"unauthorized","message":"Invalid or missing API token."}`.
        (401, None) => Verdict::Token,
        _ => Verdict::Unknown,
    };
    let errors = if verdict == Verdict::Ok { Vec::new() } else { fields.errors };
    // The vendor counts this in milliseconds, while `timeout` and `ttl` are seconds.
    let prime_seconds = fields.prime_milliseconds.map(|milliseconds| milliseconds / 1000.0);
    Reply { verdict, errors, prime_seconds, readable: fields.readable }
}

const LINKS: [&str; 2] = ["parallelsclient", "userportal"];

/// One object of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    code: Field<f64>,
    parameter: Field<Named>,
    parallelsclient: Field<Link>,
    userportal: Field<Link>,
    sessionprimetime: Field<f64>,
}

impl Shape for Object {
    type Of<'a> = Object;
}

/// That there is a link, which is kept by nobody. Nothing but a text is one.
#[derive(Debug)]
struct Link;

impl<'de> FromScalar<'de> for Link {
    fn text(text: Cow<'de, str>) -> Field<Link> {
        if text.is_empty() { Field::Missing } else { Field::Value(Link) }
    }

    fn int(_: i64) -> Field<Link> {
        Field::Bad
    }

    fn float(_: f64) -> Field<Link> {
        Field::Bad
    }
}

/// The field that an error names, as one of ours: nothing else of it is kept.
#[derive(Debug, Clone, Copy)]
struct Named(&'static str);

impl<'de> FromScalar<'de> for Named {
    fn text(text: Cow<'de, str>) -> Field<Named> {
        match parameter(&text) {
            "" => Field::Missing,
            parameter => Field::Value(Named(parameter)),
        }
    }

    fn int(_: i64) -> Field<Named> {
        Field::Value(Named("other"))
    }

    fn float(_: f64) -> Field<Named> {
        Field::Value(Named("other"))
    }
}

impl From<Object> for Fields {
    fn from(object: Object) -> Fields {
        let parameter = object.parameter.ok().map_or("", |named| named.0);
        let code = object.code.ok().and_then(whole);
        Fields {
            errors: code.map(|code| BrokerError { code: codes::look_up(code), parameter }).into_iter().collect(),
            link: [object.parallelsclient, object.userportal].into_iter().any(|link| link.ok().is_some()),
            prime_milliseconds: object.sessionprimetime.ok().filter(|milliseconds| *milliseconds >= 0.0),
            readable: true,
        }
    }
}

impl Fields {
    /// From JSON: an object, or a list of them, as one refusal "can contain multiple errors".
    fn parse(text: &str) -> Result<Fields, Failure> {
        if !text.trim_start().starts_with('[') {
            return lenient::object::<Object>(text).map(Fields::from);
        }
        let mut all: Option<Fields> = None;
        lenient::items::<Object>(text.as_bytes(), None, |object| {
            let Some(fields) = object.map(Fields::from).filter(|fields| !fields.errors.is_empty()) else { return };
            match &mut all {
                Some(all) if all.errors.len() < MAX_ERRORS => all.errors.extend(fields.errors),
                Some(_) => {}
                None => all = Some(fields),
            }
        })?;
        Ok(all.unwrap_or_default())
    }

    /// From what is nearly JSON: `"code"\s*:\s*(\d+)`. Links count in a text that came to its end only.
    fn scan(text: &str) -> Fields {
        let named = values(text, "parameter").next().and_then(|value| value.strip_prefix('"')?.split('"').next());
        let parameter = parameter(named.unwrap_or_default());
        let code = number_after(text, "code");
        let errors: Vec<BrokerError> =
            code.map(|code| BrokerError { code: codes::look_up(code), parameter }).into_iter().collect();
        let complete = text.trim_end().ends_with('}');
        let link = complete && LINKS.iter().any(|key| values(text, key).any(has_text));
        let prime_milliseconds = number_after(text, "sessionprimetime").map(f64::from);
        Fields { errors, link, prime_milliseconds, readable: code.is_some() || link }
    }
}

fn whole(number: f64) -> Option<u32> {
    (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u32)
}

/// What follows each `"key" :` in a text.
fn values<'a>(text: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    let quoted = format!("\"{key}\"");
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once(&quoted)?;
            rest = after;
            if let Some(value) = after.trim_start().strip_prefix(':') {
                return Some(value.trim_start());
            }
        }
    })
}

fn has_text(value: &str) -> bool {
    value.strip_prefix('"').is_some_and(|text| !text.is_empty() && !text.starts_with('"'))
}

fn number_after(text: &str, key: &str) -> Option<u32> {
    values(text, key).find_map(|value| {
        let value = value.strip_prefix('"').unwrap_or(value);
        let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
        value[..digits].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn verdict(status: u16, body: &str) -> (&'static str, Option<u32>) {
        let reply = read(status, body.as_bytes());
        (reply.verdict.as_str(), reply.code().map(|code| code.api))
    }

    /// In the shape of the vendor's success sample, with the quotes of `primecmd` as unbalanced as there.
    const SUCCESS: &str = r#"{
        "primecmd": "\"TSClient.exe urlSchema
\"tuxclient:///?Command=X&Token=DATA\"",
        "parallelsclient":
        "https://localhost/URLSchemaRedirector?Command=X&Token=DATA",
        "userportal": "https://userportal.example.com/tunnelsession&token=DATA",
        "sessionprimetime": 12890
    }"#;

    #[test]
    fn a_link_to_the_session_is_a_success() {
        for body in [
            r#"{"parallelsclient": "tuxclient:///?x"}"#,
            r#"{"userportal": "https://x"}"#,
            r#"{"parallelsclient": "", "userportal": "https://x", "code": 0}"#,
            SUCCESS,
        ] {
            assert_eq!(verdict(200, body), ("ok", None), "{body}");
        }
        assert!(serde_json::from_str::<Value>(SUCCESS).is_err(), "the sample is as broken as the vendor's");
        assert_eq!(read(200, SUCCESS.as_bytes()).prime_seconds, Some(12.89));
    }

    #[test]
    fn a_success_without_a_link_or_without_its_end_is_none() {
        for (body, readable) in [
            ("{}", true),
            (r#"{"parallelsclient": "", "userportal": null}"#, true),
            (r#"{"parallelsclient": false, "userportal": 1}"#, true),
            (r#"{"parallelsclient": {}, "userportal": ["https://x"]}"#, true),
            (&SUCCESS[..SUCCESS.len() / 2], false),
            (&SUCCESS[..SUCCESS.len() - 1], false),
            ("", false),
            ("OK", false),
            ("[]", false),
            ("17", false),
        ] {
            let reply = read(200, body.as_bytes());
            assert_eq!((reply.verdict, reply.readable), (Verdict::Unknown, readable), "{body}");
        }
        assert_eq!(verdict(200, r#"{"code": 5155}"#), ("account", Some(5155)));
        assert_eq!(verdict(400, r#"{"userportal": "https://x"}"#), ("unknown", None), "a refusal has no links");
    }

    #[test]
    fn a_body_that_is_too_long_is_not_read() {
        let body = |length: usize| {
            let start = r#"{"userportal": "https://x", "code": 5155, "more": ""#;
            format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
        };
        assert!(read(200, body(MAX_BODY).as_bytes()).readable);
        for body in [body(MAX_BODY + 1), format!("[{}0]", "0,".repeat(MAX_BODY))] {
            let reply = read(200, body.as_bytes());
            assert_eq!((reply.verdict, reply.code(), reply.readable), (Verdict::Unknown, None, false));
        }
    }

    #[test]
    fn broken_samples_are_read_by_their_code() {
        // The commas after `message` are missing on the vendor's page too.
        let parse = "{\n  \"error\": \"InvalidRequest\",\n  \"message\": \"Needs JSON.\"\n  \"code\": 4\n}";
        let token =
            "{\"error\": \"InvalidArgument\", \"message\": \"The 'apikey' field is not valid.\" \"code\" :\t104}";
        for (body, expected) in [
            (parse, ("request", Some(4))),
            (token, ("token", Some(104))),
            (r#"{"code": "5155",}"#, ("account", Some(5155))),
            (r#"{"message": "the \"code\" is secret", "code": 3360 // endpoint"#, ("endpoint", Some(3360))),
            (r#"{"code": }"#, ("unknown", None)),
            (r#"{"code": 99999999999999"#, ("unknown", None)),
        ] {
            assert!(serde_json::from_str::<Value>(body).is_err());
            assert_eq!(verdict(400, body), expected, "{body}");
        }
    }

    #[test]
    fn samples_of_the_vendors_page_have_their_verdicts() {
        for (status, body, expected) in [
            (401, r#"{"error":"unauthorized","message":"Invalid or missing API token."}"#, ("token", None)),
            (401, "", ("token", None)),
            (401, r#"{"code": 104}"#, ("token", Some(104))),
            (400, r#"{"error":"MissingArgument","parameter":"ras_host","code":100}"#, ("request", Some(100))),
            (400, r#"[{"error":"MissingArgument","code":100},{"code":102}]"#, ("request", Some(100))),
            (400, r#"{"error":"ValueOutOfRange","parameter":"prime_session","code":101}"#, ("request", Some(101))),
            (400, r#"{"error":"InvalidRequest","code":201}"#, ("endpoint", Some(201))),
            (400, r#"{"error":"InvalidRequest","code":3002}"#, ("app", Some(3002))),
            (400, r#"{"error":"InvalidRequest","code":64435}"#, ("account", Some(6435))),
            (400, r#"{"error":"InvalidRequest","code":"5155"}"#, ("account", Some(5155))),
            (400, r#"{"error":"InvalidRequest","code":4000}"#, ("unknown", Some(4000))),
            (400, r#"{"error":"InvalidRequest"}"#, ("unknown", None)),
            (400, "", ("unknown", None)),
            (405, "", ("unknown", None)),
        ] {
            assert_eq!(verdict(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn every_error_is_kept_with_the_field_that_it_blames() {
        let errors = |body: &str| {
            let reply = read(400, body.as_bytes());
            reply.errors.iter().map(|error| (error.code.api, error.parameter)).collect::<Vec<_>>()
        };
        let two = r#"[{"parameter":"ras_host","code":100},{"parameter":"USERNAME","code":"102"},{"code":101},7]"#;
        assert_eq!(errors(two), [(100, "ras_host"), (102, "username"), (101, "")]);
        assert_eq!(errors(r#"{"parameter":"apikey","code":104}"#), [(104, "other")], "we send no such field");
        assert_eq!(errors(r#"{"parameter":" ","code":103}"#), [(103, "")]);
        // A comma is missing, as on the vendor's page.
        assert_eq!(errors("{\"parameter\": \"ttl\"\n \"code\": 101}"), [(101, "ttl")]);
        assert_eq!(errors(r#"{"parameter":"ttl"}"#), []);
        let many = format!("[{}]", [r#"{"code":100}"#; 500].join(","));
        assert_eq!(errors(&many).len(), MAX_ERRORS);
        let good = read(200, br#"{"userportal":"https://x","parameter":"ttl","code":101}"#);
        assert_eq!((good.verdict, good.errors), (Verdict::Ok, Vec::new()));
    }

    #[test]
    fn the_time_to_prime_is_optional_and_never_invented() {
        for (json, expected) in [
            (r#"{"userportal":"x","sessionprimetime":1500}"#, Some(1.5)),
            (r#"{"userportal":"x","sessionprimetime":"1500"}"#, Some(1.5)),
            (r#"{"userportal":"x","sessionprimetime":0}"#, Some(0.0)),
            (r#"{"userportal":"x","sessionprimetime":-1}"#, None),
            (r#"{"userportal":"x","sessionprimetime":"NaN"}"#, None),
            (r#"{"userportal":"x","sessionprimetime":null}"#, None),
            (r#"{"userportal":"x"}"#, None),
        ] {
            assert_eq!(read(200, json.as_bytes()).prime_seconds, expected, "{json}");
        }
    }
}
