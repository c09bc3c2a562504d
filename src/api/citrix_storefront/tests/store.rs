//! A StoreFront of a few machines, with a token service, forms and Basic, that can be told to misbehave.

use std::sync::{Arc, Mutex};

use reqwest::Url;
use rollcall_test_server::{Request, Response, Server};

/// The only password that is taken.
pub const PASSWORD: &str = "s3cret & more";

/// One request.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    pub method: String,
    pub path: String,
    pub credentials: bool,
    pub status: u16,
}

/// What it does instead of the usual.
#[derive(Debug)]
pub struct Behaviour {
    pub protocols: Vec<&'static str>,
    pub choices_in_response: bool,
    pub form_result: &'static str,
    pub passcode: bool,
    /// Every token is refused at the store for this reason.
    pub refuse_with: Option<&'static str>,
    pub first_location: Option<&'static str>,
    pub only_location: Option<&'static str>,
    /// Requests that ask for a resource whose id begins like this are a 500.
    pub failing_resource: Option<&'static str>,
    /// Requests that ask for such a one are a 429 that wants a pause of ten minutes.
    pub limited_resource: Option<&'static str>,
    /// The service tokens end after so many machine lists.
    pub expire_after_lists: Option<usize>,
    /// What it says of itself, or a status; and as many desktops.
    pub enumeration: (&'static str, usize),
    pub list_body: Option<&'static str>,
    /// Pages to acknowledge after the password; and whether the last has a box to tick.
    pub pages: (usize, bool),
    /// What tokens say of their ends.
    pub ends: Option<&'static str>,
    /// How a store answers a token that it does not know any more, where not with a challenge.
    pub forgets_with: Option<u16>,
    /// Counts on with each expiry; tokens of an earlier age are refused.
    primary_age: usize,
    service_age: usize,
}

/// What the server is made of.
pub struct Store {
    pub seen: Mutex<Vec<RecordedRequest>>,
    behaviour: Mutex<Behaviour>,
}

impl Store {
    pub fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().expect("no panic"));
    }

    /// Ends all service tokens, and the primary ones too.
    pub fn expire(&self, primary: bool) {
        self.set(|behaviour| {
            behaviour.service_age += 1;
            behaviour.primary_age += usize::from(primary);
        });
    }
}

/// Starts one on a port of its own; the URL is that of its store.
pub fn serve() -> (Arc<Store>, Server, Url) {
    let behaviour = Behaviour {
        protocols: vec!["CitrixFederation", "HttpBasic", "ExplicitForms"],
        choices_in_response: false,
        form_result: "more-info",
        passcode: false,
        refuse_with: None,
        first_location: None,
        only_location: None,
        failing_resource: None,
        limited_resource: None,
        expire_after_lists: None,
        enumeration: ("full", 3),
        list_body: None,
        pages: (0, false),
        ends: None,
        forgets_with: None,
        primary_age: 0,
        service_age: 0,
    };
    let store = Arc::new(Store { seen: Mutex::default(), behaviour: Mutex::new(behaviour) });
    let server = Server::http({
        let store = Arc::clone(&store);
        move |request| answer(&store, request)
    });
    let url = format!("{}/Citrix/Store", server.url()).parse().expect("a URL");
    (store, server, url)
}

struct ParsedRequest {
    /// The server's URL, as the client knows it.
    base: String,
    path: String,
    authorization: String,
    cookie: String,
    body: String,
}

type RawResponse = (u16, &'static str, String, Vec<(&'static str, String)>);

fn answer(store: &Store, request: &Request) -> Response {
    let asked = ParsedRequest {
        base: format!("http://{}", request.header("host")),
        path: request.path().to_owned(),
        authorization: request.header("authorization").to_owned(),
        cookie: request.header("cookie").to_owned(),
        body: request.body_text(),
    };
    let (status, kind, body, headers) = route(&mut store.behaviour.lock().expect("no panic"), &asked);
    store.seen.lock().expect("no panic").push(RecordedRequest {
        method: request.method().to_owned(),
        credentials: asked.body.contains("pw=") || asked.authorization.starts_with("Basic "),
        path: asked.path,
        status,
    });
    let response = Response::new(status, &format!("application/vnd.citrix.{kind}+xml; charset=utf-8"), body);
    headers.iter().fold(response, |response, (name, value)| response.header(name, value))
}

