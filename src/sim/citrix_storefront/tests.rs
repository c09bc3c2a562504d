//! The service asked directly, as a client would ask it.

use super::super::Options;
use super::auth::TOKEN_REALM;
use super::xml::leaves;
use super::*;
use base64::{Engine, prelude::BASE64_STANDARD};
use std::collections::{BTreeMap, BTreeSet};

fn world(agents: usize) -> Arc<World> {
    Arc::new(World::new(Options { agents, frozen: true, ..Options::default() }))
}

fn service(agents: usize) -> CitrixStorefront {
    CitrixStorefront::new(world(agents))
}

const RESOURCES: &str = "/Citrix/Store/resources/v2/withoutautoprovision";
const LIST: &str = "/Citrix/Store/machinecontrol/list";
const ROOT: &str = "/Citrix/Authentication";

fn challenge(response: &Response) -> String {
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    let all = response.headers.get_all("www-authenticate").iter();
    all.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        .find(|v| v.contains("CitrixAuth "))
        .expect("a challenge of the scheme")
}

/// The value of a parameter of a proper challenge.
fn parameter<'a>(challenge: &'a str, name: &str) -> &'a str {
    let rest = challenge.split(&format!("{name}=\"")).nth(1).expect("the parameter");
    rest.split('"').next().expect("its end")
}

fn leaf(body: &[u8], name: &str) -> Option<String> {
    let found = leaves(body).expect("well-formed");
    found.into_iter().find(|(n, _)| n == name).map(|(_, text)| text)
}

fn token_request(path: &str, realm: &str) -> Request {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><requesttoken \
         xmlns=\"http://citrix.com/delivery-services/1-0/auth/requesttoken\"><for-service>{realm}</for-service>\
         <for-service-url>http://localhost/x</for-service-url><reqtokentemplate />\
         <requested-lifetime>1.06:00:00</requested-lifetime></requesttoken>"
    );
    Request::new(Method::POST, path)
        .with_header("content-type", "application/vnd.citrix.requesttoken+xml")
        .with_header("accept", "application/vnd.citrix.requesttokenresponse+xml, text/xml")
        .with_header("accept", "application/vnd.citrix.requesttokenchoices+xml")
        .with_header("accept", "application/vnd.citrix.authenticateresponse-1+xml")
        .with_body(body)
}

fn bearing(request: Request, token: &str) -> Request {
    request.with_header("authorization", &format!("CitrixAuth {token}"))
}

fn enumeration() -> Request {
    Request::get(RESOURCES).with_header("accept", "application/vnd.citrix.resources+xml")
}

/// Posts the form of a new conversation.
fn log_on(service: &CitrixStorefront, password: &str) -> Response {
    let form = service.answer(token_request(&format!("{ROOT}/ExplicitForms/Authenticate"), TOKEN_REALM));
    assert_eq!(form.status, StatusCode::OK);
    let cookie = form.headers["set-cookie"].to_str().expect("text").to_owned();
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let body = form.into_bytes();
    assert_eq!(leaf(&body, "Result").as_deref(), Some("more-info"));
    let path = leaf(&body, "PostBack").expect("where to post");
    let user = CitrixStorefront::USERNAME.replace('\\', "%5C");
    let context = leaf(&body, "StateContext").unwrap_or_default();
    let request = Request::new(Method::POST, &path)
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_header("cookie", &cookie)
        .with_body(format!(
            "StateContext={context}&loginBtn=Log+On&username={user}&password={password}&saveCredentials=false"
        ));
    assert!(service.carries_secret(&request));
    service.answer(request)
}

fn primary(service: &CitrixStorefront) -> String {
    let answer = log_on(service, CitrixStorefront::PASSWORD).into_bytes();
    leaf(&answer, "token").expect("a token")
}

/// A service token for what the challenge of a protected request asks for.
fn token_for(service: &CitrixStorefront, primary: &str, challenge: &str) -> String {
    let request = token_request(&format!("{ROOT}/auth/v1/token"), parameter(challenge, "realm"));
    let answer = service.answer(bearing(request, primary));
    assert_eq!(answer.status, StatusCode::OK);
    leaf(&answer.into_bytes(), "token").expect("a token")
}

