//! Parallels RAS REST API.

use reqwest::Url;
use serde::Serialize;

use super::Settings;
use crate::config::{
    Http,
    parse::credentials,
    read::{Item, Section},
    target::Login,
};

/// Settings of `vendor: parallels_ras`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParallelsRas {
    /// The monitoring account.
    pub auth: Login,
    /// Only these sites; empty: all.
    pub site_ids: Vec<i64>,
    /// Join ids with the configured server names, where the API lets us.
    pub resolve_names: bool,
    /// Server types whose NotVerified hosts are switched off on purpose, e.g. `VDIHost`.
    pub power_managed: Vec<String>,
    /// Read load, sessions and versions of session hosts, gateways and brokers.
    pub load: bool,
    /// Read the license.
    pub license: bool,
    /// Read which hosts are in which host pool.
    pub host_pools: bool,
}

impl Settings for ParallelsRas {
    fn read(section: &Section<'_>, _http: &Http) -> Option<ParallelsRas> {
        let auth = credentials::auth(section).and_then(|auth| {
            let login = credentials::login(&auth);
            auth.finish();
            login
        });
        let site_ids = section.list("site_ids").iter().filter_map(|item| item.integer(0..=i64::MAX)).collect();
        let resolve_names = section.bool("resolve_names", true);
        // The host kinds whose NotVerified may mean that they are switched off.
        const KINDS: [(&str, &str); 4] =
            [("RDSHost", "RDSHost"), ("Guest", "Guest"), ("VDIHost", "VDIHost"), ("AVDHost", "AVDHost")];
        let power_managed =
            section.list("power_managed").iter().filter_map(|item| item.choice(&KINDS)).map(str::to_owned).collect();
        let load = section.bool("load", true);
        let license = section.bool("license", true);
        let host_pools = section.bool("host_pools", false);
        Some(ParallelsRas { auth: auth?, site_ids, resolve_names, power_managed, load, license, host_pools })
    }

    fn check_url(item: &Item<'_>, url: &Url) {
        item.refuse_end(url, &["/api"]);
    }

    fn identity(&self) -> String {
        format!("{:?}", self.auth)
    }
}
