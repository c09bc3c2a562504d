//! For the tests, and for `rollcall demo --fast`: hours of alerting within minutes. The hidden flag `--time-scale 60` lets everything
//! that alerting waits for take a sixtieth of its time, in the rules that are printed and in the daemon's own engine alike: `for` and
//! `keep_firing_for`, the windows and ages in conditions, holds, resends and what is remembered how long. Polls take the
//! time that the configuration gives them; only the spread of the first ones and the least interval of a deep probe follow.
//!
//! Times are scaled where they are used, so that configuration, state file and documentation say what they always say.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// How many times faster `--fast` is: then each page of an incident comes within a minute, and a Prometheus that scrapes and
/// evaluates every second keeps up.
pub const FAST: u32 = 30;

/// How many times faster. Set once, before anything else.
static FACTOR: AtomicU32 = AtomicU32::new(1);

/// From now on time runs this many times faster.
pub fn set(factor: u32) {
    FACTOR.store(factor.max(1), Ordering::Relaxed);
}

/// How many times faster time runs.
pub fn factor() -> u32 {
    FACTOR.load(Ordering::Relaxed)
}

/// A time of the alerting as long as it is to take.
pub fn scaled(time: Duration) -> Duration {
    time / factor()
}
