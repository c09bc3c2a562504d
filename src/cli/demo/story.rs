//! The story of a demo, on stdout: when incidents begin and end, which alerts to expect when, and what then fires.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Zoned};
use tokio::time::{Instant, interval, sleep_until};

use super::output;
use crate::{
    alert::{engine::AlertBrief, queue::Fingerprint},
    daemon::Daemon,
    duration,
    incidents::{EXPECTED, why_nothing},
    printable::printable_lines,
    rules::catalogue::Severity,
    scale,
};
use rollcall_sim::{Incident, World};

/// How often the story looks at what fires.
const LOOK: Duration = Duration::from_millis(500);
/// At most so many descriptions of one alert are printed at once.
const MOST: usize = 2;
/// What a first incident may be: one that pages soon, and whose page is easy to follow.
const FIRST: Incident = Incident::GatewayLost;

/// What happens when.
#[derive(Debug, Clone)]
pub struct Plan {
    pub incidents: Vec<Incident>,
    /// How long after the start of the simulation.
    pub delay: Duration,
    /// How long they last; `None`: until the end.
    pub lasts: Option<Duration>,
    /// How often targets are polled.
    pub interval: Duration,
    /// The fleet stands still.
    pub frozen: bool,
}

/// Prints a line of the story, or several that belong together, after the time of day.
pub fn announce(text: &str) {
    let text = text.replace('\n', "\n          ");
    output::show(format!("{}  {}\n", clock(&Zoned::now()), printable_lines(&text)));
}

fn clock(at: &Zoned) -> String {
    at.strftime("%H:%M:%S").to_string()
}

fn after(now: &Zoned, time: Duration) -> Zoned {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::ZERO);
    now.checked_add(time).unwrap_or_else(|_| now.clone())
}

/// An alert that an incident brings.
#[derive(Debug, PartialEq, Eq)]
struct Expectation {
    alert: &'static str,
    vendor: &'static str,
    /// A page or a ticket.
    what: &'static str,
    /// How long after the beginning of the incident it fires.
    time: Duration,
}

impl Plan {
    /// What is said at the start.
    pub fn opening(&self, now: &Zoned) -> String {
        if self.incidents.is_empty() {
            let (first, about) = (FIRST.name(), FIRST.description());
            return format!(
                "The fleet is well, and stays so. To see something break, and its page within a minute, stop and start again with\n\
                 \x20 rollcall demo --fast --incident {first}    {about}\n\
                 `rollcall demo --help` lists all incidents."
            );
        }
        let mut lines = Vec::new();
        for incident in &self.incidents {
            let begins = clock(&after(now, self.delay));
            lines.push(match self.frozen && !self.delay.is_zero() {
                true => format!("{incident} never begins: the fleet is frozen."),
                false => format!("{incident} begins at {begins}, in {}.", about(self.delay)),
            });
        }
        lines.push("Until then the fleet is well.".to_owned());
        lines.join("\n")
    }

    /// What is said when an incident begins: what happens, and what to expect.
    fn beginning(&self, incident: Incident, now: &Zoned) -> String {
        let mut text = format!("{incident} begins. {}.", incident.description());
        let expected = self.expected(incident);
        if expected.is_empty() {
            text += "\nExpect neither a page nor a ticket.";
            let why = why_nothing(incident);
            if !why.is_empty() {
                text += &format!(" {why}");
            }
        }
        for Expectation { alert, vendor, what, time } in &expected {
            let at = clock(&after(now, *time));
            text += &format!("\nExpect {alert} of {vendor}, a {what}, in about {}: {at}", about(*time));
        }
        match self.lasts {
            Some(lasts) => text += &format!("\nIt ends at {}.", clock(&after(now, lasts))),
            None => text += "\nIt lasts until you stop the demo; --incident.duration ends it sooner.",
        }
        text
    }

    /// The alerts of an incident, in the order of their time.
    fn expected(&self, incident: Incident) -> Vec<Expectation> {
        let factor = scale::factor();
        let mut all = Vec::new();
        for row in EXPECTED.iter().filter(|row| row.incident == incident) {
            for alert in row.alerts {
                let what = if alert.severity == Severity::Critical { "page" } else { "ticket" };
                // The poll that sees it takes place within an interval.
                let time = alert.fires_after(row.vendor, self.interval * factor) / factor + self.interval;
                let expectation = Expectation { alert: alert.name, vendor: row.vendor, what, time };
                if !all.contains(&expectation) {
                    all.push(expectation);
                }
            }
        }
        all.sort_by_key(|expectation| expectation.time);
        all
    }
}

