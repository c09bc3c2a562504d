//! The JSON of pools, agents and job requests, as recorded answers have it rather than as the reference types it.

use super::{
    agent::Agent,
    elastic::Elastic,
    fleet::{Pool, View},
    job::Job,
    moment::SimTime,
};
use serde::Serialize;
use serde_json::{Value, json};

/// What an agents request asks to be included.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Include {
    /// `includeAssignedRequest`.
    pub(super) assigned: bool,
    /// `includeLastCompletedRequest`.
    pub(super) last: bool,
    /// `includeCapabilities`.
    pub(super) capabilities: bool,
}

/// Prints pools, agents and requests of one view for one client.
#[derive(Debug, Clone)]
pub(super) struct Printer {
    /// Where links point, e.g. `http://127.0.0.1:1234/contoso`.
    pub(super) base: String,
    /// The view.
    pub(super) view: View,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentWire<'a> {
    #[serde(rename = "_links")]
    links: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_capabilities: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_capabilities: Option<Value>,
    max_parallelism: i64,
    created_on: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_changed_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_request: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_completed_request: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_update: Option<Value>,
    authorization: Value,
    id: i64,
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_description: Option<&'a str>,
    enabled: bool,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioning_state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_point: Option<&'a str>,
}

impl Printer {
    /// A pool, with the explicit nulls that the service sends for it.
    pub(super) fn pool(&self, pool: &Pool) -> String {
        let owner = json!({
            "displayName": "Project Collection Build Service",
            "id": guid(pool.id as u64),
            "uniqueName": "Build\\project-collection",
        });
        let mut value = json!({
            "createdOn": self.moment(SimTime::new(self.view.epoch - 800 * 86_400 - pool.id, pool.id as u64 * 37)),
            "autoProvision": !pool.hosted(),
            "autoUpdate": true,
            "autoSize": true,
            "targetSize": null,
            "agentCloudId": pool.hosted().then_some(1),
            "createdBy": owner,
            "owner": owner,
            "id": pool.id,
            "scope": guid(1),
            "name": pool.name,
            "isHosted": pool.hosted(),
            "poolType": pool.pool_type(),
            "size": pool.agents(&self.view).count(),
            "isLegacy": false,
            "options": pool.options(),
        });
        if self.view.old_server
            && let Value::Object(members) = &mut value
        {
            for newer in ["autoUpdate", "autoSize", "targetSize", "agentCloudId", "isLegacy", "options"] {
                members.remove(newer);
            }
        }
        self.finish(value)
    }

