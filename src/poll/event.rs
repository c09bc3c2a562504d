//! Events of the polls: emitting one writes the log line and moves the counter of the target, so the two cannot disagree.

use crate::{
    api::Warning,
    failure::{Failure, Reason},
    snapshot::Status,
};

/// A poll failed as a whole.
#[derive(Debug)]
pub struct PollFailed<'a> {
    /// Name of the target.
    pub target: &'a str,
    /// Why.
    pub failure: &'a Failure,
}

impl PollFailed<'_> {
    /// The first failure of a row is worth a warning, the rest is for who looks closely.
    pub fn emit(self, status: &mut Status) {
        status.count_failure(self.failure.reason);
        status.consecutive_failures += 1;
        let (target, error, reason) = (self.target, self.failure, self.failure.reason());
        let repeats = status.consecutive_failures;
        let changed = status.failure.as_ref().is_none_or(|before| before.reason != self.failure.reason);
        if repeats == 1 || (changed && self.failure.reason != Reason::Held) {
            tracing::warn!(%target, reason, %error, repeats, "Poll failed.");
        } else {
            tracing::debug!(%target, reason, %error, repeats, "Poll failed again.");
        }
    }
}

/// A poll was partial.
#[derive(Debug)]
pub struct PollPartial<'a> {
    /// Name of the target.
    pub target: &'a str,
    /// The parts that failed, and why.
    pub parts: &'a [(Box<str>, Failure)],
}

impl PollPartial<'_> {
    /// Counts it once, as `partial`. The first is worth a warning, however many parts failed.
    pub fn emit(self, status: &mut Status) {
        status.count_failure(Reason::Partial);
        let target = self.target;
        for (index, (part, error)) in self.parts.iter().enumerate() {
            let reason = error.reason();
            if index == 0 && !status.partial {
                let others = self.parts.len() - 1;
                tracing::warn!(%target, %part, reason, %error, others, "Part of a poll failed.");
            } else {
                tracing::debug!(%target, %part, reason, %error, "Part of a poll failed too.");
            }
        }
    }
}

/// A poll succeeded.
#[derive(Debug)]
pub struct PollSucceeded<'a> {
    /// Name of the target.
    pub target: &'a str,
    /// How many agents.
    pub agents: usize,
}

impl PollSucceeded<'_> {
    /// The recovery is worth a line, the rest is for who looks closely.
    pub fn emit(self, status: &mut Status) {
        let (target, agents, failures) = (self.target, self.agents, status.consecutive_failures);
        if failures > 0 {
            tracing::info!(%target, agents, failures, "Target answers again.");
        } else {
            tracing::debug!(%target, agents, "Polled.");
        }
        status.consecutive_failures = 0;
    }
}

/// Decode warnings in what the vendor sent.
#[derive(Debug)]
pub struct UnexpectedData<'a> {
    /// Name of the target.
    pub target: &'a str,
    /// Kind.
    pub warning: Warning,
    /// How many of this kind the poll saw.
    pub count: u64,
    /// Those that were not seen before.
    pub new_details: Vec<String>,
}

impl UnexpectedData<'_> {
    /// Counts all, tells each text once.
    pub fn emit(self, status: &mut Status) {
        status.warnings[self.warning as usize] += self.count;
        let (target, kind) = (self.target, self.warning.as_str());
        for what in self.new_details {
            tracing::warn!(%target, kind, what, "The vendor sent something odd.");
        }
    }
}

/// Polls fell away because one took too long.
#[derive(Debug)]
pub struct PollsSkipped<'a> {
    /// Name of the target.
    pub target: &'a str,
    /// How many.
    pub count: u64,
}

impl PollsSkipped<'_> {
    /// Counts them.
    pub fn emit(self, status: &mut Status) {
        status.skipped += self.count;
        tracing::debug!(target = %self.target, count = self.count, "Polls skipped, the one before took too long.");
    }
}
