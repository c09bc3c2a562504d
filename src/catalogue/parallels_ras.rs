//! Parallels RAS: the agents of a farm, what they carry, and the license.

use super::families;

families! {
    AGENT_STATE: Gauge Agent "parallels_ras_agent_state" ["state"] ""
        "The agentState that RAS reported for this agent or logical object, as last polled; 1 for the present state.";
    AGENT_STATE_CODE: Gauge Agent "parallels_ras_agent_state_code" [] ""
        "The number of the agentState that RAS reported, as last polled.";
    AGENT_INFO: Gauge Agent "parallels_ras_agent_info" ["site_id", "server_type", "agent_id", "kind"] ""
        "Site, server type, id and kind (host or logical) of this row of the agent list; always 1.";
    HOST_CPU: Gauge Agent "parallels_ras_host_cpu_ratio" [] ""
        "Load of the processors of a session host, gateway or broker, 0 to 1, as last polled; absent while RAS cannot read its counters.";
    HOST_MEMORY: Gauge Agent "parallels_ras_host_memory_ratio" [] ""
        "Memory in use on a session host, gateway or broker, 0 to 1, as last polled; absent while RAS cannot read its counters.";
    HOST_SESSIONS: Gauge Agent "parallels_ras_host_sessions" ["state"] ""
        "Sessions on a session host by state (active, disconnected), as last polled; absent while RAS cannot count them.";
    HOST_MAX_SESSIONS: Gauge Agent "parallels_ras_host_max_sessions" [] ""
        "Sessions that a session host may have, as configured; read every 10 minutes.";
    GATEWAY_SESSIONS: Gauge Agent "parallels_ras_gateway_sessions" ["kind"] ""
        "Sessions through a gateway by kind (rdp, rdp_ssl), as last polled.";
    AGENT_VERSION: Gauge Agent "parallels_ras_agent_version_info" ["version"] ""
        "Version of the agent on a session host, gateway or broker, as last polled; always 1.";
    VM_STATE: Gauge Agent "parallels_ras_vm_state" ["state"] ""
        "State of the virtual machine of a VDI host or guest, as its provider reported it and as last polled; 1 for the present state.";
    HOST_POOL_MEMBER: Gauge Agent "parallels_ras_host_pool_member_info" ["host_pool"] ""
        "A host pool of RAS that this host is a member of, read every 10 minutes; always 1.";
    LICENSE_INFO: Gauge Target "parallels_ras_license_info" ["license_type", "status"] ""
        "Type and status of the license as the farm reports them, read every 15 minutes; always 1.";
    LICENSE_EXPIRY: Gauge Target "parallels_ras_license_expiry_timestamp_seconds" [] "seconds"
        "The day on which the license ends, at midnight UTC, as the farm reported it; absent where it names none.";
    LICENSE_SUPPORT_EXPIRY: Gauge Target "parallels_ras_license_support_expiry_timestamp_seconds" [] "seconds"
        "The day on which support ends, at midnight UTC, as the farm reported it; absent where it names none.";
    LICENSE_USERS: Gauge Target "parallels_ras_license_users" ["kind"] ""
        "Users of the license: installed (as many as are licensed), peak, and used (today), as the farm last reported them.";
    LICENSE_GRACE_DAYS: Gauge Target "parallels_ras_license_grace_days_left" [] ""
        "Days of the grace period that are left, as the farm last reported them; absent where it names none.";
}
