//! The real binary against the simulated vendors: what happens on the wire and what stands on `/metrics`.
//!
//! Every test starts its own simulations and its own daemon on free ports, so all can run side by side.

// A test says what it expects by panicking, and may wait and read what it knows to be small.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod dashboards;
mod failures;
mod holds;
mod polling;
mod reload;
mod support;
