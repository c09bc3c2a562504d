//! The real binary against the simulated vendors: what happens on the wire and what stands on `/metrics`.
//!
//! Every test starts its own simulations and its own daemon on free ports, so all can run side by side.

// A test says what it expects by panicking, may wait, and may read what it knows to be small.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod browser;
mod catalogue;
mod cli;
mod dashboards;
mod demo;
mod deploy;
mod endurance;
mod failures;
mod fairness;
mod formats;
mod holds;
mod hostile;
mod incidents;
mod log;
mod modules;
mod paging;
mod polling;
mod program;
mod prometheus;
mod reachable;
mod readonly;
mod reload;
mod secrets;
mod support;
mod tls;
mod truth;
mod web_config;
