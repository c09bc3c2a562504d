//! Log-on holds: a refused password is sent once, then its identity is held for all targets that share it.
//!
//! An identity is vendor, user name and the content of the secret. A hold ends when the secret's content or a held
//! target's `url` or `auth` changes; until then it is tried again after 15 minutes, an hour and then every 6 hours where
//! the secret had worked within a day, and every 6 hours where it never had: a monitor must never lock an account, and
//! never stay blind for hours because a domain controller hiccuped.

mod hold;
pub mod saved;

pub use hold::Hold;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use crate::{
    clock::UnixTime,
    config::{Target, VendorSettings, secret::SecretText},
    failure::{Failure, Reason},
};

/// A secret that was accepted this long ago is one that had worked.
const WORKED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// All identities of the daemon, their holds and their locks. Cloning shares them.
#[derive(Clone, Default)]
pub struct Logons {
    identities: Arc<Mutex<Vec<Identity>>>,
}

struct Identity {
    vendor: String,
    username: String,
    secret: KnownSecret,
    last_accepted: Option<UnixTime>,
    hold: Option<Hold>,
    /// Log-ons of one identity follow each other.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What is known of an identity's secret: after a restart only its hash, until a target brings the same one.
enum KnownSecret {
    Text { text: SecretText, hash: Option<String> },
    Hash(String),
}

/// The right to send one log-on of an identity. While one of [`Logons::acquire`] lives, nobody else logs on with that
/// identity.
#[must_use = "tell how the log-on ended"]
pub struct Permit {
    logons: Logons,
    vendor: &'static str,
    username: String,
    secret: SecretText,
    target: (String, String),
    now: UnixTime,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Logons {
    /// Asks for the right to log on now as `username` with `secret`; waits while another log-on of this identity is under
    /// way. While the identity is held: a failure of reason `held` that says since when and until when.
    pub async fn acquire(
        &self,
        target: &Target,
        username: &str,
        secret: &SecretText,
        now: UnixTime,
    ) -> Result<Permit, Failure> {
        let turn = {
            let mut identities = self.lock();
            Arc::clone(&find(&mut identities, target.vendor(), username, secret).turn)
        };
        let turn = turn.lock_owned().await;
        // Whoever had the turn before may have been refused meanwhile.
        self.permit(target, username, secret, now, Some(turn))
    }

    /// The same for a request that carries the credentials and logs nobody on: it waits for nobody, so that a server that
    /// does not answer holds up no other target of the identity.
    pub fn acquire_aside(
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
        turn: Option<OwnedMutexGuard<()>>,
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
                _turn: turn,
            }),
        }
    }

    /// Whether the identity is held now; asked first at every poll, since a session may outlive the hold's beginning.
    pub fn held(&self, target: &Target, username: &str, secret: &SecretText, now: UnixTime) -> Option<Failure> {
        let mut identities = self.lock();
        // Recognised first: of an identity from the state file only the hash of its secret is known.
        find(&mut identities, target.vendor(), username, secret);
        // The target has left the identities whose secret it no longer brings.
        let vendor = target.vendor();
        for other in identities.iter_mut().filter(|i| i.vendor == vendor && !i.is(vendor, username, secret)) {
            if other.hold.as_mut().is_some_and(|hold| hold.leave(&target.name)) {
                other.hold = None;
            }
        }
        let identity = find(&mut identities, vendor, username, secret);
        let hold = identity.hold.as_mut()?;
        if !hold.admit(&target.name, &fingerprint(target)) {
            identity.hold = None;
            return None;
        }
        (now < hold.retry_at).then(|| hold.failure(now))
    }

    /// The hold that this target is under, as it last learnt.
    pub fn hold_of(&self, target: &str) -> Option<Hold> {
        self.lock().iter().filter_map(|identity| identity.hold.as_ref()).find(|hold| hold.has(target)).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Identity>> {
        self.identities.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Permit {
    /// The vendor took the credentials.
    pub fn accepted(self) {
        let mut identities = self.logons.lock();
        let identity = find(&mut identities, self.vendor, &self.username, &self.secret);
        identity.last_accepted = Some(self.now);
        identity.hold = None;
    }

    /// The vendor refused the credentials: the identity is held from now on. Returns the failure (reason `auth`) to end
    /// the poll with.
    pub fn refused(self, message: &str) -> Failure {
        let mut identities = self.logons.lock();
        let identity = find(&mut identities, self.vendor, &self.username, &self.secret);
        let worked = identity.last_accepted.is_some_and(|at| self.now.since(at) < WORKED_WITHIN);
        let hold = identity.hold.get_or_insert_with(|| Hold::new(self.now, worked));
        hold.refused(self.now, message);
        hold.admit(&self.target.0, &self.target.1);
        let next = hold.retry_at;
        Failure::new(
            Reason::Auth,
            format!("{message}; no further log-on before {next} unless the secret, auth or url changes"),
        )
    }

    /// It is not known whether the credentials are good (no answer, a server error): nothing is held.
    pub fn unknown(self) {}
}

impl Identity {
    fn is(&self, vendor: &str, username: &str, secret: &SecretText) -> bool {
        self.vendor == vendor
            && self.username == username
            && matches!(&self.secret, KnownSecret::Text { text, .. } if text == secret)
    }
}

/// The identity, a new one where there is none. One that is known by its hash only is recognised here.
fn find<'a>(identities: &'a mut Vec<Identity>, vendor: &str, username: &str, secret: &SecretText) -> &'a mut Identity {
    let known = identities.iter().position(|identity| identity.is(vendor, username, secret));
    let index = known.unwrap_or_else(|| {
        let by_hash = identities.iter().position(|identity| {
            identity.vendor == vendor
                && identity.username == username
                && matches!(&identity.secret, KnownSecret::Hash(hash) if saved::matches(secret, hash))
        });
        match by_hash {
            Some(index) => {
                if let KnownSecret::Hash(hash) = &identities[index].secret {
                    let hash = Some(hash.clone());
                    identities[index].secret = KnownSecret::Text { text: secret.clone(), hash };
                }
                index
            }
            None => {
                identities.push(Identity {
                    vendor: vendor.to_owned(),
                    username: username.to_owned(),
                    secret: KnownSecret::Text { text: secret.clone(), hash: None },
                    last_accepted: None,
                    hold: None,
                    turn: Arc::default(),
                });
                identities.len() - 1
            }
        }
    });
    &mut identities[index]
}

/// What ends a hold when it changes, besides the secret. Secrets print as `<secret>`.
fn fingerprint(target: &Target) -> String {
    let url = &target.url;
    match &target.settings {
        VendorSettings::ParallelsRas(settings) => format!("{url} {:?}", settings.auth),
        VendorSettings::ParallelsRasSession(settings) => {
            format!("{url} {:?} {} {:?}", settings.api_token, settings.session.username, settings.session.password)
        }
        VendorSettings::Resilio(settings) => format!("{url} {:?}", settings.auth),
        VendorSettings::AzureDevOps(settings) => format!("{url} {:?}", settings.auth),
        VendorSettings::CitrixStorefront(settings) => format!("{url} {:?} {:?}", settings.auth, settings.method),
    }
}

impl fmt::Debug for Logons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logons").field("identities", &self.lock().len()).finish()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
