//! The clients, asked directly.

use super::*;
use crate::{Incident, Options};
use std::collections::BTreeMap;

fn fleet_of(frozen: bool, speed: f64) -> Resilio {
    let options = Options { frozen, speed, ..Options::default() };
    Resilio::new(Arc::new(World::new(options)))
}

fn body(answer: Response) -> Value {
    assert_eq!(answer.status, 200);
    serde_json::from_slice(&answer.into_bytes()).expect("JSON")
}

fn get(resilio: &Resilio, path: &str) -> Response {
    let (client, _) = path.split_once("/api").expect("a client's path");
    let token = body(resilio.answer(Request::get(&format!("{client}/api/v3/token"))));
    let token = token["token"].as_str().expect("a token");
    resilio.answer(Request::get(&format!("{path}?token={token}")))
}

fn value(resilio: &Resilio, target: &str, name: &str, job: &str) -> Option<f64> {
    let truth = resilio.truth();
    let mut found = truth
        .into_iter()
        .filter(|t| t.name == name && t.labels["target"] == target && t.labels.get("job_id").is_none_or(|j| j == job));
    found.next().map(|t| t.value)
}

#[test]
fn a_token_is_needed_is_the_clients_own_and_can_expire_or_be_off() {
    let resilio = fleet_of(true, 1.0);
    let token = |client: &str| {
        let answer = body(resilio.answer(Request::get(&format!("/{client}/api/v3/token"))));
        answer["token"].as_str().expect("a token").to_owned()
    };
    let status = |path: &str| resilio.answer(Request::get(path)).status.as_u16();
    let (first, second) = (token("filer-01"), token("filer-02"));
    assert_eq!(first.len(), 26);
    assert_eq!(status("/filer-01/api/v3/client"), 401);
    assert_eq!(status(&format!("/filer-01/api/v3/client?token={second}")), 401);
    assert_eq!(status(&format!("/filer-01/api/v3/client?token={first}")), 200);
    resilio.expire_sessions();
    assert_eq!(status(&format!("/filer-01/api/v3/client?token={first}")), 401);
    assert_ne!(token("filer-01"), first);
    resilio.set_refusal(200);
    let refused = body(resilio.answer(Request::get(&format!("/filer-01/api/v3/client?token={first}"))));
    assert_eq!(refused, json!({ "error": "invalid token" }));
    resilio.set_token_auth(false);
    assert_eq!(status("/filer-01/api/v3/runs"), 200);
    assert_eq!(status("/filer-01/api/v3/token"), 404);
    assert_eq!(status("/filer-99/api/v3/runs"), 404);
}

#[test]
fn the_newest_run_of_a_job_wins_wherever_it_stands_in_the_list() {
    let resilio = fleet_of(true, 1.0);
    let runs = body(get(&resilio, "/filer-01/api/v3/runs"));
    let mut newest: BTreeMap<u64, &Value> = BTreeMap::new();
    for run in runs.as_array().expect("an array") {
        let shown = newest.entry(run["id"].as_u64().expect("an id")).or_insert(run);
        if run["run_id"].as_u64() > shown["run_id"].as_u64() {
            *shown = run;
        }
    }
    for (job, run) in newest {
        let completed = value(&resilio, "filer-01", "resilio_job_completed_bytes", &job.to_string());
        assert_eq!(completed, run["size_completed"].as_f64());
        assert_ne!(run["status"], "error");
        let path = format!("/filer-01/api/v3/runs/{}", run["run_id"]);
        assert_eq!(&body(get(&resilio, &path))[0], run);
    }
}

