//! `target_files`: globs of further files.

use std::{
    collections::HashSet,
    path::{Component, Path, PathBuf},
};

use crate::{config::read::Item, glob::Glob};

/// The content and the name of every file that matches, each once, in the order of the globs and then of the names.
pub(super) fn read(globs: &[Item<'_>]) -> Vec<(Vec<u8>, String)> {
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for item in globs {
        let Some(pattern) = item.path() else { continue };
        for path in expand(item, &pattern) {
            if !seen.insert(path.clone()) {
                continue;
            }
            match std::fs::read(&path) {
                Ok(bytes) => files.push((bytes, path.display().to_string())),
                Err(error) => item.error(format!("cannot read {}: {error}", path.display())),
            }
        }
    }
    files
}

/// The paths that match. A glob without a match is a warning, as the files may come later; a plain name is always one file.
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
        found.retain(|path| path.is_file());
        if found.is_empty() {
            item.warn("matches no file");
        }
    }
    found
}

/// The entries of a directory that match, sorted; hidden ones only where the glob says so.
fn matching(item: &Item<'_>, directory: &Path, glob: &Glob) -> Vec<PathBuf> {
    let shown = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = match std::fs::read_dir(shown) {
        Ok(entries) => entries,
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound || error.kind() == std::io::ErrorKind::NotADirectory =>
        {
            return Vec::new();
        }
        Err(error) => {
            item.error(format!("cannot read {}: {error}", shown.display()));
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            glob.matches(&name) && (!name.starts_with('.') || glob.as_str().starts_with('.'))
        })
        .map(|entry| directory.join(entry.file_name()))
        .collect();
    paths.sort();
    paths
}
