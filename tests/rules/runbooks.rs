//! Every alert has a runbook with what is needed at three in the morning, and no runbook is about an alert that is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use rollcall::{
    catalogue::{self as metrics, Kind},
    config::Config,
    rules::catalogue,
    vendors::Vendor,
};

use super::promtool::promtool;

/// The text of every page, by the name of its alert, and of the one about all.
fn pages() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/runbooks");
    let files = std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let pages = files.filter_map(|file| {
        let name = file.file_name()?.to_str()?.strip_suffix(".md")?.to_owned();
        Some((name, std::fs::read_to_string(&file).expect("it is text")))
    });
    pages.collect()
}

/// The blocks of a page in this language, without the indentation of the step that they stand in.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix(&format!("```{language}")) else { continue };
        let inside = lines.by_ref().take_while(|line| line.trim() != "```");
        blocks.push(inside.map(|line| line.strip_prefix(indent).unwrap_or(line)).collect::<Vec<_>>().join("\n"));
    }
    blocks
}

/// Queries stand below each other; what is indented goes on with the one before.
fn queries(block: &str) -> Vec<String> {
    let mut queries: Vec<String> = Vec::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        match queries.last_mut() {
            Some(before) if line.starts_with(' ') || line.starts_with("unless ") => {
                before.push(' ');
                before.push_str(line.trim());
            }
            _ => queries.push(line.to_owned()),
        }
    }
    queries
}

/// Words that may be the name of a metric of ours.
fn metric_like(text: &str) -> impl Iterator<Item = &str> {
    let prefixes: Vec<&str> = Vendor::ALL.iter().map(|vendor| vendor.metric_prefix()).chain(["rollcall_"]).collect();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(move |word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
}

#[test]
fn prometheus_understands_the_queries_of_all_runbooks() {
    let mut rules = String::from("groups:\n  - name: runbooks\n    rules:\n");
    let mut found = 0;
    for (name, page) in pages() {
        for query in blocks(&page, "promql").iter().flat_map(|block| queries(block)) {
            let query = serde_json::Value::from(query);
            let _ = writeln!(rules, "      - record: runbook:{name}:query{found}\n        expr: {query}");
            found += 1;
        }
    }
    assert!(found > 100, "only {found} queries were found");
    let directory = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(directory.path().join("rules.yml"), &rules).expect("a file can be written");
    promtool(directory.path(), &["check", "rules", "rules.yml"]).unwrap_or_else(|error| panic!("{error}\n{rules}"));
}

#[test]
fn the_metrics_of_all_runbooks_are_there() {
    // The names of vendors look like metrics.
    let mut known: BTreeSet<String> = Vendor::ALL.iter().map(|vendor| vendor.as_str().to_owned()).collect();
    for family in metrics::all() {
        known.insert(family.name.to_owned());
        if family.kind == Kind::Histogram {
            known.extend(["_bucket", "_count", "_sum"].map(|suffix| format!("{}{suffix}", family.name)));
        }
    }
    let pages = pages();
    let unknown = |(name, page): (&'_ String, &'_ String)| {
        let gone = metric_like(page).find(|word| !known.contains(*word))?.to_owned();
        Some(format!("{name}: {gone}"))
    };
    let unknown: Vec<String> = pages.iter().filter_map(unknown).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn the_overrides_of_all_runbooks_are_accepted_and_concern_their_alert() {
    let mut found = 0;
    for (name, page) in pages() {
        for block in blocks(&page, "yaml") {
            let Some((_, alerting)) = block.split_once("alerting:\n") else { continue };
            let text = format!("targets: []\nalerting:\n{alerting}");
            let config =
                Config::parse(&text, "rollcall.yml", Path::new("")).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            assert!(!config.alerting.overrides.is_empty(), "{name}");
            assert!(config.alerting.overrides.iter().all(|of| of.alert == name), "{name}: {text}");
            found += config.alerting.overrides.len();
        }
    }
    assert!(found >= 10, "only {found} overrides were found");
}

#[test]
fn each_alert_has_a_runbook_with_its_four_sections() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/runbooks");
    let alerts: BTreeSet<&str> = catalogue::all().iter().map(|alert| alert.name).collect();
    for alert in &alerts {
        let file = folder.join(format!("{alert}.md"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(text.starts_with(&format!("# {alert}\n")), "{alert} has another title");
        let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, ["Meaning", "Impact", "Diagnosis", "Mitigation"], "{alert}");
    }
    let files =
        std::fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("an entry").file_name());
    let named: BTreeSet<String> =
        files.filter_map(|name| Some(name.to_str()?.strip_suffix(".md")?.to_owned())).collect();
    let gone: Vec<&String> = named.iter().filter(|name| !alerts.contains(name.as_str()) && *name != "README").collect();
    assert!(gone.is_empty(), "runbooks without an alert: {gone:?}");
}
