//! The service asked directly, as a client would ask it.

mod access;
mod fleet;
mod jobs;

use super::super::Options;
use super::*;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::collections::BTreeMap;

fn world(agents: usize) -> Arc<World> {
    Arc::new(World::new(Options { agents, frozen: true, ..Options::default() }))
}

fn service(agents: usize) -> AzureDevops {
    AzureDevops::new(world(agents))
}

fn with_pat(pat: &str, path: &str) -> Request {
    let value = format!("Basic {}", BASE64_STANDARD.encode(format!(":{pat}")));
    Request::get(path).with_header("authorization", &value)
}

fn get(service: &AzureDevops, path: &str) -> Response {
    service.answer(with_pat(AzureDevops::PAT, path))
}

fn json(response: Response) -> Value {
    assert_eq!(response.status, StatusCode::OK);
    serde_json::from_slice(&response.into_bytes()).expect("the service answers JSON")
}

fn list(response: Response) -> Vec<Value> {
    let body = json(response);
    let items = body["value"].as_array().expect("an envelope").clone();
    assert_eq!(body["count"], items.len());
    items
}

const POOLS: &str = "/contoso/_apis/distributedtask/pools";

fn pool_paths(service: &AzureDevops) -> Vec<(String, String)> {
    list(get(service, POOLS))
        .into_iter()
        .filter(|p| p["isHosted"] == false)
        .map(|p| {
            let name = p["name"].as_str().expect("a name").to_owned();
            (name, format!("{POOLS}/{}", p["id"]))
        })
        .collect()
}

fn agents(service: &AzureDevops, pool: &str) -> Vec<Value> {
    let flags = "includeAssignedRequest=true&includeLastCompletedRequest=true";
    list(get(service, &format!("{pool}/agents?{flags}")))
}

fn find<'a>(truth: &'a [Truth], name: &str, labels: &[(&str, &str)]) -> Option<&'a Truth> {
    truth.iter().find(|t| t.name == name && labels.iter().all(|(k, v)| t.labels.get(k).map(String::as_str) == Some(v)))
}

fn seconds(value: &Value) -> Option<f64> {
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(at.as_second() as f64 + f64::from(at.subsec_nanosecond()) / 1e9)
}

#[test]
fn pools_of_every_kind_come_with_explicit_nulls() {
    let pools = list(get(&service(200), POOLS));
    let with = |key: &str, value: &str| pools.iter().filter(|p| p[key] == value).count();
    assert!(pools.iter().any(|p| p["isHosted"] == true));
    assert!(with("poolType", "deployment") >= 1);
    assert!(with("options", "elasticPool, singleUseAgents") >= 1);
    assert!(with("options", "singleUseAgents") >= 1);
    assert!(pools.iter().all(|p| p.get("targetSize") == Some(&Value::Null)));
}

#[test]
fn members_without_a_value_are_left_out_and_requests_come_only_when_asked_for() {
    let service = service(200);
    let (_, pool) = pool_paths(&service).swap_remove(1);
    let asked = agents(&service, &pool);
    assert!(asked.iter().any(|a| a.get("assignedRequest").is_some()));
    assert!(asked.iter().any(|a| a.get("assignedRequest").is_none()));
    assert!(asked.iter().any(|a| a.get("pendingUpdate").is_some()));
    assert!(asked.iter().any(|a| a["lastCompletedRequest"]["result"].is_string()));
    let plain = list(get(&service, &format!("{pool}/agents")));
    assert!(plain.iter().all(|a| a.get("assignedRequest").is_none()));
    assert!(plain.iter().all(|a| a.get("systemCapabilities").is_none()));
    let hosted = list(get(&service, &format!("{POOLS}/9/agents")));
    assert!(hosted.iter().all(|a| a["status"] == "offline" && a["provisioningState"] == "Deallocated"));
}

