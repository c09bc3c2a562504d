//! What all simulated services share: size, seed, time, incidents, faults and quirks.

use super::{Incident, citrix_storefront::fleet::Machines, resilio::Filers};
use std::{
    sync::{
        Mutex, MutexGuard, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How the simulation is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Agents over all vendors together.
    pub agents: usize,
    /// The same seed gives the same fleet.
    pub seed: u64,
    /// Scripted incidents; each begins `incident_delay` after the start.
    pub incidents: Vec<Incident>,
    /// How long the fleet is well before the incidents begin.
    pub incident_delay: Duration,
    /// Time stands still at the start, but for [`World::advance`]: two reads give the same answer. Incidents with a delay then never begin; those
    /// without, and those of [`World::begin`], do.
    pub frozen: bool,
    /// Simulated seconds per real second for what moves by itself and for incidents; 1 is real time. The moments that
    /// answers tell keep to the real clock: what began an hour ago in a world of speed 60 began a minute ago.
    pub speed: f64,
    /// What the simulated clock shows at the start, since the Unix epoch, where that is not now: then the same happens at every
    /// start. Answers tell moments of the real clock all the same.
    pub clock: Option<Duration>,
    /// Resilio clients, where the share of `agents` is not what is wanted.
    pub resilio_clients: Option<usize>,
    /// The services listen on this port of loopback and those that follow it; free ports without.
    pub base_port: Option<u16>,
}

impl Default for Options {
    /// 200 agents, seed 1, real time, incidents (there are none) after a minute.
    fn default() -> Options {
        Options {
            agents: 200,
            seed: 1,
            incidents: Vec::new(),
            incident_delay: Duration::from_secs(60),
            frozen: false,
            speed: 1.0,
            clock: None,
            resilio_clients: None,
            base_port: None,
        }
    }
}

/// What the server does instead of a proper answer, for tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The connection is closed without an answer.
    Drop,
    /// No answer ever comes; the connection stays open.
    Hang,
    /// The answer comes after this time.
    Slow(Duration),
    /// This status with this body and content type.
    Status(u16, &'static str, &'static str),
    /// 200 with an HTML page.
    Html,
    /// The proper answer, cut off in the middle, with a matching `Content-Length`.
    Truncated,
    /// The proper answer padded with white space inside to at least this many bytes.
    Oversized(usize),
    /// A header is added to the proper answer.
    Header(&'static str, String),
}

/// An oddity in the data of a service, for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quirk {
    /// One more item in the main list that cannot be read (wrong shape, no key).
    BadItem,
    /// The first agent has a state that no table knows.
    UnknownState,
    /// The second agent has the name of the first.
    DuplicateName,
    /// The third agent is called `quote " backslash \ line` + line feed + `feed`.
    NastyName,
    /// The fourth agent has a name of 10 kB.
    LongName,
    /// Optional fields are missing everywhere, as older servers leave them out.
    OldServer,
    /// Other spellings that the vendor was seen to send: enum spellings, numbers as strings, other case, other namespace.
    OtherSpelling,
    /// Agent after agent of a pool is in another state, until every one of the vendor's page was shown; of the farm.
    EveryState,
}

/// Seed, time and what is wrong at the moment. Shared by all services of a simulation.
#[derive(Debug)]
pub struct World {
    /// As given.
    pub options: Options,
    started: Instant,
    /// What the simulated clock showed at the start, and what the real one did.
    epoch: Duration,
    real_epoch: Duration,
    /// Milliseconds that [`World::advance`] added.
    advanced: AtomicU64,
    changes: RwLock<Changes>,
    /// What tests have set of the Resilio agents, which their own API and the management console tell of.
    filers: Mutex<Filers>,
    /// What they have set of the Citrix machines, which StoreFront and the site tell of.
    machines: Mutex<Machines>,
}

#[derive(Debug, Default)]
struct Changes {
    incidents: Vec<(Incident, Duration)>,
    quirks: Vec<(&'static str, Quirk)>,
}

impl World {
    /// A world that begins now; a frozen one stands at 2026-01-15T08:00:00Z for ever.
    pub fn new(options: Options) -> World {
        let epoch = if options.frozen {
            Duration::from_secs(1_768_464_000)
        } else {
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
        };
        let begins = options.clock.unwrap_or(epoch);
        World { real_epoch: epoch, ..World::starting_at(options, begins) }
    }

