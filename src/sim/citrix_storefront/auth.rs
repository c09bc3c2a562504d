//! The authentication service: token service, choice of protocol, the log-on by form or Basic, and the lock-out.
//!
//! - `POST /Citrix/Authentication/auth/v1/token` -- 200 with a service token for a primary one, else 401
//! - `POST /Citrix/Authentication/auth/v1/protocols` -- 300 (or 200) with the choices
//! - `POST /Citrix/Authentication/ExplicitForms/Authenticate` -- 200 with the form and a cookie
//! - `POST /Citrix/Authentication/ExplicitForms` -- 200 with the primary token, or with a form again
//! - `POST /Citrix/Authentication/ExplicitForms/Acknowledge` -- 200 with the primary token, after a page to acknowledge
//! - `POST /Citrix/Authentication/HttpBasic/Authenticate` -- 401, or 200 with the primary token

use super::super::{Request, Response};
use super::{
    accepts,
    account::{Account, LogOn},
    bad_request,
    challenge::{Challenge, ChallengeStyle},
    credentials::{basic, content_type, cookie, fields, presented},
    form::{self, FORM, Form, FormStyle},
    token::{self, PasswordEnd, TokenRequest, Tokens},
};
use hyper::StatusCode;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// The realm of the token service; a token for it is the primary one.
pub(super) const TOKEN_REALM: &str = "32f585f3-054d-4ee5-a714-b0e11e312308";
/// The realm of the resources.
pub(super) const STORE_REALM: &str = "6b78ab94-a709-4e3a-8b9b-a49ca317c70c";
/// The realm of the machine control service.
pub(super) const MACHINE_REALM: &str = "d5c937a6-a09d-4805-adbb-ff92208f7466";

/// How the choice of protocols is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChoicesStyle {
    /// 300 with `requesttokenchoices`.
    #[default]
    MultipleChoices,
    /// 200 with the choices inside `requesttokenresponse`.
    InsideResponse,
}

/// A protocol for the log-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A form with user name and password.
    ExplicitForms,
    /// HTTP Basic.
    HttpBasic,
    /// Kerberos or NTLM; answered with `Negotiate`.
    IntegratedWindows,
    /// By a gateway; not for clients.
    CitrixAgBasic,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Protocol::ExplicitForms => "ExplicitForms",
            Protocol::HttpBasic => "HttpBasic",
            Protocol::IntegratedWindows => "IntegratedWindows",
            Protocol::CitrixAgBasic => "CitrixAGBasic",
        }
    }
}

/// The account, the sessions and what a test made of them.
#[derive(Debug)]
pub(super) struct Auth {
    pub(super) account: Account,
    pub(super) primary_lifetime: Duration,
    pub(super) service_lifetime: Duration,
    pub(super) form_style: FormStyle,
    pub(super) choices: ChoicesStyle,
    pub(super) protocols: Vec<Protocol>,
    pub(super) challenge: ChallengeStyle,
    pub(super) other_location: Option<String>,
    pub(super) context: String,
    pub(super) tokens: Tokens,
    conversations: HashMap<String, TokenRequest>,
    /// Those that were shown a page to acknowledge.
    noticed: HashSet<String>,
    begun: u64,
}

impl Default for Auth {
    fn default() -> Auth {
        Auth {
            account: Account::default(),
            primary_lifetime: Duration::from_secs(20 * 3_600),
            service_lifetime: Duration::from_secs(3_600),
            form_style: FormStyle::Plain,
            choices: ChoicesStyle::MultipleChoices,
            protocols: vec![
                Protocol::CitrixAgBasic,
                Protocol::IntegratedWindows,
                Protocol::ExplicitForms,
                Protocol::HttpBasic,
            ],
            challenge: ChallengeStyle::Proper,
            other_location: None,
            context: String::new(),
            tokens: Tokens::default(),
            conversations: HashMap::new(),
            noticed: HashSet::new(),
            begun: 0,
        }
    }
}

/// Where the service is.
pub(super) const ROOT: &str = "/Citrix/Authentication";

impl Auth {
    /// Lets a request through to a protected service, or answers it with the challenge.
    pub(super) fn guard(&self, request: &Request, realm: &str, hint: &str) -> Result<(), Box<Response>> {
        let location = format!("{}{ROOT}/auth/v1/token", request.base());
        self.guarded(request, realm, &location, hint)
    }

