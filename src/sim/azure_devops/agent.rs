//! One agent at one moment: a pure function of the seed, its place and the time.

use super::super::Quirk;
use super::{
    fleet::{Kind, Pool, View},
    job::{Job, at, single},
    moment::SimTime,
};
use serde_json::{Map, Value};

/// One agent as the service would print it; `None` is a member that it leaves out.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    /// The vendor's id, unique in the organisation.
    pub(super) id: i64,
    /// Name.
    pub(super) name: String,
    /// Whether it is to run jobs.
    pub(super) enabled: bool,
    /// `online`, `offline`, or what the quirk made of it.
    pub(super) status: &'static str,
    /// The agent's version.
    pub(super) version: &'static str,
    /// Operating system.
    pub(super) os: Option<&'static str>,
    /// Provisioning state.
    pub(super) provisioning: Option<&'static str>,
    /// When it was made; the service prints the year 1 where it does not know.
    pub(super) created: Option<SimTime>,
    /// Since when it has this status.
    pub(super) status_changed: Option<SimTime>,
    /// How many jobs it takes at once.
    pub(super) parallelism: i64,
    /// The job it runs.
    pub(super) job: Option<Job>,
    /// The job it ran before.
    pub(super) last: Option<Job>,
    /// When an update that is not done yet was asked for.
    pub(super) update: Option<SimTime>,
}

impl Agent {
    /// What the agent found on its machine; every variable of its environment is one.
    pub(super) fn system_capabilities(&self, pool: &Pool) -> Map<String, Value> {
        let mut all = Map::new();
        let mut add = |name: &str, value: &str| all.insert(name.to_owned(), value.into());
        add("Agent.Name", &self.name);
        add("Agent.Version", self.version);
        add("Agent.OS", if pool.os.starts_with("Microsoft") { "Windows_NT" } else { "Linux" });
        add("Agent.ComputerName", &self.name);
        add("PATH", "/usr/local/bin:/usr/bin:/bin");
        add("AWS_SECRET_ACCESS_KEY", "environment-of-an-agent");
        add("Git", "/usr/bin/git");
        if self.id % 3 == 1 {
            add("docker", "/usr/bin/docker");
        }
        all
    }
}

/// Ids: so many for a pool, so many for each generation of short-lived agents; an int32 holds a thousand pools.
const IDS_OF_POOL: i64 = 2_000_000;
const IDS_OF_GENERATION: i64 = 30_000;
const GENERATIONS: i64 = 64;

const DAY: i64 = 86_400;

/// A round of the patch night reboots one twelfth of the agents, for this many seconds.
const PATCH_ROUNDS: i64 = 12;
const PATCH_SECONDS: i64 = 180;

impl Pool {
    /// The agents that exist at the moment, lowest id first but for those that live for one job. Owns what it needs,
    /// for a body that is streamed.
    pub(super) fn agents(&self, view: &View) -> impl Iterator<Item = Agent> + Send + use<> {
        let (pool, view) = (self.clone(), view.clone());
        (0..self.slots).filter_map(move |index| pool.agent(&view, index))
    }

    /// The agent in that slot, if it exists at the moment.
    pub(super) fn agent(&self, view: &View, index: usize) -> Option<Agent> {
        let mut agent = match self.kind {
            Kind::Hosted => self.hosted_agent(view, index),
            Kind::Placeholder | Kind::SingleUse if index == 0 => self.template(view),
            Kind::SingleUse => self.single_use(view, index)?,
            Kind::Elastic | Kind::Provider => self.provided(view, index)?,
            Kind::Build | Kind::Placeholder | Kind::Deployment => self.steady(view, index),
        };
        if view.quirk(Quirk::UnknownState, self, index) {
            agent.status = "hibernating";
        }
        if view.quirk(Quirk::DuplicateName, self, index) {
            agent.name = self.agent_name(0);
        }
        if view.quirk(Quirk::NastyName, self, index) {
            agent.name = "quote \" backslash \\ line\nfeed".to_owned();
        }
        if view.quirk(Quirk::LongName, self, index) {
            // Two-byte characters after an odd prefix: a cut at byte 256 would split one.
            agent.name = format!("long-{}", "ä".repeat(5_000));
        }
        if view.old_server {
            agent.os = None;
            agent.provisioning = None;
            agent.created = None;
            agent.status_changed = None;
        }
        Some(agent)
    }

