//! The simulated Connection Broker API of RAS 21.1: `PUT /api/directsessiontunnel`, priming and tunnelling.
//!
//! Written from the vendor's PDF: strict validation, the error table, and the two error bodies that its samples print
//! without a comma before `"code"`. Other methods give 405 before the token is looked at (the order is not documented).
//! In the modes 1 and 4 the broker opens a session itself and a wrong password shows; 0 only hands out links.

pub(crate) mod errors;
mod validation;

use super::{Incident, Quirk, Request, Response, Service, Truth, World};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, MutexGuard};

const VENDOR: &str = "parallels_ras_session";
const JSON: &str = "application/json";

/// Probed targets: name, mode, endpoint.
const TARGETS: [(&str, &str, &str); 2] = [
    ("hq-session-light", "light", "rds-1-00001.farm.example"),
    ("hq-session-deep", "deep", "rds-1-00002.farm.example"),
];

/// A broker with its API switched on.
pub struct ParallelsRasSession {
    world: Arc<World>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    api_token: String,
    password: String,
    /// Answered to every valid request.
    code: Option<u32>,
    wrong: u32,
    primed: usize,
}

impl ParallelsRasSession {
    /// The whole `Authorization` header, until [`Self::set_api_token`] changes it.
    pub const API_TOKEN: &str = "9d1f0c52-b0a7-4c1e-8d7f-52c6d2a94e10";
    /// The account that may open sessions.
    pub const USERNAME: &str = "svc-rollcall-probe";
    /// Its password, until [`Service::set_secret`] changes it.
    pub const PASSWORD: &str = "prime-the-session-1";

    /// A broker on which every session opens.
    pub fn new(world: Arc<World>) -> ParallelsRasSession {
        let state = State {
            api_token: Self::API_TOKEN.to_owned(),
            password: Self::PASSWORD.to_owned(),
            code: None,
            wrong: 0,
            primed: 0,
        };
        ParallelsRasSession { world, state: Mutex::new(state) }
    }

    /// From now on every request whose token is good gets this row of the error table, in every mode; `None` ends it.
    pub fn set_session_code(&self, code: Option<u32>) {
        self.state().code = code;
    }

    /// Changes the accepted API token ("Regenerate" in the console).
    pub fn set_api_token(&self, token: &str) {
        self.state().api_token = token.to_owned();
    }

    /// Wrong passwords since the last right one; after five the account is locked (6435).
    pub fn wrong_passwords(&self) -> u32 {
        self.state().wrong
    }

    /// Unlocks the account, as an administrator does.
    pub fn unlock(&self) {
        self.state().wrong = 0;
    }

