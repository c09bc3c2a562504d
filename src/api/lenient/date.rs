//! Times as vendors write them: dates, Unix times and .NET time spans.

use std::{borrow::Cow, time::Duration};

use super::{Field, FromScalar};
use crate::clock::UnixTime;

/// A moment with all the digits the vendor sends: .NET writes seven of a second's, more than [`UnixTime`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
}

impl Timestamp {
    /// Nanoseconds after a whole second since the Unix epoch.
    pub const fn new(seconds: i64, nanos: u32) -> Timestamp {
        Timestamp { seconds, nanos }
    }

    /// In seconds, as Prometheus wants it.
    pub fn as_secs_f64(self) -> f64 {
        self.seconds as f64 + f64::from(self.nanos) / 1e9
    }
}

impl From<Timestamp> for UnixTime {
    fn from(moment: Timestamp) -> UnixTime {
        UnixTime(moment.seconds * 1000 + i64::from(moment.nanos / 1_000_000))
    }
}

/// A date of ISO 8601, or Unix time in seconds or, above 1e11, in milliseconds; 0 and negative numbers mean "never".
impl<'de> FromScalar<'de> for Timestamp {
    fn text(text: Cow<'de, str>) -> Field<Self> {
        let text = text.trim();
        match date(text) {
            Field::Bad => f64::text(Cow::Borrowed(text)).and_then(Timestamp::float),
            read => read,
        }
    }

    fn int(number: i64) -> Field<Self> {
        Timestamp::float(number as f64)
    }

    fn float(number: f64) -> Field<Self> {
        let seconds = if number > 1e11 { number / 1000.0 } else { number };
        match seconds {
            seconds if !seconds.is_finite() => Field::Bad,
            seconds if seconds <= 0.0 => Field::Missing,
            // Up to the year 9999.
            seconds if seconds < 253_402_300_800.0 => {
                Field::Value(Timestamp::new(seconds as i64, (seconds.fract() * 1e9) as u32))
            }
            _ => Field::Bad,
        }
    }
}

/// A date of ISO 8601: `2025-09-24T09:25:54.2998305Z`.
///
/// - `T` or a space between date and time; any number of fractional digits, of which nine count.
/// - `Z`, `+02:00`, `+0200`, `+02`, or no zone at all: that is UTC, as .NET prints UTC times of kind "unspecified".
/// - `24:00:00` is the midnight at the end of the day. `60` is the leap second, at the end of a day in UTC.
/// - The year 1 is how .NET says "never".
///
/// No vendor was seen to send another form, `/Date(…)/` of old .NET included.
pub(super) fn date(text: &str) -> Field<Timestamp> {
    match parse_date(text.as_bytes()) {
        None => Field::Bad,
        Some((year, _)) if year <= 1 => Field::Missing,
        Some((_, moment)) => Field::Value(moment),
    }
}

/// Year and moment. By hand, as a list of agents has five dates an agent and a general parser costs ten times
/// as much.
fn parse_date(text: &[u8]) -> Option<(i64, Timestamp)> {
    let (head, rest) = text.split_first_chunk::<19>()?;
    #[rustfmt::skip]
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] = *head
    else {
        return None;
    };
    let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
    let (month, day) = (two_digits(m1, m2)?, two_digits(d1, d2)?);
    let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(n1, n2)?, two_digits(s1, s2)?);
    let (nanos, zone) = match rest {
        [b'.' | b',', rest @ ..] => fraction(rest)?,
        _ => (0, rest),
    };
    let offset = offset(zone)?;
    let is_midnight = (hour, minute, second, nanos) == (24, 0, 0, 0);
    let is_day = (1..=12).contains(&month) && day >= 1 && (day <= 28 || day <= days_in_month(year, month));
    if !is_day || (hour > 23 && !is_midnight) || minute > 59 || second > 60 {
        return None;
    }
    // Days from civil, after Howard Hinnant, with years that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    if second == 60 && seconds.rem_euclid(86_400) != 0 {
        return None;
    }
    Some((year, Timestamp { seconds, nanos }))
}

fn two_digits(ten: u8, one: u8) -> Option<i64> {
    (ten.is_ascii_digit() && one.is_ascii_digit()).then(|| i64::from(ten - b'0') * 10 + i64::from(one - b'0'))
}

/// The nanoseconds, and what is behind the digits. There is at least one digit.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let (mut nanos, mut place, mut rest) = (0, 1_000_000_000, text);
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        place /= 10;
        nanos += u32::from(digit - b'0') * place;
        rest = behind;
    }
    (rest.len() < text.len()).then_some((nanos, rest))
}

/// Seconds that the zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2] => (sign, two_digits(h1, h2)?, 0),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, two_digits(h1, h2)?, two_digits(m1, m2)?),
        _ => return None,
    };
    let ahead = (hours * 60 + minutes) * 60;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(ahead),
        b'-' => Some(-ahead),
        _ => None,
    }
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// A .NET time span: `[-][d.]hh:mm:ss[.fffffff]`. Negative ones are zero.
pub fn span(text: &str) -> Option<Duration> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut fields = text.split(':');
    let (hours, minutes, seconds) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let seconds: f64 = seconds.parse().ok().filter(|s: &f64| (0.0..3600.0).contains(s))?;
    let (days, hours, minutes): (u32, u32, u32) = (days.parse().ok()?, hours.parse().ok()?, minutes.parse().ok()?);
    let whole = u64::from(days) * 86_400 + u64::from(hours) * 3600 + u64::from(minutes) * 60;
    Some(if negative { Duration::ZERO } else { Duration::from_secs(whole) + Duration::from_secs_f64(seconds) })
}

#[cfg(test)]
mod tests;
