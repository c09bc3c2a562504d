//! How many replays run side by side: two processors keep up with two that are sixty times faster, or with three or more slower ones.

use std::sync::{Condvar, Mutex};

/// The factors of all that run may add up to this.
const MOST: u32 = 120;

static RUNNING: Mutex<u32> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The turn of one replay, until it is dropped.
pub struct Turn(u32);

/// Waits until there is room for a replay that is so many times faster.
pub fn wait(factor: u32) -> Turn {
    let running = RUNNING.lock().expect("nothing panics with it");
    let full = |running: &mut u32| *running + factor > MOST;
    let mut running = ENDED.wait_while(running, full).expect("nothing panics with it");
    *running += factor;
    Turn(factor)
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().expect("nothing panics with it") -= self.0;
        ENDED.notify_all();
    }
}
