//! What a scrape returned, and what tests ask of it.

mod read;

use std::fmt;

pub use read::Sample;

impl Sample {
    /// Whether these labels are among its own.
    pub fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.label(name) == *value)
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
        Exposition { text: text.to_owned(), samples: read::samples(text) }
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
