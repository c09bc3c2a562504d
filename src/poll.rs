//! When and how targets are polled: schedule, jitter, no overlap, back-off, freshness, since-when.

mod details;
mod event;
mod fleet;
mod freshness;
pub mod outcome;
mod schedule;
mod task;

pub use fleet::{Clients, Fleet, SavedFleet};
