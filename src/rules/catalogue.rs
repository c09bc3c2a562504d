//! Every alert as data. To add one: an entry in the table of its subject below `catalogue/`, a firing and a silent case in
//! the table of cases (`tests/`), a runbook `deploy/runbooks/<Alert>.md`, then regenerate `deploy/` (see `promql`).

mod azure_devops;
mod citrix_site;
mod citrix_storefront;
mod daemons;
mod parallels_ras;
mod parallels_ras_session;
mod pools;
mod resilio;
mod resilio_console;
mod targets;

pub use daemons::{DIRECT_WATCHDOG, SCRAPE_UP};

use std::{sync::LazyLock, time::Duration};

use super::expr::{Expr, Matcher};
use crate::{
    catalogue::{self as metrics, Family},
    vendors::{Vendor, vendor_table},
};

/// One row of the catalogue: an alert in one severity.
#[derive(Debug)]
pub struct Alert {
    /// The group of rules that it stands in: `targets`, `pools`, `daemons`, or the vendor.
    pub group: &'static str,
    /// The label `alertname`.
    pub name: &'static str,
    /// The label `severity`.
    pub severity: Severity,
    /// The other labels of the alert.
    pub labels: Labels,
    /// Who may send it.
    pub sender: Sender,
    /// The vendors that it is about; empty: all of them.
    pub vendors: &'static [&'static str],
    /// When it fires; one sample, or several of which the largest counts, per alert. [`resolve`](super::rule::resolve)
    /// puts `max by (LABELS)` around it and makes lower severities of one name exclude the higher ones.
    pub condition: Expr,
    /// The number in the condition that overrides can change.
    pub threshold: Option<Threshold>,
    /// How long the condition must hold: the first whose scope matches; the last matches everything.
    pub r#for: Vec<For>,
    /// How long it goes on afterwards.
    pub keep_firing_for: Duration,
    /// Whether what fires is held while the target cannot be read. False where the condition speaks of the polls
    /// themselves, which are known at any time.
    pub hold: bool,
    /// A part of what the condition reads that can fail although the poll is well; what fires is held then, too.
    pub unread: Option<Unread>,
    /// One static sentence: the headline of a group.
    pub summary: &'static str,
    /// One instance, in the form of [`template`](super::template).
    pub description: &'static str,
    /// The dashboard that shows it.
    pub dashboard: &'static str,
}

/// A part of the data of a pool that can fail although the poll is well.
#[derive(Debug)]
pub struct Unread {
    /// One sample for each pool; 0: it could not be read.
    pub family: &'static Family,
    /// The pools of which something else shows that the alert has ended all the same.
    pub unless: Option<Expr>,
}

/// Who is told, and how urgently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nobody: a sign of life.
    None,
    /// Nobody: it is seen when somebody looks.
    Info,
    /// A ticket.
    Warning,
    /// Somebody is woken.
    Critical,
}

impl Severity {
    /// The value of the label `severity`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::None => "none",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// Who may send an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Prometheus only: it is about daemons, or about several targets, which one daemon does not see.
    Prometheus,
    /// The daemon only.
    Daemon,
    /// Prometheus, and in direct mode the daemon.
    Both,
}

/// What an alert is about: its labels besides `alertname` and `severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// Nothing.
    None,
    /// `instance`: the daemon that sends it.
    Instance,
    /// `job`: the daemons of a job.
    Job,
    /// `job`, `instance`: one daemon.
    Daemon,
    /// `job`, `instance`, `alertmanager`: one Alertmanager of a daemon.
    Alertmanager,
    /// `vendor`.
    Vendor,
    /// `vendor`, `job_name`: a Resilio job on all its agents.
    VendorJob,
    /// `vendor`, `target`.
    Target,
    /// `vendor`, `target`, `job_name`, `job_id`: a job of a management console.
    Run,
    /// `vendor`, `target`, `credential`.
    Credential,
    /// `vendor`, `target`, `host`.
    Host,
    /// `vendor`, `target`, `hypervisor`.
    Hypervisor,
    /// `vendor`, `target`, `zone`.
    Zone,
    /// `vendor`, `target`, `pool`: the pool is that of another target, which tells of the same.
    Farm,
    /// `vendor`, `target`, `pool`.
    Pool,
    /// `vendor`, `target`, `pool`, `agent`.
    Agent,
    /// `vendor`, `target`, `pool`, `agent`, `job_name`, `job_id`.
    AgentJob,
}

impl Labels {
    /// Their names.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Labels::None => &[],
            Labels::Instance => &["instance"],
            Labels::Job => &["job"],
            Labels::Daemon => &["job", "instance"],
            Labels::Alertmanager => &["job", "instance", "alertmanager"],
            Labels::Vendor => &["vendor"],
            Labels::VendorJob => &["vendor", "job_name"],
            Labels::Target => &["vendor", "target"],
            Labels::Run => &["vendor", "target", "job_name", "job_id"],
            Labels::Credential => &["vendor", "target", "credential"],
            Labels::Host => &["vendor", "target", "host"],
            Labels::Hypervisor => &["vendor", "target", "hypervisor"],
            Labels::Zone => &["vendor", "target", "zone"],
            Labels::Pool | Labels::Farm => &["vendor", "target", "pool"],
            Labels::Agent => &["vendor", "target", "pool", "agent"],
            Labels::AgentJob => &["vendor", "target", "pool", "agent", "job_name", "job_id"],
        }
    }

    /// Whether it is about one target, or something in one.
    pub fn of_target(self) -> bool {
        self.names().contains(&"target")
    }

    /// Whether it is about one pool, or something in one.
    pub fn of_pool(self) -> bool {
        self.names().contains(&"pool") && self != Labels::Farm
    }

    /// A family whose samples say that the subject's own part of the data is there, and the labels to compare: where a
    /// poll was partial and none is there, what fires is held. `None`: not held by partial polls.
    pub fn presence(self) -> Option<(&'static Family, &'static [&'static str])> {
        match self {
            Labels::Pool | Labels::Agent => Some((&metrics::agent::POOL_LAST_SUCCESS, Labels::Pool.names())),
            Labels::AgentJob => Some((&metrics::resilio::JOB_STATUS, Labels::Target.names())),
            Labels::Run => Some((&metrics::resilio_console::RUN_STATUS, Labels::Target.names())),
            _ => None,
        }
    }
}

