//! A daemon over a simulation, and the comparison of the two.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rollcall::vendors::Vendor;
use rollcall_sim::{Options, Truth};

use super::consistent::consistent;
use crate::{
    program,
    support::{Daemon, Exposition, Folder, Sample, Sim, WAIT_TIMEOUT},
};

/// The probe that opens real sessions: it is polled every quarter of an hour at most, so `rollcall probe` asks it here.
const DEEP: &str = "hq-session-deep";

/// Longer than the first polls are spread, and than the back-off of what was refused once, on a busy machine.
const LONG: Duration = WAIT_TIMEOUT;

/// Vendor metrics that depend on the daemon's own clock and history.
const OF_THE_DAEMON: [&str; 10] = [
    "azure_devops_pool_job_wait_seconds_bucket",
    "azure_devops_pool_job_wait_seconds_sum",
    "azure_devops_pool_job_wait_seconds_count",
    "azure_devops_pool_job_duration_seconds_bucket",
    "azure_devops_pool_job_duration_seconds_sum",
    "azure_devops_pool_job_duration_seconds_count",
    "resilio_job_status_since_timestamp_seconds",
    "resilio_job_unsynced_since_timestamp_seconds",
    "parallels_ras_session_probe_duration_seconds",
    "parallels_ras_session_probe_consecutive_failures",
];

/// Each pool costs a request, one per poll: with the others the members have no room in polls that are so quick.
pub const OF_HOST_POOLS: &str = "parallels_ras_host_pool_member_info";

/// A simulation whose settings were changed before anything polls it.
pub fn prepare(options: Options, change: impl FnOnce(&Sim)) -> Sim {
    let sim = Sim::start(options);
    change(&sim);
    sim
}

/// A daemon that polls a simulation.
pub struct TruthFixture {
    /// The vendors.
    pub sim: Sim,
    /// The daemon.
    pub daemon: Daemon,
    folder: Folder,
}

impl TruthFixture {
    /// Every target of the simulation.
    pub fn start(options: Options) -> TruthFixture {
        TruthFixture::over(Sim::start(options), true)
    }

    /// All but the deep probe.
    pub fn without_deep(options: Options) -> TruthFixture {
        TruthFixture::over(Sim::start(options), false)
    }

    /// A daemon over this simulation, with or without the deep probe.
    pub fn over(sim: Sim, deep: bool) -> TruthFixture {
        TruthFixture::polling(sim, |target| deep || target != DEEP)
    }

    /// A daemon that polls these targets of the simulation.
    pub fn polling(sim: Sim, polled: impl Fn(&str) -> bool) -> TruthFixture {
        let folder = Folder::new();
        folder.write("all.yml", &sim.config_yaml());
        let file = folder.write("rollcall.yml", &quick(&sim.config_yaml(), polled));
        // A minute in which a log-on waits that proved nothing takes a second.
        TruthFixture { daemon: Daemon::with_flags(&file, &["--time-scale", "60"]), sim, folder }
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
        let wanted = |truth: &Truth| !left_out.contains(&&*truth.labels["vendor"]) && truth.name != OF_HOST_POOLS;
        let truth: Vec<Truth> = self.sim.truth().into_iter().filter(wanted).collect();
        let exposition = self.daemon.wait_for_within(&format!("the truth, {when}"), LONG, |exposition| {
            let infos = exposition.all("rollcall_target_info", &[]);
            let polled: BTreeSet<&str> = infos.into_iter().map(|info| info.label("target")).collect();
            let truth: Vec<&Truth> = truth.iter().filter(|truth| polled.contains(&*truth.labels["target"])).collect();
            assert!(!truth.is_empty(), "nothing to compare with");
            let shown = exposition.samples.iter().filter(|sample| !left_out.contains(&sample.label("vendor")));
            // Comparing takes its time, and the daemon needs the processor too.
            differences(truth, shown).inspect_err(|_| std::thread::sleep(Duration::from_millis(150)))
        });
        consistent(&exposition);
        exposition
    }

    /// Waits until Azure DevOps cannot be read. Tells whether the last poll that could had to do without a queue.
    #[track_caller]
    pub fn has_lost_queues(&self) -> bool {
        let down = |now: &Exposition| {
            ["builds", "builds-entra"].iter().all(|target| now.of(target, "rollcall_target_up") == Some(0.0))
        };
        let now = self.daemon.wait_for("Azure DevOps is down", down);
        now.all("azure_devops_pool_job_requests_up", &[]).iter().any(|sample| sample.value == 0.0)
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
            "host_pools: true" => "    host_pools: false",
            "vendor: parallels_ras" => "    vendor: parallels_ras\n    interval: 3s",
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
    let mut ours: BTreeMap<Key, f64> = BTreeMap::new();
    for sample in shown.filter(|sample| match sample.name.as_str() {
        // The class that holds; that the others are 0 is checked elsewhere.
        "rollcall_agent_health" => sample.value != 0.0,
        "rollcall_credential_expiry_timestamp_seconds" => true,
        name => {
            Vendor::ALL.iter().any(|vendor| name.starts_with(vendor.metric_prefix())) && !OF_THE_DAEMON.contains(&name)
        }
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
