//! The identities that this process knows: vendor, user name and secret, and what is known of each.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, MutexGuard},
    time::Duration,
};

use tokio::sync::Mutex;

use super::{
    Logons,
    file::{self, Content, Key, Stored},
    record::{Claim, Denial, Record},
    saved::{Salt, hash, salt_of},
};
use crate::{clock::UnixTime, config::secret::SecretText, scale::scaled};

/// An identity that nobody has brought for so long is forgotten, unless something is known of it.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// So long a target that has proved nothing gives way to others.
const GIVE_WAY: Duration = Duration::from_secs(2 * 60);

/// One vendor, user and secret.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub vendor: String,
    /// Folded.
    pub username: String,
    pub secret: KnownSecret,
}

/// What is known of a secret: after a restart only a tag or a hash, until a target brings the same one.
#[derive(Debug, Clone)]
pub(super) enum KnownSecret {
    Text(SecretText),
    Tag(Key, String),
    Bcrypt(String),
}

/// What a process knows of an identity.
pub(super) struct Identity {
    pub vendor: String,
    pub username: String,
    pub secret: KnownSecret,
    pub record: Record,
    /// Whether the record has something that could not be written.
    pub unsaved: bool,
    /// The hash by which an earlier version knew it.
    pub legacy: Option<String>,
    /// Log-ons of one identity follow each other.
    pub queue: Arc<Mutex<()>>,
    /// Requests aside do not; each is noted before the next one asks.
    pub gate: Arc<Mutex<()>>,
    /// Exchanges of this process that are under way.
    pub live: Vec<u64>,
    /// The targets that wait, and until when.
    pub waiting: BTreeMap<String, UnixTime>,
    /// When a target has last brought it; none right after a restart.
    last_used: Option<UnixTime>,
}

/// One account has one spelling: the case of a user name and spaces around it make no other one.
pub(super) fn fold(username: &str) -> String {
    username.trim().to_lowercase()
}

impl Who {
    pub fn new(vendor: &str, username: &str, secret: &SecretText) -> Who {
        Who { vendor: vendor.to_owned(), username: fold(username), secret: KnownSecret::Text(secret.clone()) }
    }

    /// The tag of the secret in a file with this key.
    fn tag(&self, key: &Key) -> Option<String> {
        match &self.secret {
            KnownSecret::Text(text) => Some(file::tag(key, &self.vendor, &self.username, text)),
            KnownSecret::Tag(other, tag) if other == key => Some(tag.clone()),
            KnownSecret::Tag(..) => None,
            // A hash stands in the place of the tag until the secret is brought.
            KnownSecret::Bcrypt(hash) => Some(hash.clone()),
        }
    }

    /// What the file says of it.
    pub fn stored<'a>(&self, content: &'a mut Content) -> Option<&'a mut Stored> {
        let tag = self.tag(&content.key())?;
        let is_it = |stored: &&mut Stored| {
            stored.tag == tag && stored.vendor == self.vendor && stored.username == self.username
        };
        content.identities.iter_mut().find(is_it)
    }

    /// Puts a record in the file's place of it.
    pub fn store(&self, content: &mut Content, record: Record) {
        if let Some(stored) = self.stored(content) {
            stored.record = record;
        } else if let Some(tag) = self.tag(&content.key()) {
            let (vendor, username) = (self.vendor.clone(), self.username.clone());
            content.identities.push(Stored { vendor, username, tag, record });
        }
    }
}

impl Identity {
    pub fn new(vendor: String, username: String, secret: KnownSecret, record: Record) -> Identity {
        Identity {
            vendor,
            username,
            secret,
            record,
            unsaved: false,
            legacy: None,
            queue: Arc::default(),
            gate: Arc::default(),
            live: Vec::new(),
            waiting: BTreeMap::new(),
            last_used: None,
        }
    }

    pub fn who(&self) -> Who {
        Who { vendor: self.vendor.clone(), username: self.username.clone(), secret: self.secret.clone() }
    }

