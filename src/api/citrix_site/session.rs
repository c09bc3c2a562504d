//! How the site is asked: token, customer, site, pauses that it asks for.

use std::{borrow::Cow, fmt, sync::Arc};

use reqwest::Url;
use serde::Deserialize;
use tokio::{
    sync::{Mutex, Semaphore},
    time::Instant,
};

use super::{
    super::{
        Context,
        lenient::{self, Field, Object},
        logon::Logons,
        pause::Pause,
        renewals::Renewals,
        words,
    },
    logon::{self, Token},
};
use crate::{
    clock::UnixTime,
    config::{Target, secret::SecretText, target},
    failure::{Failure, Reason},
    http::{self, Answer, Body, Client},
    printable::printable,
};

/// As many requests are under way at once.
const AT_ONCE: usize = 2;

/// As often one request is sent again after a pause that the site has asked for.
const PAUSES: usize = 5;

/// As many sites are named in a message.
const NAMED: usize = 10;

/// What outlives a poll.
#[derive(Debug)]
pub struct Session {
    target: Arc<Target>,
    settings: Arc<target::CitrixSite>,
    http: Client,
    logons: Arc<Logons>,
    pause: Pause,
    places: Semaphore,
    access: Mutex<Access>,
}

/// The token, and what is known of it.
#[derive(Debug, Default)]
struct Access {
    token: Option<Token>,
    /// The site that the token's account sees first, or the configured one.
    site: Option<Site>,
    /// What else it sees, where that was read.
    others: Vec<Site>,
    /// The present token has worked.
    worked: bool,
    /// The poll in which a refused token was replaced.
    renewed: Option<UnixTime>,
    renewals: Renewals,
}

/// A site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// What requests name it by.
    pub id: String,
    /// What people call it; empty where that was not read.
    pub name: String,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str(&self.id),
            name => write!(f, "{} ({name})", self.id),
        }
    }
}

/// What a request is sent with.
#[derive(Debug, Clone)]
struct Ticket {
    token: Token,
    site: Site,
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// For the metrics.
    pub operation: &'static str,
    /// Below `/cvad/manage/`.
    pub path: &'a str,
    /// Query.
    pub query: &'a [(&'a str, &'a str)],
    /// When it is given up.
    pub deadline: Instant,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Me<'a> {
    #[serde(rename = "Customers", alias = "customers", borrow)]
    customers: Vec<Object<Customer<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Customer<'a> {
    #[serde(rename = "Id", alias = "id", borrow)]
    id: Field<Cow<'a, str>>,
    #[serde(rename = "Sites", alias = "sites", borrow)]
    sites: Vec<Object<Named<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(rename = "Id", alias = "id", borrow)]
    id: Field<Cow<'a, str>>,
    #[serde(rename = "Name", alias = "name", borrow)]
    name: Field<Cow<'a, str>>,
}

impl Session {
    /// Nothing is sent yet.
    pub fn new(target: Arc<Target>, settings: Arc<target::CitrixSite>, http: Client, logons: Arc<Logons>) -> Session {
        let places = Semaphore::new(AT_ONCE);
        Session { target, settings, http, logons, pause: Pause::default(), places, access: Mutex::default() }
    }

    /// A pause that the site has asked for ends before its time.
    pub fn resume(&self) {
        self.pause.end();
    }

    /// The site that is asked, once it is known; logs on where there is no good token.
    pub async fn site(&self, cx: &Context<'_>) -> Result<Site, Failure> {
        self.ticket(cx, None).await.map(|ticket| ticket.site)
    }

    /// Sites that the account sees besides, in words.
    pub async fn others(&self) -> Option<String> {
        let access = self.access.lock().await;
        let others = &access.others;
        (!others.is_empty()).then(|| format!("the account also sees {}; site_id selects one", listed(others)))
    }

