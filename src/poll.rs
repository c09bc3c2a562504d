//! When and how targets are polled: schedule, jitter, no overlap, back-off, freshness, since-when.

pub mod aside;
mod fleet;
pub mod memory;
pub mod outcome;
mod schedule;
pub mod state;
mod task;

pub use fleet::{Clients, Fleet};
pub use state::{StateError, StateFile, StateLock};
