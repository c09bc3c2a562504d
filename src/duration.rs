//! Durations as people write them: `30s`, `5m`, `1h 30m`. What humantime refuses, or reads otherwise than it was meant, is told
//! in words that help.

use std::{fmt::Write as _, time::Duration};

use serde::{Serialize, Serializer};

/// The longest duration that makes sense in a configuration; more would overflow clocks.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Reads a duration; the error says what to write instead.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty; say for example 30s, 5m or 1h 30m".to_owned());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?} has no unit; say {text}s for seconds"));
    }
    if text.contains(['.', ',']) {
        return Err(format!("{text:?} has a fraction; say it in a smaller unit, for example 90s for 1.5m"));
    }
    for (number, unit) in parts(text) {
        // humantime takes the capital for a month, and everybody means a minute.
        if unit == "M" {
            return Err(format!("{text:?}: M is a month; say {number}m for a minute"));
        }
        if unit.chars().any(char::is_uppercase)
            && humantime::parse_duration(&format!("1{}", unit.to_lowercase())).is_ok()
        {
            return Err(format!("{text:?}: units are in lower case; say {number}{}", unit.to_lowercase()));
        }
    }
    match humantime::parse_duration(text) {
        Ok(duration) if duration > LONGEST => Err(format!("{text:?} is longer than ten years")),
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!("{text:?} is not a duration; say for example 30s, 5m or 1h 30m")),
    }
}

/// The numbers with the units behind them.
fn parts(text: &str) -> Vec<(&str, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        rest = &rest[start..];
        let number = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, tail) = rest.split_at(number);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        parts.push((digits, tail[..unit].trim()));
        rest = &tail[unit..];
    }
    parts
}

/// The canonical form, which `parse` reads back: `1h 30m`, `250ms`, `0s`.
pub fn print(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanos = duration.subsec_nanos();
    let units: [(u64, &str); 6] = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(nanos / 1_000_000), "ms"),
        (u64::from(nanos / 1_000 % 1_000), "us"),
        (u64::from(nanos % 1_000), "ns"),
    ];
    let mut text = String::new();
    for (count, unit) in units.into_iter().filter(|(count, _)| *count > 0) {
        let space = if text.is_empty() { "" } else { " " };
        write!(text, "{space}{count}{unit}").expect("writing to a string cannot fail");
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Serializes a duration that may be missing as it is written in the configuration.
pub fn serialize_some<S: Serializer>(some: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    some.map(print).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_read() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("1h 30m", 5_400),
            ("1h30m", 5_400),
            ("0s", 0),
            ("1day", 86_400),
            (" 2min ", 120),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, expected) in [
            ("30", "\"30\" has no unit; say 30s for seconds"),
            ("1M", "\"1M\": M is a month; say 1m for a minute"),
            ("1h 5M", "\"1h 5M\": M is a month; say 5m for a minute"),
            ("30S", "\"30S\": units are in lower case; say 30s"),
            ("1.5h", "\"1.5h\" has a fraction; say it in a smaller unit, for example 90s for 1.5m"),
            ("", "is empty; say for example 30s, 5m or 1h 30m"),
            ("-5s", "\"-5s\" is not a duration; say for example 30s, 5m or 1h 30m"),
            ("soon", "\"soon\" is not a duration; say for example 30s, 5m or 1h 30m"),
            ("5 bananas", "\"5 bananas\" is not a duration; say for example 30s, 5m or 1h 30m"),
            ("99y", "\"99y\" is longer than ten years"),
            ("99999999999999999999y", "\"99999999999999999999y\" is not a duration; say for example 30s, 5m or 1h 30m"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_canonical_form_is_read_back() {
        for (text, canonical) in
            [("90m", "1h 30m"), ("60s", "1m"), ("1day", "24h"), ("0s", "0s"), ("1500ms", "1s 500ms")]
        {
            let duration = parse(text).expect("the text is a duration");
            assert_eq!(print(duration), canonical);
            assert_eq!(parse(canonical), Ok(duration));
        }
    }
}
