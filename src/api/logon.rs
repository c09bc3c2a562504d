//! Log-on holds: a refused password is sent once, then its identity is held for all targets that share it.
//!
//! An identity is vendor, user name and the content of the secret. A hold ends when the secret's content or a held
//! target's `url` or `auth` changes; until then it is tried again after 15 minutes, an hour and then every 6 hours where
//! the secret had worked within a day, and every 6 hours where it never had: a monitor must never lock an account, and
//! never stay blind for hours because a domain controller hiccuped.
//!
//! The exchange that carries the credentials outlives the poll that began it ([`Permit::run_exchange`]): neither a reload nor a
//! short timeout keeps a refusal from being noted. Credentials that were sent and never answered are held as well.

mod exchange;
mod hold;
pub mod saved;
mod secret_tag;

pub use exchange::LogonVerdict;
pub use hold::Hold;

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

use self::{exchange::PendingLogon, secret_tag::SecretTag};
use crate::{
    clock::UnixTime,
    config::{Target, secret::SecretText},
    failure::{Failure, Reason},
};

/// A secret that was accepted this long ago is one that had worked.
const WORKED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// An identity that nobody has brought for so long is forgotten, unless it is held.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// All identities of the daemon, their holds and their locks. Cloning shares them.
#[derive(Clone, Default)]
pub struct Logons {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    identities: Mutex<Vec<Identity>>,
    /// Told when a hold begins or ends, since nobody may be waiting for the log-on any more.
    changed: Notify,
    /// Told when an exchange has ended.
    exchange_ended: Notify,
}

struct Identity {
    vendor: String,
    username: String,
    secret: KnownSecret,
    last_accepted: Option<UnixTime>,
    hold: Option<Hold>,
    /// Log-ons of one identity follow each other.
    queue_lock: Arc<tokio::sync::Mutex<()>>,
    /// The exchange that has the turn.
    pending_logon: Option<PendingLogon>,
    /// When a target has last brought it; none right after a restart.
    last_used: Option<UnixTime>,
}

/// What is known of an identity's secret: after a restart only its tag, until a target brings the same one; from a state file
/// of the first version its hash.
enum KnownSecret {
    Text(SecretText),
    Tag(SecretTag),
    Hash(String),
}

/// The right to send one log-on of an identity. While one of [`Logons::acquire`] lives, nobody else logs on with that
/// identity; one that is dropped without a word counts as a log-on without an answer.
#[must_use = "tell how the log-on ended"]
pub struct Permit {
    logons: Logons,
    vendor: &'static str,
    username: String,
    secret: SecretText,
    target: (String, String),
    now: UnixTime,
    began: Instant,
    /// Whether nothing is to be noted any more.
    recorded: bool,
    queue_lock: Option<OwnedMutexGuard<()>>,
}

