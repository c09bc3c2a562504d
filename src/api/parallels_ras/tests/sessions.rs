//! Sessions that the server does not know any more, or never takes: what is asked anew, and how often.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{sites::with_sites, *};

/// What a server answers to the main list, by the seconds since the beginning; `None`: it gives the list.
fn serving(
    answer: impl Fn(u64, &str) -> Option<(u16, &'static str, String)> + Send + Sync + 'static,
) -> (Stub, Arc<AtomicU64>) {
    let (now, logons) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let stub = start(move |seen| match &*seen.line {
        "POST /api/Session/logon" => {
            let number = logons.fetch_add(1, Relaxed) + 1;
            ok(&format!(r#"{{"AuthToken":"token{number}"}}"#))
        }
        "POST /api/Session/logoff" => (204, JSON, String::new()),
        "GET /api/Agent" => answer(clock.load(Relaxed), seen.header("auth_token")).unwrap_or_else(|| ok("[]")),
        _ => status(404),
    });
    (stub, now)
}

/// Polls at these seconds; gives for each the reason of its failure and how often it logged on.
async fn polls(stub: &Stub, now: &AtomicU64, api: &mut ParallelsRas, seconds: &[u64]) -> Vec<(Option<Reason>, usize)> {
    let mut all = Vec::new();
    for second in seconds {
        now.store(*second, Relaxed);
        let reason = poll_at(api, *second).await.err().map(|failure| failure.reason);
        all.push((reason, stub.asked().iter().filter(|line| line.ends_with("logon")).count()));
    }
    all
}

#[tokio::test]
async fn seconds_of_401_cost_as_many_seconds() {
    // A broker fails over: for 7 s no session is good, also not that of a new log-on.
    let forbidden = Some(Reason::Forbidden);
    let (stub, now) = serving(|second, _| (60..67).contains(&second).then(|| status(401)));
    let mut api = open(&stub);
    let told = polls(&stub, &now, &mut api, &[0, 60, 67, 127]).await;
    assert_eq!(told, [(None, 1), (forbidden, 1), (None, 0), (None, 0)], "the next poll reads it");
    // And the sessions that were opened meanwhile are lost as well.
    let (stub, now) = serving(|second, token| {
        let is_good =
            if second < 60 { token == "token1" } else { second >= 67 && !["token1", "token2"].contains(&token) };
        (!is_good).then(|| status(401))
    });
    let mut api = open(&stub);
    let told = polls(&stub, &now, &mut api, &[0, 60, 67, 120, 180]).await;
    assert_eq!(told, [(None, 1), (forbidden, 1), (forbidden, 0), (None, 1), (None, 0)], "a minute later");
}

#[tokio::test]
async fn a_list_that_is_refused_for_ever_is_asked_for_at_every_poll_and_costs_few_log_ons() {
    let (stub, now) = serving(|_, _| Some((401, JSON, r#"{"code":0,"msg":"Access is denied."}"#.to_owned())));
    let mut api = open(&stub);
    let seconds: Vec<u64> = (0..60).map(|minute| 60 * minute).collect();
    let told = polls(&stub, &now, &mut api, &seconds).await;
    assert!(told.iter().all(|(reason, _)| *reason == Some(Reason::Forbidden)), "{told:?}");
    assert!((4..=8).contains(&told.iter().map(|(_, logons)| logons).sum::<usize>()), "{told:?}");
    let failure = poll_at(&mut api, 3600).await.expect_err("it is refused");
    assert_eq!(failure.message, "GET /api/Agent: 401: the account may not read it: \"Access is denied.\"");
    let asked = stub.asked();
    assert!(asked.iter().any(|line| line == "GET /api/Agent"), "{asked:?}");
}

#[tokio::test]
async fn a_session_that_is_lost_is_replaced_once_however_that_is_answered() {
    for code in [400, 403, 404, 440] {
        let (stub, now) = serving(move |second, token| (second >= 60 && token == "token1").then(|| status(code)));
        let mut api = open(&stub);
        assert_eq!(polls(&stub, &now, &mut api, &[0, 60, 120]).await, [(None, 1), (None, 1), (None, 0)], "{code}");
    }
    // Where it is something else, that costs one log-on an hour.
    for (code, reason) in [(400, Reason::HttpStatus), (403, Reason::Forbidden), (404, Reason::NotFound)] {
        let (stub, now) = serving(move |second, _| (second >= 60).then(|| status(code)));
        let mut api = open(&stub);
        let told = polls(&stub, &now, &mut api, &[0, 60, 120, 180, 240]).await;
        assert_eq!(told.iter().map(|(_, logons)| logons).sum::<usize>(), 2, "{code}: {told:?}");
        assert!(told[1..].iter().all(|(told, _)| *told == Some(reason)), "{code}: {told:?}");
    }
}

#[tokio::test]
async fn a_session_with_which_nothing_can_be_read_any_more_is_doubted_after_three_polls() {
    for answer in [status(500), ok(r#"{"error":"no session"}"#), (200, "text/html", "<html>".to_owned()), status(302)] {
        let lost = answer.clone();
        let (stub, now) = serving(move |second, token| (second >= 60 && token == "token1").then(|| lost.clone()));
        let mut api = open(&stub);
        let told = polls(&stub, &now, &mut api, &[0, 60, 120, 180, 240, 300]).await;
        let logons: Vec<usize> = told.iter().map(|(_, logons)| *logons).collect();
        assert_eq!(logons, [1, 0, 0, 0, 1, 0], "{answer:?}: {told:?}");
        assert_eq!(told[4].0, None, "{answer:?}");
    }
    // A server that has no time says nothing of the session.
    for code in [429, 503] {
        let (stub, now) = serving(move |second, _| (second >= 60).then(|| status(code)));
        let mut api = open(&stub);
        let seconds: Vec<u64> = (0..20).map(|minute| 60 * minute).collect();
        let told = polls(&stub, &now, &mut api, &seconds).await;
        assert_eq!(told.iter().map(|(_, logons)| logons).sum::<usize>(), 1, "{code}: {told:?}");
    }
}

#[tokio::test]
async fn a_session_with_which_no_site_can_be_read_is_doubted_as_well() {
    for code in [400, 403, 404, 500] {
        let (now, logons) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
        let clock = Arc::clone(&now);
        let stub = start(move |seen| match seen.line.split_once('?').map_or(&*seen.line, |(path, _)| path) {
            "POST /api/Session/logon" => ok(&format!(r#"{{"AuthToken":"{}"}}"#, logons.fetch_add(1, Relaxed))),
            "POST /api/Session/logoff" => (204, JSON, String::new()),
            "GET /api/Agent" if seen.header("auth_token") == "0" && clock.load(Relaxed) > 0 => status(code),
            "GET /api/Agent" => ok("[]"),
            _ => status(404),
        });
        let mut api = with_sites(&stub, &[1, 2]);
        let mut told = Vec::new();
        for second in [0, 60, 120, 180, 240] {
            now.store(second, Relaxed);
            api.session.refill_for_test();
            told.push(poll_at(&mut api, second).await.is_ok());
        }
        assert_eq!(told, [true, false, false, false, true], "{code}");
        let logons = stub.asked().iter().filter(|line| line.ends_with("logon")).count();
        assert_eq!(logons, 2, "{code}");
    }
}

#[tokio::test]
async fn a_list_of_names_that_is_refused_is_left_alone_until_somebody_releases_it() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "POST /api/Session/logoff" => (204, JSON, String::new()),
        "GET /api/Agent" => ok(AGENTS),
        "GET /api/Gateway" => status(401),
        _ => ok(HOSTS),
    });
    let mut api = open(&stub);
    let asked = |stub: &Stub| stub.asked().iter().filter(|line| line.ends_with("Gateway")).count();
    let observation = poll_at(&mut api, 0).await.expect("lists never fail a poll");
    assert!(observation.leaves_extras_alone());
    assert_eq!(asked(&stub), 1, "the log-on was in this poll");
    for (second, count) in [(60, 0), (3599, 0), (3600, 2), (3660, 0)] {
        api.session.refill_for_test();
        poll_at(&mut api, second).await.expect("lists never fail a poll");
        assert_eq!(asked(&stub), count, "after {second} s");
    }
    api.resume();
    api.session.refill_for_test();
    poll_at(&mut api, 3720).await.expect("lists never fail a poll");
    assert_eq!(asked(&stub), 2, "released, and asked again with a new session");
}

#[tokio::test]
async fn the_token_of_a_session_is_found_in_any_case_of_its_name() {
    for name in ["authToken", "AuthToken", "AUTHTOKEN", "auth_token", "Auth_Token"] {
        let body = format!(r#"{{"sessionId":7,"{name}":"t+1=","domain":null}}"#);
        let stub = start(move |seen| match &*seen.line {
            "POST /api/Session/logon" => ok(&body),
            "GET /api/Agent" if seen.header("auth_token") == "t+1=" => ok("[]"),
            _ => status(401),
        });
        poll_at(&mut open(&stub), 0).await.expect(name);
    }
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(r#"{"authToken":" t+1=\r\n"}"#),
        "GET /api/Agent" if seen.header("auth_token") == "t+1=" => ok("[]"),
        _ => status(401),
    });
    poll_at(&mut open(&stub), 0).await.expect("space around it is no part of it");
    let stub = start(|_| ok(r#"{"authToken":"tökén"}"#));
    assert_eq!(poll_at(&mut open(&stub), 0).await.expect_err("it cannot be sent").reason, Reason::Decode);
}

#[tokio::test]
async fn an_extra_that_is_refused_never_costs_a_session_that_works() {
    let logons = AtomicU64::new(0);
    let stub = start(move |seen| match &*seen.line {
        "POST /api/Session/logon" if logons.fetch_add(1, Relaxed) > 0 => status(503),
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" if seen.header("auth_token") == "t+1=" => ok(AGENTS),
        "GET /api/Gateway" => status(401),
        _ => ok(HOSTS),
    });
    let mut api = open(&stub);
    for minute in [0, 60, 61, 62, 130] {
        poll_at(&mut api, 60 * minute).await.expect("lists never fail a poll");
    }
}

#[tokio::test]
async fn only_words_about_the_credentials_hold_them_and_the_message_has_them() {
    let row = |code, content_type, body: &str| (code, content_type, body.to_owned());
    for (answer, held, words) in [
        (
            row(400, JSON, r#"{"code":0,"msg":"The user name or password is incorrect."}"#),
            true,
            "name or password is incorrect.",
        ),
        (
            row(401, JSON, r#"{"title":"Unauthorized","detail":"Account is locked out"}"#),
            true,
            ": \"Account is locked out\"",
        ),
        (row(403, JSON, r#"{"msg":"Logon failed: invalid credentials"}"#), true, "invalid credentials"),
        (row(400, JSON, r#"{"msg":"Too many logon sessions are open."}"#), false, "Too many logon sessions are open."),
        (row(400, JSON, r#"{"msg":"No licence for this account type"}"#), false, "No licence for this account type"),
        (row(403, JSON, r#"{"msg":"The API is switched off."}"#), false, "The API is switched off."),
        (row(401, "text/html", "<html>Proxy: 401, wrong password</html>"), false, "Proxy: 401"),
    ] {
        let reply = answer.clone();
        let stub = start(move |_| reply.clone());
        let mut api = open(&stub);
        let failure = poll_at(&mut api, 0).await.expect_err("no session");
        assert!(failure.message.contains(words), "{answer:?}: {failure}");
        let again = poll_at(&mut api, 30).await.expect_err("no session");
        assert_eq!(again.reason == Reason::Held, held, "{answer:?}: {again}");
    }
}
