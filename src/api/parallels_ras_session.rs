//! Parallels RAS Connection Broker API: can a session be had? By `PUT /api/directsessiontunnel`.
//!
//! Needs RAS 21.1. It listens on a port of the administrator's choice (console: Connection Broker, tab API), with a token
//! of its own: this is not the REST API of [`super::parallels_ras`].
//!
//! **Credentials**: the API token, bare in `Authorization`, and user name and password of an ordinary account that may log
//! on to the endpoint, sent in the body. **Light** mode proves listener, TLS, token and request; nothing is primed, so
//! the endpoint is probably not touched. **Deep** mode opens a real session, which nothing in the API can end: the account
//! needs a session limit.
//!
//! The result of a probe is the datum: every answer of the broker is data, and so is none. A refused account or API token
//! is a failed poll all the same.
//!
//! **Source**: the vendor's "Connecting to Parallels RAS using the Connection Broker API", February 2026.

pub mod codes;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod note;
mod probe;
mod reply;
mod request;
pub mod verdict;

use std::{sync::Arc, time::Duration};

use reqwest::{Method, Url};
use tokio::time::Instant;

use self::{
    note::{LastTry, NOTE, NotedProbe},
    probe::Probe,
    reply::Reply,
    verdict::Verdict,
};
use super::{
    Api, BoxFuture, Context, Observation, Warning,
    logon::{ExchangeFailure, LogonVerdict, Logons},
};
use crate::{
    clock::UnixTime,
    config::{
        Target,
        secret::Secret,
        target::{self, ProbeMode},
    },
    failure::{Failure, Reason},
    http::{self, Answer, Client},
    scale::scaled,
};

/// The broker answers a priming that took too long by itself; so much longer we wait for that.
const AFTER_PRIMING: Duration = Duration::from_secs(10);

/// A real session is opened no more often than this, however often the daemon starts.
const SESSION_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Kept of the poll's time, so that a broker that does not answer is told before the poll is given up.
const REPORT_MARGIN: Duration = Duration::from_millis(500);

/// Nothing is read beside the probe.
pub const EXTRAS: &[(&str, &str)] = &[];

/// The API of one target.
#[derive(Debug)]
pub struct ParallelsRasSession {
    target: Arc<Target>,
    settings: target::ParallelsRasSession,
    http: Client,
    logons: Arc<Logons>,
    /// The last probe, which stays while the account is held.
    last: Option<Probe>,
    /// What the last try of this target brought.
    last_try: LastTry,
    /// Whether the probe of an earlier run, or from before a change of the settings, was taken up.
    recalled: bool,
    /// Whether this run, under these settings, has polled before: from then on the schedule keeps the polls apart.
    polled: bool,
}

impl ParallelsRasSession {
    /// Nothing is sent before the first poll.
    pub fn new(
        target: Arc<Target>,
        settings: target::ParallelsRasSession,
        http: Client,
        logons: Arc<Logons>,
    ) -> ParallelsRasSession {
        ParallelsRasSession {
            target,
            settings,
            http,
            logons,
            last: None,
            last_try: LastTry::default(),
            recalled: false,
            polled: false,
        }
    }

