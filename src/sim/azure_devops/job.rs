//! Jobs: what an agent runs, what it ran before, and what waits in front of a pool.

use super::{
    agent::Agent,
    fleet::{Kind, Pool, View},
    moment::SimTime,
};

/// One job request.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The vendor's id, an int64.
    pub(super) id: i64,
    /// When it was queued.
    pub(super) queued: SimTime,
    /// When an agent was picked.
    pub(super) assigned: Option<SimTime>,
    /// When the agent took it.
    pub(super) received: Option<SimTime>,
    /// Until when the agent has to renew its lock.
    pub(super) locked_until: Option<SimTime>,
    /// When it ended.
    pub(super) finished: Option<SimTime>,
    /// How it ended.
    pub(super) result: Option<&'static str>,
    /// `Build`, `Release`, `Deployment` or `PoolMaintenance`.
    pub(super) plan: &'static str,
    /// Dice for names and ids.
    pub(super) seed: u64,
    /// The agents that meet its demands, by their place in the pool; `None`: all of them.
    pub(super) matched: Option<[usize; 2]>,
}

impl Job {
    /// The number of its pipeline.
    pub(super) fn pipeline(&self) -> u64 {
        self.seed % 40 + 1
    }

    /// The name of its pipeline.
    pub(super) fn pipeline_name(&self) -> String {
        format!("pipeline-{}", self.pipeline())
    }

    /// The same job when its agent vanished, and its lock ended.
    pub(super) fn abandoned(self, lock: SimTime) -> Job {
        Job { finished: Some(lock.plus(5)), result: Some("abandoned"), ..self }
    }
}

/// So many keys of agents are told apart; behind them come those of queues.
const KEYS: i64 = 1_100_000_000;
const KEY_OF_QUEUE: u64 = 1_050_000_000;

/// How long an agent holds a job before it has to say that it still works on it.
const LOCK: i64 = 600;

/// So many times longer jobs take while they are slow.
const SLOWER: i64 = 6;

/// The job that an agent runs at that second, and the one before. `slow`: since when jobs that begin take longer.
pub(super) fn at(view: &View, key: u64, kind: Kind, second: i64, slow_since: Option<i64>) -> (Option<Job>, Job) {
    let dice = view.dice("azure cycle", key);
    let slow = if kind == Kind::Deployment { 12 } else { 1 };
    // The second agent of a pool begins at the full hour, when the frozen world stands still: its job is not received yet.
    let (cycle, phase) = match key % 1_000_003 {
        1 => (300, 0),
        _ => ((4 + dice % 10) as i64 * 60 * slow, ((dice >> 8) % 3_600) as i64),
    };
    let run_of = |number: i64| {
        let seed = view.dice("azure job", key ^ ((number as u64) << 22));
        let percent = if slow > 1 { 4 } else { 20 + (seed % 60) as i64 };
        (number * cycle + phase, cycle * percent / 100, seed)
    };
    let number = (second - phase).div_euclid(cycle);
    // The round that was under way is the last one of the usual length.
    let last_usual = slow_since.map(|since| (since - phase).div_euclid(cycle)).filter(|last| *last < number);
    let (current, before) = match last_usual {
        None => (run_of(number), run_of(number - 1)),
        Some(last) => {
            let begin = (last + 1) * cycle + phase;
            let slow_run_of = |round: i64| {
                let seed = view.dice("azure slow job", key ^ ((round as u64) << 22));
                (begin + round * cycle * SLOWER, cycle * SLOWER * 97 / 100, seed)
            };
            let round = (second - begin).div_euclid(cycle * SLOWER);
            (slow_run_of(round), if round == 0 { run_of(last) } else { slow_run_of(round - 1) })
        }
    };
    let (start, run, seed) = current;
    let age = second - start;
    if age < run {
        let (start_before, run_before, seed_before) = before;
        (Some(running(key, start, seed, age, kind)), finished(key, start_before, run_before, seed_before, kind))
    } else {
        (None, finished(key, start, run, seed, kind))
    }
}

/// The only job in the life of an agent.
pub(super) fn single(key: u64, start: i64, seed: u64, now: i64) -> Job {
    running(key, start, seed, now - start, Kind::SingleUse)
}

fn running(key: u64, start: i64, seed: u64, age: i64, kind: Kind) -> Job {
    let assigned = SimTime::new(start, seed >> 16);
    Job {
        locked_until: Some(assigned.plus(age / 60 * 60 + LOCK)),
        assigned: Some(assigned),
        received: (age >= 4).then(|| SimTime::new(start + 2, seed >> 24)),
        ..waiting(key, start - ((seed >> 32) % 25) as i64 - 1, seed, kind)
    }
}

fn finished(key: u64, start: i64, run: i64, seed: u64, kind: Kind) -> Job {
    Job {
        finished: Some(SimTime::new(start + run, seed >> 12)),
        result: Some(match seed % 100 {
            0..=81 => "succeeded",
            82..=87 => "succeededWithIssues",
            88..=95 => "failed",
            96 | 97 => "canceled",
            98 => "skipped",
            _ => "abandoned",
        }),
        ..running(key, start, seed, run, kind)
    }
}

