//! What every vendor's agents and pools are told with.

use super::families;

families! {
    AGENT_HEALTH: Gauge Agent "rollcall_agent_health" ["health"] ""
        "Whether the agent is in this class of health (1) or not (0), as last polled; all six classes are always there.";
    AGENT_HEALTH_SINCE: Gauge Agent "rollcall_agent_health_since_timestamp_seconds" [] "seconds"
        "Unix time since when the daemon has seen the agent in its present class of health.";
    POOL_AGENTS: Gauge Pool "rollcall_pool_agents" ["health"] ""
        "Agents of the pool in this class of health, as last polled; all six classes are always there.";
    POOL_LAST_SUCCESS: Gauge Pool "rollcall_pool_last_success_timestamp_seconds" [] "seconds"
        "Unix time at which the whole pool was last read.";
    POOL_MIN_SERVING: Gauge Pool "rollcall_pool_min_serving" [] ""
        "Agents that the configuration expects to be healthy or degraded in this pool at the least; transitional ones do not count. Also of a pool that is expected by its name and is not there.";
    POOL_ON_DEMAND: Gauge Pool "rollcall_pool_on_demand" [] ""
        "Whether the pool is rightly empty while there is nothing to do (1) or is expected to stand by (0).";
}
