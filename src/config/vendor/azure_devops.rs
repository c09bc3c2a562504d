//! Azure DevOps agent pools.

use std::time::Duration;

use reqwest::Url;
use serde::Serialize;

use super::Settings;
use crate::{
    config::{
        Http,
        parse::credentials,
        read::{Item, Section},
        secret::{self, Secret},
        show,
    },
    glob::{Glob, Globs},
};

/// What is wrong with an address that goes on behind the organization.
const OF_A_PROJECT: &str =
    "must end with the organization, as in https://dev.azure.com/contoso: agent pools are not those of a project";

/// Settings of `vendor: azure_devops`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AzureDevOps {
    /// Credentials.
    pub auth: AzureAuth,
    /// Which pools are polled.
    pub pools: Pools,
    /// Also the agents of pools that Microsoft hosts.
    pub include_hosted: bool,
    /// Agents that are offline by design: placeholders of autoscalers.
    pub offline_by_design: Globs,
    /// Pools that are empty when there is nothing to do.
    pub on_demand_pools: Globs,
    /// Whether queues are read.
    pub job_requests: bool,
    /// Whether the pipeline that an agent works for is told.
    pub job_names: bool,
    /// The names of the capabilities that are told.
    pub capabilities: Vec<String>,
    /// Whether the scale sets of elastic pools are read.
    pub elastic_pools: bool,
}

/// Which pools are polled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pools {
    /// These.
    pub include: Globs,
    /// But for these.
    pub exclude: Globs,
}

/// Credentials of Azure DevOps.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AzureAuth {
    /// Entra client credentials.
    Entra {
        /// Directory.
        tenant_id: String,
        /// Application.
        client_id: String,
        /// Its secret.
        #[serde(flatten, serialize_with = "secret::client_secret")]
        client_secret: Secret,
        /// Base URL of the token service.
        #[serde(serialize_with = "show::text")]
        authority: Url,
    },
    /// Personal access token.
    #[serde(untagged)]
    Pat(#[serde(serialize_with = "secret::pat")] Secret),
}

impl Settings for AzureDevOps {
    fn read(section: &Section<'_>, http: &Http) -> Option<AzureDevOps> {
        let auth = credentials::auth(section).and_then(|auth| azure_auth(auth, http));
        let pools = section.section("pools");
        let include = match pools.get("include") {
            Some(_) => pools.globs("include"),
            None => Globs(vec![Glob::any()]),
        };
        let exclude = pools.globs("exclude");
        if let Some(item) = pools.get("include").filter(|_| include.0.is_empty()) {
            item.warn("includes no pool, so nothing will be polled");
        }
        pools.finish();
        Some(AzureDevOps {
            pools: Pools { include, exclude },
            include_hosted: section.bool("include_hosted", false),
            offline_by_design: section.globs("offline_by_design"),
            on_demand_pools: section.globs("on_demand_pools"),
            job_requests: section.bool("job_requests", true),
            job_names: section.bool("job_names", false),
            capabilities: capabilities(section),
            elastic_pools: section.bool("elastic_pools", true),
            auth: auth?,
        })
    }

    fn default_timeout(_section: &Section<'_>) -> Duration {
        Duration::from_secs(45)
    }

    fn check_url(item: &Item<'_>, url: &Url) {
        let mut names = url.path_segments().into_iter().flatten().filter(|name| !name.is_empty());
        let (first, more) = (names.next(), names.next().is_some());
        match url.host_str().unwrap_or_default() {
            "dev.azure.com" if first.is_none() => {
                item.error("must name the organization, as in https://dev.azure.com/contoso");
            }
            "dev.azure.com" if more => item.error(OF_A_PROJECT),
            // The older name of an organization, whose only collection has this name.
            host if host.ends_with(".visualstudio.com") => {
                let collection = first.is_none_or(|name| name.eq_ignore_ascii_case("DefaultCollection"));
                if more || !collection {
                    item.error(OF_A_PROJECT);
                }
            }
            _ => item.refuse_end(url, &["/_apis", "/_apis/distributedtask", "/_apis/distributedtask/pools"]),
        }
    }

    fn identity(&self) -> String {
        format!("{:?}", self.auth)
    }
}

/// Names of capabilities, each once: the service does not tell their case apart.
fn capabilities(section: &Section<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for item in section.list("capabilities") {
        let Some(name) = item.text_of(1..=256) else { continue };
        if name.contains('*') {
            item.error(
                "must be the name of one capability: what an agent's environment holds is never told as a whole",
            );
        } else if names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            item.error("comes twice");
        } else {
            names.push(name);
        }
    }
    names
}

/// A personal access token or an application of Entra, one of them.
fn azure_auth(section: Section<'_>, http: &Http) -> Option<AzureAuth> {
    let token = ["pat", "pat_file"].map(|key| section.get(key).is_some()).contains(&true);
    let auth = match (token, section.get("entra")) {
        (true, Some(item)) => {
            item.error("a pat and entra cannot both be given");
            None
        }
        (false, Some(item)) => item.section().and_then(|inner| entra(inner.holding_secrets(), http)),
        (true, None) => credentials::secret(&section, "pat", "pat_file").map(AzureAuth::Pat),
        (false, None) => {
            section.error("pat", "is missing; give pat, pat_file or entra");
            None
        }
    };
    section.finish();
    auth
}

fn entra(section: Section<'_>, http: &Http) -> Option<AzureAuth> {
    let tenant_id = section.require_text("tenant_id", 1..=256);
    let client_id = section.require_text("client_id", 1..=256);
    let client_secret = credentials::require_secret(&section, "client_secret", "client_secret_file");
    let authority = match section.get("authority") {
        None => Some(Url::parse("https://login.microsoftonline.com").expect("the address of Entra is a URL")),
        Some(item) => {
            let url = item.url();
            if let Some(url) = &url {
                credentials::refuse_cleartext(&item, url, true, http);
            }
            url
        }
    };
    section.finish();
    Some(AzureAuth::Entra {
        tenant_id: tenant_id?,
        client_id: client_id?,
        client_secret: client_secret?,
        authority: authority?,
    })
}
