//! `rollcall check`: every error of a configuration at once; with `--connect` each target is polled once.

mod accounts;
mod hints;
mod links;
mod unit;
mod web;

use std::{path::Path, sync::Arc};

use super::{
    Check, counted, output,
    probe::{Poll, poll_once},
};
use crate::{
    config::{AlertingMode, Config, Target},
    duration, http,
    overrides::AlertOverride,
    printable::Printable,
    rules::catalogue,
};

/// What is checked where nothing else is named.
const CONFIG_FILE: &str = "rollcall.yml";

pub fn run(args: Check) -> Result<(), String> {
    let web = args.web_config_file.as_deref().map(web::check);
    // Who names a web configuration only may not have the other one here.
    let config_file = match &args.config_file {
        Some(file) => file.as_path(),
        None if web.is_some() && !Path::new(CONFIG_FILE).exists() => return web.unwrap_or(Ok(())),
        None => Path::new(CONFIG_FILE),
    };
    // Also where there are errors: some are none for the unit.
    for note in unit::notes(config_file) {
        output::note(format_args!("note: {note}"));
    }
    let config = Config::check(config_file).map_err(|errors| errors.to_string());
    let config = match (config, web) {
        (Err(errors), Some(Err(more))) => return Err(format!("{errors}\n{more}")),
        (config, web) => {
            web.unwrap_or(Ok(()))?;
            config?
        }
    };
    for warning in &config.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    if config.alerting.mode == AlertingMode::Direct {
        output::note(
            "note: alerting.mode is direct; a change of the mode while alerts fire costs one resolve and one new page",
        );
    }
    for warning in short_fors(&config).into_iter().chain(accounts::alike(&config.targets)) {
        output::note(format_args!("warning: {warning}"));
    }
    for warning in links::doubts(&config, &args.external_url)? {
        output::note(format_args!("warning: {warning}"));
    }
    let targets = counted(config.targets.len(), "target");
    let fine = format!("{}: {targets}, no errors\n", config_file.display());
    if !args.connect {
        output::print(fine);
        return Ok(());
    }
    http::set_max_buffered(config.shared_http.max_buffered);
    let failed = super::block_on(async {
        let logons = super::probe::logons(&config);
        let (mut failed, mut polled) = (0, Vec::new());
        for target in &config.targets {
            output::note(format_args!("polling {} ({}), at most {:?} ...", target.name, target.url, target.timeout));
            let poll = poll_once(Arc::clone(target), &logons, None).await;
            super::probe::warn(&config, &logons, target);
            let (line, good) = match &poll {
                Ok(poll) => poll.verdict(),
                Err(failure) => (format!("{}: {failure}", failure.reason()), false),
            };
            failed += usize::from(!good);
            output::print(format!("{}  {}: {line}\n", if good { "ok    " } else { "failed" }, target.name));
            let remedy = match &poll {
                Ok(poll) => poll.remedy(),
                Err(failure) => Some(failure.reason.remedy()),
            };
            if let Some(remedy) = remedy {
                output::print(format!("        {remedy}\n"));
            }
            for note in poll.iter().flat_map(|poll| &poll.notes) {
                output::print(format!("        {}\n", Printable(note)));
            }
            for extra in poll.iter().flat_map(Poll::extras) {
                output::print(format!("        {extra}\n"));
            }
            for unread in poll.iter().flat_map(Poll::unread) {
                output::note(format_args!("warning: {}: {unread}", target.name));
            }
            // A poll that failed in part may lack what is missed.
            for doubt in poll.iter().filter(|_| good).flat_map(|poll| hints::of(&poll.snapshot)) {
                output::note(format_args!("warning: {}: {doubt}", target.name));
            }
            polled.extend(poll.ok().filter(|_| good).map(|poll| poll.snapshot));
        }
        for (target, doubt) in hints::of_storefront_farms(&polled) {
            output::note(format_args!("warning: {target}: {doubt}"));
        }
        Ok(failed)
    })?;
    match failed {
        0 => {
            output::print(fine);
            Ok(())
        }
        n => Err(format!("{n} of {targets} could not be polled")),
    }
}

/// Overrides whose `for` ends before a second poll could tell whether the first one saw right.
fn short_fors(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, change) in config.alerting.overrides.iter().enumerate() {
        let Some(r#for) = change.r#for else { continue };
        let short = |target: &&Arc<Target>| concerns(change, target) && r#for < 2 * target.interval;
        let all: Vec<&Arc<Target>> = config.targets.iter().filter(short).collect();
        let Some(longest) = all.iter().max_by_key(|target| target.interval) else { continue };
        let others = match all.len() - 1 {
            0 => String::new(),
            1 => ", and of one more".to_owned(),
            n => format!(", and of {n} more"),
        };
        warnings.push(format!(
            "alerting.overrides[{index}].for: {} is less than two intervals of {} ({}){others}: one bad poll can page",
            duration::print(r#for),
            longest.name,
            duration::print(longest.interval),
        ));
    }
    warnings
}

/// Whether the override changes an alert about this target.
fn concerns(change: &AlertOverride, target: &Target) -> bool {
    let mut rows = catalogue::named(&change.alert).filter(|row| {
        change.severity.as_deref().is_none_or(|severity| severity == row.severity.as_str())
            && row.labels.of_target()
            && (row.vendors.is_empty() || row.vendors.contains(&target.vendor()))
    });
    rows.next().is_some()
        && change.enabled != Some(false)
        && change.vendor.matches(target.vendor())
        && change.target.matches(&target.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_for_that_one_poll_decides_is_told_once_for_all_targets() {
        let yaml = "
            targets:
            - { name: slow, vendor: resilio, url: 'http://127.0.0.1:1', interval: 5m, timeout: 1m }
            - { name: quick, vendor: resilio, url: 'http://127.0.0.1:2', interval: 20s, timeout: 10s }
            - { name: medium, vendor: resilio, url: 'http://127.0.0.1:3', interval: 1m, timeout: 10s }
            alerting:
              overrides:
              - { alert: RollcallPoolDown, for: 90s }
              - { alert: RollcallPoolDown, for: 10m }
              - { alert: ResilioJobErrors, target: 'q*', for: 39s }
              - { alert: AzureDevOpsQueueStuck, for: 0s }
              - { alert: RollcallPoolDegraded, for: 0s, enabled: false }
              - { alert: RollcallDown, for: 0s }
        ";
        let config = Config::parse(yaml, "rollcall.yml", std::path::Path::new(".")).expect("it is valid");
        let expected = [
            "alerting.overrides[0].for: 1m 30s is less than two intervals of slow (5m), and of one more: one bad poll can page",
            "alerting.overrides[2].for: 39s is less than two intervals of quick (20s): one bad poll can page",
        ];
        assert_eq!(short_fors(&config), expected);
    }
}
