//! How the service is asked: base URL, version, credentials, limits, sign-in pages and pages of lists.

use std::{collections::HashSet, sync::Arc};

use reqwest::Url;
use tokio::time::Instant;

use super::{
    super::{Context, lenient::RowCount, logon::Logons, renewals::Renewals, words},
    limits::Limits,
    pools::{self, PoolRow},
    token::{self, Application, Credential, Token},
};
use crate::{
    config::{Target, target::AzureAuth},
    failure::{Failure, Reason},
    http::{self, Answer, Body, Client},
};

/// Versions that are tried, newest first: 7.0 is that of the vendor's page (Services, Server 2022), 5.1 the first in which
/// all that is used here was released (Server 2019); still older servers choose for themselves.
const VERSIONS: [Option<&str>; 3] = [Some("7.0"), Some("5.1"), None];

/// More pages of one list are taken for a service that has no end.
const MAX_PAGES: usize = 100;

/// Tells where the next page begins.
const CONTINUATION: &str = "x-ms-continuationtoken";

/// One question, which may take several pages to answer.
#[derive(Debug, Clone)]
pub struct ApiRequest<'a> {
    /// Credentials.
    pub credential: &'a Credential,
    /// For the metrics.
    pub operation: &'static str,
    /// Below the base URL.
    pub path: String,
    /// Query, besides version and continuation.
    pub query: &'a [(&'static str, &'static str)],
    /// Whether `api-version` is sent.
    pub versioned: bool,
    /// For all pages together.
    pub deadline: Instant,
}

/// What outlives a poll.
#[derive(Debug)]
pub struct Session {
    /// What the service said about its limits.
    pub limits: Limits,
    target: Arc<Target>,
    auth: AzureAuth,
    http: Client,
    logons: Arc<Logons>,
    token: Option<Token>,
    renewals: Renewals,
    base: Url,
    version: usize,
}

impl Session {
    /// Nothing is sent yet.
    pub fn new(target: Arc<Target>, auth: AzureAuth, http: Client, logons: Arc<Logons>) -> Session {
        let base = target.url.clone();
        let renewals = Renewals::default();
        Session { limits: Limits::default(), target, auth, http, logons, token: None, renewals, base, version: 0 }
    }

    /// A poll begins.
    pub fn begin(&mut self) {
        self.limits.begin();
    }

    /// The pause that the service asked for is over, as somebody wants it.
    pub fn resume(&mut self) {
        self.limits.resume();
    }

    /// What requests are sent with; logs on where there is no good token.
    pub async fn credential(&mut self, cx: &Context<'_>) -> Result<Credential, Failure> {
        let (tenant_id, client_id, client_secret, authority) = match &self.auth {
            AzureAuth::Pat(secret) => return secret.read().map(Credential::Pat),
            AzureAuth::Entra { tenant_id, client_id, client_secret, authority } => {
                (tenant_id, client_id, client_secret, authority)
            }
        };
        let secret = client_secret.read()?;
        // It works on while log-ons are held: a hold stops log-ons, not polls.
        if let Some(token) = self.token.as_ref().filter(|token| token.is_good(&secret)) {
            return Ok(Credential::Token(token.text.clone()));
        }
        self.token = None;
        let application = Application { tenant_id, client_id, secret: &secret, authority };
        let token = token::log_on(application, &self.target, &self.http, &self.logons, cx).await?;
        let credential = Credential::Token(token.text.clone());
        self.token = Some(token);
        self.renewals.renewed(cx.now);
        Ok(credential)
    }

    /// Another token instead of one of an earlier poll that the service does not take any more; `None` where there is none, or
    /// another would not help either. One that worked before may be lost as well where the service says `forbidden`: then it is
    /// replaced once, and used on where no other can be had.
    pub async fn renew_token(&mut self, cx: &Context<'_>, reason: Reason) -> Result<Option<Credential>, Failure> {
        let may = match reason {
            Reason::Auth => self.renewals.may(cx.now),
            Reason::Forbidden => self.renewals.may_doubt(cx.now),
            _ => false,
        };
        let Some(old) = self.token.take_if(|token| may && token.is_older_than(cx)) else { return Ok(None) };
        if reason == Reason::Forbidden {
            self.renewals.doubted(cx.now);
        }
        match self.credential(cx).await {
            Err(_) if reason == Reason::Forbidden => {
                self.token = Some(old);
                Ok(None)
            }
            result => result.map(Some),
        }
    }

