//! What a daemon survives: hundreds of polls of fleets that change, kills at any moment, disks that take or give nothing,
//! files that are none, too few descriptors.
//!
//! `tests/run endurance` runs this with the long ones.

mod churn;
mod descriptors;
mod disk;
mod files;
mod kills;
mod polls;
mod table;
