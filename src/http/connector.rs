//! From a URL to a connection: the name, the proxy, TLS.

use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Uri,
    header::HeaderValue,
    rt::{Read, ReadBufCursor, Write},
};
use hyper_util::{
    client::{
        legacy::connect::{Connected, Connection, HttpConnector, dns::Name, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use reqwest::{
    Url,
    dns::{Addrs, Resolve},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::config::{self, Proxy, environment::ProxyEnvironment};

/// Name, proxy and TLS together take at most so long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that nobody answers on is noticed after a few of these.
const KEEPALIVE: Duration = Duration::from_secs(15);

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Names>,
    tls: Arc<ClientConfig>,
    route: Arc<Route>,
}

impl Connector {
    /// With these settings of TLS, this way, and these look-ups.
    pub(super) fn new(tls: ClientConfig, route: Route, resolver: Arc<dyn Resolve>) -> Connector {
        let mut tcp = HttpConnector::new_with_resolver(Names(resolver));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(3));
        Connector { tcp, tls: Arc::new(tls), route: Arc::new(route) }
    }

    /// What the proxy of a plain request wants to see in it.
    pub(super) fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let is_plain = uri.scheme_str() == Some("http");
        self.route.proxy_of(uri).filter(|_| is_plain)?.basic_auth().cloned()
    }

    async fn connect(mut self, uri: Uri) -> Result<Stream, BoxError> {
        let is_tls = uri.scheme_str() == Some("https");
        let Some(proxy) = self.route.proxy_of(&uri) else {
            let stream = self.reach(uri.clone()).await?;
            return if is_tls { self.secure(stream, &uri).await } else { Ok(stream) };
        };
        let mut stream = self.reach(proxy.uri().clone()).await?;
        if proxy.uri().scheme_str() == Some("https") {
            stream = self.secure(stream, proxy.uri()).await?;
        }
        if !is_tls {
            return Ok(Stream { is_proxied: true, ..stream });
        }
        let tunnel = Tunnel::new(proxy.uri().clone(), Ready(Some(stream)));
        let mut tunnel = match proxy.basic_auth() {
            Some(auth) => tunnel.with_auth(auth.clone()),
            None => tunnel,
        };
        let stream = tunnel.call(uri.clone()).await?;
        self.secure(stream, &uri).await
    }

    async fn reach(&mut self, uri: Uri) -> Result<Stream, BoxError> {
        let stream = self.tcp.call(uri).await?.into_inner();
        Ok(Stream::new(Box::new(stream), None))
    }

    async fn secure(&self, stream: Stream, uri: &Uri) -> Result<Stream, BoxError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream.io.into_inner().io).await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let certificate = chain.first().map(|certificate| PeerCertificate(certificate.as_ref().into()));
        Ok(Stream::new(Box::new(stream), certificate))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting<Stream> {
        let connecting = self.clone().connect(uri);
        Box::pin(async move {
            match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(result) => result,
                Err(_) => Err(Box::new(ConnectTimeout) as BoxError),
            }
        })
    }
}

/// There was no connection in time.
#[derive(Debug)]
pub(super) struct ConnectTimeout;

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {CONNECT_TIMEOUT:?}")
    }
}

impl std::error::Error for ConnectTimeout {}

/// Which way requests go.
pub(super) enum Route {
    /// Straight.
    Direct,
    /// Through the proxies of the environment.
    Environment(&'static ProxyEnvironment),
    /// Through the configured one, or that of the system.
    Proxy(Box<Matcher>),
}

impl Route {
    /// That of these settings; the error is that of the environment.
    pub(super) fn new(proxy: &Proxy) -> Result<Route, String> {
        Ok(match proxy {
            Proxy::None => Route::Direct,
            Proxy::Url(url) => Route::Proxy(Matcher::builder().all(url.as_str()).build().into()),
            Proxy::Environment => match ProxyEnvironment::current() {
                Ok(environment) if environment.names_proxy() => Route::Environment(environment),
                // Where the environment names none, the system may: Windows and macOS do.
                Ok(_) => Route::Proxy(Matcher::from_system().into()),
                Err(bad) => return Err(bad.iter().map(|bad| format!("{} {}", bad.name, bad.message)).collect()),
            },
        })
    }

