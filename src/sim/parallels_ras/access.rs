//! Log-on, sessions, lock-out and the rate limit of the RAS Web Administration Service.

use crate::{Incident, World};
use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

/// The account that may log on.
pub(super) const USERNAME: &str = "svc-rollcall";
/// Its password, until it is changed.
pub(super) const PASSWORD: &str = "take-the-roll-4";

/// Wrong passwords in a row that lock the account, as in a usual domain policy.
const WRONG_UNTIL_LOCKED: u32 = 5;
/// The vendor's "50 requests are allowed per window by default", for all clients together.
const RATE_LIMIT: u32 = 50;
/// "Default: 10 seconds", of real time: clients count in it too.
const WINDOW: Duration = Duration::from_secs(10);
/// Idle time after which a session ends. The vendor's default is not documented.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// What the service remembers about its clients; nothing about agents.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) password: String,
    pub(super) idle: Duration,
    pub(super) rate_limit: Option<u32>,
    /// Lower-case paths that the account may not read.
    pub(super) forbidden: BTreeSet<String>,
    /// The one site of which lists are that name none.
    pub(super) default_site: Option<usize>,
    /// When each token was used last.
    sessions: HashMap<String, Duration>,
    issued: u64,
    wrong: u32,
    window: Option<(Instant, u32)>,
}

impl Default for Access {
    fn default() -> Access {
        Access {
            password: PASSWORD.to_owned(),
            idle: IDLE,
            rate_limit: Some(RATE_LIMIT),
            forbidden: BTreeSet::new(),
            default_site: None,
            sessions: HashMap::new(),
            issued: 0,
            wrong: 0,
            window: None,
        }
    }
}

impl Access {
    /// Counts a request; whether it is still within the limit of its window.
    pub(super) fn within_limit(&mut self) -> bool {
        let now = Instant::now();
        let (begun, count) = match self.window {
            Some((begun, count)) if now - begun < WINDOW => (begun, count),
            _ => (now, 0),
        };
        self.window = Some((begun, count + 1));
        self.rate_limit.is_none_or(|limit| count < limit)
    }

    /// A new session's token, or nothing where the log-on is refused. A locked account refuses the right password too.
    pub(super) fn log_on(&mut self, world: &World, user: &str, password: &str) -> Option<String> {
        let known = user.eq_ignore_ascii_case(USERNAME);
        if !known || self.locked() {
            return None;
        }
        if password != self.password {
            self.wrong += 1;
            return None;
        }
        // An expired password is right and refused all the same, which no lock-out policy counts.
        if world.since(Incident::PasswordExpired).is_some() {
            return None;
        }
        self.wrong = 0;
        self.prune(world);
        self.issued += 1;
        let (left, right) = (world.dice("ras-token", self.issued), world.dice("ras-salt", self.issued));
        let token = format!("{left:016x}+{right:016x}-{:x}==", self.issued);
        self.sessions.insert(token.clone(), world.elapsed());
        Some(token)
    }

    /// Whether the token is good; using it keeps the session alive.
    pub(super) fn touch(&mut self, world: &World, token: &str) -> bool {
        self.prune(world);
        match self.sessions.get_mut(token) {
            Some(used) => {
                *used = world.elapsed();
                true
            }
            None => false,
        }
    }

    /// Ends a session; whether there was one.
    pub(super) fn log_off(&mut self, token: &str) -> bool {
        self.sessions.remove(token).is_some()
    }

    /// Ends all.
    pub(super) fn expire(&mut self) {
        self.sessions.clear();
    }

    /// Sessions that were not logged off and have not expired.
    pub(super) fn open(&mut self, world: &World) -> usize {
        self.prune(world);
        self.sessions.len()
    }

    /// Whether too many wrong passwords came.
    pub(super) fn locked(&self) -> bool {
        self.wrong >= WRONG_UNTIL_LOCKED
    }

    /// As an administrator does it.
    pub(super) fn unlock(&mut self) {
        self.wrong = 0;
    }

    fn prune(&mut self, world: &World) {
        // With the password the directory ends what was opened with it, or nobody would notice for days.
        if world.since(Incident::PasswordExpired).is_some() {
            self.sessions.clear();
        }
        let (now, idle) = (world.elapsed(), self.idle);
        self.sessions.retain(|_, used| now.saturating_sub(*used) < idle);
    }
}