    fn guarded(&self, request: &Request, realm: &str, location: &str, hint: &str) -> Result<(), Box<Response>> {
        self.tokens.check(presented(request), realm).map_err(|reason| {
            let locations = match &self.other_location {
                Some(other) => format!("{other}|{location}"),
                None => location.to_owned(),
            };
            let challenge =
                Challenge { realm, reason, locations: &locations, hint: &format!("{}{hint}", request.base()) };
            Box::new(challenge.answer(self.challenge))
        })
    }

    /// Answers below `/Citrix/Authentication`; `path` is what follows, in lower case.
    pub(super) fn answer(&mut self, request: &Request, path: &str, password_end: Option<PasswordEnd>) -> Response {
        match path {
            "/explicitforms" => return self.submit(request, password_end),
            "/explicitforms/acknowledge" => return self.acknowledge(request, password_end),
            "/explicitforms/cancel" => {
                return self.form("success", "cancelled", "");
            }
            "/auth/v1/token" if content_type(request).contains("destroytoken") => {
                // It says so, and does not revoke.
                let space = "http://citrix.com/delivery-services/1-0/auth/destroytokenresponse";
                let body = format!(
                    "<destroytokenresponse xmlns=\"{space}\"><status>destroyed</status></destroytokenresponse>"
                );
                let kind = "application/vnd.citrix.destroytokenresponse+xml";
                return Response::full(StatusCode::OK, kind, body);
            }
            _ => {}
        }
        if !content_type(request).eq_ignore_ascii_case(token::REQUEST) {
            return Response::empty(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let wanted = match TokenRequest::read(&request.body) {
            Ok(wanted) => wanted,
            Err(reason) => return bad_request(reason),
        };
        match path {
            "/auth/v1/token" => self.service_token(request, &wanted),
            "/auth/v1/protocols" => self.protocols(request),
            "/explicitforms/authenticate" => self.begin(request, wanted),
            "/httpbasic/authenticate" => self.by_basic(request, &wanted, password_end),
            "/integratedwindows/authenticate" => {
                Response::empty(StatusCode::UNAUTHORIZED).with_header("www-authenticate", "Negotiate")
            }
            _ => Response::empty(StatusCode::NOT_FOUND),
        }
    }

    fn service_token(&mut self, request: &Request, wanted: &TokenRequest) -> Response {
        let hint = format!("{ROOT}/auth/v1/token");
        let protocols = format!("{}{ROOT}/auth/v1/protocols", request.base());
        if let Err(challenge) = self.guarded(request, TOKEN_REALM, &protocols, &hint) {
            return *challenge;
        }
        if !accepts(request, token::RESPONSE) {
            return Response::empty(StatusCode::NOT_ACCEPTABLE);
        }
        let body = self.tokens.issue(wanted, self.service_lifetime, None);
        Response::full(StatusCode::OK, token::RESPONSE, body)
            .with_header("cache-control", "public, no-store, max-age=0")
    }

    fn protocols(&self, request: &Request) -> Response {
        let inside = self.choices == ChoicesStyle::InsideResponse;
        let (status, kind) = match inside {
            true => (StatusCode::OK, token::RESPONSE),
            false => (StatusCode::MULTIPLE_CHOICES, token::CHOICES),
        };
        if !accepts(request, kind) {
            return Response::empty(StatusCode::NOT_ACCEPTABLE);
        }
        let list: Vec<(&str, String)> = self
            .protocols
            .iter()
            .map(|p| (p.name(), format!("{}{ROOT}/{}/Authenticate", request.base(), p.name())))
            .collect();
        Response::full(status, kind, token::choices(&list, inside))
    }

    fn form(&self, status: &str, result: &str, requirements: &str) -> Response {
        let log_message = match status {
            "error-service-unavailable" => Some("The directory does not answer."),
            _ => None,
        };
        let post_back = if requirements.contains("noticeBtn") { "/Acknowledge" } else { "" };
        let form = Form { status, result, context: &self.context, requirements, post_back, log_message };
        Response::full(StatusCode::OK, FORM, form.print()).with_header("pragma", "no-cache")
    }

    fn begin(&mut self, request: &Request, wanted: TokenRequest) -> Response {
        if !accepts(request, "application/vnd.citrix.authenticateresponse-1+xml") {
            return Response::empty(StatusCode::NOT_ACCEPTABLE);
        }
        // A conversation that nobody finished is forgotten when there are too many of them.
        if self.conversations.len() > 1_000 {
            self.conversations.clear();
        }
        self.begun += 1;
        let session = format!("simulatedsession{:08}", self.begun);
        self.conversations.insert(session.clone(), wanted);
        self.form("success", "more-info", &form::log_on(self.form_style, None))
            .with_header("set-cookie", &format!("ASP.NET_SessionId={session}; path=/; HttpOnly"))
            .with_header("set-cookie", &format!("Citrix_AuthSvc=svc{:08}; path={ROOT}/; HttpOnly", self.begun))
    }

    fn submit(&mut self, request: &Request, password_end: Option<PasswordEnd>) -> Response {
        let session = cookie(request, "ASP.NET_SessionId");
        let Some(wanted) = session.and_then(|s| self.conversations.get(s)).cloned() else {
            return self.form("error-sessionid-invalid", "fail", "");
        };
        let fields = fields(request);
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).unwrap_or_default();
        if field("StateContext") != self.context {
            return self.form("error-state-context-invalid", "fail", "");
        }
        let (user, password) = (field("username"), field("password"));
        if user.is_empty() || password.is_empty() || field("loginBtn").is_empty() {
            return self.form("error-params-not-expected", "fail", "");
        }
        let full = match (self.form_style, field("domain")) {
            (FormStyle::WithDomain, domain) => format!("{domain}\\{user}"),
            _ => user.to_owned(),
        };
        if !self.account.accepts(&full, password) || self.form_style == FormStyle::WithPasscode {
            return self.form("success", "more-info", &form::log_on(self.form_style, Some(user)));
        }
        match self.account.log_on {
            LogOn::Usual => {}
            LogOn::PasswordExpired => {
                return self.form("success", "update-credentials", &form::expired(user));
            }
            LogOn::Fail => return self.form("success", "fail", ""),
            LogOn::Notice | LogOn::Terms => {
                self.noticed.extend(session.map(str::to_owned));
                return self.form("success", "more-info", &form::notice(self.account.log_on == LogOn::Terms));
            }
            LogOn::Unavailable => return self.form("error-service-unavailable", "fail", ""),
        }
        if let Some(session) = session {
            self.conversations.remove(session);
        }
        self.primary(&wanted, password_end)
    }

    /// The page after the password was read.
    fn acknowledge(&mut self, request: &Request, password_end: Option<PasswordEnd>) -> Response {
        let session = cookie(request, "ASP.NET_SessionId").filter(|session| self.noticed.remove(*session));
        let Some(wanted) = session.and_then(|session| self.conversations.remove(session)) else {
            return self.form("error-sessionid-invalid", "fail", "");
        };
        let fields = fields(request);
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).unwrap_or_default();
        if field("StateContext") != self.context || field("noticeBtn") != "OK" || fields.len() != 2 {
            return self.form("error-params-not-expected", "fail", "");
        }
        self.primary(&wanted, password_end)
    }

    fn by_basic(&mut self, request: &Request, wanted: &TokenRequest, end: Option<PasswordEnd>) -> Response {
        let fits = basic(request).is_some_and(|(user, password)| self.account.accepts(&user, &password));
        if !fits || self.account.log_on != LogOn::Usual {
            return Response::empty(StatusCode::UNAUTHORIZED)
                .with_header("www-authenticate", "Basic realm=\"storefront.corp.example\"");
        }
        self.primary(wanted, end)
    }

    fn primary(&mut self, wanted: &TokenRequest, end: Option<PasswordEnd>) -> Response {
        let body = self.tokens.issue(wanted, self.primary_lifetime, Some(end));
        Response::full(StatusCode::OK, token::RESPONSE, body).with_header("pragma", "no-cache")
    }

    /// Forgets the conversations and ends every token.
    pub(super) fn forget(&mut self) {
        self.conversations.clear();
        self.noticed.clear();
        self.tokens.end(None);
    }
}