fn route(b: &mut Behaviour, asked: &ParsedRequest) -> RawResponse {
    let auth = format!("{}/Citrix/Authentication", asked.base);
    match asked.path.as_str() {
        "/Citrix/Store/endpoints/v1" => {
            let url = format!("{}/Citrix/Store/resources/v2", asked.base);
            let body = format!(
                "<endpoints xmlns='urn:e'><endpoint id='ListResourcesWithAutoProvision'><url>{url}</url></endpoint><endpoint id='ListResources'><url>{url}/withoutautoprovision</url></endpoint></endpoints>"
            );
            (200, "endpoints", body, vec![])
        }
        "/Citrix/Store/resources/v2/withoutautoprovision" => match protect(b, asked, "realm-resources", true) {
            Some(refusal) => refusal,
            None => enumeration(b),
        },
        // Another realm than the enumeration.
        "/Citrix/Store/machinecontrol/list" => match protect(b, asked, "realm-machines", true) {
            Some(refusal) => refusal,
            None => machines(b, asked),
        },
        "/Citrix/Authentication/auth/v1/token" => match protect(b, asked, "realm-auth", false) {
            Some(refusal) => refusal,
            None => {
                let realm = asked.body.split(['<', '>']).find(|word| word.starts_with("realm-")).unwrap_or("none");
                token(b, &format!("service-{}-{realm}", b.service_age), "<lifetime>0.01:00:00</lifetime>")
            }
        },
        "/Citrix/Authentication/auth/v1/protocols" => {
            let choice = |name: &&str| {
                format!(
                    "<choice><protocol>{name}</protocol><location>\n{auth}/{name}/Authenticate\n</location></choice>"
                )
            };
            let choices: String = b.protocols.iter().map(choice).collect();
            let choices = choices.replace("HttpBasic/Authenticate", "HttpBasic");
            match b.choices_in_response {
                true => (
                    200,
                    "requesttokenresponse",
                    format!("<requesttokenresponse><choices>{choices}</choices></requesttokenresponse>"),
                    vec![],
                ),
                false => (
                    300,
                    "requesttokenchoices",
                    format!("<requesttokenchoices><choices>{choices}</choices></requesttokenchoices>"),
                    vec![],
                ),
            }
        }
        "/Citrix/Authentication/ExplicitForms/Authenticate" => {
            let cookie = ("set-cookie", "ASP.NET_SessionId=session-cookie; path=/; HttpOnly".to_owned());
            (200, "authenticateresponse-1", form(b, ""), vec![cookie])
        }
        "/Citrix/Authentication/ExplicitForms" => {
            let good = "StateContext=&btn=Log+On&user=CORP%5Cmonitor&pw=s3cret+%26+more";
            match asked.cookie.contains("session-cookie") && asked.body == good {
                true if b.pages.0 > 0 => page(b, 1),
                true => primary(b),
                false => (
                    200,
                    "authenticateresponse-1",
                    form(
                        b,
                        "<Requirement><Credential><Type>none</Type></Credential><Label><Text>Incorrect</Text><Type>error</Type></Label><Input/></Requirement>",
                    ),
                    vec![],
                ),
            }
        }
        path if path.starts_with("/Citrix/Authentication/ExplicitForms/Page/") => {
            let number: usize = path.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or_default();
            let good = asked.cookie.contains("page-cookie") && asked.body == "StateContext=here&ok=I+see";
            match good {
                true if number < b.pages.0 => page(b, number + 1),
                true => primary(b),
                false => (400, "none", String::new(), vec![]),
            }
        }
        // base64 of "CORP\monitor:s3cret & more".
        "/Citrix/Authentication/HttpBasic" => match asked.authorization.as_str() {
            "Basic Q09SUFxtb25pdG9yOnMzY3JldCAmIG1vcmU=" => primary(b),
            _ => (401, "none", String::new(), vec![("www-authenticate", "Negotiate, Basic realm=\"sf\"".to_owned())]),
        },
        _ => (404, "none", String::new(), vec![]),
    }
}

/// A 401 unless the token is of the present age.
fn protect(b: &Behaviour, asked: &ParsedRequest, realm: &str, service: bool) -> Option<RawResponse> {
    let wanted = match service {
        true => format!("CitrixAuth service-{}-{realm}", b.service_age),
        false => format!("CitrixAuth primary-{}", b.primary_age),
    };
    let refuse = b.refuse_with.filter(|_| service);
    let reason = match asked.authorization.as_str() {
        "" => "notoken",
        _ if refuse.is_some() => refuse.unwrap_or_default(),
        token if token == wanted => return None,
        _ if service && b.forgets_with.is_some() => {
            return b.forgets_with.map(|status| (status, "none", String::new(), vec![]));
        }
        _ => "expired",
    };
    let path = if service { "token" } else { "protocols" };
    let mut locations = format!("{}/Citrix/Authentication/auth/v1/{path}", asked.base);
    if let Some(first) = b.first_location {
        locations = format!("{first}|{locations}");
    }
    if let Some(only) = b.only_location {
        locations = only.to_owned();
    }
    // Sloppy as the vendor's samples: no comma before locations, no quotes around the hint.
    let challenge = format!(
        "CitrixAuth realm=\"{realm}\" , reqtokentemplate=\"\", reason=\"{reason}\" locations=\"{locations}\", serviceroot-hint={}{}",
        asked.base, asked.path
    );
    let headers = vec![("www-authenticate", "Negotiate".to_owned()), ("www-authenticate", challenge)];
    Some((401, "none", String::new(), headers))
}

fn primary(b: &Behaviour) -> RawResponse {
    token(b, &format!("primary-{}", b.primary_age), "<lifetime>0.20:00:00</lifetime>")
}

