//! Who is let in: an account of the directory on premises, an API client in the cloud, and the tokens that both get.

use super::{CitrixSite, error, wire::JSON};
use crate::{Request, Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{Method, StatusCode};
use serde_json::json;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Wrong passwords in a row that lock the account.
const LOCKED_AFTER: u32 = 5;

/// The customer of every token that is handed out on premises.
const ON_PREMISES: &str = "CitrixOnPremises";

/// What is accepted, and what was handed out.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) password: String,
    pub(super) client_secret: String,
    pub(super) lifetime: Duration,
    /// Every token is refused after so many requests.
    pub(super) refuse_after: Option<usize>,
    /// Submissions of a password or a client secret, right or wrong.
    pub(super) submissions: u64,
    /// Wrong passwords since the last right one.
    refusals: u32,
    /// When each token ends, and whose it is.
    tokens: HashMap<String, (Instant, &'static str)>,
    issued: u64,
}

impl Default for Access {
    fn default() -> Access {
        Access {
            password: CitrixSite::PASSWORD.to_owned(),
            client_secret: CitrixSite::CLIENT_SECRET.to_owned(),
            lifetime: Duration::from_secs(3_600),
            refuse_after: None,
            submissions: 0,
            refusals: 0,
            tokens: HashMap::new(),
            issued: 0,
        }
    }
}

/// The customer in the path of the cloud's log-on.
pub(super) fn cloud_customer(path: &str) -> Option<&str> {
    path.strip_prefix("/cctrustoauth2/")?.strip_suffix("/tokens/clients").filter(|customer| !customer.contains('/'))
}

/// Whether the request submits a password or a client secret.
pub(super) fn carries_secret(request: &Request) -> bool {
    basic(request).is_some() || (cloud_customer(&request.path).is_some() && !request.body.is_empty())
}

fn basic(request: &Request) -> Option<(String, String)> {
    let (scheme, value) = request.header("authorization")?.split_once(' ')?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), password.to_owned()))
}

fn presented(request: &Request) -> Option<&str> {
    request.header("authorization")?.strip_prefix("CWSAuth Bearer=")
}

impl Access {
    /// Whether too many wrong passwords came.
    pub(super) fn locked(&self) -> bool {
        self.refusals >= LOCKED_AFTER
    }

    /// Forgets every token.
    pub(super) fn forget(&mut self) {
        self.tokens.clear();
    }

    /// `POST /cvad/manage/Tokens`.
    pub(super) fn token(&mut self, request: &Request, other_spelling: bool) -> Response {
        let Some((user, password)) = basic(request) else {
            return error(StatusCode::UNAUTHORIZED, "No credentials.").with_header("www-authenticate", "Basic");
        };
        self.submissions += 1;
        // A locked account refuses the right password too.
        if self.locked() || !user.eq_ignore_ascii_case(CitrixSite::USERNAME) || password != self.password {
            self.refusals = self.refusals.saturating_add(1);
            return error(StatusCode::UNAUTHORIZED, "The user name or password is incorrect.");
        }
        self.refusals = 0;
        let token = self.issue(ON_PREMISES);
        let ends = jiff::Timestamp::now() + jiff::SignedDuration::try_from(self.lifetime).unwrap_or_default();
        let ends = format!("{ends:.7}");
        let body = match other_spelling {
            true => {
                json!({ "token": token, "principal": CitrixSite::USER, "customerId": ON_PREMISES, "expiresAt": ends })
            }
            false => json!({
                "Token": token, "Principal": CitrixSite::USER, "UserId": "S-1-5-21-1-2-3-500",
                "CustomerId": ON_PREMISES, "ExpiresAt": ends,
            }),
        };
        Response::full(StatusCode::OK, JSON, body.to_string())
    }

    /// `POST /cctrustoauth2/{customer}/tokens/clients`.
    pub(super) fn cloud_token(&mut self, request: &Request, customer: &str) -> Response {
        if request.method != Method::POST {
            return Response::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let form = Request::new(Method::POST, &format!("?{}", String::from_utf8_lossy(&request.body)));
        let field = |name| form.param(name).unwrap_or_default();
        let refusal = |status, error: &str, text: &str| {
            let body = json!({ "error": error, "error_description": text });
            Response::full(status, JSON, body.to_string())
        };
        if field("grant_type") != "client_credentials" {
            return refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type", "The grant type is not supported.");
        }
        self.submissions += 1;
        if customer != CitrixSite::CUSTOMER_ID {
            return refusal(StatusCode::BAD_REQUEST, "invalid_request", "The customer is not known.");
        }
        if field("client_id") != CitrixSite::CLIENT_ID || field("client_secret") != self.client_secret {
            return refusal(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed.");
        }
        let token = self.issue(CitrixSite::CUSTOMER_ID);
        // The vendor prints the seconds as a text.
        let seconds = self.lifetime.as_secs().to_string();
        let body = json!({ "token_type": "bearer", "access_token": token, "expires_in": seconds });
        Response::full(StatusCode::OK, JSON, body.to_string())
    }

    /// Whether the request is let in. `of_site`: it has to name the site, too.
    pub(super) fn guard(&mut self, request: &Request, of_site: bool) -> Result<(), Box<Response>> {
        let refused = |status, message: &str| Err(Box::new(error(status, message)));
        if let Some(left) = &mut self.refuse_after {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => {
                    self.refuse_after = None;
                    self.forget();
                }
            }
        }
        let token = presented(request).and_then(|token| self.tokens.get(token));
        let Some((_, customer)) = token.filter(|(ends, _)| Instant::now() < *ends) else {
            return refused(StatusCode::UNAUTHORIZED, "The token is invalid or has expired.");
        };
        if request.header("citrix-customerid") != Some(customer) {
            return refused(StatusCode::FORBIDDEN, "The customer is another one.");
        }
        if of_site && request.header("citrix-instanceid") != Some(CitrixSite::SITE_ID) {
            return refused(StatusCode::BAD_REQUEST, "Citrix-InstanceId is missing or wrong.");
        }
        Ok(())
    }

    /// Whose token it is.
    pub(super) fn customer_of(&self, request: &Request) -> &'static str {
        presented(request).and_then(|token| self.tokens.get(token)).map_or("", |(_, customer)| customer)
    }

    fn issue(&mut self, customer: &'static str) -> String {
        self.issued += 1;
        let now = Instant::now();
        self.tokens.retain(|_, (ends, _)| *ends > now);
        let token = format!("simulated.{customer}.{:08x}{:08x}", self.issued.wrapping_mul(0x9e37_79b9), self.issued);
        self.tokens.insert(token.clone(), (now + self.lifetime, customer));
        token
    }
}
