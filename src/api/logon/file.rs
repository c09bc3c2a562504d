//! The file of log-ons, `<state_file>.logons`: what every process knows that shares the state file.
//!
//! It is read, changed and written under a lock of its own, in a moment, while a daemon runs as well: before a password leaves
//! and when it is known what became of it. It holds no secret: of each only a short tag under a key of the file's own, by which
//! it is known again, and which fits one of a million others.
//!
//! No link is followed, and nothing that is no file is waited for. It is replaced by a file that was made beside it, so that a
//! crash leaves the old or the new one.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::record::Record;
use crate::{clock::UnixTime, config::secret::SecretText};

/// The format that this version writes.
const VERSION: u32 = 1;

/// Whoever has the lock for longer than this hangs.
const BUSY: Duration = Duration::from_secs(2);

/// No file of log-ons is longer.
const LONGEST: u64 = 64 << 20;

/// What tags are made with.
pub(super) type Key = [u8; blake3::KEY_LEN];

/// Where the log-ons are kept.
#[derive(Debug, Clone)]
pub struct LogonFile {
    path: PathBuf,
}

/// Why they are not.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Somebody else has the lock.
    #[error("{path} is locked by another rollcall that does not let go of it")]
    Busy {
        /// The file.
        path: String,
    },
    /// It is of a version that is not known, and is left as it is.
    #[error("{path} is of version {version}, this rollcall knows {VERSION}")]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        version: u32,
    },
    /// It cannot be read or written.
    #[error("cannot {what} {path}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: String,
        /// Why not.
        error: io::Error,
    },
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    version: u32,
    key: Key,
    pub identities: Vec<Stored>,
}

/// An identity in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub vendor: String,
    pub username: String,
    pub tag: String,
    #[serde(flatten)]
    pub record: Record,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Content {
    fn new() -> io::Result<Content> {
        let mut key = Key::default();
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Content { version: VERSION, key, identities: Vec::new() })
    }

    /// What tags are made with.
    pub fn key(&self) -> Key {
        self.key
    }
}

/// The tag of a secret under this key: 20 bits, so that a file that gets lost gives nobody a password to try in vain until it
/// fits. One new password of a million is taken for the one before, and waits until the hold of that ends.
pub(super) fn tag(key: &Key, vendor: &str, username: &str, secret: &SecretText) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in [vendor, username, secret.expose()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..5].to_owned()
}

/// The file under its lock.
pub(super) struct Open<'a> {
    file: &'a LogonFile,
    /// The system takes it back when the process ends, however it ends.
    _lock: File,
    before: Option<Content>,
    pub content: Content,
}

impl LogonFile {
    /// The one that belongs to this state file.
    pub fn beside(state_file: &Path) -> LogonFile {
        LogonFile { path: with_extension(state_file, "logons") }
    }

    /// What it says; none where there is no file yet. It needs no lock, as files are replaced whole.
    pub(super) fn read(&self) -> Result<Option<Content>, FileError> {
        let read = || -> io::Result<Option<Vec<u8>>> {
            let file = match open_file(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            let mut bytes = Vec::new();
            file.take(LONGEST).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        };
        let Some(bytes) = read().map_err(|error| self.io("read", error))? else { return Ok(None) };
        match serde_json::from_slice::<Content>(&bytes) {
            Ok(content) if content.version == VERSION => Ok(Some(content)),
            _ => match serde_json::from_slice::<Version>(&bytes) {
                Ok(Version { version }) if version > VERSION => {
                    Err(FileError::Newer { path: self.path.display().to_string(), version })
                }
                // The position is enough: what stands there could be a name that nobody wants in a log.
                _ => Err(self.io("understand", io::ErrorKind::InvalidData.into())),
            },
        }
    }

    /// Takes the lock and reads it. A damaged file is set aside: what it said is lost, as without it.
    pub(super) fn open(&self) -> Result<Open<'_>, FileError> {
        let lock = self.lock()?;
        let before = match self.read() {
            Err(FileError::Io { what: "understand", .. }) => {
                let aside = with_extension(&self.path, "damaged");
                fs::rename(&self.path, &aside).map_err(|error| self.io("set aside", error))?;
                tracing::error!(file = %self.path.display(), aside = %aside.display(), "The file of log-ons is damaged; it was set aside.");
                None
            }
            read => read?,
        };
        let content = match &before {
            Some(content) => content.clone(),
            None => Content::new().map_err(|error| self.io("make", error))?,
        };
        Ok(Open { file: self, _lock: lock, before, content })
    }

    // It is called at the start, and from then on where blocking is allowed.
    #[allow(clippy::disallowed_methods)]
    fn lock(&self) -> Result<File, FileError> {
        let path = with_extension(&self.path, "lock");
        let open = || match open_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.create(&path) {
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_file(&path),
                created => created,
            },
            opened => opened,
        };
        let file = open().map_err(|error| self.io("lock", error))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if begun.elapsed() < BUSY => thread::sleep(Duration::from_millis(5)),
                Err(TryLockError::WouldBlock) => return Err(FileError::Busy { path: self.path.display().to_string() }),
                Err(TryLockError::Error(error)) => return Err(self.io("lock", error)),
            }
        }
    }

    /// A file that was not there before, for the owner of the folder alone: what root makes with `probe` stays usable for the
    /// daemon. Only a file that was just made changes its owner.
    fn create(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            let folder = fs::metadata(self.folder())?;
            if file.metadata()?.uid() != folder.uid() {
                // Nobody but root can, or needs to.
                let _ = fchown(&file, Some(folder.uid()), Some(folder.gid()));
            }
        }
        Ok(file)
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn io(&self, what: &'static str, error: io::Error) -> FileError {
        FileError::Io { what, path: self.path.display().to_string(), error }
    }
}

