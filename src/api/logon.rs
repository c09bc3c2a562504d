//! Log-ons: what keeps a monitor from locking the account that it watches with.
//!
//! An identity is vendor, user name (its case and spaces around it make no other one) and the content of the secret. All
//! targets share it, and so do all processes that share a state file.
//!
//! - A **refused** password is sent once, then its identity is held ([`Hold`]). That ends when the secret's content or a held
//!   target's `url` or `auth` changes, or somebody releases it; until then it is tried again after 15 minutes, an hour and then
//!   every 6 hours where the secret had worked within a day, and every 6 hours where it never had. Whatever ends holds, at most
//!   two refused passwords leave within 15 minutes.
//! - A password that left and brought neither a session nor a known refusal is **unproven**. It is no hold; the next one waits
//!   1, 5, 15 minutes and then an hour, so that at most three leave within 15 minutes.
//!
//! Both stop log-ons and nothing else: a session that is open is used on.
//!
//! Before a password leaves it is written down in the file of log-ons ([`LogonFile`]), under a lock that all processes share, as
//! one that proved nothing; what became of it replaces that. Whoever is killed in between so sends it no sooner than somebody
//! whose log-on was not answered. Where the file cannot be written, what this process remembers counts: a look ([`Keeper::Look`])
//! then sends nothing, and a daemon only once it has run for five minutes, so that one that starts again and again stays below
//! three in 15 minutes, too. Without a state file nothing outlives the process.
//!
//! The exchange that carries the credentials outlives the poll that began it ([`Permit::run_exchange`]): neither a reload nor a
//! short timeout keeps a refusal from being noted.

mod check;
mod exchange;
mod file;
mod hold;
mod identity;
mod keep;
mod record;
pub mod saved;
mod unproven;

pub use exchange::{ExchangeFailure, LogonVerdict};
pub use file::{FileError, LogonFile};
pub use hold::Hold;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, atomic::AtomicBool},
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

use self::{
    exchange::Attempt,
    identity::{Identity, KnownSecret, Who},
    record::{Claim, Denial, Record},
};
use crate::{
    api::words,
    clock::UnixTime,
    config::{Target, secret::SecretText},
    failure::{Failure, Reason},
    scale::scaled,
};

/// A daemon that cannot write down its log-ons sends none before it has run for so long.
const SETTLED: Duration = Duration::from_secs(5 * 60);

/// Who keeps the log-ons: what it does where they cannot be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keeper {
    /// A daemon goes by what it remembers, once it has run for five minutes.
    #[default]
    Daemon,
    /// `probe` and `check --connect` remember nothing, and send nothing.
    Look,
}

/// All identities of a process. Cloning shares them.
#[derive(Clone, Default)]
pub struct Logons {
    shared: Arc<Shared>,
}

struct Shared {
    identities: Mutex<Vec<Identity>>,
    file: Option<LogonFile>,
    keeper: Keeper,
    started: Instant,
    /// Whether the last try to write the file failed, which is told once.
    unwritable: AtomicBool,
    /// Told when a hold begins or ends, since nobody may be waiting for the log-on any more.
    changed: Notify,
    /// Told when an exchange has ended.
    exchange_ended: Notify,
}

/// What became of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// The next poll logs on once.
    Yes,
    /// A hold of this identity has ended before its time a short while ago; the next may at this time.
    NotBefore(UnixTime),
    /// The target does not wait for anything.
    NotWaiting,
}

/// The right to send one log-on of an identity. While one of [`Logons::acquire`] lives, nobody else in this process logs on with
/// that identity.
#[must_use = "run the exchange that it is for"]
pub struct Permit {
    logons: Logons,
    who: Who,
    username: String,
    secret: SecretText,
    claim: Claim,
    now: UnixTime,
    began: Instant,
    attempt: Arc<Attempt>,
    _queue: Option<OwnedMutexGuard<()>>,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared::new(None, Keeper::Daemon)
    }
}

impl Shared {
    fn new(file: Option<LogonFile>, keeper: Keeper) -> Shared {
        Shared {
            identities: Mutex::default(),
            file,
            keeper,
            started: Instant::now(),
            unwritable: AtomicBool::new(false),
            changed: Notify::new(),
            exchange_ended: Notify::new(),
        }
    }
}

