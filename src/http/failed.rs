//! Why a request got no answer: the reason for the metrics, and for people the way it took and what can be done.
//!
//! Of URLs only the host is told, and of a proxy its host and port: the rest may hold secrets.

use std::error::Error;

use reqwest::Url;
use rustls::{CertificateError, InvalidMessage};

use super::{
    connector::{ConnectTimeout, DnsError, Route},
    tls::Untrusted,
    transport::SendError,
};
use crate::{
    config::Http,
    failure::{Failure, Reason},
};

/// Why there is no head of an answer: the reason is in the chain of causes.
pub(super) fn no_answer(error: SendError, url: &Url, settings: &Http) -> Failure {
    let error = match error {
        SendError::Failed(error) => error,
        SendError::Interim => {
            return Failure::new(Reason::Decode, "answers of 1xx without end, and none of them the real one");
        }
    };
    let causes = Causes::of(&error);
    // A TLS port answers plain HTTP with an alert; whatever else has no version speaks no HTTP either.
    let speaks_no_http = causes.http.is_some_and(is_no_http);
    let reason = if causes.is_timeout {
        Reason::Timeout
    } else if causes.is_dns {
        Reason::Dns
    } else if causes.tls.is_some() {
        Reason::Tls
    } else if causes.http.is_some_and(hyper::Error::is_parse_too_large) {
        Reason::TooLarge
    } else if causes.http.is_some_and(hyper::Error::is_parse) && !speaks_no_http {
        Reason::Decode
    } else {
        Reason::Connect
    };
    let mut message = causes.text.clone();
    let proxy = proxy(settings, url).filter(|_| error.is_connect() || matches!(reason, Reason::Dns | Reason::Tls));
    if reason == Reason::Dns {
        let host = proxy.as_ref().map_or(url.host_str().unwrap_or_default(), |(host, _)| host);
        let why =
            message.trim_start_matches("dns error: ").trim_start_matches("failed to lookup address information: ");
        message = format!("cannot resolve {host}: {why}; is the name right, and does this machine's DNS know it?");
    }
    if let Some(words) = causes.io.filter(|_| reason == Reason::Connect && error.is_connect()).and_then(in_words) {
        message = words.to_owned();
    }
    let hint = match causes.tls {
        Some(error) => tls_hint(error, settings),
        None if proxy.is_none() && speaks_no_http && url.scheme() == "http" => {
            Some("is this a TLS port? use https".to_owned())
        }
        None => None,
    };
    if let Some(hint) = hint {
        message = format!("{message}; {hint}");
    }
    if let Some((host, port)) = proxy {
        message = format!("through the proxy {host}:{port}: {message}");
    }
    Failure::new(reason, message)
}

/// Why an answer has no end: the connection broke off, or what came is no body.
pub(super) fn broken_off(error: &hyper::Error) -> Failure {
    Failure::new(Reason::Decode, Causes::of(error).text)
}

/// What an error and its causes say.
struct Causes<'a> {
    text: String,
    tls: Option<&'a rustls::Error>,
    http: Option<&'a hyper::Error>,
    is_dns: bool,
    is_timeout: bool,
    /// Of the system, where it is one.
    io: Option<std::io::ErrorKind>,
}

impl<'a> Causes<'a> {
    fn of(error: &'a (dyn Error + 'static)) -> Causes<'a> {
        let mut causes =
            Causes { text: String::new(), tls: None, http: None, is_dns: false, is_timeout: false, io: None };
        let mut cause = Some(error);
        while let Some(inner) = cause {
            causes.tls = causes.tls.or_else(|| tls_error(inner));
            causes.http = causes.http.or_else(|| inner.downcast_ref());
            causes.is_dns |= inner.is::<DnsError>();
            causes.io = inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(causes.io);
            let is_late = |error: &std::io::Error| error.kind() == std::io::ErrorKind::TimedOut;
            causes.is_timeout |= inner.is::<ConnectTimeout>() || inner.downcast_ref().is_some_and(is_late);
            let text = plain(&inner.to_string());
            // What the client calls its own errors says nothing that their causes do not.
            let is_frame = inner.is::<hyper_util::client::legacy::Error>() && inner.source().is_some();
            if !is_frame && !causes.text.ends_with(&text) {
                if !causes.text.is_empty() {
                    causes.text.push_str(": ");
                }
                causes.text.push_str(&text);
            }
            cause = inner.source();
        }
        // What rustls does not know itself it shows as it is made.
        if let Some((error, untrusted)) = causes.tls.and_then(|error| Some((error, untrusted(error)?))) {
            let shown = plain(&format!("invalid peer certificate: {untrusted}"));
            causes.text = causes.text.replace(&plain(&error.to_string()), &shown);
        }
        causes
    }
}