/// Tells the story until the demo ends.
pub async fn run(plan: Plan, world: Arc<World>, daemon: Arc<Daemon>, started: Instant) {
    if plan.incidents.is_empty() || (plan.frozen && !plan.delay.is_zero()) {
        return;
    }
    let begins = started + plan.delay;
    let ends = plan.lasts.map(|lasts| begins + lasts);
    let far = Instant::now() + Duration::from_secs(86_400 * 365);
    let (mut watch, mut looks) = (Watch::default(), interval(LOOK));
    let (mut begun, mut ended) = (false, false);
    loop {
        tokio::select! {
            () = sleep_until(begins), if !begun => {
                begun = true;
                let now = Zoned::now();
                plan.incidents.iter().for_each(|incident| announce(&plan.beginning(*incident, &now)));
            }
            () = sleep_until(ends.unwrap_or(far)), if begun && !ended && ends.is_some() => {
                ended = true;
                plan.incidents.iter().for_each(|incident| world.end(*incident));
                plan.incidents.iter().for_each(|incident| announce(&ending(*incident)));
            }
            _ = looks.tick() => {
                let evaluator = daemon.evaluator();
                for line in watch.look(evaluator.briefs(), |fingerprint| {
                    let detail = evaluator.detail(fingerprint)?;
                    detail.view.annotations.get("description").cloned()
                }) {
                    announce(&line);
                }
                if ended && watch.firing.is_empty() {
                    announce("The fleet is well again.");
                    return;
                }
            }
        }
    }
}

/// What is said when an incident ends.
fn ending(incident: Incident) -> String {
    let mut text = format!("{incident} ends. What fires resolves once the next polls have seen it.");
    if incident == Incident::PasswordExpired {
        text += "\nThe log-on stays held: a password that was refused is not tried again before it changes.";
    }
    text
}

/// What fires.
#[derive(Debug, Default)]
struct Watch {
    firing: HashMap<Fingerprint, Key>,
}

/// An alert of a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: &'static str,
    severity: Severity,
    target: String,
}

impl Key {
    /// Its target, where it has one.
    fn about(&self, word: &str) -> String {
        if self.target.is_empty() { String::new() } else { format!("{word}{}", self.target) }
    }
}

impl Watch {
    /// Compares what fires with what fired before; a line for each alert of a target that began or ended.
    fn look(&mut self, briefs: Vec<AlertBrief>, describe: impl Fn(Fingerprint) -> Option<String>) -> Vec<String> {
        let mut now = HashMap::new();
        for brief in briefs {
            let alert = brief.alert.0;
            if brief.fired.is_some() && alert.severity >= Severity::Warning {
                let target = brief.labels.get("target").to_owned();
                now.insert(brief.fingerprint(), Key { name: alert.name, severity: alert.severity, target });
            }
        }
        let mut begun: BTreeMap<&Key, Vec<Fingerprint>> = BTreeMap::new();
        for (fingerprint, key) in now.iter().filter(|(fingerprint, _)| !self.firing.contains_key(*fingerprint)) {
            begun.entry(key).or_default().push(*fingerprint);
        }
        let mut lines = Vec::new();
        for (key, mut fingerprints) in begun {
            fingerprints.sort_unstable();
            let what = if key.severity == Severity::Critical { "page" } else { "ticket" };
            let mut line = format!("{} fires, a {what}{}.", key.name, key.about(" about "));
            for description in fingerprints.iter().take(MOST).filter_map(|fingerprint| describe(*fingerprint)) {
                line += &format!("\n{description}");
            }
            let more = fingerprints.len().saturating_sub(MOST);
            if more > 0 {
                line += &format!("\nAnd {more} more of it.");
            }
            lines.push(line);
        }
        let still: BTreeSet<&Key> = now.values().collect();
        let ended: BTreeSet<&Key> = self.firing.values().filter(|key| !still.contains(key)).collect();
        lines.extend(ended.into_iter().map(|key| format!("{}{} is resolved.", key.name, key.about(" of "))));
        self.firing = now;
        lines
    }
}

/// A time of some length, as people say it.
fn about(time: Duration) -> String {
    let unit = match time.as_secs() {
        0..=90 => 1,
        91..=300 => 10,
        _ => 60,
    };
    duration::print(Duration::from_secs((time.as_secs() + unit / 2) / unit * unit))
}

#[cfg(test)]
mod tests;
