//! Polls of a service that answers as it is told to.

mod decoding;
mod entra;
mod extras;
mod jobs;
mod maintenance;
mod pages;
mod refusals;
mod week;

use std::time::Duration;

use rollcall_test_server::{Request, Response};

use super::*;
use crate::{
    api::{
        fingerprint::PartFingerprints,
        lenient::RowCount,
        memory::Memory,
        stub::{
            NOW, Stub, counted, failed, fingerprints, fresh, json, poll, poll_at, poll_knowing, samples, samples_of,
        },
    },
    catalogue::azure_devops as families,
    config::{
        VendorSettings,
        secret::{Secret, SecretText},
        target::AzureAuth,
    },
    glob::{Glob, Globs},
    health::Health,
};

fn globs(globs: &[&str]) -> Globs {
    Globs(globs.iter().map(|glob| Glob::new(glob).expect("a valid glob")).collect())
}

fn settings() -> target::AzureDevOps {
    target::AzureDevOps {
        auth: AzureAuth::Pat(Secret::Inline(SecretText::new("p4t"))),
        pools: target::Pools { include: globs(&["*"]), exclude: Globs::default() },
        include_hosted: false,
        offline_by_design: Globs::default(),
        on_demand_pools: Globs::default(),
        job_requests: true,
        job_names: false,
        capabilities: Vec::new(),
        elastic_pools: false,
    }
}

fn api_at(url: &reqwest::Url, settings: target::AzureDevOps, logons: &Arc<Logons>) -> AzureDevOps {
    let target = Arc::new(Target::sample(url.as_str(), VendorSettings::AzureDevOps(settings.clone())));
    let http = Client::new(&target).expect("a client");
    AzureDevOps::new(target, settings, http, Arc::clone(logons))
}

/// An organisation `contoso` on the stub.
fn api(stub: &Stub, settings: target::AzureDevOps) -> AzureDevOps {
    api_at(&stub.url.join("contoso").expect("a path"), settings, &Arc::default())
}

/// What comes after the organisation, without the query; the list of pools of deployment groups has a name of its own.
fn path(seen: &Request) -> &str {
    if seen.line.contains("poolType=deployment") {
        return "deployment_pools";
    }
    let line = seen.line.split('?').next().unwrap_or_default();
    line.trim_start_matches("GET /contoso/_apis/distributedtask/")
}

fn list(items: &str) -> Response {
    json(format!(r#"{{"value":[{items}]}}"#))
}

const DEFAULT: &str = r#"{"id":1,"name":"Default","poolType":"automation","isHosted":false,"size":3,"options":"none",
    "targetSize":null,"agentCloudId":null}"#;
const HOSTED: &str = r#"{"id":9,"name":"Azure Pipelines","poolType":"automation","isHosted":true,"size":1}"#;

const ONLINE: &str = r#"{"id":11735,"name":"build-01","version":"3.236.1","osDescription":"Linux 5.15.0","enabled":true,
    "status":"online","provisioningState":"Provisioned","maxParallelism":1,"createdOn":"2023-11-14T22:13:20.503Z",
    "statusChangedOn":"2023-11-14T22:13:20.5Z","authorization":{"publicKey":{"exponent":"AQAB"}},
    "assignedRequest":{"requestId":5,"planType":"Build","assignTime":"2023-11-14T22:13:20Z","lockedUntil":"2023-11-14T22:23:20Z",
        "demands":["kubectl"]},
    "lastCompletedRequest":{"requestId":4,"finishTime":"2023-11-14T21:00:00.5033333Z","result":"succeededWithIssues"}}"#;

