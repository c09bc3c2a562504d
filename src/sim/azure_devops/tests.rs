//! The service asked directly, as a client would ask it.

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
fn a_calm_fleet_has_no_failed_agent() {
    let mut transitional = 0;
    for seed in 1..20 {
        let options = Options { seed, frozen: true, agents: 1_000, ..Options::default() };
        let truth = AzureDevops::new(Arc::new(World::new(options))).truth();
        assert_eq!(find(&truth, "rollcall_agent_health", &[("health", "failed")]), None);
        let changing = [("health", "transitional")];
        transitional += usize::from(find(&truth, "rollcall_agent_health", &changing).is_some());
        assert!(find(&truth, "rollcall_agent_health", &[("health", "disabled")]).is_some());
    }
    assert!(transitional > 0);
}

#[test]
fn a_lost_build_pool_is_offline_and_its_queue_grows() {
    let world = world(200);
    let service = AzureDevops::new(Arc::clone(&world));
    world.begin(Incident::BuildPoolOffline);
    let truth = service.truth();
    let first = [("pool", "linux-build"), ("target", "builds")];
    let online = truth.iter().filter(|t| t.name == "azure_devops_agent_online" && t.labels["pool"] == "linux-build");
    assert!(online.clone().count() > 5 && online.clone().all(|t| t.value == 0.0));
    let queued = [first[0], first[1], ("state", "queued")];
    assert!(find(&truth, "azure_devops_pool_jobs", &queued).is_some_and(|t| t.value >= 1.0));
    // Whoever had a job keeps it until the lock ends.
    let of = |name: &str| -> Vec<Truth> {
        let all = service.truth();
        all.into_iter().filter(|t| t.name == name && t.labels["pool"] == "linux-build" && t.value == 1.0).collect()
    };
    assert_ne!(of("azure_devops_agent_busy"), []);
    world.advance(Duration::from_secs(660));
    assert_eq!(of("azure_devops_agent_busy"), []);
    assert!(of("azure_devops_agent_last_job_result").iter().any(|t| t.labels["result"] == "abandoned"));
}

#[test]
fn a_refused_pat_gets_what_was_chosen() {
    let service = service(200);
    let status = |suppress: bool| {
        let mut request = with_pat("wrong", POOLS);
        if suppress {
            request = request.with_header("x-tfs-fedauthredirect", "Suppress");
        }
        assert!(service.carries_secret(&request));
        service.answer(request).status.as_u16()
    };
    assert_eq!((status(false), status(true)), (203, 401));
    for (sign_in, expected) in
        [(SignIn::Page203, 203), (SignIn::Redirect, 302), (SignIn::Unauthorized, 401), (SignIn::Page200, 200)]
    {
        service.set_sign_in(sign_in);
        assert_eq!(status(true), expected);
    }
    service.set_secret("wrong");
    assert_eq!(status(false), 200);
}

fn token_request(secret: &str) -> Request {
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={secret}&scope={}",
        AzureDevops::CLIENT_ID,
        AzureDevops::SCOPE.replace('/', "%2F")
    );
    let path = format!("/{}/oauth2/v2.0/token", AzureDevops::TENANT_ID);
    Request::new(Method::POST, &path).with_body(body)
}

#[test]
fn an_entra_token_opens_the_address_on_premises_until_it_ends() {
    let service = service(200);
    let answer = json(service.answer(token_request(AzureDevops::CLIENT_SECRET)));
    assert_eq!(answer["expires_in"], 3_599);
    let bearer = format!("Bearer {}", answer["access_token"].as_str().expect("a token"));
    let ask = || {
        let path = "/tfs/DefaultCollection/_apis/distributedtask/pools?api-version=7.1";
        let request = Request::get(path).with_header("authorization", &bearer);
        assert!(!service.carries_secret(&request));
        service.answer(request).status
    };
    assert_eq!(ask(), StatusCode::OK);
    service.expire_sessions();
    assert_eq!(ask(), StatusCode::NON_AUTHORITATIVE_INFORMATION);
}

