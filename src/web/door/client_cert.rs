//! What the certificate of a client must be: the five policies of Go, and the names of `client_allowed_sans`.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
    time::ASN1Time,
};

use crate::config::web::{ClientAuth, TlsSettings};

/// Verifies clients.
#[derive(Debug)]
pub struct ClientVerifier {
    client_auth: ClientAuth,
    /// Names of the authorities, by which a client chooses among its certificates.
    hints: Vec<DistinguishedName>,
    /// Verifies the chain; nothing where there is no authority, and so no good certificate.
    chain: Option<Arc<dyn ClientCertVerifier>>,
    /// The authorities themselves. One that stands here and signs itself is good as a client's own.
    trusted: Vec<CertificateDer<'static>>,
    allowed_sans: Option<Vec<String>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientVerifier {
    /// The verifier of these settings; none where no certificate is asked for.
    pub fn new(settings: &TlsSettings, provider: &Arc<CryptoProvider>) -> Result<Option<ClientVerifier>, Error> {
        if !settings.client_auth.asks() {
            return Ok(None);
        }
        let trusted = match &settings.client_ca {
            Some(given) => given.clone(),
            // As Go does it.
            None if settings.client_auth.verifies() => rustls_native_certs::load_native_certs().certs,
            None => Vec::new(),
        };
        let mut roots = RootCertStore::empty();
        // The system may have some that nothing can read; those of the configuration were read before.
        roots.add_parsable_certificates(trusted.iter().cloned());
        let (hints, is_empty) = (roots.subjects(), roots.is_empty());
        let chain = match settings.client_auth.verifies() && !is_empty {
            true => {
                let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
                Some(builder.build().map_err(|error| Error::General(format!("client_ca: {error}")))?)
            }
            false => None,
        };
        // The names of a hundred public authorities would not help anybody to choose.
        let hints = if settings.client_ca.is_some() { hints } else { Vec::new() };
        Ok(Some(ClientVerifier {
            client_auth: settings.client_auth,
            hints,
            chain,
            trusted,
            allowed_sans: settings.client_allowed_sans.clone(),
            algorithms: provider.signature_verification_algorithms,
        }))
    }

    fn verify_chain(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // webpki takes no certificate of an authority as that of a client; Go does, where it is the very one it trusts.
        if self.trusted.iter().any(|trusted| trusted.as_ref() == certificate.as_ref()) {
            return verify_trusted(certificate, now);
        }
        match &self.chain {
            Some(chain) => chain.verify_client_cert(certificate, intermediates, now).map(|_| ()),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }
}

impl ClientCertVerifier for ClientVerifier {
    /// Where names are asked for, a client without a certificate has none of them.
    fn client_auth_mandatory(&self) -> bool {
        self.client_auth.requires() || self.allowed_sans.is_some()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.client_auth.verifies() {
            self.verify_chain(certificate, intermediates, now)?;
        }
        if let Some(allowed) = &self.allowed_sans
            && !names(certificate)?.iter().any(|name| allowed.contains(name))
        {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    let parsed = X509Certificate::from_der(certificate);
    parsed.map(|(_, parsed)| parsed).map_err(|_| CertificateError::BadEncoding.into())
}

/// A certificate that is trusted itself must be in date, and one for clients where it says what it is for.
fn verify_trusted(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed = parse(certificate)?;
    let now = i64::try_from(now.as_secs()).ok().and_then(|secs| ASN1Time::from_timestamp(secs).ok());
    let now = now.ok_or(CertificateError::BadEncoding)?;
    if now < parsed.validity().not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > parsed.validity().not_after {
        return Err(CertificateError::Expired.into());
    }
    match parsed.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.any || usage.value.client_auth => Ok(()),
        Ok(Some(_)) => Err(CertificateError::InvalidPurpose.into()),
        Err(_) => Err(CertificateError::BadEncoding.into()),
    }
}

/// Its alternative names of the four kinds, as they stand there; addresses in their usual form.
fn names(certificate: &CertificateDer<'_>) -> Result<Vec<String>, Error> {
    let parsed = parse(certificate)?;
    let extension = parsed.subject_alternative_name().map_err(|_| Error::from(CertificateError::BadEncoding))?;
    let names = extension.iter().flat_map(|extension| &extension.value.general_names);
    Ok(names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                Some((*name).to_owned())
            }
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect())
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(bytes).to_string());
    }
    let bytes = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::IpAddr::from(bytes).to_canonical().to_string())
}
