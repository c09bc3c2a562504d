//! Citrix StoreFront: the machines behind the desktops of one account.

use super::families;

families! {
    MACHINE_POWER_STATE: Gauge Agent "citrix_machine_power_state" ["state"] ""
        "Power state of the machine, as StoreFront last knew it, up to several minutes late; 1 for the present state.";
    MACHINE_REGISTRATION_STATE: Gauge Agent "citrix_machine_registration_state" ["state"] ""
        "Registration of the machine with its broker, as last polled; 1 for the present state.";
    MACHINE_INFO: Gauge Agent "citrix_machine_info" ["machine_id", "resource_id", "session_support"] ""
        "Ids and session support (SingleSession, MultiSession) of the machine; always 1.";
    MACHINE_POWER_ACTION: Gauge Agent "citrix_machine_power_action_in_progress" [] ""
        "Whether a power action is in progress on the machine.";
    MACHINE_POWER_OPERATION_SUPPORTED: Gauge Agent "citrix_machine_power_operation_supported" ["operation"] ""
        "Whether StoreFront would let the account do this to the machine; Rollcall never does.";
    MACHINE_LAST_UPDATED: Gauge Agent "citrix_machine_last_updated_timestamp_seconds" [] "seconds"
        "Unix time at which the machine's data were last updated on the server.";
    MACHINE_MAX_LAST_UPDATED: Gauge Agent "citrix_machine_max_last_updated_timestamp_seconds" [] "seconds"
        "Unix time at which the machine's power state could last have been updated on the server.";
    STORE_RESOURCES: Gauge Target "citrix_store_resources" [] ""
        "Resources in the last enumeration of the store.";
    STORE_QUERYABLE_RESOURCES: Gauge Target "citrix_store_queryable_resources" [] ""
        "Resources of the last enumeration whose machines may be asked for.";
    STORE_RESOURCES_WITHOUT_MACHINE: Gauge Target "citrix_store_resources_without_machine" [] ""
        "Resources that were asked for and brought no machine.";
    STORE_MACHINES: Gauge Target "citrix_store_machines" [] ""
        "Machines that the store told of.";
    STORE_ENUMERATION: Gauge Target "citrix_store_enumeration" ["status"] ""
        "How complete the last enumeration says it is (full, partial, failed); 1 for the present status.";
}
