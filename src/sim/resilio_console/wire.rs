//! The console's JSON: bare lists of agents, groups and jobs, runs in an envelope.

use super::{
    JSON, VENDOR,
    fleet::{Agent, AgentRun, ConsoleJob, ConsoleRun},
};
use crate::{Quirk, Response, World};
use hyper::StatusCode;
use serde_json::{Value, json};

/// How everything is spelt.
pub(super) struct Printer {
    old: bool,
    other: bool,
}

pub(super) fn ok(body: &Value) -> Response {
    Response::full(StatusCode::OK, JSON, body.to_string())
}

impl Printer {
    pub(super) fn of(world: &World) -> Printer {
        let quirk = |quirk| world.quirk(VENDOR, quirk);
        Printer { old: quirk(Quirk::OldServer), other: quirk(Quirk::OtherSpelling) }
    }

    /// A list that is bare; spelt otherwise, it is in an envelope.
    pub(super) fn bare(&self, list: Vec<Value>) -> Response {
        ok(&if self.other { json!({ "data": list }) } else { Value::Array(list) })
    }

    /// A list in its envelope; spelt otherwise, it is bare.
    pub(super) fn in_data(&self, list: Vec<Value>) -> Response {
        ok(&if self.other { Value::Array(list) } else { json!({ "data": list }) })
    }

    fn number(&self, value: u64) -> Value {
        if self.other { json!(value.to_string()) } else { json!(value) }
    }

    fn flag(&self, flag: bool) -> Value {
        if self.other { json!(if flag { "True" } else { "False" }) } else { json!(flag) }
    }

    /// What errors hold is described nowhere: objects with a code, mostly.
    fn errors(&self, errors: &[Value]) -> Value {
        let plain =
            |error: &Value| error["code"].as_u64().map_or_else(|| error.clone(), |code| json!(code.to_string()));
        if self.other { errors.iter().map(plain).collect() } else { Value::Array(errors.to_vec()) }
    }

    /// Older consoles leave out what they do not know.
    fn without(&self, mut object: Value, names: &[&str]) -> Value {
        if let Value::Object(members) = &mut object
            && self.old
        {
            names.iter().for_each(|name| _ = members.remove(*name));
        }
        object
    }

    pub(super) fn agent(&self, agent: &Agent) -> Value {
        let online = agent.online.map_or_else(|| json!("hibernating"), |online| self.flag(online));
        let tags: Vec<Value> = agent.tags.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let groups: Vec<Value> = agent.groups.iter().map(|id| json!({ "id": self.number(*id) })).collect();
        let all = json!({
            "id": self.number(agent.id), "name": agent.name, "deviceid": agent.device_id, "online": online,
            "status": "idle", "ip": format!("10.20.{}.{}", agent.id / 250 % 250, agent.id % 250),
            "last_seen": self.number(agent.last_seen), "os": agent.os, "errors": self.errors(&agent.errors),
            "tags": tags, "groups": groups, "wan_enabled": false,
        });
        self.without(all, &["ip", "status", "last_seen", "os", "errors", "tags", "wan_enabled"])
    }

    pub(super) fn group(&self, id: u64, name: &str, agents: impl Iterator<Item = u64>) -> Value {
        let agents: Vec<Value> = agents.map(|id| json!({ "id": self.number(id) })).collect();
        json!({ "id": self.number(id), "name": name, "description": "", "agents": agents, "jobs": [] })
    }

    pub(super) fn job(&self, job: &ConsoleJob) -> Value {
        let kind = if self.other { job.kind.to_uppercase() } else { job.kind.to_owned() };
        let all = json!({
            "id": self.number(job.id), "type": kind, "name": job.name, "description": "", "errors": self.errors(&job.errors),
            "last_start_time": self.number(job.last_start), "groups": [], "agents": [], "settings": { "priority": 5 },
            "scheduler": { "type": job.schedule },
        });
        self.without(all, &["errors", "last_start_time", "scheduler"])
    }

    pub(super) fn run(&self, run: &ConsoleRun) -> Value {
        let all = json!({
            "id": self.number(run.id), "job_id": self.number(run.job_id), "name": run.name, "status": run.status,
            "active": self.flag(run.active), "size_total": self.number(run.size_total),
            "size_completed": self.number(run.size_completed), "files_total": self.number(run.files_total),
            "agents_total": self.number(run.agents_total), "down_speed": self.number(run.down_speed),
            "errors": self.errors(&run.errors),
        });
        self.without(all, &["active", "files_total", "errors"])
    }

    /// Of the fields that an agent tells of its own runs, these may be there.
    pub(super) fn agent_run(&self, on: &AgentRun) -> Value {
        let run = &on.run;
        let all = json!({
            "agent_id": self.number(on.agent_id), "permission": run.job.permission, "status": run.status,
            "files_total": self.number(run.files_total), "files_completed": self.number(run.files_completed),
            "size_total": self.number(run.size_total), "size_completed": self.number(run.size_completed),
            "errors": run.errors,
        });
        self.without(all, &["size_total", "size_completed", "errors"])
    }
}
