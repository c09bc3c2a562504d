//! An Alertmanager that is not well.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::runtime;

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It answers with this status.
    Answers(u16),
    /// It reads, and never answers.
    Silent,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// When it was read.
    pub came: Instant,
    /// When it was answered, or given up by the sender; `None`: it still waits.
    pub ended: Option<Instant>,
    /// Name and `endsAt` of its alerts.
    pub alerts: Vec<(String, String)>,
}

impl Request {
    /// Whether it tells of this alert.
    pub fn tells(&self, alert: &str) -> bool {
        self.alerts.iter().any(|(name, _)| name == alert)
    }
}

type Shared = Arc<Mutex<(Mood, Vec<Request>)>>;

/// The Alertmanager, until it is dropped.
pub struct Stub {
    url: String,
    shared: Shared,
    accepting: JoinHandle<()>,
}

impl Stub {
    /// On a free port.
    pub fn start(mood: Mood) -> Stub {
        let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let shared: Shared = Arc::new(Mutex::new((mood, Vec::new())));
        let accepting = runtime().spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    runtime().spawn(serve(stream, Arc::clone(&shared)));
                }
            }
        });
        Stub { url, shared, accepting }
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// It does this from now on.
    pub fn set(&self, mood: Mood) {
        self.shared.lock().unwrap().0 = mood;
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().unwrap().1.clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One request on each connection.
async fn serve(mut stream: TcpStream, shared: Shared) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    while request.len() < head + length.unwrap_or(0) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let body: Value = serde_json::from_slice(&request[head..]).unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alerts = body.as_array().into_iter().flatten();
    let alerts = alerts.map(|alert| (word(&alert["labels"]["alertname"]), word(&alert["endsAt"]))).collect();
    let (mood, index) = {
        let mut shared = shared.lock().unwrap();
        shared.1.push(Request { came: Instant::now(), ended: None, alerts });
        (shared.0, shared.1.len() - 1)
    };
    let result = match mood {
        Mood::Answers(status) => {
            let answer = format!("HTTP/1.1 {status} Mood\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await
        }
        // Until the sender has had enough.
        Mood::Silent => stream.read_buf(&mut request).await.map(|_| ()),
    };
    shared.lock().unwrap().1[index].ended = Some(Instant::now());
    result?;
    stream.shutdown().await
}
