//! Room for the bodies that are under way: one budget for all targets of the process.
//!
//! A body takes room for what has come of it, never for what a server announces. A small one takes it at once. A large one
//! may have a share of what is left, so that none takes everything and there is always room for the next; what it needs
//! beyond that it waits for. Of those that wait the first may have a half that is kept for it, so that large bodies that came
//! together are read one after the other instead of waiting for each other. A body that takes up much and comes too
//! slowly, while others wait, is given up.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    blocking::LARGE_BODY,
    failure::{Failure, Reason},
};

/// Up to here a body never waits.
const SMALL: usize = LARGE_BODY;

/// Room is taken in steps of so many bytes.
const STEP: usize = LARGE_BODY;

/// While others wait, a large body must bring so many bytes in this time.
const PACE: (usize, Duration) = (64 * 1024, Duration::from_secs(5));

/// The budget of the process, 256 MiB until the configuration says otherwise.
static SHARED: LazyLock<Arc<Room>> = LazyLock::new(|| Arc::new(Room::new(256 << 20)));

/// Sets the budget of the process, in bytes. What is under way goes on.
pub fn set_max_buffered(bytes: u64) {
    SHARED.set_limit(usize::try_from(bytes).unwrap_or(usize::MAX));
}

/// A budget of bytes.
#[derive(Debug)]
pub(super) struct Room {
    state: Mutex<State>,
    /// Told when there may be more room.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    used: usize,
    /// The number of the next lease.
    next: u64,
    /// What those that wait hold, the earliest first.
    waiting: BTreeMap<u64, usize>,
    /// The lease that may have what is kept, and what it holds.
    first: Option<(u64, usize)>,
}

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(limit: usize) -> Room {
        let state = State { limit, used: 0, next: 0, waiting: BTreeMap::new(), first: None };
        Room { state: Mutex::new(state), changed: Notify::new() }
    }

    /// That of the process.
    pub(super) fn shared() -> Arc<Room> {
        Arc::clone(&SHARED)
    }

    fn set_limit(&self, limit: usize) {
        self.lock().limit = limit;
        self.changed.notify_waiters();
    }

    /// The longest body that there can be room for, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.lock().limit
    }

    /// A lease of nothing yet.
    pub(super) fn lease(self: &Arc<Room>) -> Lease {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        Lease { room: Arc::clone(self), number, held: 0, pace: None }
    }

    /// Bytes that are taken.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.lock().used
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn is_first(&self, number: u64) -> bool {
        self.first.is_some_and(|(first, _)| first == number)
    }

    /// Whether a lease of `held` bytes may grow to `wanted`.
    fn allows(&self, number: u64, held: usize, wanted: usize) -> bool {
        if self.is_first(number) {
            return self.used - held + wanted <= self.limit;
        }
        let kept = self.limit / 2;
        let shared = self.limit - kept;
        let used = self.used - self.first.map_or(0, |(_, held)| held.min(kept));
        // At most what is left without it: one body alone has half of what is shared, of several each has as much as stays free.
        used - held + wanted <= shared && used + wanted <= shared
    }
}

/// The room that a body takes; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    room: Arc<Room>,
    number: u64,
    held: usize,
    /// Since when, and from which length on, the pace is measured.
    pace: Option<(Instant, usize)>,
}

impl Lease {
    /// Takes room for so many bytes in all, and waits for it where the body is large; `waits` is true meanwhile.
    pub(super) async fn grow(&mut self, bytes: usize, waits: &AtomicBool) {
        if bytes <= self.held {
            return;
        }
        let room = Arc::clone(&self.room);
        loop {
            let changed = room.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if self.try_grow(bytes) {
                waits.store(false, Ordering::Relaxed);
                return;
            }
            waits.store(true, Ordering::Relaxed);
            changed.await;
        }
    }

    fn try_grow(&mut self, bytes: usize) -> bool {
        let mut state = self.room.lock();
        let wanted = bytes.next_multiple_of(STEP).min(state.limit.max(bytes));
        if wanted > SMALL && !state.allows(self.number, self.held, wanted) {
            state.waiting.insert(self.number, self.held);
            if state.first.is_none() {
                state.first = state.waiting.first_key_value().map(|(number, held)| (*number, *held));
            }
            if !state.is_first(self.number) || !state.allows(self.number, self.held, wanted) {
                return false;
            }
        }
        state.waiting.remove(&self.number);
        state.used = state.used - self.held + wanted;
        self.held = wanted;
        if state.is_first(self.number) {
            state.first = Some((self.number, wanted));
        }
        true
    }

    /// How long the next bytes may be waited for, of a body of which `len` have come; `None`: as long as the deadline allows.
    /// Fails where it is too slow for those who wait for its room.
    pub(super) fn patience(&mut self, len: usize) -> Result<Option<Duration>, Failure> {
        let is_in_the_way = self.held > SMALL && !self.room.lock().waiting.is_empty();
        if !is_in_the_way {
            self.pace = None;
            return Ok((self.held > SMALL).then_some(PACE.1));
        }
        let now = Instant::now();
        let (since, from) = *self.pace.get_or_insert((now, len));
        if now - since < PACE.1 {
            return Ok(Some(PACE.1 - (now - since)));
        }
        if len - from < PACE.0 {
            let message =
                format!("only {} bytes in {:?}, while other answers wait for its room", len - from, now - since);
            return Err(Failure::new(Reason::Timeout, message));
        }
        self.pace = Some((now, len));
        Ok(Some(PACE.1))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        state.used -= self.held;
        state.waiting.remove(&self.number);
        if state.is_first(self.number) {
            state.first = state.waiting.first_key_value().map(|(number, held)| (*number, *held));
        }
        let is_awaited = !state.waiting.is_empty();
        drop(state);
        if is_awaited {
            self.room.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
