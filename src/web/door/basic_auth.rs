//! Basic authentication against bcrypt hashes.
//!
//! A password that was right once is known again by a keyed digest, without another hash. Only right ones are kept, one for
//! each user, so guesses neither fill memory nor push anything out. A name that is not there costs what one costs that is.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{HeaderMap, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretSlice};

use super::hash_queue::HashQueue;
use crate::{
    config::{secret::SecretText, web::User},
    web::listener::Peer,
};

/// Salt and hash of no password, for names that are not there. It is the cost before it that takes the time.
const NOBODY: &str = "QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

/// What a request has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A user with the right password, or nobody has to be one.
    Known,
    /// Nothing, or something wrong.
    Unknown,
    /// It cannot be told at the moment.
    Busy,
}

/// Who may ask.
#[derive(Debug, Default)]
pub struct Users {
    by_name: HashMap<Vec<u8>, SecretText>,
    /// The costs of all hashes. A name that is not there has one of them, always the same.
    costs: Vec<u32>,
}

impl Users {
    /// The users of a configuration.
    pub fn new(users: &[User]) -> Users {
        Users {
            by_name: users.iter().map(|user| (user.name.clone().into_bytes(), user.hash.clone())).collect(),
            costs: users.iter().map(|user| user.cost).collect(),
        }
    }

    /// The hash of a user, or one for nobody, and whether it is the first.
    fn hash_of(&self, name: &[u8]) -> (SecretText, bool) {
        static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        if let Some(hash) = self.by_name.get(name) {
            return (hash.clone(), true);
        }
        // Half of the range of a u64 is more than any number of users.
        let at = usize::try_from(HASHER.hash_one(name) >> 1).unwrap_or(0) % self.costs.len().max(1);
        let cost = self.costs.get(at).copied().unwrap_or(bcrypt::DEFAULT_COST);
        (SecretText::new(format!("$2y${cost:02}${NOBODY}")), false)
    }
}

/// Verifies passwords.
#[derive(Debug)]
pub struct BasicAuth {
    queue: HashQueue,
    proofs: Arc<Proofs>,
}

/// The last right password of each user, as a digest that cannot be computed elsewhere.
struct Proofs {
    key: [u8; 32],
    by_name: Mutex<HashMap<Vec<u8>, blake3::Hash>>,
}

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proofs")
    }
}

impl Default for BasicAuth {
    fn default() -> BasicAuth {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system has random numbers, without which there is no TLS either");
        BasicAuth { queue: HashQueue::default(), proofs: Arc::new(Proofs { key, by_name: Mutex::default() }) }
    }
}

impl BasicAuth {
    /// Who sends a request with these headers.
    pub async fn verify(&self, users: &Users, headers: &HeaderMap, peer: Peer) -> Verdict {
        if users.by_name.is_empty() {
            return Verdict::Known;
        }
        let Some((name, password)) = credentials(headers) else { return Verdict::Unknown };
        let (hash, is_user) = users.hash_of(&name);
        let digest = self.proofs.digest(&name, hash.expose(), password.expose_secret());
        if self.proofs.has(&name, &digest) {
            return Verdict::Known;
        }
        let proofs = Arc::clone(&self.proofs);
        let work = move || {
            // Another request may have proved it meanwhile.
            let is_right = proofs.has(&name, &digest)
                || bcrypt::verify(password.expose_secret(), hash.expose()).unwrap_or(false) && is_user;
            if is_right {
                proofs.keep(name, digest);
            }
            is_right
        };
        match self.queue.run(peer, work).await {
            Ok(true) => Verdict::Known,
            Ok(false) => Verdict::Unknown,
            Err(_) => Verdict::Busy,
        }
    }
}

impl Proofs {
    fn digest(&self, name: &[u8], hash: &str, password: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [name, hash.as_bytes(), password] {
            // The lengths keep `a` with `bc` apart from `ab` with `c`.
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        hasher.finalize()
    }

    /// Its comparison takes the same time wherever two digests differ.
    fn has(&self, name: &[u8], digest: &blake3::Hash) -> bool {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).get(name) == Some(digest)
    }

    fn keep(&self, name: Vec<u8>, digest: blake3::Hash) {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).insert(name, digest);
    }
}

/// Name and password of `Authorization: Basic`.
fn credentials(headers: &HeaderMap) -> Option<(Vec<u8>, SecretSlice<u8>)> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(token).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some((decoded[..colon].to_vec(), SecretSlice::from(decoded[colon + 1..].to_vec())))
}

#[cfg(test)]
mod tests;
