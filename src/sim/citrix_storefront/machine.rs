//! One machine at one moment: a pure function of the seed, its place and the time.

use super::super::{Quirk, azure_devops::moment::SimTime};
use super::{
    fleet::{Farm, Kind, View},
    states::{POWER, REGISTRATION},
};

/// One machine as the service would print it; `None` is an element that it leaves out.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// Place in its farm.
    pub(crate) index: usize,
    /// `<farm>.<SID>`.
    pub(crate) id: String,
    /// Host name.
    pub(crate) name: String,
    /// `<farm>.<title>` of the resource that leads to it.
    pub(crate) resource: String,
    /// Power state.
    pub(crate) power: &'static str,
    /// Registration state.
    pub(crate) registration: &'static str,
    /// Whether many users share it.
    pub(crate) multi: bool,
    /// May be suspended.
    pub(crate) suspend: Option<bool>,
    /// May be shut down and turned off.
    pub(crate) power_off: bool,
    /// A power action is in progress.
    pub(crate) in_progress: Option<bool>,
    /// When the data was last updated.
    pub(crate) updated: Option<SimTime>,
    /// When the power state could have been updated last. In the vendor's sample it is the earlier of the two.
    pub(crate) max_updated: Option<SimTime>,
}

/// Power and registration state, and whether a power action is in progress.
type State = (&'static str, &'static str, bool);

const WORKS: State = ("On", "Registered", false);

/// The patch night restarts one twelfth of the machines at a time.
const PATCH_ROUNDS: i64 = 12;
const PATCH_SECONDS: i64 = 300;

/// The server answers from a cache that is at most this old.
const CACHE: i64 = 120;

/// How the time stamps of the machine at that place are printed where everything is spelt otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Seven digits, as .NET prints ticks.
    Seven,
    /// No fraction.
    Whole,
    /// Milliseconds.
    Three,
    /// Seven digits and no zone, which means UTC.
    NoZone,
    /// The year 1: not known.
    Never,
}

impl Stamp {
    /// The one of that place.
    pub(super) fn of(view: &View, index: usize) -> Stamp {
        match index % 5 {
            _ if !view.other_spelling => Stamp::Seven,
            0 => Stamp::Whole,
            1 => Stamp::Three,
            2 => Stamp::NoZone,
            3 => Stamp::Never,
            _ => Stamp::Seven,
        }
    }

    /// Prints a moment.
    pub(super) fn print(self, moment: Option<SimTime>) -> String {
        let Some(moment) = moment.filter(|_| self != Stamp::Never) else {
            return "0001-01-01T00:00:00Z".to_owned();
        };
        let at = moment.timestamp();
        match self {
            Stamp::Whole => format!("{at:.0}"),
            Stamp::Three => format!("{at:.3}"),
            Stamp::NoZone => format!("{at:.7}").trim_end_matches('Z').to_owned(),
            Stamp::Seven | Stamp::Never => format!("{at:.7}"),
        }
    }

    /// The moment as far as this form can tell it.
    fn shown(self, second: i64, fraction: u64) -> Option<SimTime> {
        match self {
            Stamp::Whole => Some(SimTime::new(second, 0)),
            // Eighths of a second have three digits.
            Stamp::Three => Some(SimTime::new(second, fraction & 0x70)),
            Stamp::Never => None,
            Stamp::Seven | Stamp::NoZone => Some(SimTime::new(second, fraction)),
        }
    }
}

impl Farm {
    /// Every machine, lowest id first.
    pub(crate) fn machines(&self, view: &View) -> impl Iterator<Item = Machine> {
        (0..self.slots).map(|index| self.machine(view, index))
    }

    /// The machine at that place.
    pub(crate) fn machine(&self, view: &View, index: usize) -> Machine {
        let kind = Farm::kind(index);
        let key = (self.index as u64) << 32 | index as u64;
        let dice = view.dice("citrix machine", key);
        let plain_name = self.machine_name(index);
        let (power, registration, in_progress) = match view.given.get(&plain_name) {
            Some(given) => (given.power, given.registration, given.in_progress),
            None if view.parade => parade(index),
            None => self.state(view, index, kind, dice),
        };
        let mut age = (view.now + (dice % 1_000) as i64) % CACHE;
        if let Some(lost) = self.lost(view, kind) {
            age = age.max(lost);
        }
        let stamp = Stamp::of(view, index);
        let shown = |back, fraction| stamp.shown(view.now - back, fraction).filter(|_| !view.old_server);
        let moment = |back, fraction| shown(back, fraction).map(|moment| view.reported(moment));
        Machine {
            index,
            id: format!("{}.{}", self.name, sid(self.index, index)),
            name: self.shown_name(view, index, plain_name),
            resource: format!("{}.{}", self.name, Farm::title(index)),
            power: match view.quirk(Quirk::UnknownState, self, index) {
                true => "Hibernated",
                false => power,
            },
            registration,
            multi: kind == Kind::Shared,
            suspend: (!view.old_server).then_some(kind == Kind::Desktop),
            power_off: kind != Kind::Physical,
            in_progress: (!view.old_server).then_some(in_progress),
            updated: moment(age, dice >> 16),
            max_updated: moment(age + 46, dice >> 24),
        }
    }

