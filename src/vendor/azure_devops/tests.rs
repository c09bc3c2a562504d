use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use super::{
    states::{Facts, Status, health},
    *,
};
use crate::{
    catalogue::azure_devops as families,
    config::{
        VendorSettings,
        glob::{Glob, Globs},
        secret::{Secret, SecretText},
        target::{AzureAuth, HealthOverride},
    },
    health::Health,
    poll::memory::Memory,
    vendor::{
        Warnings,
        stub::{
            NOW, Reply, Seen, Stub, counted, failed, fresh, origins, poll, poll_at, poll_knowing, samples, samples_of,
            target,
        },
    },
};

fn globs(globs: &[&str]) -> Globs {
    Globs(globs.iter().map(|glob| Glob::new(glob).expect("a valid glob")).collect())
}

fn settings() -> target::AzureDevOps {
    target::AzureDevOps {
        auth: AzureAuth::Pat(Secret::Inline(SecretText::new("p4t"))),
        pools_include: globs(&["*"]),
        pools_exclude: Globs::default(),
        include_hosted: false,
        offline_by_design: Globs::default(),
        on_demand_pools: Globs::default(),
        job_requests: true,
    }
}

fn entra(stub: &Stub, secret: &str) -> target::AzureDevOps {
    let auth = AzureAuth::Entra {
        tenant_id: "tenant".to_owned(),
        client_id: "app".to_owned(),
        client_secret: Secret::Inline(SecretText::new(secret)),
        authority: stub.url.clone(),
    };
    target::AzureDevOps { auth, ..settings() }
}

fn api_at(url: &reqwest::Url, settings: target::AzureDevOps, logons: &Arc<Logons>) -> AzureDevOps {
    let target = Arc::new(target(url, VendorSettings::AzureDevOps(settings.clone())));
    let http = Client::new(&target).expect("a client");
    AzureDevOps::new(target, settings, http, Arc::clone(logons))
}

/// An organisation `contoso` on the stub.
fn api(stub: &Stub, settings: target::AzureDevOps) -> AzureDevOps {
    api_at(&stub.url.join("contoso").expect("a path"), settings, &Arc::default())
}

/// What comes after the organisation, without the query.
fn path(seen: &Seen) -> &str {
    let line = seen.line.split('?').next().unwrap_or_default();
    line.trim_start_matches("GET /contoso/_apis/distributedtask/")
}

fn list(items: &str) -> Reply {
    Reply::json(format!(r#"{{"value":[{items}]}}"#))
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
        _ => Reply::new(404, "application/json", "{}"),
    })
    .await;
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
        ]
    );
    assert!(stub.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Basic OnA0dA==")));
    assert!(stub.seen().iter().all(|seen| seen.suppress.as_deref() == Some("Suppress")));
}

