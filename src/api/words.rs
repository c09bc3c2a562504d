//! What a server said, in a form that may stand in a message: short, on one line, and without what may be a secret.

use base64::{Engine, engine::general_purpose::STANDARD};

use serde_json::Value;

use crate::{config::secret::SecretText, http::Refused, printable::printable};

/// As many characters of an answer are quoted.
const QUOTED: usize = 200;

/// As much of an answer is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// Runs of letters and digits from this length on are taken for tokens.
const TOKEN: usize = 20;

/// Parts of names whose values may be secrets.
const SECRET_NAMES: [&str; 6] = ["token", "secret", "password", "ticket", "session", "cookie"];

const HIDDEN: &str = "<secret>";

/// The first characters of an answer, on one line, without the credentials and without what looks like a token.
pub fn quote(body: &[u8], username: &str, secret: &SecretText) -> String {
    let whole = body.len() <= LOOKED_AT;
    let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
    // A secret that is cut in two would not be found.
    let end = if whole { text.len() } else { text.floor_char_boundary(text.len().saturating_sub(512)) };
    let text = without_credentials(&text[..end], username, secret);
    let text = without_tokens(&without_named_secrets(text.trim()));
    one_line(&text, QUOTED)
}

/// The first characters of what a server said that refused a request, without what it had been sent and what looks like a token.
pub fn refused(refused: &Refused) -> String {
    let text = String::from_utf8_lossy(refused.body());
    let text = refused.secrets().iter().fold(text.into_owned(), |text, secret| without_credentials(&text, "", secret));
    let text = without_tokens(&without_named_secrets(text.trim()));
    one_line(&text.split_whitespace().collect::<Vec<_>>().join(" "), QUOTED)
}

/// The words of a server in an object of JSON: the first of these fields that has a text, in any case of its name. Of a list
/// its first object counts.
pub fn in_fields(body: &[u8], fields: &[&str]) -> Option<String> {
    if body.len() > LOOKED_AT {
        return None;
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value: Value = serde_json::from_slice(body).ok()?;
    let object = value.as_array().map_or(Some(&value), |list| list.first())?.as_object()?;
    let field = |name: &&str| {
        let (_, value) = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        value.as_str().filter(|text| !text.trim().is_empty())
    };
    fields.iter().find_map(field).map(shown)
}

/// The first characters of a text of a server's, on one line, without what looks like a token.
pub fn shown(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(LOOKED_AT)];
    one_line(&without_tokens(&without_named_secrets(text.trim())), QUOTED)
}

/// A message with the words of a server behind it, where there are any.
pub fn add(message: &mut String, words: Option<String>) {
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        *message += &format!(": \"{words}\"");
    }
}

/// A text without the credentials in any of the ways in which they are sent.
pub fn without_credentials(text: &str, username: &str, secret: &SecretText) -> String {
    let exposed = secret.expose();
    if exposed.is_empty() {
        return text.to_owned();
    }
    let encoded: String = form_urlencoded::byte_serialize(exposed.as_bytes()).collect();
    let json = serde_json::Value::from(exposed).to_string();
    let forms = [
        STANDARD.encode(format!("{username}:{exposed}")),
        STANDARD.encode(exposed),
        exposed.to_owned(),
        encoded.replace('+', "%20"),
        encoded,
        json.trim_matches('"').to_owned(),
        escape_xml(exposed),
    ];
    forms.iter().filter(|form| !form.is_empty()).fold(text.to_owned(), |text, form| text.replace(form.as_str(), HIDDEN))
}

fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Hides the values of `"authToken": "…"` and `<token>…</token>`: an answer that cannot be read may hold a session.
fn without_named_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end)) = next_value(rest) {
        out.push_str(&rest[..start]);
        out.push_str(HIDDEN);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Where the next value of such a name begins and ends.
fn next_value(text: &str) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let at = SECRET_NAMES.iter().filter_map(|name| Some(from + lower[from..].find(name)?)).min()?;
        if text[..at].ends_with('<') && text[at - 1..].starts_with(HIDDEN) {
            from = at + HIDDEN.len() - 1;
            continue;
        }
        // To the end of the name.
        let name_end = at + lower[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')?;
        let behind = &text[name_end..];
        let value = behind.strip_prefix('"').unwrap_or(behind).trim_start();
        let (value, stops): (_, &[char]) = if let Some(value) = value.strip_prefix('>') {
            (value, &['<'])
        } else if let Some(value) = value.strip_prefix([':', '=']).map(str::trim_start) {
            match value.strip_prefix('"') {
                Some(value) => (value, &['"']),
                None => (value, &[',', '}', '&', ' ', '\r', '\n', '<']),
            }
        } else {
            from = name_end;
            continue;
        };
        let start = text.len() - value.len();
        let end = start + value.find(stops).unwrap_or(value.len());
        if end > start && !text[start..].starts_with(HIDDEN) {
            return Some((start, end));
        }
        from = end.max(name_end);
    }
}

