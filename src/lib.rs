//! Rollcall is a Prometheus exporter and alerter for agent fleets: it polls the APIs of Parallels RAS, Citrix, Azure DevOps and
//! Resilio, and tells Prometheus who is present, in what state, and since when.
//!
//! The data go one way:
//!
//! ```text
//!  rollcall.yml ─► config ─► poll: one task per target ◄──── daemon: configuration, state file, reload, stop
//!                             │  ▲
//!                             ▼  │ Observation
//!                            api: a vendor's session, requests, wire types ─► http
//!                             │
//!                             ▼
//!                            snapshot: agents and blocks of text, immutable ─► exposition
//!                             ├─► web: /metrics, pages, JSON
//!                             └─► alert: engine ─► queue ─► Alertmanager ◄── rules ─► Prometheus, dashboard ─► Grafana
//! ```
//!
//! A room (a module of this file with all below it) never uses one that uses it; a test reads the imports. [`cli`] starts
//! everything; [`web`] stands on [`daemon`], [`daemon`] on [`alert`] and [`poll`], and these on [`snapshot`], [`api`] and
//! [`http`]. A vendor knows nothing of metrics text, the web or alerts, and these know nothing of vendors; they meet in the
//! [`Observation`](api::Observation) and the [`Snapshot`](snapshot::Snapshot).
//!
//! Below all of them lie what the families of metrics are ([`catalogue`]), what the vendors are called ([`vendors`]), the
//! classes of [`health`], why a poll failed ([`failure`]), the [`clock`], which tests can pause, the registry of what is
//! counted without a target ([`event`]), what a configuration changes in the alerts ([`overrides`]), and small leaves:
//! [`duration`], [`glob`], [`histogram`], [`blocking`], [`mod@file`], [`descriptors`], [`printable`], [`scale`], [`shard`], [`notify`], [`mod@supervise`]. [`mod@reference`] writes the page on the public interface,
//! [`incidents`] says which alerts the simulated incidents bring.
//!
//! `fuzzing`, which only tests and fuzzers compile, stands on top of all of them: what must hold for any bytes.
//!
//! The simulated vendors are a crate of their own, `src/sim`: the compiler guarantees that they share nothing with [`api`],
//! so that one misreading cannot hide on both sides.

#![forbid(unsafe_code)]
// They panic where nobody reads any more, and wait for a reader that does not read.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]
// Tests may wait, and may read what they know to be small.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod alert;
pub mod api;
pub mod blocking;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod dashboard;
pub mod descriptors;
pub mod duration;
pub mod event;
pub mod exposition;
pub mod failure;
pub mod file;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod glob;
pub mod health;
pub mod histogram;
pub mod http;
pub mod incidents;
pub mod notify;
pub mod overrides;
pub mod poll;
pub mod printable;
pub mod reference;
pub mod rules;
pub mod scale;
pub mod shard;
pub mod snapshot;
pub mod supervise;
pub mod vendors;
pub mod web;
