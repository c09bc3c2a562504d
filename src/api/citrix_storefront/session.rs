//! CitrixAuth: sends requests with the tokens that they need, and gets those tokens.
//!
//! A service answers 401 with a challenge; the token service named there makes a token for it, but is protected itself,
//! by a second challenge that ends at a choice of protocols and a log-on. The primary token of that log-on is kept for
//! hours and buys service tokens without credentials. A 401 may come at any time: each token is replaced once per poll.
//! <https://github.com/citrix/storefront-authentication-sdk>, `docs/security-token-services-api.md`

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use reqwest::{StatusCode, Url};
use tokio::time::Instant;

use super::{
    allowed_hosts::AllowedHosts,
    challenge::{Challenge, ChallengeKind, schemes},
    form::Refusal,
    logon::{Logon, choose},
    reply::{ACCEPT_TOKEN, Choice, IssuedToken, REQUEST_TOKEN, Reply, request_token},
    request::{ApiRequest, failure},
    tokens::{Scope, Tokens},
};
use crate::{
    api::{
        BoxFuture,
        logon::{LogonVerdict, Logons},
        renewals::Renewals,
    },
    clock::UnixTime,
    config::{Target, secret::SecretText, target::CitrixStorefront},
    failure::{Failure, Reason},
    http::{Answer, Client},
};

/// A request is sent at most so often: bare, with a token, with the token of another service, with a new token.
const ATTEMPTS: usize = 4;
/// Store, token service, protocols: a chain of challenges that is longer leads nowhere.
const DEPTH: usize = 3;
/// Challenges of more URLs are not kept; a target asks for a handful of them.
const MAX_KNOWN_CHALLENGES: usize = 64;

/// The session of a target.
#[derive(Debug)]
pub struct Session {
    target: Arc<Target>,
    settings: CitrixStorefront,
    http: Client,
    logons: Arc<Logons>,
    allowed_hosts: AllowedHosts,
    tokens: Tokens,
    /// The last challenge of each URL: the next request is sent with its token at once.
    known: HashMap<String, KnownChallenge>,
    /// Services whose token was replaced in this poll.
    replaced: HashSet<String>,
    /// Whether this poll has logged on already; it does so once at the most, whatever the server lists.
    logged_on: bool,
    renewals: Renewals,
    /// The password that the tokens come from.
    password: Option<SecretText>,
    password_expiry: Option<UnixTime>,
}

#[derive(Debug, Clone)]
struct KnownChallenge {
    challenge: Challenge,
    /// The token is asked for with the hint instead of the URL: public clients do so, the scheme's document forbids it.
    by_root: bool,
}

/// A token and what it is for.
#[derive(Debug, Clone)]
pub struct ScopedToken {
    scope: Scope,
    /// The token.
    pub token: SecretText,
}

/// When a poll began and when it is given up.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext {
    /// Wall time at the start of the poll.
    pub now: UnixTime,
    /// The poll is given up then.
    pub deadline: Instant,
}

impl Session {
    /// Nothing is sent.
    pub fn new(target: Arc<Target>, settings: CitrixStorefront, http: Client, logons: Arc<Logons>) -> Session {
        let allowed_hosts = AllowedHosts::new(&target.url, &settings.allowed_hosts);
        Session {
            target,
            settings,
            http,
            logons,
            allowed_hosts,
            tokens: Tokens::default(),
            known: HashMap::new(),
            replaced: HashSet::new(),
            logged_on: false,
            renewals: Renewals::default(),
            password: None,
            password_expiry: None,
        }
    }

    /// Begins a poll: reads the password. Another one drops all tokens; those there are are used on while log-ons are held. Fails
    /// where there are none, and none may be got.
    pub async fn begin(&mut self, now: UnixTime) -> Result<(), Failure> {
        self.tokens.drop_ended(now);
        let password = self.settings.auth.login.password.read()?;
        if self.password.as_ref() != Some(&password) {
            self.tokens.clear();
            self.password_expiry = None;
            self.renewals = Renewals::default();
        }
        self.replaced.clear();
        self.logged_on = false;
        let username = &self.settings.auth.login.username;
        let denied = match self.tokens.is_empty() {
            true => self.logons.denied(&self.target, username, &password, now).await,
            false => None,
        };
        self.password = Some(password);
        denied.map_or(Ok(()), Err)
    }

    /// When the password ends, where the last log-on said.
    pub fn password_expiry(&self) -> Option<UnixTime> {
        self.password_expiry
    }

    /// The client, for requests side by side.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// A URL that a server told us, if it may be sent tokens.
    pub fn resolve(&self, base: &Url, text: &str) -> Result<Url, Failure> {
        self.allowed_hosts.resolve(base, text)
    }

    /// Sends a request with the token that it needs. Any answer but a 401 comes back as it is.
    pub async fn send(&mut self, at: RequestContext, request: &ApiRequest) -> Result<Answer, Failure> {
        self.send_at(at, request, 0).await
    }

