//! What is served of a target, judged when it is served and not by its task: that may have died, or hang.
//!
//! A snapshot is true for a while: until a part of it is past `stale_after`, or until polls that are due did not come. After
//! that whoever reads it has it published anew. The ledger is tried and not waited for; where a task hangs with it, the
//! snapshot itself is cut down.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, TryLockError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::task::GRACE;
use crate::{
    clock::{Clock, UnixTime},
    config::Target,
    event::{Panicked, panic_text},
    snapshot::{Judge, Ledger, Slot},
};

/// The time its task has to withdraw by itself what becomes stale.
const MARGIN: Duration = Duration::from_secs(1);

/// Polls have not stopped before they are late by this, however short the interval is: a machine may be busy.
const LATE: Duration = Duration::from_secs(15);

/// Where a snapshot could not be published anew, that is tried again so soon.
const RETRY: Duration = Duration::from_secs(5);

/// Until when the newest snapshot of a target is true. All moments are those of the monotonic clock: a step of the system's
/// makes no poll late.
#[derive(Debug)]
pub(super) struct Freshness {
    target: Arc<Target>,
    ledger: Arc<Mutex<Ledger>>,
    clock: Clock,
    direct: Arc<AtomicBool>,
    /// Moments are counted from here, in milliseconds.
    base: Instant,
    /// When the next poll is due.
    due: Mutex<Option<Instant>>,
    expires: AtomicU64,
    /// When nothing is fresh any more.
    all_stale: AtomicU64,
    /// What the wall clock and the mode were when the snapshot was made.
    wall: AtomicI64,
    was_direct: AtomicBool,
}

const NEVER: u64 = u64::MAX;

impl Freshness {
    /// Of a target whose polls are not planned yet.
    pub fn new(target: Arc<Target>, ledger: Arc<Mutex<Ledger>>, clock: Clock, direct: Arc<AtomicBool>) -> Freshness {
        Freshness {
            target,
            ledger,
            clock,
            direct,
            base: Instant::now(),
            due: Mutex::default(),
            expires: AtomicU64::new(0),
            all_stale: AtomicU64::new(NEVER),
            wall: AtomicI64::new(clock.setting()),
            was_direct: AtomicBool::default(),
        }
    }

    /// Notes when the next poll is due.
    pub fn plan(&self, due: Instant) {
        *self.due.lock().unwrap_or_else(|e| e.into_inner()) = Some(due);
    }

    /// Publishes what the ledger knows now; returns when the next part becomes stale.
    pub fn publish(&self, ledger: &mut Ledger, slot: &Slot) -> Option<UnixTime> {
        let (at, setting, now) = (Instant::now(), self.clock.setting(), self.clock.now());
        let direct = self.direct.load(Ordering::Relaxed);
        ledger.status.direct_alerting = direct;
        ledger.status.next_poll = self.next_poll(at, now);
        let (missed, expires) = self.missed(at);
        ledger.status.missed = missed;
        let published = ledger.publish(now);
        let on_clock = |moment: UnixTime| at + moment.since(now) + MARGIN;
        let stale = published.next_stale.map(on_clock);
        self.all_stale
            .store(published.all_stale.map_or(NEVER, |moment| self.millis(on_clock(moment))), Ordering::Relaxed);
        self.wall.store(setting, Ordering::Relaxed);
        self.was_direct.store(direct, Ordering::Relaxed);
        slot.publish(published.snapshot);
        let expires = expires.into_iter().chain(stale).min();
        self.expires.store(expires.map_or(NEVER, |moment| self.millis(moment)), Ordering::Relaxed);
        published.next_stale
    }

    fn next_poll(&self, at: Instant, now: UnixTime) -> Option<UnixTime> {
        self.due().map(|due| match due.checked_duration_since(at) {
            Some(left) => now.plus(left),
            None => now.minus(at - due),
        })
    }

    /// How many polls should have ended by now and did not, and when that will be more. None is missed before three
    /// intervals have gone by, beside the time that a poll may take.
    fn missed(&self, at: Instant) -> (u64, Option<Instant>) {
        let Some(due) = self.due() else { return (0, None) };
        let (ended, interval) = (due + self.target.timeout + GRACE, self.target.interval.max(Duration::from_millis(1)));
        let first = ended + (2 * interval).max(LATE);
        if at < first {
            return (0, Some(first));
        }
        let intervals = (at - ended).as_millis() / interval.as_millis().max(1);
        let intervals = u32::try_from(intervals).unwrap_or(u32::MAX - 1);
        (u64::from(intervals) + 1, Some(ended + interval.saturating_mul(intervals + 1)))
    }

    /// Cuts the snapshot itself down, where its ledger cannot be asked.
    fn cut(&self, slot: &Slot, at: Instant) {
        let before = slot.newest();
        let missed = self.missed(at).0;
        let stale = before.status.stale || self.millis(at) >= self.all_stale.load(Ordering::Relaxed);
        if missed == before.status.missed && stale == before.status.stale {
            return;
        }
        let mut status = before.status.clone();
        (status.missed, status.stale) = (missed, stale);
        let cut = before.with_status(&status);
        slot.exchange(&before, cut);
    }

    fn due(&self) -> Option<Instant> {
        *self.due.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.base).as_millis()).unwrap_or(NEVER)
    }
}

impl Judge for Freshness {
    fn has_expired(&self, at: Instant) -> bool {
        self.millis(at) >= self.expires.load(Ordering::Relaxed)
            || self.wall.load(Ordering::Relaxed) != self.clock.setting()
            || self.was_direct.load(Ordering::Relaxed) != self.direct.load(Ordering::Relaxed)
    }

    fn renew(&self, slot: &Slot, at: Instant) {
        let Some(mut ledger) = try_lock(&self.ledger) else { return self.cut(slot, at) };
        // What has killed the task must not kill whoever reads.
        let published = catch_unwind(AssertUnwindSafe(|| self.publish(&mut ledger, slot)));
        if let Err(panic) = published {
            let (subject, message) = (Some(&*self.target.name), panic_text(&*panic));
            Panicked { task: "publish", subject, message }.emit();
            self.cut(slot, at);
            self.wall.store(self.clock.setting(), Ordering::Relaxed);
            self.was_direct.store(self.direct.load(Ordering::Relaxed), Ordering::Relaxed);
            self.expires.store(self.millis(at + RETRY), Ordering::Relaxed);
        }
    }
}

/// The ledger, where nobody has it.
fn try_lock(ledger: &Mutex<Ledger>) -> Option<MutexGuard<'_, Ledger>> {
    match ledger.try_lock() {
        Ok(ledger) => Some(ledger),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// The ledger, unless somebody keeps it for longer than any work with it takes.
pub(super) fn lock_in_time(ledger: &Mutex<Ledger>) -> Option<MutexGuard<'_, Ledger>> {
    const STEP: Duration = Duration::from_millis(5);
    const STEPS: u32 = 2000;
    for _ in 0..STEPS {
        if let Some(ledger) = try_lock(ledger) {
            return Some(ledger);
        }
        std::thread::park_timeout(STEP);
    }
    None
}