fn list_of(ids: &[String]) -> Request {
    let ids: String = ids.iter().map(|id| format!("<resourceid>{}</resourceid>\n", xml::escape(id))).collect();
    let body = format!(
        "<machinecontrolstatusparams xmlns=\"http://citrix.com/delivery-services/1-0/machinecontrolstatusparams\">\
         <resourceids>{ids}</resourceids></machinecontrolstatusparams>"
    );
    Request::new(Method::POST, LIST)
        .with_header("accept", control::LIST_RESULT)
        .with_header("content-type", control::LIST_PARAMS)
        .with_body(body)
}

/// The resources, and what lists the machines behind given ones.
fn opened(service: &CitrixStorefront) -> (String, String) {
    let primary = primary(service);
    let store = challenge(&service.answer(enumeration()));
    let machines = challenge(&service.answer(list_of(&[])));
    (token_for(service, &primary, &store), token_for(service, &primary, &machines))
}

fn texts(body: &[u8], name: &str) -> Vec<String> {
    let found = leaves(body).expect("well-formed");
    let named = found.into_iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    named.map(|(_, text)| text).collect()
}

fn queryable(service: &CitrixStorefront, token: &str) -> Vec<String> {
    let body = service.answer(bearing(enumeration(), token)).into_bytes();
    let flags = texts(&body, "canquerymachinestate");
    let ids = texts(&body, "id");
    assert_eq!(ids.len(), flags.len());
    ids.into_iter().zip(flags).filter(|(_, f)| f == "true").map(|(id, _)| id).collect()
}

#[test]
fn the_ritual_leads_from_a_challenge_to_the_machines() {
    let service = service(200);
    let first = challenge(&service.answer(enumeration()));
    assert_eq!(parameter(&first, "reason"), "notoken");
    assert_eq!(parameter(&first, "locations"), format!("http://localhost{ROOT}/auth/v1/token"));

    let token_path = format!("{ROOT}/auth/v1/token");
    let second = challenge(&service.answer(token_request(&token_path, parameter(&first, "realm"))));
    assert_ne!(parameter(&first, "realm"), parameter(&second, "realm"));
    assert_eq!(parameter(&second, "locations"), format!("http://localhost{ROOT}/auth/v1/protocols"));

    let protocols = service.answer(token_request(&format!("{ROOT}/auth/v1/protocols"), TOKEN_REALM));
    assert_eq!(protocols.status, StatusCode::MULTIPLE_CHOICES);
    let body = protocols.into_bytes();
    let forms = format!("http://localhost{ROOT}/ExplicitForms/Authenticate");
    assert!(texts(&body, "location").contains(&forms));

    let (store, machines) = opened(&service);
    let ids = queryable(&service, &store);
    let body = service.answer(bearing(list_of(&ids), &machines)).into_bytes();
    assert_eq!(texts(&body, "machinename").len(), 40);
    assert_eq!(service.credential_submissions(), 1);
    assert_eq!(service.auto_provisioned(), 0);
}

#[test]
fn each_service_wants_a_token_of_its_own() {
    let service = service(200);
    let (store, _) = opened(&service);
    let refused = challenge(&service.answer(bearing(list_of(&[]), &store)));
    assert_eq!(parameter(&refused, "reason"), "notforthisservice");
    service.set_one_realm(true);
    assert_eq!(service.answer(bearing(list_of(&[]), &store)).status, StatusCode::OK);
}

#[test]
fn a_wrong_password_is_answered_with_the_form_and_an_error() {
    let service = service(200);
    let answer = log_on(&service, "wrong");
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.into_bytes();
    assert_eq!(leaf(&body, "Result").as_deref(), Some("more-info"));
    assert!(texts(&body, "Type").contains(&"error".to_owned()));
    service.set_secret("wrong");
    assert!(leaf(&log_on(&service, "wrong").into_bytes(), "token").is_some());
}

#[test]
fn five_wrong_passwords_lock_the_account() {
    let service = service(200);
    for _ in 0..5 {
        assert!(!service.locked());
        log_on(&service, "wrong");
    }
    assert!(service.locked());
    let body = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&body, "token"), None);
    assert_eq!(service.credential_submissions(), 6);
    service.unlock();
    primary(&service);
}

