//! `state_file`: where it is, and whether it can be written.

use std::path::{Path, PathBuf};

use super::ParseOptions;
use crate::{
    config::read::{Item, Section},
    file::private,
};

/// Empty: where systemd gives a directory, in there; else nowhere.
pub(super) fn read(root: &Section<'_>, options: &ParseOptions<'_>) -> Option<PathBuf> {
    let text = root.text("state_file", "");
    if !text.is_empty() {
        let path = options.base_dir.join(text);
        // The daemon sees for itself.
        if let Some(item) = root.get("state_file").filter(|_| options.strict) {
            warn_unless_writable(&item, &path);
        }
        return Some(path);
    }
    // systemd separates several directories with colons; the first is ours.
    let directory = options.state_directory.as_deref()?.to_str()?.split(':').next()?;
    (!directory.trim().is_empty()).then(|| Path::new(directory).join("rollcall.state"))
}

/// Warns where a file cannot be written.
fn warn_unless_writable(item: &Item<'_>, path: &Path) {
    if path.is_dir() {
        item.warn(format!("{} is a folder; a file is wanted", path.display()));
        return;
    }
    if let Err(error) = private::try_write(path) {
        let message = "log-on holds and alerts will not survive a restart";
        item.warn(format!("cannot write {}: {error}; {message}", path.display()));
    }
}
