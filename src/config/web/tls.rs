//! `tls_server_config`: the certificate, what clients must show, and the terms of the handshake.

use std::{fmt, sync::Arc};

use rustls::{
    InconsistentKeys, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{SupportedKxGroup, aws_lc_rs},
    pki_types::CertificateDer,
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    ReadFiles,
    names::{self, Version},
    pem::{self, Given, Pem},
};
use crate::config::read::{Item, Section};

/// One of these is what HTTP/2 falls back to, so a list of suites without either is a mistake.
const HTTP2_SUITES: [&str; 2] = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];

/// What has to be asked of a client, by Go's names of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// `NoClientCert`: no certificate is asked for.
    None,
    /// `RequestClientCert`: one is asked for, need not come, and is not verified.
    Request,
    /// `RequireAnyClientCert`: one must come, and is not verified.
    RequireAny,
    /// `VerifyClientCertIfGiven`: one need not come, and is verified.
    VerifyIfGiven,
    /// `RequireAndVerifyClientCert`: one must come, and is verified.
    RequireAndVerify,
}

const CLIENT_AUTH: [(&str, ClientAuth); 6] = [
    ("NoClientCert", ClientAuth::None),
    ("RequestClientCert", ClientAuth::Request),
    ("RequireAnyClientCert", ClientAuth::RequireAny),
    // Its name in old versions of the toolkit.
    ("RequireClientCert", ClientAuth::RequireAny),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
];

/// The terms on which a TLS connection is made.
pub struct TlsSettings {
    /// Certificate and key, which belong together.
    pub certificate: Arc<CertifiedKey>,
    /// What is asked of a client.
    pub client_auth: ClientAuth,
    /// Whose certificates of clients are taken; `None`: those of the system's authorities.
    pub client_ca: Option<Vec<CertificateDer<'static>>>,
    /// One of these names must stand in the certificate of a client.
    pub client_allowed_sans: Option<Vec<String>>,
    /// Versions that are offered.
    pub versions: &'static [&'static SupportedProtocolVersion],
    /// Cipher suites, in the order in which they are preferred.
    pub cipher_suites: Vec<SupportedCipherSuite>,
    /// Whether our order of the suites counts, or that of the client.
    pub prefer_server_cipher_suites: bool,
    /// Curves, in the order in which they are preferred.
    pub curves: Vec<&'static dyn SupportedKxGroup>,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings").field("client_auth", &self.client_auth).finish_non_exhaustive()
    }
}

impl ClientAuth {
    /// Whether a certificate is asked for at all.
    pub fn asks(self) -> bool {
        self != ClientAuth::None
    }

    /// Whether one must come.
    pub fn requires(self) -> bool {
        matches!(self, ClientAuth::RequireAny | ClientAuth::RequireAndVerify)
    }

    /// Whether one that comes is verified.
    pub fn verifies(self) -> bool {
        matches!(self, ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify)
    }
}

/// Whether TLS is asked for: one of the settings that make no sense without is given.
pub(super) fn is_enabled(section: &Section<'_>) -> bool {
    const ENABLING: [&str; 7] =
        ["cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type"];
    // Each is asked for, so that none is unknown.
    ENABLING.iter().filter(|key| pem::filled(section, key).is_some()).count() > 0
}

/// Reads it all. `None` without TLS, or where an error was told.
pub(super) fn read(section: Section<'_>, http2: bool, files: &ReadFiles) -> Option<TlsSettings> {
    let is_enabled = is_enabled(&section);
    let certificate = is_enabled.then(|| certificate(&section, files)).flatten();
    let client_auth = pem::filled(&section, "client_auth_type").and_then(|item| item.choice(&CLIENT_AUTH));
    let client_auth = client_auth.unwrap_or(ClientAuth::None);
    let client_ca = client_ca(&section, client_auth, files);
    let client_allowed_sans = allowed_sans(&section, client_auth);
    let oldest = pem::filled(&section, "min_version").and_then(|item| names::version(&item));
    let newest = pem::filled(&section, "max_version").and_then(|item| names::version(&item));
    let (oldest, newest) = (oldest.unwrap_or(Version::Tls12), newest.unwrap_or(Version::Tls13));
    // Constants, which live as long as the program.
    const ONLY_TLS12: &[&SupportedProtocolVersion] = &[&TLS12];
    const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];
    const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
    let versions = match (oldest, newest) {
        (Version::Tls12, Version::Tls12) => ONLY_TLS12,
        (Version::Tls13, Version::Tls13) => ONLY_TLS13,
        (Version::Tls12, Version::Tls13) => BOTH,
        (Version::Tls13, Version::Tls12) => {
            section.error_of("max_version", "is older than min_version, so no version is left");
            BOTH
        }
    };
    let cipher_suites = cipher_suites(&section, http2 && oldest < Version::Tls13);
    let prefer_server_cipher_suites = section.bool("prefer_server_cipher_suites", true);
    let curves: Vec<_> = section.list("curve_preferences").iter().filter_map(names::curve).collect();
    section.finish();
    Some(TlsSettings {
        certificate: certificate?,
        client_auth,
        client_ca,
        client_allowed_sans,
        versions,
        cipher_suites,
        prefer_server_cipher_suites,
        curves: if curves.is_empty() { aws_lc_rs::DEFAULT_KX_GROUPS.to_vec() } else { curves },
    })
}