    /// Its host name, whatever quirk there is.
    pub(crate) fn machine_name(&self, index: usize) -> String {
        let what = match Farm::kind(index) {
            Kind::Desktop => "VDI",
            Kind::Shared => "RDS",
            Kind::Physical => "PC",
        };
        format!("{what}-{}-{:03}", self.site, index + 1)
    }

    fn shown_name(&self, view: &View, index: usize, name: String) -> String {
        match index {
            1 if view.quirk(Quirk::DuplicateName, self, index) => self.machine_name(0),
            2 if view.quirk(Quirk::NastyName, self, index) => "quote \" backslash \\ line\nfeed".to_owned(),
            // Two-byte characters after an odd prefix: a cut at byte 256 would split one.
            3 if view.quirk(Quirk::LongName, self, index) => format!("long-{}", "ä".repeat(5_000)),
            _ => name,
        }
    }

    /// For how long the hypervisor of this machine has been lost.
    fn lost(&self, view: &View, kind: Kind) -> Option<i64> {
        view.lost.filter(|_| self.index == 0 && kind != Kind::Physical)
    }

    fn state(&self, view: &View, index: usize, kind: Kind, dice: u64) -> State {
        let calm = |second| self.calm(second, index, kind, dice);
        if let Some(lost) = self.lost(view, kind) {
            let registered = calm(view.now - lost).1 == "Registered";
            // Nearly all fall silent within five minutes; on a few the users go on working.
            let silent = lost >= 60 + (index as i64 * 37) % 240 && index % 40 != 1;
            let registration = if registered && !silent { "Registered" } else { "Unregistered" };
            return ("Unknown", registration, false);
        }
        if let Some(lasts) = self.unregistered_by_storm(view, index, kind) {
            match calm(view.now - lasts) {
                ("On", "Registered", false) => return ("On", "Unregistered", false),
                // Nobody starts or stops machines meanwhile.
                before => return before,
            }
        }
        let maintaining = view.maintaining.filter(|_| self.is_maintained(kind));
        let Some(patching) = maintaining.or(view.patching.filter(|_| kind != Kind::Physical)) else {
            return calm(view.now);
        };
        // For the night nobody starts or stops machines but the script; what was under way comes to its end.
        let before = match calm(view.now - patching) {
            (_, _, true) | ("On", _, _) => WORKS,
            off => off,
        };
        if before != WORKS || !self.has_its_turn(index, patching) {
            return before;
        }
        // A restart is one power action from the first step to the last.
        match patching % PATCH_SECONDS {
            0..40 => ("TurningOff", "Unregistered", true),
            40..80 => ("Off", "Unregistered", true),
            80..160 => ("TurningOn", "Unregistered", true),
            160..200 => ("On", "Initializing", false),
            _ => WORKS,
        }
    }

    /// Whether the machine at that place is among those that are restarted now.
    pub(crate) fn has_its_turn(&self, index: usize, patching: i64) -> bool {
        let turn = (index + self.index * 5) as i64 % PATCH_ROUNDS;
        patching / PATCH_SECONDS % PATCH_ROUNDS == turn
    }

    /// Whether the machine is one of those of [`Incident::SiteMaintenance`](crate::Incident::SiteMaintenance).
    pub(crate) fn is_maintained(&self, kind: Kind) -> bool {
        self.index == 0 && kind == Kind::Desktop
    }

    /// For how long the machine has been without its registration in
    /// [`Incident::RegistrationStorm`](crate::Incident::RegistrationStorm): all of them lose it within two minutes, and get it
    /// back after a quarter of an hour, a few at a time.
    pub(crate) fn unregistered_by_storm(&self, view: &View, index: usize, kind: Kind) -> Option<i64> {
        let storm = view.storm.filter(|_| self.index == 0 && kind == Kind::Desktop)?;
        let (from, until) = ((index as i64 * 37) % 120, 900 + (index as i64 * 53) % 240);
        (from..until).contains(&storm).then_some(storm - from)
    }

