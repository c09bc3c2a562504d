//! A case: series over time in, alerts out. The table of cases drives `promtool test rules` and the daemon's own engine.

use std::collections::BTreeMap;

use rollcall::rules::catalogue::{self, Alert};

/// What a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The alert fires.
    Fires,
    /// It does not, although something like it happens.
    Silent,
    /// Things are taken out of service on purpose.
    Maintenance,
    /// The condition comes and goes.
    Flapping,
    /// The target, or a part of it, cannot be read.
    Blind,
    /// The daemon itself pages: only for Prometheus.
    Direct,
    /// Two daemons watch the same targets: only for Prometheus.
    Twice,
    /// One of two daemons is cut off from the vendor, and only that one says so: only for Prometheus.
    Outvoted,
    /// One of two daemons is cut off from the vendor, the other one says so: only for Prometheus.
    HalfBlind,
    /// The daemon is started again and again: only for Prometheus.
    Loop,
    /// The daemon dies: only for Prometheus.
    Dead,
}

impl Kind {
    /// Whether a daemon can see it by itself.
    pub fn is_of_one_daemon(self) -> bool {
        !matches!(self, Kind::Direct | Kind::Twice | Kind::Outvoted | Kind::HalfBlind | Kind::Loop | Kind::Dead)
    }
}

/// A series: one sample a minute.
#[derive(Debug, Clone)]
pub struct Series {
    pub family: String,
    pub labels: BTreeMap<String, String>,
    /// One after the other; the last has no end.
    pub runs: Vec<Run>,
}

/// Samples of some minutes.
#[derive(Debug, Clone)]
pub struct Run {
    /// The first sample, and how much the next one is larger. `None`: the series is not there.
    pub value: Option<(f64, f64)>,
    pub minutes: usize,
}

/// An alert that is expected to fire.
#[derive(Debug, Clone)]
pub struct Expected {
    pub severity: &'static str,
    /// With `vendor` and `target`, without `alertname` and `severity`.
    pub labels: BTreeMap<String, String>,
    /// The value in the description; NaN while held.
    pub value: f64,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    pub alert: &'static str,
    pub kind: Kind,
    pub what: String,
    pub vendor: &'static str,
    pub series: Vec<Series>,
    /// Minute, and all alerts of that name that fire then.
    pub checks: BTreeMap<usize, Vec<Expected>>,
}

pub const TARGET: &str = "t1";

/// A case about one target of this vendor, which is well unless the case says otherwise. An empty vendor: no target.
pub fn case(alert: &'static str, kind: Kind, vendor: &'static str, what: &str) -> Case {
    let case = Case { alert, kind, what: what.to_owned(), vendor, series: Vec::new(), checks: BTreeMap::new() };
    if vendor.is_empty() {
        return case;
    }
    let well = [
        ("rollcall_target_up", "1"),
        ("rollcall_target_partial", "0"),
        ("rollcall_target_stale", "0"),
        ("rollcall_login_held", "0"),
        ("rollcall_direct_alerting_active", "0"),
        ("rollcall_target_consecutive_failures", "0"),
        ("rollcall_target_poll_interval_seconds", "60"),
        ("rollcall_target_poll_timeout_seconds", "20"),
        ("rollcall_target_poll_duration_seconds", "1"),
        ("rollcall_target_first_poll_timestamp_seconds", "60"),
        ("rollcall_target_next_poll_timestamp_seconds", "0+60"),
        ("rollcall_target_last_success_timestamp_seconds", "0+60"),
        ("rollcall_polls_total", "0+1"),
    ];
    well.into_iter().fold(case, |case, (family, values)| case.with(family, "", values))
}

/// `a=b,c=d` as labels.
fn labels(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').expect("a label is name=value")).map(|(n, v)| (n.into(), v.into())).collect()
}

impl Case {
    /// A series of the target. Values: `2*5 0` is 2 for five minutes and then 0, `0+60` grows by 60 every minute, `-` is
    /// not there. It replaces one that was there before.
    pub fn with(mut self, family: &str, of: &str, values: &str) -> Case {
        let mut labels = labels(of);
        if !self.vendor.is_empty() {
            labels.entry("vendor".into()).or_insert_with(|| self.vendor.into());
            labels.entry("target".into()).or_insert_with(|| TARGET.into());
        }
        self.series.retain(|series| series.family != family || series.labels != labels);
        let runs = values.split(' ').map(run).collect();
        self.series.push(Series { family: family.to_owned(), labels, runs });
        self
    }

    /// A pool with agents in these classes; the other classes have none.
    pub fn pool(self, pool: &str, on_demand: &str, classes: &[(&str, &str)]) -> Case {
        let of = format!("pool={pool}");
        let mut case = self.with("rollcall_pool_on_demand", &of, on_demand);
        case = case.with("rollcall_pool_last_success_timestamp_seconds", &of, "0+60");
        for health in ["healthy", "transitional", "disabled", "degraded", "failed", "unknown"] {
            let values = classes.iter().find(|(name, _)| *name == health).map_or("0", |(_, values)| values);
            case = case.with("rollcall_pool_agents", &format!("pool={pool},health={health}"), values);
        }
        case
    }

    /// At this minute it fires, besides others of the same minute.
    pub fn fires(mut self, minute: usize, severity: &'static str, of: &str, value: f64) -> Case {
        let mut labels = labels(of);
        let names = self.rows().next().expect("the alert is in the catalogue").labels.names();
        for (name, value) in [("vendor", self.vendor), ("target", TARGET)] {
            if names.contains(&name) && !labels.contains_key(name) {
                labels.insert(name.into(), value.into());
            }
        }
        self.checks.entry(minute).or_default().push(Expected { severity, labels, value });
        self
    }

    /// At this minute nothing of that name fires.
    pub fn silent(mut self, minute: usize) -> Case {
        self.checks.entry(minute).or_default();
        self
    }

    /// The rows of its alert.
    pub fn rows(&self) -> impl Iterator<Item = &'static Alert> + use<> {
        catalogue::named(self.alert)
    }

    /// The last minute that is checked.
    pub fn end(&self) -> usize {
        self.checks.keys().next_back().copied().unwrap_or_default()
    }

    pub fn name(&self) -> String {
        format!("{} {:?}: {}", self.alert, self.kind, self.what)
    }
}

fn run(text: &str) -> Run {
    let (value, minutes) = text.split_once('*').unwrap_or((text, "1"));
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let value = match value.split_once('+') {
        _ if value == "-" => None,
        Some((start, step)) => Some((number(start), number(step))),
        None => Some((number(value), 0.0)),
    };
    Run { value, minutes: minutes.parse().expect("minutes") }
}

impl Series {
    /// The sample of a minute.
    pub fn at(&self, minute: usize) -> Option<f64> {
        let mut start = 0;
        for (index, run) in self.runs.iter().enumerate() {
            if minute < start + run.minutes || index + 1 == self.runs.len() {
                return run.value.map(|(first, step)| first + step * (minute - start) as f64);
            }
            start += run.minutes;
        }
        None
    }

    /// The same series with other samples.
    pub fn replaced(&self, samples: &[Option<f64>]) -> Series {
        let run = |sample: &Option<f64>| Run { value: sample.map(|value| (value, 0.0)), minutes: 1 };
        Series { runs: samples.iter().map(run).collect(), ..self.clone() }
    }
}