    async fn poll(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        self.recall(cx);
        let session = &self.settings.session;
        let password = session.password.read()?;
        let token = self.settings.api_token.read()?;
        let prime_secret = session.prime_secret.as_ref().map(Secret::read).transpose()?;
        let (turn, deadline) = self.deadlines(cx);
        let (logons, username) = (&self.logons, &*session.username);
        let is_first = !std::mem::replace(&mut self.polled, true);
        // A deep probe is a log-on: those of one account never run side by side. A light one logs nobody on, and must not
        // wait for the broker of another target. Neither sends a password that was refused.
        let permit = match self.settings.mode {
            ProbeMode::Light => logons.acquire_aside(&self.target, username, &password, cx.now, turn).await,
            ProbeMode::Deep => {
                let endpoint = format!("{} at {}", self.target.name, session.endpoint_host);
                let last = logons.last_session(&self.target, (username, &password), cx.now, &endpoint);
                let next = last.map(|at| at.plus(scaled(SESSION_INTERVAL))).filter(|next| is_first && cx.now < *next);
                if let Some(next) = next {
                    return self.not_due(next);
                }
                logons.acquire_for(&self.target, (username, &password), cx.now, turn, Some(endpoint)).await
            }
        };
        let permit = match permit {
            Ok(permit) => permit,
            Err(denied) => return self.unchanged(cx, denied),
        };
        let body = request::body(self.settings.mode, session, &password, prime_secret.as_ref());
        let started = Instant::now();
        let deadline = match self.settings.mode {
            ProbeMode::Light => deadline,
            ProbeMode::Deep => deadline.min(started + request::prime_timeout(session) + AFTER_PRIMING),
        };
        let call = self.http.request("probe", Method::PUT, self.url()).secret_header("authorization", &token);
        let call = call.secret_body("application/json", body);
        let exchange = |sent| async move {
            let judged = read_answer(call.credentials(&sent).send(deadline).await);
            (verdict_of(&judged), judged)
        };
        let (judged, of_logon) = match permit.run_exchange(deadline, exchange).await {
            Ok(settled) => settled,
            Err(ExchangeFailure::Denied(denied)) => return self.unchanged(cx, denied),
            // The broker may still answer, but not for this probe.
            Err(ExchangeFailure::Failed(failure)) => (read_answer(Err(failure)), None),
        };
        let duration = started.elapsed();
        self.last_try = match (verdict_of(&judged), &judged) {
            (LogonVerdict::Unproven(_), Ok((_, failure))) => LastTry::Unproven { failed: failure.is_some() },
            _ => LastTry::Nothing,
        };
        let (reply, failure) = match judged {
            Ok(judged) => judged,
            Err(failure) => {
                self.note_last_try(cx);
                return Err(failure);
            }
        };
        if let Some(code) = reply.code().filter(|code| codes::by_code(code.api).is_none()) {
            cx.warnings.add(Warning::UnknownState, || format!("code {}", code.api));
        }
        let probe = Probe::new(reply, duration, self.last.as_ref());
        let failure = match probe.verdict {
            Verdict::Account => of_logon,
            // It cannot lock an account: it is not held, but repeats are not worth the usual pace either.
            Verdict::Token => {
                Some(Failure::new(Reason::Auth, format!("the broker refused the API token: {}", probe.state())))
            }
            // With what the broker said, and when the next probe is.
            _ => failure.map(|failure| of_logon.unwrap_or(failure)),
        };
        let part = probe.part(&self.target, &self.settings);
        self.tell(&probe, failure.is_some());
        self.remember(cx, &probe);
        self.last = Some(probe);
        Ok(Observation { failure, ..Observation::single(part) })
    }

    /// Says once in the log what the broker objects to. A failed poll says so itself.
    fn tell(&self, probe: &Probe, is_told: bool) {
        let is_new =
            self.last.as_ref().is_none_or(|last| (last.verdict, &last.errors) != (probe.verdict, &probe.errors));
        let state = probe.state();
        match probe.verdict {
            Verdict::Ok => {}
            _ if is_new && !is_told => {
                tracing::warn!(target = %self.target.name, %state, "The session probe has failed.")
            }
            _ => tracing::debug!(target = %self.target.name, %state, "The session probe has failed."),
        }
    }

    /// While the account is held nothing is sent; the last verdict stays and does not go stale. While it waits, a verdict stays
    /// that is the reason for it; another one is as old as it is.
    fn unchanged(&self, cx: &Context<'_>, denied: Failure) -> Result<Observation, Failure> {
        let failed = match (denied.reason, self.last_try) {
            (Reason::Held, _) => true,
            (_, LastTry::Unproven { failed }) => failed,
            (_, LastTry::Nothing) => return Err(denied),
        };
        match &self.last {
            Some(probe) => {
                self.remember(cx, probe);
                Ok(self.repeat(probe, failed.then_some(denied)))
            }
            None => Err(denied),
        }
    }

    /// A session was opened a short while ago, before a restart or a change of the settings: its verdict is told again.
    fn not_due(&self, next: UnixTime) -> Result<Observation, Failure> {
        let failure =
            |reason, why| Failure::new(reason, format!("{why}; the next session is not opened before {next}"));
        let Some(probe) = &self.last else {
            return Err(failure(Reason::Timeout, "a session was asked for, and nothing is known of the answer"));
        };
        let failure = match probe.verdict {
            Verdict::Unreachable => Some(failure(Reason::Timeout, "the last probe got no answer")),
            Verdict::Token | Verdict::Account => Some(failure(Reason::Auth, "the last probe was refused")),
            _ => None,
        };
        Ok(self.repeat(probe, failure))
    }

    fn repeat(&self, probe: &Probe, failure: Option<Failure>) -> Observation {
        let part = probe.part(&self.target, &self.settings);
        Observation { failure, repeated: true, ..Observation::single(part) }
    }

