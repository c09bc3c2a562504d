//! What Prometheus' own tool says of the rules, and the table of cases through it.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::Command};

use rollcall::rules::{
    catalogue::{Alert, Sender},
    links::{Links, escaped},
    promql::{self, FilePart, Format, Options},
    rule::{self, Rule},
    template,
};

use super::{
    case::{Case, Expected, Series},
    cases,
};

/// Runs it in a directory: what it says, as an error where it has something against it.
pub fn promtool(directory: &Path, args: &[&str]) -> Result<String, String> {
    let output = Command::new("promtool").args(args).current_dir(directory).output();
    let output = output.map_err(|error| format!("promtool cannot be started, is prometheus installed? {error}"))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(text) }
}

#[test]
fn promtool_has_nothing_against_the_committed_rules() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    let files = ["rollcall-recording.rules.yml", "rollcall-fleet.rules.yml", "rollcall-daemon.rules.yml"];
    let args: Vec<&str> = ["check", "rules", "--lint=all", "--lint-fatal"].into_iter().chain(files).collect();
    promtool(&directory, &args).unwrap_or_else(|error| panic!("{error}"));
}

/// Overrides that split rules in every way.
const OVERRIDES: &str = r#"
targets: []
alerting:
  max_hold: 12h
  runbook_url: https://wiki.example.com/runbooks
  overrides:
    - { alert: RollcallPoolDown, vendor: citrix_storefront, target: "lab-*", enabled: false }
    - { alert: RollcallPoolDown, pool: "RDSHost@{1,2}", for: 30m, threshold: 0.8 }
    - { alert: RollcallPoolCapacityLow, severity: critical, target: "a.b[0-9]", threshold: 0.9 }
    - { alert: RollcallPoolCapacityLow, severity: warning, vendor: resilio, enabled: false }
    - { alert: RollcallTargetDown, for: 20m, keep_firing_for: 0s }
    - { alert: AzureDevOpsPoolWithoutAgents, pool: "x\"y", for: 1h }
    - { alert: AzureDevOpsPoolWithoutAgents, target: "prod", keep_firing_for: 30m }
    - { alert: RollcallDown, for: 1h }
"#;

fn overridden() -> Vec<Rule> {
    let config = rollcall::config::Config::parse(OVERRIDES, "rollcall.yml", Path::new("")).expect("the text is valid");
    rule::resolve(&config.alerting.overrides)
}

/// The lines between `labels:` and `annotations:` of every alert.
fn label_lines(rules: &str) -> Vec<&str> {
    let mut lines = rules.lines();
    let mut found = Vec::new();
    while lines.any(|line| line.trim() == "labels:") {
        found.extend(lines.by_ref().take_while(|line| line.trim() != "annotations:"));
    }
    found
}

/// Prometheus 2.53 and later restores no alert after a restart whose rule has such a label (prometheus#16883).
#[test]
fn no_label_of_a_rule_is_a_template() {
    for rules in [rule::resolve(&[]), overridden()] {
        let text = promql::render(&rules, FilePart::All, Format::Prometheus, &Options::default());
        let labels = label_lines(&text);
        assert!(labels.len() > 70, "{} labels of rules were found", labels.len());
        let templates: Vec<&&str> = labels.iter().filter(|line| line.contains("{{")).collect();
        assert!(templates.is_empty(), "{templates:#?}");
    }
}

