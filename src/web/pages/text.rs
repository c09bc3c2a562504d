//! Numbers, names, moments and addresses as pages show them.

use std::{fmt::Write as _, time::Duration};

use maud::{Markup, html};

use crate::{clock::UnixTime, printable::printable};

/// A number with its thousands apart: `12 345`, with a space that does not break.
pub fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut out = String::with_capacity(digits.len() + 2 * digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}

/// `1 agent`, `12 agents`.
pub fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", count(number as u64), if number == 1 { "" } else { "s" })
}

/// A time span in its largest unit, or two where that says too little: `45 s`, `12 min`, `3 h 20 min`, `5 d`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..36_000 if seconds % 3_600 >= 60 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A short time: `4 ms`, `1.2 s`, `3 min`.
pub fn short(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        millis @ 1_000..60_000 => format!("{}.{} s", millis / 1_000, millis / 100 % 10),
        _ => span(duration),
    }
}

/// How long ago a moment was, with the moment itself on hover.
pub fn ago(moment: UnixTime, now: UnixTime) -> Markup {
    let text = match moment > now {
        true => format!("in {}", span(moment.since(now))),
        false => format!("{} ago", span(now.since(moment))),
    };
    time(moment, &text)
}

/// For how long something has been so, with the moment since when on hover.
pub fn lasting(since: UnixTime, now: UnixTime) -> Markup {
    time(since, &span(now.since(since)))
}

/// Since when: the time of day, and how long ago that is.
pub fn since(moment: UnixTime, now: UnixTime) -> Markup {
    html! { "since " (time(moment, &clock(moment, now))) " (" (span(now.since(moment))) ")" }
}

/// The moment as it is.
pub fn exact(moment: UnixTime) -> Markup {
    time(moment, &moment.to_string().replace('T', " ").replace('Z', " UTC"))
}

/// The time of day, with the day where it is another one.
pub fn clock(moment: UnixTime, now: UnixTime) -> String {
    let (text, today) = (moment.to_string(), now.to_string());
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let time = time.get(..5).unwrap_or(time);
    match today.starts_with(day) {
        true => format!("{time} UTC"),
        false => format!("{day} {time} UTC"),
    }
}

fn time(moment: UnixTime, text: &str) -> Markup {
    let exact = moment.to_string();
    html! { time datetime=(exact) title=(exact.replace('T', " ").replace('Z', " UTC")) { (text) } }
}

/// A name that somebody else gave: what commands a screen instead of being seen is written out, and the direction of its
/// script ends with it.
pub fn name(text: &str) -> Markup {
    html! { bdi { @if text.is_empty() { "(no name)" } @else { (printable(text)) } } }
}

/// A part of the path of a URL.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// A query of a URL: those of the pairs that have a value.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", segment(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_read_at_a_glance() {
        assert_eq!([0u64, 999, 1_000, 1_234_567].map(count), ["0", "999", "1\u{a0}000", "1\u{a0}234\u{a0}567"]);
        let spans = [0, 59, 60, 3_599, 3_600, 12_000, 90_000, 200_000].map(|s| span(Duration::from_secs(s)));
        assert_eq!(spans, ["0 s", "59 s", "1 min", "59 min", "1 h", "3 h 20 min", "25 h", "2 d"]);
        assert_eq!([7, 1_250, 61_000].map(|ms| short(Duration::from_millis(ms))), ["7 ms", "1.2 s", "1 min"]);
        let (morning, noon) = (UnixTime::from_secs(1_768_464_000), UnixTime::from_secs(1_768_478_400));
        assert_eq!(clock(morning, noon), "08:00 UTC");
        assert_eq!(clock(morning, noon.plus(Duration::from_secs(86_400))), "2026-01-15 08:00 UTC");
        assert!(ago(noon, morning).into_string().contains(">in 4 h<"));
    }

    #[test]
    fn a_hostile_name_is_text_and_nothing_else() {
        let shown = name("<img src=x onerror=alert(1)>\u{202e}\n&amp;\"'").into_string();
        assert!(!shown.contains("<img") && !shown.contains('\u{202e}') && !shown.contains('\n'), "{shown}");
        assert_eq!(segment("a b/c?d=e&f#g%h\u{e4}\"'<"), "a%20b%2Fc%3Fd%3De%26f%23g%25h%C3%A4%22%27%3C");
        assert_eq!(query([("a", "x&y"), ("b", ""), ("c", "1")]), "?a=x%26y&c=1");
    }
}
