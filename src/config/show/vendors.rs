//! What only one vendor has.

use super::{Out, globs, login, map, print, proxy_auth, secret};
use crate::config::target::{
    AzureAuth, AzureDevOps, CitrixMethod, CitrixStorefront, ParallelsRas, ParallelsRasSession, Session, VendorSettings,
};

type Entries = Vec<(&'static str, Out)>;

pub(super) fn settings(settings: &VendorSettings) -> Entries {
    match settings {
        VendorSettings::ParallelsRas(ras) => parallels_ras(ras),
        VendorSettings::ParallelsRasSession(probe) => parallels_ras_session(probe),
        VendorSettings::Resilio(resilio) => {
            vec![("auth", map(proxy_auth(resilio.auth.as_ref()))), ("tags", Out::raw(resilio.tags))]
        }
        VendorSettings::AzureDevOps(azure) => azure_devops(azure),
        VendorSettings::CitrixStorefront(citrix) => citrix_storefront(citrix),
    }
}

fn parallels_ras(ras: &ParallelsRas) -> Entries {
    vec![
        ("auth", map(login(&ras.auth))),
        ("site_ids", Out::List(ras.site_ids.iter().map(Out::raw).collect())),
        ("resolve_names", Out::raw(ras.resolve_names)),
        ("power_managed", texts(&ras.power_managed)),
    ]
}

fn parallels_ras_session(probe: &ParallelsRasSession) -> Entries {
    vec![
        ("auth", map([secret(&probe.api_token, "api_token", "api_token_file")])),
        ("mode", Out::text(probe.mode.as_str())),
        ("session", session(&probe.session)),
    ]
}

fn session(session: &Session) -> Out {
    map([
        ("ras_host", Out::text(&session.ras_host)),
        ("ras_port", Out::raw(session.ras_port)),
        ("endpoint_host", Out::text(&session.endpoint_host)),
        ("endpoint_port", Out::raw(session.endpoint_port)),
        ("portal_url", Out::text(&session.portal_url)),
        ("username", Out::text(&session.username)),
        secret(&session.password, "password", "password_file"),
        ("app", map([("path", Out::text(&session.app_path)), ("params", Out::text(&session.app_params))])),
        ("prime_timeout", Out::raw(print(session.prime_timeout))),
    ])
}

fn azure_devops(azure: &AzureDevOps) -> Entries {
    let auth = match &azure.auth {
        AzureAuth::Pat(pat) => map([secret(pat, "pat", "pat_file")]),
        AzureAuth::Entra { tenant_id, client_id, client_secret, authority } => {
            let entra = map([
                ("tenant_id", Out::text(tenant_id)),
                ("client_id", Out::text(client_id)),
                secret(client_secret, "client_secret", "client_secret_file"),
                ("authority", Out::text(authority.as_str())),
            ]);
            map([("entra", entra)])
        }
    };
    vec![
        ("auth", auth),
        ("pools", map([("include", globs(&azure.pools_include)), ("exclude", globs(&azure.pools_exclude))])),
        ("include_hosted", Out::raw(azure.include_hosted)),
        ("offline_by_design", globs(&azure.offline_by_design)),
        ("on_demand_pools", globs(&azure.on_demand_pools)),
        ("job_requests", Out::raw(azure.job_requests)),
    ]
}

fn citrix_storefront(citrix: &CitrixStorefront) -> Entries {
    let method = match citrix.method {
        CitrixMethod::Auto => "auto",
        CitrixMethod::ExplicitForms => "explicit_forms",
        CitrixMethod::HttpBasic => "http_basic",
    };
    let mut auth = login(&citrix.auth);
    auth.push(("method", Out::text(method)));
    vec![
        ("auth", map(auth)),
        ("enumerate_interval", Out::raw(print(citrix.enumerate_interval))),
        ("resource_ids", texts(&citrix.resource_ids)),
        ("allowed_hosts", texts(&citrix.allowed_hosts)),
    ]
}

fn texts(texts: &[String]) -> Out {
    Out::List(texts.iter().map(|text| Out::text(text)).collect())
}
