//! Tokens, refusals and limits.

use super::*;

#[test]
fn a_refused_pat_gets_what_was_chosen() {
    let service = service(200);
    let status = |suppress: bool| {
        let mut request = with_pat("wrong", POOLS);
        if suppress {
            request = request.with_header("x-tfs-fedauthredirect", "Suppress");
        }
        assert!(service.carries_secret(&request));
        service.answer(request).status.as_u16()
    };
    assert_eq!((status(false), status(true)), (203, 401));
    for (sign_in, expected) in
        [(SignIn::Page203, 203), (SignIn::Redirect, 302), (SignIn::Unauthorized, 401), (SignIn::Page200, 200)]
    {
        service.set_sign_in(sign_in);
        assert_eq!(status(true), expected);
    }
    service.set_secret("wrong");
    assert_eq!(status(false), 200);
}

fn token_request(secret: &str) -> Request {
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={secret}&scope={}",
        AzureDevops::CLIENT_ID,
        AzureDevops::SCOPE.replace('/', "%2F")
    );
    let path = format!("/{}/oauth2/v2.0/token", AzureDevops::TENANT_ID);
    Request::new(Method::POST, &path).with_body(body)
}

#[test]
fn an_entra_token_opens_the_address_on_premises_until_it_ends() {
    let service = service(200);
    let answer = json(service.answer(token_request(AzureDevops::CLIENT_SECRET)));
    assert_eq!(answer["expires_in"], 3_599);
    let bearer = format!("Bearer {}", answer["access_token"].as_str().expect("a token"));
    let ask = || {
        let path = "/tfs/DefaultCollection/_apis/distributedtask/pools?api-version=7.1";
        let request = Request::get(path).with_header("authorization", &bearer);
        assert!(!service.carries_secret(&request));
        service.answer(request).status
    };
    assert_eq!(ask(), StatusCode::OK);
    service.expire_sessions();
    assert_eq!(ask(), StatusCode::NON_AUTHORITATIVE_INFORMATION);
}

#[test]
fn entra_refuses_with_its_own_words() {
    let service = service(200);
    let refused = |secret: &str| {
        let response = service.answer(token_request(secret));
        let status = response.status.as_u16();
        let body: Value = serde_json::from_slice(&response.into_bytes()).expect("JSON");
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(refused("wrong"), (401, "invalid_client".to_owned()));
    service.set_entra_refusal(Some(EntraRefusal::InvalidGrant));
    assert_eq!(refused(AzureDevops::CLIENT_SECRET), (400, "invalid_grant".to_owned()));
}

#[test]
fn the_rate_limit_is_told_and_then_enforced() {
    let options = Options {
        incidents: vec![Incident::RateLimited],
        incident_delay: Duration::ZERO,
        frozen: true,
        ..Options::default()
    };
    let service = AzureDevops::new(Arc::new(World::new(options)));
    let (mut refused, mut reported) = (false, false);
    for _ in 0..300 {
        service.world.advance(Duration::from_secs(1));
        let response = get(&service, "/contoso/_apis/distributedtask/pools/9");
        let header = |name| response.headers.contains_key(name);
        assert!(header("x-ratelimit-remaining") && header("x-ratelimit-reset"));
        match response.status {
            StatusCode::OK => reported |= header("retry-after") && header("x-ratelimit-delay"),
            status => {
                assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
                assert!(header("retry-after"));
                refused = true;
            }
        }
        if refused && reported {
            return;
        }
    }
    panic!("the incident has both phases: refused {refused}, told {reported}");
}
