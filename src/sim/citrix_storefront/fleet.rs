//! Farms, their machines and the resources that lead to them, and the view of the world that one answer is made from. The
//! simulated site (`citrix_site`) tells of the same machines.

use super::super::{Incident, Quirk, World, azure_devops::moment::SimTime};
use std::{collections::BTreeMap, sync::Arc};

/// One farm; its name is what the ids of its machines and resources begin with.
#[derive(Debug, Clone)]
pub(crate) struct Farm {
    /// Position.
    pub(crate) index: usize,
    /// Name.
    pub(crate) name: &'static str,
    /// What the names of its machines contain.
    pub(crate) site: &'static str,
    /// Number of machines.
    pub(crate) slots: usize,
}

const FARMS: [(&str, &str); 3] = [("XD-East", "EAST"), ("XD-West", "WEST"), ("XD-Cloud", "CLOUD")];

/// What a machine is; the place in the farm decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A virtual desktop with power management.
    Desktop,
    /// A multi-session host with power management, published together with its neighbours.
    Shared,
    /// A desktop without power management.
    Physical,
}

/// A state that a test gave to a machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateOverride {
    pub(crate) power: &'static str,
    pub(crate) registration: &'static str,
    pub(crate) in_progress: bool,
}

/// How long the maintenance of a delivery group lasts.
const MAINTENANCE: i64 = 3_000;

/// What tests have set of the machines.
#[derive(Debug, Default)]
pub(crate) struct Machines {
    /// They show every combination of states.
    pub(crate) parade: bool,
    /// States by machine name.
    pub(crate) given: Arc<BTreeMap<String, StateOverride>>,
}

/// Everything that one answer depends on, read once.
#[derive(Debug, Clone)]
pub(crate) struct View {
    world: Arc<World>,
    vendor: &'static str,
    /// Whole seconds since the Unix epoch.
    pub(crate) now: i64,
    /// For how long the hypervisor of the first farm has been lost.
    pub(crate) lost: Option<i64>,
    /// For how long the patch night has gone on.
    pub(crate) patching: Option<i64>,
    /// For how long the desktops of the first farm have been in maintenance.
    pub(crate) maintaining: Option<i64>,
    /// How long ago they began to lose their registrations.
    pub(crate) storm: Option<i64>,
    /// Optional elements are missing.
    pub(crate) old_server: bool,
    /// Everything is spelt otherwise.
    pub(crate) other_spelling: bool,
    /// Machine after machine shows every combination of states.
    pub(crate) parade: bool,
    /// States by machine name.
    pub(crate) given: Arc<BTreeMap<String, StateOverride>>,
}

impl View {
    /// The world as it is now, with the quirks of the vendor that tells of it.
    pub(crate) fn new(world: &Arc<World>, vendor: &'static str) -> View {
        let since = |incident| world.since(incident).map(|d| d.as_secs() as i64);
        let machines = world.machines();
        View {
            now: world.now().as_secs() as i64,
            lost: since(Incident::HypervisorLost),
            patching: since(Incident::PatchNight),
            maintaining: since(Incident::SiteMaintenance).filter(|lasts| *lasts < MAINTENANCE),
            storm: since(Incident::RegistrationStorm),
            old_server: world.quirk(vendor, Quirk::OldServer),
            other_spelling: world.quirk(vendor, Quirk::OtherSpelling),
            parade: machines.parade,
            given: Arc::clone(&machines.given),
            vendor,
            world: Arc::clone(world),
        }
    }

    /// The dice of the world.
    pub(crate) fn dice(&self, name: &str, index: u64) -> u64 {
        self.world.dice(name, index)
    }

    /// A moment as answers tell it.
    pub(crate) fn reported(&self, moment: SimTime) -> SimTime {
        SimTime::at(self.world.real(moment.seconds()))
    }