    /// Takes up the last probe where it was of the same thing, and none was missed since: within `stale_after` one is due
    /// in any case, and after a longer pause failures in a row begin anew.
    fn recall(&mut self, cx: &Context<'_>) {
        if std::mem::replace(&mut self.recalled, true) {
            return;
        }
        let noted: Option<NotedProbe> = cx.memory.noted(NOTE);
        let noted = noted.filter(|noted| cx.now.since(noted.at) <= self.target.stale_after);
        self.last_try = noted.as_ref().map(|noted| noted.last_try).unwrap_or_default();
        self.last = noted.and_then(|noted| noted.of(&self.settings));
    }

    /// The probe before is as old as it is; a restart must not take its verdict for that of the last try.
    fn note_last_try(&self, cx: &Context<'_>) {
        if let Some(mut noted) = cx.memory.noted::<NotedProbe>(NOTE) {
            noted.last_try = self.last_try;
            cx.memory.note(NOTE, &noted);
        }
    }

    fn remember(&self, cx: &Context<'_>, probe: &Probe) {
        cx.memory.note(NOTE, &NotedProbe::new(probe, &self.settings, cx.now, self.last_try));
    }

    /// Until when another log-on of the account is waited for, and until when the answer.
    fn deadlines(&self, cx: &Context<'_>) -> (Instant, Instant) {
        let now = Instant::now();
        let left = cx.deadline.saturating_duration_since(now);
        (now + left / 2, now + left.saturating_sub(REPORT_MARGIN.min(left / 10)))
    }

    fn url(&self) -> Url {
        http::below(&self.target.url, ["api", "directsessiontunnel"])
    }
}

impl Api for ParallelsRasSession {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.poll(cx))
    }
}

type ProbeAnswer = Result<(Reply, Option<Failure>), Failure>;

/// What an answer says of the account's password. One with a known code is of the broker, and says what the matter is.
fn verdict_of(judged: &ProbeAnswer) -> LogonVerdict {
    let (reply, failure) = match judged {
        Ok(judged) => judged,
        Err(failure) => return LogonVerdict::Unproven(failure.clone()),
    };
    match reply.verdict {
        Verdict::Account => {
            let state = Probe::new(reply.clone(), Duration::ZERO, None).state();
            LogonVerdict::Refused(format!("the broker refused the account of the session: {state}"))
        }
        Verdict::Ok => LogonVerdict::Accepted,
        Verdict::Unknown | Verdict::Unreachable => LogonVerdict::Unproven(failure.clone().unwrap_or_else(|| {
            let state = Probe::new(reply.clone(), Duration::ZERO, None).state();
            Failure::new(Reason::HttpStatus, format!("the broker answered with nothing that is known: {state}"))
        })),
        Verdict::Endpoint
        | Verdict::License
        | Verdict::Broker
        | Verdict::App
        | Verdict::Priming
        | Verdict::Request
        | Verdict::Token
        | Verdict::Certificate
        | Verdict::Policy => LogonVerdict::Elsewhere,
    }
}

/// Whether this says that the broker gave no answer; `decode` from the transport is one that broke off.
fn is_no_answer(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::Dns | Reason::Connect | Reason::Tls | Reason::Timeout | Reason::Decode)
}

/// What came of the request, and why the poll counts as failed if it does. `Err`: it is not the broker that failed.
fn read_answer(result: Result<Answer, Failure>) -> ProbeAnswer {
    let unreachable = Reply { verdict: Verdict::Unreachable, errors: Vec::new(), prime_seconds: None, readable: false };
    let answer = match result {
        Ok(answer) => answer,
        Err(failure) => {
            return if is_no_answer(&failure) { Ok((unreachable, Some(failure))) } else { Err(failure) };
        }
    };
    let status = answer.status.as_u16();
    if !matches!(status, 200 | 400 | 401 | 405) {
        // No broker answers so: it is a proxy in front, or a server that is down.
        let failure = Failure { reason: Reason::HttpStatus, ..answer.failure() };
        return Ok((unreachable, Some(failure)));
    }
    // A page for people may hold anything that looks like a code.
    let reply = reply::read(status, if answer.is_html() { b"" } else { &answer.body });
    let failure = (status == 200 && !reply.readable).then(|| match answer.json() {
        Err(failure) => failure,
        Ok(body) if body.len() > reply::MAX_BODY => {
            Failure::new(Reason::TooLarge, format!("{}: more than {} bytes", answer.what, reply::MAX_BODY))
        }
        Ok(_) => Failure::new(Reason::Decode, format!("{}: the answer cannot be read", answer.what)),
    });
    Ok((reply, failure))
}

#[cfg(test)]
mod tests;
