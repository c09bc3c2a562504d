//! One log-on by a chosen protocol: credentials in, primary token out. The password leaves at most once.

use bytes::Bytes;
use reqwest::{
    StatusCode, Url,
    cookie::{CookieStore, Jar},
    header::{HeaderMap, SET_COOKIE},
};
use tokio::time::Instant;

use super::{
    allowed_hosts::AllowedHosts,
    challenge::{offers_basic, schemes},
    form::{CREDENTIAL_TYPES, LABEL_TYPES, Refusal, Submission},
    reply::{Choice, IssuedToken, REQUEST_TOKEN, Reply},
    request::{ApiRequest, failure},
};
use crate::{
    api::lenient,
    clock::UnixTime,
    config::{secret::SecretText, target::CitrixMethod},
    failure::{Failure, Reason},
    http::{Answer, Call, Client, SendTracker},
};

const ACCEPT_FORM: &str = "application/vnd.citrix.requesttokenresponse+xml, text/xml, \
                           application/vnd.citrix.authenticateresponse-1+xml";
const ACCEPT_POSTED: &str =
    "application/vnd.citrix.requesttokenresponse+xml, application/vnd.citrix.authenticateresponse-1+xml";

const FORM: &str = "application/x-www-form-urlencoded";

/// As many pages are read after the password; those behind them are none that anybody reads.
const MAX_PAGES: usize = 4;

/// A protocol that a monitor can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A form with user name and password.
    ExplicitForms,
    /// HTTP Basic.
    HttpBasic,
}

/// Takes the protocol that the configuration wants out of those that the server offers.
pub fn choose(method: CitrixMethod, choices: &[Choice]) -> Result<(Protocol, &Choice), Failure> {
    let wanted: &[Protocol] = match method {
        CitrixMethod::Auto => &[Protocol::ExplicitForms, Protocol::HttpBasic],
        CitrixMethod::ExplicitForms => &[Protocol::ExplicitForms],
        CitrixMethod::HttpBasic => &[Protocol::HttpBasic],
    };
    let offered =
        |protocol: Protocol| choices.iter().find(|c| c.protocol.eq_ignore_ascii_case(&format!("{protocol:?}")));
    wanted.iter().find_map(|protocol| Some((*protocol, offered(*protocol)?))).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|choice| choice.protocol.as_str()).collect();
        let names = lenient::shown(&names.join(", "), 200);
        Failure::new(Reason::Auth, format!("the server offers only these ways to log on: {names}"))
    })
}

/// The parties of a log-on.
pub struct Logon {
    /// Sends.
    pub http: Client,
    /// Where the password may go.
    pub allowed_hosts: AllowedHosts,
    /// Until when; the answer to the password is waited for longer.
    pub deadline: Instant,
    /// Now.
    pub now: UnixTime,
    /// Who.
    pub username: String,
    /// The password.
    pub password: SecretText,
    /// Learns when the password leaves.
    pub sent: SendTracker,
}

impl Logon {
    /// Asks `location` for the token that `body` describes.
    pub async fn run(&self, protocol: Protocol, location: Url, body: &str) -> Result<IssuedToken, Refusal> {
        match protocol {
            Protocol::ExplicitForms => self.explicit_forms(location, body).await,
            Protocol::HttpBasic => self.http_basic(location, body).await,
        }
    }

