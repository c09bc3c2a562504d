//! `alerting:`. Overrides are held against the alert catalogue, so that one that changes nothing is told at once.

use std::{sync::Arc, time::Duration};

use reqwest::Url;

use super::{credentials, http, labels};
use crate::{
    config::{
        Alerting, AlertingMode, Alertmanager, Http, Target, is_loopback,
        read::{Item, Section, closest},
    },
    glob::Glob,
    overrides::AlertOverride,
    rules::catalogue::{self, Alert, Unit},
};

const MINUTE: Duration = Duration::from_secs(60);

/// `targets` are all that are configured, for the overrides.
pub(super) fn read(section: Section<'_>, outbound: &Http, targets: &[Arc<Target>]) -> Alerting {
    let modes = [("off", AlertingMode::Off), ("direct", AlertingMode::Direct)];
    let mode = section.choice("mode", &modes, AlertingMode::Off);
    let items = section.list("alertmanagers");
    let alertmanagers = items.iter().filter_map(|item| alertmanager(item, outbound)).collect();
    if let Some(item) = section.get("mode").filter(|_| mode == AlertingMode::Direct && items.is_empty()) {
        item.error("direct needs at least one entry in alertmanagers");
    }
    let resend_delay = section.duration("resend_delay", Duration::from_secs(1), MINUTE);
    let max_hold = section.duration("max_hold", Duration::ZERO, 24 * 60 * MINUTE);
    let external_labels = section.get("external_labels").map(|item| labels::of_alerts(&item)).unwrap_or_default();
    let runbook_url = match section.get("runbook_url") {
        // A base that page names are put behind, so it stays as written.
        Some(item) if item.scalar() != Some("") => item.url().and_then(|_| item.text()).unwrap_or_default(),
        _ => String::new(),
    };
    let dashboard_url = match section.get("dashboard_url") {
        Some(item) if item.scalar() != Some("") => item.url().map(|url| url.as_str().trim_end_matches('/').to_owned()),
        _ => None,
    };
    for key in ["runbook_url", "dashboard_url"] {
        let url = section.get(key).and_then(|item| Some((item.scalar().and_then(|text| Url::parse(text).ok())?, item)));
        if let Some((_, item)) = url.filter(|(url, _)| is_loopback(url)) {
            item.warn("is an address of this machine: nobody elsewhere can open the links");
        }
    }
    let ha = section.bool("ha", false);
    let overrides = section.list("overrides").iter().filter_map(|item| r#override(item, targets)).collect();
    section.finish();
    let dashboard_url = dashboard_url.unwrap_or_default();
    Alerting { mode, alertmanagers, resend_delay, max_hold, external_labels, runbook_url, dashboard_url, ha, overrides }
}

fn alertmanager(item: &Item<'_>, outbound: &Http) -> Option<Alertmanager> {
    let section = item.section()?;
    let url_item = section.require("url");
    let url = url_item.as_ref().and_then(Item::url);
    let http = http::read(section.section("http"), outbound);
    let auth = credentials::proxy_auth(section.section("auth"));
    section.finish();
    if let (Some(item), Some(url)) = (&url_item, &url) {
        credentials::refuse_cleartext(item, url, auth.is_some(), &http);
    }
    Some(Alertmanager { url: url?, auth, http })
}

fn r#override(item: &Item<'_>, targets: &[Arc<Target>]) -> Option<AlertOverride> {
    let section = item.section()?;
    let alert = section.require_text("alert", 1..=256);
    let severities = ["critical", "warning", "info"].map(|severity| (severity, severity));
    let severity = section.get("severity").and_then(|item| item.choice(&severities)).map(str::to_owned);
    let glob = |key| section.get(key).map_or(Some(Glob::any()), |item| item.glob());
    let (vendor, target, pool) = (glob("vendor"), glob("target"), glob("pool"));
    let duration = |key| section.get(key).and_then(|item| item.duration(Duration::ZERO));
    let (r#for, keep_firing_for) = (duration("for"), duration("keep_firing_for"));
    let threshold = section.get("threshold").and_then(|item| item.float());
    let enabled = section.get("enabled").and_then(|item| item.bool());
    if ["for", "keep_firing_for", "threshold", "enabled"].iter().all(|key| section.get(key).is_none()) {
        item.warn("changes nothing; give for, keep_firing_for, threshold or enabled");
    }
    if let Some(alert) = &alert {
        check_against_catalogue(&section, alert, severity.as_deref(), threshold);
    }
    if let (Some(vendor), Some(target)) = (&vendor, &target) {
        check_against_targets(&section, vendor, target, targets);
    }
    section.finish();
    Some(AlertOverride {
        alert: alert?,
        severity,
        vendor: vendor?,
        target: target?,
        pool: pool?,
        r#for,
        keep_firing_for,
        threshold,
        enabled,
    })
}

/// Tells what of an override the alert does not have.
fn check_against_catalogue(section: &Section<'_>, alert: &str, severity: Option<&str>, threshold: Option<f64>) {
    let error = |key, message: String| section.get(key).into_iter().for_each(|item| item.error(message.as_str()));
    let rows: Vec<_> = catalogue::named(alert).collect();
    if rows.is_empty() {
        let hint = closest(alert, catalogue::all().iter().map(|row| row.name));
        let hint = hint.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        error("alert", format!("there is no alert of this name{hint}"));
        return;
    }
    let rows: Vec<_> = rows.into_iter().filter(|row| severity.is_none_or(|one| one == row.severity.as_str())).collect();
    if rows.is_empty() {
        let has: Vec<&str> = catalogue::named(alert).map(|row| row.severity.as_str()).collect();
        let has = has.join(", ");
        error(
            "severity",
            format!("this selects the alert of that severity; {alert} has only {has}, and no override changes that"),
        );
        return;
    }
    for label in ["vendor", "target", "pool"] {
        let any = section.get(label).is_none_or(|item| item.scalar() == Some("*"));
        if !any && !rows.iter().any(|row| row.labels.names().contains(&label)) {
            error(label, format!("{alert} has no label {label}"));
        }
    }
    if rows.iter().all(|row| row.threshold.is_none()) {
        error("threshold", format!("{alert} has no threshold"));
    } else if let Some(problem) = threshold.and_then(|number| out_of_range(&rows, number)) {
        error("threshold", problem);
    }
}

/// A number that what the rows count can never be: it would silence the alert, or have it fire for good.
fn out_of_range(rows: &[&Alert], number: f64) -> Option<String> {
    let units = rows.iter().filter_map(|row| row.threshold).map(|threshold| threshold.unit);
    let problem = |unit| match unit {
        Unit::Share if number > 1.0 && number <= 100.0 => {
            Some(format!("must be a share from 0 to 1, not {number}; {number}% is {}", number / 100.0))
        }
        Unit::Share if !(0.0..=1.0).contains(&number) => Some(format!("must be a share from 0 to 1, not {number}")),
        Unit::Count if number < 0.0 => Some(format!("must be a number of things, 0 at the least, not {number}")),
        Unit::Seconds if number < 0.0 => Some(format!("must be in seconds, 0 at the least, not {number}")),
        _ => None,
    };
    units.into_iter().find_map(problem)
}

/// Tells that no target is meant. They may be in another file, or be added later, so it may still be right.
fn check_against_targets(section: &Section<'_>, vendor: &Glob, target: &Glob, targets: &[Arc<Target>]) {
    let of_vendor: Vec<_> = targets.iter().filter(|one| vendor.matches(one.vendor())).collect();
    let warn = |key, message| section.get(key).into_iter().for_each(|item| item.warn(message));
    if targets.is_empty() {
        // That is told already.
    } else if of_vendor.is_empty() {
        warn("vendor", "matches the vendor of no configured target");
    } else if !of_vendor.iter().any(|one| target.matches(&one.name)) {
        let everything = of_vendor.len() == targets.len();
        warn(
            "target",
            if everything { "matches no configured target" } else { "matches no configured target of this vendor" },
        );
    }
}
