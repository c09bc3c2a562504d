//! From the rows of `GET /api/Agent` to agents and samples. Pure: what the server said, the names, the settings.

use std::{borrow::Cow, collections::HashMap, io::Read, sync::Arc};

use compact_str::CompactString;

use super::{
    host_pools::{Members, Membership},
    license::License,
    load::Load,
    names::Names,
    server_types::{self, Kind},
    states::{self, State},
    vms::{self, VmState, Vms},
    wire::{self, AgentItem, Spelling},
};
use crate::{
    api::{
        Agent, Id, Part, PoolRef, Warning, Warnings,
        fingerprint::ContentHash,
        lenient::{self, Field, RowCount},
    },
    catalogue::parallels_ras::{
        AGENT_INFO, AGENT_STATE, AGENT_STATE_CODE, FAMILIES, HOST_MAX_SESSIONS, HOST_POOL_MEMBER, VM_STATE,
    },
    config::{Target, target::ParallelsRas},
    failure::{Failure, Reason},
    health::Health,
};

/// One row of the agent list. Its key is site, server type and id: an id alone is not unique.
#[derive(Debug)]
pub struct Row {
    /// As the server wrote it.
    pub id: CompactString,
    /// Site.
    pub site: i64,
    server_type: RowType,
    state: RowState,
}

/// The server type of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RowType {
    Code(i64),
    /// A name that no table knows, without a number.
    Named(CompactString),
}

/// The state of a row.
#[derive(Debug, Clone, Copy)]
enum RowState {
    Known(&'static State),
    /// A number that no table knows.
    New(i64),
    /// No number could be read.
    None,
}

/// A server type that no table knows and that has no number either.
const NO_CODE: i64 = i64::MIN;

impl Row {
    /// The number of the server type, [`i64::MIN`] where there is none.
    pub fn type_code(&self) -> i64 {
        match self.server_type {
            RowType::Code(code) => code,
            RowType::Named(_) => NO_CODE,
        }
    }

    fn type_name(&self) -> Cow<'_, str> {
        match &self.server_type {
            RowType::Code(code) => match server_types::by_code(*code) {
                Some(server_type) => server_type.name.into(),
                None => format!("code_{code}").into(),
            },
            RowType::Named(name) => Cow::Borrowed(name),
        }
    }

    /// What is new is taken for a host: better one agent too many than a server that nobody watches.
    fn kind(&self) -> Kind {
        server_types::by_code(self.type_code()).map_or(Kind::Host, |server_type| server_type.kind)
    }
}

impl RowState {
    fn code(self) -> Option<i64> {
        match self {
            RowState::Known(state) => Some(state.code),
            RowState::New(code) => Some(code),
            RowState::None => None,
        }
    }

    fn name(self) -> Cow<'static, str> {
        match self {
            RowState::Known(state) => state.name.into(),
            RowState::New(code) => format!("code_{code}").into(),
            RowState::None => "other".into(),
        }
    }
}

