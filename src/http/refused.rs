//! What a server said when it refused a request, with the secrets that it had been sent: it may repeat them.

use std::{borrow::Cow, fmt};

use bytes::Bytes;

use super::Answer;
use crate::config::secret::SecretText;

/// As much of an answer is kept, in bytes.
const KEPT: usize = 4096;

/// A secret that may begin before the cut is left out.
const MARGIN: usize = 512;

/// What is shorter is no secret, and would tear words apart.
const SHORTEST: usize = 3;

/// The beginning of an answer that is no data. It may hold secrets; [`words`](crate::api::words) shows it without them.
#[derive(Clone)]
pub struct Refused {
    body: Bytes,
    secrets: Vec<SecretText>,
}

/// Nothing of it is shown.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").finish_non_exhaustive()
    }
}

impl Refused {
    /// That of an answer which is no success, or a page for people; `None` where it is neither, or says nothing.
    pub(super) fn of(answer: &Answer, sent: &Sent) -> Option<Refused> {
        if answer.status.is_success() && !answer.is_html() {
            return None;
        }
        let page = answer.page();
        let end = if page.len() > KEPT { KEPT - MARGIN } else { page.len() };
        let body = Bytes::copy_from_slice(&page[..end]);
        (!body.trim_ascii().is_empty()).then(|| Refused { body, secrets: sent.secrets() })
    }

    /// The beginning of the body as it came.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What must not be shown of it.
    pub fn secrets(&self) -> &[SecretText] {
        &self.secrets
    }
}

/// The secrets of a request.
#[derive(Debug, Default)]
pub(super) struct Sent {
    texts: Vec<SecretText>,
    body: Option<SecretBody>,
}

struct SecretBody(Bytes);

impl fmt::Debug for SecretBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Sent {
    /// A secret that is sent.
    pub fn add(&mut self, secret: &SecretText) {
        self.texts.push(secret.clone());
    }

    /// A body with secrets in it.
    pub fn add_body(&mut self, body: &Bytes) {
        self.body = Some(SecretBody(body.clone()));
    }

    /// Each of them, and their parts: `Bearer x` is also `x`, a form is its values.
    fn secrets(&self) -> Vec<SecretText> {
        let mut all: Vec<String> = Vec::new();
        for text in &self.texts {
            let text = text.expose();
            all.push(text.to_owned());
            let parts = text.split([' ', ';']).map(|part| part.split_once('=').map_or(part, |(_, value)| value));
            all.extend(parts.map(str::to_owned));
        }
        if let Some(SecretBody(body)) = &self.body {
            match serde_json::from_slice(body) {
                Ok(value) => strings(&value, &mut all),
                Err(_) => all.extend(form_urlencoded::parse(body).map(|(_, value)| value).map(Cow::into_owned)),
            }
        }
        all.retain(|text| text.len() >= SHORTEST);
        // What holds another one is taken out before it.
        all.sort_by_key(|text| std::cmp::Reverse(text.len()));
        all.dedup();
        all.into_iter().map(SecretText::new).collect()
    }
}

fn strings(value: &serde_json::Value, out: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => out.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| strings(field, out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_what_is_sent_are_secrets_too() {
        let mut sent = Sent::default();
        sent.add(&SecretText::new("Bearer canary-1"));
        sent.add(&SecretText::new("session=canary-2; path=/"));
        sent.add_body(&Bytes::from_static(b"user=me&password=canary%263"));
        let found: Vec<String> = sent.secrets().iter().map(|secret| secret.expose().to_owned()).collect();
        for secret in ["canary-1", "canary-2", "canary&3"] {
            assert!(found.iter().any(|text| text == secret), "{secret}: {found:?}");
        }
        sent.add_body(&Bytes::from_static(br#"{"a":[{"password":"canary\"4"}],"b":7}"#));
        assert!(sent.secrets().iter().any(|secret| secret.expose() == "canary\"4"));
        assert!(!format!("{sent:?}").contains("canary"));
    }
}