/// Why there is no connection, and what it may be.
fn in_words(kind: std::io::ErrorKind) -> Option<&'static str> {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match kind {
        ConnectionRefused => {
            Some("connection refused: nothing listens at this address and port, or a firewall says so")
        }
        HostUnreachable => Some("host unreachable: it is off, or no route or firewall leads to it"),
        NetworkUnreachable => Some("network unreachable: this machine has no route to it"),
        _ => None,
    }
}

/// What is named by a type of Rust, in words: `Other(OtherError(CaUsedAsEndEntity))`.
fn plain(text: &str) -> String {
    const BEGIN: &str = "Other(OtherError(";
    let named = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once("))")?)));
    let Some((before, (name, after))) = named else { return text.to_owned() };
    let words = match name {
        "CaUsedAsEndEntity" => {
            "the server shows the certificate of a CA as its own; give it one that its CA has signed".to_owned()
        }
        name if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            let spaced =
                name.chars().map(|c| if c.is_uppercase() { format!(" {}", c.to_lowercase()) } else { c.to_string() });
            spaced.collect::<String>().trim_start().to_owned()
        }
        _ => "it cannot be checked".to_owned(),
    };
    format!("{before}{words}{after}")
}

/// The error of TLS that it is, if it is one. Such an error comes inside an I/O error, or inside two: `source` skips those.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inside = || error.downcast_ref::<std::io::Error>()?.get_ref();
    error.downcast_ref::<rustls::Error>().or_else(|| tls_error(inside()?))
}

/// The certificate that is not trusted, where that is the error.
fn untrusted(error: &rustls::Error) -> Option<&Untrusted> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(error)) => error.0.downcast_ref(),
        _ => None,
    }
}

/// What to do about an error of TLS.
fn tls_hint(error: &rustls::Error, settings: &Http) -> Option<String> {
    if matches!(error, rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) {
        return Some("is this a plain http port?".to_owned());
    }
    let Untrusted { error, fingerprint, is_self_signed } = untrusted(error)?;
    let has_ca = settings.tls.ca_file.is_some();
    let hint = match error {
        CertificateError::UnknownIssuer if !has_ca => "give the certificate of its CA as http.tls.ca_file",
        // The signature is bad where another CA has the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature if has_ca => {
            "http.tls.ca_file does not hold the certificate of its CA"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "a name that it carries can be given as http.tls.server_name"
        }
        CertificateError::ApplicationVerificationFailure if settings.tls.pin_sha256.is_some() => {
            "the server has another certificate than that of http.tls.pin_sha256: it was renewed, or somebody is on the way"
        }
        // One that may sign others cannot be given as a CA: no server may show such a one.
        CertificateError::Other(_) if *is_self_signed => "nobody vouches for it but itself",
        _ => "it is not trusted",
    };
    // To be copied, by whoever has compared it.
    let pin = format!("pin_sha256: {fingerprint}");
    let change = if settings.tls.pin_sha256.is_some() {
        format!("put it in place of the other in the target's http.tls: {pin}")
    } else if has_ca {
        format!("put it in place of ca_file in the target's http.tls: {pin}")
    } else {
        format!("add this line to the target (or its part to the http that is there): http: {{ tls: {{ {pin} }} }}")
    };
    Some(format!("{hint}; if the server itself shows this fingerprint, {change}"))
}

/// Whether what came has no version of HTTP. hyper tells this error from others in its text only.
fn is_no_http(error: &hyper::Error) -> bool {
    error.is_parse() && error.to_string().contains("HTTP version")
}

