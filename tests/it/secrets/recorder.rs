//! Stands between the daemon and the vendors and notes every token and cookie that the daemon sends.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rollcall_test_server::{Response, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::on_runtime;

/// What was sent in one direction over every connection, one after the other.
#[derive(Default)]
pub struct Recorder {
    sent: Arc<Mutex<Vec<String>>>,
    /// They listen until the recorder is dropped.
    servers: Vec<Server>,
}

impl Recorder {
    /// Passes everything on to this address. Returns `http://` and where it listens.
    pub fn before(&mut self, to: SocketAddr) -> String {
        let sent = Arc::clone(&self.sent);
        self.keep(|| Server::tcp(move |daemon| pass(daemon, to, Arc::clone(&sent))))
    }

    /// Answers every request with what `answer` makes of its text, and closes. Returns where it listens.
    pub fn answering(&mut self, answer: fn(&str) -> String) -> String {
        let sent = Arc::clone(&self.sent);
        let server = move || {
            Server::http(move |request| {
                let request = request.text();
                let reply = answer(&request).replacen("\r\n", "\r\nConnection: close\r\n", 1);
                sent.lock().expect("no test panics with it").push(request);
                Response::raw(reply)
            })
        };
        self.keep(server)
    }

    fn keep(&mut self, start: impl FnOnce() -> Server) -> String {
        let server = on_runtime(start);
        let url = server.url().to_owned();
        self.servers.push(server);
        url
    }

    /// The bodies of requests that begin so, from those who answer themselves.
    pub fn bodies(&self, start: &str) -> Vec<String> {
        let all = self.sent.lock().expect("no test panics with it");
        let bodies = all
            .iter()
            .filter(|request| request.starts_with(start))
            .filter_map(|request| request.split_once("\r\n\r\n"));
        bodies.map(|(_, body)| body.to_owned()).collect()
    }

    /// Where each token and cookie stood, in lower case, and what it was.
    pub fn secrets(&self) -> BTreeSet<(String, String)> {
        let mut secrets = BTreeSet::new();
        let all = self.sent.lock().expect("no test panics with it");
        for line in all.iter().flat_map(|stream| stream.split("\r\n")) {
            if let Some((path, version)) = line.rsplit_once(' ')
                && version == "HTTP/1.1"
                && let Some((_, token)) = path.split_once("token=")
            {
                let token = token.split('&').next().unwrap_or_default();
                secrets.insert(("token=".to_owned(), token.to_owned()));
            }
            let Some((name, value)) = line.split_once(": ") else { continue };
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "auth_token" => {
                    secrets.insert((name, value.to_owned()));
                }
                "authorization" => {
                    let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
                    let from = format!("{name}: {}", scheme.to_ascii_lowercase());
                    secrets.insert((from, rest.trim_matches('"').to_owned()));
                }
                "cookie" => {
                    let cookies = value.split("; ").filter_map(|cookie| cookie.split_once('='));
                    secrets.extend(cookies.map(|(cookie, value)| (format!("{name} {cookie}"), value.to_owned())));
                }
                _ => {}
            }
        }
        secrets.retain(|(_, secret)| secret.len() >= 8);
        secrets
    }
}

async fn pass(daemon: TcpStream, to: SocketAddr, sent: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let vendor = TcpStream::connect(to).await?;
    let (mut from_daemon, mut to_daemon) = daemon.into_split();
    let (mut from_vendor, mut to_vendor) = vendor.into_split();
    let back = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_vendor, &mut to_daemon).await;
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(size @ 1..) = from_daemon.read(&mut buffer).await {
        sent.lock().expect("no test panics with it").push(String::from_utf8_lossy(&buffer[..size]).into_owned());
        if to_vendor.write_all(&buffer[..size]).await.is_err() {
            break;
        }
    }
    let _ = to_vendor.shutdown().await;
    let _ = back.await;
    Ok(())
}
