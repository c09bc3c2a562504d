mod extras;
mod names;
mod sessions;
mod sites;

use std::time::Duration;

use super::{
    stub::{BAD_BYTE, start},
    *,
};
use crate::{
    api::{Outcome, Part, Warnings, fingerprint::PartFingerprints, memory::Memory, stub::Stub},
    catalogue::Scope,
    clock::UnixTime,
    config::{
        VendorSettings,
        secret::{Secret, SecretText},
        target::Login,
    },
    failure::Reason,
};

const JSON: &str = "application/json; api-version=1.0";
const T0: UnixTime = UnixTime::from_secs(1_768_464_000);

/// The samples of a part as text, without the labels that every series of a target has.
pub(in crate::api) fn samples(part: &Part) -> Vec<String> {
    let mut lines = Vec::new();
    for family in part.families {
        for sample in &part.samples[family.ordinal as usize] {
            if family.scope == Scope::Target {
                let labels = family.labels.iter().zip(part.label_values(family, sample));
                let labels: Vec<String> = labels.map(|(label, value)| format!("{label}=\"{value}\"")).collect();
                lines.push(format!("{}{{{}}} {}", family.name, labels.join(","), sample.value));
                continue;
            }
            assert_eq!(family.scope, Scope::Agent);
            let agent = &part.agents[sample.subject as usize];
            let mut line = format!("{}{{pool=\"{}\"", family.name, part.pools[agent.pool.0 as usize].name);
            line += &format!(",agent=\"{}\"", agent.name);
            for (label, value) in family.labels.iter().zip(part.label_values(family, sample)) {
                line += &format!(",{label}=\"{value}\"");
            }
            lines.push(format!("{line}}} {}", sample.value));
        }
    }
    lines
}

/// A target of this vendor with default settings.
pub(in crate::api) fn target(url: &str) -> Target {
    let settings = target::ParallelsRas {
        auth: Login { username: "monitor".to_owned(), password: Secret::Inline(SecretText::new("s3cret")) },
        site_ids: Vec::new(),
        resolve_names: true,
        power_managed: Vec::new(),
        load: false,
        license: false,
        host_pools: false,
    };
    Target::sample(url, VendorSettings::ParallelsRas(settings))
}