#[test]
fn an_estimate_is_what_is_left_divided_by_the_speed() {
    let resilio = fleet_of(true, 1.0);
    resilio.set_job_status(0, 384, Some("downloading"));
    let mut seen = 0;
    for client in 1..=resilio.clients() {
        let runs = body(get(&resilio, &format!("/filer-{client:02}/api/v3/runs")));
        for run in runs.as_array().expect("an array") {
            let number = |name: &str| run[name].as_u64().expect("a number");
            if let ("syncing" | "downloading", Some(eta)) = (run["status"].as_str().unwrap_or(""), run["eta"].as_u64())
            {
                assert_eq!(eta, (number("size_total") - number("size_completed")) / number("down_speed"));
                seen += 1;
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn every_state_and_status_can_be_had_and_unknown_ones_are_other() {
    let resilio = fleet_of(true, 1.0);
    let has = |name: &str, label: &'static str, wanted: &str| {
        resilio.truth().iter().any(|t| t.name == name && t.labels.get(label).is_some_and(|l| l == wanted))
    };
    for (state, _) in states::CLIENT_STATES {
        resilio.set_client_state(0, Some(state));
        assert_eq!(body(get(&resilio, "/filer-01/api/v3/client"))["server"]["state"], state);
        assert!(has("resilio_client_state", "state", state));
    }
    for (status, _) in states::RUN_STATUSES {
        resilio.set_job_status(0, 384, Some(status));
        assert!(has("resilio_job_status", "status", status));
    }
    resilio.set_job_status(0, 384, Some("quantum"));
    assert!(has("resilio_job_status", "status", "other"));
    resilio.set_client_paused(0, true);
    let runs = body(get(&resilio, "/filer-01/api/v3/runs"));
    assert!(runs.as_array().is_some_and(|runs| runs.iter().any(|r| r["status"] == "paused")));
}

#[test]
fn an_old_client_leaves_out_what_it_does_not_know() {
    let resilio = fleet_of(true, 1.0);
    resilio.world.set_quirk(VENDOR, Quirk::OldServer, true);
    let client = body(get(&resilio, "/filer-04/api/v3/client"));
    assert_eq!(client.as_object().map(|c| c.len()), Some(2));
    let runs = body(get(&resilio, "/filer-04/api/v3/runs"));
    assert!(runs[0].get("last_synced").is_none());
    let truth = resilio.truth();
    let info = truth.iter().find(|t| t.name == "resilio_client_info").expect("a client");
    assert_eq!((info.labels["agent"].as_str(), info.labels["device_id"].as_str()), ("filer-01", ""));
}

#[test]
fn a_stuck_job_makes_no_progress_and_its_estimate_grows_below_the_alert() {
    let resilio = fleet_of(true, 1.0);
    resilio.world.begin(Incident::SyncStuck);
    let read = || {
        (
            value(&resilio, "filer-02", "resilio_job_completed_bytes", "384").expect("bytes"),
            value(&resilio, "filer-02", "resilio_job_eta_seconds", "384").expect("an estimate"),
        )
    };
    let (bytes, eta) = read();
    resilio.world.advance(std::time::Duration::from_secs(200));
    let (later_bytes, later_eta) = read();
    assert_eq!(bytes, later_bytes);
    assert!(later_eta > eta && later_eta < 4.0 * 3_600.0, "{eta} {later_eta}");
    assert_eq!(value(&resilio, "filer-03", "resilio_job_peers", "384"), Some(0.0));
}

#[test]
fn a_day_has_movement_and_nothing_that_pages() {
    let resilio = fleet_of(false, 1.0);
    let state = Filers::default();
    let mut seen = std::collections::BTreeSet::new();
    for minute in 0..1_440 {
        let world = World::starting_at(Options::default(), std::time::Duration::from_secs(1_768_464_000 + minute * 60));
        for run in fleet::runs(&world, &state, resilio.clients, 1) {
            if run.run_id % 10 == 9 {
                continue;
            }
            let class = states::job_health(&run.status, run.size_completed < run.size_total, 0);
            assert!(matches!(class, "healthy" | "transitional"), "{run:?}");
            assert!(run.size_completed <= run.size_total && run.files_completed <= run.files_total);
            seen.insert(run.status);
        }
    }
    assert!(seen.len() > 6, "{seen:?}");
}
