//! The simulated Resilio Agent API: many clients behind one port, each below its own prefix, `/filer-01/api/v3/…`.
//!
//! Written from the vendor's page. A real client listens on its own host's loopback and needs no credential; the token
//! only stops browsers. `PATCH` is answered as documented and changes nothing: the journal shows it. A client whose API is
//! down is a refused connection, which is [`Simulation::shut`](super::Simulation::shut) for all of them.

pub(crate) mod fleet;
pub(crate) mod states;

mod truth;

pub(crate) use truth::error_count;

use super::{Quirk, Request, Response, Service, Truth, World};
use fleet::{CONSOLE, Client, Run};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard},
};

const VENDOR: &str = "resilio";
const JSON: &str = "application/json";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// All clients.
pub struct Resilio {
    world: Arc<World>,
    clients: usize,
}

/// What was set from outside, and which tokens are good. It belongs to the world, as the management console tells of the same
/// agents.
#[derive(Debug, Default)]
pub(crate) struct Filers {
    token_off: bool,
    /// How a token that is not good is answered, where not with 401.
    refusal: Option<u16>,
    /// Tokens are of this generation.
    generation: u64,
    clients: HashMap<usize, Set>,
    /// By client and job id.
    statuses: HashMap<(usize, u64), String>,
    errors: HashMap<(usize, u64), Value>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Set {
    /// The state and since when it is so: the console was seen last then.
    state: Option<(String, u64)>,
    paused: bool,
}

impl Resilio {
    /// The world's share of clients.
    pub fn new(world: Arc<World>) -> Resilio {
        let clients = world.share(VENDOR);
        Resilio { world, clients }
    }

    /// How many clients there are; they count from 0, `filer-01` is 0.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// Puts a client's `server.state` to any text from now on; `None` gives it back to the simulation.
    pub fn set_client_state(&self, client: usize, state: Option<&str>) {
        let now = self.world.now().as_secs();
        let set = state.map(|state| (state.to_owned(), now));
        self.state().clients.entry(client).or_default().state = set;
    }

    /// Pauses a client: every run of it says `paused`.
    pub fn set_client_paused(&self, client: usize, paused: bool) {
        self.state().clients.entry(client).or_default().paused = paused;
    }

    /// Puts the status of a job's newest run on a client to any text; `None` gives it back to the simulation.
    pub fn set_job_status(&self, client: usize, job_id: u64, status: Option<&str>) {
        let mut state = self.state();
        match status {
            Some(status) => state.statuses.insert((client, job_id), status.to_owned()),
            None => state.statuses.remove(&(client, job_id)),
        };
    }

    /// Puts the `errors` of a job's newest run on a client to any JSON.
    pub fn set_job_errors(&self, client: usize, job_id: u64, errors: Value) {
        self.state().errors.insert((client, job_id), errors);
    }

    /// `client_api_token_auth`: without it no call needs a token, and `/token` is not there.
    pub fn set_token_auth(&self, on: bool) {
        self.state().token_off = !on;
    }

    /// How a token that is not good is answered, which is documented nowhere: with this status; 200 has an `error` in its body.
    pub fn set_refusal(&self, status: u16) {
        self.state().refusal = Some(status);
    }

    fn state(&self) -> MutexGuard<'_, Filers> {
        self.world.filers()
    }

    fn token(&self, state: &Filers, client: usize) -> String {
        let seed = self.world.dice("resilio-token", state.generation << 32 | client as u64);
        let digit = |place: u64| {
            let index = self.world.dice("resilio-digit", seed ^ place) % 32;
            char::from(BASE32[index as usize])
        };
        (0..26).map(digit).collect()
    }

    fn get(&self, state: &Filers, client: usize, path: &str) -> Response {
        let old = self.world.quirk(VENDOR, Quirk::OldServer);
        let other = self.world.quirk(VENDOR, Quirk::OtherSpelling);
        match path {
            "client" => {
                let client = fleet::client(&self.world, state, client);
                ok(&client_json(&client, old, other))
            }
            // Tags came with 2.10.
            "tags" if !old => {
                let client = fleet::client(&self.world, state, client);
                let tags = client.tags.map(|(name, value)| json!({ "name": name, "value": value }));
                ok(&json!({ "tags": tags }))
            }
            "runs" => {
                let runs = fleet::runs(&self.world, state, self.clients, client);
                let mut list: Vec<Value> = runs.iter().map(|run| run_json(run, old, other)).collect();
                if self.world.quirk(VENDOR, Quirk::BadItem) {
                    list.push(json!({ "name": "no run id", "status": ["synced"], "errors": 7 }));
                }
                ok(&Value::Array(list))
            }
            _ => {
                let runs = fleet::runs(&self.world, state, self.clients, client);
                let wanted = path.strip_prefix("runs/").and_then(|id| id.parse::<u64>().ok());
                match runs.iter().find(|run| Some(run.run_id) == wanted) {
                    // The page's only sample is an array; whether one run comes as an object is not said.
                    Some(run) if other => ok(&run_json(run, old, other)),
                    Some(run) => ok(&json!([run_json(run, old, other)])),
                    None => error(StatusCode::NOT_FOUND, "not found"),
                }
            }
        }
    }

