//! The session with the REST API: log-on, requests with its token, one new log-on per poll on a 401, log-off.
//!
//! A session ends after some idle minutes, and a missing right answers 401 as well: only a new log-on tells the two
//! apart. Each log-on leaves an administrator session on the server, so the token is kept between polls.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use reqwest::{Method, StatusCode, Url};
use tokio::time::Instant;

use super::wire::LogonAnswer;
use crate::{
    api::{
        Context,
        lenient::{self, Field},
        logon::{LogonVerdict, Logons},
    },
    clock::UnixTime,
    config::{Target, secret::SecretText, target::Login},
    failure::{Failure, Reason},
    http::{self, Answer, Budget, Call, Client},
};

/// The vendor's samples send it on every request, `GET` included.
const CONTENT_TYPE: &str = "application/json; api-version=1.0";

/// The server serves 50 requests in 10 s to everybody together, its own web console included; a fifth is ours.
const REQUESTS: usize = 10;
/// The window of that.
pub const WINDOW: Duration = Duration::from_secs(10);

/// An endpoint that this account may not read is left alone for so long.
const FORBIDDEN_FOR: Duration = Duration::from_secs(3600);

/// A log-off is a courtesy; nothing waits longer for it.
const LOGOFF_TIME: Duration = Duration::from_secs(3);

/// The session of one target.
pub struct Session {
    target: Arc<Target>,
    auth: Login,
    http: Client,
    logons: Arc<Logons>,
    budget: Arc<Budget>,
    open: Option<OpenSession>,
    /// Whether this poll has logged on already; it does so once at the most.
    logged_on: bool,
    /// Endpoints that refused this account, and until when they are left alone.
    forbidden: HashMap<String, UnixTime>,
}

/// A session that is open, as far as we know.
struct OpenSession {
    token: SecretText,
    /// The password that made it: another one asks for another session.
    password: SecretText,
}

impl Session {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, auth: Login, http: Client, logons: Arc<Logons>) -> Session {
        let budget = Budget::for_server(&target.url, REQUESTS, WINDOW);
        let forbidden = HashMap::new();
        Session { target, auth, http, logons, budget, open: None, logged_on: false, forbidden }
    }

    /// Begins a poll: logs on where there is no session. One that is open is used on, also while log-ons are held.
    pub async fn begin(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        self.logged_on = false;
        let password = self.auth.password.read()?;
        if self.open.as_ref().is_some_and(|open| open.password != password) {
            self.log_off(cx.deadline).await;
            self.forbidden.clear();
        }
        match self.open {
            Some(_) => Ok(()),
            None => self.log_on(cx, cx.deadline).await,
        }
    }

    /// What was refused is not left alone any longer.
    pub fn release(&mut self) {
        self.forbidden.clear();
    }

    /// Places for requests to this server that need no waiting now.
    pub fn free(&self) -> usize {
        self.budget.free()
    }

    /// Reads an endpoint, `path` from `/api/` on with its query; the body is read with [`Answer::take_json`]. A 401 is answered with one new log-on per poll; an
    /// endpoint that still says 401, or says 403, is `forbidden` and left alone for an hour.
    pub async fn get(
        &mut self,
        cx: &Context<'_>,
        operation: &'static str,
        path: &str,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        if let Some(until) = self.forbidden.get(path).filter(|until| cx.now < **until) {
            let message = format!("GET {path}: the account may not read it; left alone until {until}");
            return Err(Failure::new(Reason::Forbidden, message));
        }
        loop {
            let call = self.http.get(operation, self.url(path)).header("content-type", CONTENT_TYPE);
            let answer = self.with_token(call)?.send_packed(deadline).await?;
            match answer.status {
                StatusCode::UNAUTHORIZED if !self.logged_on => {
                    self.open = None;
                    self.log_on(cx, deadline).await?;
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    self.forbidden.insert(path.to_owned(), cx.now.plus(FORBIDDEN_FOR));
                    let status = answer.status.as_u16();
                    let message = format!("GET {path}: {status}: the account may not read it");
                    return Err(Failure::new(Reason::Forbidden, message));
                }
                _ => {
                    self.forbidden.remove(path);
                    return answer.success();
                }
            }
        }
    }

    /// Ends the session on the server, where there is one. Whether that worked does not matter: it expires by itself.
    pub async fn log_off(&mut self, deadline: Instant) {
        if self.open.is_none() {
            return;
        }
        let deadline = deadline.min(Instant::now() + LOGOFF_TIME);
        let call = self.http.request("logoff", Method::POST, self.url("/api/Session/logoff")).body(CONTENT_TYPE, "");
        if let Ok(call) = self.with_token(call) {
            let _ = call.send(deadline).await;
        }
        self.open = None;
    }

    /// Logs on; the secret is read again, as its file may have changed since.
    async fn log_on(&mut self, cx: &Context<'_>, deadline: Instant) -> Result<(), Failure> {
        let password = self.auth.password.read()?;
        let permit = self.logons.acquire(&self.target, &self.auth.username, &password, cx.now, deadline).await?;
        self.logged_on = true;
        let body = serde_json::json!({ "username": self.auth.username, "password": password.expose() }).to_string();
        let call = self.http.request("logon", Method::POST, self.url("/api/Session/logon"));
        let call = call.budget(&self.budget).secret_body(CONTENT_TYPE, body);
        let exchange = |sent| async move {
            match call.credentials(&sent).send(deadline).await.and_then(read_logon) {
                Ok(LogonOutcome::Accepted(token)) => (LogonVerdict::Accepted, Ok(token)),
                Ok(LogonOutcome::Refused(message)) => {
                    (LogonVerdict::Refused(message.clone()), Err(Failure::new(Reason::Auth, message)))
                }
                Err(failure) => (LogonVerdict::Unproven(failure.clone()), Err(failure)),
            }
        };
        let (result, refused) = permit.run_exchange(deadline, exchange).await?;
        let token = refused.map_or(result, Err)?;
        self.open = Some(OpenSession { token, password });
        Ok(())
    }

    fn with_token(&self, call: Call) -> Result<Call, Failure> {
        let open = self.open.as_ref().ok_or_else(|| Failure::new(Reason::Internal, "no session is open"))?;
        Ok(call.budget(&self.budget).secret_header("auth_token", &open.token))
    }

    fn url(&self, path: &str) -> Url {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = http::below(&self.target.url, path.trim_start_matches('/').split('/'));
        url.set_query(query);
        url
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("open", &self.open.is_some()).finish_non_exhaustive()
    }
}

