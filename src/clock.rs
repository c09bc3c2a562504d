//! Wall time that follows tokio's clock, so that a test which pauses tokio pauses both.

use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// A moment in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// From whole seconds.
    pub const fn from_secs(seconds: i64) -> UnixTime {
        UnixTime(seconds.saturating_mul(1000))
    }

    /// In seconds, as Prometheus wants it.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// How long ago `earlier` was; zero where it lies ahead.
    pub fn since(self, earlier: UnixTime) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment, `duration` later.
    pub fn plus(self, duration: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment, `duration` earlier.
    pub fn minus(self, duration: Duration) -> UnixTime {
        UnixTime(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> UnixTime {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        UnixTime(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

/// RFC 3339 in UTC, for people.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.0}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// Tells wall time: the system's at the start, and from then on tokio's monotonic clock, set right by [`Clock::resync`].
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    /// Milliseconds since the Unix epoch at `started`; one place for all copies of the clock.
    wall: &'static AtomicI64,
    follows_system: bool,
}

/// The system's time may differ by so much before it is followed.
const TOLERANCE: i64 = 1000;

impl Clock {
    /// A clock that begins with the system's time and follows it. One is made in the life of a process.
    pub fn system() -> Clock {
        Clock { follows_system: true, ..Clock::at(SystemTime::now().into()) }
    }

    /// A clock that begins at a given time, for tests.
    pub fn at(wall: UnixTime) -> Clock {
        // Never given back: a clock lives as long as its process, and can so be copied.
        Clock { started: Instant::now(), wall: Box::leak(Box::new(AtomicI64::new(wall.0))), follows_system: false }
    }

    /// Now.
    pub fn now(&self) -> UnixTime {
        UnixTime(self.wall.load(Ordering::Relaxed)).plus(self.started.elapsed())
    }

    /// Another value means that the clock was stepped meanwhile.
    pub fn setting(&self) -> i64 {
        self.wall.load(Ordering::Relaxed)
    }

    /// Follows the system's time where it was stepped, or drifted away by more than a second: a start before the first
    /// synchronisation, or a machine that slept, must not make every timestamp wrong until the next start.
    pub fn resync(&self) {
        if self.follows_system {
            self.follow(SystemTime::now().into());
        }
    }

    /// The system's clock is stepped to this time, for tests.
    #[cfg(test)]
    pub fn step_to(&self, system: UnixTime) {
        self.follow(system);
    }

    fn follow(&self, system: UnixTime) {
        self.step(self.wall.load(Ordering::Relaxed), system);
    }

    /// Follows a step that was seen while `wall` was what it is. Others see it at the same time, and one of them is enough:
    /// what each of them added would be as many steps.
    fn step(&self, wall: i64, system: UnixTime) {
        let ahead = system.0 - UnixTime(wall).plus(self.started.elapsed()).0;
        if ahead.abs() > TOLERANCE {
            let _ = self.wall.compare_exchange(wall, wall + ahead, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_step_of_the_system_clock_is_followed_and_a_little_drift_is_not() {
        let clock = Clock::at(UnixTime::from_secs(1000));
        let copy = clock;
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(copy.now(), UnixTime::from_secs(1060));
        clock.follow(UnixTime(1_060_900));
        assert_eq!(copy.now(), UnixTime::from_secs(1060));
        clock.follow(UnixTime::from_secs(90_000));
        assert_eq!(copy.now(), UnixTime::from_secs(90_000));
        clock.follow(UnixTime::from_secs(500));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(copy.now(), UnixTime::from_secs(501));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_two_see_at_once_is_followed_once() {
        let clock = Clock::at(UnixTime::from_secs(1000));
        let (seen, system) = (clock.wall.load(Ordering::Relaxed), UnixTime::from_secs(90_000));
        clock.step(seen, system);
        clock.step(seen, system);
        assert_eq!(clock.now(), system);
    }
}
