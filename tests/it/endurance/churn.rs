//! An Azure DevOps whose agents are all offline and do not stay: each second some are replaced by others of new names, after time
//! enough for an alert about each of them.

use std::time::{Duration, Instant};

use rollcall_test_server::{Request, Response, Server};
use serde_json::{Value, json};

use crate::support::{Target, on_runtime};

/// How many there are at a time.
const AGENTS: u64 = 60;

/// How long each of them stays: `RollcallAgentFailed` takes half an hour, of which a sixtieth is left.
const STAYS: Duration = Duration::from_secs(40);

/// The service, until it is dropped.
pub struct Churn(Server);

impl Churn {
    /// On a free port.
    pub fn start() -> Churn {
        let begun = Instant::now();
        Churn(on_runtime(|| Server::http(move |request| answer(request, begun.elapsed()))))
    }

    /// The target that polls it.
    pub fn target(&self) -> Target {
        Target::new("churn", "azure_devops", &format!("{}/contoso", self.0.url()))
            .set("auth", "{ pat: any }")
            .set("job_requests", "false")
    }

    /// Forgets what it was asked.
    pub fn forget(&self) {
        self.0.take();
    }
}

fn answer(request: &Request, now: Duration) -> Response {
    let list = |items: Vec<Value>| json!({ "count": items.len(), "value": items });
    let body = match request.path() {
        "/contoso/_apis/distributedtask/pools" => {
            list(vec![json!({ "id": 1, "name": "churn", "poolType": "automation", "isHosted": false, "size": AGENTS })])
        }
        "/contoso/_apis/distributedtask/pools/1/agents" => list((0..AGENTS).map(|slot| agent(slot, now)).collect()),
        _ => return Response::status(404),
    };
    Response::new(200, "application/json", body.to_string())
}

/// The agent that has this place now. They come one after the other.
fn agent(slot: u64, now: Duration) -> Value {
    let age = now + STAYS * u32::try_from(slot).unwrap_or(0) / AGENTS as u32;
    let id = slot + AGENTS * (age.as_secs() / STAYS.as_secs());
    json!({
        "id": id, "name": format!("agent-{id:06}"), "version": "4.248.0", "enabled": true, "status": "offline",
        "provisioningState": "Provisioned", "maxParallelism": 1
    })
}