    /// The form is fetched with the request for the token, and sent back once. Cookies live as long as this call.
    async fn explicit_forms(&self, location: Url, body: &str) -> Result<IssuedToken, Refusal> {
        let jar = Jar::default();
        let request = ApiRequest::post("logon", location.clone(), ACCEPT_FORM, REQUEST_TOKEN, body.to_owned());
        let call = request
            .call(&self.http, None)
            .header("accept-language", "en")
            .header("x-citrix-am-credentialtypes", CREDENTIAL_TYPES)
            .header("x-citrix-am-labeltypes", LABEL_TYPES);
        let answer = call.send(self.deadline).await?;
        keep(&jar, &answer.headers, &location);
        let form = match self.read(answer)? {
            Reply::Form(form) => form,
            Reply::Token(issued) => return Ok(issued),
            Reply::Choices(_) => return Err(no_form()),
        };
        let submission = form.fill(&self.username, &self.password)?;
        let mut url = self.allowed_hosts.resolve(&location, &submission.post_back)?;
        let call = self.post(&url, &jar).secret_body(FORM, encode(&submission)).credentials(&self.sent);
        let mut answer = call.send(self.deadline).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(Refusal::Credentials("the log-on was refused with 401".to_owned()));
        }
        for _ in 0..MAX_PAGES {
            keep(&jar, &answer.headers, &url);
            let form = match self.read(answer)? {
                Reply::Token(issued) => return Ok(issued),
                Reply::Choices(_) => return Err(no_form()),
                Reply::Form(form) => form,
            };
            // What it says is in the message, and not as XML.
            self.sent.note_answer(&Bytes::new());
            let Some(submission) = form.acknowledgement() else { return Err(form.after_credentials()) };
            url = self.allowed_hosts.resolve(&url, &submission.post_back)?;
            answer = self.post(&url, &jar).body(FORM, encode(&submission)).send(self.sent.until()).await?;
        }
        Err(Failure::new(Reason::Auth, format!("the log-on shows more than {MAX_PAGES} pages to acknowledge")).into())
    }

    /// A form that is sent back, without its body.
    fn post(&self, url: &Url, jar: &Jar) -> Call {
        let call = self
            .http
            .request("logon", reqwest::Method::POST, url.clone())
            .header("accept", ACCEPT_POSTED)
            .header("accept-language", "en")
            .header("citrix-transactionid", &super::request::transaction_id());
        match jar.cookies(url) {
            Some(cookies) => {
                let cookies = SecretText::new(String::from_utf8_lossy(cookies.as_bytes()));
                call.secret_header("cookie", &cookies)
            }
            None => call,
        }
    }

    /// The request is answered with a Basic challenge first, so that the password goes nowhere uninvited.
    async fn http_basic(&self, location: Url, body: &str) -> Result<IssuedToken, Refusal> {
        let accept = "application/vnd.citrix.requesttokenresponse+xml";
        let request = ApiRequest::post("logon", location, accept, REQUEST_TOKEN, body.to_owned());
        let mut answer = request.send(&self.http, None, self.deadline).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            if !offers_basic(&answer.headers) {
                let offered = schemes(&answer.headers);
                let text = format!("the HttpBasic service does not offer Basic, but {offered}");
                return Err(Failure::new(Reason::Auth, text).into());
            }
            let call = request.call(&self.http, None).basic(&self.username, &self.password);
            answer = call.credentials(&self.sent).send(self.deadline).await?;
            if answer.status == StatusCode::UNAUTHORIZED {
                return Err(Refusal::Credentials("the log-on was refused with 401".to_owned()));
            }
        }
        match self.read(answer)? {
            Reply::Token(issued) => Ok(issued),
            Reply::Form(_) | Reply::Choices(_) => Err(no_form()),
        }
    }

    fn read(&self, answer: Answer) -> Result<Reply, Failure> {
        if answer.status.is_success() { Reply::read(&answer, self.now) } else { Err(failure(&answer)) }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Other(failure)
    }
}

fn no_form() -> Refusal {
    Failure::new(Reason::Decode, "the log-on service answered with something unexpected").into()
}

fn keep(jar: &Jar, headers: &HeaderMap, url: &Url) {
    jar.set_cookies(&mut headers.get_all(SET_COOKIE).iter(), url);
}

/// As `application/x-www-form-urlencoded`.
fn encode(submission: &Submission) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(&submission.fields).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(protocols: &[&str]) -> Vec<Choice> {
        let choice = |name: &&str| Choice { protocol: (*name).to_owned(), location: format!("https://sf/{name}") };
        protocols.iter().map(choice).collect()
    }

    #[test]
    fn auto_takes_the_form_and_else_basic() {
        use CitrixMethod::{Auto, ExplicitForms, HttpBasic};
        let both = ["CitrixFederation", "HttpBasic", "ExplicitForms"];
        let rows: [(_, &[&str], _); 7] = [
            (Auto, &both, Some(Protocol::ExplicitForms)),
            (Auto, &["HttpBasic"], Some(Protocol::HttpBasic)),
            (ExplicitForms, &both, Some(Protocol::ExplicitForms)),
            (HttpBasic, &both, Some(Protocol::HttpBasic)),
            (ExplicitForms, &["HttpBasic"], None),
            (HttpBasic, &["ExplicitForms"], None),
            (Auto, &["IntegratedWindows", "Forms-Saml"], None),
        ];
        for (method, offered, expected) in rows {
            let choices = choices(offered);
            match (choose(method, &choices), expected) {
                (Ok((protocol, _)), Some(expected)) => assert_eq!(protocol, expected),
                (Err(failure), None) => assert!(failure.message.contains(offered[0]), "{failure}"),
                (other, _) => panic!("{method:?} of {offered:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_form_is_encoded_as_browsers_do() {
        let fields = [("loginBtn", "Log On"), ("user", r"corp\mönitor"), ("pw", "a&b=c+d%")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let submission = Submission { post_back: String::new(), fields };
        assert_eq!(encode(&submission), "loginBtn=Log+On&user=corp%5Cm%C3%B6nitor&pw=a%26b%3Dc%2Bd%25");
    }
}
