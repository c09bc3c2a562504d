//! Where connections come from: a TCP port, a unix socket, or what systemd hands over.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix::UnixSocket;

/// What is listened on.
#[derive(Debug)]
pub enum Listener {
    /// A port.
    Tcp(TcpListener),
    /// A socket in the file system.
    #[cfg(unix)]
    Unix(UnixSocket),
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// A process of this machine, by a unix socket.
    Local,
    /// An address.
    Ip(IpAddr),
}

impl Peer {
    /// The peer at an address, without its port.
    pub fn at(address: SocketAddr) -> Peer {
        Peer::Ip(address.ip()).network()
    }

    /// Whether one address is one peer; of a unix socket nobody knows how many use it.
    pub fn has_address(self) -> bool {
        matches!(self, Peer::Ip(_))
    }

    /// Whoever has one address of an IPv6 network has all of it.
    pub fn network(self) -> Peer {
        match self {
            Peer::Ip(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) => Peer::Ip(address.into()),
                None => Peer::Ip(std::net::Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
            },
            peer => peer,
        }
    }
}

impl Listener {
    /// Listens on an address as the exporters write it: `:10077` (all interfaces), `127.0.0.1:0`, `[::1]:10077`; or on
    /// `unix:/run/rollcall/rollcall.sock`.
    pub async fn bind(address: &str) -> io::Result<Listener> {
        if let Some(path) = address.strip_prefix("unix:") {
            #[cfg(unix)]
            return UnixSocket::bind(path.as_ref()).await.map(Listener::Unix);
            #[cfg(not(unix))]
            return Err(io::Error::new(io::ErrorKind::Unsupported, format!("{path}: there are no unix sockets here")));
        }
        let Some(port) = address.strip_prefix(':') else { return TcpListener::bind(address).await.map(Listener::Tcp) };
        // All interfaces: one socket serves IPv6 and IPv4 where the system has both.
        match TcpListener::bind(format!("[::]:{port}")).await {
            Ok(listener) => Ok(Listener::Tcp(listener)),
            Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await.map(Listener::Tcp),
        }
    }

    /// The sockets that systemd listens on for this process (`LISTEN_FDS`).
    pub fn from_systemd() -> io::Result<Vec<Listener>> {
        #[cfg(unix)]
        {
            unix::from_systemd()
        }
        #[cfg(not(unix))]
        {
            Err(io::Error::new(io::ErrorKind::Unsupported, "there is no systemd here"))
        }
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok((Socket { kind: SocketKind::Tcp(stream), unread: None }, Peer::Ip(address.ip())))
            }
            #[cfg(unix)]
            Listener::Unix(socket) => {
                Ok((Socket { kind: SocketKind::Unix(socket.accept().await?), unread: None }, Peer::Local))
            }
        }
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        match self {
            Listener::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().is_loopback()),
            #[cfg(unix)]
            Listener::Unix(_) => true,
        }
    }

    /// The port, of a listener that has one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            #[cfg(unix)]
            Listener::Unix(_) => None,
        }
    }
}

/// As in `bind`.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listener::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("unknown"),
            },
            #[cfg(unix)]
            Listener::Unix(socket) => write!(f, "unix:{}", socket.path().display()),
        }
    }
}

/// One connection, before TLS.
#[derive(Debug)]
pub struct Socket {
    kind: SocketKind,
    /// A byte that was looked at, and is still to be read.
    unread: Option<u8>,
}

#[derive(Debug)]
enum SocketKind {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Socket {
    /// Gives a byte back that was read from it.
    pub fn put_back(&mut self, byte: u8) {
        self.unread = Some(byte);
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Socket {
        Socket { kind: SocketKind::Tcp(stream), unread: None }
    }
}

/// Passes a call on to the stream of either kind.
macro_rules! either {
    ($self:expr, $stream:ident => $call:expr) => {
        match &mut $self.get_mut().kind {
            SocketKind::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(unix)]
            SocketKind::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() > 0
            && let Some(byte) = self.unread.take()
        {
            buf.put_slice(&[byte]);
            return Poll::Ready(Ok(()));
        }
        either!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::at(address.parse().expect("an address"))
    }

    #[test]
    fn one_machine_is_one_peer_whatever_its_port_and_the_end_of_its_address() {
        assert_eq!(peer("192.0.2.7:1"), peer("192.0.2.7:2"));
        assert_eq!(peer("192.0.2.7:1"), peer("[::ffff:192.0.2.7]:1"));
        assert_ne!(peer("192.0.2.7:1"), peer("192.0.2.8:1"));
        assert_eq!(peer("[2001:db8:1:2::1]:1"), peer("[2001:db8:1:2:ffff::9]:1"));
        assert_ne!(peer("[2001:db8:1:2::1]:1"), peer("[2001:db8:1:3::1]:1"));
        assert!(!Peer::Local.has_address());
    }
}
