//! The simulated vendor APIs and their incidents, for `rollcall demo`, `rollcall simulate`, the tests and the benchmarks.
//!
//! Written from the vendors' pages; it shares no code with `vendor/`, so that one misreading cannot hide on both sides.
//! A service is a function of [`World`] (seed, time, incidents, quirks) plus the sessions it handed out: nothing is
//! stored per agent, so any size starts at once and stays small.

mod azure_devops;
mod citrix_storefront;
mod parallels_ras;
mod parallels_ras_session;
mod resilio;
mod server;
mod world;

pub use server::{Body, Request, Response, Seen, Simulation};
pub use world::{Fault, Incident, Options, Quirk, World};

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

/// One simulated vendor API.
pub trait Service: Send + Sync + 'static {
    /// The vendor's name as in the configuration, e.g. `azure_devops`.
    fn vendor(&self) -> &'static str;

    /// Answers one request. Bodies of large answers are streamed ([`Body::Stream`]).
    fn answer(&self, request: Request) -> Response;

    /// What a perfect exporter would show now: every metric of the vendor, and `rollcall_agent_health` of every agent
    /// (the class that holds, at 1).
    fn truth(&self) -> Vec<Truth>;

    /// The entries for `targets:` (YAML list items, indented by two spaces) with which Rollcall polls this service,
    /// which listens at `base`, e.g. `http://127.0.0.1:40123`.
    fn targets(&self, base: &str) -> String;
}