    /// The list of pools. Finds out the version and, on premises, the base URL that the server answers to.
    /// All pools that the account may see, and what is wrong where most of the list cannot be read.
    pub async fn pools(
        &mut self,
        cx: &Context<'_>,
        credential: &Credential,
    ) -> Result<(Vec<PoolRow>, Option<Failure>), Failure> {
        let request = ApiRequest {
            credential,
            operation: "pools",
            path: "_apis/distributedtask/pools".to_owned(),
            query: &[],
            versioned: true,
            deadline: cx.deadline,
        };
        let first = self.first_page(&request).await?;
        let (mut pools, mut count) = (Vec::new(), RowCount::default());
        let max_agents = self.target.max_agents;
        let read = |body: Body| pools::read(body.reader(), &mut pools, &mut count, max_agents, cx.warnings);
        self.pages(&request, Some(first), read).await?;
        let defect = count.judge("pools")?;
        self.renewals.worked();
        Ok((pools, defect))
    }

    async fn first_page(&mut self, request: &ApiRequest<'_>) -> Result<Answer, Failure> {
        let failure = loop {
            let answer = self.send(request, None).await?;
            if is_version_refused(&answer) && self.version + 1 < VERSIONS.len() {
                self.version += 1;
                continue;
            }
            match check(answer) {
                Ok(answer) => return Ok(answer),
                Err(failure) => break failure,
            }
        };
        if failure.reason != Reason::NotFound {
            return Err(failure);
        }
        // On premises pools belong to the server: their links lead above the collection, and some servers know them only
        // there.
        let above = if self.base == self.target.url { above_collection(&self.target.url) } else { None };
        self.base = above.clone().unwrap_or_else(|| self.target.url.clone());
        if above.is_some() {
            let answer = self.send(request, None).await;
            match answer.and_then(check) {
                Ok(answer) => return Ok(answer),
                Err(_) => self.base = self.target.url.clone(),
            }
        }
        Err(failure)
    }

    /// Asks page by page, and hands over each body. `first`: the page that is there already.
    pub async fn pages(
        &self,
        request: &ApiRequest<'_>,
        mut first: Option<Answer>,
        mut each: impl FnMut(Body) -> Result<(), Failure> + Send,
    ) -> Result<(), Failure> {
        let mut continuation: Option<String> = None;
        let mut seen: HashSet<String> = HashSet::new();
        for _ in 0..MAX_PAGES {
            let mut answer = match first.take() {
                Some(answer) => answer,
                None => check(self.send(request, continuation.as_deref()).await?)?,
            };
            // Nobody else holds the body, so that it is gone when it has been read.
            let read = answer.take_json().and_then(|body| each(body).map_err(|failure| failure.context(&answer.what)));
            read.map_err(|failure| traced(failure, &answer))?;
            match answer.header(CONTINUATION).filter(|token| !token.is_empty()) {
                None => return Ok(()),
                Some(token) if !seen.insert(token.to_owned()) => {
                    let message = format!("{}: the continuation tokens turn in circles", answer.what);
                    return Err(Failure::new(Reason::Decode, message));
                }
                Some(token) => continuation = Some(token.to_owned()),
            }
        }
        Err(Failure::new(Reason::TooLarge, format!("GET /{}: more than {MAX_PAGES} pages", request.path)))
    }

    async fn send(&self, request: &ApiRequest<'_>, continuation: Option<&str>) -> Result<Answer, Failure> {
        self.limits.wait(&self.http, request.deadline).await?;
        let call = self
            .http
            .get(request.operation, self.url(request, continuation))
            .header("accept", "application/json")
            // Asks for a plain refusal instead of a redirect to the sign-in page, as the vendor's own clients do.
            .header("x-tfs-fedauthredirect", "Suppress");
        let call = match request.credential {
            Credential::Pat(pat) => call.basic_token(pat),
            Credential::Token(token) => call.bearer(token),
        };
        let answer = call.send_packed(request.deadline).await?;
        self.limits.note(&answer);
        Ok(answer)
    }