#[test]
fn an_expired_password_gets_another_form_and_a_failure_none() {
    let service = service(200);
    service.set_log_on(LogOn::PasswordExpired);
    let body = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&body, "Result").as_deref(), Some("update-credentials"));
    service.set_log_on(LogOn::Fail);
    let body = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&body, "Result").as_deref(), Some("fail"));
}

#[test]
fn the_form_wants_its_cookie_and_its_context() {
    let service = service(200);
    service.set_state_context("seven");
    primary(&service);
    let request = Request::new(Method::POST, &format!("{ROOT}/ExplicitForms"))
        .with_body("StateContext=seven&loginBtn=Log+On&username=x&password=y");
    let body = service.answer(request).into_bytes();
    assert_eq!(leaf(&body, "Status").as_deref(), Some("error-sessionid-invalid"));
    assert_eq!(service.credential_submissions(), 1);
}

#[test]
fn basic_asks_once_and_takes_the_password() {
    let service = service(200);
    let path = format!("{ROOT}/HttpBasic/Authenticate");
    let with = |password: &str| {
        let pair = format!("{}:{password}", CitrixStorefront::USERNAME);
        let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let request = token_request(&path, TOKEN_REALM).with_header("authorization", &value);
        assert!(service.carries_secret(&request));
        service.answer(request)
    };
    let first = service.answer(token_request(&path, TOKEN_REALM));
    assert_eq!(first.status, StatusCode::UNAUTHORIZED);
    assert_eq!(service.credential_submissions(), 0, "nothing was submitted");
    assert_eq!(with("wrong").status, StatusCode::UNAUTHORIZED);
    assert_eq!(with(CitrixStorefront::PASSWORD).status, StatusCode::OK);
}

#[test]
fn tokens_end_and_the_primary_one_brings_another() {
    let service = service(200);
    let first = primary(&service);
    let asked = challenge(&service.answer(enumeration()));
    let store = token_for(&service, &first, &asked);
    service.expire_service_tokens();
    let refused = challenge(&service.answer(bearing(enumeration(), &store)));
    assert_eq!(parameter(&refused, "reason"), "expired");
    let store = token_for(&service, &first, &refused);
    assert_eq!(service.answer(bearing(enumeration(), &store)).status, StatusCode::OK);
    service.expire_sessions();
    let request = token_request(&format!("{ROOT}/auth/v1/token"), parameter(&asked, "realm"));
    let refused = challenge(&service.answer(bearing(request, &first)));
    assert_eq!(parameter(&refused, "reason"), "expired");

    service.set_token_lifetimes(Duration::from_millis(1), Duration::from_millis(1));
    let body = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&body, "lifetime").as_deref(), Some("0.00:00:00.001"));
    assert_eq!(leaf(&body, "ExpiryTime").as_deref(), Some("2026-03-16T08:00:00.000Z"));
    assert_eq!(leaf(&body, "TimeRemaining").as_deref(), Some("60.00:00:00"));
}

#[test]
fn challenges_come_in_every_style_of_the_samples() {
    let service = service(200);
    let styles = [
        (ChallengeStyle::NoCommaBeforeLocations, "\"notoken\"    locations"),
        (ChallengeStyle::NoCommaBeforeHint, "token\" serviceroot-hint"),
        (ChallengeStyle::UnquotedHint, "hint=http://"),
        (ChallengeStyle::TypographicQuotes, "hint=”http"),
        (ChallengeStyle::OddBlanks, "realm=\" 6b78"),
        (ChallengeStyle::AmongOthers, "Basic realm"),
    ];
    for (style, part) in styles {
        service.set_challenge_style(style);
        let text = challenge(&service.answer(enumeration()));
        assert!(text.contains(part), "{text}");
    }
    service.set_other_location(Some("http://127.0.0.1:9/dead"));
    assert!(challenge(&service.answer(enumeration())).contains("9/dead|http://localhost/"));
}

