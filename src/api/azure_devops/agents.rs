//! The agents of a pool: a page of the list in, agents and samples out.

use std::{borrow::Cow, io::Read};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    super::{
        Agent, AgentRef, Id, Part, PoolRef, Warning, Warnings,
        lenient::{self, Field, Object, RowCount, Shape, Timestamp},
        table::OTHER,
    },
    capabilities::PoolCapabilities,
    jobs::{AgentFacts, ShownJob},
    last_jobs::{LastJob, LastJobs},
    pools::{self, PoolRow},
    states::{self, HealthInputs, RESULTS, Status},
};
use crate::{
    catalogue::azure_devops as families,
    config::{Target, target},
    failure::Failure,
};

/// An agent on the wire. Null members are left out; `assignedRequest` is there only while a job is assigned.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentItem<'a> {
    id: Field<i64>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow)]
    version: Field<Cow<'a, str>>,
    #[serde(borrow)]
    os_description: Field<Cow<'a, str>>,
    enabled: Field<bool>,
    #[serde(borrow)]
    status: Field<Cow<'a, str>>,
    #[serde(borrow)]
    provisioning_state: Field<Cow<'a, str>>,
    max_parallelism: Field<f64>,
    created_on: Field<Timestamp>,
    status_changed_on: Field<Timestamp>,
    #[serde(borrow)]
    assigned_request: Object<Box<JobRequest<'a>>>,
    #[serde(borrow)]
    last_completed_request: Object<Box<JobRequest<'a>>>,
    pending_update: Object<IgnoredAny>,
}

/// Boxed: it is several hundred bytes long, and is handed on often.
impl Shape for AgentItem<'_> {
    type Of<'a> = Box<AgentItem<'a>>;
}

/// A job request on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobRequest<'a> {
    /// Its id, which no other job of the organization has.
    pub request_id: Field<i64>,
    /// The pipeline.
    #[serde(borrow)]
    pub definition: Object<Definition<'a>>,
    /// `Build`, `Release`, `Deployment`, `PoolMaintenance`.
    #[serde(borrow)]
    pub plan_type: Field<Cow<'a, str>>,
    /// When it was queued.
    pub queue_time: Field<Timestamp>,
    /// When an agent was assigned.
    pub assign_time: Field<Timestamp>,
    /// When the agent took it.
    pub receive_time: Field<Timestamp>,
    /// When it ended.
    pub finish_time: Field<Timestamp>,
    /// By when the agent must renew its hold on the job.
    pub locked_until: Field<Timestamp>,
    /// How it ended.
    #[serde(borrow)]
    pub result: Field<Cow<'a, str>>,
}

/// A pipeline on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Definition<'a> {
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
}

/// Whether this plan is housekeeping of the pool, which is not work.
pub fn is_maintenance(plan_type: &Field<Cow<'_, str>>) -> bool {
    matches!(plan_type, Field::Value(kind) if kind.trim().eq_ignore_ascii_case("PoolMaintenance"))
}

impl JobRequest<'_> {
    /// Whether it is housekeeping of the pool.
    pub fn is_maintenance(&self) -> bool {
        is_maintenance(&self.plan_type)
    }
}

/// Reads the agents of one pool.
#[derive(Debug, Clone, Copy)]
pub struct AgentDecoder<'a> {
    /// The target, for its overrides.
    pub target: &'a Target,
    /// Its settings.
    pub settings: &'a target::AzureDevOps,
    /// The pool.
    pub pool: &'a PoolRow,
    /// What its agents can do, where that is known.
    pub capabilities: Option<&'a PoolCapabilities>,
    /// Decode warnings.
    pub warnings: &'a Warnings,
    /// The last job of each agent.
    pub last_jobs: &'a LastJobs,
}

/// Adds the pool to an empty part; it is its only one.
pub fn begin(pool: &PoolRow, part: &mut Part) {
    part.pool(&pool.name, pool.on_demand);
    part.declare_states(&families::AGENT_LAST_JOB_RESULT, &RESULTS);
}