    /// The failure, with the sites that the account sees where it is the configured one that is not among them.
    pub async fn explained(&self, cx: &Context<'_>, mut failure: Failure) -> Failure {
        let configured = &self.settings.site_id;
        let is_of_site = matches!(failure.reason, Reason::HttpStatus | Reason::NotFound | Reason::Forbidden)
            && failure.retry_after.is_none();
        let token = {
            let access = self.access.lock().await;
            access.token.clone().filter(|_| !configured.is_empty() && is_of_site && !access.worked)
        };
        let Some(token) = token else { return failure };
        // Whatever is the matter with this request, the other one is what failed.
        let Ok(sites) = self.sites(cx, &token).await else { return failure };
        if !sites.iter().any(|site| site.id.eq_ignore_ascii_case(configured)) {
            let seen = listed(&sites);
            failure.message.push_str(&format!("; site_id is none of the sites that the account sees: {seen}"));
        }
        failure
    }

    /// The body of the answer, which is JSON. A token that is refused is replaced once in a poll; a pause that the site asks for
    /// (429 or 503 with `Retry-After`) is waited for, by all requests.
    pub async fn get(&self, cx: &Context<'_>, question: Question<'_>) -> Result<Body, Failure> {
        let _place = self.places.acquire().await.expect("the semaphore is never closed");
        let ticket = self.ticket(cx, None).await?;
        let answer = self.ask(&question, &ticket).await?;
        let mut answer = match answer.status.as_u16() {
            401 => {
                let failure = refused(&answer);
                match self.renewed(cx, &ticket, failure).await? {
                    (ticket, None) => self.ask(&question, &ticket).await?,
                    (_, Some(failure)) => return Err(failure),
                }
            }
            _ => answer,
        };
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        self.worked().await;
        answer.take_json()
    }

    /// What a request is sent with; another one instead of a token that was refused.
    async fn ticket(&self, cx: &Context<'_>, refused: Option<&Token>) -> Result<Ticket, Failure> {
        let secret = logon::secret(&self.settings.access)?;
        let mut access = self.access.lock().await;
        // It works on while log-ons are held: a hold stops log-ons, not polls.
        let is_good = |token: &&Token| token.is_good(&secret) && refused.is_none_or(|old| old.text != token.text);
        let mut token = match access.token.as_ref().filter(is_good) {
            Some(token) => token.clone(),
            None => self.log_on(cx, &mut access, &secret).await?,
        };
        if let Some(site) = &access.site {
            return Ok(Ticket { token, site: site.clone() });
        }
        let sites = match self.sites(cx, &token).await {
            // One of an earlier poll may have been lost.
            Err(failure) if failure.reason == Reason::Auth && token.got != cx.now && access.renewals.may(cx.now) => {
                token = self.log_on(cx, &mut access, &secret).await?;
                self.sites(cx, &token).await?
            }
            sites => sites?,
        };
        let mut sites = sites.into_iter();
        let site = sites.next().expect("a list of sites is not empty");
        access.site = Some(site.clone());
        access.others = sites.collect();
        Ok(Ticket { token, site })
    }

    async fn log_on(&self, cx: &Context<'_>, access: &mut Access, secret: &SecretText) -> Result<Token, Failure> {
        access.token = None;
        let token = logon::log_on(&self.settings.access, secret, &self.target, &self.http, &self.logons, cx).await?;
        access.token = Some(token.clone());
        // Another account may see another site.
        let configured = Some(&self.settings.site_id).filter(|id| !id.is_empty());
        access.site = configured.map(|id| Site { id: id.clone(), ..Site::default() });
        access.worked = false;
        access.renewals.renewed(cx.now);
        Ok(token)
    }

    /// Another ticket instead of one that was refused; the failure again where there is none to be had.
    async fn renewed(
        &self,
        cx: &Context<'_>,
        ticket: &Ticket,
        failure: Failure,
    ) -> Result<(Ticket, Option<Failure>), Failure> {
        {
            let mut access = self.access.lock().await;
            let is_present = access.token.as_ref().is_some_and(|token| token.text == ticket.token.text);
            // One that has never worked would not by being another one.
            let may = access.worked || ticket.token.got != cx.now;
            let may = may && access.renewed != Some(cx.now) && access.renewals.may(cx.now);
            if is_present && !may {
                return Ok((ticket.clone(), Some(failure)));
            }
            if is_present {
                access.renewed = Some(cx.now);
                access.token = None;
            }
        }
        Ok((self.ticket(cx, Some(&ticket.token)).await?, None))
    }

