//! A part as it is kept: who is in it, and its lines, so that a part that fails later needs no rendering again.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use bytes::Bytes;

use super::super::{AgentView, names::Names};
use crate::{
    catalogue::{Family, Scope, agent},
    clock::UnixTime,
    exposition::text,
    health::Health,
    vendor::{Part, Sample, Warning, Warnings},
};

/// The families that every vendor's agents have; their lines are the first segments of a part.
pub(super) static HEALTH: [&Family; 2] = [&agent::AGENT_HEALTH, &agent::AGENT_HEALTH_SINCE];

/// A part as it is kept.
#[derive(Debug)]
pub(super) struct Held {
    pub key: Box<str>,
    /// When it was last told; it is stale a while after.
    pub observed: UnixTime,
    /// When the vendor said it.
    pub read: UnixTime,
    /// Its pools: name, and whether they are on demand.
    pub pools: Vec<(Arc<str>, bool)>,
    /// Its agents and other rows that have a name of their own.
    pub members: Vec<Member>,
    /// The vendor's families.
    pub families: &'static [&'static Family],
    /// Lines by family: [`HEALTH`] first, then the vendor's own.
    pub segments: Vec<Segment>,
}

/// A row of a part.
#[derive(Debug)]
pub(super) struct Member {
    pub pool: Arc<str>,
    pub name: Arc<str>,
    pub health: Option<Health>,
    pub since: UnixTime,
    state: Arc<str>,
}

/// The lines of one family of one part.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub bytes: Bytes,
    pub series: usize,
}

impl Held {
    /// Renders a part. `names` are what its agents are shown under, `since` tells since when an agent is in a class.
    #[allow(clippy::too_many_arguments)]
    pub fn render(
        part: &Part,
        pools: &[Arc<str>],
        names: &Names,
        base: &[u8],
        full_state_sets: bool,
        now: UnixTime,
        since: impl Fn(&Arc<str>, &Arc<str>, Health) -> UnixTime,
        warnings: &Warnings,
    ) -> Held {
        let mut states: HashMap<&str, Arc<str>> = HashMap::new();
        let mut members = Vec::with_capacity(part.agents.len());
        for (row, name) in part.agents.iter().zip(names) {
            let Some(name) = name else { continue };
            let pool = &pools[row.pool.0 as usize];
            let state = states.entry(&row.state).or_insert_with(|| text::cut(&row.state).0.into());
            members.push(Member {
                pool: Arc::clone(pool),
                name: Arc::clone(name),
                health: row.health,
                since: row.health.map_or(now, |health| since(pool, name, health)),
                state: Arc::clone(state),
            });
        }
        let prefixes = Prefixes::new(part, pools, names, base);
        let mut segments = health_segments(&members, base);
        for (family, samples) in part.families.iter().zip(&part.samples) {
            let declared = part.state_names.iter().find(|(ordinal, _)| full_state_sets && *ordinal == family.ordinal);
            let states = declared.map_or(&[][..], |(_, names)| *names);
            segments.push(segment(part, family, samples, &prefixes, states, warnings));
        }
        // A pool whose agents are elsewhere is not for this part to count.
        let pools = pools.iter().zip(&part.pools).filter(|(_, pool)| pool.counted);
        let pools = pools.map(|(name, pool)| (Arc::clone(name), pool.on_demand)).collect();
        Held { key: "".into(), observed: now, read: now, pools, members, families: part.families, segments }
    }

    /// Agents, without rows that are none.
    pub fn agents(&self) -> usize {
        self.members.iter().filter(|member| member.health.is_some()).count()
    }

    /// The agents for pages and alerts.
    pub fn views(&self) -> impl Iterator<Item = AgentView> + '_ {
        self.members.iter().filter_map(|member| {
            Some(AgentView {
                pool: Arc::clone(&member.pool),
                name: Arc::clone(&member.name),
                health: member.health?,
                since: member.since,
                state: Arc::clone(&member.state),
            })
        })
    }

    /// The lines of a family, by its index in [`Held::segments`].
    pub fn segment(&mut self, index: usize) -> Option<&mut Segment> {
        self.segments.get_mut(index).filter(|segment| segment.series > 0)
    }
}

/// The labels that the series of a pool or an agent begin with, one after the other in one buffer.
struct Prefixes<'a> {
    base: &'a [u8],
    buffer: Vec<u8>,
    pools: Vec<(usize, usize)>,
    agents: Vec<Option<(usize, usize)>>,
}