    /// When the machine last lost its registration as far as the site's plan goes, and why.
    pub(crate) fn last_deregistration(&self, view: &View, index: usize) -> (SimTime, &'static str) {
        let kind = Farm::kind(index);
        let key = (self.index as u64) << 32 | index as u64;
        let dice = view.dice("citrix machine", key);
        let (second, reason) = self.deregistered(view, index, kind, dice);
        (view.reported(SimTime::new(second, 0)), reason)
    }

    fn deregistered(&self, view: &View, index: usize, kind: Kind, dice: u64) -> (i64, &'static str) {
        if let Some(lost) = self.lost(view, kind) {
            let silent = 60 + (index as i64 * 37) % 240;
            let begun = view.now - lost;
            if lost >= silent && index % 40 != 1 && self.calm(begun, index, kind, dice).1 == "Registered" {
                return (begun + silent, "ContactLost");
            }
            return self.calmly_deregistered(begun, index, kind, dice);
        }
        if let Some(lasts) = self.unregistered_by_storm(view, index, kind) {
            let begun = view.now - lasts;
            return match self.calm(begun, index, kind, dice) {
                ("On", "Registered", false) => (begun, "AgentNotContactable"),
                _ => self.calmly_deregistered(begun, index, kind, dice),
            };
        }
        self.calmly_deregistered(view.now, index, kind, dice)
    }

    /// The same of a day like any other: those that are switched off by the power policy then, the others once a week.
    fn calmly_deregistered(&self, second: i64, index: usize, kind: Kind, dice: u64) -> (i64, &'static str) {
        if kind != Kind::Desktop || index % 2 == 1 {
            let week = 7 * 86_400;
            let night = (dice % week as u64) as i64;
            return (second - (second - night).rem_euclid(week), "DesktopRestart");
        }
        let (cycle, phase, suspends) = self.cycle(index, dice);
        let off = cycle * 6 / 10;
        let since_off = (second - phase - off).rem_euclid(cycle);
        (second - since_off, if suspends { "AgentSuspended" } else { "AgentShutdown" })
    }

    /// How long the day of a desktop of the power policy is, where it begins, and whether its nights are suspended ones.
    fn cycle(&self, index: usize, dice: u64) -> (i64, i64, bool) {
        let cycle = 7_200 + (dice % 4) as i64 * 1_800;
        (cycle, index as i64 * cycle / self.slots.max(1) as i64, index % 6 == 2)
    }

    /// A day like any other: every second desktop is switched off and on by the power policy.
    fn calm(&self, second: i64, index: usize, kind: Kind, dice: u64) -> State {
        match kind {
            Kind::Physical if index % 20 == 17 => return ("NotSupported", "Registered", false),
            Kind::Physical => return ("Unmanaged", "Registered", false),
            Kind::Shared => return WORKS,
            Kind::Desktop if index % 2 == 1 => return WORKS,
            Kind::Desktop => {}
        }
        let (cycle, phase, suspends) = self.cycle(index, dice);
        let off = cycle * 6 / 10;
        match (second - phase).rem_euclid(cycle) {
            0..60 if suspends => ("Resuming", "Unregistered", true),
            0..60 => ("TurningOn", "Unregistered", true),
            60..90 => ("On", "Initializing", false),
            s if s < off => WORKS,
            s if s < off + 50 && suspends => ("Suspending", "Unregistered", true),
            s if s < off + 50 => ("TurningOff", "Unregistered", true),
            _ if suspends => ("Suspended", "Unregistered", false),
            _ => ("Off", "Unregistered", false),
        }
    }
}

/// Every combination of power and registration state in turn, then the same with a power action in progress.
fn parade(index: usize) -> State {
    let power = POWER[index % POWER.len()];
    let registration = REGISTRATION[index / POWER.len() % REGISTRATION.len()];
    let round = index / (POWER.len() * REGISTRATION.len());
    (power, registration, round % 2 == 1)
}

/// All of one length: their order as text is the order of the places.
fn sid(farm: usize, index: usize) -> String {
    let domain =
        ["3729792978-2641905665-2579007459", "1108430157-3390226714-4012578330", "2266810943-1900357128-3348125502"];
    format!("S-1-5-21-{}-{}", domain[farm % domain.len()], 1_000_001 + index)
}