/// Hides what is as long as no word is, and has digits in it.
fn without_tokens(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-' | '.' | '~');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = start + rest[start..].find(|c| !is_part(c)).unwrap_or(rest.len() - start);
        let run = &rest[start..end];
        let hidden = run.len() >= TOKEN && run.bytes().any(|byte| byte.is_ascii_digit());
        out.push_str(&rest[..start]);
        out.push_str(if hidden { HIDDEN } else { run });
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// The first characters of a text on one line: what a terminal would obey, show in another order or not show at all is escaped,
/// and counts as long as it is then.
pub fn one_line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut left = most;
    for c in text.chars() {
        let mut buffer = [0; 4];
        let shown = match c {
            '\u{200b}'..='\u{200d}' | '\u{feff}' => c.escape_default().to_string().into(),
            c => printable(c.encode_utf8(&mut buffer)),
        };
        let length = shown.chars().count();
        if length > left {
            break;
        }
        left -= length;
        out.push_str(&shown);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_refusal_are_found_in_any_case_and_shown_without_tokens() {
        let found = |body: &str| in_fields(body.as_bytes(), &["msg", "detail"]);
        for (body, expected) in [
            (r#"{"code":0,"msg":"Access is denied."}"#, Some("Access is denied.")),
            (r#"{"Detail":"no\nright \u001b[31m","MSG":" "}"#, Some("no\\nright \\u{1b}[31m")),
            ("\u{feff}[{\"msg\":\"first\"},{\"msg\":\"second\"}]", Some("first")),
            (r#"{"msg":"sent eyJhbGciOiJIUzI1NiJ9.e30.x"}"#, Some("sent <secret>")),
            (r#"{"msg":7}"#, None),
            ("<html>", None),
            ("[]", None),
        ] {
            assert_eq!(found(body).as_deref(), expected, "{body}");
        }
        assert_eq!(found(&format!(r#"{{"msg":"{}"}}"#, "ä".repeat(1000))).expect("words").chars().count(), QUOTED);
        assert_eq!(found(&format!(r#"{{"msg":"{}"}}"#, "x".repeat(LOOKED_AT))), None);
    }

    #[test]
    fn a_quote_is_one_short_line_without_secrets() {
        let quote = |text: &str| super::quote(text.as_bytes(), "monitor", &SecretText::new("Kanarien&\"vogel"));
        for (text, expected) in [
            ("Konto gesperrt", "Konto gesperrt"),
            (" \r\na\nb\u{1b}[31m\u{202e}c", "a\\nb\\u{1b}[31m\\u{202e}c"),
            ("you sent Kanarien&\"vogel", "you sent <secret>"),
            ("pw=Kanarien%26%22vogel&x", "pw=<secret>&x"),
            (r#"{"p":"Kanarien&\"vogel"}"#, r#"{"p":"<secret>"}"#),
            ("<p>Kanarien&amp;&quot;vogel</p>", "<p><secret></p>"),
            ("Basic bW9uaXRvcjpLYW5hcmllbiYidm9nZWw=", "Basic <secret>"),
            (
                r#"{"AuthToken": "t+1=", "sessionId":7, "code":0}"#,
                r#"{"AuthToken": "<secret>", "sessionId":<secret>, "code":0}"#,
            ),
            ("<a:token> abc </a:token><b/>", "<a:token><secret></a:token><b/>"),
            ("id eyJhbGciOiJIUzI1NiJ9.e30.x!", "id <secret>!"),
            ("", ""),
        ] {
            assert_eq!(quote(text), expected, "{text}");
        }
        assert_eq!(quote(&"ä".repeat(100_000)).chars().count(), QUOTED);
        let long = "Kanarien&\"vogel".repeat(100_000);
        assert!(!quote(&long).contains("Kanarien"));
    }
}
