//! A Citrix site: a Delivery Controller, or Citrix Cloud.

use std::time::Duration;

use reqwest::Url;
use serde::Serialize;

use super::Settings;
use crate::config::{
    Http,
    parse::credentials,
    read::{Item, Section},
    secret::{self, Secret},
    target::Login,
};

/// Settings of `vendor: citrix_site`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CitrixSite {
    /// Credentials, of one of the two kinds.
    #[serde(flatten)]
    pub access: SiteAccess,
    /// Id of the site; empty: the first that the account sees.
    pub site_id: String,
    /// What the pool of a machine is.
    pub pool_by: SitePools,
    /// Whether licenses are read.
    pub licenses: bool,
    /// The names that StoreFront has for this site, which are the pools of its machines there.
    pub storefront_farms: Vec<String>,
}

/// How the site is logged on to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum SiteAccess {
    /// A Delivery Controller, as an account of the directory.
    #[serde(rename = "auth")]
    OnPremises(Login),
    /// Citrix Cloud, as an API client.
    #[serde(rename = "cloud")]
    Cloud {
        /// The customer.
        customer_id: String,
        /// The API client.
        client_id: String,
        /// Its secret.
        #[serde(flatten, serialize_with = "secret::client_secret")]
        client_secret: Secret,
    },
}

/// What the pool of a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SitePools {
    /// Its delivery group.
    DeliveryGroup,
    /// Its catalog.
    Catalog,
}

impl Settings for CitrixSite {
    fn read(section: &Section<'_>, _http: &Http) -> Option<CitrixSite> {
        let access = match (section.get("auth"), section.get("cloud")) {
            (Some(_), Some(cloud)) => {
                cloud.error("auth is given too; a Delivery Controller takes auth, Citrix Cloud takes cloud");
                None
            }
            (Some(_), None) => credentials::auth(section).and_then(|auth| {
                let login = credentials::login(&auth);
                auth.finish();
                login.map(SiteAccess::OnPremises)
            }),
            (None, Some(item)) => item.section().and_then(|inner| cloud(inner.holding_secrets())),
            (None, None) => {
                section.error("auth", "is missing; give auth for a Delivery Controller, or cloud for Citrix Cloud");
                None
            }
        };
        let by = [("delivery_group", SitePools::DeliveryGroup), ("catalog", SitePools::Catalog)];
        let site_id = section.text("site_id", "");
        if let Some(item) = section.get("site_id").filter(|_| !is_header(&site_id)) {
            item.error("has characters that no id of a site has; the id is wanted, not the name: without site_id, probe prints those of the account");
        }
        Some(CitrixSite {
            site_id,
            pool_by: section.choice("pool_by", &by, SitePools::DeliveryGroup),
            licenses: section.bool("licenses", true),
            storefront_farms: section.list("storefront_farms").iter().filter_map(Item::filled).collect(),
            access: access?,
        })
    }

    fn default_timeout(_section: &Section<'_>) -> Duration {
        Duration::from_secs(60)
    }

    // Sixteen series a machine, and there are sites with a hundred thousand.
    const MAX_SERIES: usize = 2_000_000;

    fn check_url(item: &Item<'_>, url: &Url) {
        item.refuse_end(url, &["/cvad", "/cvad/manage", "/cvad/manage/me", "/Citrix/Monitor"]);
    }

    fn identity(&self) -> String {
        format!("{:?}", self.access)
    }
}

/// Whether it can stand in a header.
fn is_header(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn cloud(section: Section<'_>) -> Option<SiteAccess> {
    let customer_id = section.require_text("customer_id", 1..=256);
    if let (Some(id), Some(item)) = (&customer_id, section.get("customer_id"))
        && (!is_header(id) || id.contains(['/', '\\', '?', '#', '%']))
    {
        item.error("has characters that no id of a customer has");
    }
    let client_id = section.require_text("client_id", 1..=256);
    let client_secret = credentials::require_secret(&section, "client_secret", "client_secret_file");
    section.finish();
    Some(SiteAccess::Cloud { customer_id: customer_id?, client_id: client_id?, client_secret: client_secret? })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, VendorSettings, secret::SecretText};

    fn site(more: &str) -> Result<CitrixSite, String> {
        let text = format!("targets: [{{ name: site, vendor: citrix_site, url: 'https://ddc', {more} }}]");
        let config = Config::parse(&text, "rollcall.yml", Path::new("")).map_err(|errors| format!("{errors:?}"))?;
        assert_eq!(config.targets[0].max_series, 2_000_000);
        let VendorSettings::CitrixSite(site) = &config.targets[0].settings else { panic!("a site") };
        Ok(site.clone())
    }

    #[test]
    fn a_site_is_on_premises_or_in_the_cloud() {
        let usual = site(r"auth: { username: 'CORP\svc', password: P }").expect("it is valid");
        let login = Login { username: r"CORP\svc".to_owned(), password: Secret::Inline(SecretText::new("P")) };
        assert_eq!(usual.access, SiteAccess::OnPremises(login));
        assert_eq!((usual.site_id.as_str(), usual.pool_by, usual.licenses), ("", SitePools::DeliveryGroup, true));
        assert!(usual.storefront_farms.is_empty());
        let cloud = "cloud: { customer_id: abc, client_id: c, client_secret: S }";
        let given = site(&format!("{cloud}, site_id: s-1, pool_by: catalog, licenses: false, storefront_farms: [XD]"));
        let given = given.expect("it is valid");
        let SiteAccess::Cloud { customer_id, client_id, .. } = &given.access else { panic!("the cloud") };
        assert_eq!((customer_id.as_str(), client_id.as_str()), ("abc", "c"));
        assert_eq!((given.site_id.as_str(), given.pool_by, given.licenses), ("s-1", SitePools::Catalog, false));
        assert_eq!(given.storefront_farms, ["XD"]);
        let shown = serde_json::to_string(&given).expect("it serializes");
        assert!(
            shown.contains(r#""cloud":{"customer_id":"abc","client_id":"c","client_secret":"<secret>"}"#),
            "{shown}"
        );
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (more, expected) in [
            ("interval: 60s", "give auth for a Delivery Controller, or cloud for Citrix Cloud"),
            (
                "auth: { username: u, password: p }, cloud: { customer_id: a, client_id: b, client_secret: c }",
                "auth is given too",
            ),
            ("auth: { username: u, password: p }, site_id: 'a b'", "no id of a site has"),
            ("cloud: { customer_id: 'a b', client_id: b, client_secret: c }", "no id of a customer has"),
            ("cloud: { customer_id: 'a/../b', client_id: b, client_secret: c }", "no id of a customer has"),
        ] {
            let errors = site(more).expect_err("it is not valid");
            assert!(errors.contains(expected), "{errors}");
        }
    }
}
