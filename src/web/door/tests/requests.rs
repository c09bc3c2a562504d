//! Users, headers and the rate limit.

use super::*;

#[tokio::test]
async fn users_log_on_with_tls_and_without() {
    for (tls, text) in [(false, DAVE.to_owned()), (true, format!("{SERVER}{DAVE}"))] {
        let running = Running::start(Pki::new(), &text).await;
        for (login, expected) in
            [(None, 401), (Some("dave:dave123"), 200), (Some("dave:bad"), 401), (Some("nonexistent:nonexistent"), 401)]
        {
            let value = login
                .map(|login| format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, login)));
            let headers: Vec<(&str, &str)> = value.iter().map(|value| ("authorization", value.as_str())).collect();
            // Every path is guarded, as with the toolkit.
            for path in ["/metrics", "/-/healthy", "/-/ready", "/", "/nowhere"] {
                let (status, head) = match tls {
                    true => {
                        let answer = running.client().get_with(path, &headers).await.expect("it answers");
                        (answer.status, answer.head)
                    }
                    false => {
                        let head = http_get(&running.address, path, &headers).await;
                        (head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), head)
                    }
                };
                let path_expected = if expected == 200 && path == "/nowhere" { 404 } else { expected };
                assert_eq!(status, path_expected, "{login:?} {path}");
                assert_eq!(head.contains("www-authenticate: Basic realm="), expected == 401, "{head}");
            }
        }
    }
}

#[tokio::test]
async fn headers_are_on_every_answer() {
    let text = format!(
        "{DAVE}http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1\n    Content-Security-Policy: default-src 'self'\n"
    );
    let running = Running::start(Pki::new(), &text).await;
    for headers in [&[][..], &[("authorization", "Basic ZGF2ZTpkYXZlMTIz")]] {
        let head = http_get(&running.address, "/-/healthy", headers).await;
        for line in [
            "x-frame-options: deny",
            "strict-transport-security: max-age=31536000; includeSubDomains",
            "x-content-type-options: nosniff",
            "x-xss-protection: 1",
            "content-security-policy: default-src 'self'",
        ] {
            assert_eq!(head.matches(line).count(), 1, "{line}\n{head}");
        }
    }
}

#[tokio::test]
async fn a_rate_limit_is_for_all_requests() {
    let codes = async |text: &str| {
        let running = Running::start(Pki::new(), text).await;
        let mut codes = Vec::new();
        for _ in 0..10 {
            codes.push(http_get(&running.address, "/-/healthy", &[]).await[9..12].to_owned());
        }
        codes
    };
    assert_eq!(codes("rate_limit: { interval: 0, burst: 0 }").await, ["200"; 10]);
    assert_eq!(codes("rate_limit: { interval: 1s, burst: 0 }").await, ["429"; 10]);
    let some = codes("rate_limit: { interval: 1h, burst: 3 }").await;
    assert_eq!(some.iter().filter(|code| *code == "200").count(), 3, "{some:?}");
}
