//! TLS towards a server, as `http.tls` says.

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use crate::{
    config::{Pin, Tls},
    file,
};

/// The settings of a connection. Fails where a file cannot be used.
pub(super) fn config(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier(tls, &provider)?);
    let mut config = match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => {
            let unusable = || format!("{} and {}: not a certificate and its key in PEM", cert.display(), key.display());
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
            let key_der = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| unusable())?;
            let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(unusable)?;
            builder.with_client_auth_cert(chain, key_der).map_err(|error| format!("{}: {error}", cert.display()))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn verifier(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if tls.insecure_skip_verify {
        return Ok(Arc::new(NoVerifier { provider: Arc::clone(provider) }));
    }
    Ok(Arc::new(Fingerprinting { inner: checking(tls, provider)? }))
}

fn checking(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if let Some(pin) = tls.pin_sha256 {
        return Ok(Arc::new(PinVerifier { pin, provider: Arc::clone(provider) }));
    }
    let inner: Arc<dyn ServerCertVerifier> = match &tls.ca_file {
        Some(path) => WebPkiServerVerifier::builder_with_provider(Arc::new(roots(path)?), Arc::clone(provider))
            .build()
            .map_err(|error| format!("{}: {error}", path.display()))?,
        None => Arc::new(
            rustls_platform_verifier::Verifier::new(Arc::clone(provider))
                .map_err(|error| format!("the system's trust store: {error}"))?,
        ),
    };
    Ok(match &tls.server_name {
        None => inner,
        Some(name) => {
            let refused = |_| format!("server_name: {name} is not a host name");
            let name = ServerName::try_from(name.clone()).map_err(refused)?;
            Arc::new(ServerNameVerifier { name, inner, provider: Arc::clone(provider) })
        }
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed =
        |error| format!("cannot read {}: {error}; it is a certificate or key file of http.tls", path.display());
    file::read_pem(path).map_err(failed)
}

fn roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let unusable = || format!("{}: no certificate in PEM", path.display());
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    // A bundle may hold some that are too odd to be used.
    let (added, _) = roots.add_parsable_certificates(certificates.map_err(|_| unusable())?);
    if added == 0 { Err(unusable()) } else { Ok(roots) }
}

/// Checks the server's certificate against a fixed name instead of the host of the URL.
#[derive(Debug)]
struct ServerNameVerifier {
    name: ServerName<'static>,
    inner: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ServerNameVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// `pin_sha256`: takes one certificate, or those with one key, and no other. That the server has its key is checked as always.
#[derive(Debug)]
struct PinVerifier {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.pin.matches(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A certificate that is not trusted, and which one it is: only whoever checks it has seen it.
#[derive(Debug, thiserror::Error)]
#[error("{}", words(error, *is_self_signed))]
pub(super) struct Untrusted {
    /// Why not.
    pub error: CertificateError,
    /// Its SHA-256.
    pub fingerprint: Pin,
    /// Whether it names itself as the one that has signed it.
    pub is_self_signed: bool,
}

impl Untrusted {
    fn new(error: CertificateError, certificate: &[u8]) -> Untrusted {
        let parsed = x509_parser::parse_x509_certificate(certificate);
        let is_self_signed = parsed.is_ok_and(|(_, certificate)| certificate.issuer() == certificate.subject());
        Untrusted { error, fingerprint: Pin::of(certificate), is_self_signed }
    }
}

/// What `webpki` alone has a word for, rustls shows as it is made.
fn words(error: &CertificateError, is_self_signed: bool) -> String {
    let inner = match error {
        CertificateError::Other(OtherError(inner)) => inner.to_string(),
        // That of `PinVerifier`.
        CertificateError::ApplicationVerificationFailure => return "not the pinned one".to_owned(),
        error => return error.to_string(),
    };
    if is_self_signed { format!("self-signed ({inner})") } else { inner }
}

/// Adds the fingerprint to what the inner one has against a certificate.
#[derive(Debug)]
struct Fingerprinting {
    inner: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for Fingerprinting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp, now).map_err(|error| match error {
            rustls::Error::InvalidCertificate(error) => {
                let untrusted = Untrusted::new(error, end_entity);
                rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(untrusted))))
            }
            error => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// `insecure_skip_verify`: takes any certificate.
#[derive(Debug)]
struct NoVerifier {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for NoVerifier {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
