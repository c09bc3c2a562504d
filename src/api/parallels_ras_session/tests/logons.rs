//! Probes that may not be made: held accounts, log-ons that wait, sessions that were opened a short while ago.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

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

#[tokio::test]
async fn a_verdict_that_proves_nothing_is_told_as_before_after_a_restart() {
    for (content_type, body, reason) in [(JSON, "{}", None), ("text/html", "<html>", Some(Reason::ContentType))] {
        let stub = start(move |_| (200, content_type, body.to_owned()));
        let (folder, memory) = (tempfile::tempdir().expect("the temporary folder can be written"), Memory::default());
        for (seconds, sent) in [(0, 1), (30, 0), (45, 0)] {
            let mut api = open(stub.url.as_str());
            api.logons = Arc::new(Logons::beside(&folder.path().join("rollcall.state"), Keeper::Daemon));
            let (warnings, known) = (Warnings::default(), PartFingerprints::default());
            let (now, deadline) = (T0.plus(Duration::from_secs(seconds)), Instant::now() + Duration::from_secs(60));
            let cx = Context { now, deadline, memory: &memory, warnings: &warnings, known: &known };
            let observation = Api::poll(&mut api, &cx).await.expect("a datum");
            let failure = observation.failure.as_ref().map(|failure| failure.reason);
            assert_eq!((stub.asked().len(), failure), (sent, reason), "{body} after {seconds} s");
        }
    }
}
