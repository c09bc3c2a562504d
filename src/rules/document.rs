//! The table of alerts in the documentation.

use super::{
    catalogue::{self, Alert, Sender, Unit},
    rule::{self, Subjects},
};
use crate::{duration, rules::expr::Pattern};

const HEAD: &str = "# Alerts

Generated from the alert catalogue; a test fails when it differs. `for` is how long the condition must hold, `keep` how long
the alert goes on afterwards. `both` means Prometheus with the shipped rules or, in direct mode, the daemon, never both at once;
changing the mode while alerts fire costs one resolution and one new page. `alerting.overrides` changes the threshold, `for` and
`keep`, by vendor, target and pool. Alerts that mute others in the shipped configuration of Alertmanager go on for at least 2m
longer than those: if both end, the muted one would page if it were the last. If several daemons watch a target, the best view
counts: a daemon that is cut off from the vendor is ignored while another reads the target. A firing alert is held while nobody can
read the target, and while the daemon that raised it is down.

";

/// The table in Markdown.
pub fn markdown() -> String {
    let rules = rule::resolve(&[]);
    let mut out = HEAD.to_owned();
    let mut group = "";
    for alert in catalogue::all() {
        if group != alert.group {
            group = alert.group;
            let end = if out.ends_with("\n\n") { "" } else { "\n" };
            out.push_str(&format!("{end}## {group}\n\n"));
            out.push_str("| alert | severity | labels | sender | says | threshold | for | keep |\n|---|---|---|---|---|---|---|---|\n");
        }
        let fors = rules.iter().filter(|rule| std::ptr::eq(rule.alert, alert));
        let fors: Vec<String> = fors.map(|rule| format!("{}{}", subjects(&rule.part), time(rule.r#for))).collect();
        out.push_str(&format!(
            "| [{name}](../runbooks/{name}.md) | {} | {} | {} | {} | {} | {} | {} |\n",
            alert.severity.as_str(),
            alert.labels.names().join(", "),
            sender(alert),
            alert.summary,
            threshold(alert),
            fors.join("; "),
            time(alert.keep_firing_for),
            name = alert.name,
        ));
    }
    out
}

fn time(time: std::time::Duration) -> String {
    if time.is_zero() { String::new() } else { duration::print(time) }
}

fn sender(alert: &Alert) -> &'static str {
    match alert.sender {
        Sender::Prometheus => "Prometheus",
        Sender::Daemon => "daemon",
        Sender::Both => "both",
    }
}

fn threshold(alert: &Alert) -> String {
    let Some(threshold) = alert.threshold else { return String::new() };
    match threshold.unit {
        Unit::Seconds => format!("{} s", threshold.value),
        Unit::Count | Unit::Share => threshold.value.to_string(),
    }
}

fn subjects(part: &Subjects) -> String {
    let mut words: Vec<String> = part.on_demand.into_iter().map(|_| "on demand".to_owned()).collect();
    for matcher in &part.matchers {
        words.push(match &matcher.pattern {
            Pattern::OneOf(values) => values.join(" "),
            Pattern::Prefix(prefixes) => {
                prefixes.iter().map(|prefix| format!("{prefix}\\*")).collect::<Vec<_>>().join(" ")
            }
            Pattern::Glob(glob) => glob.as_str().to_owned(),
        });
    }
    if words.is_empty() { String::new() } else { format!("{}: ", words.join(" ")) }
}
