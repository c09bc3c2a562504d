//! Log-ons, tokens and the site.

use super::*;

/// How often somebody logged on.
fn log_ons(stub: &Stub) -> usize {
    stub.lines().iter().filter(|line| line.starts_with("POST ")).count()
}

#[tokio::test]
async fn a_delivery_controller_is_logged_on_to_once_and_asked_for_its_site() {
    let stub = Stub::start(answer);
    let (mut api, memory) = (api(&stub, settings()), Memory::default());
    for minute in 0..3 {
        poll_at(&mut api, &memory, at(minute)).await.0.expect("a poll that works");
    }
    let seen = stub.seen();
    assert_eq!(
        (seen[0].line.as_str(), seen[0].header("authorization")),
        ("POST /cvad/manage/Tokens", "Basic Q09SUFxzdmM6czMmY3JldA==")
    );
    assert_eq!((seen[1].line.as_str(), seen[1].header("citrix-instanceid")), ("GET /cvad/manage/me", ""));
    assert_eq!(seen[2].header("citrix-customerid"), "CitrixOnPremises");
    let of = |path: &str| seen.iter().filter(|seen| seen.path() == path).count();
    assert_eq!((log_ons(&stub), of("/cvad/manage/me"), of("/cvad/manage/Machines")), (1, 1, 3));
    // A site that is configured is not looked for.
    let mut configured = self::api(&stub, target::CitrixSite { site_id: "site-1".to_owned(), ..settings() });
    stub.take();
    poll(&mut configured).await.expect("a poll that works");
    assert!(stub.lines().iter().all(|line| !line.ends_with("/me")));
}

