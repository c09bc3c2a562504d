//! The simulated vendor APIs and their incidents, for `rollcall demo`, `rollcall simulate`, the tests and the benchmarks.
//!
//! Written from the vendors' pages; a crate of its own shares no code with the clients, so that one misreading cannot hide on both sides.
//! A service is a function of [`World`] (seed, time, incidents, quirks) plus the sessions it handed out: nothing is
//! stored per agent, so any size starts at once and stays small.
//!
//! Every service has a `new(world: Arc<World>)` and a row in the table of `vendors.rs`; [`Simulation`] builds all of them, gives
//! each a listener on loopback and keeps a journal of what they were asked.

// Tests may wait, and may read what they know to be small.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod azure_devops;
mod citrix_site;
mod citrix_storefront;
mod incident;
mod parallels_ras;
mod parallels_ras_session;
mod quick;
mod request;
mod resilio;
mod resilio_console;
mod server;
mod vendors;
mod world;

pub use azure_devops::{EntraRefusal, ShownJob, SignIn};
pub use citrix_site::Paging;
pub use citrix_storefront::{ChallengeStyle, ChoicesStyle, Enumeration, FormStyle, ListStyle, LogOn, Protocol};
pub use incident::{Incident, UnknownIncident};
pub use quick::{MORNING, quick_defaults, quick_target};
pub use request::{Body, Request, Response};
pub use server::{JournalEntry, Simulation};
pub use vendors::*;
pub use world::{Fault, Options, Quirk, World};

use std::collections::BTreeMap;

/// One sample that a perfect exporter would show for the simulated fleet at this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Metric name as in the exposition, e.g. `azure_devops_agent_online`.
    pub name: &'static str,
    /// Every label of the sample, `vendor` and `target` included.
    pub labels: BTreeMap<&'static str, String>,
    /// The value.
    pub value: f64,
}

impl Truth {
    /// A sample of a target: `vendor` and `target`, then the further labels.
    pub fn new(name: &'static str, vendor: &str, target: &str, labels: &[(&'static str, &str)], value: f64) -> Truth {
        let mut all = BTreeMap::from([("vendor", vendor.to_owned()), ("target", target.to_owned())]);
        all.extend(labels.iter().map(|(k, v)| (*k, (*v).to_owned())));
        Truth { name, labels: all, value }
    }
}

/// One simulated vendor API.
pub trait Service: Send + Sync + 'static {
    /// The vendor's name as in the configuration, e.g. `azure_devops`.
    fn vendor(&self) -> &'static str;

    /// Answers one request. Bodies of large answers are streamed ([`Body::Stream`]).
    fn answer(&self, request: Request) -> Response;

    /// What a perfect exporter would show now: every metric of the vendor, and `rollcall_agent_health` of every agent
    /// (the class that holds, at 1). What depends on the daemon's own clock is left out.
    fn truth(&self) -> Vec<Truth>;

    /// The entries for `targets:` (YAML list items, indented by two spaces) with which Rollcall polls this service,
    /// which listens at `base`, e.g. `http://127.0.0.1:40123`.
    fn targets(&self, base: &str) -> String;

    /// Whether the answers can show the quirk; the tests of quirks leave out vendors that cannot.
    fn shows(&self, _quirk: Quirk) -> bool {
        true
    }

    /// Whether the request submits a password, a PAT or a client secret, right or wrong: the journal counts these.
    fn carries_secret(&self, _request: &Request) -> bool {
        false
    }

    /// Changes the secret that is accepted from now on (a rotated password, PAT or API token).
    fn set_secret(&self, _secret: &str) {}

    /// Forgets every session and token that was handed out; the next request with one is refused.
    fn expire_sessions(&self) {}
}
