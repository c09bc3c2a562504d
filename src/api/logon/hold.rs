//! One hold: since when, how often it was refused, when it is tried again, and which targets wait for it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixTime,
    failure::{Failure, Reason},
};

/// When a secret that had worked is tried again; the last step repeats.
const STEPS: [Duration; 3] = [Duration::from_secs(15 * 60), Duration::from_secs(3600), LONGEST];
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// A hold that nobody has tried to end for so long after its time is that of a target that is gone.
const FORGOTTEN: Duration = Duration::from_secs(7 * 86_400);

/// A hold on an identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: UnixTime,
    /// Refusals in a row.
    pub refusals: usize,
    /// Until then nothing is sent.
    pub retry_at: UnixTime,
    /// Whether the secret had worked within a day before the first refusal.
    pub worked: bool,
    /// What the vendor said, without secrets.
    pub message: String,
    /// Whether the last refusal was that of a request aside: then one that is taken ends the hold.
    #[serde(default)]
    pub(super) aside: bool,
    /// The targets that wait, each with its address and credentials as configured (no secrets).
    targets: BTreeMap<String, String>,
}

impl Hold {
    /// Takes back what lies further ahead of `now` than this hold can, as one that began under a wrong clock does.
    pub(super) fn limit(&mut self, now: UnixTime) {
        self.since = self.since.min(now);
        self.retry_at = self.retry_at.min(now.plus(self.wait(self.refusals.saturating_sub(1))));
    }

    /// How long it lasts after so many earlier refusals.
    fn wait(&self, earlier: usize) -> Duration {
        if self.worked { STEPS[earlier.min(STEPS.len() - 1)] } else { LONGEST }
    }

    pub(super) fn new(now: UnixTime, worked: bool) -> Hold {
        Hold {
            since: now,
            refusals: 0,
            retry_at: now,
            worked,
            message: String::new(),
            aside: false,
            targets: BTreeMap::new(),
        }
    }

    /// Notes a refusal and when the next try is due.
    pub(super) fn refused(&mut self, now: UnixTime, message: &str) {
        self.retry_at = now.plus(self.wait(self.refusals));
        self.refusals += 1;
        self.message = message.to_owned();
    }

    /// The next try is due at this time, where it was due later; a refusal then is one more in the row. Says whether it was.
    pub(super) fn advance(&mut self, to: UnixTime) -> bool {
        let later = self.retry_at > to;
        self.retry_at = self.retry_at.min(to);
        later
    }

    /// A target comes under the hold. Says whether that asks for another try: it is under it already with another `url` or
    /// `auth`, or all had left for other secrets and this one is back.
    pub(super) fn add_target(&mut self, target: &str, fingerprint: &str) -> bool {
        let is_back = self.targets.is_empty();
        let before = self.targets.insert(target.to_owned(), fingerprint.to_owned());
        is_back || before.is_some_and(|before| before != fingerprint)
    }

    /// A target now brings another secret; says whether it was under this hold.
    pub(super) fn remove_target(&mut self, target: &str) -> bool {
        self.targets.remove(target).is_some()
    }

    /// Whether nobody has waited for it for so long that it says nothing any more.
    pub(super) fn is_over(&self, now: UnixTime) -> bool {
        let kept = if self.targets.is_empty() { LONGEST } else { FORGOTTEN };
        now.since(self.retry_at) > kept
    }

    /// Adds what another one knows of the same refusals.
    pub(super) fn merge(&mut self, other: &Hold) {
        let targets = std::mem::take(&mut self.targets);
        if (other.refusals, other.retry_at) > (self.refusals, self.retry_at) {
            *self = other.clone();
        }
        self.targets.extend(targets);
    }

    pub(super) fn has(&self, target: &str) -> bool {
        self.targets.contains_key(target)
    }

    pub(super) fn failure(&self, now: UnixTime) -> Failure {
        let message = format!(
            "log-ons are held since {} ({}); next try at {} unless the secret, auth or url changes",
            self.since, self.message, self.retry_at
        );
        let retry_after = Some(self.retry_at.since(now));
        Failure { retry_after, ..Failure::new(Reason::Held, message) }
    }
}
