//! A daemon over a simulation, and the comparison of the two.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rollcall::sim::{Options, Quirk, Truth};

use crate::{
    catalogue::{CONTRACT, FORBIDDEN},
    program,
    support::{Daemon, Exposition, Folder, Sample, Sim},
};

/// The probe that opens real sessions: it is polled every quarter of an hour at most, so `rollcall probe` asks it here.
const DEEP: &str = "hq-session-deep";

/// Longer than the first polls are spread, and than the back-off of what was refused once.
const LONG: Duration = Duration::from_secs(60);

/// The classes of health.
pub const CLASSES: [&str; 6] = ["healthy", "transitional", "disabled", "degraded", "failed", "unknown"];

/// Vendor metrics that depend on the daemon's own clock and history.
const OF_THE_DAEMON: [&str; 4] = [
    "resilio_job_status_since_timestamp_seconds",
    "resilio_job_unsynced_since_timestamp_seconds",
    "parallels_ras_session_probe_duration_seconds",
    "parallels_ras_session_probe_consecutive_failures",
];

/// A simulation whose settings were changed before anything polls it.
pub fn prepare(options: Options, change: impl FnOnce(&Sim)) -> Sim {
    let sim = Sim::start(options);
    change(&sim);
    sim
}

/// A daemon that polls a simulation.
pub struct Bench {
    /// The vendors.
    pub sim: Sim,
    /// The daemon.
    pub daemon: Daemon,
    folder: Folder,
}

impl Bench {
    /// Every target of the simulation.
    pub fn start(options: Options) -> Bench {
        Bench::over(Sim::start(options), true)
    }

    /// All but the deep probe.
    pub fn without_deep(options: Options) -> Bench {
        Bench::over(Sim::start(options), false)
    }

    /// A daemon over this simulation, with or without the deep probe.
    pub fn over(sim: Sim, deep: bool) -> Bench {
        Bench::polling(sim, |target| deep || target != DEEP)
    }

    /// A daemon that polls these targets of the simulation.
    pub fn polling(sim: Sim, polled: impl Fn(&str) -> bool) -> Bench {
        let folder = Folder::new();
        folder.write("all.yml", &sim.config_yaml());
        let file = folder.write("rollcall.yml", &quick(&sim.config_yaml(), polled));
        Bench { daemon: Daemon::start(&file), sim, folder }
    }

    /// Waits until every sample is the truth, then checks what the truth does not hold. Panics with the differences.
    #[track_caller]
    pub fn wait_for_truth(&self, when: &str) -> Exposition {
        self.wait_for_truth_but(when, &[])
    }

    /// The same without the samples of these vendors.
    #[track_caller]
    pub fn wait_for_truth_but(&self, when: &str, left_out: &[&str]) -> Exposition {
        // Time stands still, so that the truth is the same until something is changed.
        let wanted = |truth: &Truth| !left_out.contains(&&*truth.labels["vendor"]);
        let truth: Vec<Truth> = self.sim.truth().into_iter().filter(wanted).collect();
        let exposition = self.daemon.wait_for_within(&format!("the truth, {when}"), LONG, |exposition| {
            let infos = exposition.all("rollcall_target_info", &[]);
            let polled: BTreeSet<&str> = infos.into_iter().map(|info| info.label("target")).collect();
            let truth: Vec<&Truth> = truth.iter().filter(|truth| polled.contains(&*truth.labels["target"])).collect();
            assert!(!truth.is_empty(), "nothing to compare with");
            let shown = exposition.samples.iter().filter(|sample| !left_out.contains(&sample.label("vendor")));
            differences(truth, shown).inspect_err(|_| std::thread::sleep(Duration::from_millis(150)))
        });
        consistent(&exposition);
        exposition
    }

    /// Asks the deep probe once and compares.
    #[track_caller]
    pub fn probe_deep(&self, when: &str) {
        self.probe(DEEP, when);
    }