    /// The client of a path and what follows `api/v3/`.
    fn route<'a>(&self, path: &'a str) -> Option<(usize, &'a str)> {
        let (prefix, rest) = path.trim_start_matches('/').split_once('/')?;
        let number: usize = prefix.strip_prefix("filer-")?.parse().ok()?;
        let client = number.checked_sub(1).filter(|c| *c < self.clients)?;
        Some((client, rest.strip_prefix("api/v3/")?.trim_end_matches('/')))
    }
}

fn ok(body: &Value) -> Response {
    Response::full(StatusCode::OK, JSON, body.to_string())
}

/// What a refusal looks like is not documented.
fn error(status: StatusCode, message: &str) -> Response {
    Response::full(status, JSON, json!({ "error": message }).to_string())
}

fn client_json(client: &Client, old: bool, other: bool) -> Value {
    if old {
        return json!({ "paused": client.paused, "server": { "addr": CONSOLE, "state": client.state } });
    }
    let spell = |flag: bool| {
        if other { json!(flag.to_string()) } else { json!(flag) }
    };
    let mut body = json!({
        "deviceid": client.device_id,
        "deviceidHex": client.device_hex,
        "name": client.name,
        "paused": spell(client.paused),
        "server": { "addr": CONSOLE, "last_seen": number(client.last_seen, other), "state": client.state },
    });
    if client.restart_required {
        // A string here and a boolean above, and missing where it is false: so is the page.
        body["restartRequired"] = if other { json!(true) } else { json!("true") };
    }
    body
}

fn run_json(run: &Run, old: bool, other: bool) -> Value {
    let n = |value| number(value, other);
    let mut body = json!({
        "down_speed": n(run.down), "errors": run.errors,
        "eta": if other { json!(run.eta.to_string()) } else { json!(run.eta) },
        "files_completed": n(run.files_completed), "files_total": n(run.files_total), "id": n(run.job.id),
        "name": run.job.name, "path": run.path, "peers_count": n(run.peers),
        "peers_count_proxied": n(run.proxied), "permission": run.job.permission, "run_id": n(run.run_id),
        "size_completed": n(run.size_completed), "size_total": n(run.size_total), "status": run.status,
        "transferred_down": n(run.transferred_down), "transferred_up": n(run.transferred_up),
        "type": truth::kind_name(run.job.kind), "up_speed": n(run.up),
    });
    if let Some(at) = run.last_synced.filter(|_| !old) {
        body["last_synced"] = n(at);
    }
    body
}

fn number(value: u64, as_text: bool) -> Value {
    if as_text { json!(value.to_string()) } else { json!(value) }
}

impl Service for Resilio {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    fn answer(&self, request: Request) -> Response {
        let Some((client, path)) = self.route(&request.path) else {
            return error(StatusCode::NOT_FOUND, "not found");
        };
        let state = self.state();
        let token = self.token(&state, client);
        if path == "token" && request.method == Method::GET && !state.token_off {
            return ok(&json!({ "token": token }));
        }
        if !state.token_off && request.param("token") != Some(token.as_str()) {
            let status = state.refusal.and_then(|status| StatusCode::from_u16(status).ok());
            return error(status.unwrap_or(StatusCode::UNAUTHORIZED), "invalid token");
        }
        match (request.method.as_str(), path) {
            ("GET", path) => self.get(&state, client, path),
            ("PATCH", "client" | "tags") => ok(&json!({})),
            _ => error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        }
    }

    fn truth(&self) -> Vec<Truth> {
        truth::of(&self.world, &self.state(), self.clients)
    }

    fn targets(&self, base: &str) -> String {
        let entry = |client| {
            let slug = fleet::slug(client);
            format!("  - name: {slug}\n    vendor: {VENDOR}\n    url: {base}/{slug}\n    tags: true\n")
        };
        (0..self.clients).map(entry).collect()
    }

    /// A client is alone behind its address.
    fn shows(&self, quirk: Quirk) -> bool {
        quirk != Quirk::DuplicateName
    }

    /// The tokens of now are refused; `/token` gives others.
    fn expire_sessions(&self) {
        self.state().generation += 1;
    }
}

#[cfg(test)]
mod tests;
