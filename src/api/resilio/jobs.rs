//! The jobs of an agent: of each the newest run.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use serde::Deserialize;

use super::{
    super::{
        AgentRef, Context, Id, Part, Warning, Warnings,
        lenient::{self, Count, Field, RowCount, Shape, Timestamp},
        table::{self, OTHER},
    },
    POOL, states,
};
use crate::{
    catalogue::{Family, resilio as families},
    config::Target,
    failure::{Failure, Reason},
    health::Health,
    http::{Body, MAX_OBJECT},
};

/// An estimate from here on means that there is none.
const MAX_ETA: f64 = 10.0 * 365.25 * 86_400.0;

/// More runs than this are not kept: each costs much more in memory than on the wire. One agent has a few hundred.
const MAX_RUNS: usize = 100_000;

/// Every job has at least so many series.
pub const SERIES_OF_JOB: usize = 10;

/// Of a text so many bytes are kept; fewer are shown.
const LONGEST: usize = 512;

/// A run on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RunItem<'a> {
    #[serde(borrow)]
    run_id: Field<Cow<'a, str>>,
    /// Of the job.
    #[serde(borrow)]
    id: Field<Cow<'a, str>>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Field<Cow<'a, str>>,
    #[serde(borrow)]
    permission: Field<Cow<'a, str>>,
    #[serde(borrow)]
    path: Field<Cow<'a, str>>,
    #[serde(borrow)]
    status: Field<Cow<'a, str>>,
    /// What it looks like is documented nowhere.
    errors: Count,
    eta: Field<f64>,
    size_total: Field<f64>,
    size_completed: Field<f64>,
    files_total: Field<f64>,
    files_completed: Field<f64>,
    peers_count: Field<f64>,
    peers_count_proxied: Field<f64>,
    down_speed: Field<f64>,
    up_speed: Field<f64>,
    transferred_down: Field<f64>,
    transferred_up: Field<f64>,
    /// When the difference last became zero; it stays while synced. Missing from older agents, 0: never.
    last_synced: Field<Timestamp>,
}

impl Shape for RunItem<'_> {
    type Of<'a> = RunItem<'a>;
}

/// The newest run of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    job_id: Id,
    run_id: Id,
    name: String,
    kind: String,
    permission: String,
    path: String,
    status: String,
    errors: u64,
    eta: Option<f64>,
    size: [Option<f64>; 2],
    files: [Option<f64>; 2],
    /// Family and value, of what is only passed on.
    numbers: [Option<f64>; 6],
    last_synced: Option<Timestamp>,
}

/// The families of [`Run::numbers`].
static NUMBERS: [&Family; 6] = [
    &families::JOB_PEERS,
    &families::JOB_PROXIED_PEERS,
    &families::JOB_RECEIVE_RATE,
    &families::JOB_SEND_RATE,
    &families::JOB_RECEIVED,
    &families::JOB_SENT,
];

/// Reads the answer of `/runs`: a list, a single run, or a list in `data`. Gives the newest run of each job, by job id, and
/// what is wrong where most of the runs cannot be read.
///
/// Fails with `too_large` where there are more than [`MAX_RUNS`] runs. Of more than `max_jobs` jobs there is one more.
pub fn read(body: &Body, max_jobs: usize, warnings: &Warnings) -> Result<(Vec<Run>, Option<Failure>), Failure> {
    let mut jobs: BTreeMap<Id, Run> = BTreeMap::new();
    let (mut ids, mut count) = (HashSet::new(), RowCount::default());
    let mut add = |item: Option<RunItem<'_>>| {
        if ids.len() > MAX_RUNS || jobs.len() > max_jobs {
            return;
        }
        let run = item.and_then(|wire| Run::new(wire, warnings));
        count.add(run.is_some());
        let Some(run) = run else {
            warnings.add(Warning::BadItem, || "run without a readable run_id".to_owned());
            return;
        };
        if !ids.insert(run.run_id.clone()) {
            warnings.add(Warning::BadItem, || format!("run {:?} comes twice", short(&run.run_id)));
            return;
        }
        match jobs.get(&run.job_id) {
            Some(newer) if newer.run_id > run.run_id => {}
            _ => {
                jobs.insert(run.job_id.clone(), run);
            }
        }
    };
    let list = lenient::items::<RunItem<'_>>(body.reader(), "data", &mut add)?;
    if !list.found {
        let single = body.start(MAX_OBJECT)?;
        let text = lenient::text(&single);
        let single: RunItem<'_> = lenient::object(&text)?;
        if single.run_id == Field::Missing {
            return Err(Failure::new(Reason::Decode, "neither a list of runs nor a run"));
        }
        add(Some(single));
    }
    if ids.len() > MAX_RUNS {
        return Err(Failure::new(Reason::TooLarge, format!("more than {MAX_RUNS} runs")));
    }
    count.announce(list);
    let defect = count.judge("runs")?;
    Ok((jobs.into_values().collect(), defect))
}