impl Logons {
    /// Asks for the right to log on now as `username` with `secret`; waits while another log-on of this identity is under
    /// way, with a failure of reason `timeout` at the deadline. While the identity is held: one of reason `held` that says
    /// since when and until when.
    pub async fn acquire(
        &self,
        target: &Target,
        username: &str,
        secret: &SecretText,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Permit, Failure> {
        let queue_lock = {
            let (identities, index) = self.find(target.vendor(), username, secret, now);
            Arc::clone(&identities[index].queue_lock)
        };
        let queue_lock = timeout_at(deadline, queue_lock.lock_owned())
            .await
            .map_err(|_| Failure::new(Reason::Timeout, format!("another log-on of {username} is still under way")))?;
        // Whoever had the turn before may have been refused meanwhile.
        self.permit(target, username, secret, now, Some(queue_lock))
    }

    /// The same for a request that carries the credentials and logs nobody on: it waits for nobody, so that a server that
    /// does not answer holds up no other target of the identity.
    pub fn acquire_unqueued(
        &self,
        target: &Target,
        username: &str,
        secret: &SecretText,
        now: UnixTime,
    ) -> Result<Permit, Failure> {
        self.permit(target, username, secret, now, None)
    }

    fn permit(
        &self,
        target: &Target,
        username: &str,
        secret: &SecretText,
        now: UnixTime,
        queue_lock: Option<OwnedMutexGuard<()>>,
    ) -> Result<Permit, Failure> {
        match self.held(target, username, secret, now) {
            Some(failure) => Err(failure),
            None => Ok(Permit {
                logons: self.clone(),
                vendor: target.vendor(),
                username: username.to_owned(),
                secret: secret.clone(),
                target: (target.name.clone(), fingerprint(target)),
                now,
                began: Instant::now(),
                recorded: false,
                queue_lock,
            }),
        }
    }

    /// Whether the identity is held now; asked first at every poll, since a session may outlive the hold's beginning.
    pub fn held(&self, target: &Target, username: &str, secret: &SecretText, now: UnixTime) -> Option<Failure> {
        let vendor = target.vendor();
        let (mut identities, index) = self.find(vendor, username, secret, now);
        // The target has left the identities whose secret it no longer brings.
        for (_, other) in identities.iter_mut().enumerate().filter(|(i, other)| *i != index && other.vendor == vendor) {
            if other.hold.as_mut().is_some_and(|hold| hold.remove_target(&target.name)) {
                other.hold = None;
            }
        }
        let identity = &mut identities[index];
        let hold = identity.hold.as_mut()?;
        if !hold.add_target(&target.name, &fingerprint(target)) {
            identity.hold = None;
            return None;
        }
        (now < hold.retry_at).then(|| hold.failure(now))
    }

    /// Lets the identity of a held target be tried once more, at the next poll of one of its targets. Returns whether the
    /// target was held.
    pub fn release(&self, target: &str, now: UnixTime) -> bool {
        let mut identities = self.lock();
        let holds = identities.iter_mut().filter_map(|identity| identity.hold.as_mut());
        let released =
            holds.filter(|hold| hold.has(target) && now < hold.retry_at).map(|hold| hold.release(now)).count();
        drop(identities);
        self.shared.changed.notify_one();
        released > 0
    }

    /// The hold that keeps this target from logging on now, as it last learnt. One whose next try is due keeps nobody.
    pub fn hold_of(&self, target: &str, now: UnixTime) -> Option<Hold> {
        let blocks = |hold: &&Hold| hold.has(target) && now < hold.retry_at;
        self.lock().iter().filter_map(|identity| identity.hold.as_ref()).find(blocks).cloned()
    }

    /// Waits until a hold has begun or ended without a poll that could tell.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// The identity, a new one where there is none. One that is known by its tag only is recognised here, once; and what
    /// nobody needs any more is forgotten.
    fn find(
        &self,
        vendor: &str,
        username: &str,
        secret: &SecretText,
        now: UnixTime,
    ) -> (MutexGuard<'_, Vec<Identity>>, usize) {
        let mut identities = self.lock();
        prune(&mut identities, now);
        let mut index = identities.iter().position(|identity| identity.is(vendor, username, secret));
        if index.is_none() {
            let salts: HashSet<saved::Salt> =
                identities.iter().filter_map(|identity| identity.salt(vendor, username)).collect();
            drop(identities);
            // A hash takes milliseconds, and is made once for a secret: afterwards it is known by its text.
            let hashes: Vec<String> = salts.into_iter().filter_map(|salt| saved::hash(secret, salt)).collect();
            let tag = SecretTag::of(secret);
            identities = self.lock();
            // Somebody else may have brought it meanwhile.
            index = identities.iter().position(|identity| identity.is(vendor, username, secret)).or_else(|| {
                let index = identities.iter().position(|identity| {
                    let is_secret = match &identity.secret {
                        KnownSecret::Text(_) => false,
                        KnownSecret::Tag(known) => *known == tag,
                        KnownSecret::Hash(known) => hashes.contains(known),
                    };
                    is_secret && identity.vendor == vendor && identity.username == username
                })?;
                identities[index].secret = KnownSecret::Text(secret.clone());
                Some(index)
            });
            if index.is_none() {
                identities.push(Identity {
                    vendor: vendor.to_owned(),
                    username: username.to_owned(),
                    secret: KnownSecret::Text(secret.clone()),
                    last_accepted: None,
                    hold: None,
                    queue_lock: Arc::default(),
                    pending_logon: None,
                    last_used: None,
                });
            }
        }
        let index = index.unwrap_or(identities.len() - 1);
        identities[index].last_used = Some(now);
        (identities, index)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Identity>> {
        self.shared.identities.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Permit {
    /// The vendor took the credentials. A request aside logs nobody on, so that it ends only a hold that such a request has
    /// brought about: else it would clear the way for a wrong password of a log-on every few minutes.
    pub fn accepted(mut self) {
        self.note_accepted(self.now);
    }

    /// The vendor refused the credentials: the identity is held from now on. Returns the failure (reason `auth`) to end
    /// the poll with.
    pub fn refused(mut self, message: &str) -> Failure {
        self.note_refused(self.now, message)
    }

    /// It is not known whether the credentials are good, although there was an answer (a server error), or they were not
    /// sent: nothing is held.
    pub fn unknown(mut self) {
        self.recorded = true;
    }

    fn note_accepted(&mut self, now: UnixTime) {
        self.recorded = true;
        let (mut identities, index) = self.identity(now);
        let identity = &mut identities[index];
        if self.queue_lock.is_some() || identity.hold.as_ref().is_some_and(|hold| hold.aside) {
            identity.last_accepted = Some(now);
            identity.hold = None;
        }
    }

    fn note_refused(&mut self, now: UnixTime, message: &str) -> Failure {
        self.recorded = true;
        let (mut identities, index) = self.identity(now);
        let identity = &mut identities[index];
        let worked = identity.last_accepted.is_some_and(|at| now.since(at) < WORKED_WITHIN);
        let hold = identity.hold.get_or_insert_with(|| Hold::new(now, worked));
        hold.refused(now, worked, message);
        hold.aside = self.queue_lock.is_none();
        hold.add_target(&self.target.0, &self.target.1);
        let next = hold.retry_at;
        Failure::new(
            Reason::Auth,
            format!("{message}; no further log-on before {next} unless the secret, auth or url changes"),
        )
    }

    /// The credentials were sent, and nobody knows what became of them: a second try could be one too many.
    fn note_unanswered(&mut self, now: UnixTime) -> Failure {
        self.recorded = true;
        let (mut identities, index) = self.identity(now);
        let next = identities[index].suspect(now, &self.target);
        let message = format!("{UNANSWERED}; no further log-on before {next} unless the secret, auth or url changes");
        Failure::new(Reason::Timeout, message)
    }

    fn identity(&self, now: UnixTime) -> (MutexGuard<'_, Vec<Identity>>, usize) {
        self.logons.find(self.vendor, &self.username, &self.secret, now)
    }

    /// Now, in whole seconds from the beginning of the poll.
    fn later(&self) -> UnixTime {
        self.now.plus(Duration::from_secs(self.began.elapsed().as_secs()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // A request aside logs nobody on.
        if !self.recorded && self.queue_lock.is_some() {
            let now = self.later();
            self.note_unanswered(now);
            self.logons.shared.changed.notify_one();
        }
    }
}

/// What a hold says that no refusal has brought about.
const UNANSWERED: &str = "the credentials were sent, and no answer came";

impl Identity {
    fn is(&self, vendor: &str, username: &str, secret: &SecretText) -> bool {
        self.vendor == vendor
            && self.username == username
            && matches!(&self.secret, KnownSecret::Text(text) if text == secret)
    }

    /// The salt, where it is an identity of this user that is known by its hash only.
    fn salt(&self, vendor: &str, username: &str) -> Option<saved::Salt> {
        match &self.secret {
            KnownSecret::Hash(hash) if self.vendor == vendor && self.username == username => saved::salt_of(hash),
            _ => None,
        }
    }

    /// Holds it because credentials were sent and not answered; returns until when.
    fn suspect(&mut self, now: UnixTime, (target, fingerprint): &(String, String)) -> UnixTime {
        let hold = self.hold.get_or_insert_with(|| Hold::unanswered(now));
        hold.again(now, UNANSWERED);
        hold.aside = false;
        hold.add_target(target, fingerprint);
        hold.retry_at
    }
}

/// Forgets the identities that nobody brings any more.
fn prune(identities: &mut Vec<Identity>, now: UnixTime) {
    identities.retain_mut(|identity| {
        // After a restart the time begins anew.
        let last_used = *identity.last_used.get_or_insert(now);
        let needed = identity.hold.is_some() || Arc::strong_count(&identity.queue_lock) > 1;
        needed || now.since(last_used) < KEPT
    });
}

/// What ends a hold when it changes, besides the secret. Secrets print as `<secret>`.
fn fingerprint(target: &Target) -> String {
    format!("{} {}", target.url, target.settings.identity())
}

impl fmt::Debug for Logons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logons").field("identities", &self.lock().len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
