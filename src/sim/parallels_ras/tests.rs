//! The service, asked directly.

use super::*;
use crate::{Incident, Options, Quirk};
use std::collections::BTreeMap;

fn farm(agents: usize) -> ParallelsRas {
    let options = Options { agents, frozen: true, ..Options::default() };
    ParallelsRas::new(Arc::new(World::new(options)))
}

fn log_on_with(farm: &ParallelsRas, password: &str) -> Response {
    let body = json!({ "username": "SVC-ROLLCALL", "password": password });
    let request = Request::new(Method::POST, "/api/session/LOGON")
        .with_header("content-type", "application/json; api-version=1.0")
        .with_body(body.to_string());
    assert!(farm.carries_secret(&request));
    farm.answer(request)
}

fn token(farm: &ParallelsRas) -> String {
    let answer = log_on_with(farm, ParallelsRas::PASSWORD);
    assert_eq!(answer.status, 200);
    let body: Value = serde_json::from_slice(&answer.into_bytes()).expect("JSON");
    body["authToken"].as_str().expect("a token").to_owned()
}

fn get(farm: &ParallelsRas, token: &str, path: &str) -> Response {
    farm.answer(Request::get(path).with_header("auth_token", token))
}

fn list(farm: &ParallelsRas, path: &str) -> Vec<Value> {
    let answer = get(farm, &token(farm), path);
    assert_eq!(answer.status, 200, "{path}");
    serde_json::from_slice(&answer.into_bytes()).expect("a JSON array")
}

#[test]
fn a_token_opens_the_list_until_it_is_logged_off() {
    let farm = farm(200);
    assert_eq!(get(&farm, "made-up", "/api/Agent").status, 401);
    let token = token(&farm);
    assert!(["+", "-", "="].iter().all(|c| token.contains(c)), "{token}");
    assert_eq!(get(&farm, &token, "/API/agent").status, 200);
    assert_eq!(farm.open_sessions(), 1);
    let off = Request::new(Method::POST, "/api/Session/logoff").with_header("auth_token", &token);
    assert_eq!(farm.answer(off).status, 204);
    assert_eq!(get(&farm, &token, "/api/Agent").status, 401);
    assert_eq!(farm.open_sessions(), 0);
}

#[test]
fn every_host_has_its_name_in_a_list() {
    let farm = farm(2_000);
    for (path, server_type) in [
        ("/api/Provider/VM/Host/Status", kind::VDI_HOST),
        ("/api/Provider/VM/Host/Status", kind::GUEST),
        ("/api/Provider/VM/AVDHost/Status", kind::AVD_HOST),
        ("/api/EnrollmentServer/Status", kind::ENROLLMENT),
        ("/api/HALB/Device", kind::HALB_DEVICE),
    ] {
        let key = if path.contains("/VM/") { "name" } else { "server" };
        let names: Vec<String> =
            list(&farm, path).iter().map(|row| row[key].as_str().expect("a name").to_owned()).collect();
        let group = farm.groups.iter().find(|group| group.server_type == server_type).expect("there are some");
        let expected = wire::Odd::of(&farm.world).server(*group, 0);
        assert!(names.contains(&expected), "{path}: {expected} of {}", names.len());
    }
    farm.world.set_quirk(VENDOR, Quirk::OldServer, true);
    for path in ["/api/Provider/VM/AVDHost/Status", "/api/HALB/Device"] {
        assert_eq!(get(&farm, &token(&farm), path).status, 404, "{path}");
    }
}

#[test]
fn an_idle_session_ends() {
    let world = Arc::new(World::new(Options { frozen: true, ..Options::default() }));
    let farm = ParallelsRas::new(Arc::clone(&world));
    let token = token(&farm);
    assert_eq!(get(&farm, &token, "/api/Broker").status, 200);
    world.advance(Duration::from_secs(2_000));
    assert_eq!(get(&farm, &token, "/api/Broker").status, 401);
}

#[test]
fn five_wrong_passwords_lock_the_account_for_the_right_one_too() {
    let farm = farm(200);
    for _ in 0..5 {
        assert!(!farm.locked());
        assert_eq!(log_on_with(&farm, "wrong").status, 401);
    }
    assert!(farm.locked());
    assert_eq!(log_on_with(&farm, ParallelsRas::PASSWORD).status, 401);
    farm.unlock();
    assert_eq!(log_on_with(&farm, ParallelsRas::PASSWORD).status, 200);
}