#[test]
fn choices_may_come_inside_a_response() {
    let service = service(200);
    service.set_choices_style(ChoicesStyle::InsideResponse);
    service.set_protocols(&[Protocol::ExplicitForms]);
    let answer = service.answer(token_request(&format!("{ROOT}/auth/v1/protocols"), TOKEN_REALM));
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.into_bytes();
    assert_eq!(texts(&body, "protocol"), ["ExplicitForms"]);
}

#[test]
fn a_wildcard_is_not_acceptable() {
    let service = service(200);
    let (store, _) = opened(&service);
    let ask = |accept| {
        let request = Request::get(RESOURCES).with_header("accept", accept);
        service.answer(bearing(request, &store)).status
    };
    assert_eq!(ask("*/*"), StatusCode::NOT_ACCEPTABLE);
    let quality = "text/html, application/vnd.citrix.resources+xml;q=0.5";
    assert_eq!(ask(quality), StatusCode::OK);
}

#[test]
fn two_hundred_ids_are_taken_and_one_more_is_not() {
    let service = service(2_000);
    let (store, machines) = opened(&service);
    let ids = queryable(&service, &store);
    let ask = |ids: &[String]| service.answer(bearing(list_of(ids), &machines));
    assert_eq!(ask(&ids[..201]).status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&ids[..200]).status, StatusCode::OK);
    let strange = ["XD-East.Nothing", "Elsewhere.Desktop 1", &ids[3], &ids[3]].map(str::to_owned);
    let body = ask(&strange).into_bytes();
    assert_eq!(texts(&body, "resourceid").len(), 1, "unknown and repeated ones are passed over");
}

#[test]
fn the_enumeration_without_provisioning_is_the_one_without_side_effect() {
    let service = service(200);
    let (store, _) = opened(&service);
    let request = Request::get("/Citrix/Store/resources/v2").with_header("accept", resources::RESOURCES);
    service.answer(bearing(enumeration(), &store));
    assert_eq!(service.auto_provisioned(), 0);
    service.answer(bearing(request, &store));
    assert_eq!(service.auto_provisioned(), 1);
    let endpoints = Request::get("/Citrix/Store/endpoints/v1").with_header("accept", resources::ENDPOINTS);
    let body = service.answer(endpoints.with_header("host", "sf:81")).into_bytes();
    assert!(texts(&body, "url").contains(&format!("http://sf:81{RESOURCES}")));
}

#[test]
fn the_truth_is_what_the_list_says() {
    let service = service(600);
    let truth = service.truth();
    assert_eq!(truth, service.truth(), "a frozen world stands still");
    let (store, machines) = opened(&service);
    let ids = queryable(&service, &store);
    let mut seen = 0;
    for chunk in ids.chunks(50) {
        let body = service.answer(bearing(list_of(chunk), &machines)).into_bytes();
        let column = |name| texts(&body, name).into_iter();
        let states = column("powerstate").zip(column("registrationstate"));
        for ((name, updated), (power, registration)) in column("machinename").zip(column("lastUpdatedTime")).zip(states)
        {
            let value = |metric: &str, state: Option<&str>| {
                let found = truth.iter().find(|t| t.name == metric && t.labels["agent"] == name);
                let found = found.expect("a sample");
                assert_eq!(found.labels.get("state").map(String::as_str), state);
                found.value
            };
            value("citrix_machine_power_state", Some(&power));
            value("citrix_machine_registration_state", Some(&registration));
            let at: Timestamp = updated.parse().expect("a time stamp");
            let at = at.as_second() as f64 + f64::from(at.subsec_nanosecond()) / 1e9;
            assert_eq!(value("citrix_machine_last_updated_timestamp_seconds", None), at);
            assert_eq!(updated.len(), "2025-09-24T09:25:54.2998305Z".len());
            seen += 1;
        }
    }
    let count = |name| truth.iter().find(|t| t.name == name).map(|t| t.value);
    assert_eq!(count("citrix_store_machines"), Some(f64::from(seen)));
    assert_eq!(count("citrix_store_queryable_resources"), Some(ids.len() as f64));
    assert_eq!(count("citrix_store_resources_without_machine"), Some(3.0));
}

