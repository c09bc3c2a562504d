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
    ask::{Ask, failure},
    challenge::{Challenge, Verdict, schemes},
    form::Refusal,
    logon::{Logon, choose},
    reach::Reach,
    reply::{ACCEPT_TOKEN, Choice, Issued, REQUEST_TOKEN, Reply, request_token},
    tokens::{Scope, Tokens},
};
use crate::{
    api::{
        BoxFuture,
        logon::{Logons, Verdict as LogonVerdict},
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
const MOST_KNOWN: usize = 64;

/// The session of a target.
#[derive(Debug)]
pub struct Session {
    target: Arc<Target>,
    settings: CitrixStorefront,
    http: Client,
    logons: Arc<Logons>,
    reach: Reach,
    tokens: Tokens,
    /// The last challenge of each URL: the next request is sent with its token at once.
    known: HashMap<String, Known>,
    /// Services whose token was replaced in this poll.
    replaced: HashSet<String>,
    /// The password that the tokens come from.
    password: Option<SecretText>,
    password_expiry: Option<UnixTime>,
}

#[derive(Debug, Clone)]
struct Known {
    challenge: Challenge,
    /// The token is asked for with the hint instead of the URL: public clients do so, the scheme's document forbids it.
    by_root: bool,
}

/// A token and what it is for.
#[derive(Debug, Clone)]
pub struct Granted {
    scope: Scope,
    /// The token.
    pub token: SecretText,
}

/// When a poll began and when it is given up.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Wall time at the start of the poll.
    pub now: UnixTime,
    /// The poll is given up then.
    pub deadline: Instant,
}

impl Session {
    /// Nothing is sent.
    pub fn new(target: Arc<Target>, settings: CitrixStorefront, http: Client, logons: Arc<Logons>) -> Session {
        let reach = Reach::new(&target.url, &settings.allowed_hosts);
        Session {
            target,
            settings,
            http,
            logons,
            reach,
            tokens: Tokens::default(),
            known: HashMap::new(),
            replaced: HashSet::new(),
            password: None,
            password_expiry: None,
        }
    }

    /// Begins a poll: reads the password, and fails while its identity is held. Another password drops all tokens.
    pub fn begin(&mut self, now: UnixTime) -> Result<(), Failure> {
        self.tokens.drop_ended(now);
        let password = self.settings.auth.login.password.read()?;
        if self.password.as_ref() != Some(&password) {
            self.tokens.clear();
            self.password_expiry = None;
        }
        let held = self.logons.held(&self.target, &self.settings.auth.login.username, &password, now);
        self.password = Some(password);
        self.replaced.clear();
        match held {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
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
        self.reach.resolve(base, text)
    }

    /// Sends a request with the token that it needs. Any answer but a 401 comes back as it is.
    pub async fn send(&mut self, at: Moment, ask: &Ask) -> Result<Answer, Failure> {
        self.send_at(at, ask, 0).await
    }

    /// The token that is at hand for this URL, for requests side by side. Sends nothing.
    pub fn at_hand(&self, url: &Url, now: UnixTime) -> Option<Granted> {
        let known = self.known.get(url.as_str())?;
        let scope = Scope::new(&known.challenge.realm, url);
        let token = self.tokens.get(&scope, now)?;
        Some(Granted { scope, token })
    }

    /// A request that was sent with `sent` was answered with a 401: sends it again with a new token.
    pub async fn send_again(
        &mut self,
        at: Moment,
        ask: &Ask,
        refused: &Answer,
        sent: Option<&Granted>,
    ) -> Result<Answer, Failure> {
        let newer = self.at_hand(&ask.url, at.now);
        // Of several requests that were refused together only the first replaces the token.
        if newer.as_ref().map(|granted| &granted.token) == sent.map(|granted| &granted.token) {
            self.challenged(at, &ask.url, refused, sent).await?;
        }
        self.send(at, ask).await
    }

    /// Boxed, because a token service may want a token itself.
    fn send_at<'a>(&'a mut self, at: Moment, ask: &'a Ask, depth: usize) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            for _ in 0..ATTEMPTS {
                let granted = self.token_for(at, &ask.url, depth).await?;
                let token = granted.as_ref().map(|granted| &granted.token);
                let answer = ask.send(&self.http, token, at.deadline).await?;
                if answer.status != StatusCode::UNAUTHORIZED {
                    return Ok(answer);
                }
                self.challenged(at, &ask.url, &answer, granted.as_ref()).await?;
            }
            Err(Failure::new(Reason::Auth, format!("{}: challenged again and again", ask.url.path())))
        })
    }

    /// Takes note of a 401. A failure where a new token would not help.
    async fn challenged(
        &mut self,
        at: Moment,
        url: &Url,
        answer: &Answer,
        sent: Option<&Granted>,
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
            Verdict::Credentials => return Err(self.hold(at, &format!("{}: 401 {reason}", answer.what)).await),
            Verdict::Setup => return Err(refused(format!("401 {reason}: the servers do not trust each other"))),
            Verdict::Token => {}
        }
        let replaces = sent.is_some_and(|granted| granted.scope.realm == challenge.realm);
        if replaces && !self.replaced.insert(challenge.realm.clone()) {
            return Err(refused(format!("401 {reason}, also with a new token")));
        }
        let by_root = replaces && challenge.wrong_audience() && challenge.root.is_some();
        learn(&mut self.known, url, Known { challenge, by_root });
        Ok(())
    }

    /// The token that this URL is known to want; none where it has not been asked yet.
    async fn token_for(&mut self, at: Moment, url: &Url, depth: usize) -> Result<Option<Granted>, Failure> {
        let Some(known) = self.known.get(url.as_str()).cloned() else { return Ok(None) };
        if let Some(granted) = self.at_hand(url, at.now) {
            return Ok(Some(granted));
        }
        if depth >= DEPTH {
            return Err(Failure::new(Reason::Auth, "the token services refer to each other without end"));
        }
        let scope = Scope::new(&known.challenge.realm, url);
        match self.obtain(at, url, &known, depth).await {
            Ok(issued) => {
                self.tokens.insert(scope.clone(), &issued, at.now);
                Ok(Some(Granted { scope, token: issued.token }))
            }
            Err(failure) => {
                // The service may have moved: it is asked for a new challenge next time.
                self.known.remove(url.as_str());
                Err(failure)
            }
        }
    }

    /// Gets a token from the first of the locations that works.
    async fn obtain(&mut self, at: Moment, url: &Url, known: &Known, depth: usize) -> Result<Issued, Failure> {
        let challenge = &known.challenge;
        let for_url = challenge.root.as_deref().filter(|_| known.by_root).unwrap_or(url.as_str());
        let body = request_token(&challenge.realm, for_url, &challenge.template);
        let mut last = Failure::new(Reason::Auth, "the challenge names no token service");
        for (index, location) in challenge.locations.iter().enumerate() {
            let location = match self.reach.resolve(url, location) {
                Ok(location) => location,
                Err(failure) => {
                    last = failure;
                    continue;
                }
            };
            // A dead service must not use up the time of those behind it.
            let left = at.deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(challenge.locations.len() - index).unwrap_or(1).max(1);
            let at = Moment { deadline: Instant::now() + share, ..at };
            match self.obtain_from(at, &location, &body, depth).await {
                Ok(issued) => return Ok(issued),
                Err(failure) if matches!(failure.reason, Reason::Auth | Reason::Held) => return Err(failure),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn obtain_from(&mut self, at: Moment, location: &Url, body: &str, depth: usize) -> Result<Issued, Failure> {
        let ask = Ask::post("token", location.clone(), ACCEPT_TOKEN, REQUEST_TOKEN, body.to_owned());
        let answer = self.send_at(at, &ask, depth + 1).await?;
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
    async fn log_on(&mut self, at: Moment, base: &Url, choices: &[Choice], body: &str) -> Result<Issued, Failure> {
        let (protocol, choice) = choose(self.settings.auth.method, choices)?;
        let location = self.reach.resolve(base, &choice.location)?;
        let password = self.password.clone().ok_or_else(|| Failure::new(Reason::Internal, "no password was read"))?;
        let username = &self.settings.auth.login.username;
        let permit = self.logons.acquire(&self.target, username, &password, at.now, at.deadline).await?;
        let (http, reach, username) = (self.http.clone(), self.reach.clone(), username.clone());
        let body = body.to_owned();
        let exchange = |sent| async move {
            let logon = Logon { http, reach, deadline: at.deadline, now: at.now, username, password, sent };
            match logon.run(protocol, location, &body).await {
                Ok(issued) => (LogonVerdict::Accepted, Ok(issued)),
                Err(Refusal::Credentials(message)) => {
                    (LogonVerdict::Refused(message.clone()), Err(Failure::new(Reason::Auth, message)))
                }
                Err(Refusal::Other(failure)) => (LogonVerdict::Unknown, Err(failure)),
            }
        };
        let (result, refused) = permit.settle(at.deadline, exchange).await?;
        if let Some(failure) = refused {
            self.tokens.clear();
            return Err(failure);
        }
        let issued = result?;
        self.password_expiry = issued.password_expiry;
        Ok(issued)
    }

    /// Holds the identity because a service says that the password behind a token is no longer good.
    async fn hold(&mut self, at: Moment, message: &str) -> Failure {
        self.tokens.clear();
        let Some(password) = self.password.clone() else { return Failure::new(Reason::Auth, message) };
        let username = &self.settings.auth.login.username;
        match self.logons.acquire(&self.target, username, &password, at.now, at.deadline).await {
            Ok(permit) => permit.refused(message),
            Err(failure) if failure.reason == Reason::Timeout => Failure::new(Reason::Auth, message),
            Err(held) => held,
        }
    }
}

/// Keeps the challenge of a URL. Where there are too many all others go, which costs each of them a 401.
fn learn(all: &mut HashMap<String, Known>, url: &Url, known: Known) {
    if all.len() >= MOST_KNOWN && !all.contains_key(url.as_str()) {
        all.clear();
    }
    all.insert(url.as_str().to_owned(), known);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_ever_new_urls_do_not_pile_up() {
        let mut all = HashMap::new();
        let url = |index: usize| -> Url { format!("https://sf.example.com/{index}").parse().expect("a URL") };
        let known = || Known { challenge: Challenge::default(), by_root: false };
        for index in 0..1000 {
            learn(&mut all, &url(index), known());
            assert!(all.len() <= MOST_KNOWN && all.contains_key(url(index).as_str()));
        }
        let before = all.len();
        learn(&mut all, &url(999), known());
        assert_eq!(all.len(), before);
    }
}
