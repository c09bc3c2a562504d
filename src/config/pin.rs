//! `http.tls.pin_sha256`: the SHA-256 of a certificate, or of its public key, that is trusted whoever has signed it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Pin {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Pin(hash)
    }

    /// Whether it is that of this certificate (DER) as a whole, as browsers and OpenSSL show it, or of its public key alone
    /// (SubjectPublicKeyInfo), which a renewed certificate may keep.
    pub fn matches(self, certificate: &[u8]) -> bool {
        if self == Pin::of(certificate) {
            return true;
        }
        let parsed = x509_parser::parse_x509_certificate(certificate);
        parsed.is_ok_and(|(_, certificate)| self == Pin::of(certificate.public_key().raw))
    }

    /// Reads 64 hexadecimal digits, with colons between the bytes or without, or Base64 with or without `sha256//` in front; also
    /// the line that `openssl x509 -fingerprint` prints, with `Fingerprint=` before the digits.
    pub fn parse(text: &str) -> Result<Pin, &'static str> {
        let text = text.rsplit_once("ingerprint=").map_or(text, |(_, digits)| digits).trim();
        let hex: String = text.chars().filter(|c| *c != ':').collect();
        let bytes = if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok();
            (0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>()
        } else {
            STANDARD.decode(text.strip_prefix("sha256//").unwrap_or(text)).ok()
        };
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Pin).ok_or("must be a SHA-256: 64 hexadecimal digits, with colons or without, or Base64")
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_pin_is_read_in_each_of_its_spellings() {
        // Of no bytes at all, by FIPS 180-4.
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let colons = hex.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).expect("ASCII").to_uppercase());
        let colons = colons.collect::<Vec<_>>().join(":");
        let base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let printed = format!("sha256 Fingerprint={colons}");
        for text in [hex, &colons, base64, &format!("sha256//{base64}"), &format!(" {hex}\n"), &printed] {
            assert_eq!(Pin::parse(text), Ok(Pin::of(b"")), "{text}");
        }
        assert_eq!(Pin::of(b"").to_string(), hex);
        for text in ["", "e3b0", &hex[1..], &format!("{hex}00"), &hex.replace('e', "g"), "AAAA", "sha256//", "ééé"] {
            assert!(Pin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_certificate_is_known_by_itself_and_by_its_key() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let make = |name: &str| {
            let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
            params.self_signed(&key).expect("a certificate")
        };
        let (one, renewed) = (make("mc.example.com"), make("mc.example.org"));
        let of_key = Pin::of(&rcgen::PublicKeyData::subject_public_key_info(&key));
        assert!(Pin::of(one.der()).matches(one.der()) && !Pin::of(one.der()).matches(renewed.der()));
        assert!(of_key.matches(one.der()) && of_key.matches(renewed.der()));
        assert!(!of_key.matches(b"no certificate"));
    }

    #[test]
    fn a_pin_goes_before_a_ca_of_the_level_above_and_the_other_way_round() {
        let (one, two) = ("a".repeat(64), "b".repeat(64));
        let pin = |above: &str, own: &str| {
            let text = format!(
                "http: {{ tls: {above} }}\ntargets: [{{ name: a, vendor: resilio, url: 'https://a', http: {{ tls: {own} }} }}]"
            );
            Config::parse(&text, "rollcall.yml", Path::new("")).map(|config| {
                let tls = &config.targets[0].http.tls;
                (tls.pin_sha256.map(|pin| pin.to_string()), tls.insecure_skip_verify)
            })
        };
        let pinned = |pin: &str| Ok((Some(pin.to_owned()), false));
        let said = |above: &str, own: &str| pin(above, own).map_err(|errors| errors.to_string());
        let [above, own] = [&one, &two].map(|pin| format!("{{ pin_sha256: {pin} }}"));
        assert_eq!(said(&above, "{}"), pinned(&one));
        assert_eq!(said(&above, &own), pinned(&two));
        assert_eq!(said("{ insecure_skip_verify: true }", &own), pinned(&two));
        assert_eq!(said(&above, "{ insecure_skip_verify: true }"), Ok((None, true)));
        assert_eq!(said(&above, "{ pin_sha256: '' }"), Ok((None, false)));
        for wrong in ["{ pin_sha256: abc }", format!("{{ pin_sha256: {one}, insecure_skip_verify: true }}").as_str()] {
            assert!(said("{}", wrong).is_err_and(|errors| errors.contains("pin_sha256: ")), "{wrong}");
        }
    }
}