/// How many machines are in each class.
fn classes(truth: &[Truth], pool: Option<&str>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for sample in truth.iter().filter(|t| t.name == "rollcall_agent_health") {
        if pool.is_none_or(|pool| sample.labels["pool"] == pool) {
            *found.entry(sample.labels["health"].clone()).or_default() += 1;
        }
    }
    found
}

#[test]
fn a_calm_fleet_has_only_sane_states() {
    for seed in 1..20 {
        let options = Options { seed, agents: 1_000, frozen: true, ..Options::default() };
        let truth = CitrixStorefront::new(Arc::new(World::new(options))).truth();
        let classes: BTreeSet<String> = classes(&truth, None).into_keys().collect();
        assert!(classes.is_subset(&["healthy", "disabled", "transitional"].map(str::to_owned).into()));
        assert!(classes.contains("disabled"));
    }
}

#[test]
fn every_combination_of_states_can_be_reached() {
    let service = service(2_000);
    service.set_parade(true);
    let truth = service.truth();
    let mut pairs: BTreeMap<(&str, &str), [Option<&str>; 2]> = BTreeMap::new();
    for sample in &truth {
        let column = match sample.name {
            "citrix_machine_power_state" => 0,
            "citrix_machine_registration_state" => 1,
            _ => continue,
        };
        let key = (sample.labels["pool"].as_str(), sample.labels["agent"].as_str());
        pairs.entry(key).or_default()[column] = Some(&sample.labels["state"]);
    }
    assert_eq!(pairs.values().collect::<BTreeSet<_>>().len(), 48);
    service.set_parade(false);
    service.set_state("VDI-EAST-001", "On", "Unregistered", false);
    assert_eq!(classes(&service.truth(), None).get("failed"), Some(&1));
}

#[test]
fn a_lost_hypervisor_takes_half_a_farm_and_more() {
    let options = Options {
        agents: 400,
        incidents: vec![Incident::HypervisorLost],
        incident_delay: Duration::ZERO,
        speed: 100_000.0,
        ..Options::default()
    };
    let service = CitrixStorefront::new(Arc::new(World::new(options)));
    std::thread::sleep(Duration::from_millis(20));
    let first = classes(&service.truth(), Some("XD-East"));
    let all: usize = first.values().sum();
    assert!(first["unknown"] * 2 > all, "{first:?}");
    assert!(first["degraded"] > 0 && !first.contains_key("failed"), "{first:?}");
    assert!(!classes(&service.truth(), Some("XD-West")).contains_key("unknown"));
}

