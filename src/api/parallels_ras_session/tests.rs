use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::{
    api::{
        Outcome, Part, Warnings,
        fingerprint::PartFingerprints,
        logon::Keeper,
        memory::Memory,
        parallels_ras::{
            stub::start,
            tests::{samples, target as farm, with_context},
        },
    },
    clock::UnixTime,
    config::{
        VendorSettings,
        secret::{Secret, SecretText},
        target::{HealthOverride, SessionSettings},
    },
    glob::Glob,
    health::Health,
};

const T0: UnixTime = UnixTime::from_secs(1_768_464_000);

/// Settings of a light probe.
pub(super) fn settings() -> target::ParallelsRasSession {
    target::ParallelsRasSession {
        api_token: Secret::Inline(SecretText::new("t0ken")),
        mode: ProbeMode::Light,
        session: Box::new(SessionSettings {
            ras_host: "gateway.example.com".to_owned(),
            ras_port: 443,
            endpoint_host: "rds-01.example.com".to_owned(),
            endpoint_port: 3389,
            portal_url: "https://portal.example.com".to_owned(),
            username: "probe".to_owned(),
            password: Secret::Inline(SecretText::new("s3cret")),
            prime_secret: None,
            app: Default::default(),
            prime_timeout: Duration::from_secs(60),
        }),
    }
}

fn open_with(url: &str, settings: target::ParallelsRasSession, overrides: Vec<HealthOverride>) -> ParallelsRasSession {
    let target = Target {
        settings: VendorSettings::ParallelsRasSession(settings.clone()),
        health_overrides: overrides,
        ..farm(url)
    };
    let http = Client::new(&target).expect("a client");
    ParallelsRasSession::new(Arc::new(target), settings, http, Arc::default())
}

fn open(url: &str) -> ParallelsRasSession {
    open_with(url, settings(), Vec::new())
}

async fn poll_at(api: &mut ParallelsRasSession, seconds: u64) -> Result<Observation, Failure> {
    poll_within(api, seconds, Duration::from_secs(60)).await
}

/// The same, given up after a time that a test can wait for.
async fn poll_within(api: &mut ParallelsRasSession, seconds: u64, timeout: Duration) -> Result<Observation, Failure> {
    let now = T0.plus(Duration::from_secs(seconds));
    with_context(now, timeout, async |cx| Api::poll(api, cx).await).await
}

fn part(observation: &Observation) -> &Part {
    match &observation.parts[..] {
        [(_, Outcome::Fresh(part))] => part,
        other => panic!("expected one fresh part, got {other:?}"),
    }
}