#[test]
fn entra_refuses_with_its_own_words() {
    let service = service(200);
    let refused = |secret: &str| {
        let response = service.answer(token_request(secret));
        let status = response.status.as_u16();
        let body: Value = serde_json::from_slice(&response.into_bytes()).expect("JSON");
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(refused("wrong"), (401, "invalid_client".to_owned()));
    service.set_entra_refusal(Some(EntraRefusal::InvalidGrant));
    assert_eq!(refused(AzureDevops::CLIENT_SECRET), (400, "invalid_grant".to_owned()));
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
fn the_rate_limit_is_told_and_then_enforced() {
    let options = Options {
        incidents: vec![Incident::RateLimited],
        incident_delay: Duration::ZERO,
        frozen: true,
        ..Options::default()
    };
    let service = AzureDevops::new(Arc::new(World::new(options)));
    let (mut refused, mut told) = (false, false);
    for _ in 0..300 {
        service.world.advance(Duration::from_secs(1));
        let response = get(&service, "/contoso/_apis/distributedtask/pools/9");
        let header = |name| response.headers.contains_key(name);
        assert!(header("x-ratelimit-remaining") && header("x-ratelimit-reset"));
        match response.status {
            StatusCode::OK => told |= header("retry-after") && header("x-ratelimit-delay"),
            status => {
                assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
                assert!(header("retry-after"));
                refused = true;
            }
        }
        if refused && told {
            return;
        }
    }
    panic!("the incident has both phases: refused {refused}, told {told}");
}

#[test]
fn quirks_change_the_first_four_agents_and_the_truth_knows() {
    let world = world(200);
    let service = AzureDevops::new(Arc::clone(&world));
    for quirk in [Quirk::UnknownState, Quirk::DuplicateName, Quirk::NastyName, Quirk::LongName, Quirk::BadItem] {
        world.set_quirk(VENDOR, quirk, true);
    }
    let found = agents(&service, &format!("{POOLS}/10"));
    assert!(found[0].get("id").is_none());
    assert_eq!(found[1]["status"], "hibernating");
    assert_eq!(found[2]["name"], found[1]["name"]);
    let truth = service.truth();
    let health = |agent: &str| {
        let all = truth.iter().filter(|t| t.name == "rollcall_agent_health");
        all.filter(|t| t.labels["agent"] == agent).count()
    };
    assert_eq!(health("lnx-build-001"), 1);
    assert_eq!(health("lnx-build-001#2"), 1);
    assert_eq!(health("quote \" backslash \\ line\nfeed"), 1);
    assert_eq!(health(&format!("long-{}", "ä".repeat(125))), 1);
    let labels = [("agent", "lnx-build-001"), ("health", "unknown")];
    assert!(find(&truth, "rollcall_agent_health", &labels).is_some());
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
fn patch_night_takes_few_at_a_time_and_fails_nobody() {
    let options = Options {
        agents: 2_000,
        incidents: vec![Incident::PatchNight],
        incident_delay: Duration::ZERO,
        speed: 2_000.0,
        ..Options::default()
    };
    let service = AzureDevops::new(Arc::new(World::new(options)));
    for _ in 0..20 {
        let truth = service.truth();
        let health = |class| {
            let all = truth.iter().filter(|t| t.name == "rollcall_agent_health");
            all.filter(|t| t.labels["health"] == class && t.labels["target"] == "builds").count()
        };
        assert_eq!(health("failed"), 0);
        assert!(health("disabled") < 800 / 4, "{}", health("disabled"));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn no_agent_seems_to_flap_in_a_patch_night() {
    let options = Options {
        incidents: vec![Incident::PatchNight],
        incident_delay: Duration::ZERO,
        frozen: true,
        ..Options::default()
    };
    let service = AzureDevops::new(Arc::new(World::new(options)));
    let mut classes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..90 {
        for sample in service.truth().iter().filter(|sample| sample.name == "rollcall_agent_health") {
            let agent = format!("{}/{}/{}", sample.labels["target"], sample.labels["pool"], sample.labels["agent"]);
            classes.entry(agent).or_default().push(sample.labels["health"].clone());
        }
        service.world.advance(Duration::from_secs(60));
    }
    assert!(classes.len() > 50);
    for (agent, classes) in classes {
        let changes = classes.windows(61).map(|hour| hour.windows(2).filter(|pair| pair[0] != pair[1]).count());
        let most = changes.max().unwrap_or_default();
        assert!(most < 6, "{agent} changed {most} times within an hour");
    }
}

#[test]
fn a_hundred_thousand_agents_are_streamed_and_the_same_for_the_same_seed() {
    let service_of = |seed| {
        AzureDevops::new(Arc::new(World::new(Options { agents: 100_000, seed, frozen: true, ..Options::default() })))
    };
    let path = format!("{POOLS}/10/agents?includeAssignedRequest=true&includeLastCompletedRequest=true");
    let bytes = |service: &AzureDevops| {
        let response = get(service, &path);
        assert!(matches!(response.body, super::super::Body::Stream(_)));
        response.into_bytes()
    };
    let first = bytes(&service_of(1));
    assert!(first.len() < 40 << 20, "{} bytes", first.len());
    assert_eq!(first, bytes(&service_of(1)));
    assert_ne!(first, bytes(&service_of(2)));
}

#[test]
fn the_targets_carry_whatever_the_secret_holds() {
    let service = service(200);
    service.set_secret("a\"b\\c");
    let targets = service.targets("http://127.0.0.1:1");
    assert!(targets.contains(r#"auth: { pat: "a\"b\\c" }"#), "{targets}");
    assert!(targets.contains("url: http://127.0.0.1:1/tfs/DefaultCollection"));
}
