//! The pools of the organisation, and the view of the world that one answer is made from.

use super::{
    super::{Incident, Quirk, World},
    moment::SimTime,
};
use std::sync::Arc;

/// How the agents of a pool live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Self-hosted agents that are always there.
    Build,
    /// As `Build`, and the first agent is the placeholder of an autoscaler, offline by design.
    Placeholder,
    /// A scale set: agents are provisioned, deallocated, and gone for a while.
    Elastic,
    /// An agent lives for one job; the first is the template of an autoscaler, offline by design.
    SingleUse,
    /// A pool provider that starts and stops agents, without the options that say so.
    Provider,
    /// A deployment pool.
    Deployment,
    /// Microsoft-hosted: every agent offline and deallocated, while the pool is well.
    Hosted,
}

/// One pool.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    /// Position among the self-hosted pools; the dice and the agents' ids follow it.
    pub(super) index: usize,
    /// The vendor's id.
    pub(super) id: i64,
    /// Name.
    pub(super) name: String,
    /// What its agents' names begin with.
    pub(super) prefix: String,
    /// How its agents live.
    pub(super) kind: Kind,
    /// The agents' operating system.
    pub(super) os: &'static str,
    /// Agents at most; in an elastic pool some are absent.
    pub(super) slots: usize,
}

const LINUX: &str = "Linux 6.8.0-1021-azure #25-Ubuntu SMP Wed Jan 15 20:45:09 UTC 2025";
const WINDOWS: &str = "Microsoft Windows 10.0.20348";
const MACOS: &str = "Darwin 24.1.0 Darwin Kernel Version 24.1.0";

/// Name, prefix of the agents, kind, operating system and weight of the self-hosted pools.
const POOLS: [(&str, &str, Kind, &str, usize); 12] = [
    ("linux-build", "lnx-build", Kind::Build, LINUX, 5),
    ("windows-build", "win-build", Kind::Build, WINDOWS, 4),
    ("linux-scale-set", "lnx-vmss", Kind::Elastic, LINUX, 3),
    ("production-web", "web", Kind::Deployment, WINDOWS, 2),
    ("k8s-runners", "k8s-runner", Kind::SingleUse, LINUX, 2),
    ("macos-build", "mac-build", Kind::Build, MACOS, 2),
    ("cloud-burst", "burst", Kind::Provider, LINUX, 3),
    ("container-build", "ctr-build", Kind::Placeholder, LINUX, 2),
    ("android-build", "droid", Kind::Build, LINUX, 2),
    ("database-deploy", "db", Kind::Deployment, LINUX, 1),
    ("windows-scale-set", "win-vmss", Kind::Elastic, WINDOWS, 2),
    ("gpu-tests", "gpu", Kind::Build, LINUX, 2),
];

/// Pools beyond the named ones have this weight.
const FURTHER_WEIGHT: usize = 3;

/// What a real organisation has at most in one pool before answers take minutes.
const MAX_POOL: usize = 25_000;

/// The Microsoft-hosted pools: id, name, agents.
const HOSTED: [(i64, &str, usize); 2] = [(4, "Hosted VS2017", 2), (9, "Azure Pipelines", 24)];

/// Everything that one answer depends on, read once: an answer that is streamed for seconds stays of one piece.
#[derive(Debug, Clone)]
pub(super) struct View {
    world: Arc<World>,
    /// Whole seconds since the Unix epoch.
    pub(super) now: i64,
    /// The same at the start of the world.
    pub(super) epoch: i64,
    /// When the build pool went offline.
    pub(super) offline_since: Option<i64>,
    /// When the builds of one pool became slow.
    pub(super) slow_since: Option<i64>,
    /// When the scale set broke.
    pub(super) broken_since: Option<i64>,
    /// When the job was queued that nobody can take.
    pub(super) nobody_since: Option<i64>,
    /// For how long the patch night has gone on.
    pub(super) patching: Option<i64>,
    /// Optional fields are missing.
    pub(super) old_server: bool,
    /// Everything is spelt otherwise.
    pub(super) other_spelling: bool,
}

impl View {
    /// The world as it is now.
    pub(super) fn new(world: &Arc<World>) -> View {
        let now = world.now().as_secs() as i64;
        let since = |incident| world.since(incident).map(|d| d.as_secs() as i64);
        View {
            now,
            epoch: (world.now().saturating_sub(world.elapsed())).as_secs() as i64,
            offline_since: since(Incident::BuildPoolOffline).map(|s| now - s),
            slow_since: since(Incident::SlowBuilds).map(|s| now - s),
            broken_since: since(Incident::ScaleSetBroken).map(|s| now - s),
            nobody_since: since(Incident::JobNobodyCanTake).map(|s| now - s),
            patching: since(Incident::PatchNight),
            old_server: world.quirk(super::VENDOR, Quirk::OldServer),
            other_spelling: world.quirk(super::VENDOR, Quirk::OtherSpelling),
            world: Arc::clone(world),
        }
    }