    pub(super) fn key(&self, index: usize) -> u64 {
        self.id as u64 * 1_000_003 + index as u64
    }

    fn agent_name(&self, index: usize) -> String {
        format!("{}-{:03}", self.prefix, index + 1)
    }

    fn agent_id(&self, index: usize, generation: i64) -> i64 {
        self.index as i64 * IDS_OF_POOL + generation.rem_euclid(GENERATIONS) * IDS_OF_GENERATION + index as i64 + 1
    }

    /// An agent that was made long ago, has been online for days, and is idle.
    fn base(&self, view: &View, index: usize) -> Agent {
        let dice = view.dice("azure agent", self.key(index));
        let made = view.epoch - (40 + (dice % 700) as i64) * DAY;
        let changed = view.epoch - DAY - ((dice >> 12) % (30 * DAY as u64)) as i64;
        Agent {
            id: self.agent_id(index, 0),
            name: self.agent_name(index),
            enabled: true,
            status: "online",
            version: if dice % 7 == 3 { "4.255.0" } else { "4.266.2" },
            os: Some(self.os),
            provisioning: Some("Provisioned"),
            created: Some(SimTime::new(made, dice >> 20)),
            status_changed: Some(SimTime::new(changed, dice >> 28)),
            parallelism: if dice % 9 == 4 { 2 } else { 1 },
            job: None,
            last: None,
            update: None,
        }
    }

    fn hosted_agent(&self, view: &View, index: usize) -> Agent {
        let name = match index {
            0 => self.prefix.clone(),
            _ => format!("{} {}", self.prefix, index + 1),
        };
        Agent {
            // Beyond every self-hosted pool.
            id: i64::from(i32::MAX) - self.id * 1_000 + index as i64,
            name,
            status: "offline",
            os: None,
            provisioning: Some("Deallocated"),
            status_changed: None,
            ..self.base(view, index)
        }
    }

    /// What an autoscaler leaves in the pool so that jobs find their demands: never online.
    fn template(&self, view: &View) -> Agent {
        Agent { name: format!("{}-placeholder", self.prefix), status: "offline", ..self.base(view, 0) }
    }

    fn single_use(&self, view: &View, index: usize) -> Option<Agent> {
        let key = self.key(index);
        let life = 600 + (view.dice("azure life", key) % 5) as i64 * 60;
        let phase = index as i64 * life / self.slots.max(1) as i64;
        let generation = (view.now - phase).div_euclid(life);
        let born = generation * life + phase;
        let dice = view.dice("azure birth", key ^ ((generation as u64) << 24));
        if view.now - born >= life * 4 / 5 {
            return None;
        }
        Some(Agent {
            id: self.agent_id(index, generation),
            name: format!("{}-{:05x}-{index}", self.prefix, dice & 0xf_ffff),
            created: Some(SimTime::new(born, dice)),
            status_changed: Some(SimTime::new(born + 8, dice >> 8)),
            job: (view.now - born >= 30).then(|| single(key, born + 30, dice, view.now)),
            ..self.base(view, index)
        })
    }

