//! Files that only Rollcall writes and nobody else may read: what it remembers, and the locks on it.
//!
//! They may lie in a folder of somebody less trusted than the process: root looks at a daemon's state with `rollcall probe`.
//! So whoever owns that folder is taken to plant whatever it likes there:
//!
//! - no link is followed, neither to read, nor to write, nor to lock; what is no regular file is refused and nothing waits
//!   for it;
//! - a file is written to one beside it, of a random name that did not exist before and with the permissions 0600, synced, and
//!   renamed: a crash leaves the old one or the new one;
//! - root gives away nothing but a file that it has just made, by its descriptor, to the owner of the folder.
//!
//! The links of the folders on the way are followed: their owners are whoever chose the path.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{limited, refuse};

/// Names are drawn so often before it is given up.
const DRAWS: usize = 16;

/// Whoever waits for a lock looks this often.
const RETRY: Duration = Duration::from_millis(5);

/// Reads such a file of at most `longest` bytes.
pub fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    limited(open(path)?, longest)
}

/// Writes such a file anew: all of it or nothing.
pub fn write(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let (beside, file) = create_beside(path)?;
    let written = fill(path, &file, content).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The next start tidies up what this leaves.
        let _ = fs::remove_file(&beside);
        return written;
    }
    // The new name may be lost with the power, never with the process: where a folder cannot be synced, that has to do.
    if let Ok(folder) = File::open(folder(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Whether such a file could be written; to try is the only way to know. Leaves nothing behind.
pub fn try_write(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        meta => refuse(meta?.file_type())?,
    }
    let (beside, _) = create_beside(path)?;
    fs::remove_file(beside)
}

/// Removes what writers that were killed have left beside this file. Whoever calls it has the lock: nobody writes just now.
pub fn remove_leftovers(path: &Path) {
    let Ok(entries) = fs::read_dir(folder(path)) else { return };
    for entry in entries.flatten() {
        if is_beside(path, &entry.file_name().to_string_lossy()) {
            // A folder stays: none is ours.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A lock that other processes honour. The system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Somebody else has it.
    Taken,
    /// Its file cannot be used.
    Io(io::Error),
}

/// Takes the lock on this file, which is made where there is none, and holds nothing. It is never replaced, so that all lock
/// the same.
pub fn lock(path: &Path) -> Result<FileLock, LockError> {
    let file = open_or_create(path).map_err(LockError::Io)?;
    match file.try_lock() {
        Ok(()) => Ok(FileLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(LockError::Taken),
        Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
    }
}

/// The same, and waits so long for whoever has it. Blocks the thread, so a task calls it on another one.
#[allow(clippy::disallowed_methods, reason = "it says that it blocks, and there may be no runtime")]
pub fn lock_within(path: &Path, patience: Duration) -> Result<FileLock, LockError> {
    let limit = Instant::now() + patience;
    loop {
        match lock(path) {
            Err(LockError::Taken) if Instant::now() < limit => sleep(RETRY),
            ended => return ended,
        }
    }
}

/// Opens the file for reading.
fn open(path: &Path) -> io::Result<File> {
    refuse(fs::symlink_metadata(path)?.file_type())?;
    let file = options().read(true).open(path)?;
    refuse(file.metadata()?.file_type())?;
    Ok(file)
}

fn open_or_create(path: &Path) -> io::Result<File> {
    for _ in 0..DRAWS {
        match open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        match create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Ok(file) => {
                keep_owner(path, &file);
                return Ok(file);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("it comes and goes"))
}

/// A file that did not exist, beside the one that it is to become: `rollcall.state.0123456789abcdef.tmp`.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    for _ in 0..DRAWS {
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|error| io::Error::other(error.to_string()))?;
        let name = format!("{}.{:016x}{SUFFIX}", file_name(path)?, u64::from_ne_bytes(number));
        let beside = path.with_file_name(name);
        match create(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return Ok((beside, created?)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

const SUFFIX: &str = ".tmp";

/// Whether a file of this name was made to become the one at `path`.
fn is_beside(path: &Path, name: &str) -> bool {
    let number = || {
        let rest = name.strip_prefix(file_name(path).ok()?.as_ref())?;
        rest.strip_prefix('.')?.strip_suffix(SUFFIX)
    };
    number().is_some_and(|number| number.len() == 16 && number.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn file_name(path: &Path) -> io::Result<std::borrow::Cow<'_, str>> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it has no name"))?;
    Ok(name.to_string_lossy())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn fill(path: &Path, file: &File, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    keep_owner(path, file);
    let mut buffer = BufWriter::new(file);
    content(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    file.sync_all()
}

/// Makes a file that is not there. A link in its place counts as there, wherever it leads.
fn create(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn options() -> fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    let mut options = File::options();
    options.mode(0o600).custom_flags(super::flags(OFlags::NOFOLLOW | OFlags::NONBLOCK));
    options
}

#[cfg(not(unix))]
fn options() -> fs::OpenOptions {
    File::options()
}

/// What root writes with `probe` must stay readable for the daemon. It goes to the owner of the folder; where that is root, to
/// that of the file that it replaces. Nobody but root can give files away, or needs to.
#[cfg(unix)]
fn keep_owner(path: &Path, file: &File) {
    use std::os::unix::fs::{MetadataExt, fchown};
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = fs::metadata(folder(path)).ok().filter(|folder| folder.uid() != 0);
    let before = || fs::symlink_metadata(path).ok().filter(|before| before.is_file());
    if let Some(owner) = folder.or_else(before) {
        let _ = fchown(file, Some(owner.uid()), Some(owner.gid()));
    }
}

#[cfg(not(unix))]
fn keep_owner(_path: &Path, _file: &File) {}

#[cfg(all(test, unix))]
mod tests;
