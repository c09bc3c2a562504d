//! The lines of a part: one segment of text for each family.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use super::{
    super::{names::Names, roster::Roster},
    part::Segment,
};
use crate::{
    api::{Part, Sample, Warning},
    catalogue::{Family, Kind, Scope, agent},
    exposition::text,
    health::Health,
};

/// The labels that the series of a pool or an agent begin with, one after the other in one buffer.
pub(super) struct Prefixes<'a> {
    base: &'a [u8],
    buffer: Vec<u8>,
    pools: Vec<(usize, usize)>,
    /// Of a row that is shown elsewhere an empty one.
    agents: Vec<(usize, usize)>,
}

impl<'a> Prefixes<'a> {
    /// Those of the pools and agents of a part.
    pub fn new(part: &Part, pools: &[Arc<str>], names: &Names, base: &'a [u8]) -> Prefixes<'a> {
        let mut prefixes = Prefixes { base, buffer: Vec::new(), pools: Vec::new(), agents: Vec::new() };
        for pool in pools {
            let start = prefixes.buffer.len();
            prefixes.buffer.extend_from_slice(base);
            text::label(&mut prefixes.buffer, "pool", pool);
            prefixes.pools.push((start, prefixes.buffer.len()));
        }
        prefixes.agents.reserve_exact(part.agents.len());
        for (row, agent) in part.agents.iter().enumerate() {
            let start = prefixes.buffer.len();
            if let Some(name) = names.of(row, agent) {
                let (from, to) = prefixes.pools[agent.pool.0 as usize];
                prefixes.buffer.extend_from_within(from..to);
                text::label(&mut prefixes.buffer, "agent", name);
            }
            prefixes.agents.push((start, prefixes.buffer.len()));
        }
        prefixes
    }

    /// `None`: the row is shown elsewhere.
    fn of(&self, scope: Scope, subject: u32) -> Option<&[u8]> {
        let (start, end) = match scope {
            Scope::Daemon | Scope::Target => return Some(self.base),
            Scope::Pool => self.pools[subject as usize],
            Scope::Agent => self.agents[subject as usize],
        };
        Some(&self.buffer[start..end]).filter(|prefix| !prefix.is_empty())
    }
}

/// The lines of one of the vendor's families. `states` are all that there are, where those that do not hold are shown, too.
pub(super) fn segment(
    part: &Part,
    family: &'static Family,
    samples: &[Sample],
    prefixes: &Prefixes<'_>,
    states: &[&str],
) -> Segment {
    if family.kind == Kind::Histogram {
        return histograms(part, family, samples, prefixes);
    }
    let mut out = Vec::new();
    let mut series = 0;
    let mut head = family.name.as_bytes().to_vec();
    head.push(b'{');
    let mut same = SameSubject::default();
    for sample in samples {
        let Some(prefix) = prefixes.of(family.scope, sample.subject) else { continue };
        let start = out.len();
        out.extend_from_slice(&head);
        out.extend_from_slice(prefix);
        let mut present = "";
        for (name, value) in family.labels.iter().zip(part.label_values(family, sample)) {
            let (value, lost) = text::cut(value);
            if lost {
                part.warnings.add(Warning::TruncatedLabel, || format!("{} {name}={value}", family.name));
            }
            text::label(&mut out, name, value);
            present = value;
        }
        if same.repeats(sample.subject, &out, start) {
            part.warnings.add(Warning::Duplicate, || String::from_utf8_lossy(&out[start..]).into_owned());
            out.truncate(start);
            continue;
        }
        let end = out.len();
        out.extend_from_slice(b"} ");
        text::number(&mut out, sample.value);
        out.push(b'\n');
        series += 1;
        if !states.is_empty() {
            // Where the state begins, which is the last label of its family.
            let without_state = end - escaped_len(present) - 1;
            for state in states.iter().filter(|state| **state != present) {
                out.extend_from_within(start..without_state);
                text::escape(&mut out, state);
                out.extend_from_slice(b"\"} 0\n");
                series += 1;
            }
        }
        if series == 1 {
            // Lines of one family are about as long as its first.
            out.reserve(samples.len() * (out.len() + 4));
        }
    }
    out.shrink_to_fit();
    Segment { bytes: out.into(), series }
}

/// The lines of a family of histograms.
fn histograms(part: &Part, family: &'static Family, samples: &[Sample], prefixes: &Prefixes<'_>) -> Segment {
    let (mut out, mut series) = (Vec::new(), 0);
    // The labels of all, one after the other.
    let (mut labels, mut same) = (Vec::new(), SameSubject::default());
    for sample in samples {
        let Some(prefix) = prefixes.of(family.scope, sample.subject) else { continue };
        let Some(histogram) = part.histogram(sample) else { continue };
        let start = labels.len();
        labels.extend_from_slice(prefix);
        for (name, value) in family.labels.iter().zip(part.label_values(family, sample)) {
            text::label(&mut labels, name, text::cut(value).0);
        }
        if same.repeats(sample.subject, &labels, start) {
            part.warnings.add(Warning::Duplicate, || String::from_utf8_lossy(&labels[start..]).into_owned());
            labels.truncate(start);
            continue;
        }
        series += text::histogram(&mut out, family.name, &labels[start..], histogram.cumulative(), histogram.sum());
    }
    out.shrink_to_fit();
    Segment { bytes: out.into(), series }
}

fn escaped_len(value: &str) -> usize {
    let mut out = Vec::new();
    text::escape(&mut out, value);
    out.len()
}

/// Finds label sets that come twice for one subject, e.g. two tags whose names were cut to the same. Most subjects have
/// one only, which costs nothing here.
#[derive(Default)]
struct SameSubject {
    /// The subject, and where the labels of its first sample are.
    first: Option<(u32, (usize, usize))>,
    hasher: RandomState,
    /// Hashes of all its samples, where there are several.
    seen: HashSet<u64>,
}

impl SameSubject {
    /// Whether the labels from `start` on are not the first of their kind.
    fn repeats(&mut self, subject: u32, out: &[u8], start: usize) -> bool {
        match self.first {
            Some((same, (from, to))) if same == subject => {
                if self.seen.is_empty() {
                    self.seen.insert(self.hasher.hash_one(&out[from..to]));
                }
                !self.seen.insert(self.hasher.hash_one(&out[start..]))
            }
            _ => {
                self.first = Some((subject, (start, out.len())));
                self.seen.clear();
                false
            }
        }
    }
}

/// The lines of [`HEALTH`](super::part::HEALTH), with those who are in the roster.
pub(super) fn health(part: &Part, roster: &Roster, prefixes: &Prefixes<'_>) -> [Segment; 2] {
    let head = |family: &Family| [family.name.as_bytes(), b"{"].concat();
    let (class_head, since_head) = (head(&agent::AGENT_HEALTH), head(&agent::AGENT_HEALTH_SINCE));
    let tails: Vec<[Vec<u8>; 2]> = Health::ALL
        .iter()
        .map(|class| ["0", "1"].map(|value| format!("{}\"}} {value}\n", class.as_str()).into_bytes()))
        .collect();
    let (mut classes, mut since) = (Vec::new(), Vec::new());
    let mut agents = 0;
    let shown = part.agents.iter().enumerate().filter_map(|(row, _)| prefixes.of(Scope::Agent, row as u32));
    for (member, labels) in roster.members().zip(shown) {
        let Some(health) = member.health else { continue };
        agents += 1;
        let start = classes.len();
        classes.extend_from_slice(&class_head);
        classes.extend_from_slice(labels);
        classes.extend_from_slice(b",health=\"");
        let end = classes.len();
        for (index, tail) in tails.iter().enumerate() {
            if index > 0 {
                classes.extend_from_within(start..end);
            }
            classes.extend_from_slice(&tail[usize::from(index == health as usize)]);
        }
        since.extend_from_slice(&since_head);
        since.extend_from_slice(labels);
        since.extend_from_slice(b"} ");
        text::number(&mut since, member.since.as_secs_f64());
        since.push(b'\n');
        if agents == 1 {
            classes.reserve(roster.agents() * (classes.len() + 12));
            since.reserve(roster.agents() * (since.len() + 4));
        }
    }
    classes.shrink_to_fit();
    since.shrink_to_fit();
    [
        Segment { bytes: classes.into(), series: agents * Health::ALL.len() },
        Segment { bytes: since.into(), series: agents },
    ]
}
