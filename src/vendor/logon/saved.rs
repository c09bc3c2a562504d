//! Holds in the state file. Of a secret only a bcrypt hash is kept there, to recognise it after a restart.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::{Hold, Identity, KnownSecret, Logons};
use crate::{clock::UnixTime, config::secret::SecretText};

/// Cost of the hashes: some 5 ms each, since they are checked at every start.
const COST: u32 = 6;

/// bcrypt reads this much; longer secrets are told apart by their beginning and a checksum of the whole.
const LONGEST: usize = 72;

/// An identity in the state file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedIdentity {
    vendor: String,
    username: String,
    secret_bcrypt: String,
    last_accepted: Option<UnixTime>,
    hold: Option<Hold>,
}

impl Logons {
    /// What is worth keeping over a restart: holds, and which secrets have worked. Hashes secrets that are new.
    pub fn save(&self) -> Vec<SavedIdentity> {
        let mut saved = Vec::new();
        for identity in self.lock().iter_mut() {
            if identity.hold.is_none() && identity.last_accepted.is_none() {
                continue;
            }
            let Some(secret_bcrypt) = identity.secret.hash() else { continue };
            saved.push(SavedIdentity {
                vendor: identity.vendor.clone(),
                username: identity.username.clone(),
                secret_bcrypt,
                last_accepted: identity.last_accepted,
                hold: identity.hold.clone(),
            });
        }
        saved
    }

    /// Takes up what an earlier run has saved.
    pub fn restore(&self, saved: Vec<SavedIdentity>) {
        self.lock().extend(saved.into_iter().map(|saved| Identity {
            vendor: saved.vendor,
            username: saved.username,
            secret: KnownSecret::Hash(saved.secret_bcrypt),
            last_accepted: saved.last_accepted,
            hold: saved.hold,
            turn: Default::default(),
        }));
    }
}

impl KnownSecret {
    fn hash(&mut self) -> Option<String> {
        match self {
            KnownSecret::Hash(hash) => Some(hash.clone()),
            KnownSecret::Text { text, hash } => {
                if hash.is_none() {
                    *hash = bcrypt::hash(digestible(text), COST).ok();
                }
                hash.clone()
            }
        }
    }
}

/// Whether the hash is that of this secret.
pub(super) fn matches(secret: &SecretText, hash: &str) -> bool {
    bcrypt::verify(digestible(secret), hash).unwrap_or(false)
}

fn digestible(secret: &SecretText) -> Vec<u8> {
    let bytes = secret.expose().as_bytes();
    if bytes.len() < LONGEST {
        return bytes.to_vec();
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let mut short = bytes[..48].to_vec();
    short.extend(format!("{:016x}", hasher.finish()).into_bytes());
    short
}
