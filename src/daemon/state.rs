//! The state file: since-when, log-on holds, known pools and alerts survive a restart.
//!
//! It is written to a file beside it and renamed, so that a crash leaves the old or the new one. A damaged file is set
//! aside and costs no start.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    alert::state::SavedAlerts, api::logon::saved::SavedIdentity, clock::UnixTime, poll::SavedFleet,
    snapshot::SavedTarget,
};

/// The format that this version writes.
const VERSION: u32 = 1;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// When it was written.
    pub saved_at: UnixTime,
    /// Log-on holds, and which secrets have worked.
    pub identities: Vec<SavedIdentity>,
    /// Targets by name.
    pub targets: BTreeMap<String, SavedTarget>,
    /// Alerts that are pending or fire; a file of an earlier version has none.
    #[serde(default)]
    pub alerts: SavedAlerts,
}

/// Where the state is kept.
#[derive(Debug, Clone)]
pub struct StateFile {
    path: PathBuf,
}

/// Why the state could not be kept or taken up.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file is there and cannot be used.
    #[error("state file {path} is damaged ({reason})")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The same; it was set aside.
    #[error("state file {path} is damaged ({reason}); it was moved to {aside}, and the daemon begins without it")]
    SetAside {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
        /// Where it is now.
        aside: String,
    },
    /// A daemon keeps its state there.
    #[error("state file {path} is in use by another rollcall; give each daemon its own state_file")]
    InUse {
        /// The file.
        path: String,
    },
    /// It cannot be read or written.
    #[error("cannot {what} state file {path}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: String,
        /// Why not.
        error: io::Error,
    },
}

impl State {
    /// A state as of now.
    pub fn new(saved_at: UnixTime, fleet: SavedFleet, alerts: SavedAlerts) -> State {
        let SavedFleet { identities, targets } = fleet;
        State { version: VERSION, saved_at, identities, targets, alerts }
    }

    /// Takes back what lies ahead of `now`, as a state written under a wrong clock does.
    pub fn limit(&mut self, now: UnixTime) {
        self.identities.iter_mut().for_each(|identity| identity.limit(now));
        self.targets.values_mut().for_each(|target| target.limit(now));
    }

    /// Takes up identities, in place of what is known of the same ones.
    pub fn note(&mut self, now: UnixTime, identities: &[SavedIdentity]) {
        self.saved_at = now;
        self.identities.retain(|known| !identities.iter().any(|identity| identity.is_same(known)));
        self.identities.extend_from_slice(identities);
    }

    /// Whether both are the same but for the time at which they were written.
    pub fn is_same_content(&self, other: &State) -> bool {
        self.identities == other.identities && self.targets == other.targets && self.alerts == other.alerts
    }
}

impl Default for State {
    fn default() -> State {
        State::new(UnixTime::default(), SavedFleet::default(), SavedAlerts::default())
    }
}

/// The right to write a state file. The system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct StateLock {
    _file: fs::File,
}

impl StateFile {
    /// The state is kept in this file.
    pub fn new(path: impl Into<PathBuf>) -> StateFile {
        StateFile { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was saved, for the daemon that goes on with it: a damaged file is set aside.
    pub fn load(&self) -> Result<State, StateError> {
        self.read().map_err(|error| match error {
            StateError::Damaged { path, reason } => {
                let aside = self.beside("damaged");
                match fs::rename(&self.path, &aside) {
                    Ok(()) => StateError::SetAside { path, reason, aside: aside.display().to_string() },
                    Err(error) => self.io("set aside", error),
                }
            }
            error => error,
        })
    }

    /// What was saved; empty where there is no file yet. The file stays as it is.
    pub fn read(&self) -> Result<State, StateError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            Err(error) => return Err(self.io("read", error)),
        };
        let reason = match serde_json::from_slice::<State>(&text) {
            Ok(state) if state.version == VERSION => return Ok(state),
            Ok(state) => format!("version {} instead of {VERSION}", state.version),
            // The position is enough: the text around it could be a name that nobody wants in a log.
            Err(error) => format!("line {}, column {}", error.line(), error.column()),
        };
        Err(StateError::Damaged { path: self.path.display().to_string(), reason })
    }

    /// Keeps other processes from writing the file as long as the lock lives: it is on a file beside this one, which is
    /// replaced with each writing. Fails with `InUse` where somebody else has it.
    pub fn lock(&self) -> Result<StateLock, StateError> {
        let beside = self.beside("lock");
        let open = || match fs::File::open(&beside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = fs::File::create(&beside)?;
                self.keep_owner(&file);
                Ok(file)
            }
            opened => opened,
        };
        let file = open().map_err(|error| self.io("lock", error))?;
        match file.try_lock() {
            Ok(()) => Ok(StateLock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(StateError::InUse { path: self.path.display().to_string() }),
            Err(fs::TryLockError::Error(error)) => Err(self.io("lock", error)),
        }
    }

    /// Changes what is saved, for whoever is no daemon. Fails with `InUse` while one runs, and leaves a damaged file as it is.
    pub fn update(&self, change: impl FnOnce(&mut State)) -> Result<(), StateError> {
        let _lock = self.lock()?;
        let mut state = self.read()?;
        change(&mut state);
        self.save(&state)
    }

