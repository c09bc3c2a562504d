//! What versions, cipher suites and curves are called in Go, and which of them rustls has.

use rustls::{
    SupportedCipherSuite,
    crypto::{SupportedKxGroup, aws_lc_rs},
};

use crate::config::read::{Item, closest};

/// Cipher suites that Go has and rustls has not, on purpose.
const CIPHERS_NOT_HERE: [&str; 14] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_RC4_128_SHA",
];

/// Curves by Go's names, in the order in which they are preferred where none are given.
fn curves() -> [(&'static str, &'static dyn SupportedKxGroup); 4] {
    use aws_lc_rs::kx_group;
    [
        ("X25519MLKEM768", kx_group::X25519MLKEM768),
        ("X25519", kx_group::X25519),
        ("CurveP256", kx_group::SECP256R1),
        ("CurveP384", kx_group::SECP384R1),
    ]
}

/// Which versions of TLS there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

/// A version by its name in the toolkit.
pub(super) fn version(item: &Item<'_>) -> Option<Version> {
    let here = [("TLS12", Version::Tls12), ("TLS13", Version::Tls13)];
    find(item, "TLS version", &here, &["TLS10", "TLS11"])
}

/// A cipher suite by its name in Go, which has no 13 in those of TLS 1.3.
pub(super) fn cipher_suite(item: &Item<'_>) -> Option<SupportedCipherSuite> {
    let suites = aws_lc_rs::ALL_CIPHER_SUITES.iter();
    let names: Vec<(String, SupportedCipherSuite)> = suites.map(|suite| (go_name(suite), *suite)).collect();
    let here: Vec<(&str, SupportedCipherSuite)> = names.iter().map(|(name, suite)| (name.as_str(), *suite)).collect();
    find(item, "cipher suite", &here, &CIPHERS_NOT_HERE)
}

/// A curve by its name in Go.
pub(super) fn curve(item: &Item<'_>) -> Option<&'static dyn SupportedKxGroup> {
    find(item, "curve", &curves(), &["CurveP521"])
}

fn go_name(suite: &SupportedCipherSuite) -> String {
    suite.suite().as_str().unwrap_or_default().replacen("TLS13_", "TLS_", 1)
}

/// Finds what has this name, or says what there is.
fn find<T: Copy>(item: &Item<'_>, what: &str, here: &[(&str, T)], not_here: &[&str]) -> Option<T> {
    let text = item.text()?;
    let found = here.iter().find(|(name, _)| *name == text);
    if let Some((_, found)) = found {
        return Some(*found);
    }
    let names: Vec<&str> = here.iter().map(|(name, _)| *name).collect();
    let all = names.join(", ");
    let message = match not_here.contains(&text.as_str()) {
        true => format!("the {what} {text} is not implemented here, as it is weak or rare; there are {all}"),
        false => {
            let hint = closest(&text, names).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            format!("unknown {what} {text:?}; there are {all}{hint}")
        }
    };
    item.error(message);
    None
}
