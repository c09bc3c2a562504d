//! One machine as the site knows it.

use super::site::Site;
use crate::{
    azure_devops::moment::SimTime,
    citrix_storefront::{
        fleet::{Farm, Kind},
        machine::Machine,
    },
};

/// A machine; `None` is what the site does not say.
#[derive(Debug, Clone)]
pub(super) struct SiteMachine {
    /// As StoreFront has it.
    pub(super) machine: Machine,
    /// Place of its farm.
    pub(super) farm: usize,
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) sid: String,
    /// `DOMAIN\NAME`.
    pub(super) name: String,
    pub(super) dns_name: Option<String>,
    pub(super) group: Option<String>,
    pub(super) catalog: String,
    pub(super) zone: Option<&'static str>,
    pub(super) maintenance: bool,
    pub(super) draining: bool,
    pub(super) fault: &'static str,
    pub(super) sessions: Option<u64>,
    /// Of 10000.
    pub(super) load: Option<u64>,
    pub(super) deregistered: Option<(SimTime, &'static str)>,
    pub(super) version: Option<&'static str>,
}

/// Of so many machines of a zone one is in no delivery group, at this place.
const UNASSIGNED: (usize, usize) = (40, 13);

impl SiteMachine {
    /// The machine at that place of the farm.
    pub(super) fn of(site: &Site, farm: &Farm, place: usize) -> SiteMachine {
        let (view, controls) = (&site.view, &site.controls);
        let machine = farm.machine(view, place);
        let (kind, zone, plain) = (Farm::kind(place), Site::zone_of(farm), farm.machine_name(place));
        let what = match kind {
            Kind::Desktop => "Desktops",
            Kind::Shared => "Shared Desktops",
            Kind::Physical => "Remote PCs",
        };
        let assigned = place % UNASSIGNED.0 != UNASSIGNED.1;
        let old = view.old_server;
        let dice = view.dice("citrix sessions", (farm.index as u64) << 32 | place as u64);
        let registered = machine.registration == "Registered";
        // Once an hour people come and go.
        let hour = view.dice("citrix hour", dice ^ (view.now / 3_600) as u64);
        let sessions = match kind {
            _ if !registered => 0,
            Kind::Shared => hour % 12 + 1,
            _ => hour % 2,
        };
        let load = (kind == Kind::Shared && registered).then(|| controls.load.unwrap_or(sessions * 640));
        let patched =
            view.patching.is_some_and(|patching| kind != Kind::Physical && farm.has_its_turn(place, patching));
        let silent = machine.registration == "Unregistered";
        let fault = match controls.faults.get(&plain) {
            Some(fault) => fault,
            None if machine.power == "VirtualMachineNotFound" => "VirtualMachineNotFound",
            None if silent && matches!(machine.power, "On" | "Unknown") => "Unregistered",
            None if load.is_some_and(|load| load >= 10_000) => "MaxCapacity",
            None => "None",
        };
        // What a quirk calls otherwise is no name of a domain.
        let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let dns_name =
            if is_plain(&machine.name) { format!("{}.corp.example", machine.name) } else { machine.name.clone() };
        let sid = machine.id.split_once('.').map_or("", |(_, sid)| sid).to_owned();
        SiteMachine {
            farm: farm.index,
            kind,
            // In the order of the places.
            id: format!("{:08x}-{:04x}-4a5b-8c7d-{:012x}", place + 0x1000_0000, farm.index, dice & 0xffff_ffff_ffff),
            sid,
            name: if is_plain(&machine.name) { format!("CORP\\{}", machine.name) } else { machine.name.clone() },
            dns_name: (!old).then_some(dns_name),
            group: assigned.then(|| format!("{what} {zone}")),
            catalog: format!("{what} catalog"),
            zone: (!old).then_some(zone),
            maintenance: controls.maintenance.contains(&plain)
                || patched
                || (view.maintaining.is_some() && farm.is_maintained(kind) && assigned),
            draining: controls.draining.contains(&plain),
            fault,
            sessions: (!old).then_some(sessions),
            load: load.filter(|_| !old),
            deregistered: (!old).then(|| farm.last_deregistration(view, place)),
            version: (!old).then_some(if dice % 16 == 0 { "2311.1.0.250" } else { "2402.0.100.629" }),
            machine,
        }
    }

    /// The label `agent`, before it is cut.
    pub(super) fn agent(&self) -> String {
        self.dns_name.as_ref().map_or_else(|| self.name.clone(), |name| name.to_lowercase())
    }

    /// The label `pool`.
    pub(super) fn pool(&self) -> String {
        self.group.clone().unwrap_or_else(|| format!("catalog/{}", self.catalog))
    }

    /// Whether many users share it.
    pub(super) fn multi(&self) -> bool {
        self.machine.multi
    }

    /// Whether a power action is under way.
    pub(super) fn acting(&self) -> bool {
        self.machine.in_progress.unwrap_or(false)
    }
}