/// No two jobs have one id: an agent has no two that were queued within one second, nor has a queue. Ids grow, and are
/// larger than an int32.
fn waiting(key: u64, queued: i64, seed: u64, kind: Kind) -> Job {
    Job {
        id: (queued & 0xffff_ffff) * KEYS + (key % KEYS as u64) as i64,
        queued: SimTime::new(queued, seed >> 40),
        assigned: None,
        received: None,
        locked_until: None,
        finished: None,
        result: None,
        plan: match kind {
            Kind::Deployment => "Deployment",
            _ if seed % 8 == 5 => "Release",
            _ => "Build",
        },
        seed,
        matched: None,
    }
}

impl Pool {
    /// The agents that meet the demands of a job, where not all of them do.
    pub(super) fn matched(&self, view: &View, job: &Job) -> Option<Vec<Agent>> {
        let places = job.matched?.into_iter().filter(|place| *place < self.slots);
        Some(places.filter_map(|place| self.agent(view, place)).collect())
    }

    /// The jobs that wait for an agent. Short in a healthy fleet: what comes is taken within a minute or two.
    pub(super) fn queue(&self, view: &View) -> Vec<Job> {
        let mut jobs = self.arriving(view);
        jobs.extend(self.nobody_since(view).map(|since| Job {
            matched: Some([7, 9]),
            ..waiting(KEY_OF_QUEUE + 10_000_000 + self.id as u64, since, view.dice("azure nobody", 0), self.kind)
        }));
        jobs
    }

    /// Of the jobs that wait those that come all the time, oldest first.
    fn arriving(&self, view: &View) -> Vec<Job> {
        let (every, wait, spread) = match self.kind {
            _ if self.slots == 0 => return Vec::new(),
            Kind::Hosted | Kind::Deployment => return Vec::new(),
            Kind::Elastic | Kind::SingleUse | Kind::Provider => (120, 30, 90),
            Kind::Build | Kind::Placeholder => ([60, 90, 120, 180][self.index % 4], 10, 30),
        };
        let offset = (self.index as i64 * 7) % every;
        let newest = (view.now - offset).div_euclid(every);
        let lost = view.offline_since.filter(|_| self.is_first()).or(self.broken_since(view));
        let slow = self.slow_since(view);
        let back = lost.or(slow).map_or(0, |since| ((view.now - since) / every).min(1_000)) + 3;
        (newest - back..=newest)
            .filter_map(|number| {
                let queued = number * every + offset;
                let key = self.id as u64 ^ ((number as u64) << 10);
                let seed = view.dice("azure queue", key);
                // What comes while jobs are slow waits for all that came before.
                let more = slow.map_or(0, |since| (queued - since).max(0) * (SLOWER - 1));
                let taken = queued + wait + (seed % spread) as i64 + more;
                // With the agents gone nothing is taken any more.
                let waits = taken > lost.unwrap_or(view.now);
                let some = matches!(self.kind, Kind::Build | Kind::Placeholder) && seed.is_multiple_of(3);
                let matched = (some && self.slots > 2).then_some([1, 2]);
                waits.then(|| Job { matched, ..waiting(KEY_OF_QUEUE + self.id as u64, queued, seed, self.kind) })
            })
            .collect()
    }

    /// Maintenance of the pool's agents: in the same list, but no work. One is under way and one waits.
    pub(super) fn maintenance(&self, view: &View) -> Vec<Job> {
        if self.kind != Kind::Build || self.slots == 0 || self.index % 3 != 1 {
            return Vec::new();
        }
        let seed = view.dice("azure maintenance", self.id as u64);
        let began = view.now - view.now.rem_euclid(3_600) - 600;
        let key = KEY_OF_QUEUE + 20_000_000 + self.id as u64;
        let under_way = running(key, began, seed, view.now - began, self.kind);
        [under_way, waiting(key, began + 1, seed >> 1, self.kind)]
            .map(|job| Job { plan: "PoolMaintenance", ..job })
            .into()
    }

    /// The requests of the pool with the agent that has each: waiting, maintenance, assigned and running, and finished
    /// ones where they are asked for. Owns what it needs, for a body that is streamed.
    pub(super) fn requests(
        &self,
        view: &View,
        with_finished: bool,
    ) -> impl Iterator<Item = (Job, Option<Agent>)> + Send + use<> {
        let alone = |job| (job, None);
        let waiting = self.queue(view).into_iter().map(alone);
        let maintenance = self.maintenance(view).into_iter().map(alone);
        let taken = self.agents(view).filter_map(|a| a.job.clone().map(|j| (j, Some(a))));
        let finished =
            self.agents(view).filter(move |_| with_finished).filter_map(|a| a.last.clone().map(|j| (j, Some(a))));
        waiting.chain(maintenance).chain(taken).chain(finished)
    }
}
