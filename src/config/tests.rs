//! Whole files in, settings or the exact error text out.

mod doubtful;
mod invalid;
mod valid;

use std::path::Path;

use tempfile::TempDir;

use super::*;

/// `targets[2].auth` as `targets[].auth`: the same setting of every item.
pub(super) fn without_indices(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            inside = (inside || *c == '[') && *c != ']';
            !inside || *c == '['
        })
        .collect()
}

/// A directory with the files that the annotated configuration names.
fn directory() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory can be made");
    for name in ["ras", "broker-token", "probe", "priming", "azdo", "entra", "citrix", "mc", "daas"] {
        write(directory.path(), &format!("secrets/{name}"), "canary-of-a-file\n");
    }
    directory
}

fn write(directory: &Path, name: &str, content: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().expect("the file is in a directory")).expect("a directory can be made");
    std::fs::write(path, content).expect("a file can be written");
}

/// Reads a text as `rollcall.yml` in a directory.
fn parse(text: &str, directory: &Path) -> Result<Config, Errors> {
    Config::parse(text, "rollcall.yml", directory)
}
