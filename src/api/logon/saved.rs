//! Identities in the state files of earlier versions, which kept them there, with a bcrypt hash of each secret. They move to the
//! file of log-ons where there is none yet, and get a tag there once a target is found to bring them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    Hold, Logons,
    identity::{Identity, KnownSecret, fold},
    record::Record,
};
use crate::{clock::UnixTime, config::secret::SecretText};

/// Cost of the hashes: some 5 ms each.
const COST: u32 = 6;

/// bcrypt reads this much, in bytes; of longer secrets it hashes their SHA-256.
const LONGEST: usize = 72;

/// What a hash is made with.
pub(super) type Salt = [u8; 16];

/// An identity in the state file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedIdentity {
    vendor: String,
    username: String,
    secret_bcrypt: String,
    last_accepted: Option<UnixTime>,
    hold: Option<Hold>,
}

impl SavedIdentity {
    /// Takes back what lies ahead of `now`, as a state written under a wrong clock does: no hold is longer than its longest.
    pub fn limit(&mut self, now: UnixTime) {
        self.last_accepted = self.last_accepted.map(|at| at.min(now));
        if let Some(hold) = &mut self.hold {
            hold.limit(now);
        }
    }
}

impl Logons {
    /// Those that could not be moved, and stay where they are.
    pub fn save(&self) -> Vec<SavedIdentity> {
        let identities = self.lock();
        let waiting =
            identities.iter().filter(|identity| identity.unsaved).filter_map(|identity| match &identity.secret {
                KnownSecret::Bcrypt(hash) => Some(SavedIdentity {
                    vendor: identity.vendor.clone(),
                    username: identity.username.clone(),
                    secret_bcrypt: hash.clone(),
                    last_accepted: identity.record.last_accepted,
                    hold: identity.record.hold.clone(),
                }),
                _ => None,
            });
        waiting.collect()
    }

    /// Takes up what an earlier version has saved, where there is no file of log-ons yet. At a start, as it writes the file.
    pub fn restore(&self, saved: Vec<SavedIdentity>, now: UnixTime) {
        let Some(file) = &self.shared.file else { return };
        if saved.is_empty() || !matches!(file.read(), Ok(None)) {
            return;
        }
        let mut identities: Vec<Identity> = saved
            .into_iter()
            .map(|saved| {
                let record = Record::new(saved.last_accepted, saved.hold);
                Identity::new(saved.vendor, fold(&saved.username), KnownSecret::Bcrypt(saved.secret_bcrypt), record)
            })
            .collect();
        let moved = file.open().and_then(|mut open| {
            for identity in &identities {
                identity.who().store(&mut open.content, identity.record.clone());
            }
            open.save(now)
        });
        identities.iter_mut().for_each(|identity| identity.unsaved = moved.is_err());
        self.report(moved.as_ref().err());
        self.lock().extend(identities);
    }
}

/// The hash of a secret with this salt; none where bcrypt cannot make one.
pub(super) fn hash(secret: &SecretText, salt: Salt) -> Option<String> {
    bcrypt::hash_with_salt(digestible(secret), COST, salt).ok().map(|parts| parts.to_string())
}

/// The salt that a hash was made with; none of a text that is no hash of ours.
pub(super) fn salt_of(hash: &str) -> Option<Salt> {
    let parts: bcrypt::HashParts = hash.parse().ok()?;
    (parts.get_cost() == COST).then(|| parts.get_salt_raw())
}

fn digestible(secret: &SecretText) -> Vec<u8> {
    let bytes = secret.expose().as_bytes();
    if bytes.len() < LONGEST { bytes.to_vec() } else { STANDARD.encode(digest(&SHA256, bytes)).into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_secret_is_known_again_from_the_state_files_of_all_versions() {
        let secret = SecretText::new("x".repeat(100));
        assert_eq!(digestible(&secret), b"Cey268i878cz9vLsRPeRq+7WqZ7fDMMVGWN4mK69Utg=");
    }
}
