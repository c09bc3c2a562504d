//! The result of a poll: its parts, each fresh, unchanged or failed.

use std::fmt;

use super::{Part, extra::is_left_alone, fingerprint::PartFingerprint};
use crate::{clock::UnixTime, failure::Failure};

/// The result of one poll.
#[derive(Debug, Default)]
pub struct Observation {
    /// Every part that exists, in the order of the exposition; a part that is not listed any more is gone.
    pub parts: Vec<(Box<str>, Outcome)>,
    /// The poll counts as failed although its parts are new: a session probe that got no answer is a datum too.
    pub failure: Option<Failure>,
    /// Nothing was asked: the parts tell again what an earlier poll has read.
    pub repeated: bool,
    /// There may be pools that no part tells of: the vendor did not list all that there is.
    pub incomplete: bool,
    /// When credentials end, where the vendor says: (`password`, `client_secret` or `certificate`, Unix time).
    pub credential_expiry: Vec<(&'static str, UnixTime)>,
    /// How the last try of each extra ended, of those that were ever tried.
    pub extras: Vec<(&'static str, Result<(), Failure>)>,
    /// What else could not be read, as a vendor's own metric tells; in words for people: (what, why).
    pub unread: Vec<(String, Failure)>,
    /// What `probe` and `check --connect` say of this poll besides, a line each.
    pub notes: Vec<String>,
}

impl Observation {
    /// An observation of a single part that came.
    pub fn single(part: Part) -> Observation {
        Observation { parts: vec![("".into(), Outcome::Fresh(part))], ..Observation::default() }
    }

    /// Agents and other rows of the parts that came.
    pub fn rows(&self) -> usize {
        let rows = self.parts.iter().map(|(_, outcome)| match outcome {
            Outcome::Fresh(part) => part.agents.len(),
            Outcome::Same(_) | Outcome::Failed(_) => 0,
        });
        rows.sum()
    }

    /// Whether an extra was refused, or is not there, so that it is left alone for a while.
    pub fn leaves_extras_alone(&self) -> bool {
        self.extras.iter().any(|(_, outcome)| outcome.as_ref().is_err_and(is_left_alone))
    }

    /// Adds a part that came.
    pub fn fresh(&mut self, key: impl Into<Box<str>>, part: Part) {
        self.parts.push((key.into(), Outcome::Fresh(part)));
    }

    /// Adds a part that exists and could not be read: what is known of it stays until it is stale, the poll is partial.
    pub fn failed(&mut self, key: impl Into<Box<str>>, failure: Failure) {
        self.parts.push((key.into(), Outcome::Failed(failure)));
    }
}

/// How the reading of one part (a pool, a chunk) ended.
#[derive(Debug)]
// There are few of them, and nearly all are new parts.
#[allow(clippy::large_enum_variant)]
pub enum Outcome {
    /// It came.
    Fresh(Part),
    /// It came, and is what the ledger holds already.
    Same(Same),
    /// It did not; the last good one stays.
    Failed(Failure),
}

impl Outcome {
    /// Why the poll is partial at best: the part failed, or most of it could not be read.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Outcome::Fresh(part) => part.defect.as_ref(),
            Outcome::Same(_) => None,
            Outcome::Failed(failure) => Some(failure),
        }
    }
}

/// A part that would be the one that the ledger holds, as it comes from the same answers. It is not read again unless the
/// ledger has to: another part may have got an agent of the same name.
pub struct Same {
    /// What both come from.
    pub fingerprint: PartFingerprint,
    read: Box<dyn FnOnce() -> Result<Part, Failure> + Send>,
}

impl Same {
    /// `read` makes the part from the answers.
    pub fn new(fingerprint: PartFingerprint, read: impl FnOnce() -> Result<Part, Failure> + Send + 'static) -> Same {
        Same { fingerprint, read: Box::new(read) }
    }

    /// The part, read after all.
    pub fn read(self) -> Result<Part, Failure> {
        let mut part = (self.read)()?;
        part.fingerprint = Some(self.fingerprint);
        Ok(part)
    }
}

impl fmt::Debug for Same {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Same").field("origin", &self.fingerprint).finish_non_exhaustive()
    }
}