    /// Asks one target once by `rollcall probe` and compares. Returns the exit code and what was shown.
    #[track_caller]
    pub fn probe(&self, target: &str, when: &str) -> (i32, Exposition) {
        let file = self.folder.file("all.yml");
        let file = file.to_str().expect("the temporary folder has a plain name");
        let ended = program::rollcall(&["probe", target, "--config.file", file, "--metrics"]);
        let start = ended.out.find("# HELP").unwrap_or_else(|| panic!("no exposition in\n{}", ended.out));
        let exposition = Exposition::parse(&ended.out[start..]);
        let truth: Vec<Truth> = self.sim.truth().into_iter().filter(|t| t.labels["target"] == target).collect();
        assert!(!truth.is_empty(), "nothing to compare with");
        if let Err(differences) = differences(&truth, exposition.samples.iter()) {
            panic!("{when}, {target}:\n{differences}");
        }
        (ended.code, exposition)
    }
}

/// The simulation's configuration with times as short as they may be. The deep probe's interval has to stay, and the
/// farm's budget is ten requests in ten seconds.
fn quick(yaml: &str, polled: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut entry = String::new();
    for line in yaml.lines().chain(["  - name: end"]) {
        if line.starts_with("  - name: ") {
            let name = entry.lines().next().and_then(|line| line.strip_prefix("  - name: "));
            if name.is_none_or(&polled) {
                text += &entry;
            }
            entry.clear();
        }
        let line = match line.trim_start() {
            "interval: 15m" => line,
            "vendor: parallels_ras" => "    vendor: parallels_ras\n    interval: 2s",
            short if short.starts_with("interval: ") => &line.replace(short, "interval: 1s"),
            short if short.starts_with("enumerate_interval: ") => &line.replace(short, "enumerate_interval: 1s"),
            _ => line,
        };
        entry += line;
        entry.push('\n');
    }
    text
}

type Key = (String, BTreeMap<String, String>);

/// Whether the two hold the same samples: name, all labels, value.
pub fn differences<'a>(
    truth: impl IntoIterator<Item = &'a Truth>,
    shown: impl Iterator<Item = &'a Sample>,
) -> Result<(), String> {
    let vendors = ["parallels_ras_", "resilio_", "azure_devops_", "citrix_"];
    let mut ours: BTreeMap<Key, f64> = BTreeMap::new();
    for sample in shown.filter(|sample| match sample.name.as_str() {
        // The class that holds; that the others are 0 is checked elsewhere.
        "rollcall_agent_health" => sample.value != 0.0,
        "rollcall_credential_expiry_timestamp_seconds" => true,
        name => vendors.iter().any(|vendor| name.starts_with(vendor)) && !OF_THE_DAEMON.contains(&name),
    }) {
        let twice = ours.insert((sample.name.clone(), sample.labels.clone()), sample.value);
        assert_eq!(twice, None, "{sample:?} comes twice");
    }
    let mut lines = Vec::new();
    for sample in truth {
        let labels = sample.labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let key = (sample.name.to_owned(), labels);
        match ours.remove(&key) {
            // Exactly: the same bits.
            Some(value) if value == sample.value => {}
            Some(value) => lines.push(format!("differs: {key:?} is {value}, in truth {}", sample.value)),
            None => lines.push(format!("missing: {key:?} {}", sample.value)),
        }
    }
    lines.extend(ours.iter().map(|(key, value)| format!("extra:   {key:?} {value}")));
    let count = lines.len();
    lines.sort();
    let step = (count / 60).max(1);
    let some: Vec<String> = lines.into_iter().step_by(step).collect();
    if count == 0 { Ok(()) } else { Err(format!("{count} differences, some of them:\n{}", some.join("\n"))) }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs_f64()
}

/// What must hold in every scrape, whatever the vendors say.
#[track_caller]
pub fn consistent(exposition: &Exposition) {
    every_series_is_as_in_the_contract(exposition);
    agents_and_pools_agree(exposition);
    targets_are_whole(exposition);
    moments_of_the_daemon_are_now(exposition);
}

/// Name and labels of every series are the contract's. Returns the names.
#[track_caller]
pub fn every_series_is_as_in_the_contract(exposition: &Exposition) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    for sample in &exposition.samples {
        let row = CONTRACT.iter().find(|row| family(&sample.name, row.1) == row.0);
        let row = row.unwrap_or_else(|| panic!("the contract has no {sample:?}"));
        let mut labels: BTreeSet<String> = sample.labels.keys().cloned().collect();
        if sample.name.ends_with("_bucket") && row.1 == "histogram" {
            assert!(labels.remove("le"), "{sample:?}");
        }
        let wanted = crate::catalogue::labels(row);
        match row.0 {
            // The configuration gives it more.
            "rollcall_target_info" => assert!(labels.is_superset(&wanted), "{sample:?}"),
            _ => assert_eq!(labels, wanted, "{sample:?}"),
        }
        for label in labels {
            assert!(!FORBIDDEN.contains(&label.as_str()), "{sample:?}");
        }
        let description = row.0.ends_with("_info") || row.3.iter().any(|label| matches!(*label, "state" | "status"));
        if description && !matches!(row.0, "azure_devops_pool_jobs" | "rollcall_alerts") {
            assert_eq!(sample.value, 1.0, "{sample:?}");
        }
        assert!(!sample.value.is_nan(), "{sample:?}");
        seen.insert(row.0);
    }
    seen
}

