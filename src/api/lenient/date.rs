//! Dates as vendors write them.

use super::Field;

/// A moment that a vendor tells, with all its digits: .NET writes seven of a second's, more than the daemon's own clock
/// has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    seconds: i64,
    nanos: u32,
}

impl Moment {
    /// So many nanoseconds after a whole second since the Unix epoch.
    pub const fn new(seconds: i64, nanos: u32) -> Moment {
        Moment { seconds, nanos }
    }

    /// In seconds, as Prometheus wants it.
    pub fn as_secs_f64(self) -> f64 {
        self.seconds as f64 + f64::from(self.nanos) / 1e9
    }
}

/// An ISO 8601 date with 0 to 9 fractional digits, `Z`, an offset, or no zone at all (then it is UTC). The year 1 is how
/// .NET says "never".
pub fn date(text: &str) -> Field<Moment> {
    match parse_date(text.as_bytes()) {
        None => Field::Bad,
        Some((year, _)) if year <= 1 => Field::Missing,
        Some((_, moment)) => Field::Value(moment),
    }
}

/// Year and moment. By hand, as a list of agents has five dates an agent and a general parser costs ten times
/// as much.
fn parse_date(text: &[u8]) -> Option<(i64, Moment)> {
    let number = |from: usize, len: usize| -> Option<i64> {
        text.get(from..from + len)?
            .iter()
            .try_fold(0, |n, digit| digit.is_ascii_digit().then(|| n * 10 + i64::from(digit - b'0')))
    };
    let is = |at: usize, allowed: &[u8]| text.get(at).is_some_and(|byte| allowed.contains(byte));
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let separated = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !separated || !in_range {
        return None;
    }
    let mut end = 19;
    let mut nanos = 0;
    if is(end, b".,") {
        let digits = text[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 9 {
            return None;
        }
        for position in 0..9 {
            nanos = nanos * 10 + if position < digits { u32::from(text[end + 1 + position] - b'0') } else { 0 };
        }
        end += 1 + digits;
    }
    let offset = match &text[end..] {
        b"" | b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let minutes = match rest.len() {
                2 => 0,
                4 => number(end + 3, 2)?,
                5 if rest[2] == b':' => number(end + 4, 2)?,
                _ => return None,
            };
            let offset = number(end + 1, 2)? * 60 + minutes;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    // Days from civil, after Howard Hinnant, with years that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
    Some((year, Moment { seconds, nanos }))
}