/// How a log-on was answered.
pub(super) enum LogonOutcome {
    Accepted(SecretText),
    /// With what may be said about it.
    Refused(String),
}

/// Reads the answer to a log-on. An answer that says nothing of the credentials is a failure.
pub(super) fn read_logon(answer: Answer) -> Result<LogonOutcome, Failure> {
    let refused = match answer.status.as_u16() {
        401 => true,
        // Logic errors are 400 with `{"code":0,"msg":"..."}`; a missing right is nowhere documented as 403.
        400 | 403 => blames_credentials(&answer.body),
        _ => false,
    };
    if refused {
        return Ok(LogonOutcome::Refused(format!(
            "{}: {}: the credentials were refused",
            answer.what,
            answer.status.as_u16()
        )));
    }
    let answer = answer.success()?;
    let text = lenient::text(answer.json_object()?);
    match lenient::object(&text) {
        Ok(LogonAnswer { auth_token: Field::Value(token) }) if !token.is_empty() => {
            Ok(LogonOutcome::Accepted(SecretText::new(token)))
        }
        _ => Err(Failure::new(Reason::Decode, format!("{}: no authToken in the answer", answer.what))),
    }
}

/// Whether an error text speaks of the credentials. Wrong in doubt on the side of "refused" costs minutes without data;
/// wrong on the other side costs the account.
fn blames_credentials(body: &[u8]) -> bool {
    const WORDS: [&str; 8] =
        ["credential", "password", "username", "user name", "logon", "login", "account", "unauthori"];
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
impl Session {
    /// As if the window of the budget were over.
    pub fn refill_for_test(&mut self) {
        self.budget = Arc::new(Budget::new(REQUESTS, WINDOW));
    }

    /// The server does not know the token any more.
    pub fn expire_for_test(&mut self) {
        self.open.as_mut().expect("a session is open").token = SecretText::new("expired");
    }

    /// Both are targets of one daemon.
    pub fn share_logons_for_test(&mut self, other: &Session) {
        self.logons = Arc::clone(&other.logons);
    }

    /// Another target of the account is refused.
    pub async fn refuse_for_test(&self, now: UnixTime) {
        let (password, target) = (
            self.auth.password.read().expect("it is inline"),
            Target { name: "other".to_owned(), ..(*self.target).clone() },
        );
        let _ = self.logons.refuse(&target, &self.auth.username, &password, now, "401").await;
    }

    /// The content of the password file changes.
    pub fn set_password_for_test(&mut self, password: &str) {
        self.auth.password = crate::config::secret::Secret::Inline(SecretText::new(password));
    }
}
