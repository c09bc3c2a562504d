//! What the incidents of the simulation cost: the table is that of the library, which the demo announces. The tests replay every
//! one of them and count; incidents and vendors that are not in the table cost nothing. The tests of the rules write it into
//! `deploy/docs/alerts.md`.

// Each of the two test programs that have this file uses a part of it.
#![allow(dead_code)]

use rollcall::incidents::why_nothing;
pub use rollcall::incidents::{EXPECTED, Expected};
use rollcall_sim::Incident;

/// How long the incidents of the table last, in minutes.
pub const LASTS: u64 = 60;

/// How long this one lasts: its second ticket takes two hours, and then it is to fire for a while.
pub const SYNC_STUCK_LASTS: u64 = 160;

/// Who is started again while an incident lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarted {
    /// Killed; its data stay.
    Prometheus,
    /// Ended in order, as it writes whom it has told of what only then and every 15 minutes; its data stay.
    Alertmanager,
    /// The same, of a version that does not wait with its first notification until it knows all that fires.
    AlertmanagerWithoutDelay,
    /// Killed; it has a state file.
    Daemon,
    /// Killed; it has none.
    DaemonWithoutState,
}

/// What restarts cost beside what the incident costs without.
#[derive(Debug, Clone, Copy)]
pub struct RestartCost {
    /// Who is started again.
    pub restarted: Restarted,
    /// Whether the daemon pages, or Prometheus; `None`: whoever pages.
    pub direct: Option<bool>,
    /// Of which incidents; empty: of all.
    pub incidents: &'static [Incident],
    /// How often a group may be told once more that it begins and ends.
    pub again: usize,
    /// How many notifications each restart may bring of what another alert mutes, while both fire.
    pub muted: usize,
    /// What comes after the first of these minutes without restarts may come after the second.
    pub sooner: Option<(u64, u64)>,
    /// Whether it may be that one of the tickets does not come at all.
    pub missing: bool,
    /// What happens, and why.
    pub why: &'static str,
}

/// As many restarts meet what fires: one at each stage but the first, at which it is pending.
const FIRING_STAGES: usize = 3;

impl RestartCost {
    /// How many notifications of what another alert mutes all restarts of an incident may bring.
    pub fn muted_in_all(&self) -> usize {
        self.muted * FIRING_STAGES
    }
}

/// All restarts that may cost anything. Nothing else may, whoever it is and at whatever stage.
pub const RESTART_COSTS: &[RestartCost] = &[
    RestartCost {
        restarted: Restarted::AlertmanagerWithoutDelay,
        direct: None,
        // Those with an alert that mutes others.
        incidents: &[Incident::BuildPoolOffline, Incident::HypervisorLost, Incident::FilersDark],
        again: 0,
        muted: 2,
        sooner: None,
        missing: false,
        why: "It forgets what it holds, and tells what has fired for longer than `group_wait` at once: also what is muted, where it \
              hears of that before it hears of what mutes it; in a group of both what mutes is told once more after that. Newer \
              versions wait with `--dispatch.start-delay`.",
    },
    RestartCost {
        restarted: Restarted::DaemonWithoutState,
        direct: Some(true),
        incidents: &[],
        again: 3,
        muted: 0,
        sooner: None,
        missing: true,
        why: "Nobody remembers what fires: after four minutes without a word Alertmanager takes it for ended, and it begins \
              anew once its `for` has passed again. What takes longer than the time between two restarts is not told. In \
              direct mode the daemon needs its state file.",
    },
    RestartCost {
        restarted: Restarted::DaemonWithoutState,
        direct: Some(false),
        incidents: &[Incident::GatewayLost, Incident::PrimingRefused],
        again: 1,
        muted: 0,
        sooner: None,
        missing: false,
        why: "ParallelsRasSessionProbeFailing counts two probes in a row, and counts anew: a deep probe comes every 15m, which is \
              longer than the page is kept.",
    },
    RestartCost {
        restarted: Restarted::Daemon,
        direct: None,
        incidents: &[Incident::GatewayLost, Incident::PrimingRefused],
        again: 0,
        muted: 0,
        sooner: Some((16, 3)),
        missing: false,
        why: "The page of the deep probe comes sooner, from minute 3 on: each start probes at once, and the failures before count.",
    },
];

