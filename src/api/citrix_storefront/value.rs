//! Times, spans and truth values as StoreFront writes them.

use std::time::Duration;

use crate::clock::UnixTime;

/// 2000-01-01: what lies before is .NET's way to say that a time is not set (`0001-01-01T00:00:00Z`).
const FIRST: f64 = 946_684_800.0;

/// A time that says something, in Unix seconds with all its digits: `None` for unset ones, those before 2000 or over a day ahead of `now`. `Err`: one that
/// cannot be read.
pub fn moment(text: &str, now: UnixTime) -> Result<Option<f64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let (seconds, nanos) = read(text).ok_or(())?;
    let time = seconds as f64 + f64::from(nanos) / 1e9;
    let last = now.plus(Duration::from_secs(86_400)).as_secs_f64();
    Ok((FIRST..=last).contains(&time).then_some(time))
}

/// `2025-09-24T09:25:54.2998305Z`: any number of fractional digits, `Z`, an offset, or no zone (taken as UTC).
pub fn timestamp(text: &str) -> Option<UnixTime> {
    let (seconds, nanos) = read(text)?;
    Some(UnixTime(seconds * 1000 + i64::from(nanos / 1_000_000)))
}

/// Seconds and nanoseconds.
fn read(text: &str) -> Option<(i64, u32)> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> { digits(bytes.get(from..to)?) };
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if !separators.iter().all(|(at, byte)| bytes.get(*at) == Some(byte))
        || !matches!(bytes.get(10), Some(b'T' | b't' | b' '))
    {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = &bytes[19..];
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")) {
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut place = 100_000_000;
        for byte in &fraction[..length] {
            nanos += place * u32::from(byte - b'0');
            place /= 10;
        }
        rest = &fraction[length..];
    }
    let offset = match rest {
        b"" | b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = digits(&[*h1, *h2])? * 60 + digits(&[*m1, *m2])?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
    Some((seconds, nanos))
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
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

/// `true`, `1`, `yes` and their opposites in any case; an empty one is unset. `Err`: unreadable.
pub fn truth(text: &str) -> Result<Option<bool>, ()> {
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match text {
        "" => Ok(None),
        _ if is(["true", "1", "yes"]) => Ok(Some(true)),
        _ if is(["false", "0", "no"]) => Ok(Some(false)),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_any_number_of_digits_and_maybe_no_zone() {
        let base = 1_758_705_954_000;
        let rows = [
            ("2025-09-24T09:25:54Z", 0),
            ("2025-09-24T09:25:54", 0),
            ("2025-09-24T09:25:54.2Z", 200),
            ("2025-09-24T09:25:54.29Z", 290),
            ("2025-09-24T09:25:54.299Z", 299),
            ("2025-09-24T09:25:54.2998Z", 299),
            ("2025-09-24T09:25:54.299830Z", 299),
            ("2025-09-24T09:25:54.2998305Z", 299),
            ("2025-09-24T09:25:54.2998305", 299),
            ("2025-09-24T11:25:54.155+02:00", 155),
            ("2025-09-24T05:55:54-03:30", 0),
        ];
        for (text, millis) in rows {
            assert_eq!(timestamp(text), Some(UnixTime(base + millis)), "{text}");
        }
    }

    #[test]
    fn the_calendar_agrees_with_jiff() {
        for text in ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2024-12-31T00:00:00Z", "2100-03-01T12:00:00Z"] {
            let expected: jiff::Timestamp = text.parse().expect("a valid time");
            assert_eq!(timestamp(text), Some(UnixTime(expected.as_millisecond())), "{text}");
        }
    }

    #[test]
    fn times_that_say_nothing_are_unset_and_odd_ones_are_bad() {
        let now = UnixTime::from_secs(1_758_705_954);
        assert_eq!(moment("", now), Ok(None));
        assert_eq!(moment("0001-01-01T00:00:00Z", now), Ok(None));
        assert_eq!(moment("1999-12-31T23:59:59Z", now), Ok(None));
        assert_eq!(moment("2025-09-25T09:25:54Z", now), Ok(Some(1_758_792_354.0)));
        assert_eq!(moment("2025-09-24T09:25:54.2998305Z", now), Ok(Some(1_758_705_954.299_830_5)));
        assert_eq!(moment("2025-09-25T09:25:55Z", now), Ok(None));
        for text in ["soon", "2025-09-24", "2025-13-24T09:25:54Z", "2025-09-24T09:25:54.5X", "２０25-09-24T09:25:54Z"]
        {
            assert_eq!(moment(text, now), Err(()), "{text}");
        }
    }

    #[test]
    fn spans_are_those_of_dot_net() {
        let rows = [
            ("0.20:00:00", 72_000.0),
            ("1.06:00:00", 108_000.0),
            ("01:00:00", 3600.0),
            ("0.01:00:18.768", 3618.768),
            ("10.05:33:09", 883_989.0),
            ("-00:00:01", 0.0),
        ];
        for (text, seconds) in rows {
            assert_eq!(span(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "1", "1:2", "a:b:c", "1:2:3:4", "00:00:NaN"] {
            assert_eq!(span(text), None, "{text}");
        }
    }

    #[test]
    fn truth_has_many_spellings() {
        for (text, expected) in [("TRUE", Ok(Some(true))), ("0", Ok(Some(false))), ("", Ok(None)), ("maybe", Err(()))] {
            assert_eq!(truth(text), expected, "{text}");
        }
    }
}
