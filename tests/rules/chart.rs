//! The rules as files of the Helm chart: each alert with what the overrides of a configuration may change in it left open.
//!
//! A template cannot work out an expression, so it is given each with marks in it:
//!
//! ```text
//! $[threshold]               the threshold of the alert
//! $[max_hold], $[max_hold_seconds]
//! $[higher.threshold]        that of the higher severity of the same name,
//! $[higher.threshold+for]    the same and its `for` in seconds, or less that
//! $[if long]…$[end]          only where `for` is at least 30m
//! $[if higher]…$[end]        only where the higher severity is enabled
//! ```
//!
//! All of it comes from what [`render`] writes under overrides with numbers that nothing else has. An override for some vendors,
//! targets or pools changes more than that; the chart refuses those.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rollcall::{
    glob::Glob,
    overrides::AlertOverride,
    rules::{
        catalogue::{self, Alert},
        links::Links,
        promql::{FilePart, Format, Options, render},
        rule,
    },
};
use serde::Deserialize;

const THRESHOLD: f64 = 5_000_000_000_009.0;
const HIGHER_THRESHOLD: f64 = 7_000_000_000_003.0;
const HIGHER_FOR: Duration = Duration::from_secs(100_000_007);
const MAX_HOLD: Duration = Duration::from_secs(100_003);
/// A `for` on either side of what is long.
const SHORT: Duration = Duration::from_secs(7 * 60);
const LONG: Duration = Duration::from_secs(3600);

/// The marks, and what stands for each in the text.
const MARKS: [(&str, &str); 6] = [
    ("$[threshold]", "5000000000009"),
    ("$[higher.threshold]", "7000000000003"),
    ("$[higher.threshold+for]", "7000100000010"),
    ("$[higher.threshold-for]", "6999899999996"),
    ("$[max_hold]", "1d3h46m43s"),
    ("$[max_hold_seconds]", "100003"),
];

#[derive(Debug, Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    name: String,
    rules: Vec<RuleText>,
}

