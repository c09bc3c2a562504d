//! When and how targets are polled: schedule, jitter, no overlap, back-off, freshness, since-when.

pub mod memory;
