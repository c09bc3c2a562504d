//! Wall time that follows tokio's clock, so that a test which pauses tokio pauses both.

use std::{
    fmt,
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

/// Tells wall time: the system's at the start, and from then on tokio's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    wall: UnixTime,
}

impl Clock {
    /// A clock that begins with the system's time.
    pub fn system() -> Clock {
        Clock { started: Instant::now(), wall: SystemTime::now().into() }
    }

    /// A clock that begins at a given time, for tests.
    pub fn at(wall: UnixTime) -> Clock {
        Clock { started: Instant::now(), wall }
    }

    /// Now.
    pub fn now(&self) -> UnixTime {
        self.wall.plus(self.started.elapsed())
    }
}