/// The certificate with its key.
fn certificate(section: &Section<'_>, files: &ReadFiles) -> Option<Arc<CertifiedKey>> {
    let certificate = required(section, "cert", "cert_file", files);
    let key = required(section, "key", "key_file", files);
    let chain = certificate.as_ref().and_then(Pem::certificates);
    let der = key.as_ref().and_then(Pem::private_key);
    let (certificate, key, chain, der) = (certificate?, key?, chain?, der?);
    let private_key = match aws_lc_rs::sign::any_supported_type(&der) {
        Ok(private_key) => private_key,
        Err(_) => {
            key.item
                .error("this kind of key cannot be used; RSA from 2048 bits on, P-256, P-384, P-521 and Ed25519 can");
            return None;
        }
    };
    warn_of_dates(&certificate.item, &chain);
    let certified = CertifiedKey::new(chain, private_key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Some(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            key.item.error("this key does not belong to the certificate; its own certificate comes first in the chain");
            None
        }
        Err(error) => {
            certificate.item.error(format!("this certificate cannot be used: {error}"));
            None
        }
    }
}

/// One of two settings that must be there.
fn required<'a>(section: &Section<'a>, inline: &'static str, file: &'static str, files: &ReadFiles) -> Option<Pem<'a>> {
    match pem::given(section, inline, file, files) {
        Given::Pem(pem) => Some(pem),
        Given::Broken => None,
        Given::Nothing => {
            let message = format!("missing one of {inline} or {file}");
            match section.get(inline).or_else(|| section.get(file)) {
                Some(item) => item.error(message),
                None => section.error(file, message),
            }
            None
        }
    }
}

/// A certificate that is out of date is served all the same, as clients may not care; most of them do.
fn warn_of_dates(item: &Item<'_>, chain: &[CertificateDer<'static>]) {
    let Some(Ok((_, certificate))) = chain.first().map(|der| X509Certificate::from_der(der)) else { return };
    let (validity, now) = (certificate.validity(), x509_parser::time::ASN1Time::now());
    if now > validity.not_after {
        item.warn(format!("the certificate has expired ({}), so most clients refuse it", validity.not_after));
    } else if now < validity.not_before {
        item.warn(format!("the certificate is not valid before {}, so most clients refuse it", validity.not_before));
    }
}

fn client_ca(
    section: &Section<'_>,
    client_auth: ClientAuth,
    files: &ReadFiles,
) -> Option<Vec<CertificateDer<'static>>> {
    match pem::given(section, "client_ca", "client_ca_file", files) {
        Given::Pem(pem) => {
            if !client_auth.asks() {
                pem.item.error(
                    "a client CA is given, and client_auth_type asks for no certificate; set client_auth_type: RequireAndVerifyClientCert",
                );
            } else if !client_auth.verifies() {
                pem.item.warn("has no effect: this client_auth_type takes any certificate, and RequireAndVerifyClientCert verifies it");
            }
            pem.certificates()
        }
        Given::Nothing if client_auth.verifies() => {
            if let Some(item) = section.get("client_auth_type") {
                item.warn(
                    "without client_ca_file every certificate is taken that an authority of the system has issued; give your own",
                );
            }
            None
        }
        Given::Nothing | Given::Broken => None,
    }
}

fn allowed_sans(section: &Section<'_>, client_auth: ClientAuth) -> Option<Vec<String>> {
    let item = section.get("client_allowed_sans")?;
    let items = item.list();
    if items.is_empty() && item.node.kind() == "a list" {
        item.error("is empty, so no client could connect; name who may, or take it out");
    } else if !client_auth.asks() {
        item.error(
            "has no effect: client_auth_type asks for no certificate; set client_auth_type: RequireAndVerifyClientCert",
        );
    }
    Some(items.iter().filter_map(Item::filled).collect())
}

/// Those of TLS 1.3 are always there: as in Go, the list is about the versions before.
fn cipher_suites(section: &Section<'_>, needs_http2_suite: bool) -> Vec<SupportedCipherSuite> {
    let items = section.list("cipher_suites");
    if items.is_empty() {
        return aws_lc_rs::DEFAULT_CIPHER_SUITES.to_vec();
    }
    let given: Vec<SupportedCipherSuite> = items.iter().filter_map(names::cipher_suite).collect();
    let named = |suite: &SupportedCipherSuite| suite.suite().as_str().is_some_and(|name| HTTP2_SUITES.contains(&name));
    if needs_http2_suite && given.len() == items.len() && !given.iter().any(named) {
        section.error_of(
            "cipher_suites",
            format!("HTTP/2 needs {}; add one, or set http_server_config.http2: false", HTTP2_SUITES.join(" or ")),
        );
    }
    let newest = aws_lc_rs::DEFAULT_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_some()).copied();
    newest.chain(given.into_iter().filter(|suite| suite.tls13().is_none())).collect()
}
