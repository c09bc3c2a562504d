//! Rule files: YAML for Prometheus, or the PrometheusRule of its operator.

use super::{Options, expression, has, labels::Label, print, print::duration, recording};
use std::collections::HashSet;

use crate::rules::{
    catalogue::{Alert, Severity},
    expr::{Matcher, Pattern},
    links,
    rule::Rule,
    template,
};

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A rule file of Prometheus.
    Prometheus,
    /// A PrometheusRule of the Prometheus operator.
    Operator,
}

/// Which rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FilePart {
    /// All of them.
    All,
    /// Recording rules.
    Recording,
    /// Alerts about targets, pools, agents and jobs.
    Fleet,
    /// Alerts about the daemons.
    Daemon,
}

/// Groups of rules as YAML, and how many rules there are.
#[derive(Debug, Default)]
pub struct Groups {
    text: String,
    group: &'static str,
    /// The static labels of every alert rule so far.
    known: HashSet<(&'static str, Severity, StaticLabels)>,
}

/// Labels of a rule besides `severity`.
type StaticLabels = Vec<Label>;

/// Those by which Prometheus' operator finds it in a cluster of kube-prometheus.
const METADATA_LABELS: [(&str, &str); 3] =
    [("app.kubernetes.io/name", "rollcall"), ("prometheus", "k8s"), ("role", "alert-rules")];

/// A rule file.
pub fn render(rules: &[Rule], part: FilePart, format: Format, options: &Options) -> String {
    let mut groups = Groups::default();
    if matches!(part, FilePart::All | FilePart::Recording) {
        for rule in recording::rules() {
            groups.open("recording");
            groups.text.push_str(&format!("      - record: {}\n", rule.record));
            groups.expr(&print(&rule.expr, &options.selector));
            if !options.labels.is_empty() {
                groups.text.push_str("        labels:\n");
                groups.labels(&options.labels);
            }
        }
    }
    for rule in rules.iter().filter(|rule| has(rule)) {
        let daemon = rule.alert.group == "daemons";
        if part == FilePart::All || part == if daemon { FilePart::Daemon } else { FilePart::Fleet } {
            groups.open(rule.alert.group);
            groups.alert(rule, options);
        }
    }
    let head =
        "# Written by `rollcall rules` from the alert catalogue; changes belong into the overrides of rollcall.yml.\n";
    match format {
        Format::Prometheus => format!("{head}groups:\n{}", groups.text),
        Format::Operator => {
            let meta = format!(
                "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: rollcall\n  \
                 labels:\n{}spec:\n  groups:\n",
                metadata_labels(&options.metadata_labels),
            );
            let indented = groups.text.lines().map(|line| match line {
                "" => "\n".to_owned(),
                line => format!("  {line}\n"),
            });
            format!("{head}{meta}{}", indented.collect::<String>())
        }
    }
}

/// The last value of a name counts.
fn metadata_labels(own: &[Label]) -> String {
    let shipped = METADATA_LABELS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut all: Vec<Label> = Vec::new();
    for (name, value) in shipped.into_iter().chain(own.iter().cloned()) {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => all.push((name, value)),
        }
    }
    all.iter().map(|(name, value)| format!("    {name}: {}\n", quoted(value))).collect()
}

impl Groups {
    fn labels(&mut self, labels: &[Label]) {
        for (name, value) in labels {
            self.text.push_str(&format!("          {name}: {}\n", quoted(value)));
        }
    }

    fn open(&mut self, group: &'static str) {
        if self.group != group {
            self.group = group;
            self.text.push_str(&format!("  - name: rollcall-{}\n    rules:\n", group.replace('_', "-")));
        }
    }

    fn expr(&mut self, expr: &str) {
        self.text.push_str("        expr: |-\n");
        expr.lines().for_each(|line| self.text.push_str(&format!("          {line}\n")));
    }

    fn alert(&mut self, rule: &Rule, options: &Options) {
        let alert = rule.alert;
        self.text.push_str(&format!("      - alert: {}\n", alert.name));
        self.expr(&print(&expression(rule, options), &options.selector));
        for (key, value) in [("for", rule.r#for), ("keep_firing_for", rule.keep_firing_for)] {
            if !value.is_zero() {
                self.text.push_str(&format!("        {key}: {}\n", duration(value)));
            }
        }
        self.text.push_str(&format!("        labels:\n          severity: {}\n", alert.severity.as_str()));
        let told_apart = self.told_apart(rule);
        self.labels(&told_apart);
        self.labels(&options.labels);
        self.text.push_str("        annotations:\n");
        for (name, value) in annotations(alert, options) {
            self.text.push_str(&format!("          {name}: {}\n", quoted(&value)));
        }
    }
}

impl Groups {
    /// The labels that tell a rule from the others of its alert and severity; those of its alerts stay the same.
    fn told_apart(&mut self, rule: &Rule) -> StaticLabels {
        let labels: StaticLabels = rule.part.matchers.iter().filter_map(literal).collect();
        let part = |n: usize| match n {
            1 => labels.clone(),
            n => labels.iter().cloned().chain([(format!("part_{n}"), String::new())]).collect(),
        };
        let fresh = |labels: &StaticLabels| self.known.insert((rule.alert.name, rule.alert.severity, labels.clone()));
        (1..).map(part).find(fresh).unwrap_or_default()
    }
}

/// The annotations of an alert in Prometheus' template language.
fn annotations(alert: &Alert, options: &Options) -> [(&'static str, String); 4] {
    [
        ("summary", alert.summary.to_owned()),
        ("description", template::prometheus(alert.description)),
        ("runbook_url", links::prometheus::runbook(alert, &options.links)),
        ("dashboard_url", links::prometheus::dashboard(alert, &options.links)),
    ]
}

/// A value that the rule's part says in one word, by its label; the alerts have it anyway.
fn literal(matcher: &Matcher) -> Option<(String, String)> {
    let value = match &matcher.pattern {
        _ if matcher.negated => None,
        Pattern::OneOf(values) => values.first().filter(|_| values.len() == 1).map(|value| (*value).to_owned()),
        Pattern::Glob(glob) => glob.literal().map(str::to_owned),
        Pattern::Prefix(_) => None,
    };
    Some((matcher.label.to_owned(), value?))
}

/// A text as a YAML scalar in double quotes, which JSON's are too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
