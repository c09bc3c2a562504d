//! What the management console holds at one moment: the agents of `resilio`, some that have no API of their own, the jobs
//! and their runs, now and before.

use super::{Controls, VENDOR};
use crate::{
    Incident, Quirk, World,
    resilio::{
        Filers,
        fleet::{self, JOBS, Job, Kind, SITES},
    },
};
use serde_json::{Value, json};

/// The agent whose disk is full in [`Incident::DiskFull`].
const FULL: usize = 2;

/// The first of the filers has this id.
const FIRST_AGENT: u64 = 100;

/// The group of every filer; those of the sites have lower ids, from [`FIRST_SITE`] on.
const ALL_FILERS: u64 = 40;
const FIRST_SITE: u64 = 21;
const LAPTOPS: u64 = 30;

/// Jobs that have ended, and the runs of each; there are as many as a tenth of the filers, one at the least.
const FIRST_PAST_JOB: u64 = 1_000;
const RUNS_OF_PAST_JOB: u64 = 5;

/// The newest runs of the jobs of now have these ids and every tenth that follows.
const FIRST_RUN: u64 = 1_000_000;

/// Which list an agent is in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Standing {
    Approved,
    Pending,
    Declined,
}

/// An agent.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) device_id: String,
    pub(super) standing: Standing,
    /// `None`: a word that is neither true nor false.
    pub(super) online: Option<bool>,
    pub(super) last_seen: u64,
    pub(super) os: &'static str,
    pub(super) errors: Vec<Value>,
    pub(super) tags: Vec<(&'static str, String)>,
    /// Ids, not in their order.
    pub(super) groups: Vec<u64>,
}

/// A job.
#[derive(Debug, Clone)]
pub(super) struct ConsoleJob {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) schedule: &'static str,
    pub(super) last_start: u64,
    pub(super) errors: Vec<Value>,
}

/// A run.
#[derive(Debug, Clone)]
pub(super) struct ConsoleRun {
    pub(super) id: u64,
    pub(super) job_id: u64,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) active: bool,
    pub(super) size_total: u64,
    pub(super) size_completed: u64,
    pub(super) files_total: u64,
    pub(super) agents_total: u64,
    pub(super) down_speed: u64,
    pub(super) errors: Vec<Value>,
}

/// Which run it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RunKey {
    /// Of a job that has ended, counted over all of them.
    Past(u64),
    /// The one before the newest, of a job of now.
    Before(usize),
    /// The newest.
    Newest(usize),
}

impl RunKey {
    pub(super) fn job_id(self) -> u64 {
        match self {
            RunKey::Past(number) => FIRST_PAST_JOB + number / RUNS_OF_PAST_JOB,
            RunKey::Before(index) | RunKey::Newest(index) => JOBS[index].id,
        }
    }

    pub(super) fn id(self) -> u64 {
        match self {
            RunKey::Past(number) => 1 + number,
            RunKey::Before(index) => FIRST_RUN + 10 * index as u64 - 1,
            RunKey::Newest(index) => FIRST_RUN + 10 * index as u64,
        }
    }
}

/// A run on one agent.
#[derive(Debug, Clone)]
pub(super) struct AgentRun {
    pub(super) agent_id: u64,
    pub(super) run: fleet::Run,
}

/// Everything that the console tells is made from this.
pub(super) struct View<'a> {
    pub(super) world: &'a World,
    pub(super) filers: &'a Filers,
    pub(super) controls: &'a Controls,
    pub(super) clients: usize,
}

/// An error as the console tells it.
pub(super) fn error(code: u32) -> Value {
    let message = match code {
        10_200 => "Not enough free space on disk",
        10_300 => "Time difference between the agent and the server is too big",
        _ => "Error",
    };
    json!({ "code": code, "message": message, "description": "" })
}

