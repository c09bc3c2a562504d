//! The shipped configuration of Alertmanager: routes for every alert, and inhibition that names what is there.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rollcall::{
    rules::{
        catalogue::{self, Alert, Severity},
        rule::{self, Rule},
    },
    vendors::{Vendor, alert_prefixes},
};
use serde_json::{Value, json};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/alertmanager/alertmanager.yml")
}

fn config() -> Value {
    let text = std::fs::read_to_string(file()).expect("the file is committed");
    serde_saphyr::from_str(&text).expect("the file is YAML")
}

fn run(program: &str, args: &[String]) -> Result<String, String> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| format!("{program} cannot be started, is it installed? {error}"))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(text) }
}

/// The program of this machine and, where `tests/run` has unpacked it, the newer one.
fn versions(name: &str) -> Vec<String> {
    let newer = std::env::var("ROLLCALL_TEST_NEWER").ok().map(|folder| format!("{folder}/usr/bin/{name}"));
    if newer.is_none() {
        eprintln!("skipped: the newer {name}, as ROLLCALL_TEST_NEWER is not set");
    }
    std::iter::once(name.to_owned()).chain(newer).collect()
}

#[test]
fn amtool_has_nothing_against_it() {
    for amtool in versions("amtool") {
        let args = ["check-config".to_owned(), file().display().to_string()];
        run(&amtool, &args).unwrap_or_else(|error| panic!("{amtool}: {error}"));
    }
}

/// What only the parser of old reads, newer versions take with a warning, and later ones not at all.
#[test]
fn matchers_are_read_by_the_parser_of_newer_versions_alone() {
    for amtool in versions("amtool").iter().skip(1) {
        let args = ["--enable-feature=utf8-strict-mode", "check-config"].map(str::to_owned);
        let args: Vec<String> = args.into_iter().chain([file().display().to_string()]).collect();
        run(amtool, &args).unwrap_or_else(|error| panic!("{error}"));
    }
    let text = std::fs::read_to_string(file()).expect("the file is committed");
    let text: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    for form in ["match:", "match_re:", "source_match:", "target_match:", "source_match_re:", "target_match_re:"] {
        assert!(!text.contains(form), "{form} is deprecated");
    }
}

/// Alertmanager drops what an interval mutes, ends included: `tests/it/paging/night.rs` shows it.
#[test]
fn no_route_has_hours() {
    fn hours(route: &Value) -> bool {
        let own = ["active_time_intervals", "mute_time_intervals"].iter().any(|name| !route[*name].is_null());
        own || route["routes"].as_array().into_iter().flatten().any(hours)
    }
    let config = config();
    assert!(!hours(&config["route"]), "tickets that end outside of the hours stay open");
    assert!(config["time_intervals"].is_null(), "no route names them");
}

