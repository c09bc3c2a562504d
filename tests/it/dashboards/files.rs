//! The committed files are what the program prints.

use std::{collections::BTreeSet, fs};

use crate::{program::rollcall, support::Folder};

#[test]
fn committed_dashboards_are_those_of_the_source() {
    let made = Folder::new();
    let out = made.file("out");
    rollcall(&["dashboards", "--out", out.to_str().expect("a plain name")]).expect(0);
    let names = |folder| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(
        names(super::folder()),
        names(out.clone()),
        "UPDATE_DEPLOY=1 cargo test --test rules committed writes what is missing"
    );
    for name in names(out.clone()) {
        let committed = fs::read_to_string(super::folder().join(&name)).expect("a text");
        let made = fs::read_to_string(out.join(&name)).expect("a text");
        assert!(
            committed == made,
            "dashboards/{name} differs: UPDATE_DEPLOY=1 cargo test --test rules committed writes it anew"
        );
    }
}

#[test]
fn without_a_folder_all_are_printed() {
    let printed = rollcall(&["dashboards"]).expect(0).out;
    let documents = serde_json::Deserializer::from_str(&printed).into_iter::<serde_json::Value>();
    assert_eq!(documents.filter(|document| document.is_ok()).count(), super::dashboards().len());
}
