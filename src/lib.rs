//! Rollcall takes the roll call of agent fleets: it polls the APIs of Parallels RAS, Citrix StoreFront, Azure DevOps and
//! Resilio, and tells Prometheus who is present, in what state, and since when.
//!
//! The data go one way. [`config`] says what to poll. [`poll`] has one task per target, which asks its [`vendor`] API
//! through the one [`http`] client and gets an [`Observation`](vendor::Observation): agents in classes of [`health`], and
//! samples of the families of the [`catalogue`]. The target's ledger in [`snapshot`] takes it up and publishes an immutable
//! [`Snapshot`](snapshot::Snapshot) with blocks of text that are ready to be sent; [`exposition`] splices them into the
//! answer to a scrape, and [`web`] serves it, with pages and JSON beside it.
//!
//! A vendor knows nothing of metrics text or the web, the web knows nothing of vendors; they meet in the observation and the
//! snapshot. [`failure`] is why a poll failed, [`event`] is what is worth a log line, [`clock`] is the time, which tests can
//! pause, and [`scale`] lets them hurry the alerting. [`daemon`] holds it together, [`shard`] says which targets are this
//! one's, [`cli`] starts it, and [`notify`] tells systemd. [`alert`] has every alert as data: the rules for Prometheus come
//! from it, and in direct mode the daemon evaluates the snapshots by it and tells Alertmanager. [`dashboard`] is what Grafana
//! shows, and [`reference`] is the page on the public interface. [`sim`] stands in for the vendors in the demo and in the
//! tests, and shares nothing with [`vendor`], so that a misreading cannot hide on both sides.

#![forbid(unsafe_code)]
// Tests may wait, and may read what they know to be small.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod alert;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod dashboard;
pub mod event;
pub mod exposition;
pub mod failure;
pub mod health;
pub mod http;
pub mod notify;
pub mod poll;
pub mod reference;
pub mod scale;
pub mod shard;
pub mod sim;
pub mod snapshot;
pub mod vendor;
pub mod web;
