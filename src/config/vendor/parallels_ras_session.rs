//! Parallels RAS Connection Broker API.

use std::time::Duration;

use reqwest::Url;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{DEFAULT_TIMEOUT, Settings};
use crate::{
    config::{
        Http,
        parse::{credentials, polling::Times},
        read::{Item, Section},
        secret::{self, Secret},
        show,
        yaml::Value,
    },
    duration::{self, print},
    scale::scaled,
};

/// How long the broker may take, where nothing is said.
const PRIME_TIMEOUT: Duration = Duration::from_secs(60);
/// A deep probe leaves a real session behind; more often than this they pile up.
const DEEP_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Settings of `vendor: parallels_ras_session`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParallelsRasSession {
    /// The broker's API token, sent bare in `Authorization`.
    #[serde(rename = "auth", serialize_with = "secret::api_token")]
    pub api_token: Secret,
    /// What is proved.
    pub mode: ProbeMode,
    /// The session that is asked for.
    pub session: Box<SessionSettings>,
}

/// What a session probe proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeMode {
    /// `prime_session` 0: the broker's API answers.
    Light,
    /// `prime_session` 1: a log-on works; leaves a real session behind.
    Deep,
}

impl ProbeMode {
    /// The label `mode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProbeMode::Light => "light",
            ProbeMode::Deep => "deep",
        }
    }
}

/// The session that a probe asks for. Lengths and ranges are those of the vendor's page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionSettings {
    /// Gateway that the client would connect to; 1 to 260 characters.
    pub ras_host: String,
    /// Its port.
    pub ras_port: u16,
    /// Host of the session, the label `agent`; 1 to 260 characters.
    pub endpoint_host: String,
    /// Its port.
    pub endpoint_port: u16,
    /// URL of the user portal; 1 to 2000 characters.
    pub portal_url: String,
    /// User of the session; 1 to 260 characters.
    pub username: String,
    /// Its password; 1 to 2000 characters.
    #[serde(flatten, serialize_with = "secret::password")]
    pub password: Secret,
    /// The priming secret, where clients are given one: Base64 of 16, 24 or 32 bytes, as the vendor's page has it.
    #[serde(flatten, serialize_with = "prime_secret")]
    pub prime_secret: Option<Secret>,
    /// The application to start.
    pub app: App,
    /// How long the broker may take to prepare the session; 3 s to 1800 s (0 and 2 mean something else to the vendor).
    #[serde(serialize_with = "show::duration")]
    pub prime_timeout: Duration,
}

/// An application in a session.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct App {
    /// Its path, empty for a desktop; at most 260 characters.
    pub path: String,
    /// Its arguments; at most 1024 characters.
    pub params: String,
}

/// Shown where there is one.
fn prime_secret<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => secret::prime_secret(secret, serializer),
        None => serializer.serialize_map(Some(0))?.end(),
    }
}

impl Settings for ParallelsRasSession {
    fn read(section: &Section<'_>, _http: &Http) -> Option<ParallelsRasSession> {
        let api_token = credentials::auth(section).and_then(|auth| {
            let token = credentials::require_secret(&auth, "api_token", "api_token_file");
            auth.finish();
            token
        });
        let mode = section.choice("mode", &[("light", ProbeMode::Light), ("deep", ProbeMode::Deep)], ProbeMode::Light);
        let session = section.require("session").and_then(|item| item.section()).and_then(session);
        Some(ParallelsRasSession { api_token: api_token?, mode, session: Box::new(session?) })
    }

    fn default_timeout(section: &Section<'_>) -> Duration {
        deep_prime_timeout(section).map_or(DEFAULT_TIMEOUT, |priming| priming + Duration::from_secs(15))
    }

    fn check_times(times: &Times, section: &Section<'_>) {
        let Some(priming) = deep_prime_timeout(section) else { return };
        let Times { interval, timeout, .. } = *times;
        if interval < scaled(DEEP_INTERVAL) {
            let given = print(interval);
            let message = "must be 15m at the least in deep mode, as every probe leaves a session behind; it is";
            section.error_of("interval", format!("{message} {given}"));
        }
        if timeout <= priming
            && let Some(mark) = section.mark()
        {
            let (timeout, priming) = (print(timeout), print(priming));
            let message = format!(
                "{timeout} is not longer than session.prime_timeout ({priming}), so a slow session is a failed poll"
            );
            section.ctx.warn(mark, &section.path_of("timeout"), message);
        }
    }

    fn check_url(item: &Item<'_>, url: &Url) {
        item.refuse_end(url, &["/api", "/api/directsessiontunnel"]);
    }

    fn identity(&self) -> String {
        let SessionSettings { username, password, .. } = &*self.session;
        format!("{:?} {username} {password:?}", self.api_token)
    }
}

/// Lengths and ranges are those of the vendor's page of parameters.
fn session(section: Section<'_>) -> Option<SessionSettings> {
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
    let prime_secret = credentials::secret(&section, "prime_secret", "prime_secret_file");
    if let Some(item) = section.get("prime_secret") {
        item.text_of(1..=260);
    }
    let app = section.section("app");
    let path = app.get("path").and_then(|item| item.text_of(0..=260)).unwrap_or_default();
    let params = app.get("params").and_then(|item| item.text_of(0..=1024)).unwrap_or_default();
    if path.is_empty() && !params.is_empty() {
        app.error("params", "is given without path");
    }
    app.finish();
    let prime_timeout = section.get("prime_timeout").map_or(PRIME_TIMEOUT, |item| prime_timeout(&item));
    section.finish();
    Some(SessionSettings {
        ras_host: ras_host?,
        ras_port,
        endpoint_host: endpoint_host?,
        endpoint_port,
        portal_url: portal_url?,
        username: username?,
        password: password?,
        prime_secret,
        app: App { path, params },
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

/// The priming time of a deep session probe, whatever is wrong with its other settings.
fn deep_prime_timeout(section: &Section<'_>) -> Option<Duration> {
    if section.get("mode")?.scalar() != Some("deep") {
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
