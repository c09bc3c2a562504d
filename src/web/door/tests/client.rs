//! A client that chooses the terms of its handshake.

use std::{sync::Arc, time::Duration};

use rcgen::Certificate;
use rustls::{
    ClientConfig, RootCertStore, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Nothing here takes as long, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was answered, and by whom.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub cipher_suite: String,
    pub certificate: CertificateDer<'static>,
}

/// A client.
pub struct Client {
    address: String,
    roots: RootCertStore,
    provider: CryptoProvider,
    versions: Vec<&'static SupportedProtocolVersion>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Client {
    pub fn new(address: &str, authority: &Certificate) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("an authority");
        let (address, provider) = (address.to_owned(), aws_lc_rs::default_provider());
        Client { address, roots, provider, versions: vec![&TLS13, &TLS12], identity: None }
    }

    pub fn versions(mut self, versions: &[&'static SupportedProtocolVersion]) -> Client {
        self.versions = versions.to_vec();
        self
    }

    pub fn cipher_suites(mut self, suites: &[SupportedCipherSuite]) -> Client {
        self.provider.cipher_suites = suites.to_vec();
        let has = |version: &SupportedProtocolVersion| suites.iter().any(|suite| suite.version() == version);
        self.versions.retain(|version| has(version));
        self
    }

    pub fn curves(mut self, curves: &[&'static dyn SupportedKxGroup]) -> Client {
        self.provider.kx_groups = curves.to_vec();
        self
    }

    pub fn showing(mut self, issued: &crate::config::web::tests::pki::Issued) -> Client {
        self.identity = Some((issued.chain(), issued.key()));
        self
    }

    pub async fn get(self, path: &str) -> Result<Answer, String> {
        self.get_with(path, &[]).await
    }

    /// One request. What fails, in the handshake or behind it, is told in the words of rustls.
    pub async fn get_with(self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        let builder = ClientConfig::builder_with_provider(Arc::new(self.provider));
        let builder = builder.with_protocol_versions(&self.versions).expect("a suite for each version");
        let builder = builder.with_root_certificates(self.roots);
        let config = match self.identity {
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain, key).expect("the key is that of the certificate")
            }
            None => builder.with_no_client_auth(),
        };
        let asked = async {
            let socket = TcpStream::connect(&self.address).await?;
            let name = ServerName::try_from("localhost").expect("a name");
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
            // With TLS 1.3 a client hears only now that its certificate is refused.
            let head = exchange(&mut stream, path, headers).await?;
            let session = stream.get_ref().1;
            let suite = session.negotiated_cipher_suite().expect("the handshake is over").suite();
            let certificate = session.peer_certificates().and_then(<[_]>::first).expect("a server has one");
            Ok::<_, std::io::Error>(Answer {
                status: head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0),
                cipher_suite: suite.as_str().unwrap_or_default().to_owned(),
                certificate: certificate.clone().into_owned(),
                head,
            })
        };
        let answer = timeout(PATIENCE, asked).await.expect("it answers");
        answer.map_err(|error| format!("{error:?}"))
    }
}

/// A request by plain HTTP: what is answered, head and body.
pub async fn http_get(address: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let asked = async {
        let mut socket = TcpStream::connect(address).await?;
        exchange(&mut socket, path, headers).await
    };
    timeout(PATIENCE, asked).await.expect("it answers").expect("it answers by HTTP")
}

async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
    headers: &[(&str, &str)],
) -> std::io::Result<String> {
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
    request += "\r\n";
    // A server that refuses may have closed by now; what it said is read all the same.
    let sent = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    if answer.is_empty() {
        read?;
        sent?;
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What a server says to a client of TLS 1.1, which rustls cannot be: the number of the alert.
pub async fn tls11_alert(address: &str) -> Option<u8> {
    let mut hello = vec![0x03, 0x02];
    hello.extend([7; 32]);
    // No session, one suite (RSA with AES-128-CBC), no compression, and the signature algorithms that a server looks for.
    hello.extend([0, 0, 2, 0x00, 0x2f, 1, 0]);
    hello.extend([0, 10, 0x00, 0x0d, 0, 6, 0, 4, 0x04, 0x01, 0x04, 0x03]);
    let length = |length: usize| u8::try_from(length).expect("short");
    let mut record = vec![22, 3, 1, 0, length(hello.len() + 4), 1, 0, 0, length(hello.len())];
    record.extend(hello);
    let mut socket = TcpStream::connect(address).await.ok()?;
    socket.write_all(&record).await.ok()?;
    let mut answer = [0; 7];
    timeout(PATIENCE, socket.read_exact(&mut answer)).await.ok()?.ok()?;
    (answer[0] == 21).then_some(answer[6])
}
