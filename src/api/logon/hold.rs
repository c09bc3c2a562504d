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
    /// Whether it was no refusal that was seen, but no answer at all.
    #[serde(default)]
    pub suspect: bool,
    /// Whether the last refusal was that of a request aside: then one that is taken ends the hold.
    #[serde(default)]
    pub(super) aside: bool,
    /// The targets that wait, each with its address and credentials as configured (no secrets).
    targets: BTreeMap<String, String>,
}

impl Hold {
    /// Takes back what lies further ahead of `now` than a hold can.
    pub(super) fn limit(&mut self, now: UnixTime) {
        self.since = self.since.min(now);
        self.retry_at = self.retry_at.min(now.plus(LONGEST));
    }

    pub(super) fn new(now: UnixTime, worked: bool) -> Hold {
        Hold {
            since: now,
            refusals: 0,
            retry_at: now,
            worked,
            message: String::new(),
            suspect: false,
            aside: false,
            targets: BTreeMap::new(),
        }
    }

    /// One that begins with credentials that were sent and not answered.
    pub(super) fn unanswered(now: UnixTime) -> Hold {
        Hold { suspect: true, ..Hold::new(now, true) }
    }

    /// Notes a refusal and when the next try is due. `worked` is whether the secret had worked within a day: a hold that
    /// began without an answer has given it the benefit of the doubt.
    pub(super) fn refused(&mut self, now: UnixTime, worked: bool, message: &str) {
        if self.suspect {
            (self.worked, self.suspect) = (worked, false);
        }
        self.again(now, message);
    }

    /// Notes one more log-on that did not succeed, and when the next try is due.
    pub(super) fn again(&mut self, now: UnixTime, message: &str) {
        let wait = if self.worked { STEPS[self.refusals.min(STEPS.len() - 1)] } else { LONGEST };
        self.refusals += 1;
        self.retry_at = now.plus(wait);
        self.message = message.to_owned();
    }

    /// The next try is due now; a refusal then is one more in the row.
    pub(super) fn release(&mut self, now: UnixTime) {
        self.retry_at = self.retry_at.min(now);
    }

    /// A target comes under the hold; false where it is under it already with another `url` or `auth`: that ends the hold.
    pub(super) fn add_target(&mut self, target: &str, fingerprint: &str) -> bool {
        let known = self.targets.entry(target.to_owned()).or_insert_with(|| fingerprint.to_owned());
        known == fingerprint
    }

    /// A target now brings another secret; true where nobody waits for this hold any more.
    pub(super) fn remove_target(&mut self, target: &str) -> bool {
        self.targets.remove(target);
        self.targets.is_empty()
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