/// Reads one page of agents of a pool.
fn decode(items: &str, settings: &target::AzureDevOps, pool: &PoolRow) -> (Part, Vec<(&'static str, u64)>) {
    let warnings = Warnings::default();
    let url = "http://127.0.0.1:1".parse().expect("a URL");
    let mut target = target(&url, VendorSettings::AzureDevOps(settings.clone()));
    target.health_overrides = vec![HealthOverride {
        state: "deallocated".to_owned(),
        pool: Glob::new("odd").expect("a glob"),
        health: Health::Degraded,
    }];
    let reader = agents::Reader { target: &target, settings, pool, warnings: &warnings };
    let mut part = Part::new(FAMILIES);
    agents::begin(pool, &mut part);
    reader.read(format!("[{items}]").as_bytes(), &mut part).expect("a list");
    (part, counted(&warnings))
}

fn pool(name: &str) -> PoolRow {
    PoolRow { id: 1, name: name.to_owned(), kind: String::new(), hosted: false, size: None, on_demand: false }
}

/// The rules of the contract, written once more as rows: enabled, status, provisioning state, placeholder, pool that comes
/// and goes, update pending, busy.
#[test]
fn health_follows_the_rules_of_the_contract() {
    let rows = [
        ("1 online - 0 0 0 0", "healthy"),
        ("1 online Provisioned 0 0 0 1", "healthy"),
        ("1 online - 0 1 0 0", "healthy"),
        ("1 online - 0 0 1 0", "transitional"),
        ("1 online - 0 0 1 1", "healthy"),
        ("0 online - 0 0 0 1", "disabled"),
        ("0 offline - 0 0 0 0", "disabled"),
        ("0 other - 0 0 0 0", "disabled"),
        ("1 offline - 0 0 0 0", "failed"),
        ("1 offline Provisioned 0 0 0 0", "failed"),
        ("1 offline RunningRequest 0 0 0 1", "failed"),
        ("1 offline somewhere 0 0 0 0", "failed"),
        ("1 offline Deallocated 0 0 0 0", "disabled"),
        ("1 offline Provisioning 0 0 0 0", "transitional"),
        ("1 offline Deprovisioning 0 0 0 0", "transitional"),
        ("1 offline - 1 0 0 0", "disabled"),
        ("1 offline - 0 1 0 0", "disabled"),
        ("1 offline Provisioning 0 1 0 0", "disabled"),
        ("1 other - 0 0 0 0", "unknown"),
        ("1 other Deallocated 0 1 1 0", "unknown"),
    ];
    for (row, expected) in rows {
        let cells: Vec<&str> = row.split(' ').collect();
        let facts = Facts {
            enabled: cells[0] == "1",
            status: match cells[1] {
                "online" => Status::Online,
                "offline" => Status::Offline,
                _ => Status::Unknown,
            },
            provisioning: states::provisioning(cells[2]),
            offline_by_design: cells[3] == "1",
            pool_comes_and_goes: cells[4] == "1",
            update_pending: cells[5] == "1",
            busy: cells[6] == "1",
        };
        assert_eq!(health(&facts).as_str(), expected, "{row}");
    }
}

#[test]
fn agents_are_classed_by_what_the_wire_and_the_settings_say() {
    let settings = target::AzureDevOps { offline_by_design: globs(&["template-*"]), ..settings() };
    let items = r#"{"id":1,"status":"Offline"},{"id":2,"name":"template-1","status":"offline"},
        {"id":3,"status":"offline","provisioningState":"deallocated"},{"id":4,"status":"online","enabled":"False"},
        {"id":5,"status":"online","pendingUpdate":{}},{"id":6,"status":"online","pendingUpdate":{},"assignedRequest":{}},
        {"id":7,"status":"online","assignedRequest":{"planType":"PoolMaintenance"}},{"id":8,"status":"online","assignedRequest":null}"#;
    let (part, warnings) = decode(items, &settings, &pool("p"));
    let found: Vec<_> = part.agents.iter().map(|a| (&*a.name, &*a.state, a.health.map(Health::as_str))).collect();
    assert_eq!(
        found,
        [
            ("1", "Offline", Some("failed")),
            ("template-1", "offline", Some("disabled")),
            ("3", "offline, deallocated", Some("disabled")),
            ("4", "online", Some("disabled")),
            ("5", "online", Some("transitional")),
            ("6", "online", Some("healthy")),
            ("7", "online", Some("healthy")),
            ("8", "online", Some("healthy")),
        ]
    );
    assert_eq!(warnings, []);
    let busy: Vec<f64> = part.samples[families::AGENT_BUSY.ordinal as usize].iter().map(|s| s.value).collect();
    assert_eq!(busy, [0., 0., 0., 0., 0., 1., 0., 0.]);
    assert_eq!(samples_of(&part, &families::AGENT_JOB_ASSIGNED), [""; 0], "a job without its time is no panic");
    let deallocated = samples_of(&part, &families::AGENT_INFO).remove(2);
    assert_eq!(deallocated, "azure_devops_agent_info{p,3;3,,,Deallocated} 1");

    let (part, _) = decode(r#"{"id":3,"status":"offline","provisioningState":"Deallocated"}"#, &settings, &pool("odd"));
    assert_eq!(part.agents[0].health, Some(Health::Degraded), "overridden by configuration");
    let hosted = PoolRow { hosted: true, ..pool("p") };
    let (part, _) = decode(r#"{"id":3,"status":"offline"}"#, &settings, &hosted);
    assert_eq!(part.agents[0].health, Some(Health::Disabled));
}

#[test]
fn odd_items_cost_themselves_and_new_states_become_other() {
    let items = r#"{"id":1,"name":"a\"b\\c\nd","status":3,"lastCompletedRequest":{"result":"exploded","finishTime":"0001-01-01T00:00:00"}},
        {"name":"no id","status":"online"},null,{"id":"2","name":null,"status":"online","createdOn":"soon","maxParallelism":"4"},
        {"id":2,"name":"again","status":"online"},{"id":4,"status":"online","provisioningState":"Levitating","version":[1]}"#;
    let (part, warnings) = decode(items, &settings(), &pool("p"));
    assert_eq!(warnings, [("unknown_state", 3), ("bad_item", 3), ("bad_value", 2)]);
    let found: Vec<_> = part.agents.iter().map(|a| (&*a.name, &*a.state, a.health.map(Health::as_str))).collect();
    assert_eq!(
        found,
        [
            ("a\"b\\c\nd", "3", Some("unknown")),
            ("2", "online", Some("healthy")),
            ("4", "online, Levitating", Some("healthy")),
        ]
    );
    assert_eq!(samples_of(&part, &families::AGENT_ONLINE).len(), 2, "absent where the status is unknown");
    assert_eq!(
        samples_of(&part, &families::AGENT_LAST_JOB_RESULT),
        ["azure_devops_agent_last_job_result{p,a\"b\\c\nd;other} 1"]
    );
    assert_eq!(samples_of(&part, &families::AGENT_LAST_JOB_FINISHED), [""; 0]);
    assert_eq!(samples_of(&part, &families::AGENT_MAX_PARALLELISM), ["azure_devops_agent_max_parallelism{p,2;} 4"]);
    assert_eq!(samples_of(&part, &families::AGENT_INFO)[2], "azure_devops_agent_info{p,4;4,,,other} 1");
}

#[test]
fn results_are_those_of_the_vendor_in_any_case() {
    for name in ["abandoned", "canceled", "failed", "skipped", "succeeded", "succeededWithIssues"] {
        assert_eq!(states::result(&name.to_ascii_uppercase()), Some(name));
    }
    assert_eq!(states::RESULTS.len(), 6);
}

#[test]
fn pools_are_on_demand_by_their_options_and_told_apart_by_their_ids() {
    let warnings = Warnings::default();
    let body = r#"{"count":9,"value":[{"id":7,"name":"x","options":"elasticPool, singleUseAgents"},{"id":5,"name":"x","options":"none"},
        {"id":6,"options":"SingleUseAgents","size":null},{"id":6,"name":"again"},{"name":"no id"},{"id":8,"name":"y","poolType":" Deployment","options":"preserveAgentOnJobFailure"}]}"#;
    let mut rows = Vec::new();
    pools::read(body.as_bytes(), &mut rows, 1000, &warnings).expect("a list");
    pools::tell_apart(&mut rows, &warnings);
    let found: Vec<_> = rows.iter().map(|row| (row.id, &*row.name, row.on_demand)).collect();
    assert_eq!(found, [(5, "x", false), (6, "6", true), (7, "x#7", true), (8, "y", false)]);
    assert_eq!(rows[3].kind, "deployment");
    assert_eq!(counted(&warnings), [("bad_item", 2), ("duplicate", 1), ("bad_value", 1)]);
}

/// An organisation with three pools of one agent each; `odd` may answer instead.
async fn three(odd: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Stub {
    Stub::start(move |seen| {
        odd(seen).unwrap_or_else(|| match path(seen) {
            "pools" => list(r#"{"id":1,"name":"one"},{"id":2,"name":"two"},{"id":3,"name":"three"}"#),
            path if path.ends_with("/agents") => list(r#"{"id":1,"name":"a","status":"online"}"#),
            _ => list(""),
        })
    })
    .await
}

#[tokio::test]
async fn a_pool_that_fails_costs_itself_and_keeps_its_description() {
    let rows = [(401, Reason::Auth), (403, Reason::Forbidden), (404, Reason::NotFound), (500, Reason::HttpStatus)];
    for (status, reason) in rows {
        let stub = three(move |seen| {
            let reply = Reply::new(status, "application/json", "{}").header("ActivityId", "a1b2-c3");
            (path(seen) == "pools/2/agents").then_some(reply)
        })
        .await;
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
    let stub = three(|seen| path(seen).ends_with("/agents").then(|| Reply::new(500, "text/html", "<html>"))).await;
    assert_eq!(poll(&mut api(&stub, settings())).await.expect_err("all pools fail").reason, Reason::HttpStatus);
    let rows = [
        (Reply::json("{}"), Reason::Decode),
        (Reply::json(r#"{"value":[{"id":1"#), Reason::Decode),
        (Reply::json("7"), Reason::Decode),
        (Reply::new(200, "text/plain", "[]"), Reason::ContentType),
        (Reply::new(403, "application/json", "{}"), Reason::Forbidden),
        (Reply::new(429, "application/json", "{}").header("retry-after", "7"), Reason::RateLimited),
        (Reply::new(503, "text/html", "<html>"), Reason::HttpStatus),
    ];
    for (reply, reason) in rows {
        let stub = three(move |seen| (path(seen) == "pools").then(|| reply.clone())).await;
        assert_eq!(poll(&mut api(&stub, settings())).await.expect_err("no list").reason, reason);
    }
}

#[tokio::test]
async fn sign_in_pages_are_refused_credentials() {
    let page = "<!DOCTYPE html><html><title>Azure DevOps Services | Sign In</title></html>";
    let rows = [
        Reply::new(203, "text/html; charset=utf-8", page),
        Reply::new(203, "application/json", "{}"),
        Reply::new(302, "text/html", "").header("location", "https://spsprodweu5.vssps.visualstudio.com/_signin?x=y"),
        Reply::new(200, "text/html", page),
        Reply::new(200, "application/json", format!("\u{feff} {page}")),
        Reply::new(401, "application/json", r#"{"message":"TF400813"}"#),
    ];
    for reply in rows {
        let stub = three(move |_| Some(reply.clone())).await;
        assert_eq!(poll(&mut api(&stub, settings())).await.expect_err("refused").reason, Reason::Auth);
        assert_eq!(stub.lines().len(), 1, "neither followed nor repeated");
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_is_not_an_empty_one() {
    let stub = three(|seen| (path(seen) == "pools/2/jobrequests").then(|| Reply::new(500, "text/plain", ""))).await;
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    let part = fresh(&observation, "");
    assert_eq!(observation.parts.len(), 4);
    let expected = [("one", 1), ("two", 0), ("three", 1)];
    let expected = expected.map(|(pool, up)| format!("azure_devops_pool_job_requests_up{{{pool};}} {up}"));
    assert_eq!(samples_of(part, &families::POOL_JOB_REQUESTS_UP), expected);
    assert_eq!(samples_of(part, &families::POOL_JOBS).len(), 6);

    let stub = three(|_| None).await;
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
        })
        .await;
        let observation = poll(&mut api(&stub, settings)).await.expect("a poll that works");
        let info = samples_of(fresh(&observation, ""), &families::POOL_INFO).len();
        (observation.parts.iter().skip(1).map(|(key, _)| key.to_string()).collect::<Vec<_>>(), info)
    };
    assert_eq!(pools(settings()).await, (vec!["1".to_owned(), "2".to_owned()], 3));
    let hosted = target::AzureDevOps { include_hosted: true, pools_exclude: globs(&["old-*"]), ..settings() };
    assert_eq!(pools(hosted).await, (vec!["1".to_owned(), "9".to_owned()], 2));
    let one = target::AzureDevOps { pools_include: globs(&["Def*"]), ..settings() };
    assert_eq!(pools(one).await, (vec!["1".to_owned()], 1));
}

#[tokio::test]
async fn continuation_tokens_are_followed_and_circles_are_left() {
    let stub = three(|seen| {
        if !seen.line.contains("pools/1/agents") {
            return None;
        }
        Some(match seen.line.split("continuationToken=").nth(1) {
            None => list(r#"{"id":1,"status":"online"}"#).header("x-ms-continuationtoken", "b c&d"),
            Some(token) if token.starts_with("b+c%26d") => list(r#"{"id":2,"status":"online"}"#),
            Some(_) => Reply::new(500, "text/plain", ""),
        })
    })
    .await;
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    assert_eq!(fresh(&observation, "1").agents.len(), 2);

    let stub =
        three(|seen| path(seen).ends_with("1/agents").then(|| list("").header("x-ms-continuationtoken", "x"))).await;
    let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
    assert_eq!(failed(&observation, "1").reason, Reason::Decode);
}

#[tokio::test]
async fn continuation_tokens_in_a_wide_circle_are_left_as_soon_as_one_returns() {
    let stub = three(|seen| {
        let next = match seen.line.split("continuationToken=").nth(1) {
            None => "a",
            Some(token) if token.starts_with('a') => "b",
            Some(token) if token.starts_with('b') => "c",
            Some(_) => "a",
        };
        path(seen).ends_with("pools/1/agents").then(|| list("").header("x-ms-continuationtoken", next))
    })
    .await;
    let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
    assert_eq!(failed(&observation, "1").reason, Reason::Decode);
    assert_eq!(stub.lines().iter().filter(|line| line.contains("pools/1/agents")).count(), 4);
}

#[tokio::test]
async fn a_list_without_an_end_is_too_large() {
    let asked = AtomicUsize::new(0);
    let stub = three(move |seen| {
        path(seen).ends_with("pools/1/agents").then(|| {
            let next = asked.fetch_add(1, Ordering::Relaxed).to_string();
            list("").header("x-ms-continuationtoken", &next)
        })
    })
    .await;
    let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
    assert_eq!(failed(&observation, "1").reason, Reason::TooLarge);
    assert_eq!(stub.lines().iter().filter(|line| line.contains("pools/1/agents")).count(), 100);
}

#[test]
fn too_many_pools_are_not_kept() {
    let page = |range: std::ops::Range<usize>| {
        let pools: Vec<String> = range.map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        format!(r#"{{"value":[{}]}}"#, pools.join(","))
    };
    for (max_agents, most) in [(1, 10_000), (12_000, 12_000)] {
        let (mut rows, warnings) = (Vec::new(), Warnings::default());
        let mut read = |body: String| pools::read(body.as_bytes(), &mut rows, max_agents, &warnings);
        assert_eq!(read(page(0..9000)), Ok(()));
        assert_eq!(read(page(9000..most)), Ok(()));
        assert_eq!(read(page(most..most + 5000)).expect_err("too many").reason, Reason::TooLarge);
        assert_eq!(rows.len(), most + 1);
    }
}

#[test]
fn very_many_pools_and_queues_are_described() {
    let url = "http://127.0.0.1/contoso".parse().expect("a URL");
    let api = api_at(&url, settings(), &Arc::default());
    // By a search of all queues for each pool, this would take minutes.
    let rows: Vec<PoolRow> = (0..50_000).map(|id| PoolRow { id, ..pool(&format!("p{id}")) }).collect();
    let queues: Vec<_> = rows.iter().rev().map(|row| (row.id, (row.id % 2 == 0).then(Queue::default))).collect();
    let part = api.describe(&rows, &queues);
    let up = &part.samples[families::POOL_JOB_REQUESTS_UP.ordinal as usize];
    assert_eq!(up.len(), rows.len());
    assert!(up.iter().all(|sample| sample.value == f64::from(sample.subject % 2 == 0)));
}

#[tokio::test]
async fn a_pause_on_a_good_answer_is_kept_by_the_next_request() {
    let stub = three(|seen| {
        let pause = list(r#"{"id":1,"name":"one"}"#).header("retry-after", "0.3").header("x-ratelimit-delay", "0.25");
        (path(seen) == "pools").then_some(pause)
    })
    .await;
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
    })
    .await;
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
    let stub = three(|_| None).await;
    let url = stub.url.join("contoso").expect("a path");
    let mut target = target(&url, VendorSettings::AzureDevOps(settings()));
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
        seen.line.contains("api-version=7.0").then(|| Reply::new(400, "application/json", refused))
    })
    .await;
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
        _ => Reply::new(404, "text/html", "<html>"),
    })
    .await;
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

fn token(seen: &Seen, token: &str) -> Option<Reply> {
    let body = format!(r#"{{"token_type":"Bearer","expires_in":"3599","access_token":"{token}"}}"#);
    (seen.line == "POST /tenant/oauth2/v2.0/token").then(|| Reply::json(body))
}

#[tokio::test]
async fn an_entra_token_is_got_once_and_again_when_it_is_refused_or_its_secret_changes() {
    static REVOKED: AtomicBool = AtomicBool::new(false);
    static LOGONS: AtomicUsize = AtomicUsize::new(0);
    let stub = three(|seen| {
        if let Some(reply) = token(seen, &format!("t{}", LOGONS.load(Ordering::Relaxed))) {
            LOGONS.fetch_add(1, Ordering::Relaxed);
            return Some(reply);
        }
        let revoked = REVOKED.load(Ordering::Relaxed) && seen.authorization.as_deref() == Some("Bearer t0");
        revoked.then(|| Reply::new(401, "application/json", "{}"))
    })
    .await;
    let mut api = api(&stub, entra(&stub, "s3&cret"));
    let memory = Memory::default();
    for minute in 0..2 {
        let now = NOW.plus(Duration::from_secs(60 * minute));
        poll_at(&mut api, &memory, now).await.0.expect("a poll that works");
    }
    assert_eq!(LOGONS.load(Ordering::Relaxed), 1);
    assert_eq!(
        stub.seen()[0].body,
        "grant_type=client_credentials&client_id=app&client_secret=s3%26cret\
         &scope=499b84ac-1321-427f-aa17-267ca6975798%2F.default"
    );
    REVOKED.store(true, Ordering::Relaxed);
    poll_at(&mut api, &memory, NOW.plus(Duration::from_secs(120))).await.0.expect("a poll that works");
    assert_eq!(LOGONS.load(Ordering::Relaxed), 2);
    assert_eq!(stub.seen().last().and_then(|seen| seen.authorization.clone()).as_deref(), Some("Bearer t1"));
}

#[tokio::test]
async fn a_refused_application_is_sent_once_and_held_for_every_target() {
    let stub = three(|seen| {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret hunter2."}"#;
        seen.line.starts_with("POST").then(|| Reply::new(401, "application/json", body))
    })
    .await;
    let logons = Arc::new(Logons::default());
    let url = stub.url.join("contoso").expect("a path");
    let mut first = api_at(&url, entra(&stub, "old"), &logons);
    let failure = poll(&mut first).await.expect_err("refused");
    assert_eq!(failure.reason, Reason::Auth);
    assert!(failure.message.contains("invalid_client (AADSTS7000215)"), "{failure}");
    assert!(!failure.message.contains("hunter2"), "{failure}");
    assert_eq!(poll(&mut first).await.expect_err("held").reason, Reason::Held);
    assert_eq!(poll(&mut api_at(&url, entra(&stub, "old"), &logons)).await.expect_err("held").reason, Reason::Held);
    assert_eq!(stub.lines().len(), 1);
    assert_eq!(poll(&mut api_at(&url, entra(&stub, "new"), &logons)).await.expect_err("refused").reason, Reason::Auth);
}

#[tokio::test]
async fn a_token_service_in_trouble_holds_nobody() {
    let rows = [
        (Reply::new(503, "text/html", "<html>"), Reason::HttpStatus),
        (Reply::new(400, "application/json", r#"{"error":"unauthorized_client"}"#), Reason::Auth),
        (Reply::new(429, "application/json", "{}"), Reason::RateLimited),
        (Reply::json("{}"), Reason::Decode),
        (Reply::new(200, "text/html", "<html>"), Reason::ContentType),
    ];
    for (reply, reason) in rows {
        let stub = three(move |_| Some(reply.clone())).await;
        let mut api = api(&stub, entra(&stub, "s"));
        for _ in 0..2 {
            assert_eq!(poll(&mut api).await.expect_err("no token").reason, reason);
        }
        assert_eq!(stub.lines().len(), 2);
    }
}

/// A service with two pages of one pool, whose second page and whose pool's size change when told to.
async fn two_pages(second: &'static std::sync::Mutex<&'static str>) -> Stub {
    Stub::start(|seen| match path(seen) {
        "pools" => list(r#"{"id":1,"name":"Default"}"#),
        "pools/1/agents" if !seen.line.contains("continuationToken") => {
            list(r#"{"id":1,"name":"a","status":"online"},{"id":2,"name":"b","status":"odd"}"#)
                .header("x-ms-continuationtoken", "2")
        }
        "pools/1/agents" => list(*second.lock().expect("no panic")),
        _ => Reply::new(404, "application/json", "{}"),
    })
    .await
}

fn same(observation: Observation, key: &str) -> Option<crate::vendor::Same> {
    observation.parts.into_iter().find_map(|(name, outcome)| match outcome {
        Outcome::Same(same) if *name == *key => Some(same),
        _ => None,
    })
}

#[tokio::test]
async fn pages_that_are_as_they_were_are_not_read_again() {
    static SECOND: std::sync::Mutex<&str> = std::sync::Mutex::new(r#"{"id":3,"name":"c","status":"offline"}"#);
    let stub = two_pages(&SECOND).await;
    let memory = Memory::default();
    let mut api = api(&stub, settings());
    let (first, warnings) = poll_at(&mut api, &memory, NOW).await;
    let first = first.expect("a poll that works");
    assert_eq!(warnings.count(crate::vendor::Warning::UnknownState), 1);
    let known = origins(&first);
    let (again, _) = poll_knowing(&mut api, &memory, NOW, &known).await;
    let again = same(again.expect("a poll that works"), "1").expect("nothing has changed");
    assert_eq!(Some(&again.origin), known.get("1"));
    // Read after all, it is what it was, with its oddities.
    let read = again.read().expect("it was read before");
    assert_eq!(samples(&read), samples(fresh(&first, "1")));
    assert_eq!((read.warnings.count(crate::vendor::Warning::UnknownState), read.origin.as_ref()), (1, known.get("1")));

    // Where a later page is another one, those before it are read, too.
    *SECOND.lock().expect("no panic") = r#"{"id":3,"name":"c","status":"online"}"#;
    let (changed, warnings) = poll_knowing(&mut api, &memory, NOW, &known).await;
    let changed = changed.expect("a poll that works");
    assert_eq!((fresh(&changed, "1").agents.len(), warnings.count(crate::vendor::Warning::UnknownState)), (3, 1));
    assert!(samples(fresh(&changed, "1")).contains(&"azure_devops_agent_online{Default,c;} 1".to_owned()));

    // Another API, whose settings may be others, takes nothing for known.
    *SECOND.lock().expect("no panic") = r#"{"id":3,"name":"c","status":"offline"}"#;
    let mut other = self::api(&stub, settings());
    let (others, _) = poll_knowing(&mut other, &memory, NOW, &known).await;
    assert_eq!(fresh(&others.expect("a poll that works"), "1").agents.len(), 3);
    // The first one still does.
    let (again, _) = poll_knowing(&mut api, &memory, NOW, &known).await;
    assert!(same(again.expect("a poll that works"), "1").is_some());
}