/// They still give rules that load.
#[test]
fn promtool_has_nothing_against_rules_with_overrides() {
    let rules = overridden();
    let directory = tempfile::tempdir().expect("a directory can be made");
    let text = promql::render(&rules, FilePart::All, Format::Prometheus, &Options::default());
    std::fs::write(directory.path().join("rules.yml"), &text).expect("a file can be written");
    promtool(directory.path(), &["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"])
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let of = |name: &str| rules.iter().filter(|rule| rule.alert.name == name).collect::<Vec<_>>();
    assert_eq!(of("RollcallPoolDown").len(), 4, "one of an override, three of the catalogue");
    assert_eq!(of("AzureDevOpsPoolWithoutAgents").len(), 5);
    assert!(
        of("RollcallTargetDown").iter().all(|rule| rule.r#for.as_secs() == 1_200 && rule.keep_firing_for.is_zero())
    );
}

/// A site's own labels are on every rule of both formats, and change nothing else.
#[test]
fn labels_of_the_site_are_on_every_rule() {
    let own = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let options = Options {
        labels: own("team", "desktop \"1\""),
        metadata_labels: own("release", "kube-prometheus-stack"),
        ..Options::default()
    };
    let rules = overridden();
    let text = promql::render(&rules, FilePart::All, Format::Prometheus, &options);
    let count = |text: &str, what: &str| text.lines().filter(|line| line.trim().starts_with(what)).count();
    assert_eq!(count(&text, "team: \"desktop \\\"1\\\"\""), count(&text, "- alert: ") + count(&text, "- record: "));
    let directory = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(directory.path().join("rules.yml"), &text).expect("a file can be written");
    promtool(directory.path(), &["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"])
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let object = promql::render(&rules, FilePart::All, Format::Operator, &options);
    assert!(
        object.contains("\n    role: \"alert-rules\"\n    release: \"kube-prometheus-stack\"\nspec:\n"),
        "{object}"
    );
    assert_eq!(count(&object, "team: "), count(&text, "team: "));
}

#[test]
fn prometheus_gives_what_the_cases_say() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let rules = rule::resolve(&[]);
    let mut by_alert: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for case in cases::all() {
        by_alert.entry(case.alert).or_default().push(case);
    }
    let mut files = Vec::new();
    for (alert, cases) in &by_alert {
        let own: Vec<Rule> =
            rules.iter().filter(|rule| rule.alert.name == *alert && promql::has(rule)).cloned().collect();
        if cases[0].rows().all(|row| row.sender == Sender::Daemon) {
            assert!(own.is_empty(), "{alert} is the daemon's alone");
            continue;
        }
        let text = promql::render(&own, FilePart::All, Format::Prometheus, &Options::default());
        let write =
            |name: String, text: &str| std::fs::write(directory.path().join(name), text).expect("can be written");
        write(format!("{alert}.rules.yml"), &text);
        write(format!("{alert}.test.yml"), &tests_of(alert, cases));
        files.push(format!("{alert}.test.yml"));
    }
    // A file at a time takes one processor only.
    let next = std::sync::Mutex::new(files.iter());
    let errors = std::sync::Mutex::new(Vec::new());
    let take = || next.lock().ok().and_then(|mut files| files.next());
    let work = || {
        while let Some(file) = take() {
            if let Err(error) = promtool(directory.path(), &["test", "rules", file]) {
                errors.lock().expect("no other thread panics").push(error);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let errors = errors.into_inner().expect("no other thread panics");
    if !errors.is_empty() {
        let kept = directory.keep();
        panic!("the files are in {}\n{}", kept.display(), errors.join("\n"));
    }
}

/// The harness bites: another value in a text, another label, an alert too many.
#[test]
fn promtool_finds_what_is_wrong() {
    let case = cases::all().into_iter().find(|case| case.alert == "RollcallPoolDown").expect("it has cases");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let rules: Vec<Rule> = rule::resolve(&[]).into_iter().filter(|rule| rule.alert.name == case.alert).collect();
    let text = promql::render(&rules, FilePart::All, Format::Prometheus, &Options::default());
    std::fs::write(directory.path().join("RollcallPoolDown.rules.yml"), text).expect("can be written");
    let verdict = |case: Case| {
        std::fs::write(directory.path().join("test.yml"), tests_of(case.alert, &[case])).expect("can be written");
        promtool(directory.path(), &["test", "rules", "test.yml"])
    };
    assert_eq!(verdict(case.clone()).err(), None);
    let mut value = case.clone();
    value.checks.values_mut().flatten().for_each(|expected| expected.value = 0.5);
    let mut label = case.clone();
    label
        .checks
        .values_mut()
        .flatten()
        .for_each(|expected| drop(expected.labels.insert("pool".into(), "other".into())));
    let mut silent = case.clone();
    silent.checks.values_mut().for_each(Vec::clear);
    for wrong in [value, label, silent] {
        assert!(verdict(wrong).is_err());
    }
}

/// Of several daemons it is the one that polls the target whose address is taken, then one that is scraped; and where the rules
/// are given the addresses, nobody is asked.
#[test]
fn the_links_of_an_alert_lead_to_a_daemon_that_knows_of_it() {
    let rules: Vec<Rule> =
        rule::resolve(&[]).into_iter().filter(|rule| rule.alert.name == "RollcallUnknownState").collect();
    let page = "/runbooks/RollcallUnknownState";
    let agents = "/agents?vendor=resilio&target=a+b%26c";
    let fixed =
        Links { external_url: "http://fixed".to_owned(), dashboard_url: "http://g/x".to_owned(), ..Links::default() };
    // Which daemons are there, who polls the target, until which minute all of them are; and where the links lead.
    let alone: &[(&str, &str)] = &[("r1", "http://g1")];
    let three: &[(&str, &str)] = &[("r0", "http://g0"), ("r1", ""), ("r2", "http://g2")];
    let dashboard = format!("/d/{}?var-vendor=resilio&var-target=a+b%26c", rules[0].alert.dashboard);
    let cases = [
        (
            "it polls",
            alone,
            "r1",
            "1x60",
            Links::default(),
            format!("http://r1{page}"),
            format!("http://g1{dashboard}"),
        ),
        (
            "it has no Grafana",
            three,
            "r1",
            "1x60",
            Links::default(),
            format!("http://r1{page}"),
            format!("http://r1{agents}"),
        ),
        (
            "another one polls",
            alone,
            "gone",
            "1x60",
            Links::default(),
            format!("http://r1{page}"),
            format!("http://g1{dashboard}"),
        ),
        (
            "it is gone",
            alone,
            "r1",
            "1x30 stale",
            Links::default(),
            format!("http://r1{page}"),
            format!("http://g1{dashboard}"),
        ),
        ("nobody says", &[], "r1", "1x60", Links::default(), String::new(), String::new()),
        ("fixed", alone, "r1", "1x60", fixed, format!("http://fixed{page}"), format!("http://g/x{dashboard}")),
    ];
    for (what, daemons, polls, values, links, runbook, dashboard) in cases {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let text = promql::render(&rules, FilePart::All, Format::Prometheus, &Options { links, ..Options::default() });
        std::fs::write(directory.path().join("a.rules.yml"), &text).expect("can be written");
        let target = format!("vendor=\"resilio\",target=\"a b&c\",job=\"rollcall\",instance=\"{polls}\"");
        let mut series = vec![
            (format!("rollcall_decode_warnings_total{{kind=\"unknown_state\",{target}}}"), "0+5x60"),
            (format!("rollcall_target_up{{{target}}}"), "1x60"),
        ];
        series.extend(daemons.iter().map(|(name, grafana)| {
            let own = format!("job=\"rollcall\",instance=\"{name}\"");
            (format!("rollcall_links_info{{{own},external_url=\"http://{name}\",dashboard_url=\"{grafana}\"}}"), values)
        }));
        let mut test =
            "rule_files: [a.rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n"
                .to_owned();
        for (series, values) in series {
            let _ = writeln!(test, "      - {{ series: {}, values: {} }}", quoted(&series), quoted(values));
        }
        let expected = Expected {
            severity: "warning",
            labels: [("vendor", "resilio"), ("target", "a b&c")].map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            value: 150.0,
        };
        let own = annotations(rules[0].alert, &expected);
        let _ = writeln!(
            test,
            "    alert_rule_test:\n      - eval_time: 59m\n        alertname: RollcallUnknownState\n        exp_alerts:\n          \
             - exp_labels: {{ severity: warning, vendor: resilio, target: \"a b&c\" }}\n            exp_annotations:\n              \
             summary: {}\n              description: {}\n              runbook_url: {}\n              dashboard_url: {}",
            quoted(&own[0].1),
            quoted(&own[1].1),
            quoted(&runbook),
            quoted(&dashboard),
        );
        std::fs::write(directory.path().join("a.test.yml"), &test).expect("can be written");
        promtool(directory.path(), &["test", "rules", "a.test.yml"])
            .unwrap_or_else(|error| panic!("{what}: {error}\n{test}"));
    }
}

fn tests_of(alert: &str, cases: &[Case]) -> String {
    let mut out = format!("rule_files: [{alert}.rules.yml]\nevaluation_interval: 1m\ntests:\n");
    for case in cases {
        let _ = writeln!(out, "  - name: {}\n    interval: 1m\n    input_series:", quoted(&case.name()));
        let _ = writeln!(out, "      - series: {}", quoted(&links_info()));
        let _ = writeln!(out, "        values: {}", quoted(&format!("1x{}", case.end())));
        for series in &case.series {
            let _ = writeln!(out, "      - series: {}", quoted(&selector(series)));
            let _ = writeln!(out, "        values: {}", quoted(&values(series, case.end())));
        }
        let _ = writeln!(out, "    alert_rule_test:");
        for (minute, expected) in &case.checks {
            let _ = writeln!(out, "      - eval_time: {minute}m\n        alertname: {alert}\n        exp_alerts:");
            expected.iter().for_each(|expected| alert_of(&mut out, case, expected));
        }
    }
    out
}

fn alert_of(out: &mut String, case: &Case, expected: &Expected) {
    let row = case.rows().find(|row| row.severity.as_str() == expected.severity).expect("the alert has this severity");
    let _ = writeln!(out, "          - exp_labels:\n              severity: {}", expected.severity);
    for (name, value) in &expected.labels {
        let _ = writeln!(out, "              {name}: {}", quoted(value));
    }
    let _ = writeln!(out, "            exp_annotations:");
    for (name, value) in annotations(row, expected) {
        let _ = writeln!(out, "              {name}: {}", quoted(&value));
    }
}

/// Where the links lead in all cases: the daemon says so, or knows it.
pub fn links() -> Links {
    Links {
        external_url: "https://rollcall.example.com/ops".to_owned(),
        dashboard_url: "https://grafana.example.com".to_owned(),
        runbook_url: String::new(),
    }
}

fn links_info() -> String {
    let Links { external_url, dashboard_url, .. } = links();
    format!(
        "rollcall_links_info{{job=\"rollcall\",instance=\"r1\",external_url={},dashboard_url={}}}",
        quoted(&external_url),
        quoted(&dashboard_url)
    )
}

/// The annotations as the daemon writes them: both say the same.
pub fn annotations(row: &Alert, expected: &Expected) -> [(&'static str, String); 4] {
    let label = |name: &str| expected.labels.get(name).map_or("", String::as_str);
    [
        ("summary", row.summary.to_owned()),
        ("description", template::render(row.description, label, expected.value)),
        ("runbook_url", links().runbook(row.name)),
        ("dashboard_url", links().dashboard(row, |name| escaped(label(name)))),
    ]
}

fn selector(series: &Series) -> String {
    let labels: Vec<String> = series.labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{}{{{}}}", series.family, labels.join(","))
}

fn values(series: &Series, end: usize) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut before: Option<f64> = None;
    for minute in 0..=end {
        let now = series.at(minute);
        out.push(match (now, before) {
            (Some(value), _) => format!("{value}"),
            // A scrape without the series ends it at once.
            (None, Some(_)) => "stale".to_owned(),
            (None, None) => "_".to_owned(),
        });
        before = now;
    }
    out.join(" ")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
