//! What a daemon survives: kills at any moment, disks that take or give nothing, files that are none, too few descriptors.
//!
//! `tests/run endurance` runs this with the long ones.

mod descriptors;
mod disk;
mod files;
mod kills;