/// `amlint` is from PyPI; `tests/run` installs it and says where.
#[test]
fn amlint_has_nothing_against_it() {
    let amlint = std::env::var("ROLLCALL_TEST_AMLINT").unwrap_or_else(|_| "amlint".to_owned());
    run(&amlint, &["check".to_owned(), file().display().to_string()]).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_alert_gets_to_its_receiver() {
    let amtools = versions("amtool");
    for alert in catalogue::all() {
        let receiver = match alert.severity {
            Severity::Critical => "pager",
            Severity::Warning => "tickets",
            Severity::Info => "nobody",
            Severity::None => "dead-mans-switch",
        };
        let vendors = if alert.vendors.is_empty() { &["resilio", "parallels_ras"][..] } else { alert.vendors };
        for vendor in vendors {
            let mut args = vec!["config".to_owned(), "routes".into(), "test".into()];
            args.push(format!("--config.file={}", file().display()));
            args.push(format!("--verify.receivers={receiver}"));
            args.push(format!("alertname={}", alert.name));
            args.push(format!("severity={}", alert.severity.as_str()));
            args.extend(alert.labels.names().iter().map(|name| match *name {
                "vendor" => format!("vendor={vendor}"),
                name => format!("{name}=x"),
            }));
            for amtool in &amtools {
                let name = (alert.name, alert.severity.as_str());
                run(amtool, &args).unwrap_or_else(|error| panic!("{amtool} {name:?}: {error}"));
            }
        }
    }
    let other = ["config", "routes", "test", "--verify.receivers=nobody", "alertname=NodeDown", "severity=critical"];
    let mut args: Vec<String> = other.map(str::to_owned).to_vec();
    args.push(format!("--config.file={}", file().display()));
    for amtool in &amtools {
        run(amtool, &args).unwrap_or_else(|error| panic!("{amtool}: what is not ours pages: {error}"));
    }
}

/// The file is written and explained by hand; this says what its first route has to select.
#[test]
fn the_alerts_of_every_vendor_are_routed() {
    let names: Vec<&str> = std::iter::once("Rollcall").chain(alert_prefixes()).collect();
    let wanted = format!("alertname=~\"({}).+\"", names.join("|"));
    let found = strings(&config()["route"]["routes"][0]["matchers"]);
    assert!(
        found == [wanted.clone()],
        "deploy/alertmanager/alertmanager.yml: the first of `routes` is to have\n    - matchers: ['{wanted}']"
    );
}

#[test]
fn groups_are_those_of_the_routing_table() {
    let config = config();
    let routes = config["route"]["routes"][0]["routes"].as_array().cloned().unwrap_or_default();
    let groups = |receiver: &str| -> Vec<String> {
        let own = routes.iter().filter(|route| route["receiver"] == receiver);
        own.map(|route| strings(&route["group_by"]).join(" ")).collect()
    };
    assert_eq!(groups("pager"), ["vendor target"]);
    assert_eq!(groups("tickets"), ["alertname vendor", "alertname vendor", "alertname vendor target"]);
    assert_eq!(groups("dead-mans-switch"), ["alertname job instance"]);
    for route in routes.iter().filter(|route| route["receiver"] == "pager") {
        let times =
            ["group_wait", "group_interval", "repeat_interval"].map(|name| route[name].as_str().unwrap_or_default());
        assert_eq!(times, ["1m", "15m", "4h"]);
    }
}

/// A rule of inhibition, read.
struct Inhibition {
    source: Vec<&'static Alert>,
    targets: Vec<&'static Alert>,
    equal: Vec<String>,
    name: String,
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The rows that matchers select. Every name in them must be in the catalogue.
fn selected(matchers: &[String]) -> Vec<&'static Alert> {
    let mut rows: Vec<&'static Alert> = catalogue::all().iter().collect();
    for matcher in matchers {
        let (label, values) = matcher.split_once('=').expect("a matcher");
        let values = values.trim_start_matches('~').trim_matches('"');
        let values: Vec<&str> = values.split('|').collect();
        match label {
            "alertname" => {
                for value in &values {
                    assert!(catalogue::named(value).next().is_some(), "{value} is not in the catalogue");
                }
                rows.retain(|row| values.contains(&row.name));
            }
            "severity" => rows.retain(|row| values.contains(&row.severity.as_str())),
            "vendor" => {
                rows.retain(|row| row.vendors.is_empty() || row.vendors.iter().any(|vendor| values.contains(vendor)));
            }
            other => panic!("{other} is not expected here"),
        }
    }
    rows
}

fn inhibitions() -> Vec<Inhibition> {
    let config = config();
    let rules = config["inhibit_rules"].as_array().cloned().unwrap_or_default();
    let read = |rule: &Value| Inhibition {
        source: selected(&strings(&rule["source_matchers"])),
        targets: selected(&strings(&rule["target_matchers"])),
        equal: strings(&rule["equal"]),
        name: rule["source_matchers"].to_string(),
    };
    rules.iter().map(read).collect()
}

#[test]
fn every_label_that_must_be_equal_is_on_both_sides() {
    let inhibitions = inhibitions();
    assert_eq!(inhibitions.len(), 14);
    for inhibition in inhibitions {
        assert!(!inhibition.source.is_empty() && !inhibition.targets.is_empty(), "{}", inhibition.name);
        for row in inhibition.source.iter().chain(&inhibition.targets) {
            for label in &inhibition.equal {
                assert!(
                    row.labels.names().contains(&label.as_str()),
                    "{}: {} has no {label}",
                    inhibition.name,
                    row.name
                );
            }
        }
    }
}

/// A source that is a ticket mutes no page; the exceptions are a held log-on, without which nothing is read, and what fires
/// for pages alone: a test beside it in the catalogue says so.
#[test]
fn only_what_pages_mutes_what_pages() {
    for inhibition in inhibitions() {
        let held = inhibition.source.iter().any(|row| row.name == "RollcallTargetLoginHeld");
        let held = held || inhibition.source.iter().any(|row| row.name == "CitrixSiteStoreFrontInhibitor");
        let pages = inhibition.source.iter().all(|row| row.severity == Severity::Critical);
        let mutes = inhibition.targets.iter().any(|row| row.severity == Severity::Critical);
        assert!(held || pages || !mutes, "{}", inhibition.name);
    }
}

/// A new alert about pools or agents must be decided on: a held log-on and a broken target mute all of them.
#[test]
fn all_alerts_about_pools_and_agents_are_named() {
    let mut wrong = Vec::new();
    for inhibition in inhibitions() {
        let name = inhibition.source[0].name;
        if !matches!(name, "RollcallTargetLoginHeld" | "RollcallTargetDown" | "RollcallTargetBroken") {
            continue;
        }
        for row in catalogue::all().iter().filter(|row| row.labels.of_pool()) {
            let muted = inhibition.targets.iter().any(|target| std::ptr::eq(*target, row));
            // What is there to mute others has to go on.
            let mutes_only = row.name == "ResilioAgentOfflineInhibitor";
            let expected = (name != "RollcallTargetDown" || row.severity != Severity::Critical) && !mutes_only;
            if muted != expected {
                wrong.push(format!("{name} {} {}", if expected { "is to mute" } else { "is not to mute" }, row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "`target_matchers` in deploy/alertmanager/alertmanager.yml:\n{}", wrong.join("\n"));
}

/// The source should fire before what it mutes. Where it may not, `ALERTS.md` gives the times and the rule nevertheless.
#[test]
fn sources_are_not_slower_than_their_targets() {
    let rules = rule::resolve(&[]);
    let times = |row: &Alert| -> Vec<u64> {
        rules.iter().filter(|rule| std::ptr::eq(rule.alert, row)).map(|rule| rule.r#for.as_secs()).collect()
    };
    let mut slower: Vec<String> = Vec::new();
    for inhibition in inhibitions() {
        for source in &inhibition.source {
            let fastest = times(source).into_iter().min().unwrap_or_default();
            for target in &inhibition.targets {
                if times(target).into_iter().max().unwrap_or_default() < fastest {
                    slower.push(format!("{} -> {}", source.name, target.name));
                }
            }
        }
    }
    slower.sort();
    slower.dedup();
    assert_eq!(slower, SLOWER);
}

/// Where both end together, the source is to be told last: what it has muted would page for a moment.
#[test]
fn sources_outlast_their_targets() {
    for inhibition in inhibitions() {
        for (source, target) in
            inhibition.source.iter().flat_map(|source| inhibition.targets.iter().map(move |t| (source, t)))
        {
            let longer = source.keep_firing_for.saturating_sub(target.keep_firing_for);
            assert!(longer.as_secs() >= 120, "{} ends {longer:?} after {}", source.name, target.name);
        }
    }
}

/// Where the console and the agents are polled, a site mutes the targets of dead machines one by one: as the guide says, and as the
/// shipped file has it in a comment.
#[test]
fn a_dead_machine_is_muted_as_the_guide_of_the_console_says() {
    let guide = file().with_file_name("../docs/resilio-console.md");
    let guide = std::fs::read_to_string(guide).expect("the guide is committed");
    let block = guide.split("```").find_map(|block| block.strip_prefix("yaml\ninhibit_rules:\n")).expect("such rules");
    let shipped = std::fs::read_to_string(file()).expect("the file is committed");
    for line in block.lines() {
        assert!(shipped.contains(&format!("\n  # {}\n", &line[2..])), "{line}");
    }
    let rules: Value = serde_saphyr::from_str(&format!("inhibit_rules:\n{block}")).expect("the block is YAML");
    let rule = &rules["inhibit_rules"][0];
    let of_alerts = |side: &str| {
        let matchers = strings(&rule[side]).into_iter();
        selected(
            &matchers
                .filter(|matcher| matcher.starts_with("alertname=") || matcher.starts_with("vendor="))
                .collect::<Vec<_>>(),
        )
    };
    let (sources, targets) = (of_alerts("source_matchers"), of_alerts("target_matchers"));
    let [source] = sources[..] else { panic!("one alert: {sources:?}") };
    assert_eq!(
        (source.name, targets.iter().all(|row| row.name == "RollcallTargetDown")),
        ("ResilioAgentOfflineInhibitor", true)
    );
    let rules = rule::resolve(&[]);
    let subject = |vendor| [("vendor", vendor), ("pool", "any")];
    for target in targets {
        let (first, then) =
            (for_of(&rules, source, &subject("resilio_console")), for_of(&rules, target, &subject("resilio")));
        assert!(first < then, "{first:?} {then:?}");
        assert!(source.keep_firing_for >= target.keep_firing_for + Duration::from_secs(120));
    }
}

/// How long the condition of a row must hold for this subject.
fn for_of(rules: &[Rule], row: &Alert, subject: &[(&str, &str)]) -> Option<u64> {
    let value = |label: &str| subject.iter().find(|(name, _)| *name == label).map_or("", |(_, value)| value);
    let concerned = row.vendors.is_empty() || row.vendors.contains(&value("vendor"));
    let holds = |rule: &&Rule| rule.part.matchers.iter().all(|matcher| matcher.matches(value(matcher.label)));
    let own = rules.iter().filter(|rule| concerned && std::ptr::eq(rule.alert, row));
    // The first that matches counts. No pool here is on demand.
    own.filter(|rule| rule.part.on_demand != Some(true)).find(holds).map(|rule| rule.r#for.as_secs())
}

/// Where what pages mutes what pages, it is there first: otherwise a pool pages by what is muted later, and then again.
#[test]
fn no_pool_pages_first_by_what_is_muted_later() {
    let rules = rule::resolve(&[]);
    let desktops = [
        ("parallels_ras", "RDSHost@1"),
        ("parallels_ras", "Gateway@1"),
        ("citrix_storefront", "desktops"),
        ("citrix_site", "site"),
    ];
    let others = Vendor::ALL.iter().map(|vendor| (vendor.as_str(), "any"));
    let others = others.filter(|(vendor, _)| desktops.iter().all(|(other, _)| other != vendor));
    let subjects: Vec<_> =
        desktops.into_iter().chain(others).map(|(vendor, pool)| [("vendor", vendor), ("pool", pool)]).collect();
    let pages = |row: &&&Alert| row.severity == Severity::Critical;
    let mut late = Vec::new();
    for inhibition in inhibitions() {
        for source in inhibition.source.iter().filter(pages) {
            for target in inhibition.targets.iter().filter(pages) {
                for subject in &subjects {
                    let times = (for_of(&rules, source, subject), for_of(&rules, target, subject));
                    if let (Some(source_for), Some(target_for)) = times
                        && source_for > target_for
                    {
                        late.push(format!("{} -> {}: {}", source.name, target.name, subject[1].1));
                    }
                }
            }
        }
    }
    assert_eq!(late, LATE);
}

/// Whoever says what he expects of a pool wants to know sooner, and a lost hypervisor is known sooner. If the pool is down in
/// the end, that is a further notification of the same group: the same page for a pager that goes by the group's key.
/// A broken target has three pools at least, so a target of the session probe is none. A pool with a scale set is one on demand,
/// where jobs may wait for half an hour without agents.
const LATE: &[&str] = &[
    "RollcallTargetBroken -> ParallelsRasSessionProbeFailing: any",
    "RollcallPoolDown -> RollcallPoolBelowMinimum: RDSHost@1",
    "RollcallPoolDown -> RollcallPoolBelowMinimum: desktops",
    "RollcallPoolDown -> RollcallPoolBelowMinimum: site",
    "RollcallPoolDown -> CitrixPowerStateUnknown: desktops",
    "AzureDevOpsElasticPoolUnhealthy -> AzureDevOpsPoolWithoutAgents: any",
];

/// What is frozen while a log-on is held or a target is down began before, or does not begin at all. A job waits for a quarter
/// of an hour before its wait is called high.
const SLOWER: &[&str] = &[
    "AzureDevOpsElasticPoolUnhealthy -> AzureDevOpsQueueWaitHigh",
    "RollcallTargetBroken -> ParallelsRasSessionProbeFailing",
    "RollcallTargetDown -> AzureDevOpsAgentLostJob",
    "RollcallTargetDown -> ParallelsRasSessionProbeMisconfigured",
    "RollcallTargetDown -> ResilioJobFailed",
    "RollcallTargetDown -> RollcallAgentStuck",
    "RollcallTargetLoginHeld -> AzureDevOpsAgentLostJob",
    "RollcallTargetLoginHeld -> AzureDevOpsQueueWaitHigh",
    "RollcallTargetLoginHeld -> CitrixSiteRegistrationStorm",
    "RollcallTargetLoginHeld -> ParallelsRasEntryPointDown",
    "RollcallTargetLoginHeld -> ParallelsRasNoActiveBroker",
    "RollcallTargetLoginHeld -> ParallelsRasSessionProbeFailing",
    "RollcallTargetLoginHeld -> ParallelsRasSessionProbeMisconfigured",
    "RollcallTargetLoginHeld -> ResilioJobFailed",
    "RollcallTargetLoginHeld -> RollcallAgentStuck",
    "RollcallTargetLoginHeld -> RollcallPoolBelowMinimum",
    "RollcallTargetLoginHeld -> RollcallTargetDown",
];

/// A notification as the receivers get it; the labels of the group, then its alerts: whether it fires, name and pool.
fn notification(group: Value, alerts: &[(bool, &str, &str)]) -> Value {
    let status = |fires: bool| if fires { "firing" } else { "resolved" };
    let alert = |(fires, name, pool): &(bool, &str, &str)| {
        json!({
            "status": status(*fires),
            "labels": { "alertname": name, "severity": "critical", "vendor": "resilio", "target": "t", "pool": pool },
            "annotations": { "summary": "A sentence.", "description": format!("About {pool}."), "runbook_url": "r" },
            "startsAt": "2027-01-15T03:00:00Z",
            "endsAt": "2027-01-15T03:20:00Z",
            "generatorURL": if pool.is_empty() { "http://rollcall" } else { "" },
        })
    };
    json!({
        "status": status(alerts.iter().any(|(fires, ..)| *fires)),
        "groupLabels": group,
        "commonAnnotations": { "summary": "A sentence." },
        "alerts": alerts.iter().map(alert).collect::<Vec<_>>(),
    })
}

/// What the shipped template makes of a notification, with each version.
fn rendered(template: &str, notification: &Value) -> String {
    let data = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(data.path(), notification.to_string()).expect("a file can be written");
    let args = [
        "template".to_owned(),
        "render".into(),
        format!("--template.glob={}", file().with_file_name("rollcall.tmpl").display()),
        format!("--template.data={}", data.path().display()),
        format!("--template.text={{{{ template \"rollcall.{template}\" . }}}}"),
    ];
    let texts = versions("amtool")
        .into_iter()
        .map(|amtool| run(&amtool, &args).unwrap_or_else(|error| panic!("{amtool}: {error}")).trim_end().to_owned());
    let mut texts: Vec<String> = texts.collect();
    texts.dedup();
    assert_eq!(texts.len(), 1, "the versions differ: {texts:#?}");
    texts.swap_remove(0)
}

#[test]
fn the_headline_names_what_fires_once_and_leaves_out_what_is_not_there() {
    let page = json!({ "vendor": "resilio", "target": "t" });
    let both = [(true, "A", "1"), (true, "A", "2"), (true, "B", "1"), (false, "C", "1")];
    assert_eq!(rendered("title", &notification(page.clone(), &both)), "[FIRING:3] resilio t: A B");
    assert_eq!(rendered("title", &notification(page, &both[3..])), "[RESOLVED] resilio t: C");
    let ticket = json!({ "alertname": "A", "vendor": "resilio" });
    assert_eq!(rendered("title", &notification(ticket, &both[..2])), "[FIRING:2] A resilio: A sentence.");
    assert_eq!(rendered("title", &notification(json!({}), &both[..1])), "[FIRING:1] A");
}

#[test]
fn the_text_says_what_is_needed_and_has_an_end() {
    let some = [(true, "A", ""), (true, "A", "p"), (false, "B", "q")];
    let text = rendered("text", &notification(json!({}), &some));
    assert!(text.starts_with("FIRING critical A since 2027-01-15 03:00:00 UTC\n  About .\n  Runbook: r\n"), "{text}");
    assert_eq!(text.matches("Source:").count(), 1, "only where there is one: {text}");
    assert!(text.ends_with("RESOLVED B at 2027-01-15 03:20:00 UTC\n  A sentence. q t resilio"), "{text}");
    let text = rendered("text", &notification(json!({}), &vec![(true, "A", "p"); 5000]));
    assert_eq!(text.matches("FIRING critical").count(), 20);
    assert!(text.ends_with("The first 20 of 5000 that fire."), "{text}");
}
