//! Entra tokens by client credentials.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::{borrow::Cow, time::Duration};

use reqwest::{Method, Url};
use serde::Deserialize;
use tokio::time::Instant;

use super::super::{
    Context,
    lenient::{self, Field},
    logon::{LogonVerdict, Logons},
};
use crate::{
    config::{Target, secret::SecretText},
    failure::{Failure, Reason},
    http::{self, Answer, Client},
};

/// Azure DevOps, as Entra knows it.
const SCOPE: &str = "499b84ac-1321-427f-aa17-267ca6975798/.default";

/// A token is not used any more this long before its end.
const MARGIN: Duration = Duration::from_secs(60);

/// What Entra gives where nothing else is configured, in seconds; of a token that says nothing, or nothing sensible, of its end.
const USUAL: u64 = 3600;
/// Entra gives at least ten minutes; a shorter life than this is taken for a mistake.
const SHORTEST: u64 = 120;

/// Errors that say the credentials are no good: sending them again is what locks applications.
const REFUSED: [&str; 2] = ["invalid_client", "invalid_grant"];

/// What a request is sent with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Basic, with an empty user name.
    Pat(SecretText),
    /// Bearer.
    Token(SecretText),
}

/// A token and what it was got with.
#[derive(Debug)]
pub struct Token {
    /// The token.
    pub text: SecretText,
    secret: SecretText,
    until: Instant,
    /// When the poll that got it began.
    got: crate::clock::UnixTime,
}

impl Token {
    /// Whether it can still be used, by an application that has this secret.
    pub fn is_good(&self, secret: &SecretText) -> bool {
        self.secret == *secret && Instant::now() < self.until
    }

    /// Whether an earlier poll got it.
    pub fn is_older_than(&self, cx: &Context<'_>) -> bool {
        self.got != cx.now
    }
}

/// The application.
#[derive(Debug, Clone, Copy)]
pub struct Application<'a> {
    /// Directory.
    pub tenant_id: &'a str,
    /// Its id, the user name of the hold.
    pub client_id: &'a str,
    /// Its secret.
    pub secret: &'a SecretText,
    /// Base URL of the token service.
    pub authority: &'a Url,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenResponse<'a> {
    #[serde(borrow)]
    access_token: Field<Cow<'a, str>>,
    expires_in: Field<i64>,
    #[serde(borrow)]
    error: Field<Cow<'a, str>>,
    #[serde(borrow)]
    error_description: Field<Cow<'a, str>>,
}

/// Logs on. A refusal holds the identity.
pub async fn log_on(
    application: Application<'_>,
    target: &Target,
    client: &Client,
    logons: &Logons,
    cx: &Context<'_>,
) -> Result<Token, Failure> {
    let permit = logons.acquire(target, application.client_id, application.secret, cx.now, cx.deadline).await?;
    let url = http::below(application.authority, [application.tenant_id, "oauth2", "v2.0", "token"]);
    let call = client
        .request("token", Method::POST, url)
        .header("accept", "application/json")
        .secret_body("application/x-www-form-urlencoded", form(application));
    let (asked, deadline) = (Instant::now(), cx.deadline);
    let exchange = |sent| async move {
        let answer = match call.credentials(&sent).send(deadline).await {
            Ok(answer) => answer,
            Err(failure) => return (LogonVerdict::Unproven(failure.clone()), Err(failure)),
        };
        match read(&answer) {
            Ok(token) => (LogonVerdict::Accepted, Ok(token)),
            Err((failure, true)) => (LogonVerdict::Refused(failure.message.clone()), Err(failure)),
            Err((failure, false)) => (LogonVerdict::Unproven(failure.clone()), Err(failure)),
        }
    };
    let (result, refused) = permit.run_exchange(deadline, exchange).await?;
    let (text, lifetime) = refused.map_or(result, Err)?;
    let until = asked + lifetime.saturating_sub(MARGIN);
    Ok(Token { text, secret: application.secret.clone(), until, got: cx.now })
}

/// The token and its lifetime; or the failure, and whether it means that the credentials are no good.
pub(super) fn read(answer: &Answer) -> Result<(SecretText, Duration), (Failure, bool)> {
    let decoded = answer.json_object().and_then(|body| {
        let body = std::str::from_utf8(body).map_err(|_| Failure::new(Reason::Decode, "not UTF-8"))?;
        lenient::object::<TokenResponse<'_>>(body).map_err(|failure| failure.context(&answer.what))
    });
    if !answer.status.is_success() {
        let failure = answer.failure();
        let Ok(TokenResponse { error: Field::Value(error), error_description, .. }) = decoded else {
            return Err((failure, false));
        };
        // `AADSTS7000222: The provided client secret keys ... are expired`: the code alone says it.
        let description = error_description.ok().unwrap_or_default();
        let code = description.split(':').next().filter(|code| code.starts_with("AADSTS") && code.len() <= 16);
        let code = code.map_or_else(String::new, |code| format!(" ({code})"));
        let message = format!("{}: {}{code}", failure.message, lenient::cut(&error, 64));
        let refused = REFUSED.contains(&&*error);
        // A request that the service takes for wrong (tenant, scope, rights) is a fault of the credentials as well, but
        // not one that repeating makes worse.
        let reason = match answer.status.as_u16() {
            400 if failure.reason != Reason::RateLimited => Reason::Auth,
            _ => failure.reason,
        };
        return Err((Failure { retry_after: failure.retry_after, ..Failure::new(reason, message) }, refused));
    }
    let wire = decoded.map_err(|failure| (failure, false))?;
    let Some(text) = wire.access_token.ok().filter(|text| !text.is_empty()) else {
        return Err((Failure::new(Reason::Decode, format!("{}: no access_token", answer.what)), false));
    };
    // A life that ends with the poll is no answer: the token is used until the service refuses it.
    let told = wire.expires_in.ok().and_then(|seconds| u64::try_from(seconds).ok()).filter(|told| *told >= SHORTEST);
    Ok((SecretText::new(text), Duration::from_secs(told.unwrap_or(USUAL).min(86_400))))
}

fn form(application: Application<'_>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", application.client_id)
        .append_pair("client_secret", application.secret.expose())
        .append_pair("scope", SCOPE)
        .finish()
}
