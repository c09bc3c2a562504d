//! Fleets, daemon, Prometheus, Alertmanager and receiver of one replay.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::{Duration, Instant},
};

use super::costs::{EXPECTED, Expected, RESTART_COSTS, RestartCost, Restarted};
use rollcall_sim::{Incident, quick_defaults};

use super::{Case, fleet::Fleet, pace::Pace, restarts};
use crate::{
    program::rollcall,
    support::{Alertmanager, Daemon, Exposition, Folder, Notification, Prometheus, Receiver, Version, WAIT_TIMEOUT},
};

/// The longest time from the end of an incident to its last notification, in minutes: `keep_firing_for`, a group interval of
/// the tickets, and as much again for a busy machine.
const AFTERMATH: u64 = 2 * 75;
/// For so long nobody may be told anything at the end, in minutes: a group interval of the pager.
const QUIET: u64 = 15;
/// How long it is watched whether the machine keeps up, before anything begins, in minutes.
const TRIAL: u64 = 5;
/// How often is looked while something is waited for.
const LOOK: Duration = Duration::from_millis(200);

/// What happens in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The incident of this fleet begins.
    Begin(usize),
    /// It ends.
    End(usize),
    /// Nothing of this fleet can be read.
    Blind(usize),
    /// All of it can be read again.
    See(usize),
    /// Somebody is started again.
    Restart,
}

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

/// What a replay is of.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub mode: Mode,
    pub version: Version,
    /// Who is started again at each stage of every incident.
    pub restarted: Option<Restarted>,
    /// How many times faster everything is.
    pub factor: u32,
}

/// Everything of one replay.
pub struct Replay {
    pub receiver: Receiver,
    fleets: Vec<Fleet>,
    alertmanager: Alertmanager,
    daemon: Daemon,
    prometheus: Option<Prometheus>,
    setup: Setup,
    folder: Folder,
    pace: Pace,
    /// When somebody was started again, as the receiver has it.
    pub restarts: Vec<Duration>,
}

impl Replay {
    /// All fleets are well, and whoever pages knows.
    pub fn new(setup: Setup, cases: &[Case]) -> Replay {
        let Setup { mode, version, factor, .. } = setup;
        let fleets: Vec<Fleet> = cases.iter().map(|case| Fleet::new(*case, factor)).collect();
        let receiver = Receiver::start();
        let delay = match setup.restarted {
            Some(Restarted::Alertmanager) => vec![format!("--dispatch.start-delay={}s", 240 / factor)],
            _ => Vec::new(),
        };
        let alertmanager = Alertmanager::start(version, &receiver, factor, &delay);
        let folder = Folder::new();
        let config = folder.write("rollcall.yml", &config(setup, &alertmanager, &fleets));
        let scale = ["--time-scale", &factor.to_string()];
        let daemon = Daemon::with_flags(&config, &scale);
        let rules = || rollcall(&[&["rules"], &scale[..]].concat()).expect(0).out;
        // Its own default; where somebody is started again what the documentation asks for: an alert that is told every minute
        // or two lapses before Prometheus has restored it.
        let resend = Duration::from_secs(if setup.restarted.is_some() { 170 } else { 60 });
        let prometheus = (mode != Mode::Direct).then(|| {
            let alertmanager = alertmanager.url();
            Prometheus::alerting_all(version, &[daemon.url()], &rules(), &[&alertmanager], factor, resend)
        });
        let targets: Vec<&str> = fleets.iter().flat_map(Fleet::names).collect();
        daemon.wait_until_up(&targets);
        if let Some(prometheus) = &prometheus {
            prometheus.wait_for("Prometheus has seen every target", WAIT_TIMEOUT, |prometheus| {
                let up = prometheus.now("count(rollcall_target_up == 1)")?.first().map(|series| series.value);
                if up == Some(targets.len() as f64) { Ok(()) } else { Err(format!("{up:?} of {}", targets.len())) }
            });
        }
        let minute = Duration::from_secs(60) / factor;
        let pace = Pace::of(daemon.url(), minute, 3 * minute);
        Replay { receiver, fleets, alertmanager, daemon, prometheus, setup, folder, pace, restarts: Vec::new() }
    }