#[test]
fn the_fifty_first_request_of_ten_seconds_is_refused_whoever_sends_it() {
    let farm = farm(200);
    let token = token(&farm);
    for _ in 0..49 {
        assert_eq!(get(&farm, &token, "/api/Broker").status, 200);
    }
    assert_eq!(get(&farm, &token, "/api/Broker").status, 429);
    assert_eq!(log_on_with(&farm, "wrong").status, 429);
    assert_eq!(farm.access().open(&farm.world), 1);
}

#[test]
fn rows_have_the_four_documented_fields_and_ids_of_the_documented_types() {
    let farm = farm(200);
    for row in list(&farm, "/api/Agent") {
        let keys: Vec<&String> = row.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["agentState", "id", "serverType", "siteId"]);
        assert!(row["id"].is_string() && row["agentState"].is_i64());
    }
    assert!(list(&farm, "/api/Broker")[0]["id"].is_u64());
    assert!(list(&farm, "/api/RDS/Host")[0]["id"].is_string());
    let site_two = list(&farm, "/api/Agent?siteId=2&serverType=RDSHost");
    assert!(site_two.iter().all(|r| r["siteId"] == 2 && r["serverType"] == 1));
    let one = list(&farm, "/api/Agent/GW-2-00001.farm.example");
    assert_eq!(one, [json!({ "id": "2", "siteId": 2, "agentState": 0, "serverType": 3 })]);
    let token = token(&farm);
    assert_eq!(get(&farm, &token, "/api/Agent?siteId=9").status, 404);
    assert_eq!(get(&farm, &token, "/api/Agent/nobody").status, 404);
}

#[test]
fn an_object_that_is_not_applied_is_configured_and_has_no_state() {
    let farm = farm(200);
    let (hosts, rows) = (list(&farm, "/api/RDS/Host"), list(&farm, "/api/Agent?serverType=1"));
    assert_eq!(hosts.len(), rows.len() + 2, "one for each of two sites");
}

#[test]
fn an_old_server_lists_its_hosts_elsewhere() {
    let farm = farm(200);
    farm.world.set_quirk(VENDOR, Quirk::OldServer, true);
    assert_eq!(get(&farm, &token(&farm), "/api/RDS/Host").status, 404);
    assert!(list(&farm, "/api/RDS")[0]["id"].is_u64());
}

#[test]
fn other_spellings_say_the_same() {
    let farm = farm(200);
    let plain = list(&farm, "/api/Agent");
    farm.world.set_quirk(VENDOR, Quirk::OtherSpelling, true);
    let odd = list(&farm, "/api/Agent");
    let code = |value: &Value| {
        let value = value.get(0).unwrap_or(value);
        let text = value.as_str().map_or(value.to_string(), str::to_owned);
        let number = text.split(" = ").next().and_then(|n| n.parse::<i32>().ok());
        let named = states::AGENT_STATES.iter().find(|(_, name, _)| *name == text);
        number.or(named.map(|(code, ..)| *code)).expect("a known spelling")
    };
    assert_eq!(plain.len(), odd.len());
    for (plain, odd) in plain.iter().zip(&odd) {
        assert_eq!(code(&plain["agentState"]), code(&odd["agentState"]));
    }
    assert!(odd.iter().any(|r| r["agentState"].is_array()));
}

#[test]
fn an_expired_password_ends_every_session_and_locks_nothing() {
    let farm = farm(200);
    let token = token(&farm);
    farm.world.begin(Incident::PasswordExpired);
    assert_eq!(get(&farm, &token, "/api/Agent").status, 401);
    for _ in 0..7 {
        assert_eq!(log_on_with(&farm, ParallelsRas::PASSWORD).status, 401);
    }
    farm.world.end(Incident::PasswordExpired);
    assert_eq!(log_on_with(&farm, ParallelsRas::PASSWORD).status, 200);
}

