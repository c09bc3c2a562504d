//! Fleets, daemon, Prometheus, Alertmanager and receiver of one replay.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::{Duration, Instant},
};

use super::costs::{COSTS, Cost};
use rollcall_sim::Incident;

use super::{Case, fleet::Fleet};
use crate::{
    program::rollcall,
    support::{Alertmanager, Daemon, Exposition, Folder, Notification, PATIENCE, Prometheus, Receiver, wait_until},
};

/// How many times faster everything is.
pub const FACTOR: u32 = 60;
/// A minute of the replay.
const MINUTE: Duration = Duration::from_secs(60 / FACTOR as u64);
/// The longest time from the end of an incident to its last notification: `keep_firing_for`, a group interval of the
/// tickets, and as much again for a busy machine.
const AFTERMATH: Duration = Duration::from_secs(2 * 75);
/// For so long nobody may be told anything at the end: a group interval of the pager.
const QUIET: Duration = Duration::from_secs(15);

/// Who pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Prometheus with the shipped rules.
    Prometheus,
    /// The daemon.
    Direct,
    /// The daemon, and Prometheus with the shipped rules beside it.
    Both,
}

/// Everything of one replay.
pub struct Stage {
    pub receiver: Receiver,
    fleets: Vec<Fleet>,
    alertmanager: Alertmanager,
    daemon: Daemon,
    mode: Mode,
    folder: Folder,
    _prometheus: Option<Prometheus>,
}

impl Stage {
    /// All fleets are well, and whoever pages knows.
    pub fn new(mode: Mode, cases: &[Case]) -> Stage {
        let fleets: Vec<Fleet> = cases.iter().copied().map(Fleet::new).collect();
        let receiver = Receiver::start();
        let alertmanager = Alertmanager::start(&receiver, FACTOR);
        let folder = Folder::new();
        let config = folder.write("rollcall.yml", &config(mode, &alertmanager, &fleets));
        let factor = FACTOR.to_string();
        let daemon = Daemon::with_flags(&config, &["--time-scale", &factor]);
        let rules = || rollcall(&["rules", "--time-scale", &factor]).expect(0).out;
        let prometheus = (mode != Mode::Direct)
            .then(|| Prometheus::alerting(&[daemon.url()], &rules(), &alertmanager.url(), FACTOR));
        let targets: Vec<&str> = fleets.iter().flat_map(Fleet::names).collect();
        daemon.wait_until_up(&targets);
        if let Some(prometheus) = &prometheus {
            prometheus.wait_for("Prometheus has seen every target", PATIENCE, |prometheus| {
                let up = prometheus.now("count(rollcall_target_up == 1)")?.first().map(|series| series.value);
                if up == Some(targets.len() as f64) { Ok(()) } else { Err(format!("{up:?} of {}", targets.len())) }
            });
        }
        Stage { receiver, fleets, alertmanager, daemon, mode, folder, _prometheus: prometheus }
    }

    /// Lets every incident begin and end, and waits until nobody is told anything any more.
    pub fn play(&mut self) {
        let begun = Instant::now();
        let mut steps: Vec<(Duration, usize, bool)> = Vec::new();
        for (index, fleet) in self.fleets.iter().enumerate().filter(|(_, fleet)| fleet.case.incident.is_some()) {
            steps.push((minutes(fleet.case.begins), index, true));
            steps.push((minutes(fleet.case.begins + fleet.case.lasts), index, false));
        }
        steps.sort_unstable();
        for (at, index, begins) in steps {
            std::thread::sleep(at.saturating_sub(begun.elapsed()));
            if begins { self.fleets[index].begin(self.receiver.now()) } else { self.end(index) }
        }
        wait_until("everything is resolved", AFTERMATH, || {
            let left = self.left();
            if left.is_empty() { Ok(()) } else { Err(format!("{left}\n{}", self.receiver.protocol())) }
        });
        std::thread::sleep(QUIET);
    }

    fn end(&mut self, index: usize) {
        let fleet = &mut self.fleets[index];
        let Some(incident) = fleet.case.incident else { return };
        shows(incident, &self.daemon.scrape());
        fleet.sim.world().end(incident);
        if incident == Incident::PasswordExpired {
            // Somebody sets a new one, there and here.
            fleet.renew_secrets("-renewed");
            self.folder.write("rollcall.yml", &config(self.mode, &self.alertmanager, &self.fleets));
            self.daemon.reload();
        }
    }

    /// Alerts that Alertmanager holds and somebody is told of, and groups that were not told the end.
    fn left(&self) -> String {
        let mut left = String::new();
        for alert in self.alertmanager.alerts() {
            let severity = alert["labels"]["severity"].as_str().unwrap_or_default();
            if matches!(severity, "critical" | "warning") {
                let _ = writeln!(left, "fires: {}", alert["labels"]);
            }
        }
        for ((receiver, group), notes) in self.groups() {
            if notes.last().is_some_and(|note| note.firing) {
                let _ = writeln!(left, "not told the end: {receiver} {group}");
            }
        }
        left
    }