    /// How late the machine was at the worst, as a share of what whoever polls and scrapes tolerates.
    pub fn late(&self) -> f64 {
        self.pace.worst()
    }

    /// How many evaluations of its rules Prometheus has left out; none where the daemon pages.
    pub fn missed_evaluations(&self) -> f64 {
        self.prometheus.as_ref().map_or(0.0, Prometheus::missed_evaluations)
    }

    /// So many minutes of the replay.
    fn minutes(&self, minutes: u64) -> Duration {
        Duration::from_secs(60) * u32::try_from(minutes).expect("some hours") / self.setup.factor
    }

    /// Lets time go by. An error where the machine was later than this.
    fn wait(&self, time: Duration, bound: f64) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            if self.late() > bound {
                return Err(format!("late by {:.2} of what is tolerated", self.late()));
            }
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    /// Lets every incident begin and end, and waits until nobody is told anything any more. An error where that takes too
    /// long, where an incident does not show, and where the machine is later than `bound` at the beginning, or twice that
    /// later on.
    pub fn run(&mut self, bound: f64) -> Result<(), String> {
        self.wait(self.minutes(TRIAL), bound)?;
        let bound = 2.0 * bound;
        let begun = Instant::now();
        for (at, step) in self.script() {
            self.wait(self.minutes(at).saturating_sub(begun.elapsed()), bound)?;
            match step {
                Step::Begin(index) => self.fleets[index].begin(self.receiver.now()),
                Step::End(index) => self.end(index)?,
                Step::Blind(index) => self.fleets[index].blind(),
                Step::See(index) => self.fleets[index].see(),
                Step::Restart => self.restart(),
            }
        }
        let (ended, aftermath) = (Instant::now(), self.minutes(AFTERMATH));
        loop {
            let left = self.left();
            if left.is_empty() {
                break;
            }
            if ended.elapsed() > aftermath {
                return Err(format!("not resolved within {aftermath:?}:\n{left}"));
            }
            self.wait(LOOK, bound)?;
        }
        self.wait(self.minutes(QUIET), bound)
    }

    /// What happens in which minute.
    fn script(&self) -> Vec<(u64, Step)> {
        let mut steps: Vec<(u64, Step)> = Vec::new();
        for (index, fleet) in self.fleets.iter().enumerate().filter(|(_, fleet)| fleet.case.incident.is_some()) {
            steps.push((fleet.case.begins, Step::Begin(index)));
            steps.push((fleet.case.begins + fleet.case.lasts, Step::End(index)));
            if self.setup.restarted.is_some() {
                steps.extend(
                    restarts::blind(&fleet.case)
                        .map(|(at, blind)| (at, if blind { Step::Blind(index) } else { Step::See(index) })),
                );
            }
        }
        if self.setup.restarted.is_some() {
            let cases = self.fleets.iter().map(|fleet| fleet.case);
            steps.extend(restarts::times(cases).into_iter().map(|at| (at, Step::Restart)));
        }
        steps.sort_by_key(|(at, _)| *at);
        steps
    }

    fn restart(&mut self) {
        match self.setup.restarted.expect("it is in the script") {
            Restarted::Prometheus => {
                let prometheus = self.prometheus.as_mut().expect("it is part of the mode");
                prometheus.kill();
                prometheus.restart();
            }
            Restarted::Alertmanager | Restarted::AlertmanagerWithoutDelay => {
                self.alertmanager.stop();
                self.alertmanager.restart();
            }
            Restarted::Daemon | Restarted::DaemonWithoutState => self.daemon.kill_and_restart(),
        }
        self.restarts.push(self.receiver.now());
    }