impl AgentDecoder<'_> {
    /// Adds the agents of a page, up to one more than `max_agents` and `max_series` have room for, and counts its rows. What
    /// they say beside their samples goes to `facts`.
    pub fn read(
        &self,
        body: impl Read,
        part: &mut Part,
        count: &mut RowCount,
        facts: &mut AgentFacts,
    ) -> Result<(), Failure> {
        let most = self.target.max_agents.min(self.target.max_series / SERIES_OF_AGENT);
        let list = lenient::items::<AgentItem<'_>>(body, "value", |item: Option<Box<AgentItem<'_>>>| {
            if part.agents.len() <= most {
                count.add(item.as_ref().is_some_and(|wire| matches!(wire.id, Field::Value(_))));
                self.add(item, part, facts);
            }
        })?;
        count.announce(list);
        pools::check(list, self.warnings, "agents")
    }

    fn add(&self, item: Option<Box<AgentItem<'_>>>, part: &mut Part, facts: &mut AgentFacts) {
        let Some((wire, id)) = item.and_then(|wire| wire.id.ok().map(|id| (wire, id))) else {
            let pool = self.pool.id;
            self.warnings.add(Warning::BadItem, || format!("agent of pool {pool} without a readable id"));
            return;
        };
        let name = wire.name.get(self.warnings, "agent name").unwrap_or_else(|| Cow::Owned(id.to_string()));
        let status_text = wire.status.get(self.warnings, "agent status").unwrap_or_default();
        let status = states::status(&status_text);
        if status == Status::Unknown {
            self.unknown("agent status", &status_text);
        }
        let provisioning_text = wire.provisioning_state.get(self.warnings, "provisioningState").unwrap_or_default();
        let provisioning = states::provisioning(&provisioning_text);
        let provisioning_label = match provisioning {
            Some(row) => states::PROVISIONING[row].0,
            None if provisioning_text.is_empty() => "",
            None => {
                self.unknown("provisioningState", &provisioning_text);
                OTHER
            }
        };
        let job = wire.assigned_request.0.get(self.warnings, "assignedRequest").filter(|job| !job.is_maintenance());
        let inputs = HealthInputs {
            // Nullable in the vendor's SDK.
            enabled: wire.enabled.get(self.warnings, "agent enabled").unwrap_or(true),
            status,
            provisioning,
            offline_by_design: self.settings.offline_by_design.matches(&name),
            pool_comes_and_goes: self.pool.on_demand || self.pool.hosted,
            update_pending: wire.pending_update.0.get(self.warnings, "pendingUpdate").is_some(),
            busy: job.is_some(),
        };
        let state = state(&status_text, &provisioning_text);
        let health = states::health(&inputs);
        let health = self.target.health(&self.pool.name, &[&*state, &*status_text, &*provisioning_text], health);
        let state = part.state(&state);
        let agent = Agent { pool: PoolRef(0), name: name.into(), id: Id::Number(id), health: Some(health), state };
        let Some(agent) = part.agent(agent) else {
            let pool = self.pool.id;
            self.warnings.add(Warning::BadItem, || format!("agent {id} of pool {pool} comes twice"));
            return;
        };

        facts.agent(id, status == Status::Online && inputs.enabled);
        if let Some(capabilities) = self.capabilities {
            capabilities.set(part, agent, id, &self.settings.capabilities);
        }
        match status {
            Status::Online => part.set(&families::AGENT_ONLINE, agent, &[], 1.0),
            Status::Offline => part.set(&families::AGENT_ONLINE, agent, &[], 0.0),
            Status::Unknown => {}
        }
        part.set(&families::AGENT_ENABLED, agent, &[], f64::from(inputs.enabled));
        part.set(&families::AGENT_BUSY, agent, &[], f64::from(inputs.busy));
        let version = wire.version.get(self.warnings, "agent version").unwrap_or_default();
        let os = wire.os_description.get(self.warnings, "agent osDescription").unwrap_or_default();
        part.set(&families::AGENT_INFO, agent, &[&id.to_string(), &version, &os, provisioning_label], 1.0);
        let parallelism = wire.max_parallelism.get(self.warnings, "agent maxParallelism");
        part.set_some(&families::AGENT_MAX_PARALLELISM, agent, &[], parallelism);
        self.moment(part, &families::AGENT_CREATED, agent, wire.created_on, "agent createdOn");
        self.moment(part, &families::AGENT_STATUS_CHANGED, agent, wire.status_changed_on, "agent statusChangedOn");
        part.set(&families::AGENT_UPDATE_PENDING, agent, &[], f64::from(inputs.update_pending));
        if let Some(job) = job {
            facts.jobs.extend(ShownJob::of(&job, false, self.warnings));
            if self.settings.job_names {
                let definition = job.definition.0.get(self.warnings, "definition");
                let definition =
                    definition.and_then(|definition| definition.name.get(self.warnings, "definition name"));
                let plan_type = job.plan_type.get(self.warnings, "planType").unwrap_or_default();
                let labels = [&*definition.unwrap_or_default(), plan_type.trim()];
                part.set(&families::AGENT_JOB_INFO, agent, &labels, 1.0);
            }
            self.moment(part, &families::AGENT_JOB_ASSIGNED, agent, job.assign_time, "assignTime");
            self.moment(part, &families::AGENT_JOB_LOCKED_UNTIL, agent, job.locked_until, "lockedUntil");
        }
        if let Some(last) = wire.last_completed_request.0.get(self.warnings, "lastCompletedRequest")
            && let Some(job) = self.last_job(id, *last, facts)
        {
            let finished = job.finished.map(Timestamp::as_secs_f64);
            part.set_some(&families::AGENT_LAST_JOB_FINISHED, agent, &[], finished);
            if let Some(result) = job.result {
                part.set(&families::AGENT_LAST_JOB_RESULT, agent, &[result], 1.0);
            }
        }
    }

    /// The last job of an agent whose last request this is.
    fn last_job(&self, agent: i64, last: JobRequest<'_>, facts: &mut AgentFacts) -> Option<LastJob> {
        if last.is_maintenance() {
            return self.last_jobs.known(self.pool.id, agent);
        }
        facts.jobs.extend(ShownJob::of(&last, true, self.warnings));
        let finished = last.finish_time.get(self.warnings, "finishTime");
        let result = last.result.get(self.warnings, "result").map(|wire| {
            states::result(&wire).unwrap_or_else(|| {
                self.unknown("job result", &wire);
                OTHER
            })
        });
        let job = LastJob { finished, result };
        self.last_jobs.note(self.pool.id, agent, job);
        Some(job)
    }

    fn moment(
        &self,
        part: &mut Part,
        family: &'static crate::catalogue::Family,
        agent: AgentRef,
        moment: Field<Timestamp>,
        what: &str,
    ) {
        part.set_some(family, agent, &[], moment.get(self.warnings, what).map(Timestamp::as_secs_f64));
    }

    fn unknown(&self, what: &str, wire: &str) {
        self.warnings.add(Warning::UnknownState, || format!("{what} {:?}", lenient::cut(wire, SHORT)));
    }
}

/// Every agent has at least so many series: health, since when, and four of its own.
const SERIES_OF_AGENT: usize = 11;

/// As much of an unknown state is shown.
const SHORT: usize = 64;

/// The state for pages: `online`, `offline, Deallocated`. `Provisioned` is how agents are; it says nothing.
fn state<'a>(status: &'a str, provisioning: &str) -> Cow<'a, str> {
    let status = if status.is_empty() { "unknown" } else { lenient::cut(status, SHORT) };
    if provisioning.is_empty() || provisioning.eq_ignore_ascii_case("Provisioned") {
        status.into()
    } else {
        format!("{status}, {}", lenient::cut(provisioning, SHORT)).into()
    }
}