    /// What pages or opens a ticket, by receiver and group.
    fn groups(&self) -> BTreeMap<(String, String), Vec<Notification>> {
        let mut groups: BTreeMap<(String, String), Vec<Notification>> = BTreeMap::new();
        for note in self.receiver.all().into_iter().filter(|note| matches!(note.receiver.as_str(), "pager" | "tickets"))
        {
            groups.entry((note.receiver.clone(), note.group.clone())).or_default().push(note);
        }
        groups
    }

    /// What the replay cost otherwise than the documentation says.
    pub fn differences(&self) -> String {
        let mut out = String::new();
        let mut found: BTreeMap<Subject, Told> = BTreeMap::new();
        for ((receiver, group), notes) in self.groups() {
            let alerts = notes.iter().flat_map(|note| &note.alerts);
            let subjects: BTreeSet<Subject> =
                alerts.map(|told| subject(told.label("target"), told.label("vendor"))).collect();
            let told: Vec<bool> = notes.iter().map(|note| note.firing).collect();
            if told != [true, false] {
                let _ = writeln!(out, "{receiver} {group} was told {told:?} instead of one beginning and one end");
            }
            if subjects.len() > 1 {
                let _ = writeln!(out, "{receiver} {group} is about several fleets: {subjects:?}");
            }
            let firing = notes.iter().filter(|note| note.firing).map(|note| note.at);
            let told = found.entry(subjects.into_iter().next().unwrap_or_default()).or_default();
            (if receiver == "pager" { &mut told.pages } else { &mut told.tickets }).extend(firing);
        }
        for fleet in &self.fleets {
            for vendor in fleet.case.vendors {
                let of = |cost: &&Cost| Some(cost.incident) == fleet.case.incident && cost.vendor == *vendor;
                let cost = COSTS.iter().find(of);
                let told = found.remove(&subject(fleet.name(), vendor)).unwrap_or_default();
                for (what, found, expected) in [
                    ("pages", told.pages, cost.map_or(&[][..], |cost| cost.pages)),
                    ("tickets", told.tickets, cost.map_or(&[][..], |cost| cost.tickets)),
                ] {
                    if !agree(&found, fleet.began, expected) {
                        let after: Vec<f64> =
                            found.iter().map(|at| at.saturating_sub(fleet.began).as_secs_f64()).collect();
                        let _ = writeln!(out, "{} {vendor}: {what} at {after:?}, expected {expected:?}", fleet.name());
                    }
                }
            }
        }
        for cost in COSTS {
            let of =
                |fleet: &Fleet| fleet.case.incident == Some(cost.incident) && fleet.case.vendors.contains(&cost.vendor);
            if !self.fleets.iter().any(of) {
                let _ = writeln!(out, "{} of {} is not replayed", cost.incident, cost.vendor);
            }
        }
        for subject in found.keys() {
            let _ = writeln!(out, "{subject:?} is of no fleet");
        }
        out
    }
}

/// What a vendor's targets of one fleet cost: when what was told.
#[derive(Debug, Default)]
struct Told {
    pages: Vec<Duration>,
    tickets: Vec<Duration>,
}

/// As many as expected, each not before its minute. Later is what a busy machine does.
fn agree(found: &[Duration], began: Duration, expected: &[u64]) -> bool {
    let mut found = found.to_vec();
    found.sort_unstable();
    found.len() == expected.len() && found.iter().zip(expected).all(|(at, minute)| *at >= began + minutes(*minute))
}

fn minutes(minutes: u64) -> Duration {
    MINUTE * u32::try_from(minutes).expect("some hours")
}

/// A fleet and a vendor.
type Subject = (String, String);

/// Panics where an incident that costs nothing does not show either: the calm fleet lives as this one does but for it.
#[track_caller]
fn shows(incident: Incident, exposition: &Exposition) {
    let (name, labels): (&str, &[(&str, &str)]) = match incident {
        Incident::RateLimited => ("rollcall_api_throttled_seconds_total", &[]),
        Incident::PatchNight => ("rollcall_pool_agents", &[("health", "disabled")]),
        _ => return,
    };
    let sum = |fleet: &str| -> f64 {
        let target = format!("{fleet}.builds");
        let of_target = [labels, &[("target", target.as_str())]].concat();
        exposition.all(name, &of_target).iter().map(|sample| sample.value).sum()
    };
    let (calm, now) = (sum("calm"), sum(incident.name()));
    assert!(now > calm, "{incident} does not show: {name} is {now}, calm {calm}");
}

/// The fleet and the vendor of a target.
fn subject(target: &str, vendor: &str) -> Subject {
    (target.split('.').next().unwrap_or_default().to_owned(), vendor.to_owned())
}

/// The configuration of the daemon.
fn config(mode: Mode, alertmanager: &Alertmanager, fleets: &[Fleet]) -> String {
    let alerting = match mode {
        Mode::Prometheus => String::new(),
        Mode::Direct | Mode::Both => {
            format!("alerting: {{ mode: direct, alertmanagers: [{{ url: '{}' }}] }}\n", alertmanager.url())
        }
    };
    let targets: String = fleets.iter().map(|fleet| fleet.targets.as_str()).collect();
    format!("defaults: {{ interval: 2s, timeout: 3s, stale_after: 7s }}\n{alerting}targets:\n{targets}")
}
