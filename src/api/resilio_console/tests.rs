use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use rollcall_test_server::{Request, Response};

use super::*;
use crate::{
    api::{
        Warning,
        fingerprint::PartFingerprints,
        memory::Memory,
        stub::{
            NOW, Stub, counted, failed, fingerprints, fresh, json, poll, poll_at, poll_knowing, samples, samples_of,
        },
    },
    catalogue::resilio_console as families,
    clock::UnixTime,
    config::{
        VendorSettings,
        secret::{Secret, SecretText},
        target::HealthOverride,
    },
    glob::{Glob, Globs},
    health::Health,
};

mod details;
mod odd;
mod pages;

const AGENTS: &str = r#"[
    {"id":101,"name":"filer-01","deviceid":"EA1","online":true,"status":"?","ip":"10.0.0.1","last_seen":1700000001,
     "os":"win64","errors":[],"tags":[{"name":"SITE","value":"zrh"}],
     "groups":[{"id":9},{"id":3}],"wan_enabled":false},
    {"id":102,"name":"filer-02","deviceid":"EA2","online":false,"last_seen":1700000002,"os":"linux",
     "errors":[{"code":10200,"message":"full"},{"code":77}],"tags":[],"groups":[{"id":9}]},
    {"id":103,"name":"laptop-1","deviceid":"EA3","online":false,"errors":null,"groups":[]},
    {"id":104,"name":"filer-04","online":true,"errors":[10300],"groups":[{"id":8}]},
    {"id":105,"name":"filer-05","groups":[{"id":3}]}]"#;

const GROUPS: &str = r#"[{"id":9,"name":"all","agents":[{"id":101}]},{"id":3,"name":"zrh","description":""}]"#;

const JOBS: &str = r#"[
    {"id":384,"type":"sync","name":"docs","errors":[{"code":10001}],"last_start_time":1699999999,"settings":{"priority":5}},
    {"id":402,"type":"Distribution","name":"images","errors":[]},
    {"id":403,"type":"juggling"}]"#;

const RUNS: &str = r#"{"data":[
    {"id":7,"job_id":384,"name":"docs","status":"aborted","active":false,"errors":[{"code":10008}]},
    {"id":8,"job_id":384,"name":"docs","status":"working","active":true,"size_total":1000,"size_completed":2500,
     "files_total":10,"agents_total":4,"down_speed":17,"errors":[]},
    {"id":9,"job_id":402,"name":"images","status":"timeout","active":false,"errors":["SE_X"]}]}"#;

const RUN_AGENTS: &str = r#"{"data":[
    {"agent_id":101,"permission":"rw","status":"synced","files_total":10,"files_completed":10},
    {"agent_id":102,"permission":"ro","status":"Syncing","errors":[{"code":1}]},
    {"agent_id":999,"status":"synced"}]}"#;

fn settings() -> target::ResilioConsole {
    target::ResilioConsole {
        api_token: Secret::Inline(SecretText::new("T1")),
        offline_by_design: Globs(vec![Glob::new("laptop-*").expect("a glob")]),
        pool_by: PoolBy::Group,
        tags: true,
        run_details: Duration::from_secs(300),
        run_details_max: 200,
    }
}

fn sample(stub: &Stub, settings: &target::ResilioConsole) -> Target {
    Target::sample(stub.url.as_str(), VendorSettings::ResilioConsole(settings.clone()))
}

fn open(target: Target, settings: target::ResilioConsole) -> ResilioConsole {
    let target = Arc::new(target);
    let http = Client::new(&target).expect("a client");
    ResilioConsole::new(target, settings, http, Arc::default())
}

fn api(stub: &Stub, settings: target::ResilioConsole) -> ResilioConsole {
    open(sample(stub, &settings), settings)
}

