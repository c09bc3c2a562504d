//! Holds in the state file. Of a secret only a [`SecretTag`] is kept there, to recognise it after a restart; the first version
//! kept a bcrypt hash, which is still recognised, and replaced by the tag then.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{Hold, Identity, KnownSecret, Logons, SecretTag};
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_tag: Option<SecretTag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_bcrypt: Option<String>,
    last_accepted: Option<UnixTime>,
    hold: Option<Hold>,
}

impl SavedIdentity {
    /// Whether this is of the same vendor, user and secret as `former` is, or may be where that has a hash of the first version:
    /// one that was not recognised is saved beside it.
    pub fn is_same(&self, former: &SavedIdentity) -> bool {
        let is_secret = match (self.secret_tag, &former.secret_bcrypt) {
            (Some(_), Some(_)) => true,
            _ => (self.secret_tag, &self.secret_bcrypt) == (former.secret_tag, &former.secret_bcrypt),
        };
        (&self.vendor, &self.username) == (&former.vendor, &former.username) && is_secret
    }

    /// Whether its log-ons are held.
    pub fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// Takes back what lies ahead of `now`, as a state written under a wrong clock does: no hold is longer than its longest.
    pub fn limit(&mut self, now: UnixTime) {
        self.last_accepted = self.last_accepted.map(|at| at.min(now));
        if let Some(hold) = &mut self.hold {
            hold.limit(now);
        }
    }
}

impl Logons {
    /// What is worth keeping over a restart: holds, and which secrets have worked.
    pub fn save(&self) -> Vec<SavedIdentity> {
        let mut saved = Vec::new();
        for identity in self.lock().iter() {
            if identity.hold.is_none() && identity.last_accepted.is_none() {
                continue;
            }
            let (secret_tag, secret_bcrypt) = match &identity.secret {
                KnownSecret::Text(text) => (Some(SecretTag::of(text)), None),
                KnownSecret::Tag(tag) => (Some(*tag), None),
                KnownSecret::Hash(hash) => (None, Some(hash.clone())),
            };
            saved.push(SavedIdentity {
                vendor: identity.vendor.clone(),
                username: identity.username.clone(),
                secret_tag,
                secret_bcrypt,
                last_accepted: identity.last_accepted,
                hold: identity.hold.clone(),
            });
        }
        saved
    }

    /// Takes up what an earlier run has saved.
    pub fn restore(&self, saved: Vec<SavedIdentity>) {
        let known = saved.into_iter().filter_map(|saved| {
            let secret = match (saved.secret_tag, saved.secret_bcrypt) {
                (Some(tag), _) => KnownSecret::Tag(tag),
                (None, hash) => KnownSecret::Hash(hash?),
            };
            Some(Identity {
                vendor: saved.vendor,
                username: saved.username,
                secret,
                last_accepted: saved.last_accepted,
                hold: saved.hold,
                queue_lock: Default::default(),
                pending_logon: None,
                last_used: None,
            })
        });
        self.lock().extend(known);
    }
}

/// The hash of a secret with this salt, as the first version made it; none where bcrypt cannot make one. Takes milliseconds.
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

    /// An identity as the first version saved it, with a refused password.
    fn former(username: &str, secret: &SecretText, salt: Salt) -> SavedIdentity {
        SavedIdentity {
            vendor: "parallels_ras".to_owned(),
            username: username.to_owned(),
            secret_tag: None,
            secret_bcrypt: hash(secret, salt),
            last_accepted: None,
            hold: Some(Hold::new(UnixTime(0), false)),
        }
    }

    #[test]
    fn a_hash_of_the_first_version_is_recognised_and_replaced_by_a_tag() {
        let (secret, other) = (SecretText::new("one"), SecretText::new("other"));
        let logons = Logons::default();
        logons.restore(vec![former("monitor", &other, [1; 16]), former("monitor", &secret, [2; 16])]);
        let (identities, index) = logons.find("parallels_ras", "monitor", &secret, UnixTime(0));
        assert!(index == 1 && identities.len() == 2 && identities[1].hold.is_some());
        drop(identities);
        let saved = logons.save();
        assert!(saved[0].secret_bcrypt.is_some() && saved[0].secret_tag.is_none(), "nobody has brought it");
        assert_eq!((saved[1].secret_tag, &saved[1].secret_bcrypt), (Some(SecretTag::of(&secret)), &None));
        assert!(
            saved[1].is_same(&former("monitor", &secret, [2; 16])) && !saved[1].is_same(&former("x", &secret, [2; 16]))
        );
    }

    #[test]
    fn a_long_secret_is_known_again_from_the_state_files_of_all_versions() {
        let secret = SecretText::new("x".repeat(100));
        assert_eq!(digestible(&secret), b"Cey268i878cz9vLsRPeRq+7WqZ7fDMMVGWN4mK69Utg=");
    }
}
