//! The configuration: `rollcall.yml` in, validated settings out.
//!
//! The types say what a setting means and are its documentation; `parse` turns a file into them and reports every error at
//! once, with file, line, column and path; `show` prints them without their secrets.

mod changes;
pub mod environment;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod parse;
mod pin;
mod problem;
mod read;
pub mod secret;
mod show;
mod size;
pub mod target;
pub mod vendor;
pub mod web;
mod yaml;

pub use changes::Changes;
pub use pin::Pin;
pub use problem::{Errors, Mark, Problem};
pub use target::Target;
pub use vendor::VendorSettings;

use crate::rules::links::Links;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde::Serialize;

use crate::{file, overrides::AlertOverride};

/// A complete annotated configuration: `rollcall default-config`. Every vendor has its target in `vendor/<vendor>.yml`.
pub fn default_yaml() -> &'static str {
    static WHOLE: LazyLock<String> =
        LazyLock::new(|| include_str!("config/default.yml").replace("  # VENDORS\n", &vendor::DEFAULTS.join("\n")));
    &WHOLE
}

/// The whole configuration, with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// What all requests of the daemon share.
    #[serde(rename = "http")]
    pub shared_http: SharedHttp,
    /// What is exposed how.
    pub exposition: Exposition,
    /// Since-when, log-on holds, known pools and alerts survive a restart here; `None`: nowhere.
    #[serde(serialize_with = "show::or_empty")]
    pub state_file: Option<PathBuf>,
    /// All targets, those of `target_files` included, in the order of the files; names are unique.
    #[serde(serialize_with = "show::targets")]
    pub targets: Vec<Arc<Target>>,
    /// Alerting.
    pub alerting: Alerting,
    /// What has to be said about it although it is valid, each with file, line, column and path.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads a file, and the target files that it names. A secret file that cannot be read is a warning: it is read again at each
    /// use. On errors nothing is built, so that a reload keeps what it has.
    pub fn load(path: &Path) -> Result<Config, Errors> {
        Config::open(path, false)
    }

    /// Reads a file as `load` does, for `rollcall check`: a secret file that cannot be read is an error, and a state file that
    /// cannot be written a warning.
    pub fn check(path: &Path) -> Result<Config, Errors> {
        Config::open(path, true)
    }

    /// Reads a text under the name of a file; relative paths start at `base_dir`, and the environment is not asked.
    pub fn parse(text: &str, file_name: &str, base_dir: &Path) -> Result<Config, Errors> {
        let options = parse::ParseOptions { file: file_name, base_dir, strict: false, state_directory: None };
        parse::parse(text.as_bytes(), &options)
    }

    /// The running configuration with every default, as YAML. Secrets and the values of headers are `<secret>`.
    pub fn to_yaml(&self) -> String {
        show::to_yaml(self)
    }

    fn open(path: &Path, strict: bool) -> Result<Config, Errors> {
        let shown = path.display().to_string();
        let bytes = file::read(path, file::LONGEST_CONFIGURATION).map_err(|error| {
            let mark = Mark { file: shown.as_str().into(), line: 1, column: 1 };
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => format!("; `rollcall default-config > {shown}` makes one to fill in"),
                _ => String::new(),
            };
            let message = format!("cannot be read: {error}{hint}");
            Errors::new(vec![Problem { mark, path: String::new(), message }], &shown)
        })?;
        let base_dir = path.parent().unwrap_or(Path::new(""));
        let state_directory = std::env::var_os("STATE_DIRECTORY");
        let mut config =
            parse::parse(&bytes, &parse::ParseOptions { file: &shown, base_dir, strict, state_directory })?;
        config.warnings.extend(config.check_environment()?);
        Ok(config)
    }

    /// What has to be said about the proxy of the environment, where something is asked through it.
    fn check_environment(&self) -> Result<Option<String>, Errors> {
        let targets = self.targets.iter().map(|target| (&target.http, &target.url));
        let alertmanagers = self.alerting.alertmanagers.iter().map(|peer| (&peer.http, &peer.url));
        let asks = |(http, url): (&Http, &reqwest::Url)| http.proxy == Proxy::Environment && !is_loopback(url);
        if !targets.chain(alertmanagers).any(asks) {
            return Ok(None);
        }
        let environment = environment::ProxyEnvironment::current().map_err(|bad| {
            let mark = Mark { file: "the environment".into(), line: 0, column: 0 };
            let problem = |bad: &environment::BadVariable| Problem {
                mark: mark.clone(),
                path: bad.name.to_owned(),
                message: bad.message.to_owned(),
            };
            Errors::new(bad.iter().map(problem).collect(), "")
        })?;
        let unknown = environment.unknown().join(", ");
        let warning = format!(
            "the environment: NO_PROXY: nothing matches {unknown}; write HOST, .DOMAIN, ADDRESS or NETWORK/BITS, each with :PORT but \
             the last, or *"
        );
        Ok(Some(warning).filter(|_| !unknown.is_empty()))
    }
}

