//! Receives what the demo's Alertmanager sends: pages and tickets become lines of the story.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::story::announce;

/// More than a notification of any fleet.
const MAX_BODY: usize = 8 << 20;
/// At most so many alerts of a notification are named.
const MOST: usize = 3;

/// A listener on loopback that prints what it is sent, until it is dropped.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// What Alertmanager posts; the rest is not looked at.
#[derive(Debug, Deserialize)]
struct Notification {
    receiver: String,
    alerts: Vec<NotifiedAlert>,
}

#[derive(Debug, Deserialize)]
struct NotifiedAlert {
    status: String,
    labels: AlertLabels,
}

#[derive(Debug, Deserialize)]
struct AlertLabels {
    alertname: String,
    #[serde(default)]
    target: String,
}

impl Receiver {
    /// On a free port.
    pub async fn start() -> Result<Receiver, String> {
        let bound = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await;
        let listener = bound.map_err(|error| format!("cannot listen for notifications: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("cannot listen for notifications: {error}"))?;
        let accepting = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(serve(stream))),
                    // Out of descriptors or the like: the next one may work.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        Ok(Receiver { address, accepting })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream) {
    let answer = |request: Request<Incoming>| async move {
        let status = match Limited::new(request.into_body(), MAX_BODY).collect().await {
            Ok(body) => receive(&body.to_bytes()),
            Err(_) => StatusCode::BAD_REQUEST,
        };
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = status;
        Ok::<_, Infallible>(response)
    };
    // Whoever hangs up early gets no answer.
    let _ =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

fn receive(body: &[u8]) -> StatusCode {
    let Ok(notification) = serde_json::from_slice::<Notification>(body) else { return StatusCode::BAD_REQUEST };
    if let Some(line) = line(&notification) {
        announce(&line);
    }
    StatusCode::OK
}

/// One line; signs of life are none.
fn line(notification: &Notification) -> Option<String> {
    let what = match notification.receiver.as_str() {
        "pager" => "page",
        "tickets" => "ticket",
        _ => return None,
    };
    let names = |status: &str| {
        let mut names: Vec<String> = Vec::new();
        for alert in notification.alerts.iter().filter(|alert| alert.status == status) {
            let AlertLabels { alertname, target } = &alert.labels;
            let name = if target.is_empty() { alertname.clone() } else { format!("{alertname} of {target}") };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let left_out = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        if left_out > 0 {
            names.push(format!("{left_out} more"));
        }
        names.join(", ")
    };
    let (firing, resolved) = (names("firing"), names("resolved"));
    Some(match firing.is_empty() {
        true => format!("Alertmanager sends that the {what} is over: {resolved}"),
        false => format!("Alertmanager sends a {what}: {firing}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_becomes_a_line() {
        let told = |receiver: &str, status: &str| {
            let alert =
                |name: &str| serde_json::json!({"status": status, "labels": {"alertname": name, "target": "farm"}});
            let body = serde_json::json!({"receiver": receiver, "alerts": [alert("A"), alert("A"), alert("B")]});
            line(&serde_json::from_value(body).expect("it is one"))
        };
        assert_eq!(told("pager", "firing").as_deref(), Some("Alertmanager sends a page: A of farm, B of farm"));
        let over = "Alertmanager sends that the ticket is over: A of farm, B of farm";
        assert_eq!(told("tickets", "resolved").as_deref(), Some(over));
        assert_eq!(told("dead-mans-switch", "firing"), None);
    }
}