/// A page after the password.
fn page(b: &Behaviour, number: usize) -> RawResponse {
    let terms = match b.pages {
        (last, true) if last == number => {
            "<Requirement><Credential><ID>terms</ID><Type>none</Type></Credential><Label/><Input><CheckBox/></Input></Requirement>"
        }
        _ => "",
    };
    let body = format!(
        "<AuthenticateResponse><Status>success</Status><Result>more-info</Result><StateContext>here</StateContext><AuthenticationRequirements><PostBack>/Citrix/Authentication/ExplicitForms/Page/{number}</PostBack><Requirements><Requirement><Credential><Type>none</Type></Credential><Label><Text>Maintenance on Sunday</Text><Type>information</Type></Label><Input/></Requirement>{terms}<Requirement><Credential><ID>ok</ID><Type>none</Type></Credential><Label/><Input><Button>I see</Button></Input></Requirement></Requirements></AuthenticationRequirements></AuthenticateResponse>"
    );
    (200, "authenticateresponse-1", body, vec![("set-cookie", format!("page=page-cookie{number}; path=/"))])
}

fn token(b: &Behaviour, token: &str, ends: &str) -> RawResponse {
    let ends = b.ends.unwrap_or(ends);
    let expiry = match token.starts_with("primary") {
        true => {
            "<CredentialUpdateInformationList xmlns='urn:c'><CredentialUpdateInformation><ExpiryTime>2025-10-09T08:53:20Z</ExpiryTime></CredentialUpdateInformation></CredentialUpdateInformationList>"
        }
        false => "",
    };
    let body = format!(
        "<requesttokenresponse><for-service>another</for-service>{ends}<token-template/><token>{token}</token>{expiry}</requesttokenresponse>"
    );
    (200, "requesttokenresponse", body, vec![])
}

fn form(b: &Behaviour, error: &str) -> String {
    let row = |id: &str, kind: &str, input: &str| {
        format!(
            "<Requirement><Credential><ID>{id}</ID><Type>{kind}</Type></Credential><Label><Type>plain</Type></Label><Input>{input}</Input></Requirement>"
        )
    };
    let text = "<Text><ReadOnly>false</ReadOnly><InitialValue/></Text>";
    let mut rows = row("user", "username", text) + &row("pw", "password", text) + error;
    if b.passcode {
        rows += &row("code", "passcode", text);
    }
    rows += &row("btn", "none", "<Button>Log On</Button>");
    format!(
        "<AuthenticateResponse xmlns='http://citrix.com/authentication/response/1'><Status>success</Status><Result>{}</Result><StateContext/><AuthenticationRequirements><PostBack>/Citrix/Authentication/ExplicitForms</PostBack><Requirements>{rows}</Requirements></AuthenticationRequirements></AuthenticateResponse>",
        b.form_result
    )
}

fn enumeration(b: &Behaviour) -> RawResponse {
    let (status, count) = b.enumeration;
    if let Ok(status) = status.parse() {
        return (status, "none", String::new(), vec![]);
    }
    let desktop = |index: usize| {
        format!("<resource><id>Farm.Desktop {index}</id><canquerymachinestate>true</canquerymachinestate></resource>")
    };
    let mut resources: String = (0..count).map(desktop).collect();
    if count > 0 {
        resources += "<resource><id>Farm.Notepad</id><canquerymachinestate>false</canquerymachinestate></resource>";
    }
    (200, "resources", format!("<resources enumeration=\"{status}\">{resources}</resources>"), vec![])
}

/// Only the first two resources have machines.
fn machines(b: &mut Behaviour, asked: &ParsedRequest) -> RawResponse {
    if b.failing_resource.is_some_and(|id| asked.body.contains(id)) {
        return (500, "none", String::new(), vec![]);
    }
    if b.limited_resource.is_some_and(|id| asked.body.contains(id)) {
        return (429, "none", String::new(), vec![("retry-after", "600".to_owned())]);
    }
    if let Some(left) = b.expire_after_lists.take() {
        match left {
            0 => b.service_age += 1,
            left => b.expire_after_lists = Some(left - 1),
        }
    }
    if let Some(body) = b.list_body {
        return (200, "machinecontrolstatusresult", body.to_owned(), vec![]);
    }
    let machine = |index: usize, power: &str, registration: &str| {
        let is_asked = asked.body.contains(&format!("<resourceid>Farm.Desktop {index}</resourceid>"));
        let status = format!(
            "<status><machineid>Farm.S-1-{index}</machineid><resourceid>Farm.Desktop {index}</resourceid><machinedata><machinename>VM-{}</machinename><powerstate>{power}</powerstate><registrationstate>{registration}</registrationstate><poweractioninprogress>false</poweractioninprogress></machinedata></status>",
            index + 1
        );
        if is_asked { status } else { String::new() }
    };
    let list = machine(0, "On", "Registered") + &machine(1, "Off", "Unregistered");
    let body = format!(
        "<machinecontrolstatusresult status=\"success\"><machinestatus>{list}</machinestatus></machinecontrolstatusresult>"
    );
    (200, "machinecontrolstatusresult", body, vec![])
}
