//! The state file: since-when, log-on holds, known pools and alerts survive a restart.
//!
//! How it is read, written and locked is that of [`private`]: a crash leaves the old or the new one, and no link is followed.
//! A damaged file is set aside and costs no start. Of a file of a newer version what is understood is taken up, and a copy
//! stays for whoever goes back to that version.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    alert::state::SavedAlerts,
    api::logon::saved::SavedIdentity,
    clock::UnixTime,
    file::private::{self, FileLock, LockError},
    poll::SavedFleet,
    snapshot::SavedTarget,
};

/// The format that this version writes.
const VERSION: u32 = 1;

/// A longer file is none of ours: a fleet of ten thousand targets has some 50 MB.
const LONGEST: u64 = 1 << 30;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// When it was written.
    pub saved_at: UnixTime,
    /// Log-on holds of an earlier version, and which secrets have worked, until they have moved to the file of log-ons.
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

impl StateFile {
    /// The state is kept in this file.
    pub fn new(path: impl Into<PathBuf>) -> StateFile {
        StateFile { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was saved, for the daemon that goes on with it and has the lock: a damaged file is set aside, one of a newer
    /// version copied, and what a daemon that was killed has left beside it goes.
    pub fn load(&self) -> Result<State, StateError> {
        private::remove_leftovers(&self.path);
        let state = self.read().map_err(|error| match error {
            StateError::Damaged { path, reason } => {
                let aside = self.beside("damaged");
                match fs::rename(&self.path, &aside) {
                    Ok(()) => StateError::SetAside { path, reason, aside: aside.display().to_string() },
                    Err(error) => self.io("set aside", error),
                }
            }
            error => error,
        })?;
        if state.version > VERSION {
            let copy = self.beside(&format!("version-{}", state.version));
            let bytes = private::read(&self.path, LONGEST).map_err(|error| self.io("read", error))?;
            private::write(&copy, |file| file.write_all(&bytes)).map_err(|error| self.io("copy", error))?;
            let (version, copy) = (state.version, copy.display());
            tracing::warn!(version, %copy, "The state file is of a newer version: what this one understands is taken up.");
        }
        Ok(state)
    }

    /// What was saved; empty where there is no file yet, and what is understood of one of a newer version. The file stays as
    /// it is.
    pub fn read(&self) -> Result<State, StateError> {
        match private::read(&self.path, LONGEST) {
            Ok(text) => {
                parse(&text).map_err(|reason| StateError::Damaged { path: self.path.display().to_string(), reason })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(self.io("read", error)),
        }
    }

    /// Keeps other processes from writing the file as long as the lock lives: it is on a file beside this one, which is
    /// replaced with each writing. Fails with `InUse` where somebody else has it.
    pub fn lock(&self) -> Result<FileLock, StateError> {
        private::lock(&self.beside("lock")).map_err(|error| match error {
            LockError::Taken => StateError::InUse { path: self.path.display().to_string() },
            LockError::Io(error) => self.io("lock", error),
        })
    }

    /// Writes it, readable for the daemon's user only.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        let write = |file: &mut dyn io::Write| Ok(serde_json::to_writer(file, state)?);
        private::write(&self.path, write).map_err(|error| self.io("write", error))
    }

    /// A file in the same folder: `rollcall.state.lock`.
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

/// Reads the text of a state file; fails with what is wrong with it.
fn parse(text: &[u8]) -> Result<State, String> {
    #[derive(Deserialize)]
    struct Header {
        version: u32,
    }
    // The position is enough: the text around it could be a name that nobody wants in a log.
    let place = |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    match serde_json::from_slice(text).map_err(place)? {
        Header { version: VERSION } => serde_json::from_slice(text).map_err(place),
        Header { version: 0 } => Err(format!("version 0 instead of {VERSION}")),
        Header { version } => serde_json::from_slice(text).map_err(place).map(|value| understood(version, value)),
    }
}

/// What a file of a newer version says in the words of this one. What it says otherwise is left out, row by row: one odd
/// target costs no hold.
fn understood(version: u32, mut value: Value) -> State {
    fn one<T: DeserializeOwned>(value: Value) -> Option<T> {
        serde_json::from_value(value).ok()
    }
    fn map<T: DeserializeOwned>(value: Value) -> BTreeMap<String, T> {
        let Value::Object(rows) = value else { return BTreeMap::new() };
        rows.into_iter().filter_map(|(name, row)| Some((name, one(row)?))).collect()
    }
    let mut take = |path: &str| value.pointer_mut(path).map_or(Value::Null, Value::take);
    let identities = match take("/identities") {
        Value::Array(rows) => rows,
        _ => Vec::new(),
    };
    State {
        version,
        saved_at: one(take("/saved_at")).unwrap_or_default(),
        identities: identities.into_iter().filter_map(one).collect(),
        targets: map(take("/targets")),
        alerts: SavedAlerts { targets: map(take("/alerts/targets")) },
    }
}

#[cfg(test)]
mod tests;
