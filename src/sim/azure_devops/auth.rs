//! Who is let in: PATs, Entra access tokens, and the sign-in pages that a refused one gets.
//!
//! `POST /{tenant}/oauth2/v2.0/token` -- the client credentials grant of Entra, on the service's own listener.

use super::{
    super::{Request, Response},
    AzureDevops,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::StatusCode;
use serde_json::json;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// What a request gets whose credentials are missing or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignIn {
    /// 401 where the client sends `X-TFS-FedAuthRedirect: Suppress`, else the page with 203.
    #[default]
    Usual,
    /// 203 with the sign-in page.
    Page203,
    /// 302 to the sign-in page.
    Redirect,
    /// 401 with TF400813 as JSON.
    Unauthorized,
    /// 200 with the sign-in page, as a followed redirect ends.
    Page200,
}

/// Why Entra refuses the client credentials, although they are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntraRefusal {
    /// 401 `invalid_client`: the secret has expired.
    InvalidClient,
    /// 400 `invalid_grant`: conditional access blocks the principal.
    InvalidGrant,
}

/// Accepted secrets and tokens that were handed out.
#[derive(Debug)]
pub(super) struct Auth {
    pub(super) pat: String,
    pub(super) client_secret: String,
    pub(super) sign_in: SignIn,
    pub(super) refusal: Option<EntraRefusal>,
    pub(super) lifetime: Duration,
    tokens: HashMap<String, Instant>,
    issued: u64,
}

impl Default for Auth {
    fn default() -> Auth {
        Auth {
            pat: AzureDevops::PAT.to_owned(),
            client_secret: AzureDevops::CLIENT_SECRET.to_owned(),
            sign_in: SignIn::Usual,
            refusal: None,
            lifetime: Duration::from_secs(3_599),
            tokens: HashMap::new(),
            issued: 0,
        }
    }
}

/// Whether the request carries a PAT or a client secret.
pub(super) fn carries_secret(request: &Request) -> bool {
    let token_request = is_token_path(&request.path) && !request.body.is_empty();
    token_request || scheme(request).is_some_and(|(name, _)| name.eq_ignore_ascii_case("basic"))
}

/// Whether this is the token end point of some tenant.
pub(super) fn is_token_path(path: &str) -> bool {
    path.ends_with("/oauth2/v2.0/token")
}

fn scheme(request: &Request) -> Option<(&str, &str)> {
    let (name, value) = request.header("authorization")?.split_once(' ')?;
    Some((name, value.trim()))
}

fn basic(request: &Request) -> Option<(String, String)> {
    let (_, value) = scheme(request).filter(|(n, _)| n.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

impl Auth {
    /// Whether the request is let in: the PAT as password of any user name, or a token that has not ended.
    pub(super) fn accepts(&self, request: &Request) -> bool {
        if let Some((_, password)) = basic(request) {
            return password == self.pat;
        }
        scheme(request)
            .filter(|(name, _)| name.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, token)| self.tokens.get(token))
            .is_some_and(|end| *end > Instant::now())
    }

    /// Forgets every token.
    pub(super) fn forget(&mut self) {
        self.tokens.clear();
    }

    /// What a request gets that is not let in.
    pub(super) fn refused(&self, request: &Request) -> Response {
        let suppressed = request.header("x-tfs-fedauthredirect").is_some_and(|v| v.eq_ignore_ascii_case("suppress"));
        match self.sign_in {
            SignIn::Usual if suppressed => unauthorized(),
            SignIn::Usual | SignIn::Page203 => page(StatusCode::NON_AUTHORITATIVE_INFORMATION),
            SignIn::Redirect => Response::empty(StatusCode::FOUND).with_header(
                "location",
                &format!("{}/_signin?realm=dev.azure.com&protocol=wsfederation", request.base()),
            ),
            SignIn::Unauthorized => unauthorized(),
            SignIn::Page200 => page(StatusCode::OK),
        }
    }

    /// Answers the token end point.
    pub(super) fn token(&mut self, request: &Request) -> Response {
        let form =
            super::super::Request::new(request.method.clone(), &format!("?{}", String::from_utf8_lossy(&request.body)));
        let field = |name| form.param(name).unwrap_or_default().to_owned();
        let (client, secret) = match form.param("client_secret") {
            Some(secret) => (field("client_id"), secret.to_owned()),
            None => basic(request).unwrap_or_default(),
        };
        let tenant = request.path.trim_start_matches('/').split('/').next();
        if tenant != Some(AzureDevops::TENANT_ID) {
            return refusal(400, "invalid_request", 90002, "Tenant not found.");
        }
        if field("grant_type") != "client_credentials" {
            let text = "The app requested an unsupported grant type.";
            return refusal(400, "unsupported_grant_type", 70003, text);
        }
        if client != AzureDevops::CLIENT_ID {
            let text = "Application was not found in the directory.";
            return refusal(400, "unauthorized_client", 700016, text);
        }
        if field("scope") != AzureDevops::SCOPE {
            let text = "The provided value for scope is not valid.";
            return refusal(400, "invalid_scope", 70011, text);
        }
        match self.refusal {
            Some(EntraRefusal::InvalidClient) => {
                let text = "The provided client secret keys for the app are expired.";
                return refusal(401, "invalid_client", 7000222, text);
            }
            Some(EntraRefusal::InvalidGrant) => {
                let text = "Access has been blocked by Conditional Access policies.";
                return refusal(400, "invalid_grant", 53003, text);
            }
            None => {}
        }
        if secret != self.client_secret {
            return refusal(401, "invalid_client", 7000215, "Invalid client secret provided.");
        }
        self.issued += 1;
        let now = Instant::now();
        self.tokens.retain(|_, end| *end > now);
        let token = format!("eyJ0eXAiOiJKV1QifQ.simulated.{:08x}", self.issued);
        self.tokens.insert(token.clone(), now + self.lifetime);
        let seconds = self.lifetime.as_secs();
        let body = json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token,
        });
        Response::full(StatusCode::OK, "application/json; charset=utf-8", body.to_string())
    }
}

fn refusal(status: u16, error: &str, code: u32, text: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{code}: {text}"),
        "error_codes": [code],
        "timestamp": "2026-01-15 08:00:00Z",
        "trace_id": super::wire::guid(u64::from(code)),
        "correlation_id": super::wire::guid(u64::from(code) + 1),
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    Response::full(status, "application/json; charset=utf-8", body.to_string())
}

fn unauthorized() -> Response {
    let body = json!({
        "$id": "1",
        "innerException": null,
        "message": "TF400813: The user '' is not authorized to access this resource.",
        "typeName": "Microsoft.TeamFoundation.Framework.Server.UnauthorizedRequestException",
        "typeKey": "UnauthorizedRequestException",
        "errorCode": 0,
        "eventId": 3000,
    });
    Response::full(StatusCode::UNAUTHORIZED, "application/json; charset=utf-8", body.to_string())
        .with_header("www-authenticate", "Basic realm=\"https://dev.azure.com/\"")
}

/// The sign-in page with this status.
pub(super) fn page(status: StatusCode) -> Response {
    Response::full(
        status,
        "text/html; charset=utf-8",
        "\r\n<!DOCTYPE html>\r\n<html lang=\"en-US\"><head><title>Azure DevOps Services | Sign In</title></head>\
         <body>Sign in to your account</body></html>\r\n",
    )
}
