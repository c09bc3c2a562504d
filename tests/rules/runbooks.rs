//! Every alert has a runbook with what is needed at three in the morning, and no runbook is about an alert that is gone.

use std::{collections::BTreeSet, path::Path};

use rollcall::alert::catalogue;

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