fn short(id: &Id) -> String {
    lenient::cut(&id.to_string(), 64).to_owned()
}

impl Run {
    fn new(wire: RunItem<'_>, warnings: &Warnings) -> Option<Run> {
        let run_id = wire.run_id.filled().ok()?;
        let run_id = Id::from(lenient::cut(run_id.trim(), LONGEST));
        let text = |field: Field<Cow<'_, str>>, what: &str| {
            field.filled().get(warnings, what).map(|text| lenient::cut(text.trim(), LONGEST).to_owned())
        };
        let amount = |field: Field<f64>, what: &str| match field {
            Field::Value(number) if number < 0.0 => Field::Bad.get(warnings, what),
            field => field.get(warnings, what),
        };
        let job_id = text(wire.id, "run id").map_or_else(|| run_id.clone(), |id| Id::from(id.trim()));
        Some(Run {
            name: text(wire.name, "run name").unwrap_or_else(|| job_id.to_string()),
            job_id,
            run_id,
            kind: text(wire.kind, "run type").unwrap_or_default(),
            permission: text(wire.permission, "run permission").unwrap_or_default(),
            path: text(wire.path, "run path").unwrap_or_default(),
            status: text(wire.status, "run status").unwrap_or_default(),
            errors: wire.errors.0,
            eta: wire.eta.get(warnings, "run eta"),
            size: [amount(wire.size_completed, "size_completed"), amount(wire.size_total, "size_total")],
            files: [amount(wire.files_completed, "files_completed"), amount(wire.files_total, "files_total")],
            numbers: [
                amount(wire.peers_count, "peers_count"),
                amount(wire.peers_count_proxied, "peers_count_proxied"),
                amount(wire.down_speed, "down_speed"),
                amount(wire.up_speed, "up_speed"),
                amount(wire.transferred_down, "transferred_down"),
                amount(wire.transferred_up, "transferred_up"),
            ],
            last_synced: wire.last_synced.get(warnings, "last_synced"),
        })
    }

    /// Whether something is missing: by bytes where the agent tells them, else by files; the two disagree by design.
    fn is_incomplete(&self) -> bool {
        let less = |[completed, total]: [Option<f64>; 2]| Some(completed? < total?);
        less(self.size).or_else(|| less(self.files)).unwrap_or(false)
    }

    /// Label, and class of health after the configured overrides. An unknown status is counted.
    fn status(&self, target: &Target, warnings: &Warnings) -> (&'static str, Health) {
        let row = table::find(&states::RUN, &self.status);
        if row.is_none() {
            warnings.add(Warning::UnknownState, || format!("run status {:?}", lenient::cut(&self.status, 64)));
        }
        let health = row.map_or(Health::Unknown, |row| states::run_health(row, self.is_incomplete()));
        let health = target.health(POOL, &[self.status.trim()], health);
        let label = row.map_or(OTHER, |(name, _)| name);
        // Not even the vendor's console calls a run synced that has errors.
        let is_faulty = self.errors > 0 && label != "paused";
        (label, if is_faulty { health.at_least_degraded() } else { health })
    }

    fn set(&self, part: &mut Part, agent: AgentRef, target: &Target, cx: &Context<'_>) {
        let id = self.job_id.to_string();
        let job = [&*self.name, &*id];
        let (status, health) = self.status(target, cx.warnings);
        let info = [&*self.name, &*id, &*self.run_id.to_string(), &*self.kind, &*self.permission, &*self.path];
        part.set(&families::JOB_INFO, agent, &info, 1.0);
        part.set(&families::JOB_STATUS, agent, &[job[0], job[1], status], 1.0);
        let wire = self.status.trim().to_ascii_lowercase();
        let since = cx.memory.since("job_status", &id, lenient::cut(&wire, 256), cx.now);
        part.set(&families::JOB_STATUS_SINCE, agent, &job, since.as_secs_f64());
        for class in Health::ALL {
            let labels = [job[0], job[1], class.as_str()];
            part.set(&families::JOB_HEALTH, agent, &labels, f64::from(class == health));
        }
        let eta = self.eta.filter(|eta| states::has_eta(status) && (0.0..MAX_ETA).contains(eta));
        part.set_some(&families::JOB_ETA, agent, &job, eta);
        if self.kind.trim().eq_ignore_ascii_case("folder") {
            let state = if matches!(status, "synced" | "paused") { status } else { "unsynced" };
            let since = cx.memory.since("job_unsynced", &id, state, cx.now);
            let unsynced = (state == "unsynced").then(|| since.as_secs_f64());
            part.set_some(&families::JOB_UNSYNCED_SINCE, agent, &job, unsynced);
        }
        part.set_some(&families::JOB_COMPLETED, agent, &job, self.size[0]);
        part.set_some(&families::JOB_SIZE, agent, &job, self.size[1]);
        part.set_some(&families::JOB_COMPLETED_FILES, agent, &job, self.files[0]);
        part.set_some(&families::JOB_FILES, agent, &job, self.files[1]);
        for (family, number) in NUMBERS.iter().zip(self.numbers) {
            part.set_some(family, agent, &job, number);
        }
        part.set(&families::JOB_ERRORS, agent, &job, self.errors as f64);
        part.set_some(&families::JOB_LAST_SYNCED, agent, &job, self.last_synced.map(Timestamp::as_secs_f64));
    }
}

