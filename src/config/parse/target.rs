//! One target: what all vendors have, and the rules between these settings.

use std::time::Duration;

use super::{credentials, http, labels, vendors};
use crate::{
    config::{
        Http, Target,
        duration::print,
        glob::Glob,
        read::{Item, Section},
        target::{Expect, HealthOverride, ParallelsRasSession, ProbeMode, VendorSettings},
    },
    health::Health,
};

/// Anything but nothing.
const LONGER_THAN_ZERO: Duration = Duration::from_nanos(1);
const MINUTE: Duration = Duration::from_secs(60);
/// A deep probe leaves a real session behind; more often than this they pile up.
const DEEP_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// `defaults:`, as far as it is given.
pub(super) struct Defaults {
    polling: Polling,
}

/// The settings that a target may take from `defaults`.
#[derive(Clone, Copy)]
struct Polling {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    stale_after: Option<Duration>,
    max_response_size: Option<u64>,
    max_agents: Option<i64>,
}

impl Defaults {
    pub(super) fn read(section: Section<'_>) -> Defaults {
        let polling = Polling::read(&section);
        section.finish();
        Defaults { polling }
    }
}

impl Polling {
    fn read(section: &Section<'_>) -> Polling {
        Polling {
            interval: section.get("interval").and_then(|item| item.duration(Duration::from_secs(1))),
            timeout: section.get("timeout").and_then(|item| item.duration(LONGER_THAN_ZERO)),
            stale_after: section.get("stale_after").and_then(|item| item.duration(LONGER_THAN_ZERO)),
            max_response_size: section.get("max_response_size").and_then(|item| item.bytes()),
            max_agents: section.get("max_agents").and_then(|item| item.integer(1..=i64::MAX)),
        }
    }

    fn or(self, defaults: Polling) -> Polling {
        Polling {
            interval: self.interval.or(defaults.interval),
            timeout: self.timeout.or(defaults.timeout),
            stale_after: self.stale_after.or(defaults.stale_after),
            max_response_size: self.max_response_size.or(defaults.max_response_size),
            max_agents: self.max_agents.or(defaults.max_agents),
        }
    }
}

/// A target with every default filled in; `None` where an error was noted.
pub(super) fn read(section: Section<'_>, defaults: &Defaults, outbound: &Http) -> Option<Target> {
    let name = section.require("name").and_then(|item| name(&item));
    let url_item = section.require("url");
    let url = url_item.as_ref().and_then(Item::url);
    let polling = Polling::read(&section).or(defaults.polling);
    let http_section = section.section("http");
    let http = http::read(&http_section, outbound);
    http_section.finish();
    let labels = section.get("labels").map(|item| labels::of_target(&item)).unwrap_or_default();
    let expect = section.list("expect").iter().filter_map(expect).collect();
    let health_overrides = section.list("health_overrides").iter().filter_map(health_override).collect();
    let vendor = section.require("vendor").and_then(|item| item.choice(&vendors::ALL));
    let settings = vendor.and_then(|vendor| vendors::read(vendor, &section, &http));
    if let (Some(item), Some(url), Some(settings)) = (&url_item, &url, &settings) {
        credentials::refuse_cleartext(item, url, has_credentials(settings), &http);
        vendors::check_url(item, url, settings);
    }
    let interval = polling.interval.unwrap_or(MINUTE);
    let times = settings.as_ref().map(|settings| times(&section, settings, interval, polling));
    match vendor {
        Some(_) => section.finish(),
        // Which keys there are depends on the vendor.
        None => return None,
    }
    let (timeout, stale_after) = times?;
    Some(Target {
        name: name?,
        url: url?,
        interval,
        timeout,
        stale_after,
        max_response_size: polling.max_response_size.unwrap_or(64 << 20),
        max_agents: usize::try_from(polling.max_agents.unwrap_or(200_000)).unwrap_or(usize::MAX),
        http,
        labels,
        expect,
        health_overrides,
        settings: settings?,
    })
}

/// Timeout and `stale_after`, after the rules between them and the interval.
fn times(
    section: &Section<'_>,
    settings: &VendorSettings,
    interval: Duration,
    polling: Polling,
) -> (Duration, Duration) {
    let timeout = polling.timeout.unwrap_or_else(|| default_timeout(settings));
    let stale_after = polling.stale_after.unwrap_or_else(|| (5 * MINUTE).max(3 * interval));
    // Where the setting of the target itself is at fault, that is the place; else the target.
    let error = |key: &'static str, message: String| match section.get(key) {
        Some(item) => item.error(message),
        None => section.error(key, message),
    };
    if let VendorSettings::ParallelsRasSession(session) = settings
        && session.mode == ProbeMode::Deep
    {
        if interval < DEEP_INTERVAL {
            let given = print(interval);
            error(
                "interval",
                format!("must be 15m at the least in deep mode, as every probe leaves a session behind; it is {given}"),
            );
        }
        if timeout <= session.session.prime_timeout
            && let Some(mark) = section.mark()
        {
            let message =
                format!("{} is not longer than session.prime_timeout, so slow sessions cannot be told", print(timeout));
            section.ctx.warn(mark, &section.path_of("timeout"), message);
        }
    }
    let least = 2 * interval + timeout;
    if stale_after < least {
        let message = format!(
            "must be {} at the least, 2 intervals ({}) and the timeout ({}); it is {}",
            print(least),
            print(interval),
            print(timeout),
            print(stale_after)
        );
        error("stale_after", message);
    }
    (timeout, stale_after)
}

fn default_timeout(settings: &VendorSettings) -> Duration {
    match settings {
        VendorSettings::AzureDevOps(_) => Duration::from_secs(45),
        VendorSettings::CitrixStorefront(_) => Duration::from_secs(60),
        VendorSettings::ParallelsRasSession(session) if session.mode == ProbeMode::Deep => prime_timeout(session),
        _ => Duration::from_secs(20),
    }
}

fn prime_timeout(session: &ParallelsRasSession) -> Duration {
    session.session.prime_timeout + Duration::from_secs(15)
}

/// Only Resilio may go without.
fn has_credentials(settings: &VendorSettings) -> bool {
    !matches!(settings, VendorSettings::Resilio(resilio) if resilio.auth.is_none())
}

/// The name, which becomes a label.
fn name(item: &Item<'_>) -> Option<String> {
    let name = item.filled()?;
    let problem = if name.len() > 256 {
        "is longer than 256 bytes"
    } else if name.trim() != name {
        "must not begin or end with white space"
    } else if name.chars().any(char::is_control) {
        "must not hold control characters"
    } else {
        return Some(name);
    };
    item.error(problem);
    None
}

fn expect(item: &Item<'_>) -> Option<Expect> {
    let section = item.section()?;
    let pool = section.require("pool").and_then(|item| item.glob());
    let min_serving = section.require("min_serving").and_then(|item| item.integer(0..=i64::MAX));
    section.finish();
    Some(Expect { pool: pool?, min_serving: u64::try_from(min_serving?).ok()? })
}

fn health_override(item: &Item<'_>) -> Option<HealthOverride> {
    let section = item.section()?;
    let state = section.require_text("state", 1..=256);
    let pool = section.get("pool").map_or(Some(Glob::any()), |item| item.glob());
    let classes = Health::ALL.map(|health| (health.as_str(), health));
    let health = section.require("health").and_then(|item| item.choice(&classes));
    section.finish();
    Some(HealthOverride { state: state?, pool: pool?, health: health? })
}
