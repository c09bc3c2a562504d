//! Challenges, forms and tokens.

use super::*;

#[test]
fn each_service_wants_a_token_of_its_own() {
    let service = service(200);
    let (store, _) = opened(&service);
    let refused = challenge(&service.answer(bearing(list_of(&[]), &store)));
    assert_eq!(parameter(&refused, "reason"), "notforthisservice");
    service.set_one_realm(true);
    assert_eq!(service.answer(bearing(list_of(&[]), &store)).status, StatusCode::OK);
}

#[test]
fn a_wrong_password_is_answered_with_the_form_and_an_error() {
    let service = service(200);
    let answer = log_on(&service, "wrong");
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.into_bytes();
    assert_eq!(leaf(&body, "Result").as_deref(), Some("more-info"));
    assert!(texts(&body, "Type").contains(&"error".to_owned()));
    service.set_secret("wrong");
    assert!(leaf(&log_on(&service, "wrong").into_bytes(), "token").is_some());
}

#[test]
fn five_wrong_passwords_lock_the_account() {
    let service = service(200);
    for _ in 0..5 {
        assert!(!service.locked());
        log_on(&service, "wrong");
    }
    assert!(service.locked());
    let body = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&body, "token"), None);
    assert_eq!(service.credential_submissions(), 6);
    service.unlock();
    primary(&service);
}

#[test]
fn an_expired_password_gets_another_form_and_a_failure_none() {
    let service = service(200);
    service.set_log_on(LogOn::PasswordExpired);
    let body = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&body, "Result").as_deref(), Some("update-credentials"));
    service.set_log_on(LogOn::Fail);
    let body = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&body, "Result").as_deref(), Some("fail"));
}

#[test]
fn the_form_wants_its_cookie_and_its_context() {
    let service = service(200);
    service.set_state_context("seven");
    primary(&service);
    let request = Request::new(Method::POST, &format!("{ROOT}/ExplicitForms"))
        .with_body("StateContext=seven&loginBtn=Log+On&username=x&password=y");
    let body = service.answer(request).into_bytes();
    assert_eq!(leaf(&body, "Status").as_deref(), Some("error-sessionid-invalid"));
    assert_eq!(service.credential_submissions(), 1);
}

#[test]
fn a_page_to_acknowledge_comes_before_the_token() {
    let service = service(200);
    service.set_log_on(LogOn::Notice);
    let page = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&page, "Result").as_deref(), Some("more-info"));
    let path = leaf(&page, "PostBack").expect("where to post");
    assert!(path.ends_with("/Acknowledge"), "{path}");
    let send = |cookie: &str, body: &str| {
        let request = Request::new(Method::POST, &path)
            .with_header("content-type", "application/x-www-form-urlencoded")
            .with_header("cookie", cookie)
            .with_body(body.to_owned());
        assert!(!service.carries_secret(&request));
        service.answer(request).into_bytes()
    };
    let cookie = "ASP.NET_SessionId=simulatedsession00000001";
    assert!(leaf(&send("ASP.NET_SessionId=x", "StateContext=&noticeBtn=OK"), "token").is_none());
    assert!(leaf(&send(cookie, "StateContext=&noticeBtn=OK"), "token").is_some());
    assert!(leaf(&send(cookie, "StateContext=&noticeBtn=OK"), "token").is_none(), "once");
    service.set_log_on(LogOn::Terms);
    let page = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert!(String::from_utf8_lossy(&page).contains("<CheckBox>"));
    service.set_log_on(LogOn::Unavailable);
    let page = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&page, "LogMessage").as_deref(), Some("The directory does not answer."));
}

#[test]
fn basic_asks_once_and_takes_the_password() {
    let service = service(200);
    let path = format!("{ROOT}/HttpBasic/Authenticate");
    let with = |password: &str| {
        let pair = format!("{}:{password}", CitrixStorefront::USERNAME);
        let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let request = token_request(&path, TOKEN_REALM).with_header("authorization", &value);
        assert!(service.carries_secret(&request));
        service.answer(request)
    };
    let first = service.answer(token_request(&path, TOKEN_REALM));
    assert_eq!(first.status, StatusCode::UNAUTHORIZED);
    assert_eq!(service.credential_submissions(), 0, "nothing was submitted");
    assert_eq!(with("wrong").status, StatusCode::UNAUTHORIZED);
    assert_eq!(with(CitrixStorefront::PASSWORD).status, StatusCode::OK);
}

#[test]
fn tokens_end_and_the_primary_one_brings_another() {
    let service = service(200);
    let first = primary(&service);
    let asked = challenge(&service.answer(enumeration()));
    let store = token_for(&service, &first, &asked);
    service.expire_service_tokens();
    let refused = challenge(&service.answer(bearing(enumeration(), &store)));
    assert_eq!(parameter(&refused, "reason"), "expired");
    let store = token_for(&service, &first, &refused);
    assert_eq!(service.answer(bearing(enumeration(), &store)).status, StatusCode::OK);
    service.expire_sessions();
    let request = token_request(&format!("{ROOT}/auth/v1/token"), parameter(&asked, "realm"));
    let refused = challenge(&service.answer(bearing(request, &first)));
    assert_eq!(parameter(&refused, "reason"), "expired");

    service.set_token_lifetimes(Duration::from_millis(1), Duration::from_millis(1));
    let body = log_on(&service, CitrixStorefront::PASSWORD).into_bytes();
    assert_eq!(leaf(&body, "lifetime").as_deref(), Some("0.00:00:00.001"));
    assert_eq!(leaf(&body, "ExpiryTime").as_deref(), Some("2026-03-16T08:00:00.000Z"));
    assert_eq!(leaf(&body, "TimeRemaining").as_deref(), Some("60.00:00:00"));
}

#[test]
fn challenges_come_in_every_style_of_the_samples() {
    let service = service(200);
    let styles = [
        (ChallengeStyle::NoCommaBeforeLocations, "\"notoken\"    locations"),
        (ChallengeStyle::NoCommaBeforeHint, "token\" serviceroot-hint"),
        (ChallengeStyle::UnquotedHint, "hint=http://"),
        (ChallengeStyle::TypographicQuotes, "hint=”http"),
        (ChallengeStyle::OddBlanks, "realm=\" 6b78"),
        (ChallengeStyle::AmongOthers, "Basic realm"),
    ];
    for (style, part) in styles {
        service.set_challenge_style(style);
        let text = challenge(&service.answer(enumeration()));
        assert!(text.contains(part), "{text}");
    }
    service.set_other_location(Some("http://127.0.0.1:9/dead"));
    assert!(challenge(&service.answer(enumeration())).contains("9/dead|http://localhost/"));
}

#[test]
fn choices_may_come_inside_a_response() {
    let service = service(200);
    service.set_choices_style(ChoicesStyle::InsideResponse);
    service.set_protocols(&[Protocol::ExplicitForms]);
    let answer = service.answer(token_request(&format!("{ROOT}/auth/v1/protocols"), TOKEN_REALM));
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.into_bytes();
    assert_eq!(texts(&body, "protocol"), ["ExplicitForms"]);
}
