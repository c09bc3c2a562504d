//! Holds in the state file. Of a secret only a bcrypt hash is kept there, to recognise it after a restart.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{Hold, Identity, KnownSecret, Logons};
use crate::{clock::UnixTime, config::secret::SecretText};

/// Cost of the hashes: some 5 ms each, since they are checked at every start.
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
    /// Whether both are of one vendor, user and secret.
    pub fn is_same(&self, other: &SavedIdentity) -> bool {
        (&self.vendor, &self.username, &self.secret_bcrypt) == (&other.vendor, &other.username, &other.secret_bcrypt)
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
            // It was hashed when it became known: nothing here takes long.
            let Some(secret_bcrypt) = identity.secret.hash() else { continue };
            saved.push(SavedIdentity {
                vendor: identity.vendor.clone(),
                username: identity.username.clone(),
                secret_bcrypt: secret_bcrypt.to_owned(),
                last_accepted: identity.last_accepted,
                hold: identity.hold.clone(),
            });
        }
        saved
    }

    /// Takes up what an earlier run has saved.
    pub fn restore(&self, saved: Vec<SavedIdentity>) {
        if let Some(salt) = saved.iter().find_map(|identity| salt_of(&identity.secret_bcrypt)) {
            // An error says that there is one already.
            let _ = self.shared.salt.set(salt);
        }
        self.lock().extend(saved.into_iter().map(|saved| Identity {
            vendor: saved.vendor,
            username: saved.username,
            secret: KnownSecret::Hash(saved.secret_bcrypt),
            last_accepted: saved.last_accepted,
            hold: saved.hold,
            queue_lock: Default::default(),
            pending_logon: None,
            last_used: None,
        }));
    }

    /// The hash of a secret. All identities of a state file share a salt, so that a secret is hashed once to be compared
    /// with all of them; some milliseconds, so never under the lock.
    pub(super) fn hash(&self, secret: &SecretText) -> Option<String> {
        hash(secret, *self.shared.salt.get_or_init(new_salt))
    }
}

impl KnownSecret {
    pub(super) fn hash(&self) -> Option<&str> {
        match self {
            KnownSecret::Hash(hash) => Some(hash),
            KnownSecret::Text { hash, .. } => hash.as_deref(),
        }
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

fn new_salt() -> Salt {
    let mut salt = Salt::default();
    getrandom::fill(&mut salt).expect("the system has random numbers");
    salt
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
