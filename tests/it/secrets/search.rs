//! Finds secrets in a text, in whatever form they travelled.

use std::fmt::Write as _;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// What is looked for.
#[derive(Debug, Default)]
pub struct Canaries(Vec<(String, Vec<String>)>);

impl Canaries {
    /// These secrets.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Canaries {
        let mut canaries = Canaries::default();
        secrets.into_iter().for_each(|secret| canaries.add(secret));
        canaries
    }

    /// One more.
    pub fn add(&mut self, secret: &str) {
        assert!(secret.len() >= 8, "{secret:?} could be there by chance");
        if self.0.iter().all(|(known, _)| known != secret) {
            self.0.push((secret.to_owned(), forms(secret)));
        }
    }

    /// Which of them the text contains: the secret, the form, and what stands around it.
    pub fn find(&self, text: &str) -> Vec<String> {
        let hits = self.0.iter().flat_map(|(secret, forms)| forms.iter().map(move |form| (secret, form)));
        hits.filter_map(|(secret, form)| {
            let at = text.find(form.as_str())?;
            let start = text.floor_char_boundary(at.saturating_sub(80));
            let end = text.ceil_char_boundary((at + form.len() + 40).min(text.len()));
            Some(format!("{secret} as {form}: …{}…", &text[start..end]))
        })
        .collect()
    }
}

/// Plain, its tell-tale part alone, quoted, and encoded as HTTP and XML do.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    if let Some(at) = secret.find("quagga") {
        forms.push(secret[at..].to_owned());
        forms.push(secret[..at].trim().to_owned());
    }
    let json = serde_json::Value::from(secret).to_string();
    forms.push(json.trim_matches('"').to_owned());
    forms.push(format!("{secret:?}").trim_matches('"').to_owned());
    forms.push(secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"));
    let mut percent = String::new();
    let mut hex = String::new();
    for byte in secret.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => percent.push(char::from(byte)),
            _ => {
                let _ = write!(percent, "%{byte:02X}");
            }
        }
    }
    forms.extend([percent.to_lowercase(), percent.replace("%20", "+"), percent, hex.to_uppercase(), hex]);
    // Within longer data, e.g. behind `user:`, base64 has one of three forms; the ends mix with the neighbours.
    for before in 0..3 {
        let padded = [&vec![0; before], secret.as_bytes()].concat();
        for engine in [STANDARD, URL_SAFE] {
            let whole = engine.encode(&padded);
            let start = [0, 2, 3][before];
            let end = padded.len() * 8 / 6;
            forms.push(whole[start..end].to_owned());
        }
    }
    forms.retain(|form| form.len() >= 6);
    forms.sort();
    forms.dedup();
    forms
}

#[test]
fn a_planted_secret_is_found_in_every_form() {
    const SECRET: &str = "p&ss \"w+rd/=<1> quaggaPLANTED";
    let canaries = Canaries::of([SECRET, "another-secret"]);
    let url = reqwest::Url::parse_with_params("http://x/", [("token", SECRET)]).expect("a URL");
    let planted = [
        format!("password is {SECRET}."),
        "the end: quaggaPLANTED".to_owned(),
        serde_json::json!({ "password": SECRET }).to_string(),
        format!("{:?}", Some(SECRET)),
        format!("Basic {}", STANDARD.encode(format!("user:{SECRET}"))),
        format!("Basic {}", STANDARD.encode(format!(":{SECRET}"))),
        format!("Basic {}", STANDARD.encode(format!("ab:{SECRET}:tail"))),
        format!("Basic {}", URL_SAFE.encode(format!("xyz:{SECRET}"))),
        url.to_string(),
        url.query_pairs().map(|(_, value)| value.into_owned()).collect(),
        SECRET.bytes().map(|byte| format!("{byte:02x}")).collect(),
        SECRET.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
    ];
    for text in planted {
        assert!(!canaries.find(&text).is_empty(), "{text}");
    }
    assert_eq!(canaries.find("nothing to see, <secret>, p&ss, another secret"), [""; 0]);
}
