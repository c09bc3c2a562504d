use super::*;
use crate::{Incident, Options, Resilio, resilio::fleet::DARK};
use std::collections::{BTreeMap, BTreeSet};

fn fleet_of(clients: usize) -> (Resilio, ResilioConsole) {
    let world = World::new(Options { agents: 200, resilio_clients: Some(clients), frozen: true, ..Options::default() });
    let world = Arc::new(world);
    (Resilio::new(world.clone()), ResilioConsole::new(world))
}

fn ask(console: &ResilioConsole, path: &str) -> Response {
    let request = Request::get(&format!("/api/v2/{path}"));
    console.answer(request.with_header("authorization", "Token simulated-console-token"))
}

fn list(console: &ResilioConsole, path: &str) -> Vec<Value> {
    let answer = ask(console, path);
    assert_eq!(answer.status, 200, "{path}");
    match serde_json::from_slice(&answer.into_bytes()).expect("JSON") {
        Value::Array(list) => list,
        Value::Object(mut envelope) => match envelope.remove("data") {
            Some(Value::Array(list)) => list,
            other => panic!("{path}: {other:?}"),
        },
        other => panic!("{path}: {other}"),
    }
}

/// Samples of one metric of a view, by these labels.
fn samples(truth: &[Truth], name: &str, labels: &[&'static str]) -> BTreeMap<Vec<String>, f64> {
    let of = truth.iter().filter(|sample| sample.name == name);
    of.map(|sample| (labels.iter().map(|label| sample.labels[label].clone()).collect(), sample.value)).collect()
}

#[test]
fn only_the_token_of_now_reads_and_nothing_writes() {
    let (_, console) = fleet_of(4);
    let status = |request: Request| console.answer(request).status.as_u16();
    let token = |request: Request, token: &str| request.with_header("authorization", token);
    assert_eq!(status(Request::get("/api/v2/agents")), 401);
    assert_eq!(status(token(Request::get("/api/v2/agents"), "Bearer simulated-console-token")), 401);
    assert_eq!(status(token(Request::get("/api/v2/agents"), "Token simulated-console-token")), 200);
    assert_eq!(status(token(Request::new(Method::PUT, "/api/v2/runs/1000000"), "Token simulated-console-token")), 405);
    assert_eq!(status(token(Request::get("/api/v2/runs/7/agents/1"), "Token simulated-console-token")), 404);
    console.set_secret("new");
    assert_eq!(status(token(Request::get("/api/v2/agents"), "Token simulated-console-token")), 401);
    assert_eq!(status(token(Request::get("/api/v2/agents"), "Token new")), 200);
    assert!(console.targets("http://x").contains("api_token: new"));
}

#[test]
fn runs_come_in_pages_until_one_is_empty() {
    let (_, console) = fleet_of(1_200);
    let mut ids = BTreeSet::new();
    let mut sizes = Vec::new();
    for page in 0..4 {
        let runs = list(&console, &format!("runs?offset={}&limit=500", page * 500));
        sizes.push(runs.len());
        ids.extend(runs.iter().map(|run| run["id"].as_u64().expect("an id")));
    }
    assert_eq!(sizes, [500, 112, 0, 0]);
    assert_eq!(ids.len(), 612);
    assert_eq!(list(&console, "runs?limit=3").len(), 3);
    let one = list(&console, "runs?job_id=384");
    assert_eq!((one.len(), &one[0]["status"]), (2, &json!("aborted")));
}

/// One fleet, seen twice: whatever both views tell, they tell alike, at every moment of a day with incidents.
#[test]
fn the_console_sees_what_the_agents_say_of_themselves() {
    let (agents, console) = fleet_of(14);
    agents.set_client_state(7, Some("STOPPED"));
    agents.set_client_state(8, Some("WAITING_FOR_INCOMING_CONNECTION"));
    agents.set_client_paused(9, true);
    agents.set_job_status(10, 384, Some("error"));
    agents.set_job_errors(11, 385, json!(["SE_FS_LOCKED_FILES"]));
    console.world.begin(Incident::SyncStuck);
    for step in 0..24 {
        if step == 8 {
            console.world.begin(Incident::FilersDark);
        }
        compare(&agents.truth(), &console.truth());
        console.world.advance(std::time::Duration::from_secs(3_607));
    }
    let dark: Vec<String> = DARK.iter().map(|index| format!("FILER-{:02}", index + 1)).collect();
    let online = samples(&console.truth(), "resilio_console_agent_online", &["agent"]);
    assert!(dark.iter().all(|name| online[&vec![name.clone()]] == 0.0), "{online:?}");
}

fn compare(narrow: &[Truth], wide: &[Truth]) {
    let devices = |truth: &[Truth], name: &str| samples(truth, name, &["agent", "device_id"]);
    let (ours, theirs) = (devices(wide, "resilio_console_agent_info"), devices(narrow, "resilio_client_info"));
    assert!(theirs.keys().all(|device| ours.contains_key(device)), "{theirs:?} in {ours:?}");
    // Online is what has a connection.
    let online = samples(wide, "resilio_console_agent_online", &["agent"]);
    for ([agent, state], _) in samples(narrow, "resilio_client_state", &["agent", "state"])
        .iter()
        .map(|(key, value)| (<&[String; 2]>::try_from(&key[..]).expect("two labels"), value))
    {
        let connected = !matches!(state.as_str(), "NOT_CONNECTED" | "STOPPED" | "CONNECTING" | "NOT_CONFIGURED");
        assert_eq!(online[&vec![agent.clone()]], flag(connected), "{agent} {state}");
    }
    // Of active runs every agent has the same status and class.
    for (of_agent, of_console, last) in [
        ("resilio_job_status", "resilio_console_run_agent_status", "status"),
        ("resilio_job_health", "resilio_console_run_agent_health", "health"),
    ] {
        let labels = ["agent", "job_id", "job_name", last];
        let (narrow, wide) = (samples(narrow, of_agent, &labels), samples(wide, of_console, &labels));
        assert!(wide.len() > 14 * 2 && wide.iter().all(|(key, value)| narrow.get(key) == Some(value)), "{wide:?}");
        let active: BTreeSet<&String> = wide.keys().map(|key| &key[1]).collect();
        let of_active = narrow.keys().filter(|key| active.contains(&key[1])).count();
        assert_eq!(of_active, wide.len(), "{of_agent}");
    }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

#[test]
fn a_dark_filer_is_offline_and_seen_last_when_it_went() {
    let (_, console) = fleet_of(8);
    console.world.begin(Incident::FilersDark);
    let seen = |console: &ResilioConsole| {
        let of = samples(&console.truth(), "resilio_console_agent_last_seen_timestamp_seconds", &["agent"]);
        of[&vec!["FILER-02".to_owned()]]
    };
    let before = seen(&console);
    console.world.advance(std::time::Duration::from_secs(900));
    assert_eq!(seen(&console), before);
    let failed: Vec<String> = console
        .truth()
        .into_iter()
        .filter(|t| t.name == "rollcall_agent_health" && t.labels["health"] == "failed")
        .map(|t| t.labels["agent"].clone())
        .collect();
    assert_eq!(failed, ["FILER-02", "FILER-04", "FILER-06"]);
    console.world.end(Incident::FilersDark);
    assert!(
        console
            .truth()
            .iter()
            .all(|t| t.labels.get("health").is_none_or(|health| health != "failed") || t.value == 0.0)
    );
}

#[test]
fn a_full_disk_is_an_error_of_one_agent() {
    let (_, console) = fleet_of(8);
    let codes = |console: &ResilioConsole| samples(&console.truth(), "resilio_console_error", &["code", "subject"]);
    assert!(codes(&console).is_empty());
    console.world.begin(Incident::DiskFull);
    assert_eq!(codes(&console).into_keys().collect::<Vec<_>>(), [["10200", "agent"]]);
    let full = list(&console, "agents").into_iter().find(|agent| agent["errors"] != json!([])).expect("one has errors");
    assert_eq!((&full["name"], &full["errors"][0]["code"]), (&json!("FILER-03"), &json!(10_200)));
}

#[test]
fn a_calm_day_has_no_run_that_anybody_is_told_of() {
    let world = World::new(Options { agents: 200, resilio_clients: Some(8), frozen: true, ..Options::default() });
    let console = ResilioConsole::new(Arc::new(world));
    let mut seen = BTreeSet::new();
    for _ in 0..288 {
        for (key, _) in samples(&console.truth(), "resilio_console_run_status", &["status"]) {
            assert!(matches!(key[0].as_str(), "working" | "finished"), "{key:?}");
            seen.extend(key);
        }
        assert!(
            samples(&console.truth(), "resilio_console_run_errors", &["job_id"]).values().all(|errors| *errors == 0.0)
        );
        console.world.advance(std::time::Duration::from_secs(300));
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}
