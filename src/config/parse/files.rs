//! `target_files`: globs of further files. What is not there, or cannot be read, is an error and never a file less: the
//! targets in it would go, and their pages end.

use std::{
    collections::HashSet,
    io,
    path::{Component, Path, PathBuf},
};

use crate::{config::read::Item, file, glob::Glob};

/// What to do about a file that cannot be had.
const REMEDY: &str = "mend it, or take it out of target_files";

/// A further file.
pub(super) struct TargetFile<'a> {
    /// What it was found by.
    pub item: Item<'a>,
    pub bytes: Vec<u8>,
    pub name: String,
}

/// Every file that matches, each once, in the order of the globs and then of the names.
pub(super) fn read<'a>(globs: &[Item<'a>]) -> Vec<TargetFile<'a>> {
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for item in globs {
        let Some(pattern) = item.path() else { continue };
        for path in expand(item, &pattern) {
            if !seen.insert(path.clone()) {
                continue;
            }
            match file::read(&path, file::LONGEST_CONFIGURATION) {
                Ok(bytes) => files.push(TargetFile { item: item.clone(), bytes, name: path.display().to_string() }),
                Err(error) => item.error(unreadable(&path, &error)),
            }
        }
    }
    files
}

/// A link that leads nowhere is told as such: the error alone looks as if the name were wrong.
fn unreadable(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match std::fs::read_link(path) {
        Ok(to) if error.kind() == io::ErrorKind::NotFound => {
            format!("{shown} is a link to {}, which is not there; {REMEDY}", to.display())
        }
        _ if path.is_dir() => format!("{shown} is a directory; name its files: {}", path.join("*.yml").display()),
        _ => format!("cannot read {shown}: {error}; {REMEDY}"),
    }
}

/// The paths that match. A plain name is always one file.
fn expand(item: &Item<'_>, pattern: &Path) -> Vec<PathBuf> {
    // The directory of the configuration is not the user's glob, whatever characters it has.
    let (mut found, rest) = match pattern.strip_prefix(item.ctx.base_dir) {
        Ok(rest) => (vec![item.ctx.base_dir.to_path_buf()], rest.to_path_buf()),
        Err(_) => (vec![PathBuf::new()], pattern.to_path_buf()),
    };
    let mut is_glob = false;
    for component in rest.components() {
        let text = component.as_os_str().to_string_lossy().into_owned();
        if !matches!(component, Component::Normal(_)) || !text.contains(['*', '?', '[', '{']) {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        is_glob = true;
        if text.contains("**") {
            item.error("** is not read here; name the directories one by one");
            return Vec::new();
        }
        let glob = match Glob::new(&text) {
            Ok(glob) => glob,
            Err(error) => {
                item.error(format!("{text:?} is not a valid glob: {error}"));
                return Vec::new();
            }
        };
        found = found.iter().flat_map(|directory| matching(item, directory, &glob)).collect();
    }
    if is_glob {
        found.retain(|path| may_be_file(path));
        // A directory that is not mounted looks just so.
        if found.is_empty() {
            item.error(
                "matches no file; put one there (`targets: []` is enough), or take the glob out of target_files",
            );
        }
    }
    found
}

/// Whether a path is that of a file, or of something that should be one: what cannot be looked at fails when it is read.
fn may_be_file(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(meta) => meta.is_file(),
        // What follows a glob in the pattern need not be in every directory; a link is there although it leads nowhere.
        Err(error) if is_absent(&error) => path.symlink_metadata().is_ok(),
        Err(_) => true,
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The entries of a directory that match, sorted; hidden ones only where the glob says so.
fn matching(item: &Item<'_>, directory: &Path, glob: &Glob) -> Vec<PathBuf> {
    let shown = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = match std::fs::read_dir(shown) {
        Ok(entries) => entries,
        // A link that leads nowhere is told where it stands in for a directory, too.
        Err(error) if is_absent(&error) && shown.read_link().is_err() => return Vec::new(),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Vec::new(),
        Err(error) => {
            item.error(unreadable(shown, &error));
            return Vec::new();
        }
    };
    let is_wanted = |name: &str| glob.matches(name) && (!name.starts_with('.') || glob.as_str().starts_with('.'));
    let mut paths = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) if is_wanted(&entry.file_name().to_string_lossy()) => {
                paths.push(directory.join(entry.file_name()));
            }
            Ok(_) => {}
            Err(error) => item.error(unreadable(shown, &error)),
        }
    }
    paths.sort();
    paths
}