/// The samples without the duration, which no test can foretell.
fn polled_samples(observation: &Observation) -> Vec<String> {
    let all = samples(part(observation));
    assert_eq!(all.iter().filter(|line| line.contains("_duration_seconds{")).count(), 1);
    let rest = all.into_iter().filter(|line| !line.contains("_duration_seconds{"));
    rest.map(|line| line.replace(r#"pool="session",agent="rds-01.example.com","#, "")).collect()
}

fn failed(count: u64, labels: &str) -> [String; 3] {
    [
        r#"parallels_ras_session_probe_success{mode="light"} 0"#.to_owned(),
        format!(r#"parallels_ras_session_probe_consecutive_failures{{mode="light"}} {count}"#),
        format!(r#"parallels_ras_session_probe_error{{mode="light",{labels},parameter=""}} 1"#),
    ]
}

const JSON: &str = "application/json";

#[tokio::test]
async fn a_success_tells_no_error() {
    let answer = r#"{"userportal":"https://x","sessionprimetime":1500}"#;
    let stub = start(move |_| (200, JSON, answer.to_owned()));
    let observation = poll_at(&mut open(stub.url.as_str()), 0).await.expect("an answer");
    assert_eq!(
        polled_samples(&observation),
        [
            r#"parallels_ras_session_probe_success{mode="light"} 1"#,
            r#"parallels_ras_session_prime_seconds{mode="light"} 1.5"#,
            r#"parallels_ras_session_probe_consecutive_failures{mode="light"} 0"#,
        ]
    );
    let agent = &part(&observation).agents[0];
    assert_eq!((agent.health, &*agent.state), (Some(Health::Healthy), "ok"));
    assert_eq!(&*part(&observation).pools[0].name, "session");
    assert_eq!(observation.failure, None);
    let seen = stub.take();
    assert_eq!(seen[0].line, "PUT /api/directsessiontunnel");
    assert_eq!(seen[0].headers["authorization"], "t0ken");
    assert_eq!(seen[0].headers["content-type"], JSON);
    assert!(seen[0].body_text().contains(r#""password":"s3cret""#));
}

#[tokio::test]
async fn any_answer_of_the_broker_is_a_successful_poll() {
    for (status, body, labels, health) in [
        (400, r#"{"code":3360}"#, r#"verdict="endpoint",category="Connection",code="3360""#, Health::Failed),
        (400, r#"{"code":3007}"#, r#"verdict="priming",category="",code="3007""#, Health::Degraded),
        (400, r#"{"code":4000}"#, r#"verdict="unknown",category="unknown",code="4000""#, Health::Unknown),
        (405, "", r#"verdict="unknown",category="",code="""#, Health::Unknown),
    ] {
        let stub = start(move |_| (status, JSON, body.to_owned()));
        let mut api = open(stub.url.as_str());
        // What is not known is asked again after a minute only.
        for (seconds, count) in [(0, 1), (60, 2)] {
            let observation = poll_at(&mut api, seconds).await.expect("an answer");
            assert_eq!(polled_samples(&observation), failed(count, labels));
            assert_eq!(part(&observation).agents[0].health, Some(health));
            assert_eq!(observation.failure, None);
        }
    }
}

#[tokio::test]
async fn a_refused_api_token_is_a_datum_and_a_failed_poll_and_never_held() {
    for (status, body, labels) in [
        (401, r#"{"error":"unauthorized"}"#, r#"verdict="token",category="",code="""#),
        (400, r#"{"code":104}"#, r#"verdict="token",category="",code="104""#),
    ] {
        let stub = start(move |_| (status, JSON, body.to_owned()));
        let mut api = open(stub.url.as_str());
        for count in [1, 2] {
            let observation = poll_at(&mut api, 0).await.expect("a datum");
            assert_eq!(polled_samples(&observation), failed(count, labels));
            assert_eq!(part(&observation).agents[0].health, Some(Health::Unknown));
            assert_eq!(observation.failure.map(|f| f.reason), Some(Reason::Auth));
        }
    }
}

#[tokio::test]
async fn light_probes_of_one_account_do_not_wait_for_each_other() {
    // Nobody accepts, so there is no answer.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let mut silent = open(&format!("http://{}", listener.local_addr().expect("it is bound")));
    let stub = start(|_| (200, JSON, r#"{"userportal":"https://x"}"#.to_owned()));
    let mut well = open(stub.url.as_str());
    well.logons = Arc::clone(&silent.logons);
    well.target = Arc::new(Target { name: "well".to_owned(), ..(*well.target).clone() });
    // The same for both: whoever waits for the silent one has no time left.
    let timeout = Duration::from_secs(5);
    let (silent, well) = tokio::join!(poll_within(&mut silent, 0, timeout), poll_within(&mut well, 0, timeout));
    assert_eq!(silent.expect("a datum").failure.map(|f| f.reason), Some(Reason::Timeout));
    assert_eq!(well.expect("an answer").failure, None);
}

#[tokio::test]
async fn no_answer_is_a_failed_poll_and_a_datum() {
    let unreachable = failed(1, r#"verdict="unreachable",category="",code="0""#);
    let stub = start(|_| (503, "text/html", "<html>".to_owned()));
    let observation = poll_at(&mut open(stub.url.as_str()), 0).await.expect("a datum");
    assert_eq!(observation.failure.as_ref().map(|f| f.reason), Some(Reason::HttpStatus));
    assert_eq!(polled_samples(&observation), unreachable);
    assert_eq!(part(&observation).agents[0].health, Some(Health::Failed));

    // Nobody accepts, so there is no answer.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let mut silent = open(&format!("http://{}", listener.local_addr().expect("it is bound")));
    let observation = poll_within(&mut silent, 0, Duration::from_secs(2)).await.expect("a datum");
    assert_eq!(observation.failure.as_ref().map(|f| f.reason), Some(Reason::Timeout));
    assert_eq!(polled_samples(&observation), unreachable);

    // A port that is bound, so that nobody else takes it, and refuses.
    let closed = tokio::net::TcpSocket::new_v4().expect("there are sockets");
    closed.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a free port");
    let url = format!("http://{}", closed.local_addr().expect("it is bound"));
    let observation = poll_at(&mut open(&url), 0).await.expect("a datum");
    assert_eq!(observation.failure.as_ref().map(|f| f.reason), Some(Reason::Connect));
    assert_eq!(polled_samples(&observation), unreachable);
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_a_failed_poll() {
    for (content_type, body, reason) in [
        ("text/html", "<html>\"code\": 5155</html>", Reason::ContentType),
        (JSON, r#"{"parallelsclient": "https://loc"#, Reason::Decode),
    ] {
        let stub = start(move |_| (200, content_type, body.to_owned()));
        let observation = poll_at(&mut open(stub.url.as_str()), 0).await.expect("a datum");
        assert_eq!(polled_samples(&observation), failed(1, r#"verdict="unknown",category="",code="""#));
        assert_eq!(observation.failure.map(|f| f.reason), Some(reason));
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_unknown_and_a_failed_poll() {
    let body = format!("[{}0]", "0,".repeat(reply::MAX_BODY));
    let stub = start(move |_| (200, JSON, body.clone()));
    let settings = settings();
    let target = Target {
        settings: VendorSettings::ParallelsRasSession(settings.clone()),
        max_response_size: 64 << 20,
        ..farm(stub.url.as_str())
    };
    let http = Client::new(&target).expect("a client");
    let mut api = ParallelsRasSession::new(Arc::new(target), settings, http, Arc::default());
    let observation = poll_at(&mut api, 0).await.expect("a datum");
    assert_eq!(polled_samples(&observation), failed(1, r#"verdict="unknown",category="",code="""#));
    assert_eq!(observation.failure.map(|f| f.reason), Some(Reason::TooLarge));
}

#[tokio::test]
async fn a_refused_account_is_sent_once_and_its_verdict_stays_while_it_is_held() {
    let stub = start(|_| (400, JSON, r#"{"code":6947}"#.to_owned()));
    let mut api = open(stub.url.as_str());
    let expected = failed(1, r#"verdict="account",category="Account",code="6947""#);
    for (seconds, reason) in [(0, Reason::Auth), (300, Reason::Held), (600, Reason::Held)] {
        let observation = poll_at(&mut api, seconds).await.expect("a datum");
        assert_eq!(observation.failure.as_ref().map(|f| f.reason), Some(reason));
        assert_eq!(polled_samples(&observation), expected);
        assert_eq!(&*part(&observation).agents[0].state, "account, code 6947, Account, RDP 3847");
    }
    assert_eq!(stub.asked().len(), 1);
    api.settings.session.password = Secret::Inline(SecretText::new("an0ther"));
    let observation = poll_at(&mut api, 900).await.expect("a datum");
    assert_eq!(observation.failure.map(|f| f.reason), Some(Reason::Auth));
    assert_eq!(stub.asked().len(), 1, "another password is tried at once");
}

#[tokio::test]
async fn an_override_goes_by_verdict_or_code() {
    let stub = start(|_| (400, JSON, r#"{"code":5156}"#.to_owned()));
    for state in ["license", "5156"] {
        let rule = HealthOverride { state: state.to_owned(), pool: Glob::any(), health: Health::Degraded };
        let mut api = open_with(stub.url.as_str(), settings(), vec![rule]);
        let observation = poll_at(&mut api, 0).await.expect("an answer");
        assert_eq!(part(&observation).agents[0].health, Some(Health::Degraded));
    }
}

#[tokio::test]
async fn a_deep_probe_says_so() {
    let stub = start(|_| (200, JSON, r#"{"userportal":"https://x"}"#.to_owned()));
    let deep = target::ParallelsRasSession { mode: ProbeMode::Deep, ..settings() };
    let observation = poll_at(&mut open_with(stub.url.as_str(), deep, Vec::new()), 0).await.expect("an answer");
    assert!(polled_samples(&observation)[0].contains(r#"mode="deep"} 1"#));
    assert!(stub.take()[0].body_text().contains(r#""prime_session":1,"timeout":60,"#));
}

#[tokio::test]
async fn a_light_success_does_not_lift_the_hold_of_a_deep_refusal() {
    let stub = start(|seen| match seen.body_text().contains(r#""prime_session":1"#) {
        true => (400, JSON, r#"{"code":5155}"#.to_owned()),
        false => (200, JSON, r#"{"userportal":"https://x"}"#.to_owned()),
    });
    let mut light = open(stub.url.as_str());
    let deep = target::ParallelsRasSession { mode: ProbeMode::Deep, ..settings() };
    let mut deep = open_with(stub.url.as_str(), deep, Vec::new());
    deep.logons = Arc::clone(&light.logons);
    const HOUR: u64 = 3600;
    for (seconds, probes, held) in [(0, 2, None), (HOUR, 0, Some(Reason::Held)), (6 * HOUR, 2, None)] {
        let observation = poll_at(&mut light, seconds).await.expect("a datum");
        assert_eq!(observation.failure.as_ref().map(|f| f.reason), held);
        assert_eq!(&*part(&observation).agents[0].state, "ok");
        let observation = poll_at(&mut deep, seconds).await.expect("a datum");
        assert_eq!(observation.failure.map(|f| f.reason), Some(held.unwrap_or(Reason::Auth)));
        assert_eq!(stub.asked().len(), probes, "after {seconds} s");
    }
    let observation = poll_at(&mut light, 7 * HOUR).await.expect("a datum");
    assert_eq!(observation.failure.map(|f| f.reason), Some(Reason::Held), "the second refusal is held as long");
}

#[tokio::test]
async fn a_light_success_lifts_the_hold_of_a_light_refusal_whatever_came_between() {
    const HOUR: u64 = 3600;
    for restarts in [false, true] {
        let turn = std::sync::atomic::AtomicUsize::new(0);
        let stub = start(move |_| match turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 | 3 => (400, JSON, r#"{"code":6435}"#.to_owned()),
            1 => (503, "text/html", "<html>".to_owned()),
            _ => (200, JSON, r#"{"userportal":"https://x"}"#.to_owned()),
        });
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let state = folder.path().join("rollcall.state");
        let mut api = open(stub.url.as_str());
        api.logons = Arc::new(Logons::beside(&state, Keeper::Daemon));
        let observation = poll_at(&mut api, 0).await.expect("a datum");
        assert_eq!(observation.failure.map(|f| f.reason), Some(Reason::Auth));
        let observation = poll_at(&mut api, 6 * HOUR).await.expect("a datum");
        assert_eq!(observation.failure.map(|f| f.reason), Some(Reason::HttpStatus));
        if restarts {
            api = open(stub.url.as_str());
            api.logons = Arc::new(Logons::beside(&state, Keeper::Daemon));
        }
        let observation = poll_at(&mut api, 7 * HOUR).await.expect("an answer");
        assert_eq!(observation.failure, None);
        // The next refusal is the first of a new hold, and the password had worked.
        for (minutes, reason) in [(0, Some(Reason::Auth)), (14, Some(Reason::Held)), (15, None)] {
            let observation = poll_at(&mut api, 8 * HOUR + minutes * 60).await.expect("a datum");
            assert_eq!(observation.failure.map(|f| f.reason), reason, "restarts: {restarts}, {minutes} min later");
        }
    }
}

#[tokio::test]
async fn a_broker_that_proves_nothing_gets_no_password_in_between_and_the_last_verdict_stays() {
    let stub = start(|_| (503, "text/html", "<html>Wartung".to_owned()));
    let mut api = open(stub.url.as_str());
    let expected = |count| failed(count, r#"verdict="unreachable",category="",code="0""#);
    for (seconds, count, sent) in [(0, 1, 1), (30, 1, 0), (60, 2, 1), (300, 2, 0), (360, 3, 1), (1200, 3, 0)] {
        let observation = poll_at(&mut api, seconds).await.expect("a datum");
        let failure = observation.failure.clone().expect("a failed poll");
        assert_eq!((failure.reason, stub.asked().len()), (Reason::HttpStatus, sent), "after {seconds} s: {failure}");
        assert!(failure.message.contains("<html>Wartung") && failure.message.contains("no log-on before"), "{failure}");
        assert_eq!(polled_samples(&observation), expected(count));
        assert_eq!(observation.repeated, sent == 0);
    }
}

#[tokio::test]
async fn a_verdict_that_proves_nothing_stays_as_it_was_told_while_the_next_probe_waits() {
    let stub = start(|_| (200, JSON, "{}".to_owned()));
    let mut api = open(stub.url.as_str());
    for (seconds, sent) in [(0, 1), (30, 0), (60, 1), (90, 0)] {
        let observation = poll_at(&mut api, seconds).await.expect("a datum");
        assert_eq!((observation.failure.clone(), stub.asked().len()), (None, sent), "after {seconds} s");
        assert_eq!(part(&observation).agents[0].state.to_string(), "unknown");
    }
}

#[tokio::test]
async fn an_older_verdict_grows_old_while_a_probe_without_a_verdict_waits() {
    let broken = Arc::new(AtomicBool::new(false));
    let large = Arc::clone(&broken);
    let stub = start(move |_| match large.load(Ordering::Relaxed) {
        true => (200, JSON, format!("[{}0]", "0,".repeat(1 << 20))),
        false => (200, JSON, r#"{"userportal":"https://x"}"#.to_owned()),
    });
    let target = Target { max_response_size: 1 << 20, ..farm(stub.url.as_str()) };
    let http = Client::new(&target).expect("a client");
    let mut api = ParallelsRasSession::new(Arc::new(target), settings(), http, Arc::default());
    assert_eq!(poll_at(&mut api, 0).await.expect("a datum").failure, None);
    assert_eq!(stub.asked().len(), 1);
    broken.store(true, Ordering::Relaxed);
    for (seconds, sent) in [(30, 1), (60, 0), (90, 1)] {
        let failure = poll_at(&mut api, seconds).await.expect_err("no datum");
        assert_eq!((failure.reason, stub.asked().len()), (Reason::TooLarge, sent), "after {seconds} s: {failure}");
    }
}

#[tokio::test]
async fn five_starts_in_a_quarter_of_an_hour_open_one_session() {
    let stub = start(|_| (200, JSON, r#"{"userportal":"https://x"}"#.to_owned()));
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let memory = Memory::default();
    for (seconds, sent) in [(0, 1), (30, 0), (400, 0), (899, 0), (900, 1), (950, 0)] {
        let deep = target::ParallelsRasSession { mode: ProbeMode::Deep, ..settings() };
        let mut api = open_with(stub.url.as_str(), deep, Vec::new());
        // Of a deep probe it is at least two intervals.
        api.target = Arc::new(Target { stale_after: Duration::from_secs(31 * 60), ..(*api.target).clone() });
        api.logons = Arc::new(Logons::beside(&folder.path().join("rollcall.state"), Keeper::Daemon));
        let (warnings, known) = (Warnings::default(), PartFingerprints::default());
        let (now, deadline) = (T0.plus(Duration::from_secs(seconds)), Instant::now() + Duration::from_secs(60));
        let cx = Context { now, deadline, memory: &memory, warnings: &warnings, known: &known };
        let observation = Api::poll(&mut api, &cx).await.expect("a datum");
        assert_eq!((stub.asked().len(), observation.repeated), (sent, sent == 0), "after {seconds} s");
        assert_eq!(&*part(&observation).agents[0].state, "ok");
        assert_eq!(observation.failure, None);
    }
    // Without its answer, which a kill has lost, there is nothing to tell.
    let deep = target::ParallelsRasSession { mode: ProbeMode::Deep, ..settings() };
    let mut api = open_with(stub.url.as_str(), deep, Vec::new());
    api.logons = Arc::new(Logons::beside(&folder.path().join("rollcall.state"), Keeper::Daemon));
    let failure = poll_at(&mut api, 960).await.expect_err("nothing is known");
    assert!(failure.message.contains("the next session is not opened before"), "{failure}");
    assert_eq!(stub.asked().len(), 0);
}

/// A restart or a change of the settings makes a new one; what is noted stays.
#[tokio::test]
async fn failures_in_a_row_and_the_last_verdict_outlive_the_api() {
    let stub = start(move |_| (400, JSON, r#"{"code":3360}"#.to_owned()));
    let memory = Memory::default();
    let poll = async |settings: target::ParallelsRasSession, seconds: u64, memory: &Memory| {
        let mut api = open_with(stub.url.as_str(), settings, Vec::new());
        let (warnings, known) = (Warnings::default(), PartFingerprints::default());
        let (now, deadline) = (T0.plus(Duration::from_secs(seconds)), Instant::now() + Duration::from_secs(60));
        let cx = Context { now, deadline, memory, warnings: &warnings, known: &known };
        let observation = Api::poll(&mut api, &cx).await.expect("an answer");
        polled_samples(&observation)
    };
    let labels = r#"verdict="endpoint",category="Connection",code="3360""#;
    assert_eq!(poll(settings(), 0, &memory).await, failed(1, labels));
    assert_eq!(poll(settings(), 60, &memory).await, failed(2, labels));
    let saved = serde_json::to_string(&memory.save_notes()).expect("it can be written");
    let restarted = || {
        let memory = Memory::default();
        memory.restore_notes(serde_json::from_str(&saved).expect("it can be read"));
        memory
    };
    assert_eq!(poll(settings(), 120, &restarted()).await, failed(3, labels));
    let stale_after = farm(stub.url.as_str()).stale_after.as_secs();
    assert_eq!(poll(settings(), 61 + stale_after, &restarted()).await, failed(1, labels), "probes were missed");
    let mut other = settings();
    other.session.endpoint_host = "rds-02.example.com".to_owned();
    let samples = poll(other, 120, &restarted()).await;
    assert!(samples.iter().any(|line| line.contains("_failures{") && line.ends_with("} 1")), "{samples:?}");
}

#[test]
fn a_probe_is_noted_as_it_was() {
    for (code, verdict) in [(None, Verdict::Ok), (Some(3360), Verdict::Endpoint), (Some(4000), Verdict::Unknown)] {
        let errors = code.map(|code| reply::BrokerError { code: codes::look_up(code), parameter: "ttl" });
        let errors = errors.into_iter().chain(errors).collect();
        let reply = Reply { verdict, errors, prime_seconds: Some(1.5), readable: true };
        let probe = Probe::new(reply, Duration::from_millis(250), None);
        let noted = NotedProbe::new(&probe, &settings(), T0);
        let json = serde_json::to_string(&noted).expect("it can be written");
        let back: NotedProbe = serde_json::from_str(&json).expect("it can be read");
        assert_eq!(back.of(&settings()), Some(probe));
    }
}