    /// The token that is at hand for this URL, for requests side by side. Sends nothing.
    pub fn cached_token(&self, url: &Url, now: UnixTime) -> Option<ScopedToken> {
        let known = self.known.get(url.as_str())?;
        let scope = Scope::new(&known.challenge.realm, url);
        let token = self.tokens.get(&scope, now)?;
        Some(ScopedToken { scope, token })
    }

    /// A request that was sent with `send_tracker` was answered with a 401: sends it again with a new token.
    pub async fn send_again(
        &mut self,
        at: RequestContext,
        request: &ApiRequest,
        refused: &Answer,
        sent: Option<&ScopedToken>,
    ) -> Result<Answer, Failure> {
        let newer = self.cached_token(&request.url, at.now);
        // Of several requests that were refused together only the first replaces the token.
        if newer.as_ref().map(|granted| &granted.token) == sent.map(|granted| &granted.token) {
            self.challenged(at, &request.url, refused, sent).await?;
        }
        self.send(at, request).await
    }

    /// Boxed, because a token service may want a token itself.
    fn send_at<'a>(
        &'a mut self,
        at: RequestContext,
        request: &'a ApiRequest,
        depth: usize,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            for _ in 0..ATTEMPTS {
                let granted = self.token_for(at, &request.url, depth).await?;
                let token = granted.as_ref().map(|granted| &granted.token);
                let answer = request.send(&self.http, token, at.deadline).await?;
                match answer.status {
                    StatusCode::UNAUTHORIZED => {}
                    // What worked before may not be known any more, however that is answered: it is got anew once.
                    StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN
                        if depth == 0 && granted.is_some() && !self.logged_on && self.renewals.may_doubt(at.now) =>
                    {
                        self.renewals.doubted(at.now);
                        let before = std::mem::take(&mut self.tokens);
                        if self.token_for(at, &request.url, depth).await.is_err() {
                            self.tokens = before;
                            return Ok(answer);
                        }
                        continue;
                    }
                    status => {
                        if depth == 0 && status.is_success() {
                            self.renewals.worked();
                        }
                        return Ok(answer);
                    }
                }
                self.challenged(at, &request.url, &answer, granted.as_ref()).await?;
            }
            Err(Failure::new(Reason::Auth, format!("{}: challenged again and again", request.url.path())))
        })
    }

    /// Takes note of a 401. A failure where a new token would not help.
    async fn challenged(
        &mut self,
        at: RequestContext,
        url: &Url,
        answer: &Answer,
        sent: Option<&ScopedToken>,
    ) -> Result<(), Failure> {
        if let Some(granted) = sent {
            self.tokens.remove(&granted.scope);
        }
        let refused = |why: String| Failure::new(Reason::Auth, format!("{}: {why}", answer.what));
        let Some(challenge) = Challenge::find(&answer.headers) else {
            let offered = schemes(&answer.headers);
            return Err(refused(format!("401 without a CitrixAuth challenge (offered: {offered})")));
        };
        let reason: String = challenge.reason.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        match challenge.verdict() {
            ChallengeKind::Credentials => return Err(self.hold(at, &format!("{}: 401 {reason}", answer.what)).await),
            ChallengeKind::Setup => return Err(refused(format!("401 {reason}: the servers do not trust each other"))),
            ChallengeKind::Token => {}
        }
        let replaces = sent.is_some_and(|granted| granted.scope.realm == challenge.realm);
        if replaces && !self.replaced.insert(challenge.realm.clone()) {
            return Err(refused(format!("401 {reason}, also with a new token")));
        }
        let by_root = replaces && challenge.wrong_audience() && challenge.root.is_some();
        remember(&mut self.known, url, KnownChallenge { challenge, by_root });
        Ok(())
    }

    /// The token that this URL is known to want; none where it has not been asked yet.
    async fn token_for(&mut self, at: RequestContext, url: &Url, depth: usize) -> Result<Option<ScopedToken>, Failure> {
        let Some(known) = self.known.get(url.as_str()).cloned() else { return Ok(None) };
        if let Some(granted) = self.cached_token(url, at.now) {
            return Ok(Some(granted));
        }
        if depth >= DEPTH {
            return Err(Failure::new(Reason::Auth, "the token services refer to each other without end"));
        }
        let scope = Scope::new(&known.challenge.realm, url);
        match self.obtain(at, url, &known, depth).await {
            Ok(issued) => {
                self.tokens.insert(scope.clone(), &issued, at.now);
                Ok(Some(ScopedToken { scope, token: issued.token }))
            }
            Err(failure) => {
                // The service may have moved: it is asked for a new challenge next time.
                self.known.remove(url.as_str());
                Err(failure)
            }
        }
    }

    /// Gets a token from the first of the locations that works.
    async fn obtain(
        &mut self,
        at: RequestContext,
        url: &Url,
        known: &KnownChallenge,
        depth: usize,
    ) -> Result<IssuedToken, Failure> {
        let challenge = &known.challenge;
        let for_url = challenge.root.as_deref().filter(|_| known.by_root).unwrap_or(url.as_str());
        let body = request_token(&challenge.realm, for_url, &challenge.template);
        let mut last = Failure::new(Reason::Auth, "the challenge names no token service");
        for (index, location) in challenge.locations.iter().enumerate() {
            let location = match self.allowed_hosts.resolve(url, location) {
                Ok(location) => location,
                Err(failure) => {
                    last = failure;
                    continue;
                }
            };
            // A dead service must not use up the time of those behind it.
            let left = at.deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(challenge.locations.len() - index).unwrap_or(1).max(1);
            let at = RequestContext { deadline: Instant::now() + share, ..at };
            let had_logged_on = self.logged_on;
            match self.obtain_from(at, &location, &body, depth).await {
                Ok(issued) => return Ok(issued),
                // Every other location would want the password as well.
                Err(failure) if self.logged_on && !had_logged_on => return Err(failure),
                Err(failure) if matches!(failure.reason, Reason::Auth | Reason::Held) => return Err(failure),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn obtain_from(
        &mut self,
        at: RequestContext,
        location: &Url,
        body: &str,
        depth: usize,
    ) -> Result<IssuedToken, Failure> {
        let request = ApiRequest::post("token", location.clone(), ACCEPT_TOKEN, REQUEST_TOKEN, body.to_owned());
        let answer = self.send_at(at, &request, depth + 1).await?;
        if !answer.status.is_success() && answer.status != StatusCode::MULTIPLE_CHOICES {
            return Err(failure(&answer));
        }
        match Reply::read(&answer, at.now)? {
            Reply::Token(issued) => Ok(issued),
            Reply::Choices(choices) => self.log_on(at, location, &choices, body).await,
            Reply::Form(_) => Err(Failure::new(Reason::Decode, format!("{}: a form instead of a token", answer.what))),
        }
    }

    /// Logs on: the only place that sends the password.
    async fn log_on(
        &mut self,
        at: RequestContext,
        base: &Url,
        choices: &[Choice],
        body: &str,
    ) -> Result<IssuedToken, Failure> {
        let (protocol, choice) = choose(self.settings.auth.method, choices)?;
        let location = self.allowed_hosts.resolve(base, &choice.location)?;
        let password = self.password.clone().ok_or_else(|| Failure::new(Reason::Internal, "no password was read"))?;
        if !self.logged_on && !self.renewals.may(at.now) {
            let text = "the last log-ons were good, and their tokens were refused all the same; the next one waits";
            return Err(Failure::new(Reason::Auth, text));
        }
        if std::mem::replace(&mut self.logged_on, true) {
            return Err(Failure::new(
                Reason::Auth,
                "the server wants a second log-on in one poll; the next poll has another",
            ));
        }
        let username = &self.settings.auth.login.username;
        let permit = self.logons.acquire(&self.target, username, &password, at.now, at.deadline).await?;
        let (http, allowed_hosts, username) = (self.http.clone(), self.allowed_hosts.clone(), username.clone());
        let body = body.to_owned();
        let exchange = |sent| async move {
            let logon = Logon { http, allowed_hosts, deadline: at.deadline, now: at.now, username, password, sent };
            match logon.run(protocol, location, &body).await {
                Ok(issued) => (LogonVerdict::Accepted, Ok(issued)),
                Err(Refusal::Credentials(message)) => {
                    (LogonVerdict::Refused(message.clone()), Err(Failure::new(Reason::Auth, message)))
                }
                Err(Refusal::Other(failure)) => (LogonVerdict::Unproven(failure.clone()), Err(failure)),
            }
        };
        let (result, refused) = permit.run_exchange(at.deadline, exchange).await?;
        if let Some(failure) = refused {
            self.tokens.clear();
            return Err(failure);
        }
        let issued = result?;
        self.renewals.renewed(at.now);
        self.password_expiry = issued.password_expiry;
        Ok(issued)
    }

    /// Holds the identity because a service says that the password behind a token is no longer good.
    async fn hold(&mut self, at: RequestContext, message: &str) -> Failure {
        self.tokens.clear();
        let Some(password) = self.password.clone() else { return Failure::new(Reason::Auth, message) };
        let username = &self.settings.auth.login.username;
        self.logons.refuse(&self.target, username, &password, at.now, message).await
    }
}

/// Keeps the challenge of a URL. Where there are too many all others go, which costs each of them a 401.
fn remember(all: &mut HashMap<String, KnownChallenge>, url: &Url, known: KnownChallenge) {
    if all.len() >= MAX_KNOWN_CHALLENGES && !all.contains_key(url.as_str()) {
        all.clear();
    }
    all.insert(url.as_str().to_owned(), known);
}

#[cfg(test)]
mod tests;