/// The family of a sample of that name, if it is one of this type.
fn family<'a>(name: &'a str, kind: &str) -> &'a str {
    let suffixes = ["_bucket", "_sum", "_count"];
    let stem = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    stem.filter(|_| kind == "histogram").unwrap_or(name)
}

type AgentKey<'a> = [&'a str; 4];

fn agent_key(sample: &Sample) -> AgentKey<'_> {
    ["vendor", "target", "pool", "agent"].map(|label| sample.label(label))
}

#[track_caller]
fn agents_and_pools_agree(exposition: &Exposition) {
    let mut agents: BTreeMap<AgentKey, Vec<(&str, f64)>> = BTreeMap::new();
    for sample in exposition.all("rollcall_agent_health", &[]) {
        agents.entry(agent_key(sample)).or_default().push((sample.label("health"), sample.value));
    }
    let mut pools: BTreeMap<[&str; 4], f64> = BTreeMap::new();
    for (key, classes) in &agents {
        let names: BTreeSet<&str> = classes.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, BTreeSet::from(CLASSES), "{key:?}");
        assert_eq!(classes.len(), CLASSES.len(), "{key:?}: {classes:?}");
        assert!(classes.iter().all(|(_, value)| *value == 0.0 || *value == 1.0), "{key:?}: {classes:?}");
        assert_eq!(classes.iter().map(|(_, value)| value).sum::<f64>(), 1.0, "{key:?}: {classes:?}");
        for (class, value) in classes {
            *pools.entry([key[0], key[1], key[2], class]).or_default() += value;
        }
    }
    let mut empty = BTreeSet::new();
    let shown = exposition.all("rollcall_pool_agents", &[]);
    for sample in &shown {
        let key = ["vendor", "target", "pool", "health"].map(|label| sample.label(label));
        match pools.remove(&key) {
            Some(count) => assert_eq!(sample.value, count, "{sample:?}"),
            None => {
                assert_eq!(sample.value, 0.0, "no agent is in {sample:?}");
                empty.insert([key[0], key[1], key[2]]);
            }
        }
    }
    assert!(pools.is_empty(), "without rollcall_pool_agents: {pools:?}");
    let all: BTreeSet<[&str; 3]> =
        shown.iter().map(|sample| ["vendor", "target", "pool"].map(|label| sample.label(label))).collect();
    assert_eq!(shown.len(), all.len() * CLASSES.len(), "six classes of every pool");
    assert!(
        empty.iter().all(|pool| pool[0] == "azure_devops"),
        "only Azure DevOps has pools without agents: {empty:?}"
    );
    for name in ["rollcall_pool_last_success_timestamp_seconds", "rollcall_pool_on_demand"] {
        let has: Vec<[&str; 3]> = exposition
            .all(name, &[])
            .iter()
            .map(|sample| ["vendor", "target", "pool"].map(|label| sample.label(label)))
            .collect();
        assert_eq!(has.len(), all.len(), "{name}");
        assert_eq!(has.into_iter().collect::<BTreeSet<_>>(), all, "{name}");
    }
    let since = exposition.all("rollcall_agent_health_since_timestamp_seconds", &[]);
    assert_eq!(since.len(), agents.len());
    assert!(since.iter().all(|sample| agents.contains_key(&agent_key(sample))));
    let logical: BTreeSet<AgentKey> =
        exposition.all("parallels_ras_agent_info", &[("kind", "logical")]).into_iter().map(agent_key).collect();
    for sample in exposition.samples.iter().filter(|sample| sample.labels.contains_key("agent")) {
        let key = agent_key(sample);
        let joins = agents.contains_key(&key) || (logical.contains(&key) && sample.name.starts_with("parallels_ras_"));
        assert!(joins, "does not join with rollcall_agent_health: {sample:?}");
    }
    for key in logical {
        assert!(!agents.contains_key(&key), "a logical row is no agent: {key:?}");
    }
}