    /// An agent; members that are null are left out.
    pub(super) fn agent(&self, pool: &Pool, agent: &Agent, include: Include) -> String {
        let url = format!("{}/_apis/distributedtask/pools/{}/agents/{}", self.base, pool.id, agent.id);
        let web = format!("{}/_settings/agentpools?poolId={}&agentId={}", self.base, pool.id, agent.id);
        let job = |wanted: bool, job: &Option<Job>| {
            job.as_ref().filter(|_| wanted).map(|j| self.request_value(pool, j, None))
        };
        let update = agent.update.map(|asked| {
            json!({
                "sourceVersion": {"major": 4, "minor": 255, "patch": 0},
                "targetVersion": {"major": 4, "minor": 266, "patch": 2},
                "requestTime": self.moment(asked),
                "currentState": "Downloading",
                "reason": {"code": "minAgentVersionRequired"},
            })
        });
        let wire = AgentWire {
            links: json!({"self": {"href": url}, "web": {"href": web}}),
            system_capabilities: include.capabilities.then(|| agent.system_capabilities(pool).into()),
            user_capabilities: include.capabilities.then(|| json!({"team": "platform"})),
            max_parallelism: agent.parallelism,
            // Not nullable in the service: what is not known is printed as .NET's default, without a zone.
            created_on: agent.created.map_or_else(|| "0001-01-01T00:00:00".to_owned(), |m| self.moment(m)),
            status_changed_on: agent.status_changed.map(|m| self.moment(m)),
            assigned_request: job(include.assigned, &agent.job),
            last_completed_request: job(include.last, &agent.last),
            pending_update: update,
            authorization: json!({"clientId": guid(agent.id as u64)}),
            id: agent.id,
            name: &agent.name,
            version: agent.version,
            os_description: agent.os,
            enabled: agent.enabled,
            status: agent.status,
            provisioning_state: agent.provisioning,
            access_point: (!self.view.old_server && !pool.hosted()).then_some("CodexAccessMapping"),
        };
        if self.view.other_spelling {
            return self.finish(serde_json::to_value(&wire).unwrap_or_default());
        }
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// A scale set.
    pub(super) fn elastic(&self, pool: &Pool, elastic: &Elastic) -> String {
        self.finish(elastic.value(pool, &self.view))
    }

    /// A row of `jobrequests`.
    pub(super) fn request(&self, pool: &Pool, job: &Job, agent: Option<&Agent>) -> String {
        self.finish(self.request_value(pool, job, agent))
    }

    fn request_value(&self, pool: &Pool, job: &Job, agent: Option<&Agent>) -> Value {
        let pipeline = job.pipeline();
        let project = format!("{}/{}", self.base, guid(7));
        let named = |kind: &str, id: u64, name: String| {
            json!({
                "_links": {
                    "web": {"href": format!("{project}/_build/{kind}?id={id}")},
                    "self": {"href": format!("{project}/_apis/build/{kind}/{id}")},
                },
                "id": id,
                "name": name,
            })
        };
        let mut value = json!({
            "requestId": job.id,
            "queueTime": self.moment(job.queued),
            "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
            "hostId": guid(1),
            "scopeId": guid(7),
            "planType": job.plan,
            "planId": guid(job.seed),
            "jobId": guid(job.seed ^ 1),
            // Strings in every recording, objects in the reference.
            "demands": ["kubectl", "Agent.Version -gtVersion 2.182.1"],
            "definition": named("definitions", pipeline, job.pipeline_name()),
            "owner": named("builds", job.id as u64 % 100_000, format!("build-{}", job.id % 100_000)),
            "data": {"ParallelismTag": "Private", "IsScheduledKey": "False"},
            "poolId": pool.id,
            "orchestrationId": format!("{}.build.__default", guid(job.seed)),
            "matchesAllAgentsInPool": true,
            "agentDelays": [],
            "priority": 0,
        });
        let Value::Object(members) = &mut value else {
            return value;
        };
        let times = [
            ("assignTime", job.assigned),
            ("receiveTime", job.received),
            ("finishTime", job.finished),
            ("lockedUntil", job.locked_until),
        ];
        for (name, moment) in times {
            if let Some(moment) = moment {
                members.insert(name.to_owned(), self.moment(moment).into());
            }
        }
        if let Some(result) = job.result {
            members.insert("result".to_owned(), result.into());
        }
        let reference = |agent: &Agent| {
            json!({
                "id": agent.id,
                "name": agent.name,
                "version": agent.version,
                "enabled": agent.enabled,
                "status": agent.status,
            })
        };
        if let Some(agent) = agent {
            members.insert("reservedAgent".to_owned(), reference(agent));
        }
        // Where all match, the list is not there.
        if let Some(matched) = pool.matched(&self.view, job) {
            members.insert("matchesAllAgentsInPool".to_owned(), false.into());
            members.insert("matchedAgents".to_owned(), matched.iter().map(reference).collect());
        }
        value
    }

    fn moment(&self, moment: SimTime) -> String {
        self.view.reported(moment).to_string()
    }

    fn finish(&self, mut value: Value) -> String {
        if self.view.other_spelling {
            respell(&mut value);
        }
        value.to_string()
    }
}

/// Numbers as strings, `True` and `False`, enum values in another case.
fn respell(value: &mut Value) {
    match value {
        Value::Number(number) => *value = number.to_string().into(),
        Value::Bool(flag) => *value = if *flag { "True" } else { "False" }.into(),
        Value::Array(items) => items.iter_mut().for_each(respell),
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("status", Value::String(text)) => *text = text.to_uppercase(),
                    ("poolType" | "result" | "options", Value::String(text)) => {
                        let capital = text.get(..1).unwrap_or_default().to_uppercase();
                        *text = format!(" {capital}{}", text.get(1..).unwrap_or_default());
                    }
                    (_, member) => respell(member),
                }
            }
        }
        Value::Null | Value::String(_) => {}
    }
}

/// A GUID that follows from a number.
pub(super) fn guid(seed: u64) -> String {
    let a = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995_u64.rotate_left(32);
    let b = (a ^ (a >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    uuid::Builder::from_random_bytes(((u128::from(a) << 64) | u128::from(b)).to_be_bytes()).into_uuid().to_string()
}
