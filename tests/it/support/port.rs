//! Ports: where a program listens that took a free one, and one where nobody listens.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// The port that a program of Prometheus' makes took, as its log says: `msg="Listening on" address=127.0.0.1:40123`.
pub fn listening_port(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("msg=\"Listening on\""))?;
    let (_, address) = line.split_once("address=")?;
    address.split_whitespace().next()?.parse::<SocketAddr>().ok().map(|address| address.port())
}

/// A port that refuses connections. It is bound for as long as this lives, so that nobody else can listen there.
pub struct ClosedPort {
    _socket: TcpSocket,
    url: String,
}

impl ClosedPort {
    /// Any port.
    pub fn any() -> ClosedPort {
        ClosedPort::at(0)
    }

    /// The port of a program that has ended.
    pub fn at(port: u16) -> ClosedPort {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        // Connections of that program may still be in TIME_WAIT.
        socket.set_reuseaddr(true).expect("an option that every socket has");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).expect("a free port");
        let url = format!("http://{}", socket.local_addr().expect("it is bound"));
        ClosedPort { _socket: socket, url }
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        &self.url
    }
}

#[test]
fn the_port_is_read_from_the_log_and_a_closed_one_refuses() {
    let log = "ts=1 caller=web.go:503 msg=\"Start listening for connections\" address=127.0.0.1:0\n\
               ts=2 caller=tls_config.go:232 level=info msg=\"Listening on\" address=127.0.0.1:38667\n";
    assert_eq!(listening_port(log), Some(38_667));
    let closed = ClosedPort::any();
    let address = closed.url().trim_start_matches("http://");
    let error = std::net::TcpStream::connect(address).expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}