    /// Whether the quirk is on and this is the machine that it is about.
    pub(crate) fn quirk(&self, quirk: Quirk, farm: &Farm, index: usize) -> bool {
        let at = match quirk {
            Quirk::UnknownState => 0,
            Quirk::DuplicateName => 1,
            Quirk::NastyName => 2,
            Quirk::LongName => 3,
            _ => index,
        };
        farm.index == 0 && index == at && self.world.quirk(self.vendor, quirk)
    }

    /// The farms: one to three, with the machines shared out evenly.
    pub(crate) fn farms(&self) -> Vec<Farm> {
        let machines = self.world.share(super::VENDOR);
        let count = (machines / 12).clamp(1, FARMS.len());
        (0..count)
            .zip(FARMS)
            .map(|(index, (name, site))| Farm {
                index,
                name,
                site,
                slots: machines / count + usize::from(index < machines % count),
            })
            .collect()
    }
}

/// One resource of the enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// Its id is the farm's name, a dot, and this.
    pub(super) title: String,
    /// A desktop, not an application.
    pub(super) desktop: bool,
    /// `canquerymachinestate`.
    pub(super) queryable: bool,
}

/// Multi-session hosts stand at every fifth place, and those of so many places are published as one desktop.
const BLOCK: usize = 20;

const APPLICATIONS: [&str; 3] = ["Notepad", "Ledger & Co", "Time Sheets"];

impl Farm {
    /// What the machine at that place is.
    pub(crate) fn kind(index: usize) -> Kind {
        match index {
            i if i % 5 == 4 => Kind::Shared,
            i if i % 10 == 7 => Kind::Physical,
            _ => Kind::Desktop,
        }
    }

    /// The title of the resource that leads to the machine at that place.
    pub(super) fn title(index: usize) -> String {
        match Farm::kind(index) {
            Kind::Shared => format!("Shared Desktop {}", index / BLOCK + 1),
            _ => format!("Desktop {}", index + 1),
        }
    }

    /// Every resource: applications, a pooled desktop that no machine stands behind, a kiosk that cannot be asked about,
    /// then the desktops.
    pub(super) fn resources(&self) -> impl Iterator<Item = Resource> + Send + use<> {
        let slots = self.slots;
        let of = |title: &str, desktop, queryable| Resource { title: title.to_owned(), desktop, queryable };
        let applications = APPLICATIONS.into_iter().map(move |title| of(title, false, false));
        let others = [of("Pooled Desktop", true, true), of("Kiosk", true, false)];
        let desktops = (0..slots)
            // A group of multi-session hosts is named once, by its first.
            .filter(|i| Farm::kind(*i) != Kind::Shared || i % BLOCK == 4)
            .map(move |i| of(&Farm::title(i), true, true));
        applications.chain(others).chain(desktops)
    }

    /// The places of the machines behind a resource of that title; none for what is not known.
    pub(super) fn machines_of(&self, title: &str) -> Vec<usize> {
        let number = |text: &str| text.parse::<usize>().ok()?.checked_sub(1);
        if let Some(group) = title.strip_prefix("Shared Desktop ").and_then(number) {
            let first = group.saturating_mul(BLOCK);
            let places = first..first.saturating_add(BLOCK).min(self.slots);
            return places.filter(|i| Farm::kind(*i) == Kind::Shared).collect();
        }
        title
            .strip_prefix("Desktop ")
            .and_then(number)
            .filter(|i| *i < self.slots && Farm::kind(*i) != Kind::Shared)
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_is_found_once_by_the_resources() {
        let farm = Farm { index: 0, name: "XD-East", site: "EAST", slots: 57 };
        let mut found: Vec<usize> = farm.resources().flat_map(|r| farm.machines_of(&r.title)).collect();
        found.sort_unstable();
        assert_eq!(found, (0..57).collect::<Vec<_>>());
        assert_eq!(farm.machines_of("Desktop 58"), Vec::<usize>::new());
        assert_eq!(farm.machines_of("Desktop 5"), Vec::<usize>::new(), "a shared one");
        assert_eq!(farm.machines_of("Shared Desktop 3"), [44, 49, 54]);
    }
}
