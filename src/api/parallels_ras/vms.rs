//! Virtual machines of providers: their power states, which settle what RAS could not verify. Sessions, users and addresses
//! of the list are passed over unread.

use std::{collections::HashMap, io::Read};

use compact_str::CompactString;

use super::{
    load::{Key, LONGEST, find},
    scope::ListScope,
    server_types,
    wire::{self, Spelling, VmItem},
};
use crate::{
    api::{
        Warning, Warnings,
        lenient::{self, RowCount},
    },
    failure::Failure,
    health::Health,
};

/// Where the list is.
pub const PATH: &str = "/api/Provider/VM/Host/Status";

/// The server types that it is about: VDIHost and Guest.
pub const SERVER_TYPES: [i64; 2] = [2013, 4];

/// The states by their numbers, from 0; -1 is Unknown.
const STATES: [&str; 9] = [
    "On",
    "OnAgentConnected",
    "Off",
    "Paused",
    "RASTemplate",
    "MaintenanceMode",
    "Cloning",
    "Personalizing",
    "FailedToCreate",
];
const UNKNOWN: &str = "Unknown";

/// All words, for the complete state sets.
pub const NAMES: [&str; STATES.len() + 1] = {
    let mut names = [UNKNOWN; STATES.len() + 1];
    let mut i = 0;
    while i < STATES.len() {
        names[i] = STATES[i];
        i += 1;
    }
    names
};

/// The state of a virtual machine, as its word: `code_<n>` of a number that is new, `other` of a word that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmState(CompactString);

impl VmState {
    fn new(state: &Spelling<'_>, warnings: &Warnings) -> VmState {
        let known = match state {
            Spelling::Code(-1) => Some(UNKNOWN),
            Spelling::Code(code) => usize::try_from(*code).ok().and_then(|code| STATES.get(code)).copied(),
            Spelling::Name(name) => NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name)),
        };
        VmState(known.map_or_else(
            || {
                let (shown, told) = match state {
                    Spelling::Code(code) => (format!("code_{code}"), code.to_string()),
                    Spelling::Name(name) => ("other".to_owned(), lenient::shown(name, 64)),
                };
                warnings.add(Warning::UnknownState, || format!("state {told} of a virtual machine"));
                shown.into()
            },
            CompactString::from,
        ))
    }

    /// The label `state`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The class of a host that RAS could not verify: one that is off is so on purpose, one that runs is lost. `None`: the
    /// machine does not say.
    pub fn of_not_verified(&self) -> Option<Health> {
        match self.as_str() {
            "Off" | "Paused" => Some(Health::Disabled),
            "On" | "OnAgentConnected" => Some(Health::Failed),
            _ => None,
        }
    }
}

/// The machines of a list, by the server type where the row names it.
#[derive(Debug, Default)]
pub struct Vms(HashMap<Option<i64>, HashMap<Key, VmState>>);

impl Vms {
    /// Reads a list, of which at most `most` rows are kept. One that is mostly unreadable is none.
    pub fn read(body: impl Read, of: ListScope, most: usize, warnings: &Warnings) -> Result<Vms, Failure> {
        let (mut vms, mut count, mut kept) = (Vms::default(), RowCount::default(), 0);
        wire::items::<VmItem<'_>>(body, |index, item: Option<VmItem<'_>>| {
            let readable = item.is_some_and(|item| {
                let (Some(id), Some(state)) = (item.id.filled().ok().or(item.host_id.filled().ok()), item.state.ok())
                else {
                    return false;
                };
                let server_type = item.server_type.ok().and_then(|spelling| match spelling {
                    Spelling::Code(code) => Some(code),
                    Spelling::Name(name) => server_types::by_name(&name),
                });
                kept += 1;
                if kept <= most {
                    let key = (item.site_id.ok().or(of.default_site), lenient::cut(&id, LONGEST).into());
                    let state = VmState::new(&state, warnings);
                    vms.0.entry(server_type).or_default().entry(key).or_insert(state);
                }
                true
            });
            count.add(readable);
            if !readable {
                warnings.add(Warning::BadItem, || format!("list of virtual machines: item {index} cannot be read"));
            }
        })?;
        count.judge("virtual machines")?.map_or(Ok(vms), Err)
    }

    /// The state of the machine behind an agent.
    pub fn of(&self, server_type: i64, site: i64, id: &str) -> Option<&VmState> {
        if !SERVER_TYPES.contains(&server_type) {
            return None;
        }
        let lists = [Some(server_type), None].map(|server_type| self.0.get(&server_type));
        lists.into_iter().flatten().find_map(|rows| find(rows, site, id))
    }
}
