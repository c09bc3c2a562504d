//! Colours and value mappings. Health has the same six colours everywhere: those of Okabe and Ito, which people with any
//! kind of colour-blindness can tell apart, with a grey that is dark enough not to look like the green without green cones.

use serde_json::{Value, json};

use crate::health::Health;

/// Nothing to do.
pub const GOOD: &str = "#009E73";
/// Look at it soon.
pub const WARN: &str = "#E69F00";
/// Act.
pub const BAD: &str = "#D55E00";
/// Neither good nor bad.
pub const CALM: &str = "#56B4E9";
/// Out of the count.
pub const GREY: &str = "#5C5C5C";
/// Not known.
pub const ODD: &str = "#CC79A7";

/// The colour of a class, on every panel of every dashboard.
pub const fn colour(health: Health) -> &'static str {
    match health {
        Health::Healthy => GOOD,
        Health::Transitional => CALM,
        Health::Disabled => GREY,
        Health::Degraded => WARN,
        Health::Failed => BAD,
        Health::Unknown => ODD,
    }
}

/// What a class is called on panels.
pub const fn title(health: Health) -> &'static str {
    match health {
        Health::Healthy => "Healthy",
        Health::Transitional => "Transitional",
        Health::Disabled => "Disabled",
        Health::Degraded => "Degraded",
        Health::Failed => "Failed",
        Health::Unknown => "Unknown",
    }
}

/// Worst first: the order of stacks and of columns, so that trouble stands at the same place everywhere.
pub const WORST_FIRST: [Health; 6] =
    [Health::Failed, Health::Unknown, Health::Degraded, Health::Transitional, Health::Disabled, Health::Healthy];

/// The number that stands for a class in a state timeline.
pub fn code(health: Health) -> usize {
    Health::ALL.iter().position(|class| *class == health).map_or(0, |index| index + 1)
}

/// Value mappings: what is shown, and in which colour, for a value.
pub fn mapping(values: &[(&str, &str, &str)]) -> Value {
    let options: serde_json::Map<String, Value> = values
        .iter()
        .enumerate()
        .map(|(index, (value, text, colour))| {
            ((*value).to_owned(), json!({ "text": text, "color": colour, "index": index }))
        })
        .collect();
    json!([{ "type": "value", "options": options }])
}

/// The class as a label, with its colour.
pub fn health_labels() -> Value {
    mapping(&Health::ALL.map(|health| (health.as_str(), title(health), colour(health))))
}

/// The class as its [`code`], with its colour.
pub fn health_codes() -> Value {
    let codes = Health::ALL.map(|health| (code(health).to_string(), title(health), colour(health)));
    mapping(&codes.each_ref().map(|(code, title, colour)| (code.as_str(), *title, *colour)))
}

/// Nothing to see: what is as it should be has no colour, so that what is not stands out.
pub const NONE: &str = "transparent";
/// The colour of text, for numbers that only tell.
pub const TEXT: &str = "text";

/// 1 is good.
pub const UP_DOWN: [(&str, &str, &str); 2] = [("1", "up", NONE), ("0", "DOWN", BAD)];
/// 1 is good.
pub const OK_FAILED: [(&str, &str, &str); 2] = [("1", "ok", NONE), ("0", "FAILED", BAD)];
/// 1 wants attention.
pub const YES_NO: [(&str, &str, &str); 2] = [("1", "yes", WARN), ("0", "no", NONE)];
/// 1 is neither good nor bad.
pub const PLAIN_YES_NO: [(&str, &str, &str); 2] = [("1", "yes", CALM), ("0", "no", NONE)];
/// Severities of alerts.
pub const SEVERITY: [(&str, &str, &str); 3] =
    [("critical", "critical", BAD), ("warning", "warning", WARN), ("info", "info", CALM)];

/// Thresholds: the first colour below the first limit.
pub fn thresholds(base: &str, steps: &[(f64, &str)]) -> Value {
    let first = json!({ "color": base, "value": null });
    let rest = steps.iter().map(|(limit, colour)| json!({ "color": colour, "value": limit }));
    json!({ "mode": "absolute", "steps": std::iter::once(first).chain(rest).collect::<Vec<_>>() })
}
