//! An Alertmanager that is not well.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use rollcall_test_server::{self as server, Server, until_closed};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::on_runtime;

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers with this status.
    Answers(u16),
    /// It reads, and never answers.
    Silent,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct NotifyRequest {
    /// When it was read.
    pub received_at: Instant,
    /// When it was answered, or given up by the sender; `None`: it still waits.
    pub ended: Option<Instant>,
    /// Name and `endsAt` of its alerts.
    pub alerts: Vec<(String, String)>,
}

impl NotifyRequest {
    /// Whether it tells of this alert.
    pub fn has_alert(&self, alert: &str) -> bool {
        self.alerts.iter().any(|(name, _)| name == alert)
    }
}

type Shared = Arc<Mutex<(Behaviour, Vec<NotifyRequest>)>>;

/// The Alertmanager, until it is dropped.
pub struct Stub {
    server: Server,
    shared: Shared,
}

impl Stub {
    /// On a free port.
    pub fn start(behaviour: Behaviour) -> Stub {
        let shared: Shared = Arc::new(Mutex::new((behaviour, Vec::new())));
        let server = on_runtime(|| {
            let shared = Arc::clone(&shared);
            Server::hijack(move |request, stream| serve(request, stream, Arc::clone(&shared)))
        });
        Stub { server, shared }
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// It does this from now on.
    pub fn set(&self, behaviour: Behaviour) {
        self.shared.lock().expect("no test panics with it").0 = behaviour;
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<NotifyRequest> {
        self.shared.lock().expect("no test panics with it").1.clone()
    }
}

/// Notes what it receives, and answers as it is set to.
async fn serve(request: server::Request, mut stream: TcpStream, shared: Shared) -> std::io::Result<()> {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alerts = body.as_array().into_iter().flatten();
    let alerts = alerts.map(|alert| (word(&alert["labels"]["alertname"]), word(&alert["endsAt"]))).collect();
    let (behaviour, index) = {
        let mut shared = shared.lock().expect("no test panics with it");
        shared.1.push(NotifyRequest { received_at: request.at, ended: None, alerts });
        (shared.0, shared.1.len() - 1)
    };
    let result = match behaviour {
        Behaviour::Answers(status) => {
            let answer = format!("HTTP/1.1 {status} Mood\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await
        }
        Behaviour::Silent => until_closed(&mut stream).await,
    };
    shared.lock().expect("no test panics with it").1[index].ended = Some(Instant::now());
    result?;
    stream.shutdown().await
}