/// The section of the documentation.
pub fn markdown() -> String {
    let mut out = format!(
        "
## What incidents cost

The incidents of `rollcall demo --incident`, each {LASTS} minutes long (sync-stuck: {SYNC_STUCK_LASTS}), with the shipped rules and the
shipped configuration of Alertmanager: notifications of the pager and of the tickets when something begins, and the minute
before which they do not come. Each of them is followed by one that says it is over, and by no other. A test replays the
incidents with Prometheus, with the daemon, and with both at once, and finds these numbers.

| incident | vendor | pages | tickets | why |
|---|---|---|---|---|
"
    );
    for incident in Incident::ALL {
        let costs: Vec<&Expected> = EXPECTED.iter().filter(|cost| cost.incident == incident).collect();
        for cost in &costs {
            let (pages, tickets) = (after(&cost.pages()), after(&cost.tickets()));
            out.push_str(&format!("| {incident} | {} | {pages} | {tickets} | {} |\n", cost.vendor, cost.why));
        }
        if costs.is_empty() {
            out.push_str(&format!("| {incident} |  | 0 | 0 | {} |\n", why_nothing(incident)));
        }
    }
    out.push_str(
        "
`tests/run restarts` replays the same with restarts, of Prometheus, of Alertmanager and of the daemon, while an incident is
pending, while it fires, while nothing can be read, and while its end is held back. Nothing may come twice, end early or be
missing, but for the rows of this table.

| restarted | who pages | incident | why |
|---|---|---|---|
",
    );
    for cost in RESTART_COSTS {
        let names: Vec<String> = cost.incidents.iter().map(Incident::to_string).collect();
        let incidents = if names.is_empty() { "all".to_owned() } else { names.join(", ") };
        let pages = match cost.direct {
            Some(true) => "the daemon",
            Some(false) => "Prometheus",
            None => "either",
        };
        out.push_str(&format!("| {} | {pages} | {incidents} | {} |\n", cost.restarted.name(), cost.why));
    }
    out.push_str(
        "
Prometheus and the daemon are killed, Alertmanager is stopped in order: it writes whom it has told of what when it stops and
every 15 minutes, so one that is killed may notify once more of what it did since. Each is back within minutes. Prometheus runs with
`--rules.alert.for-grace-period=1m` and `--rules.alert.resend-delay=2m50s`. By default it tells an alert every second minute,
Alertmanager believes it for four, and Prometheus needs up to three and its own start to know again what fired: what lapses in
between ends, and pages once more. With 2m50s it tells it every third minute, and it is believed for eleven. An end is told at once
either way. Alertmanager runs with `--dispatch.start-delay=4m`, where it has that: by then it was told of all that fires.

No replay has shown this, and it may be: Prometheus does not restore what goes on for the sake of `keep_firing_for` only. After a
restart that is not told again, and lapses in Alertmanager within eleven minutes. Where an alert that mutes another one lapses
first, a notification that falls into the minutes between tells of the other.
",
    );
    out
}

impl Restarted {
    fn name(self) -> &'static str {
        match self {
            Restarted::Prometheus => "Prometheus",
            Restarted::Alertmanager => "Alertmanager",
            Restarted::AlertmanagerWithoutDelay => "an Alertmanager without `--dispatch.start-delay`",
            Restarted::Daemon => "the daemon",
            Restarted::DaemonWithoutState => "the daemon without `state_file`",
        }
    }
}

fn after(times: &[u64]) -> String {
    let times_text: Vec<String> = times.iter().map(u64::to_string).collect();
    match times {
        [] => "0".to_owned(),
        _ => format!("{} (minute {})", times.len(), times_text.join(", ")),
    }
}
