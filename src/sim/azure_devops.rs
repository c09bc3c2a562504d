//! The simulated Azure DevOps: agent pools, agents and job requests of one organisation.
//!
//! - `GET /contoso/_apis/distributedtask/pools`
//! - `GET /contoso/_apis/distributedtask/pools/{id}/agents`
//! - `GET /contoso/_apis/distributedtask/pools/{id}/jobrequests`
//! - `GET /contoso/_apis/distributedtask/elasticpools`
//! - the same below `/tfs/DefaultCollection` and `/tfs`, as a server on premises has them
//! - `POST /{tenant}/oauth2/v2.0/token`, Entra's client credentials grant
//!
//! Credentials: [`AzureDevops::PAT`] by HTTP Basic, or a token for [`AzureDevops::CLIENT_ID`] with
//! [`AzureDevops::CLIENT_SECRET`] in the tenant [`AzureDevops::TENANT_ID`].

mod agent;
mod auth;
mod elastic;
mod fleet;
mod job;
mod limit;
mod list;
pub(crate) mod moment;
#[cfg(test)]
mod tests;
mod truth;
mod wire;

pub use auth::{EntraRefusal, SignIn};
pub use truth::ShownJob;

use super::{Incident, Quirk, Request, Response, Service, Truth, World};
use elastic::Elastic;
use fleet::{Pool, View};
use hyper::{Method, StatusCode};
use limit::Limit;
use list::Page;
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use truth::Target;
use wire::{Include, Printer};

const VENDOR: &str = "azure_devops";

/// Where the interface is found: the organisation, a collection, a server.
const BASES: [&str; 3] = ["/contoso", "/tfs/DefaultCollection", "/tfs"];

/// The target that polls everything with the PAT.
const WITH_PAT: Target = Target { name: "builds", pools: &[], job_names: true };

/// The target that polls a few pools on the address of a server on premises, with Entra.
const WITH_ENTRA: Target = Target { name: "builds-entra", pools: &["production-web", "k8s-runners"], job_names: false };

/// The service. What it holds is only the sessions; the fleet follows from the world.
pub struct AzureDevops {
    world: Arc<World>,
    auth: Mutex<auth::Auth>,
    page_size: AtomicUsize,
    deployment_apart: AtomicBool,
    capabilities: Mutex<Vec<&'static str>>,
}

impl AzureDevops {
    /// The personal access token that is accepted at first.
    pub const PAT: &'static str = "simulated-personal-access-token";
    /// The Entra tenant.
    pub const TENANT_ID: &'static str = "8f2c6a54-0d2b-4c1e-9f57-2b7f6d3c1a90";
    /// The client (application) id of the service principal.
    pub const CLIENT_ID: &'static str = "3c9d7e10-5b64-4f0a-8e21-6a1f0c2d4b58";
    /// The client secret that is accepted at first.
    pub const CLIENT_SECRET: &'static str = "simulated-client-secret";
    /// The scope that tokens for Azure DevOps have to be asked with.
    pub const SCOPE: &'static str = "499b84ac-1321-427f-aa17-267ca6975798/.default";
    /// Every result of a job that the reference lists, for comparing tables.
    pub const RESULTS: [&'static str; 6] = truth::RESULTS;

    /// The organisation of that world.
    pub fn new(world: Arc<World>) -> AzureDevops {
        AzureDevops {
            world,
            auth: Mutex::default(),
            page_size: AtomicUsize::new(0),
            deployment_apart: AtomicBool::new(false),
            capabilities: Mutex::default(),
        }
    }

    /// What a refused or missing credential gets.
    pub fn set_sign_in(&self, sign_in: SignIn) {
        self.auth().sign_in = sign_in;
    }

    /// Makes Entra refuse the client, or accept it again.
    pub fn set_entra_refusal(&self, refusal: Option<EntraRefusal>) {
        self.auth().refusal = refusal;
    }

    /// Changes the client secret that Entra accepts; [`Service::set_secret`] changes the PAT.
    pub fn set_client_secret(&self, secret: &str) {
        self.auth().client_secret = secret.to_owned();
    }

    /// How long the access tokens last that are handed out from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.auth().lifetime = lifetime;
    }

    /// Pages every list, with continuation tokens; 0 sends lists whole, as the service does for small ones.
    pub fn set_page_size(&self, size: usize) {
        self.page_size.store(size, Ordering::Relaxed);
    }

    /// Whether the list of pools has those of deployment groups only where it is asked for them: which of both the service
    /// does is not known.
    pub fn set_deployment_apart(&self, apart: bool) {
        self.deployment_apart.store(apart, Ordering::Relaxed);
    }