#[tokio::test]
async fn a_wrong_site_is_told_with_the_sites_that_the_account_sees() {
    let stub = but(|seen| match seen.path() {
        "/cvad/manage/me" => {
            let sites = r#"{"Id":"site-1","Name":"Head office"},{"Id":"site-2","Name":null}"#;
            Some(json(format!(r#"{{"Customers":[{{"Id":"CitrixOnPremises","Sites":[{sites}]}}]}}"#)))
        }
        _ => (seen.line.starts_with("GET ") && seen.header("citrix-instanceid") != "site-1").then(|| status(400)),
    });
    let configured = |site_id: &str| target::CitrixSite { site_id: site_id.to_owned(), ..settings() };
    let failure = poll(&mut api(&stub, configured("Head office"))).await.expect_err("there is no such site");
    let expected = "; site_id is none of the sites that the account sees: site-1 (Head office), site-2";
    assert!(failure.reason == Reason::HttpStatus && failure.message.ends_with(expected), "{failure}");
    let failure = poll(&mut api(&stub, configured("site-2"))).await.expect_err("it is refused");
    assert!(!failure.message.contains("site_id"), "{failure}");
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    assert_eq!(observation.notes, ["site site-1 (Head office)", "the account also sees site-2; site_id selects one"]);
}

#[tokio::test]
async fn the_cloud_takes_an_api_client_and_its_customer() {
    let stub = but(|seen| {
        let is_me = seen.path() == "/cvad/manage/me";
        let me = r#"{"Customers":[{"Id":"other","Sites":[{"Id":"site-9"}]},{"Id":"ABC","Sites":[{"Id":"site-1"}]}]}"#;
        (is_me && seen.header("citrix-customerid") == "abc").then(|| json(me))
    });
    poll(&mut api(&stub, cloud())).await.expect("a poll that works");
    let seen = stub.seen();
    assert_eq!(seen[0].line, "POST /cctrustoauth2/abc/tokens/clients");
    assert_eq!(seen[0].body, "grant_type=client_credentials&client_id=app&client_secret=s3%26cret");
    assert_eq!((seen[2].header("citrix-customerid"), seen[2].header("authorization")), ("abc", "CWSAuth Bearer=t1"));
}

#[tokio::test]
async fn a_refused_password_and_an_invalid_client_are_sent_once_and_held() {
    for (settings, refusal) in [
        (settings(), status(401)),
        (cloud(), Response::new(401, "application/json", r#"{"error":"invalid_client"}"#)),
        (cloud(), Response::new(400, "application/json", r#"{"error":"invalid_grant"}"#)),
    ] {
        let stub = Stub::start(move |_| refusal.clone());
        let (mut api, memory) = (api(&stub, settings), Memory::default());
        let failure = poll_at(&mut api, &memory, NOW).await.0.expect_err("it is refused");
        assert_eq!(failure.reason, Reason::Auth, "{failure}");
        for minute in 1..60 {
            let failure = poll_at(&mut api, &memory, at(minute)).await.0.expect_err("it is held");
            assert_eq!(failure.reason, Reason::Held, "{failure}");
        }
        assert_eq!(log_ons(&stub), 1);
    }
}

#[tokio::test]
async fn what_is_no_refusal_proves_nothing_and_waits() {
    for (settings, reply, reason) in [
        (settings(), status(403), Reason::Forbidden),
        (settings(), status(503), Reason::HttpStatus),
        (settings(), json("{}"), Reason::Decode),
        (settings(), json(r#"{"Token":"two words"}"#), Reason::Decode),
        (settings(), Response::new(200, "text/html", "<html>"), Reason::ContentType),
        (cloud(), status(401), Reason::Auth),
        (cloud(), Response::new(400, "application/json", r#"{"error":"invalid_request"}"#), Reason::Auth),
    ] {
        let stub = Stub::start(move |_| reply.clone());
        let (mut api, memory) = (api(&stub, settings), Memory::default());
        for minute in 0..5 {
            let failure = poll_at(&mut api, &memory, at(minute)).await.0.expect_err("no session");
            assert_eq!(failure.reason, reason, "{failure}");
        }
        // At once, and a minute later; the third one waits five.
        assert_eq!(log_ons(&stub), 2, "{reason:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_in_the_middle_of_pages_is_replaced_once_in_a_poll() {
    static ISSUED: AtomicUsize = AtomicUsize::new(0);
    static BAD: Mutex<&[&str]> = Mutex::new(&["t0"]);
    let stub = but(|seen| {
        if seen.line.starts_with("POST") {
            return Some(token(&format!("t{}", ISSUED.fetch_add(1, Ordering::Relaxed)), "2023-11-14T23:13:20Z"));
        }
        let second = seen.line.contains("continuationToken");
        let bad = BAD.lock().expect("nobody panics");
        if second && bad.iter().any(|token| seen.header("authorization").ends_with(token)) {
            return Some(status(401));
        }
        let page = |id: &str, next: &str| {
            json(format!(r#"{{"Items":[{{"Id":"{id}"}}],"ContinuationToken":{next},"TotalItems":2}}"#))
        };
        (seen.path() == "/cvad/manage/Machines").then(|| if second { page("b", "null") } else { page("a", r#""2""#) })
    });
    let (mut api, memory) = (api(&stub, settings()), Memory::default());
    let observation = poll_at(&mut api, &memory, NOW).await.0.expect("another token is taken");
    assert_eq!(fresh(&observation, "machines").agents.len(), 2);
    assert_eq!(log_ons(&stub), 2);
    // No token is taken any more: one more log-on, and the poll fails.
    *BAD.lock().expect("nobody panics") = &["t1", "t2", "t3"];
    let failure = poll_at(&mut api, &memory, at(1)).await.0.expect_err("no token is taken");
    assert_eq!((failure.reason, log_ons(&stub)), (Reason::Auth, 3));
    assert_eq!(failure.message, r#"GET /cvad/manage/Machines: 401 Unauthorized: "No such luck.""#);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_its_end_and_a_life_that_makes_no_sense_is_an_hour() {
    let lifetime = |body: &'static str| {
        let answer = crate::http::Answer::of_bytes(format!("200\ncontent-type: application/json\n\n{body}").as_bytes());
        logon::on_premises(&answer, NOW).map(|(_, lifetime)| lifetime.as_secs()).map_err(|(failure, _)| failure.message)
    };
    let of = [
        r#"{"Token":"t","ExpiresAt":"2023-11-14T23:13:20.0000000Z"}"#,
        r#"{"token":"t","expiresAt":"2023-11-14T22:43:20Z"}"#,
        r#"{"access_token":"t","expires_in":"3600"}"#,
        r#"{"Token":"t","ExpiresAt":"2023-11-14T22:13:19Z"}"#,
        r#"{"Token":"t","ExpiresAt":"9999-12-31T23:59:59Z"}"#,
        r#"{"Token":"t","expires_in":-1}"#,
        r#"{"Token":"t"}"#,
    ];
    assert_eq!(of.map(|body| lifetime(body).unwrap_or_default()), [3600, 1800, 3600, 3600, 86_400, 3600, 3600]);
}

#[tokio::test]
async fn an_account_without_a_site_is_told() {
    let stub = but(|seen| (seen.path() == "/cvad/manage/me").then(|| json(r#"{"Customers":[{"Id":"x","Sites":[]}]}"#)));
    let failure = poll(&mut api(&stub, settings())).await.expect_err("there is no site");
    assert_eq!(failure.message, "GET /cvad/manage/me: the account sees no site; it needs a role at one");
}

#[tokio::test]
async fn a_token_that_is_refused_before_the_site_is_known_is_replaced_ever_more_rarely() {
    let stub = but(|seen| (seen.path() == "/cvad/manage/me").then(|| status(401)));
    let (mut api, memory) = (api(&stub, settings()), Memory::default());
    let mut asked = Vec::new();
    for minute in 0..30 {
        assert_eq!(poll_at(&mut api, &memory, at(minute)).await.0.expect_err("no site").reason, Reason::Auth);
        if stub.asked().iter().any(|line| line.starts_with("POST ")) {
            asked.push(minute);
        }
    }
    assert_eq!(asked, [0, 1, 6, 21]);
}