#[track_caller]
fn targets_are_whole(exposition: &Exposition) {
    // Always there once a target was polled; and of these as many as the closed set of labels has.
    let always = [
        ("rollcall_target_info", 1),
        ("rollcall_target_up", 1),
        ("rollcall_target_partial", 1),
        ("rollcall_target_stale", 1),
        ("rollcall_target_consecutive_failures", 1),
        ("rollcall_target_poll_interval_seconds", 1),
        ("rollcall_target_poll_timeout_seconds", 1),
        ("rollcall_target_poll_duration_seconds", 1),
        ("rollcall_target_last_poll_timestamp_seconds", 1),
        ("rollcall_target_last_success_timestamp_seconds", 1),
        ("rollcall_target_agents", 1),
        ("rollcall_target_series", 1),
        ("rollcall_polls_total", 1),
        ("rollcall_polls_skipped_total", 1),
        ("rollcall_poll_failures_total", 15),
        ("rollcall_decode_warnings_total", 5),
        ("rollcall_api_throttled_seconds_total", 1),
        ("rollcall_login_held", 1),
        ("rollcall_direct_alerting_active", 1),
    ];
    let targets = exposition.all("rollcall_target_info", &[]);
    assert!(!targets.is_empty());
    for info in targets {
        let target = info.label("target");
        let labels = [("target", target), ("vendor", info.label("vendor"))];
        for (name, count) in always {
            assert_eq!(exposition.all(name, &labels).len(), count, "{name} of {target}");
        }
        let health = exposition.all("rollcall_agent_health", &labels).len() / CLASSES.len();
        assert_eq!(exposition.of(target, "rollcall_target_agents"), Some(health as f64), "{target}");
        let series = exposition.samples.iter().filter(|sample| sample.label("target") == target).count();
        assert_eq!(exposition.of(target, "rollcall_target_series"), Some(series as f64), "{target}");
        let failing = exposition.of(target, "rollcall_target_up") == Some(0.0)
            || exposition.of(target, "rollcall_target_partial") == Some(1.0);
        assert_eq!(!exposition.failure(target).is_empty(), failing, "{target}");
        let failures = exposition.of(target, "rollcall_target_consecutive_failures");
        assert!(failures == Some(0.0) || (failing && failures > Some(0.0)), "{target}: {failures:?}");
        let held = exposition.of(target, "rollcall_login_held");
        assert!(held == Some(0.0) || held == Some(1.0), "{target}: {held:?}");
        requests_add_up(exposition, target);
    }
}

/// The histogram is whole, and counts as often as the counter.
#[track_caller]
fn requests_add_up(exposition: &Exposition, target: &str) {
    let mut requests: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in exposition.all("rollcall_api_requests_total", &[("target", target)]) {
        *requests.entry(sample.label("operation")).or_default() += sample.value;
    }
    for (operation, count) in &requests {
        let labels = [("target", target), ("operation", *operation)];
        let name = "rollcall_api_request_duration_seconds";
        assert_eq!(exposition.get(&format!("{name}_count"), &labels), Some(*count), "{target} {operation}");
        let buckets = exposition.all(&format!("{name}_bucket"), &labels);
        assert_eq!(buckets.last().map(|last| (last.label("le"), last.value)), Some(("+Inf", *count)));
        let rising = buckets.windows(2).all(|pair| pair[0].value <= pair[1].value);
        assert!(rising && buckets.len() > 5, "{buckets:?}");
        let sum = exposition.get(&format!("{name}_sum"), &labels);
        assert!(sum.is_some_and(|sum| sum > 0.0 && sum < count * 60.0), "{target} {operation}: {sum:?}");
    }
}

