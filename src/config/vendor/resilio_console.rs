//! Resilio Management Console.

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
    glob::Globs,
};

/// How often the agents of active runs are read, where nothing is said.
const RUN_DETAILS: Duration = Duration::from_secs(5 * 60);

/// Of how many runs, where nothing is said.
const RUN_DETAILS_MAX: usize = 200;

/// Settings of `vendor: resilio_console`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResilioConsole {
    /// The API token, sent as `Authorization: Token`.
    #[serde(rename = "auth", serialize_with = "secret::api_token")]
    pub api_token: Secret,
    /// Agents that are offline by design: laptops.
    pub offline_by_design: Globs,
    /// What the pool of an agent is.
    pub pool_by: PoolBy,
    /// Whether the agents' tags are exported.
    pub tags: bool,
    /// How often the agents of active runs are read; zero: never.
    #[serde(serialize_with = "show::duration")]
    pub run_details: Duration,
    /// Of how many runs at most.
    pub run_details_max: usize,
}

/// What the pool of an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolBy {
    /// The name of its group with the lowest id.
    Group,
    /// The same for all of them.
    None,
}

impl Settings for ResilioConsole {
    fn read(section: &Section<'_>, _http: &Http) -> Option<ResilioConsole> {
        let api_token = credentials::auth(section).and_then(|auth| {
            let token = credentials::require_secret(&auth, "api_token", "api_token_file");
            auth.finish();
            token
        });
        let most = section.get("run_details_max").and_then(|item| item.integer(1..=100_000));
        Some(ResilioConsole {
            offline_by_design: section.globs("offline_by_design"),
            pool_by: section.choice("pool_by", &[("group", PoolBy::Group), ("none", PoolBy::None)], PoolBy::Group),
            tags: section.bool("tags", true),
            run_details: section.duration("run_details", Duration::ZERO, RUN_DETAILS),
            run_details_max: most.and_then(|most| usize::try_from(most).ok()).unwrap_or(RUN_DETAILS_MAX),
            api_token: api_token?,
        })
    }

    fn check_url(item: &Item<'_>, url: &Url) {
        item.refuse_end(url, &["/api", "/api/v2"]);
    }

    fn identity(&self) -> String {
        format!("{:?}", self.api_token)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, VendorSettings, secret::SecretText};

    #[test]
    fn the_console_of_resilio_has_its_defaults() {
        let console = |more: &str| {
            let text = format!(
                "targets: [{{ name: mc, vendor: resilio_console, url: 'https://mc:8443', auth: {{ api_token: T }}{more} }}]"
            );
            let config = Config::parse(&text, "rollcall.yml", Path::new("")).expect("it is valid");
            let VendorSettings::ResilioConsole(console) = &config.targets[0].settings else { panic!("the console") };
            console.clone()
        };
        let usual = console("");
        assert_eq!(
            (&usual.api_token, usual.pool_by, usual.tags),
            (&Secret::Inline(SecretText::new("T")), PoolBy::Group, true)
        );
        assert_eq!((usual.run_details, usual.run_details_max), (Duration::from_secs(300), 200));
        assert!(usual.offline_by_design.0.is_empty());
        let given =
            console(", pool_by: none, tags: false, run_details: 0s, run_details_max: 7, offline_by_design: ['L-*']");
        assert_eq!(
            (given.pool_by, given.tags, given.run_details, given.run_details_max),
            (PoolBy::None, false, Duration::ZERO, 7)
        );
        assert!(given.offline_by_design.matches("L-1") && !given.offline_by_design.matches("M-1"));
    }
}
