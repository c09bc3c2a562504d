//! One target: what all vendors have, and the rules between these settings.

use super::{
    credentials, http, labels,
    polling::{Polling, Times},
};
use crate::{
    config::{
        Http, Target,
        read::{Item, Section},
        target::{Expect, HealthOverride},
    },
    glob::Glob,
    health::Health,
    vendors::Vendor,
};

/// A target with every default filled in; `None` where an error was noted.
pub(super) fn read(section: Section<'_>, defaults: &Polling, outbound: &Http) -> Option<Target> {
    let name = section.require("name").and_then(|item| name(&item));
    let url_item = section.require("url");
    let url = url_item.as_ref().and_then(Item::url);
    let polling = Polling::read(&section).or(*defaults);
    let http = http::read(section.section("http"), outbound);
    let labels = section.get("labels").map(|item| labels::of_target(&item)).unwrap_or_default();
    let expect = section.list("expect").iter().filter_map(expect).collect();
    let health_overrides = section.list("health_overrides").iter().filter_map(health_override).collect();
    let names: Vec<_> = Vendor::ALL.iter().map(|vendor| (vendor.as_str(), *vendor)).collect();
    let vendor = section.require("vendor").and_then(|item| item.choice(&names));
    // Which keys there are, and what they mean, depends on the vendor.
    let vendor = vendor?;
    let settings = vendor.read(&section, &http);
    if let (Some(item), Some(url)) = (&url_item, &url) {
        credentials::refuse_cleartext(item, url, vendor.sends_credentials(&section), &http);
        vendor.check_url(item, url);
        if url.scheme() == "http" && http.tls.pin_sha256.is_some() {
            item.warn("is plain http, where http.tls.pin_sha256 has no effect: nothing proves who answers");
        }
    }
    let times = Times::of(&section, vendor, polling);
    section.finish();
    Some(Target {
        name: name?,
        url: url?,
        interval: times.interval,
        timeout: times.timeout,
        stale_after: times.stale_after,
        max_response_size: polling.max_response_size(),
        max_agents: polling.max_agents(),
        max_series: polling.max_series(vendor),
        http,
        labels,
        expect,
        health_overrides,
        settings: settings?,
    })
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
