//! Jobs as the agents show them: how long each waited and how long it took, counted once, from what a poll asks for anyway.
//!
//! An agent shows the job that it has and the last one that it had. Each request id is known from the first time that it is
//! seen: its wait is counted when it is first seen taken, its duration when it is first seen ended. What the first poll of a
//! pool finds is known and not counted, as another daemon, or this one before a restart, may have counted it. Of several jobs
//! of one agent that end between two polls only the last one is seen to end; one that also began there is not seen at all.
//!
//! What is known is bounded: ids that no agent shows any more are forgotten, the longest unseen first. Should an agent come
//! back with one of them, its times tell that it is none of the jobs that came since.

use std::{
    collections::{HashMap, hash_map},
    sync::Arc,
};

use foldhash::fast::RandomState;

use super::{
    super::{Part, PoolRef, Warning, Warnings, lenient::Field},
    agents::JobRequest,
    states::{self, RESULTS},
};
use crate::{
    api::table::OTHER,
    catalogue::azure_devops::{POOL_JOB_DURATION, POOL_JOB_WAIT},
    histogram::Histogram,
};

/// Upper ends of the buckets of waits, in seconds.
pub const WAIT_BUCKETS: [f64; 11] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14_400.0];

/// The same of durations.
pub const DURATION_BUCKETS: [f64; 12] =
    [10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0];

/// No job waits or works longer than this, in seconds; what seems to has odd times.
const LONGEST: f64 = 30.0 * 86_400.0;

/// So many ids are kept that no agent shows any more; of more the longest unseen are forgotten, where there are also twice as
/// many as agents show.
const MIN_UNSEEN: usize = 10_000;

/// What the agents of a pool say beside their samples.
#[derive(Debug, Default)]
pub struct AgentFacts {
    /// Their jobs.
    pub jobs: Vec<ShownJob>,
    /// Whether they are online and enabled.
    pub ready: ReadyAgents,
}

/// Which agents of a pool are online and enabled, by their ids.
#[derive(Debug, Default)]
pub struct ReadyAgents(Vec<(i64, bool)>);

/// A job as an agent shows it. Times are Unix times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownJob {
    id: i64,
    queued: Option<f64>,
    /// When the agent took it.
    taken: Option<f64>,
    /// Once it has ended: when, and its place in the order of [`Jobs::RESULTS`].
    ended: Option<(Option<f64>, u8)>,
}

/// The jobs of a target.
#[derive(Debug)]
pub struct Jobs {
    /// Polls so far.
    polls: u32,
    known: HashMap<i64, KnownJob, RandomState>,
    pools: HashMap<i64, PoolJobs>,
    /// All jobs that are forgotten were taken, and have ended, no later than this.
    forgotten: (f64, f64),
    /// With so many known ones it is time to forget some.
    look_at: usize,
}

/// What is known of a job.
#[derive(Debug, Clone, Copy)]
struct KnownJob {
    pool: i64,
    /// The poll that saw it last.
    seen: u32,
    taken: f64,
    finished: f64,
    /// Whether its wait needs no counting any more, and whether its duration.
    waited: bool,
    ended: bool,
}

/// What was counted of a pool.
#[derive(Debug)]
struct PoolJobs {
    /// The poll that read its agents last.
    read: u32,
    /// Whether any job was seen.
    has_jobs: bool,
    wait: Arc<Histogram>,
    durations: [Arc<Histogram>; Jobs::RESULTS.len()],
}

impl AgentFacts {
    /// Notes an agent.
    pub fn agent(&mut self, id: i64, ready: bool) {
        self.ready.0.push((id, ready));
    }

    /// The same once all agents are there.
    pub fn sorted(mut self) -> AgentFacts {
        self.ready.0.sort_unstable();
        self.ready.0.shrink_to_fit();
        self
    }
}

impl ReadyAgents {
    /// Whether this agent is online and enabled; `None` where it is not listed.
    pub fn of(&self, id: i64) -> Option<bool> {
        let at = self.0.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.0[at].1)
    }
}

impl ShownJob {
    /// A request as an agent shows it; `last`: as the last one that it had. `None` for one without an id.
    pub fn of(request: &JobRequest<'_>, last: bool, warnings: &Warnings) -> Option<ShownJob> {
        let id = request.request_id.get(warnings, "requestId")?;
        let seconds = |moment: super::super::lenient::Timestamp| moment.as_secs_f64();
        let received = request.receive_time.get(warnings, "receiveTime").map(seconds);
        let finished = request.finish_time.ok().map(seconds);
        let has_ended = last || request.finish_time != Field::Missing || request.result != Field::Missing;
        let result = match &request.result {
            Field::Value(wire) => states::result(wire),
            Field::Missing | Field::Bad => None,
        };
        let result = result.and_then(|name| RESULTS.iter().position(|known| *known == name)).unwrap_or(RESULTS.len());
        Some(ShownJob {
            id,
            queued: request.queue_time.get(warnings, "queueTime").map(seconds),
            taken: received.or(request.assign_time.ok().map(seconds)),
            ended: has_ended.then_some((finished, result as u8)),
        })
    }
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs {
            polls: 0,
            known: HashMap::default(),
            pools: HashMap::new(),
            forgotten: (f64::NEG_INFINITY, f64::NEG_INFINITY),
            look_at: MIN_UNSEEN,
        }
    }
}