/// What a console that is well answers.
fn answer(seen: &Request) -> Response {
    if seen.header("authorization") != "Token T1" || seen.header("content-type") != "application/json" {
        return Response::new(401, "application/json", r#"{"message":"Unauthorized","data":null}"#);
    }
    let query = seen.line.split_once('?').map_or("", |(_, query)| query);
    match (seen.path(), query) {
        ("/api/v2/agents", _) => json(AGENTS),
        ("/api/v2/groups", _) => json(GROUPS),
        ("/api/v2/pending_agents", "declined=true") => json(r#"[{"id":201,"name":"kiosk","deviceid":"EB1"}]"#),
        ("/api/v2/pending_agents", _) => json(r#"[{"id":202,"name":"new","online":true},{"id":201,"name":"kiosk"}]"#),
        ("/api/v2/jobs", _) => json(JOBS),
        ("/api/v2/runs", "offset=0&limit=500") => json(RUNS),
        ("/api/v2/runs/8/agents", _) => json(RUN_AGENTS),
        _ => Response::new(404, "application/json", "{}"),
    }
}

/// A console that is well but for what this answers.
fn but(other: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> Stub {
    Stub::start(move |seen| other(seen).unwrap_or_else(|| answer(seen)))
}

fn status(code: u16) -> Response {
    Response::new(code, "application/json", r#"{"message":"no"}"#)
}

fn names(observation: &Observation) -> Vec<(String, String, &'static str, &str)> {
    let part = fresh(observation, "agents");
    let agents = part.agents.iter().map(|agent| {
        let (pool, health) = (&part.pools[agent.pool.0 as usize].name, agent.health.expect("it is an agent"));
        (pool.to_string(), agent.name.to_string(), health.as_str(), &*agent.state)
    });
    agents.collect()
}

fn extras(observation: &Observation) -> Vec<(&'static str, Option<Reason>)> {
    let reason = |result: &Result<(), Failure>| result.as_ref().err().map(|failure| failure.reason);
    observation.extras.iter().map(|(name, result)| (*name, reason(result))).collect()
}

#[tokio::test]
async fn a_console_with_everything() {
    let stub = Stub::start(answer);
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let observation = observation.expect("a poll that works");
    // The type of a job.
    assert_eq!(counted(&warnings), [("unknown_state", 1)]);
    let agent = |pool: &str, name: &str, health, state| (pool.to_owned(), name.to_owned(), health, state);
    assert_eq!(
        names(&observation),
        [
            agent("zrh", "filer-01", "healthy", "online"),
            agent("all", "filer-02", "failed", "offline"),
            agent("console", "laptop-1", "disabled", "offline"),
            agent("8", "filer-04", "degraded", "online, errors"),
            agent("zrh", "filer-05", "unknown", "unknown"),
            agent("console", "kiosk", "disabled", "declined"),
            agent("console", "new", "transitional", "pending"),
        ]
    );
    let part = fresh(&observation, "agents");
    assert!(part.pools.iter().all(|pool| !pool.on_demand), "an approved agent has no group");
    assert_eq!(
        samples(part).iter().filter(|line| !line.contains("run_agent_health")).collect::<Vec<_>>(),
        [
            "resilio_console_agent_info{zrh,filer-01;101,EA1,win64} 1",
            "resilio_console_agent_info{all,filer-02;102,EA2,linux} 1",
            "resilio_console_agent_info{console,laptop-1;103,EA3,} 1",
            "resilio_console_agent_info{8,filer-04;104,,} 1",
            "resilio_console_agent_info{zrh,filer-05;105,,} 1",
            "resilio_console_agent_info{console,kiosk;201,EB1,} 1",
            "resilio_console_agent_info{console,new;202,,} 1",
            "resilio_console_agent_online{zrh,filer-01;} 1",
            "resilio_console_agent_online{all,filer-02;} 0",
            "resilio_console_agent_online{console,laptop-1;} 0",
            "resilio_console_agent_online{8,filer-04;} 1",
            "resilio_console_agent_online{console,new;} 1",
            "resilio_console_agent_last_seen_timestamp_seconds{zrh,filer-01;} 1700000001",
            "resilio_console_agent_last_seen_timestamp_seconds{all,filer-02;} 1700000002",
            "resilio_console_agent_errors{zrh,filer-01;} 0",
            "resilio_console_agent_errors{all,filer-02;} 2",
            "resilio_console_agent_errors{8,filer-04;} 1",
            "resilio_console_agent_tag_info{zrh,filer-01;SITE,zrh} 1",
            "resilio_console_run_agent_status{zrh,filer-01;384,docs,synced} 1",
            "resilio_console_run_agent_status{all,filer-02;384,docs,syncing} 1",
            "resilio_console_error{;10200,agent} 1",
            "resilio_console_error{;10300,agent} 1",
            "resilio_console_error{;other,agent} 1",
        ]
    );
    let health = samples_of(part, &families::RUN_AGENT_HEALTH);
    assert_eq!(health.len(), 12);
    // It has errors.
    assert!(health.contains(&"resilio_console_run_agent_health{all,filer-02;384,docs,degraded} 1".to_owned()));
    assert_eq!(
        samples(fresh(&observation, "jobs")),
        [
            "resilio_console_jobs{;sync} 1",
            "resilio_console_jobs{;distribution} 1",
            "resilio_console_jobs{;consolidation} 0",
            "resilio_console_jobs{;script} 0",
            "resilio_console_jobs{;other} 1",
            "resilio_console_job_info{;384,docs,sync} 1",
            "resilio_console_job_info{;402,images,distribution} 1",
            "resilio_console_job_info{;403,403,other} 1",
            "resilio_console_job_errors{;384,docs} 1",
            "resilio_console_job_errors{;402,images} 0",
            "resilio_console_job_last_start_timestamp_seconds{;384,docs} 1699999999",
            "resilio_console_error{;10001,job} 1",
        ]
    );
    assert_eq!(
        samples(fresh(&observation, "runs")),
        [
            "resilio_console_run_status{;384,docs,working} 1",
            "resilio_console_run_status{;402,images,timeout} 1",
            "resilio_console_run_active{;384,docs} 1",
            "resilio_console_run_active{;402,images} 0",
            "resilio_console_run_agents{;384,docs} 4",
            "resilio_console_run_size_bytes{;384,docs} 1000",
            "resilio_console_run_completed_bytes{;384,docs} 2500",
            "resilio_console_run_files{;384,docs} 10",
            "resilio_console_run_receive_bytes_per_second{;384,docs} 17",
            "resilio_console_run_errors{;384,docs} 0",
            "resilio_console_run_errors{;402,images} 1",
            "resilio_console_error{;other,run} 1",
        ]
    );
    assert_eq!(extras(&observation), [("groups", None), ("pending_agents", None), ("run_details", None)]);
    let mut asked = stub.lines();
    asked.sort();
    let expected = [
        "agents",
        "groups",
        "jobs",
        "pending_agents",
        "pending_agents?declined=true",
        "runs/8/agents",
        "runs?offset=0&limit=500",
    ];
    assert_eq!(asked, expected.map(|path| format!("GET /api/v2/{path}")));
}

#[tokio::test]
async fn without_pools_by_group_no_groups_are_asked_for() {
    let stub = Stub::start(answer);
    let settings =
        target::ResilioConsole { pool_by: PoolBy::None, tags: false, run_details: Duration::ZERO, ..settings() };
    let observation = poll(&mut api(&stub, settings)).await.expect("a poll that works");
    assert!(names(&observation).iter().all(|(pool, ..)| pool == "console"));
    let part = fresh(&observation, "agents");
    assert!(samples_of(part, &families::AGENT_TAG_INFO).is_empty());
    assert!(!stub.lines().iter().any(|line| line.contains("groups") || line.contains("/runs/")));
    assert_eq!(extras(&observation), [("pending_agents", None)]);
}

#[tokio::test]
async fn overrides_and_a_pool_of_those_that_wait() {
    let stub = but(|seen| {
        (seen.path() == "/api/v2/agents").then(|| json(r#"[{"id":1,"name":"a","online":false,"groups":[{"id":3}]}]"#))
    });
    let rule = |state: &str, health| HealthOverride { state: state.to_owned(), pool: Glob::any(), health };
    let health_overrides = vec![rule("offline", Health::Unknown), rule("Pending", Health::Disabled)];
    let target = Target { health_overrides, ..sample(&stub, &settings()) };
    let observation = poll(&mut open(target, settings())).await.expect("a poll that works");
    let classes: Vec<&str> = names(&observation).iter().map(|(_, _, health, _)| *health).collect();
    assert_eq!(classes, ["unknown", "disabled", "disabled"]);
    let on_demand: Vec<(&str, bool)> =
        fresh(&observation, "agents").pools.iter().map(|pool| (&*pool.name, pool.on_demand)).collect();
    assert_eq!(on_demand, [("zrh", false), ("console", true)], "nobody misses who was never approved");
}

#[tokio::test]
async fn a_refused_token_fails_the_poll_and_holds_nothing() {
    let stub = Stub::start(answer);
    let settings = target::ResilioConsole { api_token: Secret::Inline(SecretText::new("wrong")), ..settings() };
    let mut api = api(&stub, settings);
    for _ in 0..2 {
        assert_eq!(poll(&mut api).await.expect_err("refused").reason, Reason::Auth);
    }
    assert!(stub.lines().len() >= 8, "it is asked again at each poll");
    // What is beside was not left alone for that.
    assert!(api.groups.is_due(NOW) && api.pending.is_due(NOW));
}

#[tokio::test]
async fn an_older_console_says_less_and_nothing_is_made_up() {
    let stub = but(|seen| match seen.path() {
        "/api/v2/agents" => Some(json(r#"{"data":[{"id":"1","name":"a","online":"True"}]}"#)),
        "/api/v2/jobs" => Some(json(r#"{"data":[{"id":"5","type":"script"}]}"#)),
        "/api/v2/runs" => Some(json(r#"[{"id":"7","job_id":"5","status":"WORKING"}]"#)),
        "/api/v2/runs/7/agents" => Some(json(r#"[{"agent_id":"1","status":"EXECUTING script"}]"#)),
        _ => None,
    });
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let observation = observation.expect("a poll that works");
    assert_eq!(counted(&warnings), []);
    let lines: Vec<String> = samples(fresh(&observation, "agents"));
    let lines: Vec<&str> =
        lines.iter().map(|line| &**line).filter(|line| line.contains(",a;") && !line.contains("health")).collect();
    assert_eq!(
        lines,
        [
            "resilio_console_agent_info{console,a;1,,} 1",
            "resilio_console_agent_online{console,a;} 1",
            "resilio_console_run_agent_status{console,a;5,5,executing script} 1",
        ]
    );
    assert_eq!(samples(fresh(&observation, "runs")), ["resilio_console_run_status{;5,5,working} 1"]);
}

#[tokio::test]
async fn what_has_not_changed_is_not_read_again() {
    static CHANGED: Mutex<&str> = Mutex::new("");
    let stub = but(|seen| {
        let changed = *CHANGED.lock().expect("no panic");
        (!changed.is_empty() && seen.path().ends_with(changed)).then(|| match changed {
            "/groups" => json(r#"[{"id":9,"name":"other"},{"id":3,"name":"zrh"}]"#),
            "/pending_agents" => json("[]"),
            "/jobs" => json(r#"[{"id":1,"type":"sync"}]"#),
            "/runs" => json(r#"[{"id":8,"job_id":384,"status":"working","active":true}]"#),
            "/8/agents" => json(r#"[{"agent_id":101,"status":"error"}]"#),
            _ => json(r#"[{"id":1}]"#),
        })
    });
    let mut api = api(&stub, settings());
    let (first, _) = poll_at(&mut api, &Memory::default(), NOW).await;
    let first = first.expect("a poll that works");
    let known: PartFingerprints = fingerprints(&first);
    let later = NOW.plus(Duration::from_secs(301));
    let fresh_parts = async |api: &mut ResilioConsole, known: &PartFingerprints, now: UnixTime| {
        let (again, _) = poll_knowing(api, &Memory::default(), now, known).await;
        let parts = again.expect("a poll that works").parts.into_iter();
        let is_fresh = |(key, outcome): (Box<str>, Outcome)| match outcome {
            Outcome::Fresh(_) => Some(key.into_string()),
            Outcome::Same(same) => {
                // Read after all, it is what it was.
                let part = same.read().expect("it was read before");
                assert_eq!(samples(&part), samples(fresh(&first, &key)), "{key}");
                None
            }
            Outcome::Failed(failure) => panic!("{key}: {failure}"),
        };
        parts.filter_map(is_fresh).collect::<Vec<String>>()
    };
    assert_eq!(fresh_parts(&mut api, &known, NOW).await, [""; 0]);
    // Read anew and found unchanged, details change nothing either.
    assert_eq!(fresh_parts(&mut api, &known, later).await, [""; 0]);
    for (what, part) in [
        ("/agents", "agents"),
        ("/groups", "agents"),
        ("/pending_agents", "agents"),
        ("/jobs", "jobs"),
        ("/runs", "runs"),
    ] {
        *CHANGED.lock().expect("no panic") = what;
        if what == "/agents" {
            // The list and not that of a run.
            *CHANGED.lock().expect("no panic") = "v2/agents";
        }
        assert_eq!(fresh_parts(&mut api, &known, later).await, [part], "{what}");
    }
    // The pages that were read last are noted, so one that is as it was long ago is read once more.
    *CHANGED.lock().expect("no panic") = "/8/agents";
    assert_eq!(fresh_parts(&mut api, &known, later).await, ["runs"]);
    assert_eq!(fresh_parts(&mut api, &known, later).await, [""; 0], "not due yet");
    assert_eq!(fresh_parts(&mut api, &known, later.plus(Duration::from_secs(301))).await, ["agents"]);
    // Another API, whose settings may be others, takes nothing for known.
    *CHANGED.lock().expect("no panic") = "";
    assert_eq!(fresh_parts(&mut self::api(&stub, settings()), &known, NOW).await, ["agents", "jobs", "runs"]);
}