#[test]
fn patch_night_restarts_few_at_a_time_and_fails_nobody() {
    let options = Options {
        agents: 2_000,
        incidents: vec![Incident::PatchNight],
        incident_delay: Duration::ZERO,
        speed: 5_000.0,
        ..Options::default()
    };
    let service = CitrixStorefront::new(Arc::new(World::new(options)));
    let mut restarted = 0;
    for _ in 0..20 {
        let classes = classes(&service.truth(), None);
        assert!(!classes.contains_key("failed") && !classes.contains_key("unknown"), "{classes:?}");
        let changing = classes.get("transitional").copied().unwrap_or(0);
        assert!(changing <= 400 / 10, "{classes:?}");
        restarted += changing;
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(restarted > 0);
}

#[test]
fn quirks_change_the_first_four_machines_and_the_truth_knows() {
    let world = world(200);
    let service = CitrixStorefront::new(Arc::clone(&world));
    for quirk in [Quirk::UnknownState, Quirk::DuplicateName, Quirk::NastyName, Quirk::LongName, Quirk::BadItem] {
        world.set_quirk(VENDOR, quirk, true);
    }
    let (_, machines) = opened(&service);
    let ids: Vec<String> = (1..=4).map(|i| format!("XD-East.Desktop {i}")).collect();
    let body = service.answer(bearing(list_of(&ids), &machines)).into_bytes();
    let names = texts(&body, "machinename");
    assert_eq!((names.len(), texts(&body, "resourceid").len()), (5, 4), "one item without an id");
    assert_eq!(names[1], names[2]);
    assert_eq!(names[3], "quote \" backslash \\ line\nfeed");
    assert_eq!(texts(&body, "powerstate")[0], "Hibernated");
    let truth = service.truth();
    let health = |agent: &str| {
        let all = truth.iter().filter(|t| t.name == "rollcall_agent_health");
        all.filter(|t| t.labels["agent"] == agent).count()
    };
    let second = "VDI-EAST-001#XD-East.S-1-5-21-3729792978-2641905665-2579007459-1000002";
    for agent in ["VDI-EAST-001", second, &names[3], &format!("long-{}", "ä".repeat(125))] {
        assert_eq!(health(agent), 1, "{agent}");
    }
    let power = truth.iter().find(|t| t.name == "citrix_machine_power_state").expect("a sample");
    assert_eq!(power.labels["state"], "other");
}

#[test]
fn the_list_is_written_in_every_way_of_the_page() {
    let world = world(200);
    let service = CitrixStorefront::new(Arc::clone(&world));
    let (_, machines) = opened(&service);
    let ids: Vec<String> = (1..=9).map(|i| format!("XD-East.Desktop {i}")).collect();
    let ask = || {
        let body = service.answer(bearing(list_of(&ids), &machines)).into_bytes();
        let rows = texts(&body, "machinename").len();
        assert_eq!(rows, 8, "the fifth place is a shared one");
        String::from_utf8_lossy(&body).into_owned()
    };
    assert!(ask().contains("status=\"success\" xmlns=\"http://citrix.com/delivery-services/1-0/"));
    world.set_quirk(VENDOR, Quirk::OtherSpelling, true);
    for (style, part) in [
        (ListStyle::CamelCase, "<powerState>"),
        (ListStyle::Attributes, "<machinedata powerActionInProgress="),
        (ListStyle::Prefixed, "</m:machinename>"),
    ] {
        service.set_list_style(Some(style));
        let body = ask();
        assert!(body.contains(part), "{body}");
        assert!(body.contains("/2-0/machinecontrol\"") && body.contains(">0001-01-01T00:00:00Z<"));
        let stamps = texts(body.as_bytes(), "lastUpdatedTime");
        assert!(stamps.iter().any(|stamp| !stamp.ends_with('Z')), "{stamps:?}");
    }
    world.set_quirk(VENDOR, Quirk::OtherSpelling, false);
    service.set_list_style(None);
    service.set_list_error(Some("unspecified"));
    let body = service.answer(bearing(list_of(&ids), &machines)).into_bytes();
    assert_eq!(leaf(&body, "errorid").as_deref(), Some("unspecified"));
}

#[test]
fn power_actions_are_answered_and_recorded() {
    let service = service(200);
    let (_, machines) = opened(&service);
    let id = "XD-East.S-1-5-21-3729792978-2641905665-2579007459-1000001";
    let request = Request::new(Method::POST, "/Citrix/Store/machinecontrol/shutdown")
        .with_header("content-type", "application/vnd.citrix.machinecontroloperationparams+xml")
        .with_body(format!(
            "<machinecontroloperationparams><machineid>{id}</machineid></machinecontroloperationparams>"
        ));
    assert_eq!(service.answer(bearing(request, &machines)).status, StatusCode::OK);
    assert_eq!(service.power_actions(), [format!("/machinecontrol/shutdown {id}")]);
}

#[test]
fn a_hundred_thousand_agents_are_enumerated_in_chunks_and_the_same_for_the_same_seed() {
    let body = |seed| {
        let options = Options { agents: 100_000, seed, frozen: true, ..Options::default() };
        let service = CitrixStorefront::new(Arc::new(World::new(options)));
        let (store, machines) = opened(&service);
        let response = service.answer(bearing(enumeration(), &store));
        assert!(matches!(response.body, super::super::Body::Stream(_)));
        let bytes = response.into_bytes();
        assert!(bytes.len() < 40 << 20, "{} bytes", bytes.len());
        let ids = &texts(&bytes, "id")[1_000..1_200];
        service.answer(bearing(list_of(ids), &machines)).into_bytes()
    };
    assert_eq!(body(1), body(1));
    assert_ne!(body(1), body(2));
}