#[test]
fn the_queue_tells_waiting_assigned_running_and_maintenance_apart() {
    let service = service(200);
    let mut seen = [0; 4];
    for (_, pool) in pool_paths(&service) {
        for row in list(get(&service, &format!("{pool}/jobrequests?completedRequestCount=0"))) {
            assert!(row.get("result").is_none());
            assert!(row["demands"][0].is_string());
            let kind = match (row["planType"].as_str(), row.get("assignTime"), row.get("receiveTime")) {
                (Some("PoolMaintenance"), _, _) => 3,
                (_, None, _) => 0,
                (_, Some(_), None) => 1,
                (_, Some(_), Some(_)) => 2,
            };
            seen[kind] += 1;
        }
        let all = list(get(&service, &format!("{pool}/jobrequests")));
        assert!(
            // An agent of a single-use pool is gone with its job.
            all.iter().any(|r| r.get("result").is_some()) || pool.ends_with("/1") || pool.ends_with("/14"),
            "{pool}"
        );
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
}

#[test]
fn the_truth_is_what_the_answers_say() {
    let service = service(400);
    let truth = service.truth();
    assert_eq!(truth, service.truth(), "a frozen world stands still");
    for (name, pool) in pool_paths(&service) {
        let mut busy = 0.0;
        for agent in agents(&service, &pool) {
            let shown = agent["name"].as_str().expect("a name");
            let labels = [("target", "builds"), ("pool", name.as_str()), ("agent", shown)];
            let value = |metric| find(&truth, metric, &labels).map(|t| t.value);
            let online = f64::from(u8::from(agent["status"] == "online"));
            assert_eq!(value("azure_devops_agent_online"), Some(online));
            let job = agent.get("assignedRequest");
            busy += f64::from(u8::from(job.is_some()));
            assert_eq!(value("azure_devops_agent_busy"), Some(f64::from(u8::from(job.is_some()))));
            let times = [
                ("azure_devops_agent_created_timestamp_seconds", &agent["createdOn"]),
                ("azure_devops_agent_status_changed_timestamp_seconds", &agent["statusChangedOn"]),
                (
                    "azure_devops_agent_last_job_finished_timestamp_seconds",
                    &agent["lastCompletedRequest"]["finishTime"],
                ),
            ];
            for (metric, text) in times {
                assert_eq!(value(metric), seconds(text), "{metric} of {shown}");
            }
            assert_eq!(value("rollcall_agent_health"), Some(1.0));
        }
        let state = |state| {
            let labels = [("target", "builds"), ("pool", name.as_str()), ("state", state)];
            find(&truth, "azure_devops_pool_jobs", &labels).map_or(0.0, |t| t.value)
        };
        assert_eq!(state("assigned") + state("running"), busy, "{name}");
    }
}

#[test]
fn pages_join_to_the_whole() {
    let service = service(400);
    for path in [POOLS.to_owned(), format!("{POOLS}/10/agents"), format!("{POOLS}/10/jobrequests")] {
        service.set_page_size(0);
        let whole = list(get(&service, &path));
        service.set_page_size(3);
        let (mut joined, mut token, mut pages) = (Vec::new(), None::<String>, 0);
        loop {
            let query = token.take().map_or_else(String::new, |t| {
                format!("?continuationToken={}", t.replace('=', "%3D").replace('+', "%2B"))
            });
            let response = get(&service, &format!("{path}{query}"));
            let next = response.headers.get("x-ms-continuationtoken").cloned();
            joined.extend(list(response));
            pages += 1;
            match next {
                Some(next) => token = next.to_str().ok().map(str::to_owned),
                None => break,
            }
        }
        assert_eq!(joined, whole);
        assert!(pages > 1);
    }
}

#[test]
fn other_spellings_are_strings_without_an_envelope() {
    let world = world(200);
    let service = AzureDevops::new(Arc::clone(&world));
    world.set_quirk(VENDOR, Quirk::OtherSpelling, true);
    let body = json(get(&service, &format!("{POOLS}/10/agents")));
    let first = &body.as_array().expect("a bare array")[0];
    assert_eq!((&first["id"], &first["enabled"], &first["status"]), (&"1".into(), &"True".into(), &"ONLINE".into()));
    world.set_quirk(VENDOR, Quirk::OtherSpelling, false);
    world.set_quirk(VENDOR, Quirk::OldServer, true);
    let old = agents(&service, &format!("{POOLS}/10"));
    assert!(old.iter().all(|a| a.get("provisioningState").is_none() && a.get("statusChangedOn").is_none()));
    assert_eq!(old[0]["createdOn"], "0001-01-01T00:00:00");
}

#[test]
fn the_targets_carry_whatever_the_secret_holds() {
    let service = service(200);
    service.set_secret("a\"b\\c");
    let targets = service.targets("http://127.0.0.1:1");
    assert!(targets.contains(r#"auth: { pat: "a\"b\\c" }"#), "{targets}");
    assert!(targets.contains("url: http://127.0.0.1:1/tfs/DefaultCollection"));
}
