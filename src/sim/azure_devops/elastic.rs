//! Scale sets behind elastic pools: `GET _apis/distributedtask/elasticpools`.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/elasticpools/list>

use super::{
    fleet::{Kind, Pool, View},
    moment::SimTime,
    wire::guid,
};
use serde_json::{Value, json};

/// The states of the reference by their numbers.
const STATES: [&str; 4] = ["online", "offline", "unhealthy", "new"];

/// What the service says of a scale set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Elastic {
    /// Its state.
    pub(super) state: &'static str,
    /// Since when it is not online.
    pub(super) offline_since: Option<SimTime>,
    /// Machines that there should be.
    pub(super) desired_size: i64,
    /// Machines at most.
    pub(super) max_capacity: i64,
    /// Machines that stand by.
    pub(super) desired_idle: i64,
    /// Attempts to get to the desired size.
    pub(super) sizing_attempts: i64,
}

impl Elastic {
    /// That of a pool, if it has one.
    pub(super) fn of(pool: &Pool, view: &View) -> Option<Elastic> {
        if pool.kind != Kind::Elastic {
            return None;
        }
        let broken = pool.broken_since(view);
        Some(Elastic {
            state: if broken.is_some() { "unhealthy" } else { "online" },
            offline_since: broken.map(|since| SimTime::new(since, 64)),
            desired_size: pool.slots as i64,
            max_capacity: 2 * pool.slots as i64 + 3,
            desired_idle: 1,
            sizing_attempts: broken.map_or(0, |since| (view.now - since) / 300),
        })
    }

    /// As the service prints it. Whoever spells otherwise tells the state by its number.
    pub(super) fn value(&self, pool: &Pool, view: &View) -> Value {
        let number = STATES.iter().position(|state| *state == self.state).unwrap_or_default();
        json!({
            "poolId": pool.id,
            "serviceEndpointId": guid(pool.id as u64 ^ 0x77),
            "serviceEndpointScope": guid(7),
            "azureId": format!("/subscriptions/{}/resourceGroups/builds/providers/Microsoft.Compute/virtualMachineScaleSets/{}",
                guid(8), pool.prefix),
            "maxCapacity": self.max_capacity,
            "desiredIdle": self.desired_idle,
            "recycleAfterEachUse": false,
            "maxSavedNodeCount": 0,
            "osType": if pool.os.starts_with("Microsoft") { "windows" } else { "linux" },
            "state": if view.other_spelling { json!(number) } else { json!(self.state) },
            // An explicit null while it is online.
            "offlineSince": self.offline_since.map(|moment| view.reported(moment).to_string()),
            "desiredSize": self.desired_size,
            "sizingAttempts": self.sizing_attempts,
            "agentInteractiveUI": false,
            "timeToLiveMinutes": 15,
            "preserveMachinesOnCompletedFailures": false,
        })
    }
}
