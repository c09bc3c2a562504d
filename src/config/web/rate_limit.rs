//! `rate_limit`: a token bucket for all requests.

use std::time::Duration;

use crate::config::read::{Item, Section};

/// One request per interval, and at most so many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// From one request to the next.
    pub interval: Duration,
    /// Requests after a pause that may come at once.
    pub burst: u32,
}

/// Reads it. No interval, or one of 0, is no limit.
pub(super) fn read(section: Section<'_>) -> Option<RateLimit> {
    let interval = section.get("interval").and_then(|item| interval(&item)).unwrap_or_default();
    let burst = section.get("burst");
    let count = burst.as_ref().and_then(|item| item.integer(0..=i64::from(u32::MAX)));
    let count = count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    let (ctx, mark, path) = (section.ctx, section.mark(), section.path.clone());
    let warn = |message: &str| mark.into_iter().for_each(|mark| ctx.warn(mark, &path, message));
    section.finish();
    if interval.is_zero() {
        return None;
    }
    if count == 0 {
        warn("burst is 0, so every request is refused; 1 or more lets some pass");
    }
    Some(RateLimit { interval, burst: count })
}

/// A duration as Go writes it: `1s`, `1m30s`, `0.5s`. A bare 0 is one too.
fn interval(item: &Item<'_>) -> Option<Duration> {
    let text = item.text()?;
    let duration = go_duration(&text);
    if duration.is_none() {
        item.error(format!("must be a duration such as 100ms, 1s or 1m30s, or 0 for no limit, not {text:?}"));
    }
    duration
}

/// Numbers with units behind them, as Go's `time.ParseDuration` takes them but for negative ones.
fn go_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        sum = sum.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = next;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let of = |text| go_duration(text);
        for (text, millis) in
            [("0", 0), ("0s", 0), ("1s", 1000), ("1m30s", 90_000), ("1.5h", 5_400_000), ("250ms", 250)]
        {
            assert_eq!(of(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "1", "s", "-1s", "1d", "1 s", "1s1", "..s", "9999999999999999999999h"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
