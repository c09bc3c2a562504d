//! How the agent is asked: token and reverse proxy.

use std::borrow::Cow;

use reqwest::Url;
use serde::Deserialize;
use tokio::time::Instant;

use super::super::{
    Warnings,
    lenient::{self, Field},
};
use crate::{
    config::{secret::SecretText, target::ProxyAuth},
    failure::{Failure, Reason},
    http::{self, Answer, Call, Client},
};

/// What is known of the token.
#[derive(Debug, Clone)]
enum Token {
    /// Nothing yet.
    Unknown,
    /// Switched off (`client_api_token_auth` is false): requests go without.
    Off,
    /// This one. How long it lives is documented nowhere, nor how a bad one is answered; a restart of the agent ends it.
    Known(SecretText),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenResponse<'a> {
    #[serde(borrow)]
    token: Field<Cow<'a, str>>,
}

/// What outlives a poll.
#[derive(Debug)]
pub struct Session {
    base: Url,
    auth: Option<ProxyAuth>,
    http: Client,
    token: Token,
    /// Whether this poll has already fetched a token.
    is_fetched: bool,
}

impl Session {
    /// Nothing is sent yet.
    pub fn new(base: Url, auth: Option<ProxyAuth>, http: Client) -> Session {
        Session { base, auth, http, token: Token::Unknown, is_fetched: false }
    }

    /// A poll begins: it may fetch a token once.
    pub fn begin(&mut self) {
        self.is_fetched = false;
    }

    /// What `read` makes of the answer to `GET /api/v3/{path}` if its status is 2xx; it takes the body with
    /// [`Answer::take_json`]. Where something else comes the token may be the reason: another one is fetched, and the request
    /// sent once more, once in a poll. The warnings are those of the answer that counts.
    pub async fn get<T>(
        &mut self,
        operation: &'static str,
        path: &str,
        deadline: Instant,
        warnings: &Warnings,
        mut read: impl FnMut(&mut Answer, &Warnings) -> Result<T, Failure> + Send,
    ) -> Result<T, Failure> {
        if matches!(self.token, Token::Unknown) {
            self.fetch_token(deadline).await?;
        }
        loop {
            let mut answer = self.send(operation, path, deadline).await?;
            let odd = Warnings::default();
            let result = match answer.status.is_success() {
                true => read(&mut answer, &odd),
                false => Err(answer.failure()),
            };
            match &result {
                Err(failure) if !self.is_fetched && may_be_the_token(failure) => self.fetch_token(deadline).await?,
                _ => {
                    warnings.merge(&odd);
                    return result;
                }
            }
        }
    }

    async fn send(&self, operation: &'static str, path: &str, deadline: Instant) -> Result<Answer, Failure> {
        let call = self.call(operation, path)?;
        let call = match &self.token {
            Token::Known(token) => call.secret_query("token", token),
            Token::Unknown | Token::Off => call,
        };
        call.send_packed(deadline).await
    }

    async fn fetch_token(&mut self, deadline: Instant) -> Result<(), Failure> {
        self.is_fetched = true;
        self.token = Token::Unknown;
        let answer = self.call("token", "token")?.send(deadline).await?;
        // Without token authentication the endpoint may be missing; which status then comes is documented nowhere.
        if matches!(answer.status.as_u16(), 400 | 404 | 405 | 410 | 501) {
            self.token = Token::Off;
            return Ok(());
        }
        self.token = read_token(answer)?.map_or(Token::Off, Token::Known);
        Ok(())
    }

    fn call(&self, operation: &'static str, path: &str) -> Result<Call, Failure> {
        let url = http::below(&self.base, ["api", "v3", path]);
        let call = self.http.get(operation, url).header("accept", "application/json");
        Ok(match &self.auth {
            None => call,
            Some(ProxyAuth::Basic(login)) => call.basic(&login.username, &login.password.read()?),
            Some(ProxyAuth::Bearer(token)) => call.bearer(&token.read()?),
        })
    }
}

/// The token; `None` where the agent wants none.
pub(super) fn read_token(answer: Answer) -> Result<Option<SecretText>, Failure> {
    let answer = answer.success()?;
    let text = lenient::text(answer.json_object()?);
    let wire: TokenResponse<'_> = lenient::object(&text).map_err(|failure| failure.context(&answer.what))?;
    match wire.token {
        Field::Value(token) if !token.is_empty() => Ok(Some(SecretText::new(token))),
        Field::Bad => Err(Failure::new(Reason::Decode, format!("{}: no readable token", answer.what))),
        Field::Missing | Field::Value(_) => Ok(None),
    }
}

/// Whether the token may be the reason. Which error a bad one gets is documented nowhere: any that is an answer, but one that asks
/// for a pause, and a list that is too long.
fn may_be_the_token(failure: &Failure) -> bool {
    !matches!(failure.reason, Reason::RateLimited | Reason::TooLarge)
}