impl Logons {
    /// Those that are kept beside this state file, and what stands there already.
    pub fn beside(state_file: &Path, keeper: Keeper) -> Logons {
        let file = LogonFile::beside(state_file);
        let read = file.read();
        let logons = Logons { shared: Arc::new(Shared::new(Some(file), keeper)) };
        match read {
            Ok(None) => {}
            Ok(Some(content)) => {
                let key = content.key();
                let identities = content.identities.into_iter().map(|stored| {
                    let secret = match stored.tag.starts_with('$') {
                        true => KnownSecret::Bcrypt(stored.tag),
                        false => KnownSecret::Tag(key, stored.tag),
                    };
                    Identity::new(stored.vendor, stored.username, secret, stored.record)
                });
                logons.lock().extend(identities);
            }
            Err(error) => logons.report(Some(&error)),
        }
        logons
    }

    /// Asks for the right to log on now as `username` with `secret`; waits while another log-on of this identity is under
    /// way, with a failure of reason `timeout` at the deadline. While the identity is held: one of reason `held` that says
    /// since when and until when. While it waits because log-ons proved nothing: one of the reason that the last one had.
    pub async fn acquire(
        &self,
        target: &Target,
        username: &str,
        secret: &SecretText,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Permit, Failure> {
        self.acquire_for(target, (username, secret), now, deadline, None).await
    }

    /// The same for a real session, which nothing can end: [`Logons::last_session`] says when one was last asked for.
    pub async fn acquire_for(
        &self,
        target: &Target,
        (username, secret): (&str, &SecretText),
        now: UnixTime,
        deadline: Instant,
        session: Option<String>,
    ) -> Result<Permit, Failure> {
        let began = Instant::now();
        let who = Who::new(target.vendor(), username, secret);
        let claim = Claim { session, ..Claim::new(target, false) };
        let queue = self.of(&who, now, |identity| Arc::clone(&identity.queue));
        let queue = turn(queue, username, deadline).await?;
        // Whoever had the turn before may have been refused meanwhile.
        self.check(&who, &claim, later(now, began)).await.map_err(|denial| denial.failure)?;
        Ok(self.permit((who, claim), (username, secret), now, began, Some(queue), None))
    }

    /// The same for a request that carries the credentials and logs nobody on: it waits for nobody, so that a server that
    /// does not answer holds up no other target of the identity; but where as many are under way as may prove nothing, it waits
    /// until one has ended.
    pub async fn acquire_aside(
        &self,
        target: &Target,
        username: &str,
        secret: &SecretText,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Permit, Failure> {
        let began = Instant::now();
        let who = Who::new(target.vendor(), username, secret);
        let claim = Claim::new(target, true);
        let gate = self.of(&who, now, |identity| Arc::clone(&identity.gate));
        let gate = turn(gate, username, deadline).await?;
        loop {
            let ended = self.shared.exchange_ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let denial = match self.check(&who, &claim, later(now, began)).await {
                Ok(()) => break,
                Err(denial) => denial,
            };
            let is_live = self.of(&who, now, |identity| !identity.live.is_empty());
            if !(denial.bound && is_live) || timeout_at(deadline, ended).await.is_err() {
                return Err(denial.failure);
            }
        }
        Ok(self.permit((who, claim), (username, secret), now, began, None, Some(gate)))
    }

    fn permit(
        &self,
        (who, claim): (Who, Claim),
        (username, secret): (&str, &SecretText),
        now: UnixTime,
        began: Instant,
        queue: Option<OwnedMutexGuard<()>>,
        gate: Option<OwnedMutexGuard<()>>,
    ) -> Permit {
        let (username, secret) = (username.to_owned(), secret.clone());
        let (logons, attempt) = (self.clone(), Arc::new(Attempt::new(gate)));
        Permit { logons, who, username, secret, claim, now, began, attempt, _queue: queue }
    }

    /// Why a target may not log on now, where it may not: whoever has no session can then leave out all that leads to a log-on.
    /// While one of this process is under way nobody knows; [`Logons::acquire`] waits for it.
    pub async fn denied(&self, target: &Target, username: &str, secret: &SecretText, now: UnixTime) -> Option<Failure> {
        let who = Who::new(target.vendor(), username, secret);
        if self.of(&who, now, |identity| !identity.live.is_empty()) {
            return None;
        }
        self.check(&who, &Claim::new(target, false), now).await.err().map(|denial| denial.failure)
    }

    /// Holds the identity because the vendor says that the password behind a session is no longer good. Returns the failure
    /// (reason `auth`) to end the poll with.
    pub async fn refuse(
        &self,
        target: &Target,
        username: &str,
        secret: &SecretText,
        now: UnixTime,
        message: &str,
    ) -> Failure {
        let (who, claim) = (Who::new(target.vendor(), username, secret), Claim::new(target, false));
        let message = words::without_credentials(message, username, secret);
        let (failure, _) = self.change(&who, now, move |record| record.refused(&claim, 0, now, &message)).await;
        self.shared.changed.notify_one();
        failure
    }

    /// Lets the identity for which a target waits be tried once more, at the next poll of one of its targets.
    pub async fn release(&self, target: &str, now: UnixTime) -> Released {
        let waits = |identity: &&Identity| identity.record.blocks(target, now) || identity.waits(target, now).is_some();
        let waiting: Vec<Who> = self.lock().iter().filter(waits).map(Identity::who).collect();
        let mut released = Released::NotWaiting;
        for who in waiting {
            let name = target.to_owned();
            match self.change(&who, now, move |record| record.release(&name, now)).await.0 {
                Ok(()) => released = Released::Yes,
                Err(next) if released == Released::NotWaiting => released = Released::NotBefore(next),
                Err(_) => {}
            }
            self.of(&who, now, |identity| identity.waiting.remove(target));
        }
        self.shared.changed.notify_one();
        released
    }

    /// The hold that keeps this target from logging on now, as it last learnt. One whose next try is due keeps nobody.
    pub fn hold_of(&self, target: &str, now: UnixTime) -> Option<Hold> {
        let blocks = |hold: &&Hold| hold.has(target) && now < hold.retry_at;
        self.lock().iter().filter_map(|identity| identity.record.hold.as_ref()).find(blocks).cloned()
    }

    /// When this target, which waits, may log on.
    pub fn next_logon(&self, target: &str, now: UnixTime) -> Option<UnixTime> {
        let held = self.hold_of(target, now).map(|hold| hold.retry_at);
        held.or_else(|| self.lock().iter().filter_map(|identity| identity.waits(target, now)).max())
    }

    /// When a session was last asked for with [`Logons::acquire_for`], as far as this process knows from its start on.
    pub fn last_session(
        &self,
        target: &Target,
        (username, secret): (&str, &SecretText),
        now: UnixTime,
        session: &str,
    ) -> Option<UnixTime> {
        let who = Who::new(target.vendor(), username, secret);
        self.of(&who, now, |identity| identity.record.last_session(session))
    }

    /// Waits until a hold has begun or ended without a poll that could tell.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Before the daemon ends: waits until then for the verdicts of the exchanges that are under way. What is not answered
    /// by then was written down before it was sent.
    pub async fn close(&self, deadline: Instant) {
        loop {
            let ended = self.shared.exchange_ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.lock().iter().all(|identity| identity.live.is_empty()) || timeout_at(deadline, ended).await.is_err()
            {
                return;
            }
        }
    }

    /// Does something with what this process knows of an identity.
    fn of<T>(&self, who: &Who, now: UnixTime, work: impl FnOnce(&mut Identity) -> T) -> T {
        let (mut identities, index) = self.find(who, now);
        work(&mut identities[index])
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Identity>> {
        self.shared.identities.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Waits for a turn.
async fn turn(
    lock: Arc<tokio::sync::Mutex<()>>,
    username: &str,
    deadline: Instant,
) -> Result<OwnedMutexGuard<()>, Failure> {
    let failure = |_| Failure::new(Reason::Timeout, format!("another log-on of {username} is still under way"));
    timeout_at(deadline, lock.lock_owned()).await.map_err(failure)
}

/// Now, in whole seconds from a beginning.
fn later(now: UnixTime, began: Instant) -> UnixTime {
    now.plus(Duration::from_secs(began.elapsed().as_secs()))
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
