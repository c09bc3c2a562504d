//! The token, which a restart of the agent ends.

use super::*;

#[tokio::test]
async fn a_refused_token_is_fetched_again_once() {
    static RESTARTED: AtomicBool = AtomicBool::new(false);
    let stub = Stub::start(|seen| {
        let token = if RESTARTED.load(Ordering::Relaxed) { "T2" } else { "T1" };
        answer(&seen.line, token, CLIENT, "[]")
    });
    let mut api = api(&stub, false);
    poll(&mut api).await.expect("a poll that works");
    RESTARTED.store(true, Ordering::Relaxed);
    poll(&mut api).await.expect("a poll that works");
    let lines = stub.lines();
    let expected = ["client?token=T1", "token", "client?token=T2", "runs?token=T2"];
    assert_eq!(lines[3..], expected.map(|path| format!("GET /api/v3/{path}")));
}

#[tokio::test]
async fn an_agent_that_restarted_is_seen_at_the_next_poll_however_it_answers_an_old_token() {
    const JSON: &str = "application/json";
    let refusals = [
        Response::new(400, "text/plain", "bad token"),
        Response::new(401, JSON, "{}"),
        Response::new(403, JSON, r#"{"error":"token"}"#),
        Response::new(404, "text/html", "<html>"),
        Response::new(410, JSON, ""),
        Response::new(500, JSON, "{}"),
        Response::new(503, JSON, "{}"),
        json(r#"{"error":"invalid token"}"#),
        json(r#"{"message":"unauthorized","status":401}"#),
        json(""),
        Response::new(200, "text/html", "<html>"),
    ];
    for refusal in refusals {
        let restarted = std::sync::Arc::new(AtomicBool::new(false));
        let (is_new, reply) = (std::sync::Arc::clone(&restarted), refusal.clone());
        let stub = Stub::start(move |seen| {
            let token = if is_new.load(Ordering::Relaxed) { "T2" } else { "T1" };
            let good = seen.line.ends_with(&format!("token={token}")) || seen.line.ends_with("/token");
            if good { answer(&seen.line, token, CLIENT, "[]") } else { reply.clone() }
        });
        let mut api = api(&stub, true);
        poll(&mut api).await.expect("a poll that works");
        restarted.store(true, Ordering::Relaxed);
        stub.take();
        let observation = poll(&mut api).await.unwrap_or_else(|failure| panic!("{refusal:?}: {failure}"));
        assert!(observation.parts.iter().all(|(_, outcome)| outcome.failure().is_none()), "{refusal:?}");
        let expected = ["client?token=T1", "token", "client?token=T2", "runs?token=T2", "tags?token=T2"];
        assert_eq!(stub.asked(), expected.map(|path| format!("GET /api/v3/{path}")), "{refusal:?}");
    }
}

#[tokio::test]
async fn an_agent_that_restarts_between_two_requests_costs_nothing() {
    static RESTARTED: AtomicBool = AtomicBool::new(false);
    let stub = Stub::start(|seen| {
        let token = if RESTARTED.load(Ordering::Relaxed) { "T2" } else { "T1" };
        let answer = answer(&seen.line, token, CLIENT, "[]");
        RESTARTED.fetch_or(seen.line.contains("/client"), Ordering::Relaxed);
        answer
    });
    let mut api = api(&stub, true);
    poll(&mut api).await.expect("a poll that works");
    RESTARTED.store(false, Ordering::Relaxed);
    // With the token of before the restart, which the first request still takes.
    for _ in 0..2 {
        let observation = poll(&mut api).await.expect("a poll that works");
        assert!(observation.parts.iter().all(|(_, outcome)| outcome.failure().is_none()));
    }
}

#[tokio::test]
async fn an_agent_that_asks_for_a_pause_is_not_asked_for_a_token() {
    static BUSY: AtomicBool = AtomicBool::new(false);
    let stub = Stub::start(|seen| match BUSY.load(Ordering::Relaxed) {
        true => Response::new(429, "text/plain", "").header("retry-after", "7"),
        false => answer(&seen.line, "T1", CLIENT, "[]"),
    });
    let mut api = api(&stub, true);
    poll(&mut api).await.expect("a poll that works");
    BUSY.store(true, Ordering::Relaxed);
    stub.take();
    assert_eq!(poll(&mut api).await.expect_err("it is busy").reason, Reason::RateLimited);
    assert_eq!(stub.asked(), ["GET /api/v3/client?token=T1"]);
}

#[tokio::test]
async fn a_token_that_is_always_refused_is_fetched_once_in_a_poll() {
    let stub = Stub::start(|seen| match &*seen.line {
        "GET /api/v3/token" => json(r#"{"token":"T"}"#),
        _ => Response::new(401, "text/plain", ""),
    });
    let mut api = api(&stub, true);
    assert_eq!(poll(&mut api).await.expect_err("refused").reason, Reason::Auth);
    assert_eq!(stub.lines(), ["GET /api/v3/token", "GET /api/v3/client?token=T"]);
    assert_eq!(poll(&mut api).await.expect_err("refused").reason, Reason::Auth);
    assert_eq!(stub.lines().len(), 5);
}

#[tokio::test]
async fn without_token_authentication_requests_go_without() {
    let stub = Stub::start(|seen| match &*seen.line {
        "GET /api/v3/client" => json(CLIENT),
        "GET /api/v3/runs" => json("[]"),
        _ => Response::new(404, "text/html", "<html>no</html>"),
    });
    let mut api = api(&stub, true);
    poll(&mut api).await.expect("a poll that works");
    poll(&mut api).await.expect("a poll that works");
    assert_eq!(stub.lines().iter().filter(|line| line.contains("token")).count(), 1);
}
