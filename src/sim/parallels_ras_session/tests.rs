//! The API, asked directly.

use super::*;
use crate::Options;

fn broker() -> ParallelsRasSession {
    let options = Options { frozen: true, ..Options::default() };
    ParallelsRasSession::new(Arc::new(World::new(options)))
}

fn valid(mode: i64) -> Value {
    json!({
        "connectionname": "rollcall", "ras_host": "gateway", "ras_port": 443, "endpoint_host": "rds",
        "endpoint_port": 3389, "ras_portal_url": "https://portal.example", "username": "SVC-ROLLCALL-PROBE",
        "password": ParallelsRasSession::PASSWORD, "app_mode": false, "prime_session": mode,
        "timeout": 60, "ttl": 5, "reconnectionttl": 60,
    })
}

fn put(broker: &ParallelsRasSession, body: impl ToString) -> (u16, String) {
    let request = Request::new(Method::PUT, "/api/directsessiontunnel")
        .with_header("content-type", "application/json")
        .with_header("authorization", ParallelsRasSession::API_TOKEN)
        .with_body(body.to_string());
    let answer = broker.answer(request);
    let status = answer.status.as_u16();
    (status, String::from_utf8_lossy(&answer.into_bytes()).into_owned())
}

/// The code of an answer, also of those that are no JSON.
fn code(broker: &ParallelsRasSession, body: Value) -> u32 {
    let (status, text) = put(broker, body);
    assert_eq!(status, 400, "{text}");
    let digits = text.split("\"code\":").nth(1).expect("a code").trim_start();
    let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn with(name: &str, value: Value) -> Value {
    let mut body = valid(0);
    body[name] = value;
    body
}

#[test]
fn only_put_with_the_bare_token_gets_in() {
    let broker = broker();
    let path = "/api/directsessiontunnel";
    assert_eq!(broker.answer(Request::get(path)).status, 405);
    let bare = Request::new(Method::PUT, path);
    assert_eq!(broker.answer(bare.clone()).status, 401);
    let scheme = format!("Bearer {}", ParallelsRasSession::API_TOKEN);
    let answer = broker.answer(bare.with_header("authorization", &scheme));
    assert_eq!(answer.status, 401);
    let body: Value = serde_json::from_slice(&answer.into_bytes()).expect("JSON");
    assert_eq!(body["error"], "unauthorized");
}

#[test]
fn each_mode_answers_its_own_fields() {
    let broker = broker();
    let expected: [&[&str]; 5] = [
        &["parallelsclient", "userportal"],
        &["parallelsclient", "sessionprimetime", "userportal"],
        &["parallelsclient", "primecmd", "userportal"],
        &["primecmd"],
        &[],
    ];
    for (mode, expected) in (0..).zip(expected) {
        let (status, text) = put(&broker, valid(mode));
        assert_eq!(status, 200, "{text}");
        let answer: Map<String, Value> = serde_json::from_str(&text).expect("an object");
        assert_eq!(answer.keys().collect::<Vec<_>>(), expected, "mode {mode}");
    }
    assert_eq!(broker.primed_sessions(), 2, "modes 1 and 4 leave a session behind");
}

#[test]
fn values_out_of_the_vendors_ranges_get_the_vendors_codes() {
    let broker = broker();
    assert_eq!(code(&broker, with("ras_port", json!(0))), 101);
    assert_eq!(code(&broker, with("prime_session", json!(5))), 101);
    assert_eq!(code(&broker, with("ttl", json!(4))), 101);
    assert_eq!(code(&broker, with("reconnectionttl", json!(5))), 101);
    assert_eq!(code(&broker, with("username", json!(""))), 102);
    assert_eq!(code(&broker, with("username", json!("é".repeat(261)))), 103);
    assert_eq!(code(&broker, with("ras_port", json!("443"))), 3, "a number as a string");
    assert_eq!(code(&broker, json!([])), 3);
    assert_eq!(code(&broker, with("app_mode", json!(true))), 100, "an application is needed");
}

#[test]
fn all_missing_arguments_come_at_once() {
    let (status, text) = put(&broker(), json!({ "app_mode": false }));
    let errors: Vec<Value> = serde_json::from_str(&text).expect("an array");
    assert_eq!((status, errors.len()), (400, 6));
    assert!(errors.iter().all(|e| e["code"] == 100 && e["error"] == "MissingArgument"));
}

#[test]
fn a_body_that_is_no_json_gets_the_vendors_broken_json() {
    let (status, text) = put(&broker(), "{");
    assert_eq!(status, 400);
    assert!(serde_json::from_str::<Value>(&text).is_err());
    assert!(text.contains("\"code\": 4"), "{text}");
}

#[test]
fn a_wrong_password_shows_where_a_session_is_opened_and_locks_after_five() {
    let broker = broker();
    let wrong = |mode| {
        let mut body = valid(mode);
        body["password"] = json!("wrong");
        body
    };
    assert_eq!(put(&broker, wrong(0)).0, 200, "nobody logs on in mode 0");
    for _ in 0..5 {
        assert_eq!(code(&broker, wrong(1)), 5_155);
    }
    assert_eq!(broker.wrong_passwords(), 5);
    assert_eq!(code(&broker, valid(1)), 6_435);
    broker.unlock();
    assert_eq!(put(&broker, valid(1)).0, 200);
}

#[test]
fn every_row_of_the_error_table_can_be_had_and_the_truth_follows() {
    let broker = broker();
    for (row, category, verdict) in errors::ERRORS {
        broker.set_session_code(Some(row));
        assert_eq!(code(&broker, valid(0)), row);
        let truth = broker.truth();
        let error = truth.iter().find(|t| t.name == "parallels_ras_session_probe_error");
        let labels = &error.expect("an error while it fails").labels;
        assert_eq!((labels["category"].as_str(), labels["verdict"].as_str()), (category, verdict));
    }
}

#[test]
fn incidents_fail_what_they_say() {
    let broker = broker();
    broker.world.begin(Incident::PrimingRefused);
    assert_eq!(put(&broker, valid(0)).0, 200);
    assert_eq!(errors::verdict(code(&broker, valid(1))), "broker");
    broker.world.begin(Incident::GatewayLost);
    assert_eq!(errors::verdict(code(&broker, valid(0))), "endpoint");
}
