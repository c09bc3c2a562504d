//! A Citrix site: every machine, its delivery groups, hypervisors, zones and licenses.

use super::families;

families! {
    MACHINE_INFO: Gauge Agent "citrix_site_machine_info" ["machine_id", "sid", "catalog", "zone", "session_support", "agent_version"] ""
        "Ids of the machine, its catalog and zone, its session support (SingleSession, MultiSession) and the version of its agent; always 1.";
    MACHINE_POWER_STATE: Gauge Agent "citrix_site_machine_power_state" ["state"] ""
        "Power state of the machine, as the site last knew it; 1 for the present state.";
    MACHINE_REGISTRATION_STATE: Gauge Agent "citrix_site_machine_registration_state" ["state"] ""
        "Registration of the machine with the site, as last polled; 1 for the present state.";
    MACHINE_FAULT_STATE: Gauge Agent "citrix_site_machine_fault_state" ["state"] ""
        "Fault that the site reports of the machine (None: none), as last polled; 1 for the present state.";
    MACHINE_MAINTENANCE_MODE: Gauge Agent "citrix_site_machine_maintenance_mode" [] ""
        "Whether the machine is in maintenance mode.";
    MACHINE_SESSIONS: Gauge Agent "citrix_site_machine_sessions" [] ""
        "Sessions on the machine, as last polled.";
    MACHINE_LOAD: Gauge Agent "citrix_site_machine_load_ratio" [] ""
        "Load index of a multi-session machine: 0 is idle, at 1 it takes nobody new.";
    MACHINE_LAST_DEREGISTRATION: Gauge Agent "citrix_site_machine_last_deregistration_timestamp_seconds" [] "seconds"
        "Unix time at which the machine last lost its registration.";
    MACHINE_DEREGISTRATION_REASON: Gauge Agent "citrix_site_machine_last_deregistration_reason" ["reason"] ""
        "Why the machine last lost its registration; always 1.";
    DELIVERY_GROUP_SESSIONS: Gauge Pool "citrix_site_delivery_group_sessions" [] ""
        "Sessions of the delivery group, as last polled.";
    DELIVERY_GROUP_MAINTENANCE_MODE: Gauge Pool "citrix_site_delivery_group_maintenance_mode" [] ""
        "Whether the delivery group is in maintenance mode.";
    DELIVERY_GROUP_DESKTOPS: Gauge Pool "citrix_site_delivery_group_desktops" ["state"] ""
        "Machines of the delivery group as the site counts them: all of them (total), and how many are in a state.";
    STOREFRONT_FARM_INFO: Gauge Pool "citrix_site_storefront_farm_info" [] ""
        "A name that StoreFront has for the site, as configured; always 1. The pool is that of a target of citrix_storefront.";
    HYPERVISOR_FAULT: Gauge Target "citrix_site_hypervisor_fault" ["hypervisor", "reason"] ""
        "Whether the connection to the hypervisor is at fault, and why.";
    HYPERVISOR_INFO: Gauge Target "citrix_site_hypervisor_info" ["hypervisor", "connection_type", "zone"] ""
        "Type and zone of a connection to a hypervisor; always 1.";
    ZONE_HEALTHY: Gauge Target "citrix_site_zone_healthy" ["zone"] ""
        "Whether the site calls the zone healthy.";
    LICENSES: Gauge Target "citrix_site_licenses" ["kind"] ""
        "Licenses of the site: in use (used), available (normal), and beyond these (overdraft).";
}
