//! The running configuration as YAML, with every default, without any secret. Read again, it gives the same targets.

mod emit;

use std::path::Path;

pub(super) use emit::Out;

use super::{
    Alerting, AlertingMode, Alertmanager, Config, Http, Target, Tls,
    secret::Secret,
    size,
    target::{Login, ProxyAuth},
};
use crate::{duration::print, glob::Globs, overrides::AlertOverride};

/// What stands for a secret.
const SECRET: &str = "<secret>";

pub(super) fn to_yaml(config: &Config) -> String {
    let state_file = config.state_file.as_deref().map(path).unwrap_or_default();
    let document = Out::Map(vec![
        ("exposition".into(), map([("full_state_sets", Out::raw(config.exposition.full_state_sets))])),
        ("state_file".into(), Out::Text(state_file)),
        ("targets".into(), Out::List(config.targets.iter().map(|item| target(item)).collect())),
        ("alerting".into(), alerting(&config.alerting)),
    ]);
    document.to_string()
}

fn target(target: &Target) -> Out {
    let mut entries = vec![
        ("name", Out::text(&target.name)),
        ("vendor", Out::text(target.vendor())),
        ("url", Out::text(target.url.as_str())),
        ("interval", Out::raw(print(target.interval))),
        ("timeout", Out::raw(print(target.timeout))),
        ("stale_after", Out::raw(print(target.stale_after))),
        ("max_response_size", Out::raw(size::print(target.max_response_size))),
        ("max_agents", Out::raw(target.max_agents)),
        ("http", http(&target.http)),
    ];
    entries.extend(target.settings.show());
    let expect = target
        .expect
        .iter()
        .map(|expect| map([("pool", Out::text(expect.pool.as_str())), ("min_serving", Out::raw(expect.min_serving))]));
    let overrides = target.health_overrides.iter().map(|change| {
        map([
            ("state", Out::text(&change.state)),
            ("pool", Out::text(change.pool.as_str())),
            ("health", Out::text(change.health.as_str())),
        ])
    });
    entries.extend([
        ("labels", labels(&target.labels)),
        ("expect", Out::List(expect.collect())),
        ("health_overrides", Out::List(overrides.collect())),
    ]);
    map(entries)
}

fn http(http: &Http) -> Out {
    let Tls { ca_file, cert_file, key_file, server_name, insecure_skip_verify } = &http.tls;
    let file = |file: &Option<std::path::PathBuf>| Out::Text(file.as_deref().map(path).unwrap_or_default());
    let tls = map([
        ("ca_file", file(ca_file)),
        ("cert_file", file(cert_file)),
        ("key_file", file(key_file)),
        ("server_name", Out::text(server_name.as_deref().unwrap_or_default())),
        ("insecure_skip_verify", Out::raw(insecure_skip_verify)),
    ]);
    let headers = http.headers.iter().map(|(name, _)| (name.clone(), Out::text(SECRET))).collect();
    map([
        ("proxy_url", Out::Text(http.proxy.to_string())),
        ("tls", tls),
        ("headers", Out::Map(headers)),
        ("allow_cleartext_credentials", Out::raw(http.allow_cleartext_credentials)),
    ])
}

fn alerting(alerting: &Alerting) -> Out {
    let mode = match alerting.mode {
        AlertingMode::Off => "off",
        AlertingMode::Direct => "direct",
    };
    map([
        ("mode", Out::raw(mode)),
        ("alertmanagers", Out::List(alerting.alertmanagers.iter().map(alertmanager).collect())),
        ("resend_delay", Out::raw(print(alerting.resend_delay))),
        ("max_hold", Out::raw(print(alerting.max_hold))),
        ("external_labels", labels(&alerting.external_labels)),
        ("runbook_url", Out::text(&alerting.runbook_url)),
        ("ha", Out::raw(alerting.ha)),
        ("overrides", Out::List(alerting.overrides.iter().map(alert_override).collect())),
    ])
}

fn alertmanager(alertmanager: &Alertmanager) -> Out {
    let auth = map(proxy_auth(alertmanager.auth.as_ref()));
    map([("url", Out::text(alertmanager.url.as_str())), ("auth", auth), ("http", http(&alertmanager.http))])
}

fn alert_override(change: &AlertOverride) -> Out {
    let mut entries = vec![("alert", Out::text(&change.alert))];
    entries.extend(change.severity.as_deref().map(|severity| ("severity", Out::text(severity))));
    entries.extend([
        ("vendor", Out::text(change.vendor.as_str())),
        ("target", Out::text(change.target.as_str())),
        ("pool", Out::text(change.pool.as_str())),
    ]);
    entries.extend(change.r#for.map(|duration| ("for", Out::raw(print(duration)))));
    entries.extend(change.keep_firing_for.map(|duration| ("keep_firing_for", Out::raw(print(duration)))));
    entries.extend(change.threshold.map(|threshold| ("threshold", Out::raw(threshold))));
    entries.extend(change.enabled.map(|enabled| ("enabled", Out::raw(enabled))));
    map(entries)
}

pub(super) fn proxy_auth(auth: Option<&ProxyAuth>) -> Vec<(&'static str, Out)> {
    match auth {
        None => Vec::new(),
        Some(ProxyAuth::Basic(login)) => self::login(login),
        Some(ProxyAuth::Bearer(token)) => vec![secret(token, "bearer_token", "bearer_token_file")],
    }
}

pub(super) fn login(login: &Login) -> Vec<(&'static str, Out)> {
    vec![("username", Out::text(&login.username)), secret(&login.password, "password", "password_file")]
}

/// The path of a secret's file is shown, its content never.
pub(super) fn secret(secret: &Secret, key: &'static str, file_key: &'static str) -> (&'static str, Out) {
    match secret {
        Secret::Inline(_) => (key, Out::text(SECRET)),
        Secret::File(file) => (file_key, Out::Text(path(file))),
    }
}

pub(super) fn map(entries: impl IntoIterator<Item = (&'static str, Out)>) -> Out {
    Out::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn labels(labels: &[(String, String)]) -> Out {
    Out::Map(labels.iter().map(|(name, value)| (name.clone(), Out::text(value))).collect())
}

pub(super) fn globs(globs: &Globs) -> Out {
    Out::List(globs.0.iter().map(|glob| Out::text(glob.as_str())).collect())
}

pub(super) fn texts(texts: &[String]) -> Out {
    Out::List(texts.iter().map(|text| Out::text(text)).collect())
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