    fn url(&self, request: &ApiRequest<'_>, continuation: Option<&str>) -> Url {
        let mut url = http::below(&self.base, request.path.split('/'));
        let version = VERSIONS[self.version].filter(|_| request.versioned).map(|version| ("api-version", version));
        let continuation = continuation.map(|token| ("continuationToken", token));
        let pairs: Vec<_> = request.query.iter().copied().chain(continuation).chain(version).collect();
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        url
    }
}

/// The answer if it is data. A refused PAT does not always come as 401: also as 203 with a sign-in page, as a redirect to
/// one, or as the page itself with 200.
pub fn check(answer: Answer) -> Result<Answer, Failure> {
    let sign_in = match answer.status.as_u16() {
        203 => Some("203, which is the sign-in page"),
        302 | 303 | 307 if leads_to_sign_in(&answer) => Some("a redirect, which leads to the sign-in page"),
        // Another page is that of somebody else, a proxy for example, and says nothing of the credentials.
        200..=299 if answer.is_html() && is_sign_in(&answer.page()) => Some("a web page, which is the sign-in page"),
        _ => None,
    };
    if let Some(what) = sign_in {
        let mut message = format!("{}: {what}; are the credentials still good?", answer.what);
        words::add(&mut message, told(&answer));
        let failure = Failure::new(Reason::Auth, message);
        return Err(traced(Failure { retry_after: answer.retry_after(), ..failure }, &answer));
    }
    if answer.status.is_success() {
        return Ok(answer);
    }
    let mut failure = answer.failure();
    words::add(&mut failure.message, told(&answer));
    Err(traced(failure, &answer))
}

/// What the service says of a refusal: `TF400813: The user … is not authorized …`. The header is encoded as in a URL.
fn told(answer: &Answer) -> Option<String> {
    let encoded = || answer.header("x-tfs-serviceerror").filter(|text| !text.trim().is_empty());
    let header = || {
        let text = format!("t={}", encoded()?.replace('&', "%26"));
        form_urlencoded::parse(text.as_bytes()).next().map(|(_, text)| words::shown(&text))
    };
    words::in_fields(&answer.body, &["message"]).or_else(header)
}

/// Words of a URL of Microsoft's sign-in.
const SIGN_IN: [&str; 6] =
    ["_signin", "login.microsoftonline.", "login.live.com", "login.windows.net", ".vssps.visualstudio.com", "aadcdn."];

/// Whether a redirect leads to the sign-in page; one that leads nowhere is taken for it, as the service sends no others.
fn leads_to_sign_in(answer: &Answer) -> bool {
    let Some(to) = answer.header("location").map(str::to_ascii_lowercase) else { return true };
    SIGN_IN.iter().chain(&["/login", "oauth2"]).any(|word| to.contains(word))
}

/// Whether a page is Microsoft's sign-in page: its title says so, with a name of theirs or nothing else, or it leads there.
fn is_sign_in(page: &[u8]) -> bool {
    let page = String::from_utf8_lossy(page).to_ascii_lowercase();
    let title = page.split_once("<title").and_then(|(_, rest)| rest.split("</title").next()?.split_once('>'));
    let title = title.map_or("", |(_, title)| title.trim());
    let is_theirs =
        ["azure devops", "visual studio", "team foundation", "your account"].iter().any(|name| title.contains(name));
    title == "sign in" || (title.contains("sign in") && is_theirs) || SIGN_IN.iter().any(|word| page.contains(word))
}

/// Adds the id under which the vendor's support finds the request.
fn traced(mut failure: Failure, answer: &Answer) -> Failure {
    for name in ["activityid", "x-vss-e2eid"] {
        let id = answer.header(name).unwrap_or_default().trim();
        if (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            failure.message.push_str(&format!(" ({name} {id})"));
            break;
        }
    }
    failure
}

/// Whether the server is older than the version that was asked for: 400 and `VssVersionOutOfRangeException` or a relative.
fn is_version_refused(answer: &Answer) -> bool {
    answer.status.as_u16() == 400 && answer.body.windows(10).any(|window| window == b"VssVersion")
}

/// The URL without its last segment, where it is that of a server of one's own.
fn above_collection(url: &Url) -> Option<Url> {
    let host = url.host_str()?;
    if host == "dev.azure.com" || host.ends_with(".visualstudio.com") {
        return None;
    }
    let mut above = url.clone();
    above.path_segments_mut().ok()?.pop_if_empty().pop();
    (above.path() != url.path()).then_some(above)
}
