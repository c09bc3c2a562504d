//! What is committed below `deploy/` and `dashboards/` is what the catalogue and the other tables of the source give.

use std::path::Path;

use rollcall::{
    dashboard, reference,
    rules::{
        document,
        promql::{FilePart, Format, Options, render},
        rule,
    },
};

#[test]
fn committed_files_are_those_of_the_source() {
    let rules = rule::resolve(&[]);
    let rules_of = |part, format| render(&rules, part, format, &Options::default());
    let dashboards = dashboard::all();
    let dashboards = dashboards.iter().map(|one| (format!("dashboards/{}.json", one.uid), one.json()));
    let deploy = [
        ("prometheus/rollcall-recording.rules.yml", rules_of(FilePart::Recording, Format::Prometheus)),
        ("prometheus/rollcall-fleet.rules.yml", rules_of(FilePart::Fleet, Format::Prometheus)),
        ("prometheus/rollcall-daemon.rules.yml", rules_of(FilePart::Daemon, Format::Prometheus)),
        ("prometheus/rollcall-prometheusrule.yml", rules_of(FilePart::All, Format::Operator)),
        ("docs/alerts.md", document::markdown() + &crate::costs::markdown()),
        ("docs/reference.md", reference::markdown()),
    ];
    let files = deploy.into_iter().map(|(name, text)| (format!("deploy/{name}"), text)).chain(dashboards);
    let files = files.chain([("dashboards/README.md".to_owned(), dashboard::readme())]);
    // The chart has files of its own, as a package holds what stands in its folder and nothing else.
    let chart = |folder: &str, name: &str| format!("deploy/kubernetes/rollcall/files/{folder}/{name}");
    let rules = crate::chart::files().into_iter().map(|(name, text)| (chart("rules", &name), text));
    let shown = dashboard::all();
    let shown = shown.iter().map(|one| (chart("dashboards", &format!("{}.json", one.uid)), compact(&one.json())));
    let files: Vec<_> = files.chain(rules).chain(shown).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["rules", "dashboards"] {
        let folder = chart(folder, "");
        let present = std::fs::read_dir(root.join(&folder)).into_iter().flatten();
        for name in present.map(|entry| entry.expect("a folder can be read").file_name()) {
            let path = format!("{folder}{}", name.to_string_lossy());
            assert!(files.iter().any(|(name, _)| *name == path), "{path} comes from nowhere: remove it");
        }
    }
    let update = std::env::var_os("UPDATE_DEPLOY").is_some();
    for (name, expected) in files {
        let path = root.join(&name);
        if update {
            std::fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory can be made");
            std::fs::write(&path, &expected).expect("a file can be written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "{name} differs: UPDATE_DEPLOY=1 cargo test --test rules committed writes it anew");
    }
}

/// Half as long: Helm keeps a chart in one Secret.
fn compact(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("a dashboard is JSON");
    value.to_string()
}
