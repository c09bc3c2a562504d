//! The committed files are what the program prints.

use std::{collections::BTreeSet, fs, process::Command};

use crate::support::Folder;

#[test]
fn committed_dashboards_are_those_of_the_source() {
    let made = Folder::new();
    let out = made.file("out");
    let status = Command::new(env!("CARGO_BIN_EXE_rollcall")).arg("dashboards").arg("--out").arg(&out).status();
    assert!(status.expect("the binary was built with this test").success());
    let names = |folder| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(super::folder()), names(out.clone()), "run: rollcall dashboards --out dashboards");
    for name in names(out.clone()) {
        let committed = fs::read_to_string(super::folder().join(&name)).expect("a text");
        let made = fs::read_to_string(out.join(&name)).expect("a text");
        assert!(committed == made, "dashboards/{name} is old, run: rollcall dashboards --out dashboards");
    }
}

#[test]
fn without_a_folder_all_are_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_rollcall")).arg("dashboards").output().expect("it was built");
    let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
    assert_eq!(documents.filter(|document| document.is_ok()).count(), 7);
}