impl Open<'_> {
    /// Writes it, where it has changed.
    pub fn save(mut self, now: UnixTime) -> Result<(), FileError> {
        self.content.identities.retain_mut(|stored| stored.record.prune(now));
        if self.before.as_ref() == Some(&self.content) {
            return Ok(());
        }
        self.write().map_err(|error| self.file.io("write", error))
    }

    fn write(&self) -> io::Result<()> {
        self.sweep();
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let beside = with_extension(&self.file.path, &format!("{:016x}.tmp", u64::from_le_bytes(random)));
        let mut file = self.file.create(&beside)?;
        let mut write = || -> io::Result<()> {
            file.write_all(&serde_json::to_vec(&self.content)?)?;
            file.sync_all()?;
            fs::rename(&beside, &self.file.path)
        };
        write().inspect_err(|_| drop(fs::remove_file(&beside)))
    }

    /// Removes what processes have left that were killed while they wrote: the lock is ours, so nobody else writes now.
    fn sweep(&self) {
        let name = self.file.path.file_name().unwrap_or_default().to_string_lossy().into_owned() + ".";
        for entry in fs::read_dir(self.file.folder()).into_iter().flatten().flatten() {
            let other = entry.file_name().to_string_lossy().into_owned();
            if other.strip_prefix(&name).is_some_and(|rest| rest.len() == 20 && rest.ends_with(".tmp")) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Opens a file for reading: not through a link, and not where it is none. A pipe would be waited for.
fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file")),
    }
}

fn with_extension(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".");
    name.push(extension);
    name.into()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    const NOW: UnixTime = UnixTime::from_secs(1_000_000);

    fn stored(username: &str) -> Stored {
        let record = Record::new(Some(NOW), None);
        Stored { vendor: "v".to_owned(), username: username.to_owned(), tag: "0a1b2".to_owned(), record }
    }

    fn add(file: &LogonFile, username: &str) -> Result<(), FileError> {
        let mut open = file.open()?;
        open.content.identities.push(stored(username));
        open.save(NOW)
    }

    #[test]
    fn what_each_process_adds_is_kept_for_nobody_else_to_read() {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let state = folder.path().join("rollcall.state");
        let file = LogonFile::beside(&state);
        assert_eq!(file.read().expect("no file is fine"), None);
        thread::scope(|scope| {
            for index in 0..8 {
                let file = &file;
                scope.spawn(move || add(file, &format!("u{index}")).expect("it can be written"));
            }
        });
        let content = file.read().expect("it can be read").expect("it is there");
        assert_eq!(content.identities.len(), 8);
        for name in ["rollcall.state.logons", "rollcall.state.logons.lock"] {
            let mode = fs::metadata(folder.path().join(name)).expect("it is there").mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing else is left");
    }

    #[test]
    fn links_pipes_and_folders_in_its_place_are_errors_and_not_followed() {
        for name in ["rollcall.state.logons", "rollcall.state.logons.lock"] {
            for kind in ["link", "folder", "pipe"] {
                let folder = tempfile::tempdir().expect("the temporary folder can be written");
                let (place, other) = (folder.path().join(name), folder.path().join("other"));
                fs::write(&other, "not ours").expect("it can be written");
                match kind {
                    "link" => std::os::unix::fs::symlink(&other, &place).expect("a link"),
                    "folder" => fs::create_dir(&place).expect("a folder"),
                    _ => {
                        let made = std::process::Command::new("mkfifo").arg(&place).status();
                        assert!(made.expect("mkfifo is everywhere").success());
                    }
                }
                let file = LogonFile::beside(&folder.path().join("rollcall.state"));
                add(&file, "u").expect_err("it is no file of ours");
                assert_eq!(fs::read_to_string(&other).expect("it is there"), "not ours", "{name} {kind}");
            }
        }
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_one_of_a_newer_version_stays() {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let file = LogonFile::beside(&folder.path().join("rollcall.state"));
        add(&file, "u").expect("it can be written");
        let good = fs::read(&file.path).expect("it is there");
        for cut in (0..good.len()).step_by(7) {
            fs::write(&file.path, &good[..cut]).expect("it can be written");
            add(&file, "u").expect("it begins anew");
            assert_eq!(fs::read(folder.path().join("rollcall.state.logons.damaged")).expect("kept"), good[..cut]);
        }
        let newer = r#"{"version":2,"logons":[]}"#;
        fs::write(&file.path, newer).expect("it can be written");
        assert!(matches!(add(&file, "u"), Err(FileError::Newer { version: 2, .. })));
        assert_eq!(fs::read_to_string(&file.path).expect("it is there"), newer);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let file = LogonFile::beside(&folder.path().join("rollcall.state"));
        let left = folder.path().join("rollcall.state.logons.0123456789abcdef.tmp");
        fs::write(&left, "{").expect("it can be written");
        add(&file, "u").expect("it can be written");
        assert!(!left.exists());
    }
}
