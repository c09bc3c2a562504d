mod token;

use std::sync::atomic::{AtomicBool, Ordering};

use rollcall_test_server::Response;

use super::*;
use crate::{
    api::{
        memory::Memory,
        stub::{NOW, Stub, counted, failed, fresh, json, poll, poll_at, samples, samples_of},
        table,
    },
    catalogue::resilio::{self as families},
    config::VendorSettings,
    failure::Reason,
};

const CLIENT: &str = r#"{"deviceid":"EAB7","deviceidHex":"201","name":"filer-07","paused":false,"restartRequired":"true",
    "server":{"addr":"mc.example.com:8444","last_seen":1700000000,"state":"CONNECTED"}}"#;

const RUN: &str = r#"{"down_speed":177840,"errors":[],"eta":101,"files_completed":208,"files_total":209,"id":384,
    "name":"FullSync","path":"C:\\UserData\\FullSync","peers_count":1,"peers_count_proxied":0,"permission":"rw",
    "run_id":543,"size_completed":126936039,"size_total":144943317,"status":"syncing","transferred_down":107847067,
    "transferred_up":0,"type":"folder","up_speed":0,"last_synced":1702985796}"#;

/// The vendor's page, read once more: status and class of a run that is complete, and of one that is not.
const STATUSES: &str = "
error|failed|failed
loading|transitional|transitional
paused|disabled|disabled
writing acl|transitional|transitional
processing files|transitional|transitional
indexing|transitional|transitional
low priority|transitional|transitional
mounting selective sync volume|transitional|transitional
no peers|degraded|degraded
syncing|transitional|transitional
synced|healthy|healthy
invalid state|failed|failed
waiting for files from source|transitional|transitional
downloading|transitional|transitional
seeding|healthy|healthy
cleaning up destination folder|transitional|transitional
waiting for scheduled script|transitional|transitional
executing pre-indexing script|transitional|transitional
executing post-download script|transitional|transitional
executing complete script|transitional|transitional
archiving script logs|transitional|transitional
successfully finished|healthy|healthy
expired|disabled|failed
executing script|transitional|transitional
initial synchronization|transitional|transitional";

fn settings(tags: bool) -> VendorSettings {
    VendorSettings::Resilio(target::Resilio { auth: None, tags })
}

fn api(stub: &Stub, tags: bool) -> Resilio {
    let target = Arc::new(Target::sample(stub.url.as_str(), settings(tags)));
    let http = http::Client::new(&target).expect("a client");
    Resilio::new(target, target::Resilio { auth: None, tags }, http, Arc::default())
}

