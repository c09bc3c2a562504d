//! Parallels RAS, `GET /api/Agent`.

use super::families;

families! {
    AGENT_STATE: Gauge Agent "parallels_ras_agent_state" ["state"] ""
        "The agentState that RAS reported for this agent or logical object, as last polled; 1 for the present state.";
    AGENT_STATE_CODE: Gauge Agent "parallels_ras_agent_state_code" [] ""
        "The number of the agentState that RAS reported, as last polled.";
    AGENT_INFO: Gauge Agent "parallels_ras_agent_info" ["site_id", "server_type", "agent_id", "kind"] ""
        "Site, server type, id and kind (host or logical) of this row of the agent list; always 1.";
}
