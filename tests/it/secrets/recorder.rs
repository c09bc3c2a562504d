//! Stands between the daemon and the vendors and notes every token and cookie that the daemon sends.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::runtime;

/// What was sent in one direction over every connection, one after the other.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    /// Passes everything on to this address. Returns `http://` and where it listens.
    pub fn before(&self, to: SocketAddr) -> String {
        let all = Arc::clone(&self.0);
        listen(move |daemon| pass(daemon, to, Arc::clone(&all)))
    }

    /// Answers every request with what `answer` makes of it, and closes. Returns where it listens.
    pub fn answering(&self, answer: fn(&str) -> String) -> String {
        let all = Arc::clone(&self.0);
        listen(move |mut daemon| {
            let all = Arc::clone(&all);
            async move {
                let mut buffer = vec![0; 65_536];
                let size = daemon.read(&mut buffer).await.unwrap_or_default();
                let request = String::from_utf8_lossy(&buffer[..size]).into_owned();
                let reply = answer(&request).replacen("\r\n", "\r\nConnection: close\r\n", 1);
                all.lock().expect("no test panics with it").push(request);
                // A daemon that went away does not miss the answer.
                let _ = daemon.write_all(reply.as_bytes()).await;
                let _ = daemon.shutdown().await;
            }
        })
    }

    /// Where each token and cookie stood, in lower case, and what it was.
    pub fn secrets(&self) -> BTreeSet<(String, String)> {
        let mut secrets = BTreeSet::new();
        let all = self.0.lock().expect("no test panics with it");
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

fn listen<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String {
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free ports");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        format!("http://{address}")
    })
}

async fn pass(daemon: TcpStream, to: SocketAddr, all: Arc<Mutex<Vec<String>>>) {
    let Ok(vendor) = TcpStream::connect(to).await else { return };
    let (mut from_daemon, mut to_daemon) = daemon.into_split();
    let (mut from_vendor, mut to_vendor) = vendor.into_split();
    let back = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_vendor, &mut to_daemon).await;
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(size @ 1..) = from_daemon.read(&mut buffer).await {
        all.lock().expect("no test panics with it").push(String::from_utf8_lossy(&buffer[..size]).into_owned());
        if to_vendor.write_all(&buffer[..size]).await.is_err() {
            break;
        }
    }
    let _ = to_vendor.shutdown().await;
    let _ = back.await;
}
