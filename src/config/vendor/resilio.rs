//! Resilio agent API.

use reqwest::Url;
use serde::Serialize;

use super::Settings;
use crate::config::{
    Http,
    parse::credentials,
    read::{Item, Section},
    show,
    target::ProxyAuth,
    yaml::Value,
};

/// Settings of `vendor: resilio`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resilio {
    /// For a reverse proxy in front.
    #[serde(serialize_with = "show::or_none")]
    pub auth: Option<ProxyAuth>,
    /// Whether the agent's tags are exported.
    pub tags: bool,
}

impl Settings for Resilio {
    /// One agent has a few hundred jobs, of some thirty series each.
    const MAX_SERIES: usize = 100_000;

    fn read(section: &Section<'_>, _http: &Http) -> Option<Resilio> {
        Some(Resilio { auth: credentials::proxy_auth(section.section("auth")), tags: section.bool("tags", true) })
    }

    /// Only where there is a proxy that wants them.
    fn sends_credentials(section: &Section<'_>) -> bool {
        let is_empty = |item: &Item<'_>| matches!(&item.node.value, Value::Map(entries) if entries.is_empty());
        section.get("auth").is_some_and(|item| !is_empty(&item))
    }

    fn check_url(item: &Item<'_>, url: &Url) {
        item.refuse_end(url, &["/api", "/api/v3"]);
    }

    fn identity(&self) -> String {
        format!("{:?}", self.auth)
    }
}
