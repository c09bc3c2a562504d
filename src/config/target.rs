//! A target and the settings of its vendor.

use std::time::Duration;

use reqwest::Url;

use super::{
    Http,
    glob::{Glob, Globs},
    secret::Secret,
};
use crate::health::Health;

/// One API that is polled, with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Unique; the label `target`.
    pub name: String,
    /// Base URL, without credentials, without a trailing slash in its path.
    pub url: Url,
    /// Time between two polls.
    pub interval: Duration,
    /// Longest time of one whole poll.
    pub timeout: Duration,
    /// Good data are served this long after the last success.
    pub stale_after: Duration,
    /// Longest answer, after decompression, in bytes.
    pub max_response_size: u64,
    /// Most agents of the target; also most pools of Azure DevOps, from 10,000 on.
    pub max_agents: usize,
    /// Outbound HTTP.
    pub http: Http,
    /// Labels on `rollcall_target_info`.
    pub labels: Vec<(String, String)>,
    /// How many agents of which pools are expected to serve; the first that matches counts.
    pub expect: Vec<Expect>,
    /// Changes to the tables of states; the first that matches counts.
    pub health_overrides: Vec<HealthOverride>,
    /// What only this vendor has.
    pub settings: VendorSettings,
}

impl Target {
    /// The label `vendor`.
    pub const fn vendor(&self) -> &'static str {
        match self.settings {
            VendorSettings::ParallelsRas(_) => "parallels_ras",
            VendorSettings::ParallelsRasSession(_) => "parallels_ras_session",
            VendorSettings::Resilio(_) => "resilio",
            VendorSettings::AzureDevOps(_) => "azure_devops",
            VendorSettings::CitrixStorefront(_) => "citrix_storefront",
        }
    }

    /// The class of health after the configured overrides. `states` are the names and codes under which the state may be
    /// configured, e.g. `["NotVerified", "-4"]`.
    pub fn health(&self, pool: &str, states: &[&str], base: Health) -> Health {
        let matching = self
            .health_overrides
            .iter()
            .find(|o| states.iter().any(|state| state.eq_ignore_ascii_case(&o.state)) && o.pool.matches(pool));
        matching.map_or(base, |o| o.health)
    }
}

/// How many agents of a pool are expected to serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// Pools.
    pub pool: Glob,
    /// At the least.
    pub min_serving: u64,
}

/// A change to the table of states.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthOverride {
    /// Name or code of the state, in any case.
    pub state: String,
    /// Only in these pools.
    pub pool: Glob,
    /// The class that it is in then.
    pub health: Health,
}

/// What only one vendor has.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum VendorSettings {
    ParallelsRas(ParallelsRas),
    ParallelsRasSession(Box<ParallelsRasSession>),
    Resilio(Resilio),
    AzureDevOps(AzureDevOps),
    CitrixStorefront(CitrixStorefront),
}

/// User name and password.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// User name, for Citrix with the domain.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// Credentials for a reverse proxy, or for an Alertmanager.
#[derive(Debug, Clone, PartialEq)]
pub enum ProxyAuth {
    /// HTTP Basic.
    Basic(Login),
    /// A bearer token.
    Bearer(Secret),
}

/// Parallels RAS REST API.
#[derive(Debug, Clone, PartialEq)]
pub struct ParallelsRas {
    /// The monitoring account.
    pub auth: Login,
    /// Only these sites; empty: all.
    pub site_ids: Vec<i64>,
    /// Join ids with the configured server names, where the API lets us.
    pub resolve_names: bool,
    /// Server types whose NotVerified hosts are switched off on purpose, e.g. `VDIHost`.
    pub power_managed: Vec<String>,
}

/// Parallels RAS Connection Broker API.
#[derive(Debug, Clone, PartialEq)]
pub struct ParallelsRasSession {
    /// The broker's API token, sent bare in `Authorization`.
    pub api_token: Secret,
    /// What is proved.
    pub mode: ProbeMode,
    /// The session that is asked for.
    pub session: Session,
}

/// What a session probe proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeMode {
    /// `prime_session` 0: the broker's API answers.
    Light,
    /// `prime_session` 1: a log-on works; leaves a real session behind.
    Deep,
}

impl ProbeMode {
    /// The label `mode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProbeMode::Light => "light",
            ProbeMode::Deep => "deep",
        }
    }
}

/// The session that a probe asks for. Lengths and ranges are those of the vendor's page.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Gateway that the client would connect to; 1 to 260 characters.
    pub ras_host: String,
    /// Its port.
    pub ras_port: u16,
    /// Host of the session, the label `agent`; 1 to 260 characters.
    pub endpoint_host: String,
    /// Its port.
    pub endpoint_port: u16,
    /// URL of the user portal; 1 to 2000 characters.
    pub portal_url: String,
    /// User of the session; 1 to 260 characters.
    pub username: String,
    /// Its password; 1 to 2000 characters.
    pub password: Secret,
    /// Application, empty for a desktop; at most 260 characters.
    pub app_path: String,
    /// Its arguments; at most 1024 characters.
    pub app_params: String,
    /// How long the broker may take to prepare the session; 3 s to 1800 s (0 and 2 mean something else to the vendor).
    pub prime_timeout: Duration,
}

/// Resilio agent API.
#[derive(Debug, Clone, PartialEq)]
pub struct Resilio {
    /// For a reverse proxy in front.
    pub auth: Option<ProxyAuth>,
    /// Whether the agent's tags are exported.
    pub tags: bool,
}

/// Azure DevOps agent pools.
#[derive(Debug, Clone, PartialEq)]
pub struct AzureDevOps {
    /// Credentials.
    pub auth: AzureAuth,
    /// Pools that are polled.
    pub pools_include: Globs,
    /// Pools that are left out of them.
    pub pools_exclude: Globs,
    /// Also the agents of pools that Microsoft hosts.
    pub include_hosted: bool,
    /// Agents that are offline by design: placeholders of autoscalers.
    pub offline_by_design: Globs,
    /// Pools that are empty when there is nothing to do.
    pub on_demand_pools: Globs,
    /// Whether queues are read.
    pub job_requests: bool,
}

/// Credentials of Azure DevOps.
#[derive(Debug, Clone, PartialEq)]
pub enum AzureAuth {
    /// Personal access token.
    Pat(Secret),
    /// Entra client credentials.
    Entra {
        /// Directory.
        tenant_id: String,
        /// Application.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// Base URL of the token service.
        authority: Url,
    },
}

/// Citrix StoreFront.
#[derive(Debug, Clone, PartialEq)]
pub struct CitrixStorefront {
    /// The monitoring account.
    pub auth: Login,
    /// How it logs on.
    pub method: CitrixMethod,
    /// How often the store's resources are enumerated.
    pub enumerate_interval: Duration,
    /// The resources whose machines are asked for; given: no enumeration.
    pub resource_ids: Vec<String>,
    /// Further hosts that may receive the credentials, in lower case; the host of `url` always may.
    pub allowed_hosts: Vec<String>,
}

/// How StoreFront is logged on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CitrixMethod {
    /// ExplicitForms where offered, else HttpBasic.
    Auto,
    /// Only the form.
    ExplicitForms,
    /// Only HTTP Basic.
    HttpBasic,
}
