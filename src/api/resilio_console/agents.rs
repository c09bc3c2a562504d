//! The agents: all lists of them in, agents and samples out.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    io::Read,
    sync::Arc,
};

use serde::Deserialize;

use super::{
    super::{
        Agent, AgentRef, Id, Part, Warning, Warnings,
        fingerprint::ContentHash,
        lenient::{self, Field, RowCount, Shape, Timestamp},
    },
    details::Details,
    errors::{Codes, Errors},
    groups::Groups,
    nested::Many,
    pending::Pending,
};
use crate::{
    api::resilio,
    catalogue::resilio_console as families,
    config::{
        Target,
        target::{self, PoolBy},
    },
    failure::{Failure, Reason},
    health::Health,
    http::Body,
};

/// The pool of agents without a group, and of those that are not approved.
pub const POOL: &str = "console";

/// Every agent has at least so many series: health, since when, and its info.
const SERIES_OF_AGENT: usize = 8;

/// Tags that are the same behind so many bytes would be one series.
const LABEL: usize = 256;

/// An agent on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AgentItem<'a> {
    id: Field<i64>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow)]
    deviceid: Field<Cow<'a, str>>,
    online: Field<bool>,
    /// When it last connected or left.
    last_seen: Field<Timestamp>,
    #[serde(borrow)]
    os: Field<Cow<'a, str>>,
    errors: Errors,
    #[serde(borrow)]
    tags: Many<Tag<'a>>,
    groups: Many<GroupRef>,
}

/// Boxed: it is several hundred bytes long, and is handed on often.
impl Shape for AgentItem<'_> {
    type Of<'a> = Box<AgentItem<'a>>;
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tag<'a> {
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow)]
    value: Field<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupRef {
    id: Field<i64>,
}

/// Which list an agent stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Approved,
    Declined,
    Waiting,
}

/// What the agents are made from beside their list.
#[derive(Debug, Clone)]
pub struct AgentsInputs {
    /// The target, for its overrides and its limits.
    pub target: Arc<Target>,
    /// Its settings.
    pub settings: Arc<target::ResilioConsole>,
    /// Names of pools.
    pub groups: Arc<Groups>,
    /// Agents that are not approved.
    pub pending: Arc<Pending>,
    /// What active runs do on each agent.
    pub details: Arc<Details>,
}

impl AgentsInputs {
    /// Stands for all that is not in the settings. `None` where something cannot be told apart by a hash.
    pub fn hash(&self) -> Option<ContentHash> {
        let is_empty = |groups: &Groups| *groups == Groups::default();
        let groups = if is_empty(&self.groups) { None } else { Some(self.groups.hash?) };
        let pending = if *self.pending == Pending::default() { None } else { Some(self.pending.hash?) };
        ContentHash::of(format!("{groups:?} {pending:?} {:?}", self.details.hashes()?).as_bytes())
    }
}

/// The agents while their lists are read.
pub struct AgentsReader<'a> {
    inputs: &'a AgentsInputs,
    part: Part,
    /// Every agent by its id.
    ids: HashMap<i64, AgentRef>,
    codes: Codes,
    approved_in_console: bool,
}

impl<'a> AgentsReader<'a> {
    /// No list has been read yet.
    pub fn new(inputs: &'a AgentsInputs) -> AgentsReader<'a> {
        let mut part = Part::new(families::FAMILIES);
        part.declare_states(&families::RUN_AGENT_STATUS, &resilio::states::RUN_NAMES);
        AgentsReader { inputs, part, ids: HashMap::new(), codes: Codes::default(), approved_in_console: false }
    }

    /// Reads the list of `/agents`, and what else is known. Gives the part, and why it is not good.
    pub fn read(mut self, body: &Body) -> (Part, Result<(), Failure>) {
        let read = self.all(body);
        (self.part, read)
    }

    fn all(&mut self, body: &Body) -> Result<(), Failure> {
        let count = self.list(body.reader(), Standing::Approved)?;
        let inputs = self.inputs;
        for (list, standing) in
            [(&inputs.pending.declined, Standing::Declined), (&inputs.pending.waiting, Standing::Waiting)]
        {
            if !list.is_empty() {
                self.list(&**list, standing)?;
            }
        }
        if self.part.agents.len() > inputs.target.max_agents {
            let message =
                format!("more than {} (max_agents)", crate::printable::counted(inputs.target.max_agents, "agent"));
            return Err(Failure::new(Reason::TooLarge, message));
        }
        // Who only waits for somebody is no capacity that could be missed.
        if !self.approved_in_console
            && let Some(pool) = self.part.pools.iter_mut().find(|pool| *pool.name == *POOL)
        {
            pool.on_demand = true;
        }
        self.codes.set(&mut self.part, "agent");
        inputs.details.set(&mut self.part, &self.ids, &inputs.target);
        self.part.defect = count.judge("agents")?;
        Ok(())
    }

    fn list(&mut self, body: impl Read, standing: Standing) -> Result<RowCount, Failure> {
        let target = &self.inputs.target;
        let most = target.max_agents.min(target.max_series / SERIES_OF_AGENT);
        let mut count = RowCount::default();
        let mut here = HashSet::new();
        let list = lenient::items::<AgentItem<'_>>(body, "data", |item: Option<Box<AgentItem<'_>>>| {
            if self.part.agents.len() > most {
                return;
            }
            let agent = item.and_then(|wire| wire.id.ok().map(|id| (wire, id)));
            count.add(agent.is_some());
            let Some((wire, id)) = agent else {
                self.part.warnings.add(Warning::BadItem, || "agent without a readable id".to_owned());
                return;
            };
            // Where it stands in several lists the first counts: approved, then declined.
            let is_again = standing != Standing::Approved && !here.insert(id);
            match self.ids.contains_key(&id) {
                true if is_again || standing == Standing::Approved => {
                    self.part.warnings.add(Warning::BadItem, || format!("agent {id} comes twice"));
                }
                true => {}
                false => self.add(*wire, id, standing),
            }
        })?;
        if !list.found {
            return Err(Failure::new(Reason::Decode, "no list of agents"));
        }
        Ok(count)
    }