/// Sets the samples of all jobs.
pub fn set(runs: &[Run], part: &mut Part, agent: AgentRef, target: &Target, cx: &Context<'_>) {
    part.declare_states(&families::JOB_STATUS, &states::RUN_NAMES);
    for run in runs {
        run.set(part, agent, target, cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_runs_are_not_kept() {
        let read_runs = |count: usize| {
            let runs: Vec<String> = (0..count).map(|id| format!(r#"{{"run_id":{id},"id":1}}"#)).collect();
            read(&Body::plain(format!("[{}]", runs.join(","))), 1_000_000, &Warnings::default())
        };
        assert_eq!(read_runs(MAX_RUNS).expect("as many as may be").0.len(), 1);
        assert_eq!(read_runs(MAX_RUNS + 1).expect_err("too many").reason, Reason::TooLarge);
    }

    #[test]
    fn jobs_that_are_too_many_are_not_kept() {
        let read_jobs = |count: usize| {
            let runs: Vec<String> = (0..count).map(|id| format!(r#"{{"run_id":{id},"id":{id}}}"#)).collect();
            read(&Body::plain(format!("[{}]", runs.join(","))), 1000, &Warnings::default())
        };
        for (count, kept) in [(1000, 1000), (1001, 1001), (5000, 1001)] {
            assert_eq!(read_jobs(count).expect("jobs").0.len(), kept, "{count}");
        }
    }

    #[test]
    fn a_text_without_end_is_cut() {
        let long = "x".repeat(1 << 20);
        let body =
            format!(r#"[{{"run_id":"{long}","id":"{long}","name":"{long}","path":"{long}","status":"{long}"}}]"#);
        let run = read(&Body::plain(body), 1000, &Warnings::default()).expect("a run").0.remove(0);
        assert_eq!((run.name.len(), run.path.len(), run.status.len()), (LONGEST, LONGEST, LONGEST));
        assert_eq!(run.job_id.to_string().len(), LONGEST);
    }
}
