mod logons;

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
        let noted = NotedProbe::new(&probe, &settings(), T0, LastTry::Unproven { failed: true });
        let json = serde_json::to_string(&noted).expect("it can be written");
        let back: NotedProbe = serde_json::from_str(&json).expect("it can be read");
        assert_eq!(back.of(&settings()), Some(probe));
    }
}
