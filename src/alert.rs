//! Direct mode: the daemon evaluates the rules of [`rules`](crate::rules) itself and pages through Alertmanager.
//!
//! ```text
//! Snapshot ──► engine: pending, firing, held, resolved ──► queue, one per Alertmanager ──► alertmanager: HTTP
//! ```

pub mod alertmanager;
pub mod engine;
pub mod event;
pub mod queue;
pub mod state;