    async fn worked(&self) {
        let mut access = self.access.lock().await;
        if !access.worked {
            access.worked = true;
            access.renewals.worked();
        }
    }

    /// The sites that the account sees, at least one.
    async fn sites(&self, cx: &Context<'_>, token: &Token) -> Result<Vec<Site>, Failure> {
        let ticket = Ticket { token: token.clone(), site: Site::default() };
        let question = Question { operation: "me", path: "me", query: &[], deadline: cx.deadline };
        let answer = self.call(&question, &ticket).send(question.deadline).await?;
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        read_sites(&answer, &token.customer)
    }

    async fn ask(&self, question: &Question<'_>, ticket: &Ticket) -> Result<Answer, Failure> {
        for turn in 0.. {
            self.pause.wait(&self.http, question.deadline).await?;
            let answer = self.call(question, ticket).send_packed(question.deadline).await?;
            let asks_for_a_pause = matches!(answer.status.as_u16(), 429 | 503);
            match answer.retry_after().filter(|_| asks_for_a_pause) {
                Some(wait) => self.pause.begin(wait),
                None => return Ok(answer),
            }
            if turn >= PAUSES || answer.retry_after().is_some_and(|wait| wait >= answer.left) {
                return Err(answer.failure());
            }
        }
        unreachable!("the last turn returns")
    }

    fn call(&self, question: &Question<'_>, ticket: &Ticket) -> http::Call {
        let mut url: Url =
            http::below(&self.target.url, ["cvad", "manage"].into_iter().chain(question.path.split('/')));
        if !question.query.is_empty() {
            url.query_pairs_mut().extend_pairs(question.query);
        }
        let authorization = SecretText::new(format!("CWSAuth Bearer={}", ticket.token.text.expose()));
        let call = self.http.get(question.operation, url).header("accept", "application/json");
        let call = call.header("citrix-customerid", &ticket.token.customer);
        let call = match ticket.site.id.as_str() {
            "" => call,
            site_id => call.header("citrix-instanceid", site_id),
        };
        call.secret_header("authorization", &authorization)
    }
}

/// The first of these sites, as people read them.
fn listed(sites: &[Site]) -> String {
    let names: Vec<String> = sites.iter().take(NAMED).map(Site::to_string).collect();
    let more = if sites.len() > NAMED { ", ..." } else { "" };
    format!("{}{more}", printable(&names.join(", ")))
}

/// The failure of an answer that is none, with the words of the site.
fn refused(answer: &Answer) -> Failure {
    let mut failure = answer.failure();
    words::add(&mut failure.message, words::in_fields(&answer.body, &["ErrorMessage", "message", "detail"]));
    failure
}

/// The sites that the account sees, those of this customer first; an error where there is none.
pub(super) fn read_sites(answer: &Answer, customer: &str) -> Result<Vec<Site>, Failure> {
    let text = lenient::text(answer.json_object()?);
    let me: Me<'_> = lenient::object(&text).map_err(|failure| failure.context(&answer.what))?;
    let customers =
        me.customers.iter().filter_map(|Object(of)| if let Field::Value(of) = of { Some(of) } else { None });
    let is_ours = |of: &&Customer<'_>| of.id.clone().ok().is_some_and(|id| id.eq_ignore_ascii_case(customer));
    let (ours, others): (Vec<_>, Vec<_>) = customers.partition(is_ours);
    let sites = ours.into_iter().chain(others).flat_map(|of| &of.sites);
    let site = |Object(site): &Object<Named<'_>>| {
        let Field::Value(Named { id, name }) = site else { return None };
        // It is to stand in a header.
        let id = id.clone().ok().filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()))?;
        Some(Site { id: id.into_owned(), name: name.clone().ok().map(Cow::into_owned).unwrap_or_default() })
    };
    let sites: Vec<Site> = sites.filter_map(site).collect();
    if sites.is_empty() {
        let message = format!("{}: the account sees no site; it needs a role at one", answer.what);
        return Err(Failure::new(Reason::Decode, message));
    }
    Ok(sites)
}
