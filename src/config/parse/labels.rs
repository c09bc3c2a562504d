//! Labels that the configuration adds.

use std::collections::HashSet;

use crate::config::read::Item;

/// Names that the scrape, or the places where Prometheus runs, use themselves: they would come out as `exported_...`.
const OF_THE_SCRAPE: [&str; 14] = [
    "job",
    "instance",
    "endpoint",
    "namespace",
    "pod",
    "service",
    "container",
    "node",
    "cluster",
    "environment",
    "region",
    "zone",
    "le",
    "quantile",
];

/// `labels` of a target, for `rollcall_target_info`.
pub(super) fn of_target(item: &Item<'_>) -> Vec<(String, String)> {
    read(item, |name| match name {
        "vendor" | "target" | "url" => Some("is a label of every target already"),
        name if OF_THE_SCRAPE.contains(&name) => Some("is used by Prometheus or its surroundings; choose another name"),
        _ => None,
    })
}

/// `external_labels` of alerts.
pub(super) fn of_alerts(item: &Item<'_>) -> Vec<(String, String)> {
    read(item, |name| match name {
        "alertname" | "severity" | "vendor" | "target" | "pool" | "agent" => Some("is a label of the alerts already"),
        _ => None,
    })
}

fn read(item: &Item<'_>, refuse: impl Fn(&str) -> Option<&'static str>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut names = HashSet::new();
    for entry in item.entries().unwrap_or_default() {
        let name = entry.key.as_str();
        let value = Item { ctx: item.ctx, node: &entry.node, path: format!("{}.{}", item.path, name.escape_debug()) };
        let problem = if !is_label_name(name) {
            Some("is not a label name: letters, digits and underscores, not a digit first")
        } else if name.starts_with("__") {
            Some("names that begin with __ belong to Prometheus")
        } else {
            refuse(name)
        };
        if let Some(problem) = problem {
            item.ctx.error(&entry.mark, &value.path, problem);
        }
        if let Some(text) = value.text()
            && names.insert(name)
        {
            labels.push((name.to_owned(), text));
        }
    }
    labels
}

fn is_label_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
