//! The alert rules: what is committed, what Prometheus' own tools say of it, and one table of cases for both evaluations.
//!
//! `promtool` and `amtool` must be installed (Debian: `prometheus`, `prometheus-alertmanager`).

mod alertmanager;
mod case;
mod cases;
mod chart;
mod committed;
#[path = "../it/incidents/costs.rs"]
mod costs;
mod engine;
mod faults;
mod promtool;
mod runbooks;