/// What all requests of the daemon share. The rest of `http:` is that of each target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SharedHttp {
    /// All answers under way together, in bytes: received or unpacked, and not read yet.
    #[serde(serialize_with = "show::size")]
    pub max_buffered: u64,
}

/// What is exposed how.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Exposition {
    /// Also the 0 series of native state metrics.
    pub full_state_sets: bool,
}

/// Outbound HTTP of a target or of an Alertmanager.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Http {
    /// Which proxy requests go through.
    #[serde(rename = "proxy_url", serialize_with = "show::text")]
    pub proxy: Proxy,
    /// TLS towards the server.
    pub tls: Tls,
    /// Headers added to every request. Their values are as secret as a password.
    #[serde(serialize_with = "show::map")]
    pub headers: Vec<(String, secret::SecretText)>,
    /// Credentials may go over plain HTTP to other hosts than loopback.
    pub allow_cleartext_credentials: bool,
}

impl Http {
    /// Whether credentials may be sent to this URL: over TLS, to this machine, or where the user allows clear text.
    pub fn allows_credentials(&self, url: &reqwest::Url) -> bool {
        url.scheme() == "https" || is_loopback(url) || self.allow_cleartext_credentials
    }
}

/// Whether the host of a URL is this machine, so that nobody can listen in.
pub fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Which proxy requests go through. Its password is not printed.
#[derive(Clone, PartialEq, Default)]
pub enum Proxy {
    /// The one of the environment (`HTTPS_PROXY`, `NO_PROXY`, ...), but none for loopback.
    #[default]
    Environment,
    /// None.
    None,
    /// This one.
    Url(reqwest::Url),
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// As in the configuration, but for the password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proxy::Environment => Ok(()),
            Proxy::None => f.write_str("none"),
            Proxy::Url(url) if url.password().is_none() => write!(f, "{url}"),
            Proxy::Url(url) => {
                let (scheme, user, host) = (url.scheme(), url.username(), url.host_str().unwrap_or_default());
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                write!(f, "{scheme}://{user}:<secret>@{host}{port}{}", url.path())
            }
        }
    }
}

/// TLS towards a server.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Tls {
    /// Certificates (PEM) that are trusted instead of the system's.
    #[serde(serialize_with = "show::or_empty")]
    pub ca_file: Option<PathBuf>,
    /// Client certificate (PEM).
    #[serde(serialize_with = "show::or_empty")]
    pub cert_file: Option<PathBuf>,
    /// Its key (PEM).
    #[serde(serialize_with = "show::or_empty")]
    pub key_file: Option<PathBuf>,
    /// The name that the server's certificate must carry, where it differs from the host of the URL.
    #[serde(serialize_with = "show::or_empty")]
    pub server_name: Option<String>,
    /// The server's certificate, or its public key: this one is trusted and no other, and nothing else of it is checked.
    #[serde(serialize_with = "show::or_empty")]
    pub pin_sha256: Option<Pin>,
    /// No check of the server's certificate.
    pub insecure_skip_verify: bool,
}

/// Who pages, whom it tells, and what is changed in the catalogue of alerts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alerting {
    /// Who pages.
    pub mode: AlertingMode,
    /// Where direct mode sends alerts.
    pub alertmanagers: Vec<Alertmanager>,
    /// How often a firing alert is sent again.
    #[serde(serialize_with = "show::duration")]
    pub resend_delay: Duration,
    /// How long an alert is held while its target cannot be polled.
    #[serde(serialize_with = "show::duration")]
    pub max_hold: Duration,
    /// Labels added to every alert.
    #[serde(serialize_with = "show::map")]
    pub external_labels: Vec<(String, String)>,
    /// Base of the runbook links; empty: the ones shipped with the daemon.
    pub runbook_url: String,
    /// Where people reach Grafana, without a slash at its end; empty: links to dashboards lead to the daemon's own pages.
    pub dashboard_url: String,
    /// Another daemon watches the same targets: alerts are resolved by letting them lapse.
    pub ha: bool,
    /// Changes to the catalogue; the first that matches counts.
    pub overrides: Vec<AlertOverride>,
}

impl Alerting {
    /// Where the links of alerts lead, of a daemon that people reach here.
    pub fn links(&self, external_url: &str) -> Links {
        let [external_url, dashboard_url] =
            [external_url, &self.dashboard_url].map(|url| url.trim_end_matches('/').to_owned());
        Links { external_url, dashboard_url, runbook_url: self.runbook_url.clone() }
    }
}

/// Who pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertingMode {
    /// Prometheus evaluates the shipped rules.
    #[default]
    Off,
    /// The daemon pages.
    Direct,
}

/// An Alertmanager.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alertmanager {
    /// Its base URL.
    #[serde(serialize_with = "show::text")]
    pub url: reqwest::Url,
    /// Credentials, where it wants any.
    #[serde(serialize_with = "show::or_none")]
    pub auth: Option<target::ProxyAuth>,
    /// Outbound HTTP.
    pub http: Http,
}

#[cfg(test)]
mod tests;
