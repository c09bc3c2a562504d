//! Through the door of a real server: the rows of the exporter-toolkit's own tests about versions, ciphers, curves,
//! certificates of clients, names, users, headers, limits, and changes while it runs.

mod changes;
mod client;
mod client_certificates;
mod handshake;
mod requests;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    config::web::tests::pki::Pki,
    daemon::Daemon,
    web::{Listener, Options, Server, State},
};
use client::{Client, http_get};

const SERVER: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
const GOOD: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: VerifyClientCertIfGiven\n";
/// The password of `dave` is `dave123`.
const DAVE: &str = "basic_auth_users: { dave: $2y$10$2UXri9cIDdgeKjBo4Rlpx.U3ZLDV8X1IxKmsfOvhcM5oXQt/mLmXq }\n";

/// A server with this web configuration, until it is dropped.
struct Running {
    address: String,
    door: Arc<Door>,
    pki: Pki,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    async fn start(pki: Pki, text: &str) -> Running {
        let file = pki.write("web.yml", text);
        let door = Door::open(Some(&file)).unwrap_or_else(|error| panic!("{error}\n{text}"));
        Running::with(pki, door).await
    }

    async fn with(pki: Pki, door: Door) -> Running {
        crate::http::install_crypto();
        let config = pki.write("rollcall.yml", "targets: []\n");
        let daemon = Daemon::start(config, None, String::new(), String::new()).await.expect("it is valid");
        let door = Arc::new(door);
        let options = Options {
            route_prefix: String::new(),
            external_url: String::new(),
            max_requests: 0,
            max_connections: 0,
            enable_lifecycle: false,
            simulated: false,
            door: Arc::clone(&door),
            hosts: Vec::new(),
        };
        let listener = Listener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let (address, stop) = (listener.to_string(), CancellationToken::new());
        tokio::spawn(Server::new(vec![listener], State::new(daemon, options)).run(stop.clone()));
        Running { address, door, pki, stop }
    }

    fn client(&self) -> Client {
        Client::new(&self.address, &self.pki.authority)
    }

    /// Looks at the files as often as it takes to see a change and that it is over.
    fn look(&self) {
        self.door.look();
        self.door.look();
    }
}

/// A server with this configuration is asked by the client that is made of its own one.
async fn ask(text: &str, client: impl FnOnce(Client, &Pki) -> Client) -> Result<client::Answer, String> {
    let running = Running::start(Pki::new(), text).await;
    client(running.client(), &running.pki).get("/-/healthy").await
}

#[track_caller]
fn passed(result: Result<client::Answer, String>) {
    match result {
        Ok(answer) if answer.status == 200 => {}
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn alert(result: Result<client::Answer, String>, expected: &str) {
    match result {
        Err(error) if error.contains(expected) => {}
        other => panic!("{other:?} instead of {expected}"),
    }
}