    /// A target that has just proved nothing lets those go first that wait because of it: its server may be the one in trouble.
    pub fn gives_way(&self, claim: &Claim, now: UnixTime) -> Result<(), Denial> {
        if claim.aside || !self.record.has_failed(&claim.target) {
            return Ok(());
        }
        let others = self.waiting.iter().filter(|(target, _)| !self.record.has_failed(target));
        let until = others.map(|(_, next)| next.plus(scaled(GIVE_WAY))).max().filter(|until| now < *until);
        until.map_or(Ok(()), |until| Err(self.record.denial(until)))
    }

    /// Until when a target waits.
    pub fn waits(&self, target: &str, now: UnixTime) -> Option<UnixTime> {
        self.waiting.get(target).copied().filter(|next| now < *next)
    }

    fn is_of(&self, who: &Who) -> bool {
        self.vendor == who.vendor && self.username == who.username
    }

    fn is(&self, who: &Who) -> bool {
        let same_secret = match (&self.secret, &who.secret) {
            (KnownSecret::Text(own), KnownSecret::Text(text)) => own == text,
            (KnownSecret::Tag(key, own), _) => who.tag(key).is_some_and(|tag| tag == *own),
            (KnownSecret::Text(own), KnownSecret::Tag(key, tag)) => {
                file::tag(key, &who.vendor, &who.username, own) == *tag
            }
            (KnownSecret::Bcrypt(own), KnownSecret::Bcrypt(hash)) => own == hash,
            _ => false,
        };
        same_secret && self.is_of(who)
    }

    /// The salt, where it is an identity of this user that is known by its hash only.
    fn unrecognised(&self, who: &Who) -> Option<Salt> {
        match &self.secret {
            KnownSecret::Bcrypt(hash) if self.is_of(who) => salt_of(hash),
            _ => None,
        }
    }
}

impl Logons {
    /// The identity, a new one where there is none; what nobody needs any more is forgotten.
    pub(super) fn find(&self, who: &Who, now: UnixTime) -> (MutexGuard<'_, Vec<Identity>>, usize) {
        let mut identities = self.lock();
        prune(&mut identities, now);
        let mut index = identities.iter().position(|identity| identity.is(who));
        if index.is_none() {
            let salts: HashSet<Salt> = identities.iter().filter_map(|identity| identity.unrecognised(who)).collect();
            if let (KnownSecret::Text(text), false) = (&who.secret, salts.is_empty()) {
                drop(identities);
                // Takes milliseconds, and happens once for a secret: afterwards it is known by its text.
                let hashes: Vec<String> = salts.into_iter().filter_map(|salt| hash(text, salt)).collect();
                identities = self.lock();
                // Somebody else may have brought it meanwhile.
                index = identities.iter().position(|identity| identity.is(who)).or_else(|| {
                    identities.iter().position(|identity| {
                        identity.is_of(who)
                            && matches!(&identity.secret, KnownSecret::Bcrypt(hash) if hashes.contains(hash))
                    })
                });
            }
        }
        let index = index.unwrap_or_else(|| {
            let Who { vendor, username, secret } = who.clone();
            identities.push(Identity::new(vendor, username, secret, Record::default()));
            identities.len() - 1
        });
        if matches!(who.secret, KnownSecret::Text(_)) {
            let known = std::mem::replace(&mut identities[index].secret, who.secret.clone());
            if let KnownSecret::Bcrypt(hash) = known {
                identities[index].legacy = Some(hash);
            }
        }
        identities[index].last_used = Some(now);
        (identities, index)
    }
}

/// Forgets the identities that nobody brings any more.
fn prune(identities: &mut Vec<Identity>, now: UnixTime) {
    identities.retain_mut(|identity| {
        // After a restart the time begins anew.
        let last_used = *identity.last_used.get_or_insert(now);
        let is_busy =
            Arc::strong_count(&identity.queue) + Arc::strong_count(&identity.gate) > 2 || !identity.live.is_empty();
        is_busy || now.since(last_used) < KEPT || identity.record.prune(now)
    });
}
