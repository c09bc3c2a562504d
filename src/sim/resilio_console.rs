//! The simulated Resilio Management Console, below `/api/v2`: the fleet of [`resilio`](crate::resilio) seen from the middle.
//!
//! Written from what the vendor's own clients read and send; there is no page. Every request carries `Authorization: Token
//! …`. Names, device ids, connections and statuses of runs are those of the agents at the same moment. Whatever is not `GET`
//! is refused: it would stop, pause, restart and delete.

mod fleet;
mod truth;
mod wire;

use super::{Quirk, Request, Response, Service, Truth, World};
use fleet::{Standing, View};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};
use wire::Printer;

const VENDOR: &str = "resilio_console";
const JSON: &str = "application/json";

/// The target that polls it.
const TARGET: &str = "mc";

/// As many runs are in an answer at the most.
const MOST_RUNS: usize = 500;

/// The console.
pub struct ResilioConsole {
    world: Arc<World>,
    clients: usize,
    controls: Mutex<Controls>,
}

/// What tests have set.
#[derive(Debug, Default)]
struct Controls {
    token: Option<String>,
    /// By job.
    run_statuses: HashMap<u64, String>,
    run_errors: HashMap<u64, Vec<u32>>,
    job_errors: HashMap<u64, Vec<u32>>,
    /// By filer, from 0.
    agent_errors: HashMap<usize, Vec<u32>>,
}

impl ResilioConsole {
    /// The API token that is accepted at first.
    pub const API_TOKEN: &'static str = "simulated-console-token";

    /// The console of that world's Resilio agents.
    pub fn new(world: Arc<World>) -> ResilioConsole {
        let clients = world.share("resilio");
        ResilioConsole { world, clients, controls: Mutex::default() }
    }

    /// Puts the status of a job's newest run to any text; `None` gives it back to the simulation.
    pub fn set_run_status(&self, job_id: u64, status: Option<&str>) {
        let mut controls = self.controls();
        match status {
            Some(status) => controls.run_statuses.insert(job_id, status.to_owned()),
            None => controls.run_statuses.remove(&job_id),
        };
    }

    /// Codes of errors that a job's newest run has from now on.
    pub fn set_run_errors(&self, job_id: u64, codes: &[u32]) {
        self.controls().run_errors.insert(job_id, codes.to_vec());
    }

    /// Codes of errors that a job has from now on.
    pub fn set_job_errors(&self, job_id: u64, codes: &[u32]) {
        self.controls().job_errors.insert(job_id, codes.to_vec());
    }

    /// Codes of errors that a filer, counted from 0, has from now on.
    pub fn set_agent_errors(&self, filer: usize, codes: &[u32]) {
        self.controls().agent_errors.insert(filer, codes.to_vec());
    }

    fn controls(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn get(&self, view: &View<'_>, request: &Request, path: &str) -> Response {
        let printer = Printer::of(&self.world);
        let listed = |standing| view.agents().into_iter().filter(move |agent| agent.standing == standing);
        let agents = |standing| listed(standing).map(|agent| printer.agent(&agent)).collect::<Vec<Value>>();
        match path {
            "agents" => {
                let mut agents = agents(Standing::Approved);
                if self.world.quirk(VENDOR, Quirk::BadItem) {
                    agents.push(json!({ "name": "no id", "online": [], "errors": 7 }));
                }
                printer.bare(agents)
            }
            "pending_agents" if request.param("declined") == Some("true") => printer.bare(agents(Standing::Declined)),
            "pending_agents" => printer.bare(agents(Standing::Pending)),
            "groups" => {
                let agents: Vec<_> = listed(Standing::Approved).collect();
                let of = |id: u64| agents.iter().filter(move |agent| agent.groups.contains(&id)).map(|agent| agent.id);
                printer.bare(view.groups().iter().map(|(id, name)| printer.group(*id, name, of(*id))).collect())
            }
            "jobs" => printer.bare(view.jobs().iter().map(|job| printer.job(job)).collect()),
            "runs" => {
                let number = |name| request.param(name).and_then(|text| text.parse::<usize>().ok());
                let (job, status) = (number("job_id"), request.param("status"));
                let of_job = |id: u64| job.is_none_or(|job| job as u64 == id);
                let of_status = |status: &str, key| view.run(key).status == status;
                let keys = view.run_keys().into_iter().filter(|key| of_job(key.job_id()));
                let keys = keys.filter(|key| status.is_none_or(|status| of_status(status, *key)));
                let most = number("limit").unwrap_or(MOST_RUNS).min(MOST_RUNS);
                let page = keys.skip(number("offset").unwrap_or_default()).take(most);
                printer.in_data(page.map(|key| printer.run(&view.run(key))).collect())
            }
            _ => self.one(view, &printer, path),
        }
    }

    /// One run, a run on each agent, or one agent.
    fn one(&self, view: &View<'_>, printer: &Printer, path: &str) -> Response {
        let mut parts = path.split('/');
        let what = (parts.next(), parts.next().and_then(|id| id.parse::<u64>().ok()), parts.next(), parts.next());
        let found = match what {
            (Some("runs"), Some(id), None, None) => {
                let key = view.run_keys().into_iter().find(|key| key.id() == id);
                key.map(|key| wire::ok(&printer.run(&view.run(key))))
            }
            (Some("runs"), Some(id), Some("agents"), None) => view
                .run_agents(id)
                .map(|agents| printer.in_data(agents.iter().map(|agent| printer.agent_run(agent)).collect())),
            (Some("agents"), Some(id), None, None) => {
                view.agents().iter().find(|agent| agent.id == id).map(|agent| wire::ok(&printer.agent(agent)))
            }
            _ => None,
        };
        found.unwrap_or_else(|| error(StatusCode::NOT_FOUND, "Not found"))
    }
}

/// Errors are an object with a message, or plain text.
fn error(status: StatusCode, message: &str) -> Response {
    Response::full(status, JSON, json!({ "message": message, "data": null }).to_string())
}

impl Service for ResilioConsole {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    fn answer(&self, request: Request) -> Response {
        let Some(path) = request.path.strip_prefix("/api/v2/").map(|path| path.trim_end_matches('/')) else {
            return error(StatusCode::NOT_FOUND, "Not found");
        };
        let controls = self.controls();
        let token = controls.token.as_deref().unwrap_or(ResilioConsole::API_TOKEN);
        if request.header("authorization") != Some(&format!("Token {token}")) {
            return error(StatusCode::UNAUTHORIZED, "Unauthorized");
        }
        if request.method != Method::GET {
            return error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
        }
        let filers = self.world.filers();
        let view = View { world: &self.world, filers: &filers, controls: &controls, clients: self.clients };
        self.get(&view, &request, path)
    }

    fn truth(&self) -> Vec<Truth> {
        let (controls, filers) = (self.controls(), self.world.filers());
        truth::of(&View { world: &self.world, filers: &filers, controls: &controls, clients: self.clients })
    }

    fn targets(&self, base: &str) -> String {
        let token = self.controls().token.clone().unwrap_or_else(|| ResilioConsole::API_TOKEN.to_owned());
        format!(
            "  - name: {TARGET}\n    vendor: {VENDOR}\n    url: {base}\n    auth: {{ api_token: {token} }}\n    \
             offline_by_design: ['LAPTOP-*']\n    run_details: 1s\n"
        )
    }

    fn set_secret(&self, secret: &str) {
        self.controls().token = Some(secret.to_owned());
    }
}

#[cfg(test)]
mod tests;
