//! One part of a poll's result: agents, pools and samples, fresh or stale together.

use std::{collections::HashMap, hash::BuildHasher, sync::Arc};

use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{Warnings, fingerprint::PartFingerprint, lenient};
use crate::{
    catalogue::{Family, Kind, Scope},
    failure::Failure,
    health::Health,
    histogram::Histogram,
};

/// One part of a target's data: what came with one answer and ages together.
#[derive(Debug)]
pub struct Part {
    /// The vendor's table of families.
    pub families: &'static [&'static Family],
    /// Pools, by [`PoolRef`]. A pool may occur in several parts under the same name.
    pub pools: Vec<Pool>,
    /// Agents and other rows, by [`AgentRef`].
    pub agents: Vec<Agent>,
    /// Samples, by the ordinal of their family.
    pub samples: Vec<Vec<Sample>>,
    /// For families that tell a native state: all states there are, for `full_state_sets`.
    pub state_names: Vec<(u16, &'static [&'static str])>,
    /// Decode warnings that were met while it was read.
    pub warnings: Warnings,
    /// Most of its rows could not be read: the poll is partial, though what was read is fresh.
    pub defect: Option<Failure>,
    /// What it comes from; one of the same origin is the same. `None`: not known, or not all of it depends on answers.
    pub fingerprint: Option<PartFingerprint>,
    histograms: Vec<Arc<Histogram>>,
    /// Label values one after the other, and where each of them ends.
    texts: String,
    ends: Vec<u32>,
    filling: Box<Filling>,
}

/// What is only needed while a part is being filled.
#[derive(Debug, Default)]
struct Filling {
    hasher: RandomState,
    /// Rows by pool and id. Empty as long as each of them comes behind the one before, as most vendors list them: then none
    /// can come twice.
    ids: Option<HashTable<u32>>,
    /// Where in the pools each name is.
    pools: HashMap<Box<str>, u32, RandomState>,
    /// The pool that was asked for last.
    pool: usize,
    /// Texts of states, each once.
    states: Vec<Arc<str>>,
}

/// Of a name, an id or a label value so many bytes are kept: enough to see that it is longer than the 256 that are shown.
const LONGEST: usize = 512;

/// As many different texts of states are kept apart; of more, each row has its own.
const STATES: usize = 32;

/// Series that every agent has: its health by class, and since when.
const SERIES_OF_AGENT: usize = Health::ALL.len() + 1;

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The label `pool`.
    pub name: Box<str>,
    /// Whether the pool is rightly empty while there is nothing to do.
    pub on_demand: bool,
    /// Whether this part tells of the pool's agents. `false`: only of the pool itself; then `rollcall_pool_*` is not for
    /// this part to say.
    pub counted: bool,
}

/// An agent, or another row that has series of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its pool.
    pub pool: PoolRef,
    /// The label `agent`, before it is cut and told apart from others of the same name.
    pub name: CompactString,
    /// The vendor's id, unique within the pool: the lowest keeps the name.
    pub id: Id,
    /// Class of health; `None` for a row that is no agent and appears in vendor metrics only.
    pub health: Option<Health>,
    /// The native state in the vendor's words, for pages and JSON, e.g. `LogonDrain` or `offline, Deallocated`.
    pub state: Arc<str>,
}

/// A vendor's id. Numbers come before texts; texts of digits are numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// A number.
    Number(i64),
    /// Anything else.
    Text(Box<str>),
}

impl From<&str> for Id {
    fn from(text: &str) -> Id {
        text.parse().map_or_else(|_| Id::Text(text.into()), Id::Number)
    }
}

impl From<i64> for Id {
    fn from(number: i64) -> Id {
        Id::Number(number)
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Id::Number(number) => write!(f, "{number}"),
            Id::Text(text) => f.write_str(text),
        }
    }
}

/// Index of a pool in its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolRef(pub u32);

/// Index of an agent in its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentRef(pub u32);

/// What a sample is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The target as a whole.
    Target,
    /// A pool.
    Pool(PoolRef),
    /// An agent.
    Agent(AgentRef),
}

impl From<PoolRef> for Subject {
    fn from(pool: PoolRef) -> Subject {
        Subject::Pool(pool)
    }
}

impl From<AgentRef> for Subject {
    fn from(agent: AgentRef) -> Subject {
        Subject::Agent(agent)
    }
}

/// One sample; its extra label values are in [`Part::label_values`].
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Index of the pool or agent, 0 for the target.
    pub subject: u32,
    labels: u32,
    /// Value; of a histogram its place among them, see [`Part::histogram`].
    pub value: f64,
}

