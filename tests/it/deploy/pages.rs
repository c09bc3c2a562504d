//! The queries in the guides, and those that the reference begins with, are such as a real Prometheus answers.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use crate::support::{Daemon, MORNING, Prometheus, VENDORS, WAIT_TIMEOUT, wait_until};

/// What the metrics of vendors and daemon begin with.
const PREFIXES: [&str; 5] = ["rollcall_", "parallels_ras_", "resilio_", "azure_devops_", "citrix_"];

/// What asks for more than the simulation does in a minute, and why: Prometheus only has to understand it.
const BEYOND: [(&str, &str); 3] = [
    ("state=\"On\"} and on (vendor", "no simulated machine runs without its broker"),
    ("> 86400", "nothing is a day old"),
    ("rollcall_web_config", "a demo has no web configuration"),
];

/// Every query or metric of the page, between backticks.
fn queries(page: &str) -> BTreeSet<String> {
    let prose = page.split("```").step_by(2).collect::<String>().replace("\\|", "\u{0}");
    let mut found = BTreeSet::new();
    for line in prose.lines() {
        found.extend(line.split('`').skip(1).step_by(2).map(|span| span.replace('\u{0}', "|")));
    }
    found.retain(|span| PREFIXES.iter().any(|prefix| span.contains(prefix)));
    found.retain(|span| !VENDORS.contains(&span.as_str()) && !span.contains(['/', '<', '-']) || span.contains('('));
    found
}

/// A metric alone may be a histogram, which is not called so on `/metrics`.
fn asked(query: &str) -> String {
    let alone = query.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if alone { format!("{{__name__=~\"{query}(_count)?\"}}") } else { query.to_owned() }
}

#[test]
fn every_query_of_the_readme_and_the_guides_has_data_where_everything_goes_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = fs::read_dir(root.join("deploy/docs")).expect("the guides are there");
    let mut pages: Vec<_> = guides.map(|entry| entry.expect("an entry").path()).collect();
    // The one names tests. Of the other only the table of queries counts: every metric stands there, and whether all of them
    // appear is for `truth::appearance` to see.
    pages.retain(|page| page.extension().is_some_and(|end| end == "md") && !page.ends_with("faults.md"));
    pages.push(root.join("README.md"));
    let text = |page: &std::path::PathBuf| {
        let text = fs::read_to_string(page).expect("a text");
        // Another exporter's names stand in the first column.
        if page.ends_with("migrate-azure-devops-exporter.md") {
            let ours = |line: &str| match line.strip_prefix("| ").and_then(|row| row.split_once(" |")) {
                Some((_, rest)) => rest.to_owned() + "\n",
                None => line.to_owned() + "\n",
            };
            return text.lines().map(ours).collect();
        }
        if !page.ends_with("reference.md") {
            return text;
        }
        let (_, begin) =
            text.split_once("\n### Queries to begin with\n").expect("the reference has a table of queries");
        begin.split("\n### ").next().unwrap_or_default().to_owned()
    };
    let mut left: BTreeSet<String> = pages.iter().flat_map(|page| queries(&text(page))).collect();
    assert!(left.len() > 40, "only {}: {left:?}", left.len());

    for (part, _) in BEYOND {
        assert!(left.iter().any(|query| query.contains(part)), "no page has {part}");
    }
    // Nothing is read of a farm that refuses the password, so what goes on there is seen in another demo.
    let wrong: [&[&str]; 2] = [
        &["hypervisor-lost", "build-pool-offline", "gateway-lost", "sync-stuck", "rate-limited", "password-expired"],
        &["patch-night", "license-running-out", "disk-full"],
    ];
    let demos = wrong.map(|incidents| {
        let incidents = incidents.iter().flat_map(|name| ["--incident", name]);
        let daemon = Daemon::demo(&incidents.chain(["--incident.delay", "10s"]).chain(MORNING).collect::<Vec<_>>());
        let prometheus = Prometheus::start(daemon.url(), "groups: []\n");
        (prometheus, daemon)
    });
    let has_data = |query: &str| {
        let answers = demos.iter().map(|(prometheus, _)| prometheus.now(&asked(query)));
        answers.map(|answer| answer.unwrap_or_else(|error| panic!("{query}: {error}"))).any(|series| !series.is_empty())
    };
    wait_until("every query has data", 2 * WAIT_TIMEOUT, || {
        left.retain(|query| !has_data(query) && !BEYOND.iter().any(|(part, _)| query.contains(part)));
        if left.is_empty() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_secs(1));
        Err(left.iter().cloned().collect::<Vec<_>>().join("\n"))
    });
}