    fn end(&mut self, index: usize) -> Result<(), String> {
        let fleet = &mut self.fleets[index];
        let Some(incident) = fleet.case.incident else { return Ok(()) };
        shows(incident, &self.daemon.scrape())?;
        fleet.sim.world().end(incident);
        fleet.ended = self.receiver.now();
        if incident == Incident::PasswordExpired {
            // Somebody sets a new one, there and here.
            fleet.renew_secrets("-renewed");
            let config = config(self.setup, &self.alertmanager, &self.fleets);
            self.folder.write("rollcall.yml", &config);
            self.daemon.reload();
        }
        Ok(())
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
        let mut found: BTreeMap<Subject, Delivered> = BTreeMap::new();
        for ((receiver, group), notes) in self.groups() {
            let alerts = notes.iter().flat_map(|note| &note.alerts);
            let subjects: BTreeSet<Subject> =
                alerts.map(|delivered| subject(delivered.label("target"), delivered.label("vendor"))).collect();
            if subjects.len() > 1 {
                let _ = writeln!(out, "{receiver} {group} is about several fleets: {subjects:?}");
            }
            let subject = subjects.into_iter().next().unwrap_or_default();
            let (again, muted) = self.restart_cost(&subject.0).map_or((0, 0), |cost| (cost.again, cost.muted_in_all()));
            let delivered: Vec<bool> = notes.iter().map(|note| note.firing).collect();
            // What is muted may be told in a group that was told of what mutes it.
            let mut turns = delivered.clone();
            turns.dedup_by(|turn, before| *turn && *before);
            let muted_told = delivered.len() - turns.len();
            if muted_told > muted || !(0..=again).any(|again| turns == [true, false].repeat(1 + again)) {
                let _ = writeln!(out, "{receiver} {group} was told {delivered:?} instead of one beginning and one end");
            }
            let fleet = self.fleets.iter().find(|fleet| fleet.name() == subject.0);
            // A storm is over when the machines are back, long before what is scripted ends.
            let lasts = |fleet: &&Fleet| fleet.case.incident != Some(Incident::RegistrationStorm);
            let ended = fleet.filter(lasts).map(|fleet| fleet.ended);
            let early = |note: &&Notification| !note.firing && ended.is_some_and(|ended| note.at < ended);
            // A ticket may end where it has become a page.
            if let Some(note) = notes.iter().find(early).filter(|_| again == 0 && receiver == "pager") {
                let _ = writeln!(out, "{receiver} {group} was told the end at {:.2?}, before it was over", note.at);
            }
            let firing = notes.iter().filter(|note| note.firing).map(|note| note.at);
            let delivered = found.entry(subject).or_default();
            (if receiver == "pager" { &mut delivered.pages } else { &mut delivered.tickets }).extend(firing);
        }
        for fleet in &self.fleets {
            for vendor in fleet.case.vendors {
                let of = |cost: &&Expected| Some(cost.incident) == fleet.case.incident && cost.vendor == *vendor;
                let cost = EXPECTED.iter().find(of);
                let delivered = found.remove(&subject(fleet.name(), vendor)).unwrap_or_default();
                for (what, found, expected) in [
                    ("pages", delivered.pages, cost.map(Expected::pages).unwrap_or_default()),
                    ("tickets", delivered.tickets, cost.map(Expected::tickets).unwrap_or_default()),
                ] {
                    if !self.agree(what, &found, fleet, &expected) {
                        let after: Vec<f64> = found
                            .iter()
                            .map(|at| at.saturating_sub(fleet.began).div_duration_f64(self.minutes(1)))
                            .collect();
                        let _ = writeln!(
                            out,
                            "{} {vendor}: {what} in minute {after:.1?}, expected {expected:?}",
                            fleet.name()
                        );
                    }
                }
            }
        }
        for subject in found.keys() {
            let _ = writeln!(out, "{subject:?} is of no fleet");
        }
        out
    }