    /// An agent that is started and stopped by a scale set or a pool provider.
    fn provided(&self, view: &View, index: usize) -> Option<Agent> {
        let key = self.key(index);
        let dice = view.dice("azure life", key);
        let life = 5_400 + (dice % 4) as i64 * 1_200;
        let phase = index as i64 * life / self.slots.max(1) as i64;
        let age = (view.now - phase).rem_euclid(life);
        let born = view.now - age;
        let (ready, mut stop) = (120, life * 65 / 100);
        if let Some(since) = self.broken_since(view) {
            // Whoever was there is stopped, and nobody is started.
            stop = stop.min((since - born).max(0));
            if born >= since {
                return None;
            }
        }
        let gone = self.kind == Kind::Elastic && age >= life * 85 / 100;
        let base = self.base(view, index);
        let (status, state, since, until) = match age {
            _ if gone => return None,
            a if a < ready => ("offline", "Provisioning", born, born - life + life * 65 / 100),
            a if a < stop => ("online", "Provisioned", born + ready, view.now),
            a if a < stop + 90 => ("offline", "Deprovisioning", born + stop, born + stop),
            _ => ("offline", "Deallocated", born + stop, born + stop),
        };
        let (job, last) = at(view, key, self.kind, until, None);
        let job = job.filter(|_| status == "online");
        let running = job.is_some() && self.kind == Kind::Provider;
        Some(Agent {
            status,
            provisioning: Some(if running { "RunningRequest" } else { state }),
            status_changed: Some(SimTime::new(since, dice >> 8)),
            job,
            last: Some(last),
            ..base
        })
    }

    /// An agent that is always there: works, is disabled by somebody, is updated, is patched, is lost.
    fn steady(&self, view: &View, index: usize) -> Agent {
        let key = self.key(index);
        let dice = view.dice("azure agent", key);
        let mut agent = self.base(view, index);
        let set_aside = index >= 5 && dice.is_multiple_of(50);
        if (self.index == 1 && (index == 7 || index == 9)) || set_aside {
            agent.enabled = false;
            agent.status = if index % 2 == 1 && index != 7 { "offline" } else { "online" };
            agent.last = Some(at(view, key, self.kind, view.epoch - DAY, None).1);
            return agent;
        }
        let lost = view.offline_since.filter(|_| self.is_first());
        let patched = self.patch(view, index);
        let (job, last) = at(view, key, self.kind, lost.unwrap_or(view.now), self.slow_since(view));
        agent.last = Some(last);
        if let Some(lost) = lost {
            agent.status = "offline";
            agent.status_changed = Some(SimTime::new(lost, dice >> 8));
            // The service takes the job away when nobody has renewed the lock in time.
            match job.map(|job| (job.locked_until, job)) {
                Some((Some(end), job)) if SimTime::new(view.now, 0) >= end => agent.last = Some(job.abandoned(end)),
                Some((_, job)) => agent.job = Some(job),
                None => {}
            }
        } else if let Some((second, offline)) = patched {
            // It finishes nothing and begins nothing: the night's script waited for it.
            agent.enabled = false;
            agent.status = if offline { "offline" } else { "online" };
            agent.status_changed = Some(SimTime::new(second, dice >> 8));
        } else {
            agent.job = job;
            agent.update = self.update(view, index);
        }
        agent
    }

    /// While it is this agent's turn in the patch night: since when it has its status, and whether that is offline.
    fn patch(&self, view: &View, index: usize) -> Option<(i64, bool)> {
        let patching = view.patching?;
        let turn = (index + self.index.saturating_mul(5)) as i64 % PATCH_ROUNDS;
        if patching / PATCH_SECONDS % PATCH_ROUNDS != turn {
            return None;
        }
        let step = patching % PATCH_SECONDS;
        let began = view.now - step;
        Some(match step {
            s if s < 60 => (view.epoch - DAY, false),
            s if s < 150 => (began + 60, true),
            _ => (began + 150, false),
        })
    }

    /// One agent in sixteen updates itself for three minutes of every hour; longer, and with a job or two in between it
    /// would seem to flap. So it would in a patch night, whose script keeps it from that.
    fn update(&self, view: &View, index: usize) -> Option<SimTime> {
        if self.kind == Kind::Deployment || index % 16 != 5 || view.patching.is_some() {
            return None;
        }
        let phase = ((index / 16 + self.index) % 12) as i64 * 300;
        let step = (view.now - phase).rem_euclid(3_600);
        (step < 180).then(|| SimTime::new(view.now - step, self.key(index)))
    }
}