    fn add(&mut self, wire: AgentItem<'_>, id: i64, standing: Standing) {
        let AgentsInputs { target, settings, groups, .. } = self.inputs;
        let warnings = &self.part.warnings;
        let name = wire.name.filled().get(warnings, "agent name").unwrap_or_else(|| Cow::Owned(id.to_string()));
        let online = match wire.online {
            Field::Bad => {
                warnings.add(Warning::UnknownState, || format!("agent {id}: online is neither true nor false"));
                None
            }
            online => online.ok(),
        };
        let by_design = online == Some(false) && settings.offline_by_design.matches(&name);
        let (state, base) = match (standing, online) {
            (Standing::Waiting, _) => ("pending", Health::Transitional),
            (Standing::Declined, _) => ("declined", Health::Disabled),
            (Standing::Approved, Some(true)) => ("online", Health::Healthy),
            (Standing::Approved, Some(false)) => ("offline", if by_design { Health::Disabled } else { Health::Failed }),
            (Standing::Approved, None) => ("unknown", Health::Unknown),
        };
        let lowest = wire.groups.0.into_iter().filter_map(|group| group.id.ok()).min();
        let lowest = lowest.filter(|_| settings.pool_by == PoolBy::Group && standing == Standing::Approved);
        let pool = lowest.map_or(Cow::Borrowed(POOL), |id| groups.name(id));
        self.approved_in_console |= standing == Standing::Approved && pool == POOL;
        let health = target.health(&pool, &[state], base);
        let has_errors = wire.errors.any();
        let health = if has_errors && state == "online" { health.at_least_degraded() } else { health };
        let shown = if has_errors && state == "online" { "online, errors" } else { state };
        let device_id = wire.deviceid.get(warnings, "agent deviceid").unwrap_or_default();
        let os = wire.os.get(warnings, "agent os").unwrap_or_default();
        let last_seen = wire.last_seen.get(warnings, "agent last_seen").map(Timestamp::as_secs_f64);
        let tags = if settings.tags { tags(&wire.tags.0, id, warnings) } else { Vec::new() };

        let part = &mut self.part;
        let (pool, state) = (part.pool(&pool, false), part.state(shown));
        let Some(agent) =
            part.agent(Agent { pool, name: name.into(), id: Id::Number(id), health: Some(health), state })
        else {
            return;
        };
        self.ids.insert(id, agent);
        part.set(&families::AGENT_INFO, agent, &[&id.to_string(), &device_id, &os], 1.0);
        part.set_some(&families::AGENT_ONLINE, agent, &[], online.map(|online| f64::from(u8::from(online))));
        part.set_some(&families::AGENT_LAST_SEEN, agent, &[], last_seen);
        part.set_some(&families::AGENT_ERRORS, agent, &[], wire.errors.count.map(|count| count as f64));
        for (name, value) in tags {
            part.set(&families::AGENT_TAG_INFO, agent, &[name, value], 1.0);
        }
        self.codes.extend(wire.errors.codes);
    }
}

/// The tags of an agent, each name once.
fn tags<'a>(tags: &'a [Tag<'_>], id: i64, warnings: &Warnings) -> Vec<(&'a str, &'a str)> {
    let mut found: Vec<(&str, &str)> = Vec::with_capacity(tags.len());
    let mut names = HashSet::new();
    for tag in tags {
        let Field::Value(name) = &tag.name else {
            warnings.add(Warning::BadItem, || format!("tag without a name, of agent {id}"));
            continue;
        };
        // What is the same after the cut would be the same series.
        if !names.insert(lenient::cut(name, LABEL)) {
            warnings.add(Warning::BadItem, || format!("tag {:?} comes twice", lenient::cut(name, 64)));
            continue;
        }
        let value = match &tag.value {
            Field::Value(value) => &**value,
            Field::Missing => "",
            Field::Bad => {
                warnings.add(Warning::BadValue, || format!("value of a tag of agent {id}"));
                ""
            }
        };
        found.push((name, value));
    }
    found
}

/// Fails where this is no list of agents, or one of which most cannot be read.
pub fn check(body: &[u8], warnings: &Warnings) -> Result<(), Failure> {
    let mut count = RowCount::default();
    let list = lenient::items::<AgentItem<'_>>(body, "data", |item: Option<Box<AgentItem<'_>>>| {
        let readable = item.is_some_and(|wire| matches!(wire.id, Field::Value(_)));
        count.add(readable);
        if !readable {
            warnings.add(Warning::BadItem, || "agent without a readable id".to_owned());
        }
    })?;
    if !list.found {
        return Err(Failure::new(Reason::Decode, "no list of agents"));
    }
    count.judge("agents")?.map_or(Ok(()), Err)
}
