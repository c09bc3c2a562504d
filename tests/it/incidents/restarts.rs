//! Restarts at each stage of every incident.

use super::{
    WELL,
    costs::{LASTS, SYNC_STUCK_LASTS},
};

/// Who is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarted {
    /// Killed; its data stay.
    Prometheus,
    /// Ended in order, as it writes whom it has told of what only then, and every 15 minutes; its data stay.
    Alertmanager,
    /// Killed; it has a state file.
    Daemon,
    /// Killed; it has none.
    DaemonWithoutState,
}

/// What happens in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The incident of this fleet begins.
    Begin(usize),
    /// It ends.
    End(usize),
    /// No vendor answers.
    Blind,
    /// All of them answer.
    See,
    /// Somebody is started again.
    Restart,
}

/// When nothing can be read: for longer than data stay fresh, and not for so long that a ticket is due for that.
const BLIND: u64 = WELL + 42;
const SEES: u64 = BLIND + 12;

/// The restarts, in minutes. All incidents but sync-stuck are at the same stage.
pub const STEPS: [(u64, Step); 8] = [
    // sync-stuck is pending.
    (15, Step::Restart),
    // All others are: none has fired.
    (WELL + 4, Step::Restart),
    // Everything fires.
    (WELL + 38, Step::Restart),
    // What was read last is too old, and what fires is held.
    (BLIND, Step::Blind),
    (BLIND + 10, Step::Restart),
    (SEES, Step::See),
    // They have ended, and are kept firing.
    (WELL + LASTS + 4, Step::Restart),
    (5 + SYNC_STUCK_LASTS + 4, Step::Restart),
];
