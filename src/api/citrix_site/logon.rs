//! The log-ons: an account of the directory at a Delivery Controller, an API client in Citrix Cloud.
//!
//! <https://developer-docs.citrix.com/en-us/citrix-virtual-apps-desktops/citrix-cvad-rest-apis/citrix-virtual-apps-and-desktops-apis>

use std::{borrow::Cow, time::Duration};

use reqwest::{Method, Url};
use serde::Deserialize;
use tokio::time::Instant;

use super::super::{
    Context,
    lenient::{self, Field, Timestamp},
    logon::{LogonVerdict, Logons},
    words,
};
use crate::{
    clock::UnixTime,
    config::{
        Target,
        secret::SecretText,
        target::{Login, SiteAccess},
    },
    failure::{Failure, Reason},
    http::{self, Answer, Client},
};

/// A token is renewed so long before its end.
const MARGIN: Duration = Duration::from_secs(300);

/// What a token is good for where nothing, or nothing sensible, is said: an hour.
const USUAL: Duration = Duration::from_secs(3600);
/// A shorter life than this is taken for a mistake, or for clocks that differ.
const SHORTEST: Duration = Duration::from_secs(120);
const LONGEST: Duration = Duration::from_secs(86_400);

/// Errors of the cloud that say the credentials are no good.
const REFUSED: [&str; 2] = ["invalid_client", "invalid_grant"];

/// The customer of every site on premises.
const ON_PREMISES: &str = "CitrixOnPremises";

/// A token and what it was got with.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub text: SecretText,
    /// The customer whose it is.
    pub customer: String,
    /// When the poll that got it began.
    pub got: UnixTime,
    secret: SecretText,
    until: Instant,
}

impl Token {
    /// Whether it can still be used, with this secret.
    pub fn is_good(&self, secret: &SecretText) -> bool {
        self.secret == *secret && Instant::now() < self.until
    }
}

/// The answers of both kinds of log-on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenResponse<'a> {
    #[serde(rename = "Token", alias = "token", alias = "access_token", borrow)]
    token: Field<Cow<'a, str>>,
    #[serde(rename = "ExpiresAt", alias = "expiresAt")]
    expires_at: Field<Timestamp>,
    expires_in: Field<i64>,
    #[serde(borrow)]
    error: Field<Cow<'a, str>>,
}

/// The secret that a log-on would send now.
pub fn secret(access: &SiteAccess) -> Result<SecretText, Failure> {
    match access {
        SiteAccess::OnPremises(login) => login.password.read(),
        SiteAccess::Cloud { client_secret, .. } => client_secret.read(),
    }
}

/// Logs on. A refusal holds the identity.
pub async fn log_on(
    access: &SiteAccess,
    secret: &SecretText,
    target: &Target,
    client: &Client,
    logons: &Logons,
    cx: &Context<'_>,
) -> Result<Token, Failure> {
    let (username, customer) = match access {
        SiteAccess::OnPremises(Login { username, .. }) => (username, ON_PREMISES),
        SiteAccess::Cloud { customer_id, client_id, .. } => (client_id, customer_id.as_str()),
    };
    let permit = logons.acquire(target, username, secret, cx.now, cx.deadline).await?;
    let request = |url: Url| client.request("token", Method::POST, url).header("accept", "application/json");
    let (call, read): (_, fn(&Answer, UnixTime) -> Read) = match access {
        SiteAccess::OnPremises(_) => {
            let url = http::below(&target.url, ["cvad", "manage", "Tokens"]);
            // Whoever sends no body sends no length, which IIS does not take.
            let call = request(url).body("application/json", "{}").basic(username, secret);
            (call, on_premises)
        }
        SiteAccess::Cloud { .. } => {
            let url = http::below(&target.url, ["cctrustoauth2", customer, "tokens", "clients"]);
            let form = form(username, secret);
            (request(url).secret_body("application/x-www-form-urlencoded", form), cloud)
        }
    };
    let (asked, now, deadline) = (Instant::now(), cx.now, cx.deadline);
    let exchange = |sent| async move {
        let answer = match call.credentials(&sent).send(deadline).await {
            Ok(answer) => answer,
            Err(failure) => return (LogonVerdict::Unproven(failure.clone()), Err(failure)),
        };
        match read(&answer, now) {
            Ok(token) => (LogonVerdict::Accepted, Ok(token)),
            Err((failure, true)) => (LogonVerdict::Refused(failure.message.clone()), Err(failure)),
            Err((failure, false)) => (LogonVerdict::Unproven(failure.clone()), Err(failure)),
        }
    };
    let (result, refused) = permit.run_exchange(deadline, exchange).await?;
    let (text, lifetime) = refused.map_or(result, Err)?;
    let until = asked + lifetime.saturating_sub(MARGIN).max(lifetime.mul_f64(0.5));
    Ok(Token { text, customer: customer.to_owned(), got: cx.now, secret: secret.clone(), until })
}

/// The token and its lifetime; or the failure, and whether it means that the credentials are no good.
pub(super) type Read = Result<(SecretText, Duration), (Failure, bool)>;

/// The answer of a Delivery Controller: a 401 to HTTP Basic is a refusal.
pub(super) fn on_premises(answer: &Answer, now: UnixTime) -> Read {
    if !answer.status.is_success() {
        let mut failure = answer.failure();
        let told = words::in_fields(&answer.body, &["ErrorMessage", "message", "detail", "error_description"]);
        words::add(&mut failure.message, told);
        return Err((failure, answer.status.as_u16() == 401));
    }
    token(answer, now)
}

/// The answer of Citrix Cloud.
pub(super) fn cloud(answer: &Answer, now: UnixTime) -> Read {
    if answer.status.is_success() {
        return token(answer, now);
    }
    let failure = answer.failure();
    let error = match decoded(answer) {
        Ok(TokenResponse { error: Field::Value(error), .. }) => lenient::shown(&error, 64),
        _ => return Err((failure, false)),
    };
    let refused = REFUSED.contains(&error.as_str());
    // A request that the service takes for wrong (customer, rights) is a fault of the credentials as well, but not one that
    // repeating makes worse.
    let reason = match answer.status.as_u16() {
        400 if failure.reason != Reason::RateLimited => Reason::Auth,
        _ => failure.reason,
    };
    let message = format!("{}: {error}", failure.message);
    Err((Failure { retry_after: failure.retry_after, ..Failure::new(reason, message) }, refused))
}

fn decoded(answer: &Answer) -> Result<TokenResponse<'_>, Failure> {
    let body = answer.json_object()?;
    let body = std::str::from_utf8(body).map_err(|_| Failure::new(Reason::Decode, "not UTF-8"))?;
    lenient::object(body).map_err(|failure| failure.context(&answer.what))
}

fn token(answer: &Answer, now: UnixTime) -> Read {
    let wire = decoded(answer).map_err(|failure| (failure, false))?;
    // It is to stand in a header.
    let is_token = |text: &Cow<'_, str>| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(text) = wire.token.ok().filter(is_token) else {
        return Err((Failure::new(Reason::Decode, format!("{}: no token", answer.what)), false));
    };
    let ends = wire.expires_at.ok().map(|ends| ends.as_secs_f64() - now.as_secs_f64());
    let seconds = wire.expires_in.ok().map(|seconds| seconds as f64).or(ends);
    let told = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).filter(|told| *told >= SHORTEST);
    Ok((SecretText::new(text), told.unwrap_or(USUAL).min(LONGEST)))
}

fn form(client_id: &str, secret: &SecretText) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client_id)
        .append_pair("client_secret", secret.expose())
        .finish()
}
