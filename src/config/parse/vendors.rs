//! What only one vendor has.

use std::time::Duration;

use reqwest::Url;

use super::credentials;
use crate::config::{
    Http, duration,
    glob::{Glob, Globs},
    read::{Item, Section},
    target::{
        AzureAuth, AzureDevOps, CitrixMethod, CitrixStorefront, ParallelsRas, ParallelsRasSession, ProbeMode, Resilio,
        Session, VendorSettings,
    },
    yaml::Value,
};

/// How long the broker may take, where nothing is said.
const PRIME_TIMEOUT: Duration = Duration::from_secs(60);

/// The vendors.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Vendor {
    ParallelsRas,
    ParallelsRasSession,
    Resilio,
    AzureDevOps,
    CitrixStorefront,
}

/// As in the configuration.
pub(super) const ALL: [(&str, Vendor); 5] = [
    ("parallels_ras", Vendor::ParallelsRas),
    ("parallels_ras_session", Vendor::ParallelsRasSession),
    ("resilio", Vendor::Resilio),
    ("azure_devops", Vendor::AzureDevOps),
    ("citrix_storefront", Vendor::CitrixStorefront),
];

/// The settings; `None` where an error was noted.
pub(super) fn read(vendor: Vendor, section: &Section<'_>, http: &Http) -> Option<VendorSettings> {
    Some(match vendor {
        Vendor::ParallelsRas => VendorSettings::ParallelsRas(parallels_ras(section)?),
        Vendor::ParallelsRasSession => VendorSettings::ParallelsRasSession(Box::new(parallels_ras_session(section)?)),
        Vendor::Resilio => VendorSettings::Resilio(resilio(section)),
        Vendor::AzureDevOps => VendorSettings::AzureDevOps(azure_devops(section, http)?),
        Vendor::CitrixStorefront => VendorSettings::CitrixStorefront(citrix_storefront(section)?),
    })
}

/// What is known of a vendor's addresses.
pub(super) fn check_url(item: &Item<'_>, url: &Url, vendor: Vendor) {
    if vendor == Vendor::AzureDevOps && url.host_str() == Some("dev.azure.com") && url.path() == "/" {
        item.error("must name the organization, as in https://dev.azure.com/contoso");
    }
}

/// Whether credentials are sent: only Resilio may go without.
pub(super) fn has_credentials(vendor: Vendor, section: &Section<'_>) -> bool {
    let is_empty = |item: &Item<'_>| matches!(&item.node.value, Value::Map(entries) if entries.is_empty());
    vendor != Vendor::Resilio || section.get("auth").is_some_and(|item| !is_empty(&item))
}

/// The priming time of a deep session probe, whatever is wrong with its other settings.
pub(super) fn deep_prime_timeout(vendor: Vendor, section: &Section<'_>) -> Option<Duration> {
    if vendor != Vendor::ParallelsRasSession || section.get("mode")?.scalar() != Some("deep") {
        return None;
    }
    let given = || match &section.get("session")?.node.value {
        Value::Map(entries) => {
            let entry = entries.iter().find(|entry| entry.key == "prime_timeout")?;
            match &entry.node.value {
                Value::Scalar { text, .. } => duration::parse(text).ok(),
                _ => None,
            }
        }
        _ => None,
    };
    Some(given().unwrap_or(PRIME_TIMEOUT))
}

/// `auth:`, which must be there.
fn auth<'a>(section: &Section<'a>) -> Option<Section<'a>> {
    section.require("auth")?.section().map(Section::holding_secrets)
}

