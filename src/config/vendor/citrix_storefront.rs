//! Citrix StoreFront.

use std::time::Duration;

use reqwest::Url;
use serde::Serialize;

use super::Settings;
use crate::config::{
    Http,
    parse::credentials,
    read::{Item, Section},
    show,
    target::Login,
};

/// Which address is wanted.
const OF_THE_STORE: &str = "the address of the store is wanted, as in https://storefront.example.com/Citrix/Store";

/// Settings of `vendor: citrix_storefront`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CitrixStorefront {
    /// The monitoring account.
    pub auth: CitrixAuth,
    /// How often the store's resources are enumerated.
    #[serde(serialize_with = "show::duration")]
    pub enumerate_interval: Duration,
    /// The resources whose machines are asked for; given: no enumeration.
    pub resource_ids: Vec<String>,
    /// Further hosts that may receive the credentials, in lower case; the host of `url` always may.
    pub allowed_hosts: Vec<String>,
}

/// The monitoring account, and how it logs on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CitrixAuth {
    /// Its name and password.
    #[serde(flatten)]
    pub login: Login,
    /// How it logs on.
    pub method: CitrixMethod,
}

/// How StoreFront is logged on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CitrixMethod {
    /// ExplicitForms where offered, else HttpBasic.
    Auto,
    /// Only the form.
    ExplicitForms,
    /// Only HTTP Basic.
    HttpBasic,
}

impl CitrixMethod {
    const ALL: [CitrixMethod; 3] = [CitrixMethod::Auto, CitrixMethod::ExplicitForms, CitrixMethod::HttpBasic];

    /// As in the configuration.
    const fn as_str(self) -> &'static str {
        match self {
            CitrixMethod::Auto => "auto",
            CitrixMethod::ExplicitForms => "explicit_forms",
            CitrixMethod::HttpBasic => "http_basic",
        }
    }
}

impl Settings for CitrixStorefront {
    fn read(section: &Section<'_>, _http: &Http) -> Option<CitrixStorefront> {
        let auth = credentials::auth(section).and_then(|auth| {
            let login = credentials::login(&auth);
            let method =
                auth.choice("method", &CitrixMethod::ALL.map(|method| (method.as_str(), method)), CitrixMethod::Auto);
            auth.finish();
            Some(CitrixAuth { login: login?, method })
        });
        let enumerate_interval =
            section.duration("enumerate_interval", Duration::from_secs(1), Duration::from_secs(600));
        let resource_ids = section.list("resource_ids").iter().filter_map(Item::filled).collect();
        let allowed_hosts = section.list("allowed_hosts").iter().filter_map(host).collect();
        Some(CitrixStorefront { auth: auth?, enumerate_interval, resource_ids, allowed_hosts })
    }

    fn default_timeout(_section: &Section<'_>) -> Duration {
        Duration::from_secs(60)
    }

    fn check_url(item: &Item<'_>, url: &Url) {
        item.refuse_end(url, &["/endpoints/v1", "/resources/v2", "/discovery"]);
        // A gateway in front may have other paths.
        let path = url.path().to_ascii_lowercase();
        if path == "/" {
            item.warn(format!("has no path; {OF_THE_STORE}"));
        } else if path.ends_with("web") {
            item.warn(format!("looks like the web site for browsers; {OF_THE_STORE}"));
        }
    }

    fn identity(&self) -> String {
        format!("{:?} {:?}", self.auth.login, self.auth.method)
    }
}

/// A bare host, in lower case.
fn host(item: &Item<'_>) -> Option<String> {
    let text = item.filled()?;
    match Url::parse(&format!("https://{text}")) {
        Ok(url) if url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(&text)) => Some(text.to_lowercase()),
        _ => {
            item.error(format!("{text:?} is not a host name; no scheme, port or path belongs here"));
            None
        }
    }
}