/// Runs `work` with a context of this moment.
pub(in crate::api) async fn with_context<T>(
    now: UnixTime,
    timeout: Duration,
    work: impl AsyncFnOnce(&Context<'_>) -> T,
) -> T {
    let (memory, warnings) = (Memory::default(), Warnings::default());
    work(&Context {
        now,
        deadline: Instant::now() + timeout,
        memory: &memory,
        warnings: &warnings,
        known: &PartFingerprints::default(),
    })
    .await
}

async fn poll_at(api: &mut ParallelsRas, seconds: u64) -> Result<Observation, Failure> {
    let now = T0.plus(Duration::from_secs(seconds));
    with_context(now, Duration::from_secs(20), async |cx| Api::poll(api, cx).await).await
}

fn open_with(target: Target) -> ParallelsRas {
    let VendorSettings::ParallelsRas(settings) = target.settings.clone() else {
        unreachable!("the test target is of this vendor")
    };
    let http = Client::new(&target).expect("a client");
    ParallelsRas::new(Arc::new(target), settings, http, Arc::default())
}

fn open(stub: &Stub) -> ParallelsRas {
    open_with(target(stub.url.as_str()))
}

fn part(observation: &Observation) -> &Part {
    match &observation.parts[..] {
        [(_, Outcome::Fresh(part))] => part,
        other => panic!("expected one fresh part, got {other:?}"),
    }
}

fn names(observation: &Observation) -> Vec<&str> {
    part(observation).agents.iter().map(|agent| &*agent.name).collect()
}

fn ok(body: &str) -> (u16, &'static str, String) {
    (200, JSON, body.to_owned())
}

fn status(status: u16) -> (u16, &'static str, String) {
    (status, JSON, r#"{"title":"no"}"#.to_owned())
}

const LOGON: &str = r#"{"authToken":"t+1=","sessionId":7}"#;
const AGENTS: &str = r#"[
    {"id": "1", "siteId": 1, "agentState": 0, "serverType": 1},
    {"id": "1", "siteId": 1, "agentState": 0, "serverType": 3}
]"#;
const HOSTS: &str = r#"[{"id": 1, "server": "rds-01.example.com", "enabled": true}]"#;

#[tokio::test]
async fn the_first_poll_logs_on_and_joins_the_names_and_the_next_only_reads_the_agents() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "POST /api/Session/logoff" => (204, JSON, String::new()),
        "GET /api/Agent" => ok(AGENTS),
        "GET /api/Gateway" => ok(r#"[17, {"id": "1", "siteId": 1, "server": "gw-01"}, {"id": 2}]"#),
        "GET /api/RDS/Host" => status(404),
        "GET /api/RDS" => ok(HOSTS),
        "GET /api/Site/status" => ok(r#"[{"id":"1","siteId":1}]"#),
        _ => status(500),
    });
    let mut api = open(&stub);
    let observation = poll_at(&mut api, 0).await.expect("a good poll");
    assert_eq!(names(&observation), ["rds-01.example.com", "gw-01"]);
    assert_eq!(observation.failure, None);
    let seen = stub.take();
    let requests: Vec<&str> = seen.iter().map(|seen| &*seen.line).collect();
    assert_eq!(
        requests,
        [
            "POST /api/Session/logon",
            "GET /api/Agent",
            "GET /api/Site/status",
            "GET /api/Gateway",
            "GET /api/RDS/Host",
            "GET /api/RDS"
        ],
        "lists of server types that the farm does not have are not read"
    );
    assert_eq!(seen[0].body_text(), r#"{"password":"s3cret","username":"monitor"}"#);
    assert_eq!(seen[0].headers["content-type"], JSON);
    assert!(seen[1..].iter().all(|seen| seen.headers["auth_token"] == "t+1="));

    let observation = poll_at(&mut api, 60).await.expect("a good poll");
    assert_eq!(names(&observation), ["rds-01.example.com", "gw-01"]);
    assert_eq!(stub.asked(), ["GET /api/Agent"]);

    with_context(T0, Duration::from_secs(5), async |cx| api.close(cx).await).await;
    with_context(T0, Duration::from_secs(5), async |cx| api.close(cx).await).await;
    assert_eq!(stub.asked(), ["POST /api/Session/logoff"], "there is no second session to end");
}

#[tokio::test]
async fn an_expired_session_is_renewed_once() {
    let logons = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&logons);
    let stub = start(move |seen| {
        let logons = match &*seen.line {
            "POST /api/Session/logon" => count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1,
            _ => count.load(std::sync::atomic::Ordering::Relaxed),
        };
        match &*seen.line {
            "POST /api/Session/logon" => ok(&format!(r#"{{"authToken":"token{logons}"}}"#)),
            // The first session has expired by the second poll.
            "GET /api/Agent" if logons == 1 && seen.headers["auth_token"] != "token1" => status(401),
            "GET /api/Agent" => ok("[]"),
            _ => status(404),
        }
    });
    let mut api = open(&stub);
    poll_at(&mut api, 0).await.expect("a good poll");
    stub.take();
    api.session.expire_for_test();
    poll_at(&mut api, 60).await.expect("a good poll");
    assert_eq!(stub.asked(), ["GET /api/Agent", "POST /api/Session/logon", "GET /api/Agent"]);
}

#[tokio::test]
async fn a_refused_log_on_is_sent_once_and_then_held() {
    for answer in [status(401), (400, JSON, r#"{"code":0,"msg":"Invalid credentials"}"#.to_owned())] {
        let stub = start(move |_| answer.clone());
        let mut api = open(&stub);
        assert_eq!(poll_at(&mut api, 0).await.expect_err("refused").reason, Reason::Auth);
        assert_eq!(poll_at(&mut api, 60).await.expect_err("held").reason, Reason::Held);
        assert_eq!(stub.asked(), ["POST /api/Session/logon"]);
    }
}

#[tokio::test]
async fn a_log_on_that_says_nothing_of_the_credentials_is_tried_again_after_a_minute() {
    for (answer, reason) in [
        (status(500), Reason::HttpStatus),
        (status(429), Reason::RateLimited),
        ((400, JSON, r#"{"code":0,"msg":"Invalid host name"}"#.to_owned()), Reason::HttpStatus),
        ((200, "text/html", "<html>".to_owned()), Reason::ContentType),
        (ok("{}"), Reason::Decode),
        (ok(r#"{"authToken":""}"#), Reason::Decode),
    ] {
        let stub = start(move |_| answer.clone());
        let mut api = open(&stub);
        for (seconds, sent) in [(0, 1), (30, 0), (60, 1)] {
            let failure = poll_at(&mut api, seconds).await.expect_err("no token");
            assert_eq!((failure.reason, stub.asked().len()), (reason, sent), "{failure}");
            assert!(failure.message.contains("no log-on before"), "{failure}");
        }
    }
}

#[tokio::test]
async fn a_session_is_used_while_its_account_is_held() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        _ => ok("[]"),
    });
    let (mut one, mut two) = (open(&stub), open(&stub));
    two.session.share_logons_for_test(&one.session);
    poll_at(&mut one, 0).await.expect("a good poll");
    let now = T0.plus(Duration::from_secs(30));
    one.session.refuse_for_test(now).await;
    poll_at(&mut one, 60).await.expect("its session works on");
    assert_eq!(poll_at(&mut two, 60).await.expect_err("it has none").reason, Reason::Held);
}

#[tokio::test]
async fn another_password_asks_for_another_session() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        _ => ok("[]"),
    });
    let mut api = open(&stub);
    poll_at(&mut api, 0).await.expect("a good poll");
    stub.take();
    api.session.set_password_for_test("an0ther");
    poll_at(&mut api, 60).await.expect("a good poll");
    assert_eq!(stub.asked(), ["POST /api/Session/logoff", "POST /api/Session/logon", "GET /api/Agent"]);
}

#[tokio::test]
async fn a_single_site_is_asked_for() {
    let stub = start(|seen| match &*seen.line {
        "POST /ras/api/Session/logon" => ok(LOGON),
        _ => ok("[]"),
    });
    let mut target = target(stub.url.join("/ras").expect("a valid path").as_str());
    if let VendorSettings::ParallelsRas(settings) = &mut target.settings {
        settings.site_ids = vec![3];
    }
    poll_at(&mut open_with(target), 0).await.expect("a good poll");
    assert_eq!(stub.asked(), ["POST /ras/api/Session/logon", "GET /ras/api/Agent?siteId=3"]);
}

#[tokio::test]
async fn a_byte_that_is_not_utf_8_costs_a_name_its_looks_and_no_list() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" => ok(&format!(
            r#"[{{"id": "1", "siteId": 1, "agentState": 0, "serverType": 1}},
                {{"id": "z{BAD_BYTE}", "siteId": 1, "agentState": 0, "serverType": 1}},
                {{"id": "2", "siteId": 1, "agentState": 0, "serverType": 1}}]"#
        )),
        "GET /api/RDS/Host" => {
            ok(&format!(r#"[{{"id": 1, "server": "Z{BAD_BYTE}rich"}}, {{"id": 2, "server": "b"}}]"#))
        }
        _ => status(404),
    });
    let observation = poll_at(&mut open(&stub), 0).await.expect("a good poll");
    assert_eq!(names(&observation), ["Z\u{fffd}rich", "z\u{fffd}", "b"]);
    assert_eq!(observation.failure, None);
}

