//! A server in front of a simulated vendor: it passes everything on, or answers in the vendor's place.

use std::sync::{Arc, Mutex};

use rollcall::sim::Simulation;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::runtime;

/// What a request has to contain, the answer that it gets instead of the vendor's, and whether the connection stays open
/// after it.
type Rules = Arc<Mutex<Vec<(String, String, bool)>>>;

/// The server, until it is dropped.
pub struct Front {
    url: String,
    rules: Rules,
    accepting: JoinHandle<()>,
}

impl Front {
    /// In front of this vendor.
    pub fn of(sim: &Simulation, vendor: &str) -> Front {
        let vendor = sim.address(vendor);
        let rules = Rules::default();
        let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let accepting = runtime().spawn({
            let rules = Arc::clone(&rules);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    // Whoever hangs up early gets no answer.
                    runtime().spawn(answer(stream, vendor, Arc::clone(&rules)));
                }
            }
        });
        Front { url, rules, accepting }
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on requests that contain this text, in their head or body, get this status with these header lines.
    pub fn answer(&self, contains: &str, status: u16, headers: &[&str]) {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let answer = format!("HTTP/1.1 {status} Sorry\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n");
        self.rules.lock().unwrap().push((contains.to_owned(), answer, false));
    }

    /// From now on requests that contain this text get the beginning of an answer of this type, and then nothing more; or
    /// the end of the connection.
    pub fn begin(&self, contains: &str, media_type: &str, body: &str, stays: bool) {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: 5000\r\n\r\n{body}");
        self.rules.lock().unwrap().push((contains.to_owned(), answer, stays));
    }

    /// Passes everything on again.
    pub fn heal(&self) {
        self.rules.lock().unwrap().clear();
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One request on each connection: then there is nothing to take apart in the answers.
async fn answer(mut client: TcpStream, vendor: std::net::SocketAddr, rules: Rules) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while request.len() < head + length.unwrap_or(0) {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let whole = String::from_utf8_lossy(&request);
    let rule = rules.lock().unwrap().iter().find(|(part, ..)| whole.contains(part)).cloned();
    if let Some((_, answer, stays)) = rule {
        client.write_all(answer.as_bytes()).await?;
        if stays {
            // Until the client has had enough.
            client.read_buf(&mut request).await?;
        }
        return client.shutdown().await;
    }
    let mut upstream = TcpStream::connect(vendor).await?;
    upstream.write_all(&request[..head - 2]).await?;
    upstream.write_all(b"connection: close\r\n\r\n").await?;
    upstream.write_all(&request[head..]).await?;
    tokio::io::copy(&mut upstream, &mut client).await?;
    client.shutdown().await
}