    /// What the restarts of this replay may cost the fleet of this name.
    fn restart_cost(&self, fleet: &str) -> Option<&'static RestartCost> {
        let is_of = |cost: &&RestartCost| {
            let incidents = cost.incidents;
            Some(cost.restarted) == self.setup.restarted
                && cost.direct.is_none_or(|direct| direct == (self.setup.mode != Mode::Prometheus))
                && (incidents.is_empty() || incidents.iter().any(|incident| incident.name() == fleet))
        };
        RESTART_COSTS.iter().find(is_of)
    }

    /// As many as expected, each not before its minute. Later is what a busy machine does. The calm fleet and incidents that
    /// cost nothing cost nothing with restarts either.
    fn agree(&self, what: &str, found: &[Duration], fleet: &Fleet, expected: &[u64]) -> bool {
        let mut found = found.to_vec();
        found.sort_unstable();
        let in_time = |(at, minute): (&Duration, &u64)| *at >= fleet.began + self.minutes(*minute);
        match self.restart_cost(fleet.name()) {
            None => found.len() == expected.len() && found.iter().zip(expected).all(in_time),
            Some(cost) => {
                // Pages are never missing.
                let least = expected.len().saturating_sub(usize::from(what == "tickets" && cost.missing));
                let most = expected.len() * (1 + cost.again) + cost.muted_in_all();
                let sooner = |minute: &u64| match cost.sooner {
                    Some((late, soon)) if *minute == late => soon,
                    _ => *minute,
                };
                let minutes: Vec<u64> = expected.iter().map(sooner).collect();
                // Where more may come than is expected, nobody knows which of them are those.
                let known = if most == expected.len() { most } else { 1 };
                found.iter().zip(&minutes).take(known).all(in_time) && (least..=most).contains(&found.len())
            }
        }
    }
}

/// What a vendor's targets of one fleet cost: when what was told.
#[derive(Debug, Default)]
struct Delivered {
    pages: Vec<Duration>,
    tickets: Vec<Duration>,
}

/// A fleet and a vendor.
type Subject = (String, String);

/// An error where an incident that costs nothing does not show either: the calm fleet lives as this one does but for it.
fn shows(incident: Incident, exposition: &Exposition) -> Result<(), String> {
    let (name, labels): (&str, &[(&str, &str)]) = match incident {
        Incident::RateLimited => ("rollcall_api_throttled_seconds_total", &[]),
        Incident::PatchNight => ("rollcall_pool_agents", &[("health", "disabled")]),
        _ => return Ok(()),
    };
    let sum = |fleet: &str| -> f64 {
        let target = format!("{fleet}.builds");
        let of_target = [labels, &[("target", target.as_str())]].concat();
        exposition.all(name, &of_target).iter().map(|sample| sample.value).sum()
    };
    let (calm, now) = (sum("calm"), sum(incident.name()));
    if now > calm { Ok(()) } else { Err(format!("{incident} does not show: {name} is {now}, calm {calm}")) }
}

/// The fleet and the vendor of a target.
fn subject(target: &str, vendor: &str) -> Subject {
    (target.split('.').next().unwrap_or_default().to_owned(), vendor.to_owned())
}

/// The configuration of the daemon.
fn config(setup: Setup, alertmanager: &Alertmanager, fleets: &[Fleet]) -> String {
    let state = if setup.restarted == Some(Restarted::Daemon) { "state_file: rollcall.state\n" } else { "" };
    let alerting = match setup.mode {
        Mode::Prometheus => String::new(),
        Mode::Direct | Mode::Both => {
            format!("alerting: {{ mode: direct, alertmanagers: [{{ url: '{}' }}] }}\n", alertmanager.url())
        }
    };
    let targets: String = fleets.iter().map(|fleet| fleet.targets.as_str()).collect();
    format!("{state}{}{alerting}targets:\n{targets}", quick_defaults(setup.factor))
}