fn parallels_ras(section: &Section<'_>) -> Option<ParallelsRas> {
    let auth = auth(section).and_then(|auth| {
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
    Some(ParallelsRas { auth: auth?, site_ids, resolve_names, power_managed })
}

fn parallels_ras_session(section: &Section<'_>) -> Option<ParallelsRasSession> {
    let api_token = auth(section).and_then(|auth| {
        let token = credentials::require_secret(&auth, "api_token", "api_token_file");
        auth.finish();
        token
    });
    let mode = section.choice("mode", &[("light", ProbeMode::Light), ("deep", ProbeMode::Deep)], ProbeMode::Light);
    let session = section.require("session").and_then(|item| item.section()).and_then(session);
    Some(ParallelsRasSession { api_token: api_token?, mode, session: session? })
}

/// Lengths and ranges are those of the vendor's page of parameters.
fn session(section: Section<'_>) -> Option<Session> {
    let section = section.holding_secrets();
    let ras_host = section.require_text("ras_host", 1..=260);
    let ras_port = section.port("ras_port", 443);
    let endpoint_host = section.require_text("endpoint_host", 1..=260);
    let endpoint_port = section.port("endpoint_port", 3389);
    let portal_item = section.require("portal_url");
    // Sent as it stands, so it stays a text.
    let portal_url = portal_item.and_then(|item| item.text_of(1..=2000).filter(|text| is_web_address(&item, text)));
    let username = section.require_text("username", 1..=260);
    let password = credentials::require_secret(&section, "password", "password_file");
    if let Some(item) = section.get("password") {
        item.text_of(1..=2000);
    }
    let app = section.section("app");
    let app_path = app.get("path").and_then(|item| item.text_of(0..=260)).unwrap_or_default();
    let app_params = app.get("params").and_then(|item| item.text_of(0..=1024)).unwrap_or_default();
    if app_path.is_empty() && !app_params.is_empty() {
        app.error("params", "is given without path");
    }
    app.finish();
    let prime_timeout = section.get("prime_timeout").map_or(PRIME_TIMEOUT, |item| prime_timeout(&item));
    section.finish();
    Some(Session {
        ras_host: ras_host?,
        ras_port,
        endpoint_host: endpoint_host?,
        endpoint_port,
        portal_url: portal_url?,
        username: username?,
        password: password?,
        app_path,
        app_params,
        prime_timeout,
    })
}

/// The portal's address is only handed on, so it may have a query.
fn is_web_address(item: &Item<'_>, text: &str) -> bool {
    let is_good =
        |url: &Url| matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let good = Url::parse(text).is_ok_and(|url| is_good(&url));
    if !good {
        item.error("must be a URL with https:// or http:// and without credentials");
    }
    good
}

/// The vendor takes whole seconds up to 1800; 0 and 2 mean not to wait.
fn prime_timeout(item: &Item<'_>) -> Duration {
    let duration = item.duration(Duration::from_secs(3)).unwrap_or(PRIME_TIMEOUT);
    if duration > Duration::from_secs(1800) {
        item.error("must be 30m at the most");
    }
    if duration.subsec_nanos() != 0 {
        item.error("must be whole seconds");
    }
    duration
}

fn resilio(section: &Section<'_>) -> Resilio {
    Resilio { auth: credentials::proxy_auth(section.section("auth")), tags: section.bool("tags", true) }
}

fn azure_devops(section: &Section<'_>, http: &Http) -> Option<AzureDevOps> {
    let auth = auth(section).and_then(|auth| azure_auth(auth, http));
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
        pools_include: include,
        pools_exclude: exclude,
        include_hosted: section.bool("include_hosted", false),
        offline_by_design: section.globs("offline_by_design"),
        on_demand_pools: section.globs("on_demand_pools"),
        job_requests: section.bool("job_requests", true),
        auth: auth?,
    })
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

fn citrix_storefront(section: &Section<'_>) -> Option<CitrixStorefront> {
    let methods = [
        ("auto", CitrixMethod::Auto),
        ("explicit_forms", CitrixMethod::ExplicitForms),
        ("http_basic", CitrixMethod::HttpBasic),
    ];
    let auth = auth(section).and_then(|auth| {
        let login = credentials::login(&auth);
        let method = auth.choice("method", &methods, CitrixMethod::Auto);
        auth.finish();
        Some((login?, method))
    });
    let enumerate_interval = section.duration("enumerate_interval", Duration::from_secs(1), Duration::from_secs(600));
    let resource_ids = section.list("resource_ids").iter().filter_map(Item::filled).collect();
    let allowed_hosts = section.list("allowed_hosts").iter().filter_map(host).collect();
    let (login, method) = auth?;
    Some(CitrixStorefront { auth: login, method, enumerate_interval, resource_ids, allowed_hosts })
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
