//! The simulated RAS REST API: `POST /api/Session/logon`, header `auth_token`, `GET /api/Agent`, configuration lists.
//!
//! Written from the vendor's reference page of the agent list and from what is public about the rest. Paths are compared
//! without regard to case, as the server does. `PUT` and `DELETE` are answered as documented and change nothing: the
//! journal shows them, and a test can ask that there are none.

mod access;
mod capacity;
mod fleet;
pub(crate) mod states;
mod status;
mod truth;
mod wire;

use super::{Request, Response, Service, Truth, World};
use access::Access;
use fleet::{Group, kind};
use hyper::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use wire::problem;

const VENDOR: &str = "parallels_ras";
/// The target's name in [`Service::targets`].
const TARGET: &str = "hq-farm";

/// A farm of one to three sites behind one RAS Web Administration Service.
pub struct ParallelsRas {
    world: Arc<World>,
    groups: Vec<Group>,
    access: Mutex<Access>,
}

impl ParallelsRas {
    /// The account that may log on.
    pub const USERNAME: &str = access::USERNAME;
    /// Its password, until [`Service::set_secret`] changes it.
    pub const PASSWORD: &str = access::PASSWORD;

    /// A farm with the world's share of hosts.
    pub fn new(world: Arc<World>) -> ParallelsRas {
        let groups = fleet::layout(world.share(VENDOR));
        ParallelsRas { world, groups, access: Mutex::default() }
    }

    /// From now on this path (and what is below it) answers 401, as to an account without the right to read it.
    pub fn forbid(&self, path: &str) {
        self.access().forbidden.insert(path.to_ascii_lowercase());
    }

    /// Gives back every right taken by [`Self::forbid`].
    pub fn permit_all(&self) {
        self.access().forbidden.clear();
    }

    /// Idle time after which a session ends; 15 minutes of simulated time unless set.
    pub fn set_idle_timeout(&self, idle: Duration) {
        self.access().idle = idle;
    }

    /// Requests per 10 s of real time, all clients together; 50 unless set, `None` for no limit.
    pub fn set_rate_limit(&self, limit: Option<u32>) {
        self.access().rate_limit = limit;
    }

    /// Sessions that were neither logged off nor expired: a client that forgets to log off piles them up.
    pub fn open_sessions(&self) -> usize {
        self.access().open(&self.world)
    }

    /// Whether the account is locked: five wrong passwords in a row do it, and only [`Self::unlock`] ends it.
    pub fn locked(&self) -> bool {
        self.access().locked()
    }

    /// Unlocks the account, as an administrator does.
    pub fn unlock(&self) {
        self.access().unlock();
    }

    /// From now on a list without `siteId` is of this site alone; `None`: of all. Which of the two a server does is not
    /// documented.
    pub fn set_default_site(&self, site: Option<usize>) {
        self.access().default_site = site;
    }

    fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn log_on(&self, request: &Request) -> Response {
        if let Some(refusal) = wrong_content_type(request) {
            return refusal;
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let field = |name: &str| body.get(name).and_then(Value::as_str);
        let (Some(user), Some(password)) = (field("username"), field("password")) else {
            return problem(StatusCode::BAD_REQUEST, "username and password are required");
        };
        let Some(token) = self.access().log_on(&self.world, user, password) else {
            return problem(StatusCode::UNAUTHORIZED, "Invalid credentials.");
        };
        // Vendor samples show the token alone; newer servers answer more.
        let answer = match wire::Odd::of(&self.world).old_server {
            true => json!({ "authToken": token }),
            false => json!({
                "authToken": token, "localAuth": false, "userId": 7, "applySettingsEnabled": false,
                "connectedSiteId": 1, "settingsId": 4711, "sessionId": 12, "connectedServer": "broker-1-00001.farm.example",
                "domain": "farm.example", "farmName": "Headquarters", "farmGUID": "5f0e6a4e-7d6e-4a7e-9a54-0d1f6d7f2b11",
            }),
        };
        Response::full(StatusCode::OK, wire::JSON, answer.to_string())
    }

    fn read(&self, request: &Request, path: &str) -> Response {
        let Ok(groups) = self.requested_groups(request) else {
            return problem(StatusCode::NOT_FOUND, "There is no such site.");
        };
        let old = wire::Odd::of(&self.world).old_server;
        let of = |server_type| groups.iter().copied().filter(move |g| g.server_type == server_type);
        let configured = |server_type| wire::configured(&self.world, of(server_type).collect());
        // The documented `/api/Agent/{server}`; the list alone says nothing about names.
        if let Some(server) = path.strip_prefix("/api/agent/") {
            return wire::agents_of(&self.world, groups, server);
        }
        if let Some((pools, id)) = path.strip_suffix("/members").and_then(|path| path.rsplit_once('/')) {
            let pool_type = match pools {
                "/api/rds/hostpool" if !old => kind::RDS_GROUP,
                "/api/vdi/hostpool" if !old => kind::VDI_HOST_POOL,
                "/api/avd/hostpool" if !old => kind::AVD_HOST_POOL,
                _ => return problem(StatusCode::NOT_FOUND, "There is no such resource."),
            };
            let all =
                |server_type| self.groups.iter().copied().filter(|g| g.server_type == server_type).collect::<Vec<_>>();
            return status::members(&self.world, &all(pool_type), &all(capacity::hosts_of(pool_type)), id);
        }
        let loads = |server_type| status::servers(self.world.clone(), of(server_type).collect());
        match path {
            "/api/rds/host/status" if !old => loads(kind::RDS_HOST),
            "/api/gateway/status" => loads(kind::GATEWAY),
            "/api/broker/status" if !old => loads(kind::PA),
            // Paths of the vendor's pages.
            "/api/provider/vm/host/status" => {
                status::machines(self.world.clone(), of(kind::VDI_HOST).chain(of(kind::GUEST)).collect())
            }
            "/api/enrollmentserver/status" => status::servers(self.world.clone(), of(kind::ENROLLMENT).collect()),
            // By the menu of the reference: Providers > VM > AVD Host > Status, HALBs > Device.
            "/api/provider/vm/avdhost/status" if !old => {
                status::machines(self.world.clone(), of(kind::AVD_HOST).collect())
            }
            "/api/halb/device" if !old => wire::devices(&self.world, of(kind::HALB_DEVICE).collect()),
            "/api/license" => status::license(&self.world),
            // Of the whole farm, whatever site the others are of.
            "/api/site/status" => {
                let site = request.param("siteId");
                let sites = self.groups.iter().filter(|g| g.server_type == kind::SITE);
                let sites = sites.filter(|g| site.is_none_or(|site| site == g.site.to_string()));
                status::sites(self.world.clone(), sites.copied().collect())
            }
            "/api/agent" => wire::agents(self.world.clone(), groups),
            "/api/broker" => configured(kind::PA),
            "/api/gateway" => configured(kind::GATEWAY),
            "/api/provider" => configured(kind::PROVIDER),
            "/api/rds/host" if !old => configured(kind::RDS_HOST),
            "/api/rds" if old => configured(kind::RDS_HOST),
            "/api/rds/hostpool" if !old => wire::named(of(kind::RDS_GROUP).collect(), capacity::pool_name),
            "/api/vdi/hostpool" if !old => wire::named(of(kind::VDI_HOST_POOL).collect(), capacity::pool_name),
            "/api/avd/hostpool" if !old => wire::named(of(kind::AVD_HOST_POOL).collect(), capacity::pool_name),
            "/api/vdi/template" => {
                let name = |group: Group, index| format!("Template {}-{}", group.site, index + 1);
                wire::named(of(kind::VDI_TEMPLATE).collect(), name)
            }
            _ => problem(StatusCode::NOT_FOUND, "There is no such resource."),
        }
    }

    /// The groups of the sites and the type that the query asks for; an error where it names a site that is not there.
    fn requested_groups(&self, request: &Request) -> Result<Vec<Group>, ()> {
        let site = request.param("siteId").map(str::parse::<usize>).transpose().map_err(|_| ())?;
        let site = site.or(self.access().default_site);
        let mut groups = self.groups.clone();
        groups.retain(|g| site.is_none_or(|site| site == g.site));
        if groups.is_empty() {
            return Err(());
        }
        let wanted = request.param("serverType").filter(|t| !matches!(*t, "-1" | "All"));
        groups
            .retain(|g| wanted.is_none_or(|t| t == g.server_type.to_string() || t == states::type_name(g.server_type)));
        Ok(groups)
    }
}

/// The log-on takes JSON of the one version that the vendor's samples name; a body without a version is taken as it.
fn wrong_content_type(request: &Request) -> Option<Response> {
    let sent = request.header(CONTENT_TYPE.as_str()).unwrap_or("");
    let mut parts = sent.split(';').map(str::trim);
    if !parts.next().is_some_and(|t| t.eq_ignore_ascii_case("application/json")) {
        return Some(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON."));
    }
    let version = parts.find_map(|part| part.strip_prefix("api-version="));
    version.is_some_and(|v| v != "1.0").then(|| {
        let body = json!({ "code": 0, "msg": "The HTTP resource does not support this API version." });
        Response::full(StatusCode::BAD_REQUEST, wire::JSON, body.to_string())
    })
}

impl Service for ParallelsRas {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    fn answer(&self, request: Request) -> Response {
        if !self.access().within_limit() {
            // Status and headers of a refused request are not documented; 429 without further advice is the least.
            return problem(StatusCode::TOO_MANY_REQUESTS, "Too many requests.");
        }
        let path = request.path.trim_end_matches('/').to_ascii_lowercase();
        if path == "/api/session/logon" {
            return match request.method {
                Method::POST => self.log_on(&request),
                _ => problem(StatusCode::METHOD_NOT_ALLOWED, "Use POST."),
            };
        }
        let token = request.header("auth_token").unwrap_or("");
        let known = self.access().touch(&self.world, token);
        let forbidden = self.access().forbidden.iter().any(|part| path.starts_with(part.as_str()));
        if !known || forbidden {
            return problem(StatusCode::UNAUTHORIZED, "The session is not valid.");
        }
        match (request.method.as_str(), path.as_str()) {
            ("POST", "/api/session/logoff") => {
                self.access().log_off(token);
                Response::empty(StatusCode::NO_CONTENT)
            }
            ("GET", path) => self.read(&request, path),
            ("PUT" | "DELETE", "/api/agent") => Response::empty(StatusCode::NO_CONTENT),
            _ => problem(StatusCode::METHOD_NOT_ALLOWED, "This method is not supported here."),
        }
    }

    fn truth(&self) -> Vec<Truth> {
        let unnamed = self.access().forbidden.clone();
        truth::of(&self.world, &self.groups, &unnamed)
    }

    fn targets(&self, base: &str) -> String {
        let password = self.access().password.clone();
        let hosts = self.groups.iter().find(|group| group.server_type == kind::RDS_HOST).map_or(0, |group| group.count);
        format!(
            "  - name: {TARGET}\n    vendor: {VENDOR}\n    url: {base}\n    \
             auth: {{ username: {}, password: {} }}\n    power_managed: [VDIHost, Guest]\n    host_pools: true\n    \
             expect: [{{ pool: RDSHost@1, min_serving: {} }}]\n",
            access::USERNAME,
            json!(password),
            // Half of them: fewer cannot take everybody in.
            hosts.div_ceil(2),
        )
    }

    fn carries_secret(&self, request: &Request) -> bool {
        request.method == Method::POST && request.path.trim_end_matches('/').eq_ignore_ascii_case("/api/Session/logon")
    }

    fn set_secret(&self, secret: &str) {
        self.access().password = secret.to_owned();
    }

    fn expire_sessions(&self) {
        self.access().expire();
    }
}

#[cfg(test)]
mod tests;
