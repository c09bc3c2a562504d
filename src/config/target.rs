//! A target: what all vendors have.

use std::time::Duration;

use reqwest::Url;
use serde::Serialize;

pub use super::vendor::*;
use super::{
    Http,
    secret::{self, Secret},
    show,
};
use crate::{glob::Glob, health::Health};

/// One API that is polled, with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// Unique; the label `target`.
    #[serde(skip)]
    pub name: String,
    /// Base URL, without credentials, without a trailing slash in its path.
    #[serde(serialize_with = "show::text")]
    pub url: Url,
    /// Time between two polls.
    #[serde(serialize_with = "show::duration")]
    pub interval: Duration,
    /// Longest time of one whole poll.
    #[serde(serialize_with = "show::duration")]
    pub timeout: Duration,
    /// Good data are served this long after the last success.
    #[serde(serialize_with = "show::duration")]
    pub stale_after: Duration,
    /// Longest answer, after decompression, in bytes.
    #[serde(serialize_with = "show::size")]
    pub max_response_size: u64,
    /// Most agents of the target; also most pools of Azure DevOps, from 10,000 on.
    pub max_agents: usize,
    /// Most series of the target.
    pub max_series: usize,
    /// Outbound HTTP.
    pub http: Http,
    /// What only this vendor has.
    #[serde(flatten)]
    pub settings: VendorSettings,
    /// Labels on `rollcall_target_info`.
    #[serde(serialize_with = "show::map")]
    pub labels: Vec<(String, String)>,
    /// How many agents of which pools are expected to work; the first that matches counts.
    pub expect: Vec<Expect>,
    /// Changes to the tables of states; the first that matches counts.
    pub health_overrides: Vec<HealthOverride>,
}

impl Target {
    /// The label `vendor`.
    pub const fn vendor(&self) -> &'static str {
        self.settings.vendor().as_str()
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

    /// How many agents of this pool are expected to work.
    pub fn min_serving(&self, pool: &str) -> Option<u64> {
        self.expect.iter().find(|expect| expect.pool.matches(pool)).map(|expect| expect.min_serving)
    }

    /// The pools that are expected by their name, whether they exist or not, and how many of their agents. A name that an
    /// earlier glob matches says nothing.
    pub fn expected_pools(&self) -> impl Iterator<Item = (&str, u64)> {
        self.expect.iter().enumerate().filter_map(|(index, expect)| {
            let name = expect.pool.literal()?;
            let counts = !self.expect[..index].iter().any(|earlier| earlier.pool.matches(name));
            counts.then_some((name, expect.min_serving))
        })
    }

    /// Whether the configuration says that this pool is rightly empty while there is nothing to do.
    pub fn is_on_demand(&self, pool: &str) -> bool {
        matches!(&self.settings, VendorSettings::AzureDevOps(settings) if settings.on_demand_pools.matches(pool))
    }
}

#[cfg(test)]
impl Target {
    /// A target for tests, with the defaults of the configuration but for room for 1,000 agents and answers of 1 MiB.
    pub fn sample(url: &str, settings: VendorSettings) -> Target {
        Target {
            name: "sample".to_owned(),
            url: url.parse().expect("a valid URL"),
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(20),
            stale_after: Duration::from_secs(300),
            max_response_size: 1 << 20,
            max_agents: 1000,
            max_series: 100_000,
            http: Http::default(),
            labels: Vec::new(),
            expect: Vec::new(),
            health_overrides: Vec::new(),
            settings,
        }
    }

    /// The sample of a client of Resilio, which has the fewest settings.
    pub fn sample_client() -> Target {
        Target::sample("http://127.0.0.1:3840", VendorSettings::Resilio(Resilio { auth: None, tags: true }))
    }
}

/// How many agents of a pool are expected to work: to be healthy or degraded. Transitional ones do not count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expect {
    /// Pools.
    pub pool: Glob,
    /// At least.
    pub min_serving: u64,
}

/// A change to the table of states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthOverride {
    /// Name or code of the state, in any case.
    pub state: String,
    /// Only in these pools.
    pub pool: Glob,
    /// The class that it is in then.
    pub health: Health,
}

/// User name and password.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Login {
    /// User name, for Citrix with the domain.
    pub username: String,
    /// Password.
    #[serde(flatten, serialize_with = "secret::password")]
    pub password: Secret,
}

/// Credentials for a reverse proxy, or for an Alertmanager.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ProxyAuth {
    /// HTTP Basic.
    Basic(Login),
    /// A bearer token.
    Bearer(#[serde(serialize_with = "secret::bearer_token")] Secret),
}