/// The number in a condition that overrides can change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// As shipped.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
}

/// What a number counts; decides how it is written for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// A part of a whole, 0 to 1.
    Share,
    /// Seconds.
    Seconds,
}

/// How long the condition must hold, for a part of the alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct For {
    /// Which part; no matcher: all.
    pub scope: Vec<Matcher>,
    /// Only pools that are, or are not, on demand.
    pub on_demand: Option<bool>,
    /// How long.
    pub duration: Duration,
}

macro_rules! all {
    ($($vendor:ident $name:ident $row:tt)+) => {
        /// The whole catalogue, in the order of the rules. Rows of one name stand together, the highest severity first.
        pub fn all() -> &'static [Alert] {
            static ALL: LazyLock<Vec<Alert>> = LazyLock::new(|| {
                let tables = [daemons::alerts(), targets::alerts(), pools::alerts(), $($name::alerts()),+];
                tables.into_iter().flatten().collect()
            });
            &ALL
        }
    };
}
vendor_table!(all);

/// The rows of one name.
pub fn named(name: &str) -> impl Iterator<Item = &'static Alert> {
    all().iter().filter(move |alert| alert.name == name)
}

/// An entry of a table, to be continued.
fn alert(name: &'static str, severity: Severity, labels: Labels, condition: Expr) -> Alert {
    let keeps = labels.of_target() && severity >= Severity::Warning;
    Alert {
        group: "",
        name,
        severity,
        labels,
        sender: Sender::Both,
        vendors: &[],
        condition,
        threshold: None,
        r#for: vec![For { scope: Vec::new(), on_demand: None, duration: Duration::ZERO }],
        keep_firing_for: if keeps { minutes(15) } else { Duration::ZERO },
        hold: labels.of_target(),
        unread: None,
        summary: "",
        description: "",
        dashboard: "",
    }
}

impl Alert {
    /// The number of [`Expr::Threshold`].
    fn threshold(mut self, value: f64, unit: Unit) -> Alert {
        self.threshold = Some(Threshold { value, unit });
        self
    }

    /// How long the condition must hold.
    fn lasting(mut self, duration: Duration) -> Alert {
        if let Some(last) = self.r#for.last_mut() {
            last.duration = duration;
        }
        self
    }

    /// How long it must hold for a part; the first that matches counts.
    fn lasting_for(mut self, scope: Vec<Matcher>, duration: Duration) -> Alert {
        self.r#for.insert(self.r#for.len() - 1, For { scope, on_demand: None, duration });
        self
    }

    /// How long it must hold for pools on demand.
    fn lasting_on_demand(mut self, duration: Duration) -> Alert {
        self.r#for.insert(0, For { scope: Vec::new(), on_demand: Some(true), duration });
        self
    }

    /// How many times [`LONGER`] than others it goes on: Alertmanager lets it mute alerts that end with it. Of two alerts that
    /// end together Prometheus says so at different moments, where they stand in different groups; were the muted one the
    /// last, it would page for a moment, and nobody would know why.
    fn outlasting(mut self, times: u32) -> Alert {
        self.keep_firing_for += LONGER * times;
        self
    }

    /// The condition speaks of the polls, which are known at any time.
    fn never_blind(mut self) -> Alert {
        self.hold = false;
        self
    }

    /// The condition reads something that can fail although the poll is well.
    fn unread_where(mut self, family: &'static Family, unless: Option<Expr>) -> Alert {
        self.unread = Some(Unread { family, unless });
        self
    }

    /// Who may send it, if not both.
    fn sent_by(mut self, sender: Sender) -> Alert {
        self.sender = sender;
        self
    }

    /// The vendors that it is about, where not all.
    fn about(mut self, vendors: &'static [&'static str]) -> Alert {
        self.vendors = vendors;
        self
    }

    /// Summary and description.
    fn annotate(mut self, summary: &'static str, description: &'static str) -> Alert {
        self.summary = summary;
        self.description = description;
        self
    }
}

/// What all alerts of a table share.
fn table(
    group: &'static str,
    dashboard: &'static str,
    vendors: &'static [&'static str],
    rows: Vec<Alert>,
) -> Vec<Alert> {
    let vendors_of = |row: &Alert| if row.vendors.is_empty() { vendors } else { row.vendors };
    rows.into_iter().map(|row| Alert { group, dashboard, vendors: vendors_of(&row), ..row }).collect()
}

/// What all alerts about one vendor share.
fn of_vendor(group: &'static str, vendor: Vendor, rows: Vec<Alert>) -> Vec<Alert> {
    table(group, vendor.dashboard(), vendor.label_values(), rows)
}

/// More than the time between two evaluations of Prometheus, which is a minute by default.
const LONGER: Duration = minutes(2);

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

const fn hours(n: u64) -> Duration {
    minutes(60 * n)
}

const fn days(n: u64) -> Duration {
    hours(24 * n)
}

#[cfg(test)]
mod tests;
