//! The table of faults cannot rot: every test that it names is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const HEADER: &str = "| fault tried | promised | happened | test |";

/// The rows below the headers of `text`, cell by cell.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        inside = line == HEADER || (inside && line.starts_with('|'));
        let is_row = inside && line != HEADER && !line.starts_with("|---");
        let cells = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"));
        if let Some(cells) = cells.filter(|_| is_row) {
            rows.push(cells.split(" | ").map(str::trim).collect());
        }
    }
    rows
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The names of all functions that are tests, and of the targets of the fuzzer as `fuzz <target>`.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    for path in ["src", "tests"].iter().flat_map(|folder| files(&root.join(folder))) {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("Rust is text");
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let name = ["async fn ", "fn "].iter().find_map(|start| line.strip_prefix(start)?.split('(').next());
            if let Some(name) = name {
                if is_test {
                    names.insert(name.to_owned());
                }
                is_test = false;
            } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            }
        }
        // The functions of `proptest!` have no more than that.
    }
    let targets = files(&root.join("fuzz/fuzz_targets"));
    names.extend(targets.iter().filter_map(|path| Some(format!("fuzz {}", path.file_stem()?.to_str()?))));
    names
}

#[test]
fn every_row_of_the_table_of_faults_has_a_test_that_is_there() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/docs/faults.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let (rows, tests) = (rows(&page), tests());
    assert!(rows.len() > 30 && tests.len() > 500, "{} rows, {} tests", rows.len(), tests.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let [_, _, _, cell] = row[..] else {
            wrong.push(format!("{} cells instead of 4: {row:?}", row.len()));
            continue;
        };
        let names = quoted(cell);
        if row.iter().any(|cell| cell.is_empty()) || names.is_empty() {
            wrong.push(format!("an empty cell: {row:?}"));
        }
        wrong
            .extend(names.iter().filter(|name| !tests.contains(**name)).map(|name| format!("there is no test {name}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_row_without_a_test_is_found() {
    let page = format!("{HEADER}\n|---|---|---|---|\n| a | b | held | `x`, `fuzz y` |\n\n| no | row | of | it |\n");
    assert_eq!(rows(&page), [["a", "b", "held", "`x`, `fuzz y`"]]);
    assert_eq!(quoted("`x`, `fuzz y`"), ["x", "fuzz y"]);
    assert!(tests().contains("a_row_without_a_test_is_found") && !tests().contains("rows"));
}