impl Jobs {
    /// The results of jobs, as labels.
    pub const RESULTS: [&'static str; RESULTS.len() + 1] = {
        let mut results = [OTHER; RESULTS.len() + 1];
        let mut at = 0;
        while at < RESULTS.len() {
            results[at] = RESULTS[at];
            at += 1;
        }
        results
    };

    /// A poll begins to tell what it has read. The pools are those that there are; those that are gone are not told any more.
    pub fn begin(&mut self, is_there: impl Fn(i64) -> bool) {
        self.polls = self.polls.wrapping_add(1);
        self.pools.retain(|pool, _| is_there(*pool));
    }

    /// Counts what the agents of a pool show that is new.
    pub fn note(&mut self, pool: i64, shown: &[ShownJob], warnings: &Warnings) {
        let is_first = !self.pools.contains_key(&pool);
        let counted = self.pools.entry(pool).or_insert_with(PoolJobs::new);
        counted.read = self.polls;
        for job in shown {
            counted.has_jobs = true;
            let known = match self.known.entry(job.id) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(place) => {
                    let later = |moment: Option<f64>, than: f64| moment.is_some_and(|moment| moment > than);
                    let (has_ended, finished) = (job.ended.is_some(), job.ended.and_then(|(finished, _)| finished));
                    let (taken_by, finished_by) = self.forgotten;
                    place.insert(KnownJob {
                        pool,
                        seen: self.polls,
                        taken: f64::NEG_INFINITY,
                        finished: f64::NEG_INFINITY,
                        waited: is_first || (job.taken.is_some() && !later(job.taken, taken_by)),
                        ended: has_ended && (is_first || (finished.is_some() && !later(finished, finished_by))),
                    })
                }
            };
            (known.pool, known.seen) = (pool, self.polls);
            known.taken = job.taken.unwrap_or(known.taken);
            if let Some(taken) = job.taken.filter(|_| !known.waited) {
                known.waited = true;
                if let Some(wait) = span(job.queued, taken, "wait", job.id, warnings) {
                    Arc::make_mut(&mut counted.wait).observe(wait);
                }
            }
            let Some((finished, result)) = job.ended.filter(|_| !known.ended) else { continue };
            known.ended = true;
            known.finished = finished.unwrap_or(known.finished);
            if let Some(finished) = finished
                && let Some(duration) = span(job.taken, finished, "duration", job.id, warnings)
            {
                Arc::make_mut(&mut counted.durations[usize::from(result)]).observe(duration);
            }
        }
    }

    /// A poll has told everything. Forgets ids that no agent shows any more, where there are too many.
    pub fn end(&mut self) {
        if self.known.len() <= self.look_at {
            return;
        }
        let pools = &self.pools;
        let is_shown = |job: &KnownJob| pools.get(&job.pool).is_some_and(|pool| pool.read == job.seen);
        let mut unseen: Vec<u32> = self.known.values().filter(|job| !is_shown(job)).map(|job| job.seen).collect();
        let most = MIN_UNSEEN.max(2 * (self.known.len() - unseen.len()));
        if unseen.len() > most {
            let at = unseen.len() - most;
            let (_, oldest, _) = unseen.select_nth_unstable(at);
            let oldest = *oldest;
            let (taken_by, finished_by) = &mut self.forgotten;
            self.known.retain(|_, job| {
                if is_shown(job) || job.seen >= oldest {
                    return true;
                }
                (*taken_by, *finished_by) = (taken_by.max(job.taken), finished_by.max(job.finished));
                false
            });
        }
        self.look_at = self.known.len() + MIN_UNSEEN / 4;
    }

    /// Sets the histograms of a pool, where its agents were read since the start. Those of durations are there once a job was
    /// seen, of every result, so that the first one of a rare result shows as an increase.
    pub fn set(&self, part: &mut Part, pool: PoolRef, id: i64) {
        let Some(counted) = self.pools.get(&id) else { return };
        part.set_histogram(&POOL_JOB_WAIT, pool, &[], Arc::clone(&counted.wait));
        for (result, durations) in Jobs::RESULTS.iter().zip(&counted.durations).filter(|_| counted.has_jobs) {
            part.set_histogram(&POOL_JOB_DURATION, pool, &[result], Arc::clone(durations));
        }
    }

    /// How many ids are known.
    #[cfg(test)]
    pub fn known(&self) -> usize {
        self.known.len()
    }
}

impl PoolJobs {
    fn new() -> PoolJobs {
        let durations = Arc::new(Histogram::new(&DURATION_BUCKETS));
        PoolJobs {
            read: 0,
            has_jobs: false,
            wait: Arc::new(Histogram::new(&WAIT_BUCKETS)),
            durations: [(); Jobs::RESULTS.len()].map(|()| Arc::clone(&durations)),
        }
    }
}

/// From one moment to another, in seconds. What cannot be is counted as a warning.
fn span(from: Option<f64>, to: f64, what: &str, id: i64, warnings: &Warnings) -> Option<f64> {
    let span = to - from?;
    if (0.0..=LONGEST).contains(&span) {
        return Some(span);
    }
    warnings.add(Warning::BadValue, || format!("{what} of job {id} is {span:.0} s"));
    None
}
