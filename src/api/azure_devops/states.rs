//! The tables of states: status, provisioning state and results of jobs, and what they mean for an agent's health.

use crate::{api::table, health::Health};

/// Statuses of an agent.
///
/// <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/agents/list#taskagentstatus>
pub const STATUSES: [(&str, Status); 2] = [("online", Status::Online), ("offline", Status::Offline)];

/// Provisioning states and the health of an agent that is offline in them. The vendor's page calls them free text; these
/// are the constants of its SDK.
pub const PROVISIONING: [(&str, Health); 5] = [
    ("Deallocated", Health::Disabled),
    ("Provisioning", Health::Transitional),
    ("Provisioned", Health::Failed),
    ("Deprovisioning", Health::Transitional),
    ("RunningRequest", Health::Failed),
];

/// Results of a job. They are the job's, rarely the agent's fault, so none of them changes an agent's health.
pub const RESULTS: [&str; 6] = ["succeeded", "succeededWithIssues", "failed", "canceled", "skipped", "abandoned"];

/// States of a scale set, in the order of their numbers.
///
/// <https://learn.microsoft.com/javascript/api/azure-devops-extension-api/elasticpoolstate>
pub const ELASTIC: [&str; 4] = ["online", "offline", "unhealthy", "new"];

/// Whether the service hears from the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Online,
    /// It does not.
    Offline,
    /// It says something new, or nothing.
    Unknown,
}

/// What the health of an agent depends on.
#[derive(Debug, Clone, Copy)]
pub struct HealthInputs {
    /// Whether it may take jobs.
    pub enabled: bool,
    /// Whether the service hears from it.
    pub status: Status,
    /// Row of [`PROVISIONING`]; `None`: none is told, as by old servers, or an unknown one.
    pub provisioning: Option<usize>,
    /// Its name is configured as that of a placeholder.
    pub offline_by_design: bool,
    /// Its pool is on demand or hosted, so that offline agents are its nature.
    pub pool_comes_and_goes: bool,
    /// An update is pending.
    pub update_pending: bool,
    /// A job is assigned.
    pub busy: bool,
}

/// The class of health, before the configured overrides. The rules and their order stand in section 4, Health, of
/// `deploy/docs/reference.md`.
pub fn health(inputs: &HealthInputs) -> Health {
    let offline = inputs.status == Status::Offline;
    if !inputs.enabled || inputs.offline_by_design || (offline && inputs.pool_comes_and_goes) {
        return Health::Disabled;
    }
    match inputs.status {
        Status::Offline => inputs.provisioning.map_or(Health::Failed, |row| PROVISIONING[row].1),
        Status::Online if inputs.update_pending && !inputs.busy => Health::Transitional,
        Status::Online => Health::Healthy,
        Status::Unknown => Health::Unknown,
    }
}

/// Reads a status, in any case.
pub fn status(wire: &str) -> Status {
    table::find(&STATUSES, wire).map_or(Status::Unknown, |(_, status)| status)
}

/// The row of a provisioning state, in any case.
pub fn provisioning(wire: &str) -> Option<usize> {
    PROVISIONING.iter().position(|(name, _)| name.eq_ignore_ascii_case(wire.trim()))
}

/// The name of a scale set's state: a word in any case, or its number.
pub fn elastic(wire: &str) -> Option<&'static str> {
    let wire = wire.trim();
    let by_name = ELASTIC.into_iter().find(|name| name.eq_ignore_ascii_case(wire));
    by_name.or_else(|| ELASTIC.get(wire.parse::<usize>().ok()?).copied())
}

/// The name of a result, in any case.
pub fn result(wire: &str) -> Option<&'static str> {
    RESULTS.into_iter().find(|name| name.eq_ignore_ascii_case(wire.trim()))
}