    /// A world that begins at another moment, given since the Unix epoch: for tests that walk through a day.
    pub fn starting_at(options: Options, epoch: Duration) -> World {
        let incidents = options.incidents.iter().map(|i| (*i, options.incident_delay)).collect();
        World {
            options,
            started: Instant::now(),
            epoch,
            real_epoch: epoch,
            advanced: AtomicU64::new(0),
            changes: RwLock::new(Changes { incidents, quirks: Vec::new() }),
            filers: Mutex::default(),
            machines: Mutex::default(),
        }
    }

    /// How many of the agents are this vendor's.
    pub fn share(&self, vendor: &str) -> usize {
        super::vendors::share(vendor, self.options.agents.max(20), self.options.resilio_clients)
    }

    /// Simulated time since the start.
    pub fn elapsed(&self) -> Duration {
        let passed =
            if self.options.frozen { Duration::ZERO } else { self.started.elapsed().mul_f64(self.options.speed) };
        passed + Duration::from_millis(self.advanced.load(Ordering::Relaxed))
    }

    /// Lets so much simulated time pass at once, in whole milliseconds; a frozen world then stands still again.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.advanced.fetch_add(millis, Ordering::Relaxed);
    }

    /// Simulated wall time since the Unix epoch.
    pub fn now(&self) -> Duration {
        self.epoch + self.elapsed()
    }

    /// A simulated moment as the real clock has it, both in seconds since the Unix epoch.
    pub fn real(&self, moment: f64) -> f64 {
        if self.epoch == self.real_epoch && self.options.speed == 1.0 {
            return moment;
        }
        self.real_epoch.as_secs_f64() + self.real_time(moment - self.epoch.as_secs_f64())
    }

    /// A simulated time as the real clock has it, in seconds.
    pub fn real_time(&self, seconds: f64) -> f64 {
        seconds / self.options.speed
    }

    /// Starts an incident now.
    pub fn begin(&self, incident: Incident) {
        let at = self.elapsed();
        self.changes_mut().incidents.push((incident, at));
    }

    /// Ends an incident at once.
    pub fn end(&self, incident: Incident) {
        self.changes_mut().incidents.retain(|(i, _)| *i != incident);
    }

    /// How long the incident has lasted, if it has begun.
    pub fn since(&self, incident: Incident) -> Option<Duration> {
        let now = self.elapsed();
        let changes = self.changes.read().unwrap_or_else(|e| e.into_inner());
        changes.incidents.iter().find(|(i, at)| *i == incident && now >= *at).map(|(_, at)| now - *at)
    }

    /// Switches a quirk of one vendor on or off.
    pub fn set_quirk(&self, vendor: &'static str, quirk: Quirk, on: bool) {
        let mut changes = self.changes_mut();
        changes.quirks.retain(|q| *q != (vendor, quirk));
        if on {
            changes.quirks.push((vendor, quirk));
        }
    }

    /// Whether a quirk is on.
    pub fn quirk(&self, vendor: &'static str, quirk: Quirk) -> bool {
        self.changes.read().unwrap_or_else(|e| e.into_inner()).quirks.contains(&(vendor, quirk))
    }

    /// A number that depends only on the seed, a name and an index: the dice of the simulation.
    pub fn dice(&self, name: &str, index: u64) -> u64 {
        let mut hash = self.options.seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in name.bytes().chain(index.to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash ^= hash >> 33;
        hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^ (hash >> 33)
    }

    /// What tests have set of the Resilio agents.
    pub(crate) fn filers(&self) -> MutexGuard<'_, Filers> {
        self.filers.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What tests have set of the Citrix machines.
    pub(crate) fn machines(&self) -> MutexGuard<'_, Machines> {
        self.machines.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn changes_mut(&self) -> std::sync::RwLockWriteGuard<'_, Changes> {
        self.changes.write().unwrap_or_else(|e| e.into_inner())
    }
}
