//! Moments as the service prints them: UTC with `Z`, and 0 to 7 fractional digits without trailing zeros.

use jiff::Timestamp;
use std::fmt;

/// A moment in 128ths of a second since the Unix epoch.
///
/// A 128th has at most seven decimal digits, as .NET's ticks have, and it is exact as `f64`: what the service prints and
/// what the truth says are the same number, whichever way a client reads the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SimTime(i64);

impl SimTime {
    /// A whole second and a fraction of it, in 128ths, of which only the lowest seven bits count.
    pub(crate) fn new(second: i64, fraction: u64) -> SimTime {
        SimTime(second * 128 + i64::from((fraction & 0x7f) as u8))
    }

    /// This many seconds later, or earlier.
    pub(crate) fn plus(self, seconds: i64) -> SimTime {
        SimTime(self.0 + seconds * 128)
    }

    /// The nearest one to this Unix time.
    pub(crate) fn at(seconds: f64) -> SimTime {
        SimTime((seconds * 128.0).round() as i64)
    }

    /// Unix time.
    pub(crate) fn seconds(self) -> f64 {
        self.0 as f64 / 128.0
    }

    /// The same for a formatter of dates. The epoch stands in for what no calendar holds.
    pub(crate) fn timestamp(self) -> Timestamp {
        let nanos = self.0.rem_euclid(128) as i32 * 7_812_500;
        Timestamp::new(self.0.div_euclid(128), nanos).unwrap_or_default()
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.timestamp(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_have_up_to_seven_digits_and_no_trailing_zeros() {
        let print = |fraction| SimTime::new(1_768_464_000, fraction).to_string();
        assert_eq!(print(0), "2026-01-15T08:00:00Z");
        assert_eq!(print(64), "2026-01-15T08:00:00.5Z");
        assert_eq!(print(127), "2026-01-15T08:00:00.9921875Z");
        assert_eq!(SimTime::new(10, 64).seconds(), 10.5);
        assert_eq!(SimTime::new(10, 64).plus(-11).seconds(), -0.5);
    }
}
