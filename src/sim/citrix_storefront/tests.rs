//! The service asked directly, as a client would ask it.

mod fleet;
mod logon;

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
