//! What is known of one identity, and what follows from it. Pure: whoever changes it decides where it is kept.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    hold::Hold,
    unproven::{NextTry, Unproven},
};
use crate::{
    clock::UnixTime,
    config::Target,
    failure::{Failure, Reason},
    scale::scaled,
};

/// A secret that was accepted this long ago is one that had worked.
const WORKED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// Once in this time a hold may end before its time, whatever ends it: so at most two refused passwords leave within it.
const LIFT_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Everything that is kept of one identity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// When its secret was last taken.
    #[serde(default)]
    pub last_accepted: Option<UnixTime>,
    /// Its hold, also one whose next try is due.
    #[serde(default)]
    pub hold: Option<Hold>,
    #[serde(default)]
    unproven: Unproven,
    /// When a hold last ended before its time.
    #[serde(default)]
    lifted_at: Option<UnixTime>,
    /// When real sessions were last asked for, by what for.
    #[serde(default)]
    sessions: BTreeMap<String, UnixTime>,
}

/// Who wants to log on, and how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    /// Name of the target.
    pub target: String,
    /// Its address and credentials as configured, without secrets.
    pub fingerprint: String,
    /// Whether the request carries the credentials and logs nobody on.
    pub aside: bool,
    /// What a real session is for, which nothing can end.
    pub session: Option<String>,
}

/// Why nothing may be sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Denial {
    /// To end the poll with.
    pub failure: Failure,
    /// When it may.
    pub next: UnixTime,
    /// Whether it may sooner, where what is under way now is taken.
    pub bound: bool,
}

impl Claim {
    pub fn new(target: &Target, aside: bool) -> Claim {
        // Secrets print as `<secret>`.
        let fingerprint = format!("{} {}", target.url, target.settings.identity());
        Claim { target: target.name.clone(), fingerprint, aside, session: None }
    }
}

impl Record {
    /// One of which this is known.
    pub fn new(last_accepted: Option<UnixTime>, hold: Option<Hold>) -> Record {
        Record { last_accepted, hold, ..Record::default() }
    }

    /// Whether this target may log on now. What it brings is noted: a changed address or changed credentials ask for
    /// another try.
    pub fn check(&mut self, claim: &Claim, now: UnixTime) -> Result<(), Denial> {
        self.limit(now);
        let is_edited = match &mut self.hold {
            Some(hold) => hold.add_target(&claim.target, &claim.fingerprint),
            None => self.unproven.is_edited(&claim.target, &claim.fingerprint),
        };
        if is_edited {
            self.lift(&claim.target, now);
        }
        if let Some(hold) = self.hold.as_ref().filter(|hold| now < hold.retry_at) {
            return Err(Denial { failure: hold.failure(now), next: hold.retry_at, bound: false });
        }
        match self.unproven.next(now, &claim.target, claim.aside) {
            Some(NextTry { at, bound }) => Err(Denial { failure: self.unproven.failure(at), next: at, bound }),
            None => Ok(()),
        }
    }

    /// A password is about to leave, unless it must not: from now on it counts as one that proved nothing.
    pub fn begin(&mut self, claim: &Claim, id: u64, now: UnixTime) -> Result<(), Denial> {
        self.check(claim, now)?;
        self.unproven.begin(id, now, &claim.target, claim.aside);
        if let Some(session) = &claim.session {
            self.sessions.insert(session.clone(), now);
        }
        Ok(())
    }

    /// It did not leave, or what came of it has nothing to do with the credentials.
    pub fn withdraw(&mut self, claim: &Claim, id: u64, left: bool) {
        self.unproven.withdraw(id);
        if let Some(session) = claim.session.as_ref().filter(|_| !left) {
            self.sessions.remove(session);
        }
    }

    /// It was taken. A request aside logs nobody on, so that it ends only a hold that such a request has brought about: else it
    /// would clear the way for a wrong password of a log-on every few minutes.
    pub fn accepted(&mut self, claim: &Claim, id: u64, now: UnixTime) {
        self.unproven.accepted(id, &claim.target, claim.aside);
        if !claim.aside || self.hold.as_ref().is_some_and(|hold| hold.aside) {
            self.last_accepted = Some(now);
            self.hold = None;
        }
    }

    /// It was refused: the identity is held from now on. Returns the failure (reason `auth`) to end the poll with.
    pub fn refused(&mut self, claim: &Claim, id: u64, now: UnixTime, message: &str) -> Failure {
        self.unproven.refused(id, &claim.target);
        let worked = self.last_accepted.is_some_and(|at| now.since(at) < WORKED_WITHIN);
        let hold = self.hold.get_or_insert_with(|| Hold::new(now, worked));
        hold.refused(now, message);
        hold.aside = claim.aside;
        hold.add_target(&claim.target, &claim.fingerprint);
        let next = hold.retry_at;
        let message = format!("{message}; no further log-on before {next} unless the secret, auth or url changes");
        Failure::new(Reason::Auth, message)
    }