    /// The proxy for a URL; none for loopback, whatever is configured: that is this machine, never that of the proxy, and what
    /// goes there in clear text must not leave it.
    pub(super) fn proxy_of(&self, uri: &Uri) -> Option<Intercept> {
        let url: Url = uri.to_string().parse().ok().filter(|url| !config::is_loopback(url))?;
        match self {
            Route::Direct => None,
            Route::Environment(environment) => {
                let proxy = environment.proxy_of(&url)?;
                Matcher::builder().all(proxy.as_str()).build().intercept(uri)
            }
            Route::Proxy(matcher) => matcher.intercept(uri),
        }
    }
}

/// Looks up names.
#[derive(Clone)]
struct Names(Arc<dyn Resolve>);

impl Service<Name> for Names {
    type Response = Addrs;
    type Error = DnsError;
    type Future = Pin<Box<dyn Future<Output = Result<Addrs, DnsError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DnsError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let name = name.as_str().parse().map_err(|error| DnsError(Box::new(error)))?;
            resolver.resolve(name).await.map_err(DnsError)
        })
    }
}

/// A name could not be looked up.
#[derive(Debug)]
pub(super) struct DnsError(BoxError);

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for DnsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// The certificate that a server has shown, in DER.
#[derive(Debug, Clone)]
pub(super) struct PeerCertificate(pub(super) Arc<[u8]>);

/// What bytes go over.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Whether something came over a connection since something was last sent over it.
#[derive(Debug, Clone, Default)]
pub(super) struct Answered(Arc<AtomicBool>);

impl Answered {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Notes when something is sent, and when something comes.
struct Watched {
    io: Box<dyn Bytes>,
    answered: Answered,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.answered.0.store(true, Ordering::Release);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.answered.0.store(false, Ordering::Release);
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A connection.
pub(super) struct Stream {
    io: TokioIo<Watched>,
    is_proxied: bool,
    certificate: Option<PeerCertificate>,
}

impl Stream {
    fn new(io: Box<dyn Bytes>, certificate: Option<PeerCertificate>) -> Stream {
        let watched = Watched { io, answered: Answered::default() };
        Stream { io: TokioIo::new(watched), is_proxied: false, certificate }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.is_proxied).extra(self.io.inner().answered.clone());
        match &self.certificate {
            Some(certificate) => connected.extra(certificate.clone()),
            None => connected,
        }
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Gives the connection to a proxy, which is there already.
struct Ready(Option<Stream>);

impl Service<Uri> for Ready {
    type Response = Stream;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Stream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        std::future::ready(self.0.take().ok_or_else(|| io::Error::other("the connection was taken")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_for_loopback_goes_through_a_proxy() {
        let proxy = Proxy::Url("http://me:secret@proxy.example.com:3128".parse().expect("a URL"));
        let route = Route::new(&proxy).expect("a proxy");
        let proxy_of = |uri: &str| route.proxy_of(&uri.parse().expect("a URI")).map(|proxy| proxy.uri().to_string());
        for here in ["http://127.0.0.1:3840/api", "https://localhost/", "http://[::1]:80/", "http://127.8.9.1/"] {
            assert_eq!(proxy_of(here), None, "{here}");
        }
        for elsewhere in ["http://filer.example.com/api", "https://10.0.0.1/", "http://127.0.0.1.example.com/"] {
            assert_eq!(proxy_of(elsewhere).as_deref(), Some("http://proxy.example.com:3128/"), "{elsewhere}");
        }
        assert!(Route::new(&Proxy::None).expect("none").proxy_of(&"http://a/".parse().expect("a URI")).is_none());
    }
}
