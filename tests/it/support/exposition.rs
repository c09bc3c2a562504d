//! A reader of the text format that shares nothing with the one who writes it.

use std::{collections::BTreeMap, fmt};

/// One line of an exposition.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name, with `_bucket`, `_sum` or `_count` where it is part of a histogram.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Value.
    pub value: f64,
}

impl Sample {
    /// Whether these labels are among its own.
    pub fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.label(name) == *value)
    }

    /// A label; empty where it is absent, as in PromQL.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Everything that one scrape returned.
#[derive(Clone, Default)]
pub struct Exposition {
    /// As it came.
    pub text: String,
    /// Its samples in order.
    pub samples: Vec<Sample>,
}

impl Exposition {
    /// Reads the text format. Panics on what is none.
    #[track_caller]
    pub fn parse(text: &str) -> Exposition {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| sample(line).unwrap_or_else(|| panic!("not a sample: {line}"))).collect();
        Exposition { text: text.to_owned(), samples }
    }

    /// The samples of this name that have these labels among theirs.
    pub fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.name == name && sample.has(labels)).collect()
    }

    /// The value of the only sample of this name with these labels; nothing where there is none. Panics where there are
    /// several.
    #[track_caller]
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        match self.all(name, labels).as_slice() {
            [] => None,
            [one] => Some(one.value),
            several => panic!("{} samples of {name} {labels:?}: {several:?}", several.len()),
        }
    }

    /// The value of a series that a target has once.
    #[track_caller]
    pub fn of(&self, target: &str, name: &str) -> Option<f64> {
        self.get(name, &[("target", target)])
    }

    /// The reason of the target's last failure; empty where there is none.
    #[track_caller]
    pub fn failure(&self, target: &str) -> String {
        match self.all("rollcall_target_failure", &[("target", target)]).as_slice() {
            [] => String::new(),
            [one] => one.label("reason").to_owned(),
            several => panic!("{target} has {} failures at once: {several:?}", several.len()),
        }
    }

    /// How many polls of the target failed for this reason.
    #[track_caller]
    pub fn failures(&self, target: &str, reason: &str) -> f64 {
        self.get("rollcall_poll_failures_total", &[("target", target), ("reason", reason)]).unwrap_or(f64::NAN)
    }

    /// The vendor's series of a target and those of its agents and pools, without what tells of the daemon's own work:
    /// what is withdrawn when nothing is fresh any more.
    pub fn data(&self, target: &str) -> Vec<&Sample> {
        let of_agents = ["rollcall_agent_", "rollcall_pool_"];
        self.samples
            .iter()
            .filter(|sample| sample.label("target") == target)
            .filter(|sample| {
                let name = sample.name.as_str();
                !name.starts_with("rollcall_") || of_agents.iter().any(|prefix| name.starts_with(prefix))
            })
            .collect()
    }

    /// All samples of a target, for messages.
    pub fn about(&self, target: &str) -> String {
        let label = format!("target=\"{target}\"");
        self.text.lines().filter(|line| line.contains(&label)).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `name{label="value",…} 1.5`
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if labels.insert(label.to_owned(), value).is_some() {
                return None;
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = match rest.strip_prefix(' ')? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().ok()?,
    };
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The value up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                same @ ('\\' | '"') => same,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

#[test]
fn the_reader_takes_escapes_apart_and_refuses_what_is_no_sample() {
    let read = Exposition::parse("# HELP a b\na{x=\"1,\\\"}\\\\\\n\",y=\"\"} 2\na 3e-1\n");
    assert_eq!(read.samples[0].label("x"), "1,\"}\\\n");
    assert_eq!((read.samples[0].value, read.samples[1].value), (2.0, 0.3));
    for line in ["a{x=\"1\" 2", "a{x=\"1\"}", "a{x=\"\\q\"} 1", "a{x=\"1\",x=\"2\"} 1", "a b"] {
        assert_eq!(sample(line), None, "{line}");
    }
}