impl View<'_> {
    /// Every agent, whichever list it is in: filers first.
    pub(super) fn agents(&self) -> Vec<Agent> {
        let filers = (0..self.clients).map(|index| self.filer(index));
        filers.chain(self.others()).collect()
    }

    fn filer(&self, index: usize) -> Agent {
        let client = fleet::client(self.world, self.filers, index);
        let standing = match client.state.as_str() {
            "PENDING_APPROVAL" => Standing::Pending,
            "DECLINED" => Standing::Declined,
            _ => Standing::Approved,
        };
        let is_gone = matches!(client.state.as_str(), "NOT_CONNECTED" | "STOPPED" | "NOT_CONFIGURED" | "CONNECTING");
        // The last connect; what has left without that, left when it saw the console last.
        let now = self.world.now().as_secs();
        let since = fleet::since_reconnect(self.world, index);
        let connected = now - since + if since >= 20 { 20 } else { 0 };
        let last_seen = match client.state.as_str() {
            "CONNECTING" => self.reported(now - since),
            _ if is_gone => client.last_seen,
            _ => self.reported(connected),
        };
        let mut errors: Vec<Value> =
            self.controls.agent_errors.get(&index).into_iter().flatten().copied().map(error).collect();
        if index == FULL && self.world.since(Incident::DiskFull).is_some() {
            errors.push(error(10_200));
        }
        let site = fleet::site(index);
        let unapproved = standing != Standing::Approved;
        Agent {
            id: FIRST_AGENT + index as u64,
            name: fleet::name(self.world, VENDOR, index),
            device_id: client.device_id,
            standing,
            online: (index != 0 || !self.world.quirk(VENDOR, Quirk::UnknownState)).then_some(!is_gone),
            last_seen,
            os: if index % 4 == 3 { "linux" } else { "win64" },
            errors,
            tags: client.tags.to_vec(),
            groups: if unapproved { Vec::new() } else { vec![ALL_FILERS, FIRST_SITE + site as u64] },
        }
    }

    /// A laptop that is off, an agent that waits for approval, and one that was declined.
    fn others(&self) -> [Agent; 3] {
        let morning = self.world.now().as_secs() / 86_400 * 86_400;
        let other = |id: u64, name: &str, standing, online, os, groups: &[u64]| Agent {
            id,
            name: name.to_owned(),
            device_id: format!("EB{:016X}JA", self.world.dice("device", id)),
            standing,
            online: Some(online),
            last_seen: self.reported(morning - 7_200),
            os,
            errors: Vec::new(),
            tags: Vec::new(),
            groups: groups.to_vec(),
        };
        [
            other(900_001, "LAPTOP-03", Standing::Approved, false, "mac", &[LAPTOPS]),
            other(900_002, "FILER-NEW", Standing::Pending, true, "win64", &[]),
            other(900_003, "KIOSK-9", Standing::Declined, false, "win32", &[]),
        ]
    }

    fn reported(&self, moment: u64) -> u64 {
        self.world.real(moment as f64) as u64
    }

    /// Ids and names of the groups, not in their order.
    pub(super) fn groups(&self) -> Vec<(u64, String)> {
        let sites = (0..SITES.len()).rev().map(|site| (FIRST_SITE + site as u64, SITES[site].to_owned()));
        [(ALL_FILERS, "all-filers".to_owned()), (LAPTOPS, "laptops".to_owned())].into_iter().chain(sites).collect()
    }

    fn past_jobs(&self) -> u64 {
        (self.clients as u64 / 10).max(1)
    }

    /// The jobs of now, then those that have ended.
    pub(super) fn jobs(&self) -> Vec<ConsoleJob> {
        let now = self.world.now().as_secs();
        let current = JOBS.iter().map(|job| {
            let (kind, schedule, started) = match job.kind {
                Kind::Folder => ("sync", "manually", now / 86_400 * 86_400 - 30 * 86_400),
                Kind::Transfer => ("distribution", "hourly", now / 14_400 * 14_400),
                Kind::Script => ("script", "hourly", now / 3_600 * 3_600),
            };
            let errors = self.controls.job_errors.get(&job.id).into_iter().flatten().copied().map(error).collect();
            ConsoleJob {
                id: job.id,
                name: job.name.to_owned(),
                kind,
                schedule,
                last_start: self.reported(started),
                errors,
            }
        });
        let past = (0..self.past_jobs()).map(|index| ConsoleJob {
            id: FIRST_PAST_JOB + index,
            name: past_name(index),
            kind: "consolidation",
            schedule: "once",
            last_start: self.reported(now / 86_400 * 86_400 - 3 * 86_400),
            errors: Vec::new(),
        });
        current.chain(past).collect()
    }

    /// Every run, the oldest first.
    pub(super) fn runs(&self) -> Vec<ConsoleRun> {
        self.run_keys().into_iter().map(|key| self.run(key)).collect()
    }

    /// Which runs there are, the oldest first. Those of now depend on every agent that has them: only what is asked for is made.
    pub(super) fn run_keys(&self) -> Vec<RunKey> {
        let past = (0..self.past_jobs() * RUNS_OF_PAST_JOB).map(RunKey::Past);
        past.chain((0..JOBS.len()).flat_map(|job| [RunKey::Before(job), RunKey::Newest(job)])).collect()
    }

    /// A run.
    pub(super) fn run(&self, key: RunKey) -> ConsoleRun {
        match key {
            RunKey::Past(number) => {
                let index = number / RUNS_OF_PAST_JOB;
                let size = 4_000_000_000 + self.world.dice("past", index) % 1_000_000_000;
                ConsoleRun {
                    id: 1 + number,
                    job_id: key.job_id(),
                    name: past_name(index),
                    status: "finished".to_owned(),
                    active: false,
                    size_total: size,
                    size_completed: size * 2,
                    files_total: 1_000,
                    agents_total: 3,
                    down_speed: 0,
                    errors: Vec::new(),
                }
            }
            RunKey::Newest(index) => self.newest(index, &JOBS[index]),
            // It was aborted, and nobody may take it for the present one.
            RunKey::Before(index) => {
                let newest = self.newest(index, &JOBS[index]);
                ConsoleRun {
                    id: newest.id - 1,
                    status: "aborted".to_owned(),
                    active: false,
                    size_completed: newest.size_completed / 2,
                    down_speed: 0,
                    errors: vec![error(10_008)],
                    ..newest
                }
            }
        }
    }

    fn newest(&self, index: usize, job: &'static Job) -> ConsoleRun {
        let on: Vec<fleet::Run> = self.run_on_agents(index, job).into_iter().map(|on| on.run).collect();
        let is_busy = |run: &&fleet::Run| {
            !matches!(run.status.as_str(), "synced" | "seeding" | "successfully finished" | "paused")
        };
        let busy = on.iter().filter(is_busy).count();
        let natural = match busy {
            0 if !on.is_empty() && on.iter().all(|run| run.status == "paused") => "paused",
            0 => "finished",
            _ => "working",
        };
        let mut errors: Vec<Value> = on.iter().flat_map(|run| listed(&run.errors)).collect();
        errors.extend(self.controls.run_errors.get(&job.id).into_iter().flatten().copied().map(error));
        ConsoleRun {
            id: FIRST_RUN + 10 * index as u64,
            job_id: job.id,
            name: job.name.to_owned(),
            status: self.controls.run_statuses.get(&job.id).map_or(natural, String::as_str).to_owned(),
            active: job.kind == Kind::Folder || busy > 0,
            size_total: on.iter().map(|run| run.size_total).max().unwrap_or_default(),
            // One agent is the source.
            size_completed: on.iter().skip(1).map(|run| run.size_completed).sum(),
            files_total: on.iter().map(|run| run.files_total).max().unwrap_or_default(),
            agents_total: on.len() as u64,
            down_speed: on.iter().map(|run| run.down).sum(),
            errors,
        }
    }

    /// The run of this id on each agent that has it; `None` where there is no such run. Those of the past are forgotten.
    pub(super) fn run_agents(&self, run_id: u64) -> Option<Vec<AgentRun>> {
        match self.run_keys().into_iter().find(|key| key.id() == run_id)? {
            RunKey::Newest(index) => Some(self.run_on_agents(index, &JOBS[index])),
            RunKey::Past(_) | RunKey::Before(_) => Some(Vec::new()),
        }
    }

    fn run_on_agents(&self, index: usize, job: &'static Job) -> Vec<AgentRun> {
        let clients: Vec<usize> = (0..self.clients).filter(|client| fleet::has(*client, index)).collect();
        let sharing = clients.len() as u64;
        let on = |client: usize| AgentRun {
            agent_id: FIRST_AGENT + client as u64,
            run: fleet::newest(self.world, self.filers, client, index, job, sharing),
        };
        clients.into_iter().map(on).collect()
    }
}

fn past_name(index: u64) -> String {
    format!("collect-{index:03}")
}

/// The errors of an agent's run, one by one.
fn listed(errors: &Value) -> Vec<Value> {
    match errors {
        Value::Array(errors) => errors.clone(),
        Value::Object(_) => vec![errors.clone()],
        _ => Vec::new(),
    }
}