    /// The dice of the world.
    pub(super) fn dice(&self, name: &str, index: u64) -> u64 {
        self.world.dice(name, index)
    }

    /// A moment as answers tell it.
    pub(super) fn reported(&self, moment: SimTime) -> SimTime {
        SimTime::at(self.world.real(moment.seconds()))
    }

    /// Whether the quirk is on and this is the agent that it is about.
    pub(super) fn quirk(&self, quirk: Quirk, pool: &Pool, index: usize) -> bool {
        let at = match quirk {
            Quirk::UnknownState => 0,
            Quirk::DuplicateName => 1,
            Quirk::NastyName => 2,
            Quirk::LongName => 3,
            _ => index,
        };
        pool.is_first() && index == at && self.world.quirk(super::VENDOR, quirk)
    }

    /// Every pool: the empty default pool, the hosted ones, the self-hosted ones.
    pub(super) fn pools(&self) -> Vec<Pool> {
        let hosted = HOSTED.iter().map(|(id, name, slots)| Pool {
            index: usize::MAX,
            id: *id,
            name: (*name).to_owned(),
            prefix: "Hosted Agent".to_owned(),
            kind: Kind::Hosted,
            os: LINUX,
            slots: *slots,
        });
        let default = Pool {
            index: usize::MAX,
            id: 1,
            name: "Default".to_owned(),
            prefix: "default".to_owned(),
            kind: Kind::Build,
            os: WINDOWS,
            slots: 0,
        };
        std::iter::once(default).chain(hosted).chain(self_hosted(self.world.share(super::VENDOR))).collect()
    }
}

impl Pool {
    /// The pool that quirks are about, and that the incident takes offline.
    pub(super) fn is_first(&self) -> bool {
        self.index == 0
    }

    /// Since when its jobs take so long.
    pub(super) fn slow_since(&self, view: &View) -> Option<i64> {
        view.slow_since.filter(|_| self.is_first())
    }

    /// Since when its scale set is broken: that of the first elastic pool.
    pub(super) fn broken_since(&self, view: &View) -> Option<i64> {
        view.broken_since.filter(|_| self.index == 2)
    }

    /// Since when a job waits for it that nobody can take: for the second pool, where agents are disabled.
    pub(super) fn nobody_since(&self, view: &View) -> Option<i64> {
        view.nobody_since.filter(|_| self.index == 1)
    }

    /// Managed by the service.
    pub(super) fn hosted(&self) -> bool {
        self.kind == Kind::Hosted
    }

    /// The `poolType`.
    pub(super) fn pool_type(&self) -> &'static str {
        match self.kind {
            Kind::Deployment => "deployment",
            _ => "automation",
        }
    }

    /// The `options`: one string, in .NET's way of printing flags.
    pub(super) fn options(&self) -> &'static str {
        match self.kind {
            Kind::Elastic => "elasticPool, singleUseAgents",
            Kind::SingleUse => "singleUseAgents",
            _ => "none",
        }
    }
}

/// Shares the agents out over 4 to 12 pools, more where a pool would become too large.
fn self_hosted(agents: usize) -> Vec<Pool> {
    let weight = |i: usize| POOLS.get(i).map_or(FURTHER_WEIGHT, |p| p.4);
    let mut pools = (agents / 8).clamp(4, POOLS.len());
    let mut total: usize = (0..pools).map(weight).sum();
    while agents * weight(0) / total + pools > MAX_POOL {
        total += weight(pools);
        pools += 1;
    }
    let share = |i: usize| agents * weight(i) / total;
    let rest = agents - (0..pools).map(share).sum::<usize>();
    (0..pools)
        .map(|index| {
            let named = POOLS.get(index);
            Pool {
                index,
                id: 10 + index as i64,
                name: named.map_or_else(|| format!("build-{index:02}"), |p| p.0.to_owned()),
                prefix: named.map_or_else(|| format!("agent-{index:02}"), |p| p.1.to_owned()),
                kind: named.map_or(Kind::Build, |p| p.2),
                os: named.map_or(LINUX, |p| p.3),
                slots: share(index) + if index == 0 { rest } else { 0 },
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_has_a_pool_and_no_pool_is_too_large() {
        for agents in [8, 80, 81, 400, 40_000, 400_000, 2_000_000] {
            let pools = self_hosted(agents);
            assert_eq!(pools.iter().map(|p| p.slots).sum::<usize>(), agents);
            assert!(pools.len() >= 4);
            assert!(pools.len() <= 12 || agents > 100_000);
            assert!(pools.iter().all(|p| p.slots <= MAX_POOL), "{agents}");
            assert!(pools[0].slots >= 4, "the quirks need four agents");
        }
    }
}
