//! A server in front of a simulated vendor: it passes everything on, or answers in the vendor's place.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rollcall_sim::Simulation;
use rollcall_test_server::{Request, Server, until_closed};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::on_runtime;

/// What a request has to contain, the answer that it gets instead of the vendor's, and whether the connection stays open
/// after it.
type Rules = Arc<Mutex<Vec<(String, String, bool)>>>;

/// The server, until it is dropped.
pub struct FaultProxy {
    server: Server,
    rules: Rules,
}

impl FaultProxy {
    /// In front of this vendor.
    pub fn of(sim: &Simulation, vendor: &str) -> FaultProxy {
        let vendor = sim.address(vendor);
        let rules = Rules::default();
        let server = on_runtime(|| {
            let rules = Arc::clone(&rules);
            Server::hijack(move |request, client| answer(request, client, vendor, Arc::clone(&rules)))
        });
        FaultProxy { server, rules }
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// From now on requests that contain this text, in their head or body, get this status with these header lines.
    pub fn answer(&self, contains: &str, status: u16, headers: &[&str]) {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let answer = format!("HTTP/1.1 {status} Sorry\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n");
        self.rules.lock().expect("no test panics with it").push((contains.to_owned(), answer, false));
    }

    /// From now on requests that contain this text get the beginning of an answer of this type, and then nothing more; or
    /// the end of the connection.
    pub fn begin(&self, contains: &str, media_type: &str, body: &str, stays: bool) {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: 5000\r\n\r\n{body}");
        self.rules.lock().expect("no test panics with it").push((contains.to_owned(), answer, stays));
    }

    /// Passes everything on again.
    pub fn heal(&self) {
        self.rules.lock().expect("no test panics with it").clear();
    }
}

/// One request on each connection: then there is nothing to take apart in the answers.
async fn answer(request: Request, mut client: TcpStream, vendor: SocketAddr, rules: Rules) -> std::io::Result<()> {
    let whole = request.text();
    let rule = rules.lock().expect("no test panics with it").iter().find(|(part, ..)| whole.contains(part)).cloned();
    if let Some((_, answer, stays)) = rule {
        client.write_all(answer.as_bytes()).await?;
        if stays {
            until_closed(&mut client).await?;
        }
        return client.shutdown().await;
    }
    let mut upstream = TcpStream::connect(vendor).await?;
    let lines = request.head.strip_suffix(b"\r\n").unwrap_or_default();
    upstream.write_all(lines).await?;
    upstream.write_all(b"connection: close\r\n\r\n").await?;
    upstream.write_all(&request.body).await?;
    tokio::io::copy(&mut upstream, &mut client).await?;
    client.shutdown().await
}