    /// The capabilities that the target with the PAT asks for.
    pub fn set_capabilities(&self, names: &[&'static str]) {
        *self.capabilities.lock().unwrap_or_else(|e| e.into_inner()) = names.to_vec();
    }

    /// What the agents of the target with the PAT show of their jobs at this moment: those that they have and those that they
    /// had before.
    pub fn shown_jobs(&self) -> Vec<ShownJob> {
        truth::shown_jobs(&View::new(&self.world))
    }

    fn capabilities(&self) -> Vec<&'static str> {
        self.capabilities.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    fn auth(&self) -> MutexGuard<'_, auth::Auth> {
        self.auth.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn route(&self, request: &Request, base: &str, path: &str) -> Response {
        let view = View::new(&self.world);
        let printer = Printer { base: format!("{}{base}", request.base()), view: view.clone() };
        let page = Page::of(request, self.page_size.load(Ordering::Relaxed));
        if path == "/_apis/distributedtask/elasticpools" && !view.old_server {
            let sets: Vec<String> = view
                .pools()
                .iter()
                .filter_map(|pool| Some(printer.elastic(pool, &Elastic::of(pool, &view)?)))
                .collect();
            return page.answer(sets.len(), sets.into_iter(), None, view.other_spelling);
        }
        let Some(rest) = path.strip_prefix("/_apis/distributedtask/pools") else {
            return missing("VS800075", "The requested resource does not exist.");
        };
        let pools = view.pools();
        let mut parts = rest.trim_matches('/').split('/');
        let id = parts.next().filter(|part| !part.is_empty());
        let what = parts.next();
        let Some(id) = id else {
            return self.pools(request, page, printer, pools);
        };
        let Some(pool) = pools.into_iter().find(|p| id.parse() == Ok(p.id)) else {
            return missing("VS402391", &format!("The agent pool with ID {id} was not found."));
        };
        match what {
            None => Response::full(StatusCode::OK, JSON, printer.pool(&pool)),
            Some("agents") => self.agents(request, page, printer, pool),
            Some("jobrequests") => job_requests(request, page, printer, pool),
            Some(_) => missing("VS800075", "The requested resource does not exist."),
        }
    }

    fn pools(&self, request: &Request, page: Page, printer: Printer, pools: Vec<Pool>) -> Response {
        let wanted =
            |param, value: &str| request.param(param).is_none_or(|text: &str| text.eq_ignore_ascii_case(value));
        let apart = self.deployment_apart.load(Ordering::Relaxed) && request.param("poolType").is_none();
        let pools: Vec<Pool> = pools
            .into_iter()
            .filter(|p| wanted("poolName", &p.name) && wanted("poolType", p.pool_type()))
            .filter(|p| !apart || p.pool_type() == "automation")
            .collect();
        let bare = printer.view.other_spelling;
        let total = pools.len();
        let items = pools.into_iter().map(move |p| printer.pool(&p));
        page.answer(total, items, None, bare)
    }

    fn agents(&self, request: &Request, page: Page, printer: Printer, pool: Pool) -> Response {
        let flag = |name| request.param(name).is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let include = Include {
            assigned: flag("includeAssignedRequest"),
            last: flag("includeLastCompletedRequest"),
            capabilities: flag("includeCapabilities"),
        };
        let name = request.param("agentName").map(str::to_owned);
        let wanted = move |name_of: &str| name.as_ref().is_none_or(|name| name == name_of);
        let view = printer.view.clone();
        let total = pool.agents(&view).filter(|a| wanted(&a.name)).count();
        let bad = pool.is_first() && self.world.quirk(VENDOR, Quirk::BadItem);
        let bad = bad.then(|| r#"{"name":"agent without an id","status":"online"}"#.to_owned());
        let bare = view.other_spelling;
        let agents = pool.agents(&view).filter(move |a| wanted(&a.name));
        let items = agents.map(move |a| printer.agent(&pool, &a, include));
        page.answer(total, items, bad, bare)
    }
}

const JSON: &str = "application/json; charset=utf-8; api-version=7.1";

fn job_requests(request: &Request, page: Page, printer: Printer, pool: Pool) -> Response {
    let finished = request.param("completedRequestCount") != Some("0");
    let view = printer.view.clone();
    let total = pool.requests(&view, finished).count();
    let bare = view.other_spelling;
    let requests = pool.requests(&view, finished);
    let items = requests.map(move |(job, agent)| printer.request(&pool, &job, agent.as_ref()));
    page.answer(total, items, None, bare)
}

fn failure(status: StatusCode, code: &str, key: &str, text: &str) -> Response {
    let body = json!({
        "$id": "1",
        "innerException": null,
        "message": format!("{code}: {text}"),
        "typeKey": key,
        "errorCode": 0,
        "eventId": 3000,
    });
    Response::full(status, "application/json; charset=utf-8", body.to_string())
}

fn missing(code: &str, text: &str) -> Response {
    failure(StatusCode::NOT_FOUND, code, "ResourceNotFoundException", text)
}

/// Whether the server knows this version of its interface; without one it takes its own.
fn version_known(request: &Request) -> bool {
    let version = request.param("api-version").unwrap_or("7.1");
    let number = version.split('-').next().and_then(|v| v.parse::<f64>().ok());
    number.is_some_and(|n| (1.0..=7.2).contains(&n))
}

impl Service for AzureDevops {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    fn answer(&self, request: Request) -> Response {
        if auth::is_token_path(&request.path) {
            return match request.method {
                Method::POST => self.auth().token(&request),
                _ => Response::empty(StatusCode::METHOD_NOT_ALLOWED),
            };
        }
        if self.world.since(Incident::VendorApiDown).is_some() {
            let page = "<html><body>The service is unavailable.</body></html>";
            return Response::full(StatusCode::SERVICE_UNAVAILABLE, "text/html", page);
        }
        if request.path == "/_signin" {
            return auth::page(StatusCode::OK);
        }
        let below = |base: &&str| {
            let rest = request.path.get(base.len()..)?;
            let head = request.path.get(..base.len())?;
            (head.eq_ignore_ascii_case(base) && rest.starts_with("/_apis/")).then(|| rest.to_owned())
        };
        let Some((base, path)) = BASES.iter().find_map(|b| Some((*b, below(b)?))) else {
            return missing("VS800075", "The organisation does not exist.");
        };
        if !self.auth().accepts(&request) {
            return self.auth().refused(&request);
        }
        let limit = Limit::now(&self.world);
        let response = match limit {
            Some(limit) if limit.refused => return limit.refusal(),
            _ if request.method != Method::GET => Response::empty(StatusCode::METHOD_NOT_ALLOWED),
            _ if !version_known(&request) => failure(
                StatusCode::BAD_REQUEST,
                "VssVersionOutOfRange",
                "VssVersionOutOfRangeException",
                "The requested REST API version is out of range for this server.",
            ),
            _ => self.route(&request, base, &path),
        };
        let activity = wire::guid(self.world.now().as_nanos() as u64);
        let response = response
            .with_header("activityid", &activity)
            .with_header("x-vss-e2eid", &activity)
            .with_header("cache-control", "no-cache, no-store, must-revalidate");
        match limit {
            Some(limit) => limit.mark(response),
            None => response,
        }
    }

    fn truth(&self) -> Vec<Truth> {
        let mut all = truth::truth(&self.world, WITH_PAT, &self.capabilities());
        all.extend(truth::truth(&self.world, WITH_ENTRA, &[]));
        all
    }

    fn targets(&self, base: &str) -> String {
        let auth = self.auth();
        let seconds = if self.world.share(VENDOR) > 2_000 { 30 } else { 10 };
        let pools = WITH_ENTRA.pools.join(", ");
        let design = truth::OFFLINE_BY_DESIGN;
        // Half of the first pool: what a team would want to be woken for.
        let first = View::new(&self.world).pools().into_iter().find(Pool::is_first);
        let expect = first.map(|pool| format!("{{ pool: {}, min_serving: {} }}", pool.name, pool.slots / 2));
        format!(
            r#"  - name: {with_pat}
    vendor: {VENDOR}
    url: {base}/contoso
    interval: {seconds}s
    auth: {{ pat: {pat} }}
    offline_by_design: ["{design}"]
    expect: [{expect}]
    job_names: true
    capabilities: [{capabilities}]
  - name: {with_entra}
    vendor: {VENDOR}
    url: {base}/tfs/DefaultCollection
    interval: {seconds}s
    auth:
      entra:
        tenant_id: {tenant}
        client_id: {client}
        client_secret: {secret}
        authority: {base}
    pools: {{ include: [{pools}] }}
    offline_by_design: ["{design}"]
"#,
            expect = expect.unwrap_or_default(),
            capabilities = self.capabilities().join(", "),
            with_pat = WITH_PAT.name,
            with_entra = WITH_ENTRA.name,
            tenant = AzureDevops::TENANT_ID,
            client = AzureDevops::CLIENT_ID,
            // A JSON string is one of YAML too, whatever is in it.
            pat = json!(auth.pat),
            secret = json!(auth.client_secret),
        )
    }

    fn carries_secret(&self, request: &Request) -> bool {
        auth::carries_secret(request)
    }

    fn set_secret(&self, secret: &str) {
        self.auth().pat = secret.to_owned();
    }

    fn expire_sessions(&self) {
        self.auth().forget();
    }
}
