//! The files of a web configuration, and what they looked like when they were read: what looks as before is not read again.

use std::{
    cell::RefCell,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What a file looked like. A file that cannot be looked at looks like no other.
type Appearance = Option<(u64, Option<SystemTime>, (u64, i64, i64))>;

/// The files that were read, each as it looked just before.
#[derive(Debug, Default)]
pub struct ReadFiles(RefCell<Vec<(PathBuf, Appearance)>>);

impl ReadFiles {
    /// Reads a file of at most so many bytes. What is no plain file is not opened: a pipe would never end.
    pub(super) fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, String> {
        self.0.borrow_mut().push((path.to_owned(), appearance(path)));
        let explain = |error: io::Error| format!("cannot read {}: {error}", path.display());
        if !fs::metadata(path).map_err(explain)?.is_file() {
            return Err(format!("{} is not a plain file", path.display()));
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(explain)?;
        if bytes.len() > limit {
            return Err(format!("{} is larger than {limit} bytes", path.display()));
        }
        Ok(bytes)
    }

    /// Whether they all look as these do.
    pub fn look_like(&self, other: &ReadFiles) -> bool {
        *self.0.borrow() == *other.0.borrow()
    }

    /// The same files as they look now.
    pub fn now(&self) -> ReadFiles {
        let paths = self.0.borrow();
        ReadFiles(RefCell::new(paths.iter().map(|(path, _)| (path.clone(), appearance(path))).collect()))
    }
}

/// Size, time of change and, on Unix, what no tool can set back: the time of the last change of anything, and the number of
/// the file.
fn appearance(path: &Path) -> Appearance {
    let meta = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt;
        (meta.ino(), meta.ctime(), meta.ctime_nsec())
    };
    #[cfg(not(unix))]
    let identity = (0, 0, 0);
    Some((meta.len(), meta.modified().ok(), identity))
}
