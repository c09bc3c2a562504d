//! What servers carry, from the status lists: processor, memory, sessions, and the version of the agent.
//!
//! Names of fields are those of the vendor's PowerShell module, and a reading: what is missing on the wire is missing here.

use std::{collections::HashMap, io::Read};

use compact_str::CompactString;

use super::{
    scope::ListScope,
    states,
    wire::{self, Spelling, StatusItem},
};
use crate::{
    api::{
        AgentRef, Part, Warning, Warnings,
        lenient::{self, Field, RowCount},
    },
    catalogue::parallels_ras::{AGENT_VERSION, GATEWAY_SESSIONS, HOST_CPU, HOST_MEMORY, HOST_SESSIONS},
    failure::Failure,
};

/// Status lists, one for each kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoadKind {
    /// Session hosts.
    Hosts,
    /// Gateways.
    Gateways,
    /// Brokers.
    Brokers,
}

impl LoadKind {
    /// All of them, those that matter most first.
    pub const ALL: [LoadKind; 3] = [LoadKind::Hosts, LoadKind::Gateways, LoadKind::Brokers];

    /// Where the list is.
    pub const fn path(self) -> &'static str {
        match self {
            LoadKind::Hosts => "/api/RDS/Host/status",
            LoadKind::Gateways => "/api/Gateway/status",
            LoadKind::Brokers => "/api/Broker/status",
        }
    }

    /// Word for the metrics.
    pub const fn operation(self) -> &'static str {
        match self {
            LoadKind::Hosts => "host_status",
            LoadKind::Gateways => "gateway_status",
            LoadKind::Brokers => "broker_status",
        }
    }

    /// The type of the servers in it.
    pub const fn server_type(self) -> i64 {
        match self {
            LoadKind::Hosts => 1,
            LoadKind::Gateways => 3,
            LoadKind::Brokers => 7,
        }
    }
}

/// Agent states in which a server's counters, or its sessions, cannot be read: FailedPerfCounters, EnumSessionsFailed.
const NO_COUNTERS: i64 = 60;
const NO_SESSIONS: i64 = 1;

/// Site, where it is known, and id.
pub type Key = (Option<i64>, CompactString);

/// Of an id, a version and a name so many bytes are kept; fewer are shown.
pub const LONGEST: usize = 512;

/// A status list.
#[derive(Debug, Default)]
pub struct Load(HashMap<Key, Carried>);

/// What one server carries.
#[derive(Debug, Default)]
pub struct Carried {
    state: Option<i64>,
    cpu: Option<f64>,
    memory: Option<f64>,
    active: Option<f64>,
    disconnected: Option<f64>,
    rdp: Option<f64>,
    rdp_ssl: Option<f64>,
    version: Option<CompactString>,
}

impl Load {
    /// Reads a list, of which at most `most` rows are kept. One that is mostly unreadable is none.
    pub fn read(body: impl Read, of: ListScope, most: usize, warnings: &Warnings) -> Result<Load, Failure> {
        let (mut rows, mut count) = (HashMap::new(), RowCount::default());
        wire::items::<StatusItem<'_>>(body, |index, item: Option<StatusItem<'_>>| {
            let row = item.and_then(|item| {
                let id = item.id.clone().filled().ok()?;
                let site = item.site_id.ok().or(of.default_site);
                Some(((site, CompactString::from(lenient::cut(&id, LONGEST))), Carried::new(item, warnings)))
            });
            count.add(row.is_some());
            match row {
                Some((key, carried)) if rows.len() < most => {
                    rows.entry(key).or_insert(carried);
                }
                Some(_) => {}
                None => warnings.add(Warning::BadItem, || format!("status list: item {index} cannot be read")),
            }
        })?;
        count.judge("servers")?.map_or(Ok(Load(rows)), Err)
    }

    /// What this server carries.
    pub fn of(&self, site: i64, id: &str) -> Option<&Carried> {
        find(&self.0, site, id)
    }
}

/// The row of this site and id; one without a site is of any.
pub fn find<'a, T>(rows: &'a HashMap<Key, T>, site: i64, id: &str) -> Option<&'a T> {
    let id = CompactString::from(id);
    let mut key = (Some(site), id);
    rows.get(&key).or_else(|| {
        key.0 = None;
        rows.get(&key)
    })
}

impl Carried {
    fn new(item: StatusItem<'_>, warnings: &Warnings) -> Carried {
        let state = item.agent_state.ok().and_then(|state| match state {
            Spelling::Code(code) => Some(code),
            Spelling::Name(name) => states::by_name(&name).map(|state| state.code),
        });
        let version = item.agent_ver.filled().ok();
        Carried {
            state,
            cpu: ratio(item.cpu_load, warnings, "cpuLoad"),
            memory: ratio(item.mem_load, warnings, "memLoad"),
            active: count(item.active_sessions, warnings, "activeSessions"),
            disconnected: count(item.disconnected_sessions, warnings, "disconnectedSessions"),
            rdp: count(item.active_rdp_sessions, warnings, "activeRDPSessions"),
            rdp_ssl: count(item.active_rdp_ssl_sessions, warnings, "activeRDPSSLSessions"),
            version: version.map(|version| lenient::cut(version.trim(), LONGEST).into()),
        }
    }

    /// Sets the samples of an agent whose state in the agent list is `state`. Where either list says that the counters, or
    /// the sessions, cannot be read, theirs are left out.
    pub fn set(&self, part: &mut Part, agent: AgentRef, state: Option<i64>) {
        let is = |code| state == Some(code) || self.state == Some(code);
        if !is(NO_COUNTERS) {
            part.set_some(&HOST_CPU, agent, &[], self.cpu);
            part.set_some(&HOST_MEMORY, agent, &[], self.memory);
        }
        if !is(NO_SESSIONS) {
            part.set_some(&HOST_SESSIONS, agent, &["active"], self.active);
            part.set_some(&HOST_SESSIONS, agent, &["disconnected"], self.disconnected);
            part.set_some(&GATEWAY_SESSIONS, agent, &["rdp"], self.rdp);
            part.set_some(&GATEWAY_SESSIONS, agent, &["rdp_ssl"], self.rdp_ssl);
        }
        if let Some(version) = &self.version {
            part.set(&AGENT_VERSION, agent, &[version], 1.0);
        }
    }
}

/// Percent as a ratio.
fn ratio(percent: Field<f64>, warnings: &Warnings, what: &str) -> Option<f64> {
    let percent =
        percent.and_then(|percent| if (0.0..=100.0).contains(&percent) { Field::Value(percent) } else { Field::Bad });
    percent.get(warnings, what).map(|percent| percent / 100.0)
}

/// A number of things.
pub fn count(number: Field<i64>, warnings: &Warnings, what: &str) -> Option<f64> {
    let number = number.and_then(|number| if number >= 0 { Field::Value(number) } else { Field::Bad });
    number.get(warnings, what).map(|number| number as f64)
}