    /// Sessions that the broker opened: each is a real one on a real farm.
    pub fn primed_sessions(&self) -> usize {
        self.state().primed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The code that the state of the world gives a valid request of that mode.
    fn world_code(&self, primes: bool) -> Option<u32> {
        let on = |incident| self.world.since(incident).is_some();
        let set = self.state().code;
        match () {
            () if set.is_some() => set,
            () if self.world.quirk(VENDOR, Quirk::UnknownState) => Some(9_999),
            // Connection timeout: no gateway lets anything through.
            () if on(Incident::GatewayLost) => Some(3_364),
            // The broker cannot create the event on which the primed session waits.
            () if on(Incident::PrimingRefused) && primes => Some(3_001),
            () => None,
        }
    }

    /// Logs the account on at the endpoint; the code of the refusal.
    fn open_session(&self, body: &Map<String, Value>) -> Option<u32> {
        let mut state = self.state();
        let field = |name: &str| body.get(name).and_then(Value::as_str);
        if !field("username").is_some_and(|user| user.eq_ignore_ascii_case(Self::USERNAME)) {
            return Some(5_155);
        }
        if state.wrong >= 5 {
            return Some(6_435);
        }
        if field("password") != Some(state.password.as_str()) {
            state.wrong += 1;
            return Some(5_155);
        }
        state.wrong = 0;
        let key = field("prime_secret").filter(|secret| !secret.is_empty());
        if key.is_some_and(|secret| !good_key(secret)) {
            return Some(3_007);
        }
        state.primed += 1;
        None
    }

    fn links(&self, body: &Map<String, Value>, mode: i64) -> Response {
        let token = format!("{:016x}", self.world.dice("tunnel", self.state().primed as u64));
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or("");
        let mut answer = Map::new();
        if matches!(mode, 2 | 3) {
            let command =
                format!("\"TSClient.exe urlSchema \"tuxclient:///?Command=TunnelSessionPrelaunch&Token={token}\"");
            answer.insert("primecmd".to_owned(), command.into());
        }
        if mode <= 2 {
            let client = match body.get("ras_urlschemaredir") {
                Some(Value::Bool(true)) => {
                    format!("https://{}/URLSchemaRedirector?Command=TunnelSession&Token={token}", text("ras_host"))
                }
                _ => format!("tuxclient:///?Command=TunnelSession&Token={token}"),
            };
            answer.insert("parallelsclient".to_owned(), client.into());
            // Without a question mark, as the vendor's sample has it.
            let portal = format!("{}/tunnelsession&token={token}", text("ras_portal_url"));
            answer.insert("userportal".to_owned(), portal.into());
        }
        if mode == 1 && !self.world.quirk(VENDOR, Quirk::OldServer) {
            let millis = self.prime_millis();
            let value = match self.world.quirk(VENDOR, Quirk::OtherSpelling) {
                true => json!(millis.to_string()),
                false => json!(millis),
            };
            answer.insert("sessionprimetime".to_owned(), value);
        }
        Response::full(StatusCode::OK, JSON, Value::Object(answer).to_string())
    }

    /// Milliseconds that priming takes in this quarter of an hour. The answer does not wait for it.
    fn prime_millis(&self) -> u64 {
        let quarter = self.world.now().as_secs() / 900;
        3_500 + self.world.dice("prime", quarter) % 9_000
    }

    /// A row of the error table in the shape of the vendor's samples.
    fn error(&self, code: u32) -> Response {
        let (error, message) = errors::text(code);
        let quoted = json!(message);
        let body = match code {
            // The samples of these two lack the comma: whoever reads them needs more than a JSON parser.
            4 | 104 => format!("{{\n  \"error\": \"{error}\",\n  \"message\": {quoted}\n  \"code\": {code}\n}}\n"),
            100..=103 => {
                let parameter = parameter(code);
                json!({ "error": error, "message": message, "parameter": parameter, "code": code }).to_string()
            }
            _ if self.world.quirk(VENDOR, Quirk::OtherSpelling) => {
                json!({ "error": error, "message": message, "code": code.to_string() }).to_string()
            }
            _ => json!({ "error": error, "message": message, "code": code }).to_string(),
        };
        Response::full(StatusCode::BAD_REQUEST, JSON, body)
    }

    fn tunnel(&self, request: &Request) -> Response {
        let json_sent = request
            .header(CONTENT_TYPE.as_str())
            .and_then(|sent| sent.split(';').next())
            .is_some_and(|sent| sent.trim().eq_ignore_ascii_case(JSON));
        let body = match serde_json::from_slice::<Value>(&request.body) {
            Ok(Value::Object(body)) if json_sent => body,
            Ok(_) if json_sent => return self.error(3),
            _ => return self.error(4),
        };
        match validation::check(&body) {
            Ok(()) => {}
            Err(None) => return self.error(3),
            Err(Some(invalid)) => {
                let bodies: Vec<Value> = invalid.iter().map(|i| i.json(errors::text(i.code).0)).collect();
                // "Can contain multiple errors", without a sample: then they come as an array.
                let answer = match bodies.as_slice() {
                    [one] => one.to_string(),
                    _ => Value::Array(bodies).to_string(),
                };
                return Response::full(StatusCode::BAD_REQUEST, JSON, answer);
            }
        }
        // "Default (1) RAS backend".
        let mode = body.get("prime_session").and_then(Value::as_i64).unwrap_or(1);
        let primes = matches!(mode, 1 | 4);
        let refused = self.world_code(primes).or_else(|| primes.then(|| self.open_session(&body)).flatten());
        match refused {
            Some(code) => self.error(code),
            None => self.links(&body, mode),
        }
    }
}

/// The field that the sample of this error blames; only these four name one.
fn parameter(code: u32) -> String {
    let (_, message) = errors::text(code);
    let named = message.split('\'').nth(1).filter(|_| (100..=103).contains(&code));
    named.unwrap_or_default().to_owned()
}

/// "Base64 of a secret key … 16, 24 or 32 bytes in size".
fn good_key(secret: &str) -> bool {
    STANDARD.decode(secret).is_ok_and(|key| matches!(key.len(), 16 | 24 | 32))
}

impl Service for ParallelsRasSession {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    fn answer(&self, request: Request) -> Response {
        if !request.path.trim_end_matches('/').eq_ignore_ascii_case("/api/directsessiontunnel") {
            return Response::empty(StatusCode::NOT_FOUND);
        }
        if request.method != Method::PUT {
            return Response::empty(StatusCode::METHOD_NOT_ALLOWED).with_header("allow", "PUT");
        }
        let token_is_good = request.header("authorization") == Some(self.state().api_token.as_str());
        if !token_is_good {
            let body = json!({ "error": "unauthorized", "message": "Invalid or missing API token." });
            return Response::full(StatusCode::UNAUTHORIZED, JSON, body.to_string());
        }
        self.tunnel(&request)
    }