/// An agent that answers everything; only this token is good.
fn answer(line: &str, token: &str, client: &str, runs: &str) -> Response {
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    match path {
        "GET /api/v3/token" => json(format!(r#"{{ "token": "{token}" }}"#)),
        _ if query != format!("token={token}") => Response::new(403, "text/plain", "invalid token"),
        "GET /api/v3/client" => json(client),
        "GET /api/v3/runs" => json(runs),
        "GET /api/v3/tags" => json(
            r#"{"tags":[{"name":"site","value":"zrh"},{"name":"site","value":"x"},{"value":"y"},{"name":"n","value":7}]}"#,
        ),
        _ => Response::new(404, "text/plain", ""),
    }
}

/// Polls an agent once; gives its parts and warnings.
async fn observe(client: &str, runs: &str) -> (Observation, Vec<(&'static str, u64)>) {
    let (client, runs) = (client.to_owned(), runs.to_owned());
    let stub = Stub::start(move |seen| answer(&seen.line, "T1", &client, &runs));
    let (observation, warnings) = poll_at(&mut api(&stub, false), &Memory::default(), NOW).await;
    (observation.expect("a poll that works"), counted(&warnings))
}

async fn jobs(runs: &str) -> (Vec<String>, Vec<(&'static str, u64)>) {
    let (observation, warnings) = observe(CLIENT, runs).await;
    (samples(fresh(&observation, "jobs")), warnings)
}

fn one(fields: &str) -> String {
    format!(r#"[{{"run_id":1,"id":1,"name":"j","type":"folder",{fields}}}]"#)
}

#[tokio::test]
async fn an_agent_with_its_tags_and_a_job() {
    let stub = Stub::start(|seen| answer(&seen.line, "T1", CLIENT, &format!("[{RUN}]")));
    let mut api = api(&stub, true);
    let memory = Memory::default();
    let (observation, warnings) = poll_at(&mut api, &memory, NOW).await;
    let observation = observation.expect("a poll that works");
    assert_eq!(counted(&warnings), [("bad_item", 2)], "a tag that comes twice, and one without a name");
    let part = fresh(&observation, "client");
    let agent = &part.agents[0];
    assert_eq!((&*agent.name, agent.health, &*agent.state), ("filer-07", Some(Health::Degraded), "CONNECTED"));
    assert_eq!(
        samples(part),
        [
            "resilio_client_info{client,filer-07;EAB7,mc.example.com:8444} 1",
            "resilio_client_state{client,filer-07;CONNECTED} 1",
            "resilio_client_paused{client,filer-07;} 0",
            "resilio_client_restart_required{client,filer-07;} 1",
            "resilio_client_server_last_seen_timestamp_seconds{client,filer-07;} 1700000000",
            "resilio_client_tag_info{client,filer-07;site,zrh} 1",
            "resilio_client_tag_info{client,filer-07;n,7} 1",
        ]
    );
    let part = fresh(&observation, "jobs");
    assert_eq!((part.agents[0].health, &part.agents[0].id), (None, &agent.id));
    assert_eq!(
        samples(part),
        [
            r"resilio_job_info{client,filer-07;FullSync,384,543,folder,rw,C:\UserData\FullSync} 1",
            "resilio_job_status{client,filer-07;FullSync,384,syncing} 1",
            "resilio_job_status_since_timestamp_seconds{client,filer-07;FullSync,384} 1700000000",
            "resilio_job_health{client,filer-07;FullSync,384,healthy} 0",
            "resilio_job_health{client,filer-07;FullSync,384,transitional} 1",
            "resilio_job_health{client,filer-07;FullSync,384,disabled} 0",
            "resilio_job_health{client,filer-07;FullSync,384,degraded} 0",
            "resilio_job_health{client,filer-07;FullSync,384,failed} 0",
            "resilio_job_health{client,filer-07;FullSync,384,unknown} 0",
            "resilio_job_eta_seconds{client,filer-07;FullSync,384} 101",
            "resilio_job_unsynced_since_timestamp_seconds{client,filer-07;FullSync,384} 1700000000",
            "resilio_job_size_bytes{client,filer-07;FullSync,384} 144943317",
            "resilio_job_completed_bytes{client,filer-07;FullSync,384} 126936039",
            "resilio_job_files{client,filer-07;FullSync,384} 209",
            "resilio_job_completed_files{client,filer-07;FullSync,384} 208",
            "resilio_job_peers{client,filer-07;FullSync,384} 1",
            "resilio_job_proxied_peers{client,filer-07;FullSync,384} 0",
            "resilio_job_receive_bytes_per_second{client,filer-07;FullSync,384} 177840",
            "resilio_job_send_bytes_per_second{client,filer-07;FullSync,384} 0",
            "resilio_job_errors{client,filer-07;FullSync,384} 0",
            "resilio_job_last_synced_timestamp_seconds{client,filer-07;FullSync,384} 1702985796",
            "resilio_job_received_bytes_total{client,filer-07;FullSync,384} 107847067",
            "resilio_job_sent_bytes_total{client,filer-07;FullSync,384} 0",
        ]
    );
    let expected = ["token", "client?token=T1", "runs?token=T1", "tags?token=T1"];
    assert_eq!(stub.lines(), expected.map(|path| format!("GET /api/v3/{path}")));
}

#[tokio::test]
async fn an_older_agent_is_known_by_its_target() {
    let client = r#"{"paused":false,"server":{"addr":"127.0.0.1:8444","state":"CONNECTED"}}"#;
    let run = r#"[{"id":384,"run_id":543,"status":"synced","type":"folder"}]"#;
    let (observation, warnings) = observe(client, run).await;
    assert_eq!(warnings, []);
    let part = fresh(&observation, "client");
    assert_eq!((&*part.agents[0].name, part.agents[0].health), ("sample", Some(Health::Healthy)));
    assert_eq!(samples_of(part, &families::CLIENT_INFO), ["resilio_client_info{client,sample;,127.0.0.1:8444} 1"]);
    let part = fresh(&observation, "jobs");
    assert_eq!(samples_of(part, &families::JOB_INFO), ["resilio_job_info{client,sample;384,384,543,folder,,} 1"]);
    assert_eq!(samples_of(part, &families::JOB_LAST_SYNCED), [""; 0]);
    assert_eq!(samples_of(part, &families::JOB_UNSYNCED_SINCE), [""; 0]);
}

#[tokio::test]
async fn a_client_without_a_name_is_known_by_its_device_id() {
    let (observation, _) =
        observe(r#"{"deviceid":"EAB7","name":"","paused":true,"server":{"state":"connected"}}"#, "[]").await;
    let agent = &fresh(&observation, "client").agents[0];
    let expected = ("EAB7", Some(Health::Disabled), "connected, paused");
    assert_eq!((&*agent.name, agent.health, &*agent.state), expected);
}

#[tokio::test]
async fn the_states_of_the_client_are_those_of_the_vendor() {
    let rows = [
        ("NOT_CONFIGURED", Health::Disabled),
        ("NOT_CONNECTED", Health::Degraded),
        ("CONNECTING", Health::Transitional),
        ("CONNECTED", Health::Healthy),
        ("PENDING_APPROVAL", Health::Transitional),
        ("DECLINED", Health::Disabled),
        ("STOPPED", Health::Failed),
        ("WAITING_FOR_INCOMING_CONNECTION", Health::Healthy),
        ("LEVITATING", Health::Unknown),
    ];
    assert_eq!(rows.len(), states::CLIENT.len() + 1);
    let warnings = crate::api::Warnings::default();
    let target = Target::sample("http://127.0.0.1:1", settings(false));
    for (state, health) in rows {
        let read = |more: &str| {
            let body = format!(r#"{{"server":{{"state":"{state}"}},{more}}}"#);
            ClientInfo::read(body.as_bytes(), &warnings).expect("a client").health(&target, &warnings)
        };
        assert_eq!(read(r#""paused":false"#), health, "{state}");
        assert_eq!(read(r#""paused":true,"restartRequired":true"#), Health::Disabled, "{state}");
        assert_eq!(read(r#""paused":"false","restartRequired":"true""#), health.at_least_degraded(), "{state}");
    }
}

#[test]
fn the_statuses_of_runs_are_those_of_the_vendor() {
    let rows: Vec<Vec<&str>> = STATUSES.trim().lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(rows.len(), states::RUN.len());
    for row in rows {
        let found = table::find(&states::RUN, &row[0].to_ascii_uppercase()).expect(row[0]);
        assert_eq!(found.0, row[0]);
        assert_eq!(states::run_health(found, false).as_str(), row[1], "{}", row[0]);
        assert_eq!(states::run_health(found, true).as_str(), row[2], "{}", row[0]);
    }
}

#[tokio::test]
async fn an_estimate_is_shown_only_while_it_means_something() {
    let rows = [
        ("syncing", "101", Some("101")),
        ("downloading", "\"5\"", Some("5")),
        ("syncing", "0", Some("0")),
        ("syncing", "-1", None),
        ("syncing", "null", None),
        ("syncing", "315576000", None),
        ("syncing", "9223372036854775807", None),
        ("indexing", "101", None),
        ("synced", "0", None),
    ];
    for (status, eta, expected) in rows {
        let (lines, _) = jobs(&one(&format!(r#""status":"{status}","eta":{eta}"#))).await;
        let found = lines.iter().find_map(|line| line.strip_prefix("resilio_job_eta_seconds{client,filer-07;j,1} "));
        assert_eq!(found, expected, "{status} {eta}");
    }
}

#[tokio::test]
async fn errors_make_a_job_at_least_degraded_unless_it_is_paused() {
    for (status, health) in [("synced", "degraded"), ("paused", "disabled"), ("error", "failed"), ("new", "unknown")] {
        let (lines, _) = jobs(&one(&format!(r#""status":"{status}","errors":{{"code":5}}"#))).await;
        assert!(
            lines.contains(&format!("resilio_job_health{{client,filer-07;j,1,{health}}} 1")),
            "{status}: {lines:#?}"
        );
        assert!(lines.contains(&"resilio_job_errors{client,filer-07;j,1} 1".to_owned()));
    }
}

#[tokio::test]
async fn of_each_job_the_newest_run_is_shown_and_a_bad_one_costs_itself() {
    let runs = r#"{"data":[{"run_id":9,"id":1,"name":"a","status":"synced"},{"run_id":10,"id":1,"name":"a","status":"error"},
        {"run_id":"8","id":1,"name":"a","status":"synced"},{"id":2,"status":"synced"},7,
        {"run_id":11,"id":3,"name":"b\n\"\\","status":"levitating","size_total":-5,"eta":[]},
        {"run_id":11,"id":3,"name":"again","status":"synced"}]}"#;
    let (observation, warnings) = observe(CLIENT, runs).await;
    let part = fresh(&observation, "jobs");
    assert_eq!(
        samples_of(part, &families::JOB_STATUS),
        ["resilio_job_status{client,filer-07;a,1,error} 1", "resilio_job_status{client,filer-07;b\n\"\\,3,other} 1",]
    );
    assert_eq!(warnings, [("unknown_state", 1), ("bad_item", 3), ("bad_value", 2)]);
}

#[tokio::test]
async fn a_single_run_is_a_list_of_one() {
    let (lines, _) = jobs(RUN).await;
    assert!(lines[0].starts_with("resilio_job_info{client,filer-07;FullSync,384,543"));
    assert_eq!(jobs("[]").await.0, [""; 0]);
}

#[tokio::test]
async fn since_when_a_job_is_not_synced_outlives_its_statuses_and_not_a_pause() {
    let memory = Memory::default();
    let steps = [
        (0, "synced", None, 0),
        (60, "indexing", Some(60), 60),
        (120, "syncing", Some(60), 120),
        (180, "paused", None, 180),
        (240, "syncing", Some(240), 240),
        (300, "synced", None, 300),
        (360, "synced", None, 300),
    ];
    for (at, status, unsynced, since) in steps {
        let runs = one(&format!(r#""status":"{status}""#));
        let stub = Stub::start(move |seen| answer(&seen.line, "T1", CLIENT, &runs));
        let now = NOW.plus(Duration::from_secs(at));
        let observation = poll_at(&mut api(&stub, false), &memory, now).await.0.expect("a poll that works");
        let part = fresh(&observation, "jobs");
        let value = |family| part.samples[families_ordinal(family)].first().map(|sample| sample.value - 1.7e9);
        assert_eq!(value(&families::JOB_UNSYNCED_SINCE), unsynced.map(f64::from), "{status} at {at}");
        assert_eq!(value(&families::JOB_STATUS_SINCE), Some(f64::from(since)), "{status} at {at}");
    }
}

fn families_ordinal(family: &'static crate::catalogue::Family) -> usize {
    family.ordinal as usize
}

#[tokio::test]
async fn tags_that_are_refused_are_left_alone_until_somebody_releases_them() {
    let stub = Stub::start(|seen| match seen.line.contains("/tags") {
        true => Response::new(403, "text/plain", ""),
        false => answer(&seen.line, "T1", CLIENT, "[]"),
    });
    let mut api = api(&stub, true);
    let memory = Memory::default();
    for (minute, tries) in [(0, 1), (1, 0), (59, 0), (60, 2), (61, 0)] {
        let now = NOW.plus(Duration::from_secs(60 * minute));
        poll_at(&mut api, &memory, now).await.0.expect("tags fail alone");
        let asked = stub.asked().iter().filter(|line| line.contains("/tags")).count();
        assert_eq!(asked, tries, "in minute {minute}");
    }
    Api::resume(&mut api);
    poll_at(&mut api, &memory, NOW.plus(Duration::from_secs(60 * 62))).await.0.expect("tags fail alone");
    assert_eq!(stub.asked().iter().filter(|line| line.contains("/tags")).count(), 2, "with a new token, too");
}

#[tokio::test]
async fn runs_that_cannot_be_read_cost_the_jobs_alone() {
    let rows = [
        (Response::new(500, "text/plain", ""), Reason::HttpStatus),
        (Response::new(200, "text/html", "<html></html>"), Reason::ContentType),
        (json(r#"[{"run_id":1"#), Reason::Decode),
        (json(r#"{"error":"x"}"#), Reason::Decode),
        (json("7"), Reason::Decode),
    ];
    for (reply, reason) in rows {
        let stub = Stub::start(move |seen| match seen.line.contains("/runs") {
            true => reply.clone(),
            false => answer(&seen.line, "T1", CLIENT, ""),
        });
        let observation = poll(&mut api(&stub, true)).await.expect("a partial poll");
        assert_eq!(failed(&observation, "jobs").reason, reason);
        assert_eq!(samples_of(fresh(&observation, "client"), &families::CLIENT_TAG_INFO).len(), 2);
    }
}

#[tokio::test]
async fn an_answer_that_is_no_client_is_a_failed_poll() {
    let rows = [
        (Response::new(500, "text/plain", ""), Reason::HttpStatus),
        (Response::new(200, "text/html", "<html></html>"), Reason::ContentType),
        (json(r#"{"deviceid":"#), Reason::Decode),
        (json("[]"), Reason::Decode),
        (json("{}"), Reason::Decode),
    ];
    for (reply, reason) in rows {
        let stub = Stub::start(move |seen| match seen.line.contains("/client") {
            true => reply.clone(),
            false => answer(&seen.line, "T1", CLIENT, "[]"),
        });
        assert_eq!(poll(&mut api(&stub, false)).await.expect_err("no client").reason, reason);
    }
}

#[tokio::test]
async fn tags_that_fail_stay_as_they_were_until_they_are_stale() {
    static GONE: AtomicBool = AtomicBool::new(false);
    let stub = Stub::start(|seen| match GONE.load(Ordering::Relaxed) && seen.line.contains("/tags") {
        true => Response::new(500, "text/plain", ""),
        false => answer(&seen.line, "T1", CLIENT, "[]"),
    });
    let mut api = api(&stub, true);
    for (at, tags) in [(0, 2), (60, 2), (301, 0)] {
        let now = NOW.plus(Duration::from_secs(at));
        let observation = poll_at(&mut api, &Memory::default(), now).await.0.expect("a poll that works");
        assert_eq!(samples_of(fresh(&observation, "client"), &families::CLIENT_TAG_INFO).len(), tags, "at {at}");
        GONE.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn runs_of_which_none_or_hardly_any_can_be_read_are_no_empty_agent() {
    for runs in [r#"[{"runId":1,"status":"syncing"},{"runId":2}]"#, "[7]", r#"{"count":3,"data":[]}"#] {
        let (observation, _) = observe(CLIENT, runs).await;
        assert_eq!(failed(&observation, "jobs").reason, Reason::Decode, "{runs}");
    }
    let (observation, warnings) = observe(CLIENT, r#"[{"run_id":1,"status":"syncing"},{"runId":2},{"runId":3}]"#).await;
    let part = fresh(&observation, "jobs");
    assert_eq!(part.defect.as_ref().map(|defect| defect.reason), Some(Reason::Decode));
    assert_eq!(samples_of(part, &families::JOB_INFO).len(), 1);
    assert_eq!(warnings, [("bad_item", 2)]);
}
