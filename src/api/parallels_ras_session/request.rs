//! The body of `PUT /api/directsessiontunnel`: strict JSON within the vendor's ranges, whatever the vendor's samples are.
//!
//! `policy` (typed as text, shown as an object) is left out, and so is everything whose default suits. `prime_secret` is
//! sent where one is configured; the chapter that describes it does not exist.

use std::time::Duration;

use serde::Serialize;

use crate::config::{
    secret::SecretText,
    target::{ProbeMode, SessionSettings},
};

/// The client would keep settings under this name; ours never connects.
const CONNECTION: &str = "rollcall";

/// Seconds that the token in the answer is good for: the vendor's least, since nobody uses it.
const TTL: u32 = 5;

/// Seconds; the vendor's page gives both 5 and 30 as the least.
const RECONNECTION_TTL: u32 = 60;

/// Seconds that the broker may wait for a session; 0 and perhaps 2 mean "do not wait".
const TIMEOUT: std::ops::RangeInclusive<u64> = 3..=1800;

#[derive(Serialize)]
struct SessionRequest<'a> {
    connectionname: &'a str,
    ras_host: &'a str,
    ras_port: u16,
    endpoint_host: &'a str,
    endpoint_port: u16,
    ras_portal_url: &'a str,
    username: &'a str,
    password: &'a str,
    /// The default is "Yes", and `app_path` is required then.
    app_mode: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    app_path: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    app_params: &'a str,
    prime_session: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    prime_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
    ttl: u32,
    reconnectionttl: u32,
}

/// Every field of the request. A refusal may name one of these, or something that we never sent.
pub const FIELDS: [&str; 16] = [
    "connectionname",
    "ras_host",
    "ras_port",
    "endpoint_host",
    "endpoint_port",
    "ras_portal_url",
    "username",
    "password",
    "app_mode",
    "app_path",
    "app_params",
    "prime_session",
    "prime_secret",
    "timeout",
    "ttl",
    "reconnectionttl",
];

/// The body. Light: no session is primed. Deep: the broker primes one, and answers when it is ready.
pub fn body(
    mode: ProbeMode,
    session: &SessionSettings,
    password: &SecretText,
    prime_secret: Option<&SecretText>,
) -> Vec<u8> {
    let app_mode = !session.app.path.is_empty();
    let (prime_session, timeout) = match mode {
        ProbeMode::Light => (0, None),
        ProbeMode::Deep => (1, Some(prime_timeout(session).as_secs())),
    };
    let request = SessionRequest {
        connectionname: CONNECTION,
        ras_host: &session.ras_host,
        ras_port: session.ras_port,
        endpoint_host: &session.endpoint_host,
        endpoint_port: session.endpoint_port,
        ras_portal_url: &session.portal_url,
        username: &session.username,
        password: password.expose(),
        app_mode,
        app_path: &session.app.path,
        app_params: if app_mode { &session.app.params } else { "" },
        prime_session,
        prime_secret: prime_secret.map(SecretText::expose),
        timeout,
        ttl: TTL,
        reconnectionttl: RECONNECTION_TTL,
    };
    serde_json::to_vec(&request).expect("texts, numbers and booleans always have a JSON form")
}

/// How long the broker may take to prime, in whole seconds within its range.
pub fn prime_timeout(session: &SessionSettings) -> Duration {
    Duration::from_secs(session.prime_timeout.as_secs().clamp(*TIMEOUT.start(), *TIMEOUT.end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::parallels_ras_session::tests::settings;

    fn text(mode: ProbeMode, session: &SessionSettings) -> String {
        String::from_utf8(body(mode, session, &SecretText::new("p\"w"), None)).expect("JSON is UTF-8")
    }

    #[test]
    fn a_priming_secret_is_sent_where_there_is_one_and_every_field_is_known() {
        let mut session = settings().session;
        session.app.path = r"C:\app.exe".to_owned();
        session.app.params = "-x".to_owned();
        let secret = SecretText::new("c2VjcmV0LW9mLTE2LWJ5dA==");
        let body = body(ProbeMode::Deep, &session, &SecretText::new("p"), Some(&secret));
        let body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&body).expect("an object");
        assert_eq!(body["prime_secret"], "c2VjcmV0LW9mLTE2LWJ5dA==");
        let sent: Vec<&str> = body.keys().map(String::as_str).collect();
        let mut known = FIELDS.to_vec();
        known.sort_unstable();
        assert_eq!(sent, known);
    }

    #[test]
    fn a_light_probe_primes_nothing() {
        assert_eq!(
            text(ProbeMode::Light, &settings().session),
            concat!(
                r#"{"connectionname":"rollcall","ras_host":"gateway.example.com","ras_port":443,"#,
                r#""endpoint_host":"rds-01.example.com","endpoint_port":3389,"#,
                r#""ras_portal_url":"https://portal.example.com","username":"probe","password":"p\"w","#,
                r#""app_mode":false,"prime_session":0,"ttl":5,"reconnectionttl":60}"#
            )
        );
    }

    #[test]
    fn a_deep_probe_primes_and_waits() {
        let mut session = settings().session;
        session.app.path = r"C:\app.exe".to_owned();
        session.app.params = "-x".to_owned();
        assert_eq!(
            text(ProbeMode::Deep, &session),
            concat!(
                r#"{"connectionname":"rollcall","ras_host":"gateway.example.com","ras_port":443,"#,
                r#""endpoint_host":"rds-01.example.com","endpoint_port":3389,"#,
                r#""ras_portal_url":"https://portal.example.com","username":"probe","password":"p\"w","#,
                r#""app_mode":true,"app_path":"C:\\app.exe","app_params":"-x","#,
                r#""prime_session":1,"timeout":60,"ttl":5,"reconnectionttl":60}"#
            )
        );
    }

    #[test]
    fn the_wait_stays_within_the_vendors_range() {
        for (configured, sent) in [(0, 3), (2, 3), (3, 3), (1800, 1800), (9999, 1800)] {
            let session = SessionSettings { prime_timeout: Duration::from_secs(configured), ..*settings().session };
            assert!(text(ProbeMode::Deep, &session).contains(&format!(r#""timeout":{sent},"#)));
        }
    }
}