#[tokio::test]
async fn a_pool_with_an_agent_and_its_queue() {
    let stub = Stub::start(|seen| match path(seen) {
        "pools" => list(&format!("{HOSTED},{DEFAULT}")).header("X-RateLimit-Limit", "200"),
        "pools/1/agents" => list(ONLINE).header("X-RateLimit-Remaining", "30.5"),
        "pools/1/jobrequests" => list(
            r#"{"requestId":1,"queueTime":"2023-11-14T22:00:00Z"},
               {"requestId":2,"queueTime":"2023-11-14T21:00:00Z","assignTime":null},
               {"requestId":3,"queueTime":"2023-11-14T20:00:00Z","assignTime":"2023-11-14T20:00:01Z"},
               {"requestId":4,"assignTime":"2023-11-14T20:00:01Z","receiveTime":"2023-11-14T20:00:02Z"},
               {"requestId":5,"queueTime":"2023-11-14T19:00:00Z","result":"succeeded"},
               {"requestId":6,"queueTime":"2023-11-14T18:00:00Z","planType":"PoolMaintenance"}"#,
        ),
        _ => Response::new(404, "application/json", "{}"),
    });
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let observation = observation.expect("a poll that works");
    assert_eq!(counted(&warnings), []);
    let keys: Vec<&str> = observation.parts.iter().map(|(key, _)| &**key).collect();
    assert_eq!(keys, ["", "1"]);
    assert_eq!(
        samples(fresh(&observation, "")),
        [
            "azure_devops_pool_info{Default;1,automation,false} 1",
            "azure_devops_pool_info{Azure Pipelines;9,automation,true} 1",
            "azure_devops_pool_size{Default;} 3",
            "azure_devops_pool_jobs{Default;queued} 2",
            "azure_devops_pool_jobs{Default;assigned} 1",
            "azure_devops_pool_jobs{Default;running} 1",
            "azure_devops_pool_oldest_queued_job_timestamp_seconds{Default;} 1699995600",
            "azure_devops_pool_job_wait_seconds{Default;} 0",
            "azure_devops_pool_job_duration_seconds{Default;succeeded} 0",
            "azure_devops_pool_job_duration_seconds{Default;succeededWithIssues} 0",
            "azure_devops_pool_job_duration_seconds{Default;failed} 0",
            "azure_devops_pool_job_duration_seconds{Default;canceled} 0",
            "azure_devops_pool_job_duration_seconds{Default;skipped} 0",
            "azure_devops_pool_job_duration_seconds{Default;abandoned} 0",
            "azure_devops_pool_job_duration_seconds{Default;other} 0",
            "azure_devops_pool_job_requests_up{Default;} 1",
            "azure_devops_rate_limit{;} 200",
            "azure_devops_rate_limit_remaining{;} 30.5",
        ]
    );
    assert!(fresh(&observation, "").pools.iter().all(|pool| !pool.counted));
    let part = fresh(&observation, "1");
    assert_eq!((&*part.agents[0].state, part.agents[0].health), ("online", Some(Health::Healthy)));
    assert_eq!(
        samples(part),
        [
            "azure_devops_agent_online{Default,build-01;} 1",
            "azure_devops_agent_enabled{Default,build-01;} 1",
            "azure_devops_agent_busy{Default,build-01;} 1",
            "azure_devops_agent_info{Default,build-01;11735,3.236.1,Linux 5.15.0,Provisioned} 1",
            "azure_devops_agent_max_parallelism{Default,build-01;} 1",
            "azure_devops_agent_created_timestamp_seconds{Default,build-01;} 1700000000.503",
            "azure_devops_agent_status_changed_timestamp_seconds{Default,build-01;} 1700000000.5",
            "azure_devops_agent_update_pending{Default,build-01;} 0",
            "azure_devops_agent_job_assigned_timestamp_seconds{Default,build-01;} 1700000000",
            "azure_devops_agent_job_locked_until_timestamp_seconds{Default,build-01;} 1700000600",
            "azure_devops_agent_last_job_finished_timestamp_seconds{Default,build-01;} 1699995600.5033333",
            "azure_devops_agent_last_job_result{Default,build-01;succeededWithIssues} 1",
        ]
    );
    let mut lines = stub.lines();
    lines.sort();
    let base = "GET /contoso/_apis/distributedtask/pools";
    assert_eq!(
        lines,
        [
            format!("{base}/1/agents?includeAssignedRequest=true&includeLastCompletedRequest=true&api-version=7.0"),
            format!("{base}/1/jobrequests?completedRequestCount=0"),
            format!("{base}?api-version=7.0"),
            format!("{base}?poolType=deployment&api-version=7.0"),
        ]
    );
    assert!(stub.seen().iter().all(|seen| seen.header("authorization") == "Basic OnA0dA=="));
    assert!(stub.seen().iter().all(|seen| seen.header("x-tfs-fedauthredirect") == "Suppress"));
}

