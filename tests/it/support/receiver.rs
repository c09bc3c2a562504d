//! What is at the end of Alertmanager's routes: a web server that notes every notification.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rollcall_test_server::{Request, Response, Server};
use serde_json::Value;

use super::on_runtime;

/// A notification as it came.
#[derive(Debug, Clone)]
pub struct Notification {
    /// When, since the receiver was started.
    pub at: Duration,
    /// Name of the receiver: `pager`.
    pub receiver: String,
    /// Alertmanager's key of the group; the same in every notification of a group.
    pub group: String,
    /// Whether anything in the group fires.
    pub firing: bool,
    /// All that the notification tells of.
    pub alerts: Vec<ReceivedAlert>,
}

/// An alert in a notification.
#[derive(Debug, Clone)]
pub struct ReceivedAlert {
    /// Whether it fires, or was resolved.
    pub firing: bool,
    /// `alertname`, `severity`, `vendor`, `target`, …
    pub labels: Vec<(String, String)>,
    /// `summary`, `description`, `runbook_url`, `dashboard_url`.
    pub annotations: Vec<(String, String)>,
    /// Where whoever sent it shows it.
    pub generator_url: String,
}

impl ReceivedAlert {
    /// The value of a label; empty where it is absent.
    pub fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Notification {
    /// One line for people: `12.30s pager firing {target="builds"} +RollcallPoolDown(critical)/builds/linux-build//`.
    pub fn line(&self) -> String {
        let told = |told: &ReceivedAlert| {
            let sign = if told.firing { '+' } else { '-' };
            let of: Vec<&str> = ["target", "pool", "agent", "job_name"].map(|name| told.label(name)).to_vec();
            format!("{sign}{}({})/{}", told.label("alertname"), told.label("severity"), of.join("/"))
        };
        let alerts: Vec<String> = self.alerts.iter().map(told).collect();
        let state = if self.firing { "firing" } else { "resolved" };
        // Behind the route, which is long, come the labels of the group.
        let group = self.group.rsplit_once(":{").map_or("", |(_, labels)| labels.trim_end_matches('}'));
        format!("{:7.2}s {} {state} {{{group}}} {}", self.at.as_secs_f64(), self.receiver, alerts.join(" "))
    }
}

/// The web server, until it is dropped.
pub struct Receiver {
    server: Server,
    begun: Instant,
    notes: Arc<Mutex<Vec<Notification>>>,
}

impl Receiver {
    /// On a free port.
    pub fn start() -> Receiver {
        let begun = Instant::now();
        let notes = Arc::new(Mutex::new(Vec::new()));
        let server = on_runtime(|| {
            let notes = Arc::clone(&notes);
            Server::http(move |request| receive(request, begun, &notes))
        });
        Receiver { server, begun, notes }
    }

    /// Where Alertmanager sends what is for the receiver of this name.
    pub fn url(&self, receiver: &str) -> String {
        format!("{}/{receiver}", self.server.url())
    }

    /// The time since it was started, as notifications have it.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Everything so far, in the order in which it came.
    pub fn all(&self) -> Vec<Notification> {
        self.notes.lock().expect("no test panics with it").clone()
    }

    /// Everything that is for this receiver.
    pub fn of(&self, receiver: &str) -> Vec<Notification> {
        self.all().into_iter().filter(|note| note.receiver == receiver).collect()
    }

    /// All of it for people, without the signs of life.
    pub fn protocol(&self) -> String {
        let all = self.all();
        let told = all.iter().filter(|note| note.receiver != "dead-mans-switch");
        told.map(|note| note.line() + "\n").collect()
    }
}

/// Notes what is told.
fn receive(request: &Request, begun: Instant, notes: &Mutex<Vec<Notification>>) -> Response {
    if let Ok(body) = serde_json::from_slice(&request.body) {
        let receiver = request.path().trim_start_matches('/').to_owned();
        let note = read(&body, receiver, request.at.duration_since(begun));
        notes.lock().expect("no test panics with it").push(note);
    }
    Response::status(200)
}

fn read(body: &Value, receiver: String, at: Duration) -> Notification {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alert = |alert: &Value| ReceivedAlert {
        firing: alert["status"] == "firing",
        labels: alert["labels"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect(),
        annotations: alert["annotations"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), text(v)))
            .collect(),
        generator_url: text(&alert["generatorURL"]),
    };
    Notification {
        at,
        receiver,
        group: text(&body["groupKey"]),
        firing: body["status"] == "firing",
        alerts: body["alerts"].as_array().into_iter().flatten().map(alert).collect(),
    }
}