#[derive(Debug, Deserialize)]
struct RuleText {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
    r#for: Option<String>,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The rules of each row, by alert and severity.
type Rows = BTreeMap<(String, String), Vec<RuleText>>;

/// The rows under several overrides.
struct Variants {
    /// With the shipped `for`, by part.
    parts: Rows,
    /// With one `for` for all parts,
    short: Rows,
    long: Rows,
    /// and without the higher severity of the name.
    parts_alone: Rows,
    long_alone: Rows,
    /// With Grafana at an address of its own.
    linked: Rows,
}

const GRAFANA: &str = "https://grafana.example.com";

/// The files of the chart with the rules of one group each: name and text.
pub fn files() -> Vec<(String, String)> {
    let open = |r#for, alone| rows(r#for, alone);
    let links = Links { dashboard_url: GRAFANA.to_owned(), ..Links::default() };
    let variants = Variants {
        parts: open(None, false),
        short: open(Some(SHORT), false),
        long: open(Some(LONG), false),
        parts_alone: open(None, true),
        long_alone: open(Some(LONG), true),
        linked: by_row(groups(&[], &Options { links, ..Options::default() })),
    };
    let shipped = groups(&[], &Options::default());
    shipped.iter().map(|group| (format!("{}.yaml", group.name), file(group, &variants))).collect()
}

fn groups(overrides: &[AlertOverride], options: &Options) -> Vec<Group> {
    let text = render(&rule::resolve(overrides), FilePart::All, Format::Prometheus, options);
    let file: File = serde_saphyr::from_str(&text).expect("a rule file is YAML");
    file.groups
}

fn by_row(groups: Vec<Group>) -> Rows {
    let mut rows = Rows::new();
    for rule in groups.into_iter().flat_map(|group| group.rules) {
        if let Some(alert) = &rule.alert {
            rows.entry((alert.clone(), rule.labels["severity"].clone())).or_default().push(rule);
        }
    }
    rows
}

/// Every row with its numbers left open, under this `for`; `alone` are those that have no higher severity beside them.
fn rows(r#for: Option<Duration>, alone: bool) -> Rows {
    let options = Options { max_hold: MAX_HOLD, ..Options::default() };
    let own: Vec<_> = catalogue::all().iter().map(|alert| change(alert, THRESHOLD, r#for, true)).collect();
    let below = |alert: &Alert| match lower(alert) {
        true => change(alert, HIGHER_THRESHOLD, Some(HIGHER_FOR), !alone),
        false => change(alert, THRESHOLD, r#for, true),
    };
    let below: Vec<_> = catalogue::all().iter().map(below).collect();
    let mut rows = by_row(groups(&own, &options));
    let below = by_row(groups(&below, &options));
    let lowest = |(alert, severity): &(String, String)| higher(row(alert, severity)).is_some();
    rows.extend(below.into_iter().filter(|(row, _)| lowest(row)));
    rows
}

fn change(alert: &Alert, threshold: f64, r#for: Option<Duration>, enabled: bool) -> AlertOverride {
    AlertOverride {
        alert: alert.name.to_owned(),
        severity: Some(alert.severity.as_str().to_owned()),
        vendor: Glob::any(),
        target: Glob::any(),
        pool: Glob::any(),
        r#for,
        keep_firing_for: None,
        threshold: Some(threshold),
        enabled: Some(enabled),
    }
}

fn row(alert: &str, severity: &str) -> &'static Alert {
    catalogue::named(alert).find(|row| row.severity.as_str() == severity).expect("rules come from the catalogue")
}

fn lower(alert: &Alert) -> bool {
    catalogue::named(alert.name).any(|other| other.severity < alert.severity)
}

fn higher(alert: &Alert) -> Option<&'static Alert> {
    let mut higher = catalogue::named(alert.name).filter(|other| other.severity > alert.severity);
    let one = higher.next();
    assert!(higher.next().is_none(), "{} has three severities, and the marks know of two", alert.name);
    one
}

/// The text of a group.
fn file(group: &Group, variants: &Variants) -> String {
    let mut out = "# Written from the alert catalogue for templates/prometheusrule.yaml; overrides go into `config`.\n"
        .to_owned();
    out += &format!("name: {}\nrules:\n", group.name);
    let mut seen = BTreeSet::new();
    for rule in &group.rules {
        match &rule.alert {
            None => {
                let record = rule.record.as_deref().expect("a rule that is no alert records");
                out += &format!("  - record: {record}\n    expr: {}", block(&rule.expr, 6));
            }
            Some(alert) => {
                let severity = &rule.labels["severity"];
                if seen.insert((alert, severity)) {
                    out += &alert_text(row(alert, severity), rule, variants);
                }
            }
        }
    }
    out
}

fn alert_text(alert: &Alert, shipped: &RuleText, variants: &Variants) -> String {
    let severity = alert.severity.as_str();
    let key = (alert.name.to_owned(), severity.to_owned());
    let mut out = format!("  - alert: {}\n    severity: {severity}\n", alert.name);
    if let Some(threshold) = alert.threshold {
        out += &format!("    threshold: {}\n", threshold.value);
    }
    if let Some(higher) = higher(alert) {
        let longest = higher.r#for.iter().map(|one| one.duration.as_secs()).max().unwrap_or_default();
        let threshold = higher.threshold.map_or(0.0, |threshold| threshold.value);
        let severity = higher.severity.as_str();
        out += &format!("    higher: {{severity: {severity}, threshold: {threshold}, for: {longest}s}}\n");
    }
    if let Some(keep) = &shipped.keep_firing_for {
        out += &format!("    keep_firing_for: {keep}\n");
    }
    out += "    annotations:\n";
    for name in ["summary", "description", "runbook_url", "dashboard_url"] {
        out += &format!("      {name}: {}\n", quoted(&shipped.annotations[name]));
    }
    let dashboard = variants.linked[&key][0].annotations["dashboard_url"].strip_prefix(GRAFANA);
    out += &format!("    dashboard: {}\n", quoted(dashboard.expect("links begin with the address")));
    let whole = marked(
        &variants.long[&key][0].expr,
        &[("long", &variants.short[&key][0].expr), ("higher", &variants.long_alone[&key][0].expr)],
    );
    let parts = &variants.parts[&key];
    out += "    parts:\n";
    for (index, part) in parts.iter().enumerate() {
        out += &format!("      - for: {}\n", part.r#for.as_deref().unwrap_or("0s"));
        let labels: Vec<_> = part.labels.iter().filter(|(name, _)| *name != "severity").collect();
        if !labels.is_empty() {
            out += "        labels:\n";
            labels.into_iter().for_each(|(name, value)| out += &format!("          {name}: {}\n", quoted(value)));
        }
        let expr = match parts.len() {
            1 => whole.clone(),
            _ => marked(&part.expr, &[("higher", &variants.parts_alone[&key][index].expr)]),
        };
        out += &format!("        expr: {}", block(&expr, 10));
    }
    if parts.len() > 1 {
        out += &format!("    whole: {}", block(&whole, 6));
    }
    out
}

/// The text with a mark around what each of the others lacks, and with marks for numbers.
fn marked(full: &str, without: &[(&str, &str)]) -> String {
    let mut places = Vec::new();
    for (name, shorter) in without.iter().filter(|(_, shorter)| *shorter != full) {
        let start = full.bytes().zip(shorter.bytes()).take_while(|(one, other)| one == other).count();
        let end = start + full.len() - shorter.len();
        assert!(full[end..] == shorter[start..], "more than one part depends on `{name}`:\n{full}\n{shorter}");
        places.push((start, format!("$[if {name}]")));
        places.push((end, "$[end]".to_owned()));
    }
    // The last first, so that the places stay where they are.
    places.reverse();
    places.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let mut out = full.to_owned();
    places.iter().for_each(|(place, mark)| out.insert_str(*place, mark));
    MARKS.iter().for_each(|(mark, number)| out = out.replace(number, mark));
    let left = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() > 8;
    assert!(!out.split(|c: char| !c.is_ascii_digit() && c != '.').any(left), "a number has no mark:\n{out}");
    out
}

/// A text of several lines as a YAML scalar.
fn block(text: &str, indent: usize) -> String {
    let lines = text.lines().map(|line| format!("{:indent$}{line}\n", ""));
    format!("|-\n{}", lines.collect::<String>())
}

/// A text as a YAML scalar in double quotes, which JSON's are too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
