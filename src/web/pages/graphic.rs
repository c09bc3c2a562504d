//! Small pictures: agents by class as a bar, polls as a sparkline. Each says in words what it shows, and no colour stands alone.

use std::{fmt::Write as _, time::Duration};

use maud::{Markup, html};

use super::text;
use crate::{
    health::Health,
    snapshot::history::{PollEnd, PollRecord},
};

/// Worst first, as on the dashboards.
pub const WORST_FIRST: [Health; 6] =
    [Health::Failed, Health::Unknown, Health::Degraded, Health::Transitional, Health::Disabled, Health::Healthy];

/// The sign of a class: it is told from the others without colour.
pub const fn sign(health: Health) -> &'static str {
    match health {
        Health::Healthy => "✓",
        Health::Transitional => "↻",
        Health::Disabled => "‖",
        Health::Degraded => "▲",
        Health::Failed => "✕",
        Health::Unknown => "?",
    }
}

/// A class as a word with its sign.
pub fn class(health: Health) -> Markup {
    html! { span.class { span class={ "sign " (health.as_str()) } aria-hidden="true" { (sign(health)) } " " (health.as_str()) } }
}

/// Agents by class: a bar, and the numbers of the classes that have any, worst first. `link` leads to the agents of a class.
pub fn bar(counts: &[u32; 6], link: impl Fn(Health) -> String) -> Markup {
    let total: u64 = counts.iter().map(|n| u64::from(*n)).sum();
    if total == 0 {
        return html! { span.none { "no agents" } };
    }
    let mut x = 0.0;
    let segments: Vec<(Health, f64, f64)> = WORST_FIRST
        .into_iter()
        .filter(|health| counts[*health as usize] > 0)
        .map(|health| {
            // Seen although there are ten thousand others.
            let width = (f64::from(counts[health as usize]) * 100.0 / total as f64).max(1.5);
            let start = x;
            x += width;
            (health, start, width)
        })
        .collect();
    html! {
        svg.bar viewBox={ "0 0 " (round(x)) " 6" } preserveAspectRatio="none" aria-hidden="true" {
            @for (health, x, width) in &segments {
                rect class=(health.as_str()) x=(round(*x)) width=(round(*width)) height="6" {}
            }
        }
        span.counts {
            @for (health, ..) in &segments {
                a href=(link(*health)) title=(health.as_str()) {
                    span class={ "sign " (health.as_str()) } aria-hidden="true" { (sign(*health)) }
                    (text::count(counts[*health as usize]))
                    span.vh { " " (health.as_str()) }
                }
            }
        }
    }
}

/// A number with one digit behind the point, and none where it is 0.
fn round(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The last polls, oldest first: as high as each took long, beside the others; those without data go down.
pub fn polls(polls: &[PollRecord]) -> Markup {
    let Some(last) = polls.last() else { return html! { span.none { "–" } } };
    let longest = polls.iter().map(|poll| poll.took).max().unwrap_or_default().max(Duration::from_millis(1));
    let (mut good, mut partial, mut failed) = (String::new(), String::new(), String::new());
    for (index, poll) in polls.iter().enumerate() {
        let x = 4 * index + 2;
        let height = (10.0 * poll.took.as_secs_f64() / longest.as_secs_f64()).clamp(2.0, 10.0).round();
        // Writing to a String cannot fail.
        let _ = match poll.end {
            PollEnd::Complete => write!(good, "M{x} 12v-{height}"),
            PollEnd::Partial => write!(partial, "M{x} 12v-{height}M{x} 14v3"),
            PollEnd::Failed => write!(failed, "M{x} 14v8"),
        };
    }
    let count = |end: PollEnd| polls.iter().filter(|poll| poll.end == end).count();
    let words = format!(
        "last {}: {} failed, {} partial; the last took {}",
        text::counted(polls.len(), "poll"),
        count(PollEnd::Failed),
        count(PollEnd::Partial),
        text::short(last.took)
    );
    html! {
        svg.spark viewBox={ "0 0 " (4 * polls.len().max(30)) " 22" } role="img" aria-label=(words) {
            title { (words) }
            @for (class, path) in [("good", good), ("partial", partial), ("bad", failed)] {
                @if !path.is_empty() { path class=(class) d=(path) {} }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixTime;

    #[test]
    fn a_bar_is_worst_first_and_one_of_ten_thousand_is_seen() {
        let shown = bar(&[9_999, 0, 0, 0, 1, 0], |health| format!("/a?health={health}")).into_string();
        let (failed, healthy) = (shown.find("rect class=\"failed\""), shown.find("rect class=\"healthy\""));
        assert!(failed < healthy && shown.contains("width=\"1.5\""), "{shown}");
        assert!(shown.contains("9\u{a0}999") && !shown.contains("degraded"), "{shown}");
        assert!(bar(&[0; 6], |_| String::new()).into_string().contains("no agents"));
    }

    #[test]
    fn polls_that_failed_go_down_and_are_counted_in_words() {
        let poll = |millis, end| PollRecord { at: UnixTime(0), took: Duration::from_millis(millis), end };
        let shown = polls(&[poll(100, PollEnd::Complete), poll(50, PollEnd::Failed)]).into_string();
        assert!(shown.contains("class=\"good\" d=\"M2 12v-10\"") && shown.contains("class=\"bad\" d=\"M6 14v8\""));
        assert!(shown.contains("last 2 polls: 1 failed, 0 partial; the last took 50 ms"), "{shown}");
        assert!(polls(&[]).into_string().contains('–'), "never polled is not 0");
    }
}
