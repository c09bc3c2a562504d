//! Tokens of Entra applications.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

fn entra(stub: &Stub, secret: &str) -> target::AzureDevOps {
    let auth = AzureAuth::Entra {
        tenant_id: "tenant".to_owned(),
        client_id: "app".to_owned(),
        client_secret: Secret::Inline(SecretText::new(secret)),
        authority: stub.url.clone(),
    };
    target::AzureDevOps { auth, ..settings() }
}

fn token(seen: &Request, token: &str) -> Option<Response> {
    let body = format!(r#"{{"token_type":"Bearer","expires_in":"3599","access_token":"{token}"}}"#);
    (seen.line == "POST /tenant/oauth2/v2.0/token").then(|| json(body))
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
        let revoked = REVOKED.load(Ordering::Relaxed) && seen.header("authorization") == "Bearer t0";
        revoked.then(|| Response::new(401, "application/json", "{}"))
    });
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
    assert_eq!(stub.seen().last().map(|seen| seen.header("authorization").to_owned()).as_deref(), Some("Bearer t1"));
}

/// A service that takes no token but those that `is_good` says, and a token service that gives one after the other with these
/// fields besides.
fn issuing(fields: &'static str, is_good: impl Fn(&str) -> Option<u16> + Send + Sync + 'static) -> Stub {
    let issued = AtomicUsize::new(0);
    three(move |seen| {
        if seen.line.starts_with("POST /tenant") {
            let number = issued.fetch_add(1, Ordering::Relaxed);
            return Some(json(format!(r#"{{"access_token":"t{number}"{fields}}}"#)));
        }
        is_good(seen.header("authorization")).map(|status| Response::new(status, "application/json", "{}"))
    })
}

async fn log_ons(stub: &Stub, api: &mut AzureDevOps, minutes: std::ops::Range<u64>) -> usize {
    let memory = Memory::default();
    for minute in minutes {
        let now = NOW.plus(Duration::from_secs(60 * minute));
        let _ = poll_at(api, &memory, now).await;
    }
    stub.asked().iter().filter(|line| line.starts_with("POST")).count()
}

#[tokio::test]
async fn a_token_with_an_odd_end_is_used_until_it_is_refused() {
    for fields in [
        "",
        r#","expires_in":0"#,
        r#","expires_in":-3600"#,
        r#","expires_in":"0""#,
        r#","expires_in":30"#,
        r#","expires_in":"2026-01-01T00:00:00Z""#,
        r#","expires_in":99999999999999"#,
        r#","expires_in":{}"#,
        r#","expires_in":null,"expires_on":"1""#,
    ] {
        let stub = issuing(fields, |_| None);
        let mut api = api(&stub, entra(&stub, "s"));
        assert_eq!(log_ons(&stub, &mut api, 0..10).await, 1, "{fields}");
    }
}

#[tokio::test]
async fn tokens_that_the_service_never_takes_cost_few_log_ons() {
    let stub = issuing("", |_| Some(401));
    let mut api = api(&stub, entra(&stub, "s"));
    let count = log_ons(&stub, &mut api, 0..60).await;
    assert!((4..=8).contains(&count), "{count}");
    // Forbidden it is where the right is missing: another token is tried only where one has worked.
    let stub = issuing("", |_| Some(403));
    let mut api = self::api(&stub, entra(&stub, "s"));
    assert_eq!(log_ons(&stub, &mut api, 0..60).await, 1);
}

#[tokio::test]
async fn a_token_that_is_lost_is_replaced_however_that_is_answered() {
    for status in [401, 203, 403] {
        static MINUTE: AtomicUsize = AtomicUsize::new(0);
        MINUTE.store(0, Ordering::Relaxed);
        let stub =
            issuing("", move |sent| (MINUTE.load(Ordering::Relaxed) > 0 && sent == "Bearer t0").then_some(status));
        let mut api = api(&stub, entra(&stub, "s"));
        assert_eq!(log_ons(&stub, &mut api, 0..1).await, 1);
        MINUTE.store(1, Ordering::Relaxed);
        assert_eq!(log_ons(&stub, &mut api, 1..5).await, 1, "{status}");
        poll(&mut api).await.expect("a poll that works");
    }
}

#[tokio::test]
async fn a_token_is_used_while_the_application_is_held() {
    let stub = three(|seen| token(seen, "t0"));
    let logons = Arc::new(Logons::default());
    let url = stub.url.join("contoso").expect("a path");
    let mut first = api_at(&url, entra(&stub, "old"), &logons);
    poll(&mut first).await.expect("a poll that works");
    let target = Target { name: "other".to_owned(), ..Target::sample(url.as_str(), first_settings(&stub)) };
    let _ = logons.refuse(&target, "app", &SecretText::new("old"), NOW, "401").await;
    poll(&mut first).await.expect("its token works on");
    let mut second = api_at(&url, entra(&stub, "old"), &logons);
    assert_eq!(poll(&mut second).await.expect_err("it has none").reason, Reason::Held);
}

fn first_settings(stub: &Stub) -> VendorSettings {
    VendorSettings::AzureDevOps(entra(stub, "old"))
}

#[tokio::test]
async fn a_refused_application_is_sent_once_and_held_for_every_target() {
    let stub = three(|seen| {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret hunter2."}"#;
        seen.line.starts_with("POST").then(|| Response::new(401, "application/json", body))
    });
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
async fn a_token_service_in_trouble_holds_nobody_and_is_tried_again_after_a_minute() {
    let rows = [
        (Response::new(503, "text/html", "<html>"), Reason::HttpStatus),
        (Response::new(400, "application/json", r#"{"error":"unauthorized_client"}"#), Reason::Auth),
        (Response::new(429, "application/json", "{}"), Reason::RateLimited),
        (json("{}"), Reason::Decode),
        (Response::new(200, "text/html", "<html>"), Reason::ContentType),
    ];
    for (reply, reason) in rows {
        let stub = three(move |_| Some(reply.clone()));
        let mut api = api(&stub, entra(&stub, "s"));
        for (seconds, sent) in [(0, 1), (30, 1), (60, 2)] {
            let now = NOW.plus(Duration::from_secs(seconds));
            let failure = poll_at(&mut api, &Memory::default(), now).await.0.expect_err("no token");
            assert_eq!((failure.reason, stub.lines().len()), (reason, sent), "{failure}");
        }
    }
}