    /// It proved nothing. Returns the failure to end the poll with, and when the next one may leave.
    pub fn proved_nothing(&mut self, claim: &Claim, id: u64, now: UnixTime, why: &Failure) -> (Failure, UnixTime) {
        let of = (&*claim.target, &*claim.fingerprint);
        self.unproven.proved_nothing(id, now, of, claim.aside, why);
        let next = self.unproven.next(now, &claim.target, claim.aside).map_or(now, |next| next.at);
        let message = format!("{}; this proves nothing about the credentials: no log-on before {next}", why.message);
        (Failure { message, ..why.clone() }, next)
    }

    /// A target now brings another secret; says whether that changes anything.
    pub fn leave(&mut self, target: &str) -> bool {
        self.hold.as_mut().is_some_and(|hold| hold.remove_target(target))
    }

    /// Lets the identity be tried once more, at the next poll of this target. `Err`: that may be then, as a hold ended before its
    /// time lately, or as many passwords have left as may.
    pub fn release(&mut self, target: &str, now: UnixTime) -> Result<(), UnixTime> {
        self.limit(now);
        match self.next_lift(now) {
            next if now < next => Err(next),
            _ => {
                self.lift(target, now);
                // The bound on all passwords stays.
                self.unproven.next(now, target, false).map_or(Ok(()), |next| Err(next.at))
            }
        }
    }

    /// Whether this target waits for a hold, or for a log-on that proved nothing.
    pub fn blocks(&self, target: &str, now: UnixTime) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.has(target) && now < hold.retry_at)
            || (self.unproven.has(target) && self.unproven.next(now, target, false).is_some())
    }

    /// Whether the last log-on of this target proved nothing.
    pub fn has_failed(&self, target: &str) -> bool {
        self.unproven.has_failed(target)
    }

    /// That nothing is sent before this time, as the last log-on proved nothing.
    pub fn denial(&self, until: UnixTime) -> Denial {
        Denial { failure: self.unproven.failure(until), next: until, bound: false }
    }

    /// When a session was last asked for this.
    pub fn last_session(&self, session: &str) -> Option<UnixTime> {
        self.sessions.get(session).copied()
    }

    /// Takes back what lies ahead of `now`, as what was noted under a wrong clock does: nothing waits longer than its longest.
    pub fn limit(&mut self, now: UnixTime) {
        self.last_accepted = self.last_accepted.map(|at| at.min(now));
        self.lifted_at = self.lifted_at.map(|at| at.min(now.plus(scaled(LIFT_INTERVAL))));
        self.sessions.values_mut().for_each(|at| *at = (*at).min(now));
        self.unproven.limit(now);
        if let Some(hold) = &mut self.hold {
            hold.limit(now);
        }
    }

    /// Forgets what says nothing any more; whether anything is left.
    pub fn prune(&mut self, now: UnixTime) -> bool {
        self.sessions.retain(|_, at| now.since(*at) < WORKED_WITHIN);
        self.hold.take_if(|hold| hold.is_over(now));
        self.last_accepted.take_if(|at| now.since(*at) > WORKED_WITHIN);
        self.hold.is_some() || self.last_accepted.is_some() || !self.sessions.is_empty() || !self.unproven.is_over(now)
    }

    /// Adds what another one knows of the same identity.
    pub fn merge(&mut self, other: &Record) {
        self.last_accepted = self.last_accepted.max(other.last_accepted);
        self.lifted_at = self.lifted_at.max(other.lifted_at);
        self.unproven.merge(&other.unproven);
        for (session, at) in &other.sessions {
            let own = self.sessions.entry(session.clone()).or_insert(*at);
            *own = (*own).max(*at);
        }
        match (&mut self.hold, &other.hold) {
            (Some(own), Some(other)) => own.merge(other),
            (own, other) => *own = own.take().or(other.clone()),
        }
    }

    /// When a hold may next end before its time.
    fn next_lift(&self, now: UnixTime) -> UnixTime {
        self.lifted_at.map_or(now, |at| at.plus(scaled(LIFT_INTERVAL))).max(now)
    }

    /// Lets a hold or a wait end now, or as soon as that may be again.
    fn lift(&mut self, target: &str, now: UnixTime) {
        let next = self.next_lift(now);
        if self.hold.as_mut().is_some_and(|hold| hold.advance(next)) {
            self.lifted_at = Some(next);
        }
        if next == now && self.unproven.next(now, target, false).is_some_and(|next| !next.bound) {
            self.unproven.lift(target);
            self.lifted_at = Some(now);
        }
    }
}