/// Reads the body of `GET /api/Agent`; only rows of `site_ids` where there are any. An item without a readable id, site or
/// server type costs itself alone; also gives what is wrong where that is most of them. A row that names no site is of the
/// one asked for, else of the only one that the others name. More than `most` rows are `too_large`.
pub fn rows(
    body: impl Read,
    site_ids: &[i64],
    most: usize,
    warnings: &Warnings,
) -> Result<(Vec<Row>, Option<Failure>), Failure> {
    let (mut rows, mut count) = (Vec::new(), RowCount::default());
    let asked = match *site_ids {
        [site] => Some(site),
        _ => None,
    };
    let mut siteless = Vec::new();
    wire::items::<AgentItem<'_>>(body, |index, item: Option<AgentItem<'_>>| {
        let site = item.as_ref().and_then(|item| item.site_id.ok());
        if site.is_some_and(|site| !site_ids.is_empty() && !site_ids.contains(&site)) {
            count.add(true);
            return;
        }
        let names_site = item.as_ref().is_none_or(|item| item.site_id != Field::Missing);
        match item.and_then(|item| row(item, site.or(asked).unwrap_or_default(), warnings)) {
            // One more tells that there are too many.
            Some(_) if rows.len() + siteless.len() > most => {}
            Some(row) if names_site || asked.is_some() => rows.push(row),
            Some(row) => {
                siteless.push(row);
                return;
            }
            None => {
                count.add(false);
                warnings.add(Warning::BadItem, || format!("agent list: item {index} cannot be read"));
                return;
            }
        }
        count.add(true);
    })?;
    let only = rows.first().map(|row: &Row| row.site).filter(|site| rows.iter().all(|row| row.site == *site));
    for row in siteless {
        count.add(only.is_some());
        match only {
            Some(site) => rows.push(Row { site, ..row }),
            None => warnings.add(Warning::BadItem, || format!("agent list: {:.64} names no site", row.id)),
        }
    }
    if rows.len() > most {
        return Err(Failure::new(
            Reason::TooLarge,
            format!("more than {most} rows with several series each (max_series)"),
        ));
    }
    let defect = count.judge("agents")?;
    Ok((rows, defect))
}

/// Of an id so many bytes are kept; fewer are shown.
const LONGEST: usize = 512;

fn row(item: AgentItem<'_>, site: i64, warnings: &Warnings) -> Option<Row> {
    let id = CompactString::from(lenient::cut(&item.id.filled().ok()?, LONGEST));
    if item.site_id == Field::Bad {
        return None;
    }
    let server_type = match item.server_type.ok()? {
        Spelling::Code(code) => RowType::Code(code),
        Spelling::Name(name) => match server_types::by_name(&name) {
            Some(code) => RowType::Code(code),
            None => RowType::Named(lenient::cut(&name, LONGEST).into()),
        },
    };
    let agent_state = item.agent_state.ok();
    let state = match &agent_state {
        Some(Spelling::Code(code)) => states::by_code(*code).map_or(RowState::New(*code), RowState::Known),
        Some(Spelling::Name(name)) => states::by_name(name).map_or(RowState::None, RowState::Known),
        None => RowState::None,
    };
    match (state, agent_state) {
        (RowState::Known(_), _) => {}
        (_, Some(Spelling::Code(code))) => warnings.add(Warning::UnknownState, || format!("agentState {code}")),
        (_, Some(Spelling::Name(name))) => warnings.add(Warning::UnknownState, || format!("agentState {name:.64}")),
        (_, None) => warnings.add(Warning::BadValue, || "agentState cannot be read".to_owned()),
    }
    match &server_type {
        RowType::Code(code) if server_types::by_code(*code).is_none() => {
            warnings.add(Warning::UnknownState, || format!("serverType {code}"));
        }
        RowType::Named(name) => warnings.add(Warning::UnknownState, || format!("serverType {name:.64}")),
        RowType::Code(_) => {}
    }
    Some(Row { id, site, server_type, state })
}

/// What the extras know of the farm at one moment.
#[derive(Debug, Default)]
pub struct Facts {
    /// Virtual machines, by list.
    pub vms: Vec<Arc<Vms>>,
    /// What servers of a type carry, by list.
    pub load: Vec<(i64, Arc<Load>)>,
    /// The license.
    pub license: Option<Arc<License>>,
    /// Host pools and their members.
    pub host_pools: Vec<(CompactString, Arc<Members>)>,
    /// The answers that all of this comes from; `None` where that is not known.
    pub inputs: Option<Vec<ContentHash>>,
}

impl Facts {
    fn vm(&self, row: &Row) -> Option<&VmState> {
        self.vms.iter().find_map(|vms| vms.of(row.type_code(), row.site, &row.id))
    }
}

/// What agents and samples depend on besides the rows.
#[derive(Debug)]
pub struct MappingContext {
    /// The target, for its overrides.
    pub target: Arc<Target>,
    /// Its settings.
    pub settings: Arc<ParallelsRas>,
    /// What the configuration lists call the rows.
    pub names: Names,
    /// What the extras know.
    pub facts: Facts,
}

