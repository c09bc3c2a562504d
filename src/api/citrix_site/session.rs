//! How the site is asked: token, customer, site, pauses that it asks for.

use std::{borrow::Cow, sync::Arc};

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
};

/// As many requests are under way at once.
const AT_ONCE: usize = 2;

/// As often one request is sent again after a pause that the site has asked for.
const PAUSES: usize = 5;

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
    site_id: Option<String>,
    /// The present token has worked.
    worked: bool,
    /// The poll in which a refused token was replaced.
    renewed: Option<UnixTime>,
    renewals: Renewals,
}

/// What a request is sent with.
#[derive(Debug, Clone)]
struct Ticket {
    token: Token,
    site_id: String,
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
    pub async fn site(&self, cx: &Context<'_>) -> Result<String, Failure> {
        self.ticket(cx, None).await.map(|ticket| ticket.site_id)
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
        if let Some(site_id) = &access.site_id {
            return Ok(Ticket { token, site_id: site_id.clone() });
        }
        let site_id = match self.first_site(cx, &token).await {
            // One of an earlier poll may have been lost.
            Err(failure) if failure.reason == Reason::Auth && token.got != cx.now && access.renewals.may(cx.now) => {
                token = self.log_on(cx, &mut access, &secret).await?;
                self.first_site(cx, &token).await?
            }
            site_id => site_id?,
        };
        access.site_id = Some(site_id.clone());
        Ok(Ticket { token, site_id })
    }

    async fn log_on(&self, cx: &Context<'_>, access: &mut Access, secret: &SecretText) -> Result<Token, Failure> {
        access.token = None;
        let token = logon::log_on(&self.settings.access, secret, &self.target, &self.http, &self.logons, cx).await?;
        access.token = Some(token.clone());
        // Another account may see another site.
        access.site_id = (!self.settings.site_id.is_empty()).then(|| self.settings.site_id.clone());
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

    /// The first site that the account sees.
    async fn first_site(&self, cx: &Context<'_>, token: &Token) -> Result<String, Failure> {
        let ticket = Ticket { token: token.clone(), site_id: String::new() };
        let question = Question { operation: "me", path: "me", query: &[], deadline: cx.deadline };
        let answer = self.call(&question, &ticket).send(question.deadline).await?;
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        read_site(&answer, &token.customer)
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
        let call = match ticket.site_id.as_str() {
            "" => call,
            site_id => call.header("citrix-instanceid", site_id),
        };
        call.secret_header("authorization", &authorization)
    }
}

/// The failure of an answer that is none, with the words of the site.
fn refused(answer: &Answer) -> Failure {
    let mut failure = answer.failure();
    words::add(&mut failure.message, words::in_fields(&answer.body, &["ErrorMessage", "message", "detail"]));
    failure
}

/// The first site of this customer, or of the first that has one.
pub(super) fn read_site(answer: &Answer, customer: &str) -> Result<String, Failure> {
    let text = lenient::text(answer.json_object()?);
    let me: Me<'_> = lenient::object(&text).map_err(|failure| failure.context(&answer.what))?;
    let customers =
        || me.customers.iter().filter_map(|Object(of)| if let Field::Value(of) = of { Some(of) } else { None });
    let is_ours = |of: &&Customer<'_>| of.id.clone().ok().is_some_and(|id| id.eq_ignore_ascii_case(customer));
    let sites = customers().filter(is_ours).chain(customers()).flat_map(|of| &of.sites);
    let ids = sites.filter_map(|Object(site)| if let Field::Value(site) = site { site.id.clone().ok() } else { None });
    // It is to stand in a header.
    let first = ids.into_iter().find(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()));
    first.map(Cow::into_owned).ok_or_else(|| {
        Failure::new(Reason::Decode, format!("{}: the account sees no site; it needs a role at one", answer.what))
    })
}