#[track_caller]
fn moments_of_the_daemon_are_now(exposition: &Exposition) {
    let start = exposition.get("process_start_time_seconds", &[]).expect("Linux");
    let own = [
        "rollcall_agent_health_since_timestamp_seconds",
        "rollcall_pool_last_success_timestamp_seconds",
        "rollcall_target_last_poll_timestamp_seconds",
        "rollcall_config_last_reload_success_timestamp_seconds",
        "resilio_job_status_since_timestamp_seconds",
        "resilio_job_unsynced_since_timestamp_seconds",
    ];
    for sample in exposition.samples.iter().filter(|sample| own.contains(&sample.name.as_str())) {
        // The kernel counts the start of a process in hundredths of a second.
        assert!(sample.value >= start - 1.1 && sample.value <= now(), "{sample:?}, {start} to {}", now());
    }
    let job = |sample: &Sample| {
        let labels = ["target", "pool", "agent", "job_name", "job_id"];
        labels.map(|label| sample.label(label).to_owned())
    };
    let all = |name: &str| exposition.all(name, &[]).into_iter().map(job).collect::<BTreeSet<_>>();
    let jobs = all("resilio_job_info");
    assert_eq!(all("resilio_job_status_since_timestamp_seconds"), jobs);
    let folders: BTreeSet<_> = exposition.all("resilio_job_info", &[("type", "folder")]).into_iter().map(job).collect();
    let busy = exposition.all("resilio_job_status", &[]).into_iter();
    let busy = busy.filter(|sample| !matches!(sample.label("status"), "synced" | "paused")).map(job);
    let unsynced: BTreeSet<_> = busy.filter(|job| folders.contains(job)).collect();
    assert_eq!(all("resilio_job_unsynced_since_timestamp_seconds"), unsynced);
    for sample in exposition.all("parallels_ras_session_probe_success", &[]) {
        let labels =
            [("target", sample.label("target")), ("agent", sample.label("agent")), ("mode", sample.label("mode"))];
        let took = exposition.get("parallels_ras_session_probe_duration_seconds", &labels);
        assert!(took.is_some_and(|took| took > 0.0 && took < 90.0), "{sample:?} took {took:?}");
        let failures = exposition.get("parallels_ras_session_probe_consecutive_failures", &labels);
        assert!(
            failures.is_some_and(|failures| (failures == 0.0) == (sample.value == 1.0)),
            "{sample:?}: {failures:?}"
        );
        let errors = exposition.all("parallels_ras_session_probe_error", &labels);
        assert_eq!(errors.len(), usize::from(sample.value == 0.0), "{sample:?}");
    }
}

/// A well-behaved server gives nothing to warn of.
#[track_caller]
pub fn warnings_are_none(exposition: &Exposition) {
    for sample in exposition.all("rollcall_decode_warnings_total", &[]) {
        assert_eq!(sample.value, 0.0, "{sample:?}");
    }
}

/// Each quirk is counted where it is odd, and only there.
#[track_caller]
pub fn warnings_tell(exposition: &Exposition, quirk: Quirk) {
    let (kind, targets): (&str, &[&str]) = match quirk {
        Quirk::BadItem => ("bad_item", &["hq-farm", "filer-", "builds", "desktops"]),
        Quirk::UnknownState => ("unknown_state", &["hq-farm", "filer-01", "builds", "desktops", "hq-session-light"]),
        Quirk::DuplicateName => ("duplicate", &["hq-farm", "builds", "desktops"]),
        Quirk::LongName => ("truncated_label", &["hq-farm", "filer-04", "builds", "desktops"]),
        _ => ("", &[]),
    };
    for sample in exposition.all("rollcall_decode_warnings_total", &[]) {
        let target = sample.label("target");
        // Every Resilio client lists its own runs.
        let named = targets.iter().any(|name| *name == target || (name.ends_with('-') && target.starts_with(name)));
        let odd = sample.label("kind") == kind && named;
        assert_eq!(sample.value > 0.0, odd, "{quirk:?}: {sample:?}");
    }
}

#[test]
fn the_comparison_sees_what_is_missing_extra_or_different() {
    let truth = vec![Truth::new("resilio_job_files", "resilio", "filer-01", &[("job_id", "1")], 3.0)];
    let line = |text: &str| differences(&truth, Exposition::parse(text).samples.iter());
    let right = "resilio_job_files{vendor=\"resilio\",target=\"filer-01\",job_id=\"1\"} 3\n";
    assert_eq!(line(right), Ok(()));
    let said = |text: &str| line(text).expect_err("it differs");
    assert!(said("").contains("missing: "));
    assert!(said(&right.replace(" 3", " 4")).contains("is 4, in truth 3"));
    assert!(said(&right.replace("job_id", "run_id")).starts_with("2 differences"));
    assert!(said(&format!("{right}citrix_store_machines 1\n")).contains("extra: "));
}