#[test]
fn lost_gateways_are_disconnected_in_every_site_and_their_balancer_says_so() {
    let farm = farm(200);
    farm.world.begin(Incident::GatewayLost);
    let rows = list(&farm, "/api/Agent");
    let states = |server_type| {
        let of_type = rows.iter().filter(move |r| r["serverType"] == server_type);
        of_type.map(|r| r["agentState"].as_i64().unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(states(kind::GATEWAY), [-1, -1, -1, -1]);
    assert_eq!(states(kind::HALB), [40, 40]);
    assert_eq!(states(kind::PA), [0, 27, 0, 27]);
}

#[test]
fn a_forbidden_list_is_401_and_its_agents_go_by_id() {
    let farm = farm(200);
    farm.forbid("/api/Gateway");
    let token = token(&farm);
    assert_eq!(get(&farm, &token, "/api/Gateway").status, 401);
    assert_eq!(get(&farm, &token, "/api/Broker").status, 200);
    let truth = farm.truth();
    let gateway = truth.iter().find(|t| t.labels["pool"] == "Gateway@1").expect("a gateway");
    assert_eq!(gateway.labels["agent"], "1");
}

#[test]
fn wrong_types_and_versions_are_refused() {
    let farm = farm(200);
    let body = json!({ "username": "svc-rollcall", "password": ParallelsRas::PASSWORD }).to_string();
    let sent = |content_type| {
        let request = Request::new(Method::POST, "/api/Session/logon");
        let request = request.with_header("content-type", content_type).with_body(body.clone());
        farm.answer(request).status.as_u16()
    };
    assert_eq!(sent("application/json"), 200);
    assert_eq!(sent("application/json; api-version=9.0"), 400);
    assert_eq!(sent("application/x-www-form-urlencoded"), 415);
}

#[test]
fn nothing_that_changes_the_farm_has_any_effect() {
    let farm = farm(200);
    let token = token(&farm);
    let before = farm.truth();
    let delete = Request::new(Method::DELETE, "/api/Agent?server=x").with_header("auth_token", &token);
    assert_eq!(farm.answer(delete).status, 204);
    assert_eq!(farm.truth(), before);
}

#[test]
fn the_truth_of_a_frozen_farm_is_what_the_list_says_with_unique_series() {
    let farm = farm(3_000);
    for quirk in [Quirk::UnknownState, Quirk::DuplicateName, Quirk::NastyName, Quirk::LongName] {
        farm.world.set_quirk(VENDOR, quirk, true);
    }
    let truth = farm.truth();
    let mut series = BTreeMap::new();
    for sample in &truth {
        assert_eq!(series.insert((sample.name, sample.labels.clone()), sample.value), None);
    }
    let codes = truth.iter().filter(|t| t.name == "parallels_ras_agent_state_code");
    let listed = list(&farm, "/api/Agent");
    let states: Vec<f64> = listed.iter().filter_map(|r| r["agentState"].as_f64()).collect();
    assert_eq!(codes.map(|t| t.value).collect::<Vec<_>>(), states);
    assert!(truth.iter().any(|t| t.labels.get("state").is_some_and(|s| s == "code_99")));
    // The license is nobody's.
    let mut agents = truth.iter().filter_map(|t| t.labels.get("agent"));
    assert!(agents.clone().any(|agent| agent.ends_with("#4")));
    assert!(agents.all(|agent| agent.len() <= 256));
}

#[test]
fn a_hundred_thousand_agents_come_in_small_chunks() {
    let farm = farm(100_000);
    let answer = get(&farm, &token(&farm), "/api/Agent");
    let super::super::Body::Stream(chunks) = answer.body else {
        panic!("the list is streamed");
    };
    let (mut all, mut largest) = (Vec::new(), 0);
    chunks.for_each(|chunk| {
        largest = largest.max(chunk.len());
        all.extend_from_slice(&chunk);
    });
    let rows: Vec<Value> = serde_json::from_slice(&all).expect("a JSON array");
    assert!(rows.len() > 39_000 && largest < 64 * 1_024, "{} rows, {largest}", rows.len());
}

#[test]
fn a_list_without_a_site_is_of_all_sites_or_of_the_one_that_is_taken_for_granted() {
    let farm = farm(200);
    let sites = |path: &str| -> Vec<u64> {
        let mut sites: Vec<u64> = list(&farm, path).iter().filter_map(|row| row["siteId"].as_u64()).collect();
        sites.dedup();
        sites
    };
    assert_eq!((sites("/api/Agent"), sites("/api/RDS/Host/status")), (vec![1, 2], vec![1, 2]));
    farm.set_default_site(Some(2));
    assert_eq!((sites("/api/Agent"), sites("/api/Gateway")), (vec![2], vec![2]));
    assert_eq!((sites("/api/Agent?siteId=1"), sites("/api/RDS/Host/status?SiteId=1")), (vec![1], vec![1]));
    assert_eq!(sites("/api/Site/status"), [1, 2], "the list of sites is of the farm");
}

#[test]
fn servers_tell_their_load_in_two_spellings_and_nothing_while_they_are_down() {
    let farm = farm(200);
    let host = &list(&farm, "/api/RDS/Host/status?siteId=1")[0];
    assert!(host["id"].is_string() && host["cpuLoad"].is_u64() && host["activeSessions"].is_u64(), "{host}");
    let gateway = &list(&farm, "/api/Gateway/status")[0];
    assert!(gateway["activeRDPSSLSessions"].is_u64() && gateway.get("activeSessions").is_none(), "{gateway}");
    farm.world.begin(Incident::GatewayLost);
    let lost = &list(&farm, "/api/Gateway/status")[0];
    assert!(lost.get("cpuLoad").is_none() && lost["agentVer"] == "", "{lost}");
    farm.world.set_quirk(VENDOR, Quirk::OtherSpelling, true);
    let odd = &list(&farm, "/api/RDS/Host/status?siteId=1")[0];
    assert_eq!(odd["CPULoad"].as_str().map(str::to_owned), host["cpuLoad"].as_u64().map(|cpu| cpu.to_string()));
    farm.world.set_quirk(VENDOR, Quirk::OldServer, true);
    assert_eq!(get(&farm, &token(&farm), "/api/RDS/Host/status").status, 404);
}

#[test]
fn a_desktop_that_is_off_on_purpose_is_off_at_its_provider() {
    let farm = farm(3_000);
    let machines = list(&farm, "/api/Provider/VM/Host/Status");
    let off: Vec<&Value> = machines.iter().filter(|vm| vm["agentState"] == -4).collect();
    assert!(!off.is_empty());
    let truth = farm.truth();
    for vm in off {
        let state = if vm["state"] == 2 { "Off" } else { "Paused" };
        let of = |name: &str, label: &str| {
            let agent = vm["name"].as_str();
            let sample = truth.iter().find(|t| t.name == name && t.labels.get("agent").map(String::as_str) == agent);
            sample.map(|sample| sample.labels[label].clone())
        };
        if of("parallels_ras_vm_state", "state").as_deref() == Some("On") {
            continue;
        }
        assert_eq!(of("parallels_ras_vm_state", "state").as_deref(), Some(state), "{vm}");
        assert_eq!(of("rollcall_agent_health", "health").as_deref(), Some("disabled"), "{vm}");
    }
}

#[test]
fn every_host_of_a_site_is_in_one_host_pool() {
    let farm = farm(3_000);
    for (pools, hosts) in
        [("/api/RDS/HostPool", "/api/RDS/Host/status"), ("/api/AVD/HostPool", "/api/Agent?serverType=67")]
    {
        let mut members = 0;
        for pool in list(&farm, pools) {
            members += list(&farm, &format!("{pools}/{}/Members", pool["id"])).len();
        }
        assert_eq!(members, list(&farm, hosts).len(), "{pools}");
    }
    assert_eq!(get(&farm, &token(&farm), "/api/RDS/HostPool/999999/Members").status, 404);
}

#[test]
fn the_license_is_text_and_ends_in_five_days_where_it_runs_out() {
    let farm = farm(200);
    let license = || -> Value {
        let answer = get(&farm, &token(&farm), "/api/License?UseCache=true");
        serde_json::from_slice(&answer.into_bytes()).expect("an object")
    };
    let well = license();
    assert_eq!((&well["installedUsers"], &well["gracePeriodDaysLeft"]), (&json!("500"), &json!("")));
    let slashes = well["expiryDate"].as_str().map(|date| date.matches('/').count());
    assert_eq!(slashes, Some(2), "{well}");
    farm.world.begin(Incident::LicenseRunningOut);
    // The clock stands at 2026-01-15.
    let ending = license();
    assert_eq!((&ending["expiryDate"], &ending["gracePeriodDaysLeft"]), (&json!("20/01/2026"), &json!("14")));
    farm.world.set_quirk(VENDOR, Quirk::OtherSpelling, true);
    assert_eq!(license()["expiryDate"], "2026-01-20");
}
