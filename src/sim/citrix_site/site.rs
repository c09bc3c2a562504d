//! The site at one moment: the farms of StoreFront, and what only a site knows of them.

use super::{Controls, VENDOR, machine::SiteMachine};
use crate::{
    World,
    citrix_storefront::{
        fleet::{Farm, Kind, View},
        states,
    },
};
use std::{collections::BTreeMap, sync::Arc};

/// Every registration state that the vendor's client names.
pub(super) const REGISTRATION: [&str; 5] = ["Unknown", "Registered", "Unregistered", "Initializing", "AgentError"];

/// Every fault state.
pub(super) const FAULTS: [&str; 7] =
    ["None", "FailedToStart", "StuckOnBoot", "Unregistered", "MaxCapacity", "VirtualMachineNotFound", "Unknown"];

/// Every reason for a lost registration.
pub(super) const REASONS: [&str; 32] = [
    "Unknown",
    "AgentShutdown",
    "AgentSuspended",
    "AgentRequested",
    "IncompatibleVersion",
    "AgentAddressResolutionFailed",
    "AgentNotContactable",
    "AgentWrongActiveDirectoryOU",
    "EmptyRegistrationRequest",
    "MissingRegistrationCapabilities",
    "MissingAgentVersion",
    "InconsistentRegistrationCapabilities",
    "NotLicensedForFeature",
    "OSNotCompatibleWithDdc",
    "VMNotCompatibleWithDdc",
    "UnsupportedCredentialSecurityVersion",
    "InvalidRegistrationRequest",
    "SingleMultiSessionMismatch",
    "FunctionalLevelTooLowForCatalog",
    "FunctionalLevelTooLowForDesktopGroup",
    "PowerOff",
    "DesktopRestart",
    "DesktopRemoved",
    "AgentRejectedSettingsUpdate",
    "SendSettingsFailure",
    "SessionAuditFailure",
    "SessionPrepareFailure",
    "ContactLost",
    "SettingsCreationFailure",
    "UnknownError",
    "BrokerRegistrationLimitReached",
    "RegistrationStateMismatch",
];

/// Zones, by the place of the farm.
const ZONES: [&str; 3] = ["East", "West", "Cloud"];

/// The class of health of a machine, as section 4 of `deploy/docs/reference.md` has it. `out`: it is in maintenance, or drained.
pub(super) fn health(
    power: &str,
    registration: &str,
    acting: bool,
    multi: bool,
    out: bool,
    fault: &str,
) -> &'static str {
    if out {
        return "disabled";
    }
    let class = match (registration, power) {
        ("Unknown", _) if acting => "transitional",
        ("Unknown", "TurningOn" | "Resuming" | "TurningOff" | "Suspending") => "transitional",
        ("Unknown", "Off" | "Suspended") => "disabled",
        ("Unknown", _) => "unknown",
        _ => states::health(power, registration, acting, multi),
    };
    match (fault, class) {
        // Whoever is off on purpose was not to start.
        ("FailedToStart" | "StuckOnBoot", _) => "failed",
        ("MaxCapacity", "healthy" | "transitional") => "degraded",
        _ => class,
    }
}

/// Everything that one answer depends on, read once.
pub(super) struct Site {
    pub(super) view: View,
    pub(super) farms: Vec<Farm>,
    pub(super) controls: Controls,
}

/// A delivery group.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) multi: bool,
    pub(super) maintenance: bool,
    pub(super) sessions: u64,
    pub(super) total: u64,
    pub(super) available: u64,
    pub(super) disconnected: u64,
    pub(super) faulted: u64,
    pub(super) unregistered: u64,
}

/// A connection to a hypervisor.
#[derive(Debug, Clone)]
pub(super) struct Hypervisor {
    pub(super) name: String,
    pub(super) connection_type: &'static str,
    pub(super) zone: &'static str,
    /// Why it is at fault, and since when.
    pub(super) fault: Option<(&'static str, i64)>,
}

/// A zone.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub(super) name: &'static str,
    pub(super) primary: bool,
    pub(super) healthy: bool,
}

impl Site {
    pub(super) fn new(world: &Arc<World>, controls: Controls) -> Site {
        // The share is that of StoreFront, whose machines they are.
        let view = View::new(world, VENDOR);
        let farms = view.farms();
        Site { view, farms, controls }
    }

    /// How many machines there are.
    pub(super) fn count(&self) -> usize {
        self.farms.iter().map(|farm| farm.slots).sum()
    }

    /// The machine at that place, counted over all zones.
    pub(super) fn machine(&self, mut place: usize) -> SiteMachine {
        for farm in &self.farms {
            match place.checked_sub(farm.slots) {
                None => return SiteMachine::of(self, farm, place),
                Some(less) => place = less,
            }
        }
        panic!("only so many machines are asked for as there are")
    }

    /// All of them.
    pub(super) fn machines(&self) -> impl Iterator<Item = SiteMachine> {
        self.farms.iter().flat_map(|farm| (0..farm.slots).map(|place| SiteMachine::of(self, farm, place)))
    }

    pub(super) fn zone_of(farm: &Farm) -> &'static str {
        ZONES[farm.index % ZONES.len()]
    }

    /// Every delivery group that has a machine.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for machine in self.machines() {
            let Some(name) = &machine.group else { continue };
            let of_first = machine.farm == 0 && machine.kind == Kind::Desktop;
            let group = groups.entry(name.clone()).or_insert_with(|| Group {
                name: name.clone(),
                multi: machine.kind == Kind::Shared,
                maintenance: of_first && self.view.maintaining.is_some(),
                ..Group::default()
            });
            let sessions = machine.sessions.unwrap_or_default();
            group.sessions += sessions;
            group.total += 1;
            let registered = machine.machine.registration == "Registered";
            group.available += u64::from(registered && !machine.maintenance && sessions == 0);
            group.disconnected += u64::from(registered && sessions == 3);
            group.faulted += u64::from(machine.fault != "None");
            group.unregistered += u64::from(!registered);
        }
        groups.into_values().collect()
    }

    /// One in each zone.
    pub(super) fn hypervisors(&self) -> Vec<Hypervisor> {
        let of = |farm: &Farm| {
            let lost = self.view.lost.filter(|_| farm.index == 0);
            Hypervisor {
                name: format!("Hypervisor {}", Site::zone_of(farm)),
                connection_type: if farm.index == 2 { "AzureRM" } else { "VCenter" },
                zone: Site::zone_of(farm),
                fault: lost.map(|lost| ("The remote name could not be resolved.", self.view.now - lost)),
            }
        };
        self.farms.iter().map(of).collect()
    }

    pub(super) fn zones(&self) -> Vec<Zone> {
        let of = |farm: &Farm| {
            let name = Site::zone_of(farm);
            Zone { name, primary: farm.index == 0, healthy: !self.controls.ill_zones.contains(name) }
        };
        self.farms.iter().map(of).collect()
    }

    /// Licenses: in use, bought, and those that may be used beyond.
    pub(super) fn licenses(&self) -> (u64, u64, u64) {
        let bought = self.count() as u64 * 5 / 4 + 10;
        (self.count() as u64 * 3 / 4, bought, bought / 10)
    }
}
