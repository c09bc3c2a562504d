//! Connections: built from the TLS and proxy settings, shared by all targets with the same ones.
//!
//! Each set of settings costs a copy of the system's trust store; ten thousand agents of one site have one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, SystemTime},
};

use reqwest::{Certificate, Identity};
use rustls::{
    DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::resolver::Resolver;
use crate::{
    config::{Http, Proxy, Tls, environment::ProxyEnvironment},
    descriptors,
    failure::{Failure, Reason},
    file,
};

/// When the certificate and key files were last changed, and whether connections may be kept open: the settings are the same
/// only while these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileTimes {
    changed: Vec<Option<SystemTime>>,
    keeps_connections: bool,
}

impl FileTimes {
    pub(super) fn of(settings: &Http) -> FileTimes {
        let files = [&settings.tls.ca_file, &settings.tls.cert_file, &settings.tls.key_file];
        let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        FileTimes {
            changed: files.into_iter().flatten().map(changed).collect(),
            keeps_connections: !descriptors::are_scarce(),
        }
    }
}

type Shared = Vec<(Http, FileTimes, reqwest::Client)>;
static SHARED: LazyLock<Mutex<Shared>> = LazyLock::new(Mutex::default);

/// As many different settings are kept; the oldest is let go, and its clients keep their own connections.
const KEPT: usize = 64;

/// The connections for these settings, new ones where a file changed.
pub(super) fn shared(settings: &Http) -> Result<(FileTimes, reqwest::Client), Failure> {
    let key = Http { headers: Vec::new(), allow_cleartext_credentials: false, ..settings.clone() };
    let file_times = FileTimes::of(settings);
    let mut shared = SHARED.lock().unwrap_or_else(|e| e.into_inner());
    if let Some((_, _, client)) = shared.iter().find(|(http, at, _)| *http == key && *at == file_times) {
        return Ok((file_times, client.clone()));
    }
    let client = build(&key, file_times.keeps_connections).map_err(|message| Failure::new(Reason::Tls, message))?;
    shared.retain(|(http, _, _)| *http != key);
    if shared.len() >= KEPT {
        shared.remove(0);
    }
    shared.push((key, file_times.clone(), client.clone()));
    Ok((file_times, client))
}

/// Makes rustls use aws-lc-rs, once for the process; reqwest panics without.
pub fn install_crypto() {
    // An error says that it was installed before, which is what is wanted.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn build(settings: &Http, keeps_connections: bool) -> Result<reqwest::Client, String> {
    install_crypto();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
        .tls_info(true)
        .dns_resolver(Resolver::of_process())
        .pool_max_idle_per_host(if keeps_connections { usize::MAX } else { 0 })
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(90));
    builder = match &settings.proxy {
        Proxy::Environment => match ProxyEnvironment::current() {
            Ok(environment) if environment.names_proxy() => {
                builder.proxy(reqwest::Proxy::custom(|url| environment.proxy_of(url).cloned()))
            }
            // Where the environment names none, the system may: Windows and macOS do.
            Ok(_) => builder,
            Err(bad) => return Err(bad.iter().map(|bad| format!("{} {}", bad.name, bad.message)).collect()),
        },
        Proxy::None => builder.no_proxy(),
        Proxy::Url(url) => {
            builder.proxy(reqwest::Proxy::all(url.clone()).map_err(|e| format!("proxy_url: {}", e.without_url()))?)
        }
    };
    let tls = &settings.tls;
    builder = match &tls.server_name {
        Some(name) if !tls.insecure_skip_verify => builder.tls_backend_preconfigured(verifying_name(tls, name)?),
        _ => {
            if let Some(path) = &tls.ca_file {
                builder = builder.tls_certs_only(authorities(path)?);
            }
            if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
                let mut pem = read(cert)?;
                pem.extend_from_slice(b"\n");
                pem.extend(read(key)?);
                let identity = Identity::from_pem(&pem).map_err(|_| {
                    format!("{} and {}: not a certificate and its key in PEM", cert.display(), key.display())
                })?;
                builder = builder.identity(identity);
            }
            builder.tls_danger_accept_invalid_certs(tls.insecure_skip_verify)
        }
    };
    builder.build().map_err(|error| match std::error::Error::source(&error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed =
        |error| format!("cannot read {}: {error}; it is a certificate or key file of http.tls", path.display());
    file::read(path, file::LONGEST_SECRET).map_err(failed)
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, String> {
    match Certificate::from_pem_bundle(&read(path)?) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(format!("{}: no certificate in PEM", path.display())),
    }
}

/// TLS for a server whose certificate carries another name than its URL.
fn verifying_name(tls: &Tls, name: &str) -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let name = ServerName::try_from(name.to_owned()).map_err(|_| format!("server_name: {name} is not a host name"))?;
    let inner: Arc<dyn ServerCertVerifier> = match &tls.ca_file {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&read(path)?) {
                let certificate = certificate.map_err(|_| format!("{}: no certificate in PEM", path.display()))?;
                roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => Arc::new(
            rustls_platform_verifier::Verifier::new(Arc::clone(&provider))
                .map_err(|error| format!("the system's trust store: {error}"))?,
        ),
    };
    let verifier = Arc::new(ServerNameVerifier { name, inner, provider: Arc::clone(&provider) });
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
            let chain = chain.map_err(|_| format!("{}: no certificate in PEM", cert.display()))?;
            let key_der =
                PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| format!("{}: no key in PEM", key.display()))?;
            builder.with_client_auth_cert(chain, key_der).map_err(|error| format!("{}: {error}", cert.display()))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
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