/// Agents and samples of all rows. Of a key that comes twice the first row counts. `warnings` are those of the rows; `license`
/// is for the one part of the target that tells it.
pub fn part<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    mapping_context: &MappingContext,
    license: Option<&License>,
    warnings: Warnings,
) -> Part {
    let MappingContext { target, settings, names, facts } = mapping_context;
    let mut part = Part::new(FAMILIES);
    part.declare_states(&AGENT_STATE, &states::NAMES);
    part.declare_states(&VM_STATE, &vms::NAMES);
    let mut membership = Membership::default();
    facts.host_pools.iter().for_each(|(pool, members)| membership.add(pool, members));
    let mut pools: HashMap<(&RowType, i64), Pool> = HashMap::new();
    for row in rows {
        let pool = pools.entry((&row.server_type, row.site)).or_insert_with(|| Pool::new(row, &mut part, settings));
        let state = row.state.name();
        let vm = facts.vm(row);
        let health = (row.kind() == Kind::Host).then(|| pool.health(row, &state, vm, target));
        let agent = Agent {
            pool: pool.reference,
            name: names.of(row.type_code(), row.site, &row.id).unwrap_or(&row.id).into(),
            id: Id::from(&*row.id),
            health,
            state: part.state(&state),
        };
        let Some(agent) = part.agent(agent) else {
            warnings.add(Warning::BadItem, || format!("agent list: {} has the id {:.64} twice", pool.name, row.id));
            continue;
        };
        part.set(&AGENT_STATE, agent, &[&state], 1.0);
        part.set_some(&AGENT_STATE_CODE, agent, &[], row.state.code().map(|code| code as f64));
        part.set(&AGENT_INFO, agent, &[&pool.site, &row.type_name(), &row.id, row.kind().as_str()], 1.0);
        let lists = facts.load.iter().filter(|(server_type, _)| *server_type == row.type_code());
        if let Some(carried) = lists.into_iter().find_map(|(_, load)| load.of(row.site, &row.id)) {
            carried.set(&mut part, agent, row.state.code());
        }
        if settings.load {
            let most = names.max_sessions(row.type_code(), row.site, &row.id);
            part.set_some(&HOST_MAX_SESSIONS, agent, &[], most.map(|most| most as f64));
        }
        if let Some(vm) = vm {
            part.set(&VM_STATE, agent, &[vm.as_str()], 1.0);
        }
        for pool in membership.of(row.type_code(), row.site, &row.id) {
            part.set(&HOST_POOL_MEMBER, agent, &[pool], 1.0);
        }
    }
    if let Some(license) = license {
        license.set(&mut part);
    }
    part.warnings = warnings;
    part.shrink();
    part
}

/// What all rows of one site and server type share.
struct Pool {
    reference: PoolRef,
    name: String,
    site: String,
    power_managed: bool,
}

impl Pool {
    fn new(row: &Row, part: &mut Part, settings: &ParallelsRas) -> Pool {
        let server_type = row.type_name();
        let name = format!("{server_type}@{}", row.site);
        let power_managed = settings.power_managed.iter().any(|listed| listed.eq_ignore_ascii_case(&server_type));
        Pool { reference: part.pool(&name, false), name, site: row.site.to_string(), power_managed }
    }

    /// A machine whose state is known settles what RAS could not verify, whatever the settings say of its kind.
    fn health(&self, row: &Row, state: &str, vm: Option<&VmState>, target: &Target) -> Health {
        let Some(code) = row.state.code() else { return target.health(&self.name, &[state], Health::Unknown) };
        let settled = vm.filter(|_| code == states::NOT_VERIFIED).and_then(VmState::of_not_verified);
        let base = settled.unwrap_or_else(|| states::health(code, row.type_code(), self.power_managed));
        target.health(&self.name, &[state, &code.to_string()], base)
    }
}

#[cfg(test)]
mod tests;