impl<'a> Prefixes<'a> {
    fn new(part: &Part, pools: &[Arc<str>], names: &Names, base: &'a [u8]) -> Prefixes<'a> {
        let mut prefixes = Prefixes { base, buffer: Vec::new(), pools: Vec::new(), agents: Vec::new() };
        for pool in pools {
            let start = prefixes.buffer.len();
            prefixes.buffer.extend_from_slice(base);
            text::label(&mut prefixes.buffer, "pool", pool);
            prefixes.pools.push((start, prefixes.buffer.len()));
        }
        for (row, name) in part.agents.iter().zip(names) {
            let range = name.as_ref().map(|name| {
                let (from, to) = prefixes.pools[row.pool.0 as usize];
                let start = prefixes.buffer.len();
                prefixes.buffer.extend_from_within(from..to);
                text::label(&mut prefixes.buffer, "agent", name);
                (start, prefixes.buffer.len())
            });
            prefixes.agents.push(range);
        }
        prefixes
    }

    /// `None`: the row is shown elsewhere.
    fn of(&self, scope: Scope, subject: u32) -> Option<&[u8]> {
        let (start, end) = match scope {
            Scope::Daemon | Scope::Target => return Some(self.base),
            Scope::Pool => self.pools[subject as usize],
            Scope::Agent => self.agents[subject as usize]?,
        };
        Some(&self.buffer[start..end])
    }
}

fn segment(
    part: &Part,
    family: &'static Family,
    samples: &[Sample],
    prefixes: &Prefixes<'_>,
    states: &[&str],
    warnings: &Warnings,
) -> Segment {
    let mut out = Vec::new();
    let mut series = 0;
    let mut same = SameSubject::default();
    for sample in samples {
        let Some(prefix) = prefixes.of(family.scope, sample.subject) else { continue };
        let start = out.len();
        out.extend_from_slice(family.name.as_bytes());
        out.push(b'{');
        out.extend_from_slice(prefix);
        let mut present = "";
        for (name, value) in family.labels.iter().zip(part.label_values(family, sample)) {
            let (value, lost) = text::cut(value);
            if lost {
                warnings.add(Warning::TruncatedLabel, || format!("{} {name}={value}", family.name));
            }
            text::label(&mut out, name, value);
            present = value;
        }
        if same.repeats(sample.subject, &out[start..]) {
            warnings.add(Warning::Duplicate, || String::from_utf8_lossy(&out[start..]).into_owned());
            out.truncate(start);
            continue;
        }
        // Where the state begins, which is the last label of its family.
        let without_state = if states.is_empty() { start } else { out.len() - escaped_len(present) - 1 };
        out.extend_from_slice(b"} ");
        text::number(&mut out, sample.value);
        out.push(b'\n');
        series += 1;
        for state in states.iter().filter(|state| **state != present) {
            out.extend_from_within(start..without_state);
            text::escape(&mut out, state);
            out.extend_from_slice(b"\"} 0\n");
            series += 1;
        }
    }
    out.shrink_to_fit();
    Segment { bytes: out.into(), series }
}

fn escaped_len(value: &str) -> usize {
    let mut out = Vec::new();
    text::escape(&mut out, value);
    out.len()
}

/// Finds label sets that come twice for one subject, e.g. two tags whose names were cut to the same.
#[derive(Default)]
struct SameSubject {
    subject: Option<u32>,
    first: u64,
    rest: HashSet<u64>,
}

impl SameSubject {
    fn repeats(&mut self, subject: u32, labels: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        labels.hash(&mut hasher);
        let hash = hasher.finish();
        if self.subject.replace(subject) != Some(subject) {
            self.first = hash;
            self.rest.clear();
            return false;
        }
        hash == self.first || !self.rest.insert(hash)
    }
}

fn health_segments(members: &[Member], base: &[u8]) -> Vec<Segment> {
    let (mut classes, mut since) = (Vec::new(), Vec::new());
    let mut agents = 0;
    let mut labels = Vec::new();
    for member in members {
        let Some(health) = member.health else { continue };
        agents += 1;
        labels.clear();
        labels.extend_from_slice(base);
        text::label(&mut labels, "pool", &member.pool);
        text::label(&mut labels, "agent", &member.name);
        for class in Health::ALL {
            classes.extend_from_slice(agent::AGENT_HEALTH.name.as_bytes());
            classes.push(b'{');
            classes.extend_from_slice(&labels);
            classes.extend_from_slice(b",health=\"");
            classes.extend_from_slice(class.as_str().as_bytes());
            classes.extend_from_slice(if class == health { b"\"} 1\n" } else { b"\"} 0\n" });
        }
        text::line(&mut since, agent::AGENT_HEALTH_SINCE.name, &labels, member.since.as_secs_f64());
    }
    classes.shrink_to_fit();
    since.shrink_to_fit();
    vec![
        Segment { bytes: classes.into(), series: agents * Health::ALL.len() },
        Segment { bytes: since.into(), series: agents },
    ]
}