#[tokio::test]
async fn an_answer_that_is_no_list_fails_the_poll() {
    for (answer, reason) in [
        (ok(r#"{"value":[]}"#), Reason::Decode),
        (ok(r#"[{"id": "1", "#), Reason::Decode),
        ((200, "text/html", "<html></html>".to_owned()), Reason::ContentType),
        (status(404), Reason::NotFound),
        (status(503), Reason::HttpStatus),
    ] {
        let stub = start(move |seen| match &*seen.line {
            "POST /api/Session/logon" => ok(LOGON),
            _ => answer.clone(),
        });
        let failure = poll_at(&mut open(&stub), 0).await.expect_err("no list");
        assert_eq!(failure.reason, reason, "{failure}");
    }
}

#[tokio::test]
async fn targets_of_one_server_share_its_budget_and_the_agents_come_first() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" => {
            let rows = [1, 2, 3, 4, 7].map(|server_type| {
                format!(r#"{{"id": "1", "siteId": 1, "agentState": 0, "serverType": {server_type}}}"#)
            });
            ok(&format!("[{}]", rows.join(",")))
        }
        _ => ok(r#"[{"id": 1, "name": "a name"}]"#),
    });
    let (mut first, mut second) = (open(&stub), open(&stub));
    assert_eq!(names(&poll_at(&mut first, 0).await.expect("a good poll")), ["a name"; 5]);
    assert_eq!(stub.asked().len(), 8);
    assert_eq!(names(&poll_at(&mut second, 0).await.expect("a good poll")), ["1"; 5]);
    assert_eq!(stub.asked(), ["POST /api/Session/logon", "GET /api/Agent"]);
}

#[tokio::test]
async fn a_list_of_which_nothing_can_be_read_is_no_empty_farm() {
    let renamed = AGENTS.replace("siteId", "siteID");
    let agents = move |seen: &rollcall_test_server::Request| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" => ok(&renamed),
        _ => status(404),
    };
    let failure = poll_at(&mut open(&start(agents)), 0).await.expect_err("nothing to be read");
    assert_eq!(failure.reason, Reason::Decode);
    assert_eq!(failure.message, "GET /api/Agent: none of the 2 agents in the list can be read");
}

#[tokio::test]
async fn a_list_that_can_hardly_be_read_is_a_partial_poll() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" => ok(r#"[{"id":"1","siteId":1,"agentState":0,"serverType":1},{"id":"2"},7]"#),
        _ => status(404),
    });
    let mut api = open(&stub);
    for poll in 0..2 {
        let observation = poll_at(&mut api, 60 * poll).await.expect("a partial poll");
        let part = part(&observation);
        assert_eq!(part.agents.len(), 1);
        assert_eq!(part.defect.as_ref().map(|defect| defect.reason), Some(Reason::Decode));
        assert_eq!(part.fingerprint, None);
    }
}