/// An organisation with three pools of one agent each; `odd` may answer instead.
fn three(odd: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> Stub {
    Stub::start(move |seen| {
        odd(seen).unwrap_or_else(|| match path(seen) {
            "pools" => list(r#"{"id":1,"name":"one"},{"id":2,"name":"two"},{"id":3,"name":"three"}"#),
            path if path.ends_with("/agents") => list(r#"{"id":1,"name":"a","status":"online"}"#),
            _ => list(""),
        })
    })
}

#[tokio::test]
async fn a_pool_that_fails_costs_itself_and_keeps_its_description() {
    let rows = [(401, Reason::Auth), (403, Reason::Forbidden), (404, Reason::NotFound), (500, Reason::HttpStatus)];
    for (status, reason) in rows {
        let stub = three(move |seen| {
            let reply = Response::new(status, "application/json", "{}").header("ActivityId", "a1b2-c3");
            (path(seen) == "pools/2/agents").then_some(reply)
        });
        let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
        let failure = failed(&observation, "2");
        assert_eq!(failure.reason, reason);
        assert!(failure.message.ends_with("(activityid a1b2-c3)"), "{failure}");
        assert_eq!(fresh(&observation, "1").agents.len() + fresh(&observation, "3").agents.len(), 2);
        assert_eq!(samples_of(fresh(&observation, ""), &families::POOL_INFO).len(), 3);
    }
}

#[tokio::test]
async fn a_poll_fails_where_every_pool_or_their_list_does() {
    let stub = three(|seen| path(seen).ends_with("/agents").then(|| Response::new(500, "text/html", "<html>")));
    assert_eq!(poll(&mut api(&stub, settings())).await.expect_err("all pools fail").reason, Reason::HttpStatus);
    let rows = [
        (json("{}"), Reason::Decode),
        (json(r#"{"value":[{"id":1"#), Reason::Decode),
        (json("7"), Reason::Decode),
        (Response::new(200, "text/plain", "[]"), Reason::ContentType),
        (Response::new(403, "application/json", "{}"), Reason::Forbidden),
        (Response::new(429, "application/json", "{}").header("retry-after", "7"), Reason::RateLimited),
        (Response::new(503, "text/html", "<html>"), Reason::HttpStatus),
    ];
    for (reply, reason) in rows {
        let stub = three(move |seen| (path(seen) == "pools").then(|| reply.clone()));
        assert_eq!(poll(&mut api(&stub, settings())).await.expect_err("no list").reason, reason);
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_is_not_an_empty_one() {
    let stub = three(|seen| (path(seen) == "pools/2/jobrequests").then(|| Response::new(500, "text/plain", "")));
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    let part = fresh(&observation, "");
    assert_eq!(observation.parts.len(), 4);
    let expected = [("one", 1), ("two", 0), ("three", 1)];
    let expected = expected.map(|(pool, up)| format!("azure_devops_pool_job_requests_up{{{pool};}} {up}"));
    assert_eq!(samples_of(part, &families::POOL_JOB_REQUESTS_UP), expected);
    assert_eq!(samples_of(part, &families::POOL_JOBS).len(), 6);

    let stub = three(|_| None);
    let observation = poll(&mut api(&stub, target::AzureDevOps { job_requests: false, ..settings() })).await;
    let part = observation.expect("a poll that works");
    assert_eq!(samples_of(fresh(&part, ""), &families::POOL_JOB_REQUESTS_UP), [""; 0]);
    assert!(stub.lines().iter().all(|line| !line.contains("jobrequests")));
}

#[tokio::test]
async fn pools_are_chosen_by_globs_and_hosted_ones_by_setting() {
    let pools = |settings: target::AzureDevOps| async move {
        let stub = Stub::start(|seen| match path(seen) {
            "pools" => list(&format!(r#"{DEFAULT},{HOSTED},{{"id":2,"name":"old-1"}}"#)),
            _ => list(""),
        });
        let observation = poll(&mut api(&stub, settings)).await.expect("a poll that works");
        let info = samples_of(fresh(&observation, ""), &families::POOL_INFO).len();
        (observation.parts.iter().skip(1).map(|(key, _)| key.to_string()).collect::<Vec<_>>(), info)
    };
    assert_eq!(pools(settings()).await, (vec!["1".to_owned(), "2".to_owned()], 3));
    let hosted = target::AzureDevOps {
        include_hosted: true,
        pools: target::Pools { include: globs(&["*"]), exclude: globs(&["old-*"]) },
        ..settings()
    };
    assert_eq!(pools(hosted).await, (vec!["1".to_owned(), "9".to_owned()], 2));
    let one = target::AzureDevOps {
        pools: target::Pools { include: globs(&["Def*"]), exclude: Globs::default() },
        ..settings()
    };
    assert_eq!(pools(one).await, (vec!["1".to_owned()], 1));
}

#[tokio::test]
async fn a_pause_on_a_good_answer_is_kept_by_the_next_request() {
    let stub = three(|seen| {
        let pause = list(r#"{"id":1,"name":"one"}"#).header("retry-after", "0.3").header("x-ratelimit-delay", "0.25");
        (path(seen) == "pools").then_some(pause)
    });
    let mut api = api(&stub, settings());
    let started = Instant::now();
    let observation = poll(&mut api).await.expect("a poll that works");
    assert!(started.elapsed() >= Duration::from_millis(290));
    let delay = samples_of(fresh(&observation, ""), &families::RATE_LIMIT_DELAY);
    assert_eq!(delay, ["azure_devops_rate_limit_delay_seconds{;} 0.25"]);
}

#[tokio::test]
async fn a_pause_longer_than_the_poll_is_told_to_the_schedule() {
    let stub = three(|seen| {
        let pause = list(r#"{"id":1,"name":"one"}"#).header("retry-after", "120");
        (path(seen) == "pools").then_some(pause)
    });
    let mut api = api(&stub, settings());
    for _ in 0..2 {
        let failure = poll(&mut api).await.expect_err("no time left");
        assert_eq!(failure.reason, Reason::RateLimited);
        assert!(failure.retry_after.is_some_and(|wait| (110..=120).contains(&wait.as_secs())), "{failure:?}");
    }
    assert_eq!(stub.lines().len(), 1, "the next poll keeps the pause, too");
}

#[tokio::test]
async fn too_many_agents_fail_the_poll() {
    let stub = three(|_| None);
    let url = stub.url.join("contoso").expect("a path");
    let mut target = Target::sample(url.as_str(), VendorSettings::AzureDevOps(settings()));
    target.max_agents = 2;
    let http = Client::new(&target).expect("a client");
    let mut api = AzureDevOps::new(Arc::new(target), settings(), http, Arc::default());
    assert_eq!(poll(&mut api).await.expect_err("too many").reason, Reason::TooLarge);
}

#[tokio::test]
async fn an_older_server_is_asked_in_its_own_version() {
    let stub = three(|seen| {
        let refused = r#"{"$id":"1","typeName":"Microsoft.VisualStudio.Services.WebApi.VssVersionOutOfRangeException, x",
            "typeKey":"VssVersionOutOfRangeException"}"#;
        seen.line.contains("api-version=7.0").then(|| Response::new(400, "application/json", refused))
    });
    let mut api = api(&stub, settings());
    poll(&mut api).await.expect("a poll that works");
    poll(&mut api).await.expect("a poll that works");
    let asked = stub.lines().iter().filter(|line| line.contains("api-version=7.0")).count();
    assert_eq!(asked, 1, "remembered");
}

#[tokio::test]
async fn pools_of_a_server_are_found_above_its_collection() {
    let stub = Stub::start(|seen| match seen.line.split('?').next().unwrap_or_default() {
        "GET /tfs/_apis/distributedtask/pools" => list(r#"{"id":1,"name":"one"}"#),
        "GET /tfs/_apis/distributedtask/pools/1/agents" => list(ONLINE),
        _ => Response::new(404, "text/html", "<html>"),
    });
    let url = stub.url.join("tfs/DefaultCollection").expect("a path");
    let mut api = api_at(&url, settings(), &Arc::default());
    for _ in 0..2 {
        let observation = poll(&mut api).await.expect("a poll that works");
        assert_eq!(fresh(&observation, "1").agents.len(), 1);
    }
    assert_eq!(stub.lines().iter().filter(|line| line.contains("DefaultCollection")).count(), 1);
    let mut nowhere = api_at(&stub.url.join("x/y").expect("a path"), settings(), &Arc::default());
    let failure = poll(&mut nowhere).await.expect_err("nothing there");
    assert!(failure.reason == Reason::NotFound && failure.message.contains("/x/y/_apis"), "{failure}");
}
