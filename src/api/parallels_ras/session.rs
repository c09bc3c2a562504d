//! The session with the REST API: log-on, requests with its token, one new log-on per poll on a 401, log-off.
//!
//! A session ends after some idle minutes, and a missing right answers 401 as well: only a new log-on tells the two
//! apart. Each log-on leaves an administrator session on the server, so the token is kept between polls, and where new ones
//! bring nothing they are asked for ever more rarely ([`Renewals`]). A refusal never keeps the next poll from asking again: which
//! extras are left alone is their business.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Method, StatusCode, Url};
use tokio::time::Instant;

use super::wire::LogonAnswer;
use crate::{
    api::{
        Context, lenient,
        logon::{LogonVerdict, Logons},
        renewals::Renewals,
        words,
    },
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

/// Where a refusal says why: logic errors in `msg`, those of ASP.NET in the others.
const WORDS: [&str; 5] = ["msg", "detail", "message", "error", "title"];

/// After so many polls in a row that failed in whatever way, a session that worked before is doubted.
const DOUBTED_AFTER: u32 = 3;

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
    renewals: Renewals,
    /// Whether the main list came in this poll.
    is_read: bool,
    /// Polls in a row in which the main list could not be read, with a server that answers.
    failed: u32,
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
        let renewals = Renewals::default();
        Session {
            target,
            auth,
            http,
            logons,
            budget,
            open: None,
            logged_on: false,
            renewals,
            is_read: false,
            failed: 0,
        }
    }

    /// Begins a poll: logs on where there is no session. One that is open is used on, also while log-ons are held.
    pub async fn begin(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        self.logged_on = false;
        self.is_read = false;
        let password = self.auth.password.read()?;
        if self.open.as_ref().is_some_and(|open| open.password != password) {
            self.log_off(cx.deadline).await;
            self.renewals = Renewals::default();
        }
        if self.open.is_none() {
            return self.log_on(cx, cx.deadline).await;
        }
        if self.failed >= DOUBTED_AFTER && self.renewals.may_doubt(cx.now) {
            self.replace(cx, cx.deadline).await?;
        }
        Ok(())
    }

    /// Places for requests to this server that need no waiting now.
    pub fn free(&self) -> usize {
        self.budget.free()
    }

    /// Reads an endpoint, `path` from `/api/` on with its query; the body is read with [`Answer::take_json`]. A 401 is answered
    /// with one new log-on per poll; what still says 401, or says 403, is `forbidden`.
    pub async fn get(
        &mut self,
        cx: &Context<'_>,
        operation: &'static str,
        path: &str,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        loop {
            let answer = self.send(operation, path, deadline).await?;
            if answer.status.is_success() {
                return Ok(answer);
            }
            if answer.status != StatusCode::UNAUTHORIZED || self.logged_on || !self.renewals.may(cx.now) {
                return Err(refusal(&answer));
            }
            self.renew(cx, deadline).await?;
        }
    }

    /// The same for what the target is about. A session that worked before may also be lost where something else than a 401
    /// comes: it is replaced once.
    pub async fn get_main(&mut self, cx: &Context<'_>, operation: &'static str, path: &str) -> Result<Answer, Failure> {
        let answer = loop {
            let answer = self.send(operation, path, cx.deadline).await?;
            let may = !self.logged_on && self.renewals.may(cx.now);
            match answer.status.as_u16() {
                401 if may => self.renew(cx, cx.deadline).await?,
                // 440 and 498 are those of IIS and of proxies for a session that has ended.
                400 | 403 | 404 | 440 | 498 if may && self.renewals.may_doubt(cx.now) => {
                    if !self.replace(cx, cx.deadline).await? {
                        break answer;
                    }
                }
                _ => break answer,
            }
        };
        if answer.status.is_success() {
            return Ok(answer);
        }
        let failure = refusal(&answer);
        // A server that has no time says nothing of the session.
        if !matches!(answer.status.as_u16(), 429 | 502..=504) {
            self.failed = self.failed.saturating_add(1);
        }
        Err(failure)
    }

    /// Whether the main list that came could be read, too.
    pub fn note_read(&mut self, could_be: bool) {
        self.is_read = could_be;
        if could_be {
            self.renewals.worked();
            self.failed = 0;
        } else {
            self.failed = self.failed.saturating_add(1);
        }
    }

    async fn send(&self, operation: &'static str, path: &str, deadline: Instant) -> Result<Answer, Failure> {
        let call = self.http.get(operation, self.url(path)).header("content-type", CONTENT_TYPE);
        self.with_token(call)?.send_packed(deadline).await
    }

    /// Another session instead of one that the server does not know.
    async fn renew(&mut self, cx: &Context<'_>, deadline: Instant) -> Result<(), Failure> {
        let before = self.open.take();
        // One that was refused from its beginning, or by an extra alone, is there all the same.
        let is_there = self.renewals.is_fruitless() || self.is_read;
        let result = self.log_on(cx, deadline).await;
        match &result {
            Ok(()) if is_there => self.end(before, deadline).await,
            Err(_) if self.is_read => self.open = before,
            _ => {}
        }
        result
    }

    /// Another session instead of one that is doubted; says whether there is one. Where not that one is used on, and only a
    /// refusal ends the poll.
    async fn replace(&mut self, cx: &Context<'_>, deadline: Instant) -> Result<bool, Failure> {
        self.renewals.doubted(cx.now);
        let doubted = self.open.take();
        let Err(failure) = self.log_on(cx, deadline).await else {
            self.end(doubted, deadline).await;
            return Ok(true);
        };
        self.open = doubted;
        self.failed = 0;
        tracing::debug!(target = %self.target.name, error = %failure, "A session is doubted, and there is no other.");
        if failure.reason == Reason::Auth { Err(failure) } else { Ok(false) }
    }

    /// Ends the session on the server, where there is one. Whether that worked does not matter: it expires by itself.
    pub async fn log_off(&mut self, deadline: Instant) {
        let open = self.open.take();
        self.end(open, deadline).await;
    }

    async fn end(&self, session: Option<OpenSession>, deadline: Instant) {
        let Some(session) = session else { return };
        let deadline = deadline.min(Instant::now() + LOGOFF_TIME);
        let call = self.http.request("logoff", Method::POST, self.url("/api/Session/logoff")).body(CONTENT_TYPE, "");
        let _ = call.budget(&self.budget).secret_header("auth_token", &session.token).send(deadline).await;
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
        self.renewals.renewed(cx.now);
        self.failed = 0;
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

/// The failure that a refusal of a request with a token means, with the server's words.
fn refusal(answer: &Answer) -> Failure {
    let mut failure = answer.failure();
    if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        && failure.reason != Reason::RateLimited
    {
        failure.reason = Reason::Forbidden;
        failure.message = format!("{}: {}: the account may not read it", answer.what, answer.status.as_u16());
    }
    words::add(&mut failure.message, words::in_fields(&answer.body, &WORDS));
    failure
}

/// Reads the answer to a log-on. An answer that says nothing of the credentials is a failure.
pub(super) fn read_logon(answer: Answer) -> Result<LogonOutcome, Failure> {
    let refused = match answer.status.as_u16() {
        // A page for people is that of a proxy, which knows nothing of the account.
        401 => !answer.is_html(),
        // Logic errors are 400 with `{"code":0,"msg":"..."}`; a missing right is nowhere documented as 403.
        400 | 403 => !answer.is_html() && blames_credentials(&answer.body),
        _ => false,
    };
    if refused {
        let mut message = format!("{}: {}: the credentials were refused", answer.what, answer.status.as_u16());
        words::add(&mut message, words::in_fields(&answer.body, &WORDS));
        return Ok(LogonOutcome::Refused(message));
    }
    let answer = answer.success()?;
    let text = lenient::text(answer.json_object()?);
    match lenient::object::<LogonAnswer>(&text) {
        Ok(LogonAnswer { token: Some(token) }) if token.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(LogonOutcome::Accepted(token))
        }
        Ok(LogonAnswer { token: Some(_) }) => {
            let message = format!("{}: an authToken that no header can carry", answer.what);
            Err(Failure::new(Reason::Decode, message))
        }
        _ => Err(Failure::new(Reason::Decode, format!("{}: no authToken in the answer", answer.what))),
    }
}

/// Whether an error text says that the credentials are no good, or that the account is locked. In doubt it does not: then the
/// log-on has proved nothing, and what that costs is bounded, too.
fn blames_credentials(body: &[u8]) -> bool {
    const WHAT: [&str; 6] = ["credential", "password", "username", "user name", "account", "logon"];
    const HOW: [&str; 14] = [
        "invalid",
        "incorrect",
        "wrong",
        "bad ",
        "not valid",
        "not match",
        "mismatch",
        "expired",
        "locked",
        "disabled",
        "denied",
        "refused",
        "unknown",
        "failed",
    ];
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // "Logon failed" alone may have any reason.
    (has(&WHAT[..5]) && has(&HOW)) || (has(&WHAT) && has(&HOW[..6])) || text.contains("unauthori")
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
    pub async fn refuse_for_test(&self, now: crate::clock::UnixTime) {
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