impl Part {
    /// An empty part of a vendor with these families, e.g. `catalogue::resilio::FAMILIES`.
    pub fn new(families: &'static [&'static Family]) -> Part {
        Part {
            families,
            pools: Vec::new(),
            agents: Vec::new(),
            samples: families.iter().map(|_| Vec::new()).collect(),
            state_names: Vec::new(),
            warnings: Warnings::default(),
            defect: None,
            fingerprint: None,
            histograms: Vec::new(),
            texts: String::new(),
            ends: Vec::new(),
            filling: Box::default(),
        }
    }

    /// Adds a pool; the one of this name where it is there already.
    pub fn pool(&mut self, name: &str, on_demand: bool) -> PoolRef {
        self.add_pool(name, on_demand, true)
    }

    /// Adds a pool whose agents are in another part, or nowhere; for the vendor's own samples about pools.
    pub fn described_pool(&mut self, name: &str) -> PoolRef {
        self.add_pool(name, false, false)
    }

    fn add_pool(&mut self, name: &str, on_demand: bool, counted: bool) -> PoolRef {
        if self.pools.get(self.filling.pool).is_some_and(|pool| *pool.name == *name) {
            return PoolRef(self.filling.pool as u32);
        }
        let name = lenient::cut(name, LONGEST);
        let index = self.filling.pools.get(name).copied().unwrap_or_else(|| {
            let index = self.pools.len() as u32;
            self.pools.push(Pool { name: name.into(), on_demand, counted });
            self.filling.pools.insert(name.into(), index);
            index
        });
        self.filling.pool = index as usize;
        PoolRef(index)
    }

    /// The text of a state, kept once for all agents that are in it.
    pub fn state(&mut self, text: &str) -> Arc<str> {
        let text = lenient::cut(text, LONGEST);
        let states = &mut self.filling.states;
        if let Some(index) = states.iter().position(|known| **known == *text) {
            // What is frequent comes to the front.
            states.swap(index, index / 2);
            return Arc::clone(&states[index / 2]);
        }
        let state: Arc<str> = text.into();
        if states.len() < STATES {
            states.push(Arc::clone(&state));
        }
        state
    }

    /// Adds an agent. `None` where the pool already has one of this id: the first counts, and the caller counts the
    /// other as a [`Warning::BadItem`](super::Warning::BadItem).
    pub fn agent(&mut self, mut agent: Agent) -> Option<AgentRef> {
        if agent.name.len() > LONGEST {
            agent.name = lenient::cut(&agent.name, LONGEST).into();
        }
        if let Id::Text(id) = &mut agent.id
            && id.len() > LONGEST
        {
            *id = lenient::cut(id, LONGEST).into();
        }
        let row = u32::try_from(self.agents.len()).ok()?;
        let ascends = self.agents.last().is_none_or(|last| (last.pool, &last.id) < (agent.pool, &agent.id));
        if (!ascends || self.filling.ids.is_some()) && !self.is_new(&agent, row) {
            return None;
        }
        self.agents.push(agent);
        Some(AgentRef(row))
    }

    /// Whether no row has this pool and id; notes it as `row` then.
    fn is_new(&mut self, agent: &Agent, row: u32) -> bool {
        let Part { agents, filling, .. } = self;
        let Filling { hasher, ids, .. } = &mut **filling;
        let hash = |agent: &Agent| hasher.hash_one((agent.pool, &agent.id));
        let ids = ids.get_or_insert_with(|| {
            let mut ids = HashTable::with_capacity(agents.len() + 1);
            for (row, agent) in agents.iter().enumerate() {
                ids.insert_unique(hash(agent), row as u32, |row| hash(&agents[*row as usize]));
            }
            ids
        });
        let same = |row: &u32| {
            let other = &agents[*row as usize];
            other.pool == agent.pool && other.id == agent.id
        };
        let is_new = ids.find(hash(agent), same).is_none();
        if is_new {
            ids.insert_unique(hash(agent), row, |row| agents.get(*row as usize).map_or(0, hash));
        }
        is_new
    }

    /// Sets a sample. `labels` are the values of `family.labels`, in their order.
    pub fn set(&mut self, family: &'static Family, subject: impl Into<Subject>, labels: &[&str], value: f64) {
        let (scope, index) = match subject.into() {
            Subject::Target => (Scope::Target, 0),
            Subject::Pool(pool) => (Scope::Pool, pool.0),
            Subject::Agent(agent) => (Scope::Agent, agent.0),
        };
        debug_assert_eq!(scope, family.scope, "{}", family.name);
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        let start = self.ends.len() as u32;
        for label in labels {
            self.texts.push_str(lenient::cut(label, LONGEST));
            self.ends.push(self.texts.len() as u32);
        }
        self.samples[family.ordinal as usize].push(Sample { subject: index, labels: start, value });
    }

    /// Sets a histogram. `labels` are the values of `family.labels`, in their order.
    pub fn set_histogram(
        &mut self,
        family: &'static Family,
        subject: impl Into<Subject>,
        labels: &[&str],
        histogram: Arc<Histogram>,
    ) {
        debug_assert_eq!(family.kind, Kind::Histogram, "{}", family.name);
        self.set(family, subject, labels, self.histograms.len() as f64);
        self.histograms.push(histogram);
    }

    /// The histogram of a sample of such a family.
    pub fn histogram(&self, sample: &Sample) -> Option<&Histogram> {
        self.histograms.get(sample.value as usize).map(|histogram| &**histogram)
    }

    /// Sets a sample where there is a value.
    pub fn set_some(
        &mut self,
        family: &'static Family,
        subject: impl Into<Subject>,
        labels: &[&str],
        value: Option<f64>,
    ) {
        if let Some(value) = value {
            self.set(family, subject, labels, value);
        }
    }

    /// Says which states a native state metric can have at all, for `exposition.full_state_sets`. The state is the last
    /// label of the family.
    pub fn declare_states(&mut self, family: &'static Family, names: &'static [&'static str]) {
        self.state_names.push((family.ordinal, names));
    }

    /// The values of the family's extra labels for one of its samples.
    pub fn label_values<'a>(&'a self, family: &Family, sample: &Sample) -> impl Iterator<Item = &'a str> + use<'a> {
        let first = sample.labels as usize;
        (first..first + family.labels.len()).map(|i| {
            let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
            &self.texts[start..self.ends[i] as usize]
        })
    }

    /// How many series it comes to: samples, the states that do not hold where they are shown too, and what every agent has.
    pub fn series(&self, full_state_sets: bool) -> usize {
        let of_family = |(family, samples): (&&Family, &Vec<Sample>)| {
            if family.kind == Kind::Histogram {
                return samples.iter().filter_map(|sample| self.histogram(sample)).map(Histogram::series).sum();
            }
            let states = self.state_names.iter().find(|(ordinal, _)| full_state_sets && *ordinal == family.ordinal);
            samples.len() * states.map_or(1, |(_, names)| names.len().max(1))
        };
        let agents = self.agents.iter().filter(|agent| agent.health.is_some()).count();
        self.families.iter().zip(&self.samples).map(of_family).sum::<usize>() + agents * SERIES_OF_AGENT
    }

    /// Lets go of what was only needed while the part was being filled; nothing is added any more.
    pub fn shrink(&mut self) {
        *self.filling = Filling::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_end_takes_no_room_for_each_of_its_samples() {
        use crate::catalogue::resilio::{FAMILIES, JOB_ERRORS, JOB_STATUS};
        let mut part = Part::new(FAMILIES);
        let long = "é".repeat(1 << 20);
        let pool = part.pool(&long, false);
        let (name, id) = (long.as_str().into(), Id::Text(long.as_str().into()));
        let agent = Agent { pool, name, id, health: Some(Health::Healthy), state: "up".into() };
        let agent = part.agent(agent).expect("the first one");
        for _ in 0..1000 {
            part.set(&JOB_ERRORS, agent, &[&long, "7"], 1.0);
        }
        assert!(part.texts.len() < 1000 * 600 && part.agents[0].name.len() == 512 && part.pools[0].name.len() == 512);
        assert_eq!(part.series(false), 1000 + 7);
        part.declare_states(&JOB_STATUS, &["a", "b", "c"]);
        part.set(&JOB_STATUS, agent, &["x", "7", "a"], 1.0);
        assert_eq!((part.series(false), part.series(true)), (1000 + 7 + 1, 1000 + 7 + 3));
    }

    #[test]
    fn a_pool_is_found_by_its_name_among_very_many() {
        let mut part = Part::new(&[]);
        // By one comparison of all names for each, this would take minutes.
        let names: Vec<String> = (0..200_000).map(|index| format!("pool {index}")).collect();
        for (index, name) in names.iter().enumerate() {
            assert_eq!(part.pool(name, false), PoolRef(index as u32));
        }
        assert_eq!(part.pool("pool 199999", true), PoolRef(199_999));
        assert_eq!(part.described_pool("pool 0"), PoolRef(0));
        assert_eq!(part.pools.len(), names.len());
        // The first to tell of a pool says how it is.
        assert_eq!(part.pools[0], Pool { name: "pool 0".into(), on_demand: false, counted: true });
    }
}