    /// Writes it, readable for the daemon's user only.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        let beside = self.beside("tmp");
        let write = || -> io::Result<()> {
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&beside)?;
            self.keep_owner(&file);
            let mut buffer = io::BufWriter::new(&mut file);
            serde_json::to_writer(&mut buffer, state)?;
            buffer.flush()?;
            drop(buffer);
            file.sync_all()?;
            fs::rename(&beside, &self.path)
        };
        write().map_err(|error| self.io("write", error))
    }

    /// What root writes with `probe` must stay readable for the daemon: it belongs to whom the file belongs, or the folder
    /// where there is none yet. Nobody else can give files away, or needs to.
    #[cfg(unix)]
    fn keep_owner(&self, file: &fs::File) {
        use std::os::unix::fs::{MetadataExt, fchown};
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Ok(owner) = fs::metadata(&self.path).or_else(|_| fs::metadata(folder)) {
            let _ = fchown(file, Some(owner.uid()), Some(owner.gid()));
        }
    }

    #[cfg(not(unix))]
    fn keep_owner(&self, _file: &fs::File) {}

    /// A file in the same folder: `rollcall.state.tmp`.
    fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(extension);
        name.into()
    }

    fn io(&self, what: &'static str, error: io::Error) -> StateError {
        StateError::Io { what, path: self.path.display().to_string(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("rollcall-state-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        folder
    }

    #[test]
    fn what_is_saved_comes_back() {
        let folder = folder("back");
        let file = StateFile::new(folder.join("rollcall.state"));
        assert_eq!(file.load().expect("no file is an empty state"), State::default());
        let targets =
            BTreeMap::from([("t".to_owned(), SavedTarget { vendor: "resilio".to_owned(), ..Default::default() })]);
        let state =
            State::new(UnixTime::from_secs(5), SavedFleet { targets, ..SavedFleet::default() }, SavedAlerts::default());
        file.save(&state).expect("it can be written");
        assert_eq!(file.load().expect("it can be read"), state);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(file.path()).expect("it is there"));
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::remove_dir_all(folder).expect("it is ours");
    }

    #[test]
    fn one_process_at_a_time_may_write() {
        let folder = folder("lock");
        let file = StateFile::new(folder.join("rollcall.state"));
        let lock = file.lock().expect("nobody else has it");
        let other = StateFile::new(file.path()).lock().expect_err("it is taken");
        assert!(matches!(other, StateError::InUse { .. }), "{other}");
        assert!(matches!(file.update(|_| ()), Err(StateError::InUse { .. })), "a look changes nothing then");
        drop(lock);
        file.update(|state| state.saved_at = UnixTime(5)).expect("it is free again");
        assert_eq!(file.load().expect("of this version").saved_at, UnixTime(5));
        fs::remove_dir_all(folder).expect("it is ours");
    }

    #[test]
    fn what_one_look_notes_leaves_what_another_has_noted() {
        let identity = |username: &str, accepted: Option<i64>| -> SavedIdentity {
            let json = serde_json::json!({
                "vendor": "parallels_ras", "username": username, "secret_bcrypt": "$2b$06$x", "last_accepted": accepted, "hold": null,
            });
            serde_json::from_value(json).expect("as it is saved")
        };
        let mut state = State::new(
            UnixTime(1),
            SavedFleet { identities: vec![identity("a", None), identity("b", None)], ..SavedFleet::default() },
            SavedAlerts::default(),
        );
        state.note(UnixTime(2), &[identity("b", Some(2)), identity("c", None)]);
        assert_eq!(state.identities, [identity("a", None), identity("b", Some(2)), identity("c", None)]);
        assert_eq!(state.saved_at, UnixTime(2));
    }

    #[test]
    fn a_file_from_before_there_were_alerts_is_taken_up() {
        let folder = folder("earlier");
        let file = StateFile::new(folder.join("rollcall.state"));
        let text = r#"{"version":1,"saved_at":5000,"identities":[],"targets":{}}"#;
        fs::write(file.path(), text).expect("it can be written");
        assert_eq!(file.load().expect("it is whole").saved_at, UnixTime(5000));
        fs::remove_dir_all(folder).expect("it is ours");
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_said() {
        let folder = folder("damaged");
        let file = StateFile::new(folder.join("rollcall.state"));
        for damage in ["{\"version\":1,", "{\"version\":99,\"saved_at\":0,\"identities\":[],\"targets\":{}}", "\0\0\0"]
        {
            fs::write(file.path(), damage).expect("it can be written");
            let error = file.read().expect_err("it is damaged");
            assert!(matches!(error, StateError::Damaged { .. }), "{error}");
            assert!(file.path().exists(), "a look moves nothing");
            let error = file.load().expect_err("it is damaged");
            assert!(matches!(error, StateError::SetAside { .. }), "{error}");
            assert!(!file.path().exists());
            assert_eq!(fs::read_to_string(folder.join("rollcall.state.damaged")).expect("it is kept"), damage);
            assert_eq!(file.load().expect("the next start is clean"), State::default());
        }
        fs::remove_dir_all(folder).expect("it is ours");
    }
}