    fn truth(&self) -> Vec<Truth> {
        let mut samples = Vec::new();
        for (target, mode, endpoint) in TARGETS {
            let code = self.world_code(mode == "deep");
            let verdict = code.map_or("ok", errors::verdict);
            let mut push = |name, more: &[(&'static str, &str)], value| {
                let mut labels = vec![("pool", "session"), ("agent", endpoint)];
                labels.extend_from_slice(more);
                samples.push(Truth::new(name, VENDOR, target, &labels, value));
            };
            let success = f64::from(u8::from(code.is_none()));
            push("parallels_ras_session_probe_success", &[("mode", mode)], success);
            if let Some(code) = code {
                // The page's misprint is told as the code that it stands for.
                let shown = if code == 64_435 { 6_435 } else { code }.to_string();
                let parameter = parameter(code);
                let labels = [
                    ("mode", mode),
                    ("verdict", verdict),
                    ("category", errors::category(code)),
                    ("code", shown.as_str()),
                    ("parameter", parameter.as_str()),
                ];
                push("parallels_ras_session_probe_error", &labels, 1.0);
            } else if mode == "deep" && !self.world.quirk(VENDOR, Quirk::OldServer) {
                let seconds = self.prime_millis() as f64 / 1_000.0;
                push("parallels_ras_session_prime_seconds", &[("mode", mode)], seconds);
            }
            push("rollcall_agent_health", &[("health", errors::health(verdict))], 1.0);
        }
        samples
    }

    fn targets(&self, base: &str) -> String {
        let (token, password) = {
            let state = self.state();
            (json!(state.api_token), json!(state.password))
        };
        let entry = |(name, mode, endpoint): (&str, &str, &str)| {
            // A deep probe leaves a real session behind, so the settings allow it every quarter of an hour at most.
            let interval = if mode == "deep" { "15m" } else { "10s" };
            format!(
                "  - name: {name}\n    vendor: {VENDOR}\n    url: {base}\n    interval: {interval}\n    mode: {mode}\n    \
                 auth: {{ api_token: {token} }}\n    session:\n      ras_host: gw-1-00001.farm.example\n      \
                 ras_port: 443\n      endpoint_host: {endpoint}\n      endpoint_port: 3389\n      \
                 portal_url: https://portal.farm.example\n      username: {}\n      password: {password}\n      \
                 prime_timeout: 60s\n",
                Self::USERNAME,
            )
        };
        TARGETS.map(entry).concat()
    }

    /// There is no list, and the only name is the one that was asked for.
    fn shows(&self, quirk: Quirk) -> bool {
        matches!(quirk, Quirk::UnknownState | Quirk::OldServer | Quirk::OtherSpelling)
    }

    fn carries_secret(&self, request: &Request) -> bool {
        let body = serde_json::from_slice::<Value>(&request.body);
        request.method == Method::PUT && body.is_ok_and(|body| body.get("password").is_some())
    }

    fn set_secret(&self, secret: &str) {
        self.state().password = secret.to_owned();
    }
}

#[cfg(test)]
mod tests;