/// Host and port of the proxy that requests to this URL go through.
fn proxy(settings: &Http, url: &Url) -> Option<(String, u16)> {
    let proxy = Route::new(&settings.proxy).ok()?.proxy_of(&url.as_str().parse().ok()?)?;
    let uri = proxy.uri();
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc, time::Duration};

    use rollcall_test_server::Server;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    use super::*;
    use crate::{
        config::{Proxy, Tls},
        http::Client,
    };

    /// A server that answers whatever comes with these bytes.
    fn answering(bytes: &'static [u8]) -> Server {
        Server::tcp(move |mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(bytes).await
        })
    }

    /// A server with a certificate of its own making, which nobody trusts.
    fn stranger() -> Server {
        stranger_with(rcgen::IsCa::NoCa)
    }

    fn stranger_with(is_ca: rcgen::IsCa) -> Server {
        crate::http::install_crypto();
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        params.is_ca = is_ca;
        let signing_key = rcgen::KeyPair::generate().expect("a key");
        let made = params.self_signed(&signing_key).expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let chain = vec![made.der().clone()];
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")));
        Server::tcp(move |stream| {
            let accepted = acceptor.accept(stream);
            async { accepted.await.map(drop) }
        })
    }

    async fn failure(url: &str, settings: &Http) -> Failure {
        let url: Url = url.parse().expect("a URL");
        let client = Client::with(settings, &url, 1 << 20, None).expect("the settings can be used");
        let deadline = Instant::now() + Duration::from_secs(60);
        client.get("agents", url).send(deadline).await.expect_err("nothing good answers there")
    }

    fn direct() -> Http {
        Http { proxy: Proxy::None, ..Http::default() }
    }

    /// What the line means that the message of this failure ends with, copied into the configuration as it is.
    fn copied(failed: &Failure) -> Http {
        let (_, line) =
            failed.message.rsplit_once("(or its part to the http that is there): ").expect("a line to be copied");
        let yaml = format!(
            "http: {{ proxy_url: none }}\ntargets:\n  - name: mc\n    vendor: resilio_console\n    url: https://127.0.0.1:1\n    \
             auth: {{ api_token: t }}\n    {line}\n"
        );
        let config = crate::config::Config::parse(&yaml, "rollcall.yml", std::path::Path::new(""));
        config.expect("it is valid").targets[0].http.clone()
    }

    /// What OpenSSL makes without further ado, and consoles do: it may sign others, too.
    #[tokio::test]
    async fn a_certificate_that_signs_itself_is_named_so_and_trusted_by_the_line_that_is_told() {
        let stranger = stranger_with(rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
        let url = format!("https://{}/", stranger.address());
        let failed = failure(&url, &direct()).await;
        assert_eq!(failed.reason, Reason::Tls);
        let expected = "invalid peer certificate: self-signed (CaUsedAsEndEntity); nobody vouches for it but itself; if the \
                        server itself shows this fingerprint, add";
        assert!(failed.message.contains(expected), "{failed}");
        let trusting = failure(&url, &copied(&failed)).await;
        assert_ne!(trusting.reason, Reason::Tls, "{trusting}");
    }

    #[tokio::test]
    async fn a_certificate_that_nobody_vouches_for_asks_for_its_ca() {
        let stranger = stranger();
        let failed = failure(&format!("https://{}/", stranger.address()), &direct()).await;
        assert_eq!(failed.reason, Reason::Tls);
        let expected = "UnknownIssuer; give the certificate of its CA as http.tls.ca_file; if the server itself shows";
        assert!(failed.message.contains(expected), "{failed}");
        let trusting = failure(&format!("https://{}/", stranger.address()), &copied(&failed)).await;
        assert_ne!(trusting.reason, Reason::Tls, "{trusting}");
        let other = crate::config::Pin::of(b"another certificate");
        let settings = Http { tls: Tls { pin_sha256: Some(other), ..Tls::default() }, ..direct() };
        let failed = failure(&format!("https://{}/", stranger.address()), &settings).await;
        assert_eq!(failed.reason, Reason::Tls);
        assert!(
            failed.message.contains(
                "certificate: not the pinned one; the server has another certificate than that of http.tls.pin_sha256"
            ),
            "{failed}"
        );
        assert!(
            failed.message.contains(", put it in place of the other in the target's http.tls: pin_sha256: "),
            "{failed}"
        );
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let other = rcgen::generate_simple_self_signed(vec!["other".to_owned()]).expect("a certificate");
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, other.cert.pem()).expect("a file can be written");
        let settings = Http { tls: Tls { ca_file: Some(path), ..Tls::default() }, ..direct() };
        let failed = failure(&format!("https://{}/", stranger.address()), &settings).await;
        let expected = "; http.tls.ca_file does not hold the certificate of its CA;";
        assert!(failed.message.contains(expected), "{failed}");
        // The first certificate of a file with a byte order mark would be passed over.
        let marked = format!("\u{feff}{}", other.cert.pem());
        let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [marked.into_bytes(), wide] {
            let path = folder.path().join("marked.pem");
            std::fs::write(&path, bytes).expect("a file can be written");
            let settings = Http { tls: Tls { ca_file: Some(path), ..Tls::default() }, ..direct() };
            let failed = failure(&format!("https://{}/", stranger.address()), &settings).await;
            assert!(failed.message.contains(expected), "{failed}");
        }
    }

    #[tokio::test]
    async fn no_message_names_a_type_of_rust() {
        let socket = tokio::net::TcpSocket::new_v4().expect("there are sockets");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("free ports");
        let closed = socket.local_addr().expect("it is bound");
        let failed = failure(&format!("http://{closed}/api"), &direct()).await;
        assert!(failed.message.contains("refused") && !failed.message.contains("client error ("), "{failed}");
        for (text, expected) in [
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "invalid peer certificate: the server shows the certificate of a CA as its own; give it one that its CA has signed",
            ),
            ("a: Other(OtherError(PathLenConstraintViolated)): b", "a: path len constraint violated: b"),
            ("Other(OtherError(Weird { at: 7 }))", "it cannot be checked"),
            ("Other(OtherError(", "Other(OtherError("),
            ("connection reset", "connection reset"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[tokio::test]
    async fn tls_and_plain_http_are_told_apart() {
        let plain = answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        let failed = failure(&format!("https://{}/", plain.address()), &direct()).await;
        assert_eq!(failed.reason, Reason::Tls);
        assert!(failed.message.ends_with("InvalidContentType; is this a plain http port?"), "{failed}");
        // A fatal alert, as OpenSSL sends it.
        let tls = answering(b"\x15\x03\x01\x00\x02\x02\x46");
        let failed = failure(&format!("http://{}/", tls.address()), &direct()).await;
        assert_eq!(failed.reason, Reason::Connect);
        assert!(failed.message.ends_with("; is this a TLS port? use https"), "{failed}");
    }

    #[tokio::test]
    async fn the_host_that_cannot_be_resolved_is_named() {
        let failed = failure("http://nonexistent.invalid/api", &direct()).await;
        assert_eq!(failed.reason, Reason::Dns);
        assert!(failed.message.starts_with("GET /api: cannot resolve nonexistent.invalid: "), "{failed}");
        assert!(!failed.message.contains("dns error") && !failed.message.contains("lookup"), "{failed}");
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_told_in_words() {
        let socket = tokio::net::TcpSocket::new_v4().expect("there are sockets");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let address = socket.local_addr().expect("it is bound");
        let failed = failure(&format!("http://{address}/api"), &direct()).await;
        assert_eq!(failed.reason, Reason::Connect);
        let expected = "GET /api: connection refused: nothing listens at this address and port, or a firewall says so";
        assert_eq!(failed.message, expected);
    }

    #[tokio::test]
    async fn a_proxy_that_cannot_be_reached_is_named_without_its_credentials() {
        // Bound, so that nobody else listens there, it refuses.
        let socket = tokio::net::TcpSocket::new_v4().expect("there are sockets");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("free ports");
        let closed = socket.local_addr().expect("it is bound");
        let through = |text: &str| Http { proxy: Proxy::Url(text.parse().expect("a URL")), ..Http::default() };
        for url in ["http://ras.example.com/api", "https://ras.example.com/api"] {
            let failed = failure(url, &through(&format!("http://me:canary@{closed}"))).await;
            assert_eq!(failed.reason, Reason::Connect);
            assert!(failed.message.starts_with(&format!("GET /api: through the proxy {closed}: ")), "{failed}");
            assert!(!failed.message.contains("canary"), "{failed}");
            let failed = failure(url, &through("http://me:canary@nonexistent.invalid")).await;
            let expected = "through the proxy nonexistent.invalid:80: cannot resolve nonexistent.invalid: ";
            assert!(failed.message.contains(expected) && !failed.message.contains("canary"), "{failed}");
        }
    }
}
