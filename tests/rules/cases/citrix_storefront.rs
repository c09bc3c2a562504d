use super::super::case::{Case, Kind::*, case};

pub fn cases() -> Vec<Case> {
    let mut cases = machines();
    cases.extend(store());
    cases
}

/// Machines of one pool in these power and registration states; the values say when.
fn fleet(alert: &'static str, kind: super::Kind, what: &str, machines: &[(&str, &str)]) -> Case {
    machines.iter().enumerate().fold(
        case(alert, kind, "citrix_storefront", what),
        |case, (index, (power, registration))| {
            case.with("citrix_machine_power_state", &format!("pool=Win,agent=m{index},state={power}"), "1").with(
                "citrix_machine_registration_state",
                &format!("pool=Win,agent=m{index},state={registration}"),
                "1",
            )
        },
    )
}

const UNKNOWN: &[(&str, &str)] = &[("Unknown", "Unregistered"), ("Unknown", "Unregistered"), ("On", "Registered")];

fn machines() -> Vec<Case> {
    let unknown = |kind, what, machines| fleet("CitrixPowerStateUnknown", kind, what, machines);
    let missing = |kind, what, power| fleet("CitrixVmMissing", kind, what, &[(power, "Unregistered")]);
    let action = |kind, what, values| {
        case("CitrixPowerActionStuck", kind, "citrix_storefront", what).with(
            "citrix_machine_power_action_in_progress",
            "pool=Win,agent=m0",
            values,
        )
    };
    let unregistered = |kind, what, machines| fleet("CitrixMachineUnregistered", kind, what, machines);
    let machine = "pool=Win,agent=m0";
    let flapping = |case: Case, index: usize| {
        let of = |state: &str| format!("pool=Win,agent=m{index},state={state}");
        case.with("citrix_machine_power_state", &of("Unknown"), "1*10 -*2 1*10 -").with(
            "citrix_machine_power_state",
            &of("On"),
            "-*10 1*2 -*10 1",
        )
    };
    vec![
        unknown(Fires, "and not registered", UNKNOWN).silent(14).fires(15, "critical", "pool=Win", 2.0 / 3.0),
        unknown(Fires, "sessions go on", &[("Unknown", "Registered"), ("On", "Registered")])
            .silent(14)
            .fires(15, "warning", "pool=Win", 0.5),
        unknown(Silent, "one of three", &UNKNOWN[1..])
            .with("citrix_machine_power_state", "pool=Win,agent=m2,state=On", "1")
            .silent(40),
        (0..2).fold(unknown(Flapping, "for ten minutes again and again", UNKNOWN), flapping).silent(21).silent(40),
        unregistered(Fires, "on and unregistered", &[("On", "Unregistered")])
            .silent(19)
            .fires(20, "info", machine, 1.0),
        unregistered(Fires, "an agent error", &[("Off", "AgentError")]).silent(19).fires(20, "info", machine, 1.0),
        unregistered(Silent, "it is off", &[("Off", "Unregistered")]).silent(40),
        unregistered(Maintenance, "it is switched off and on", &[])
            .with("citrix_machine_power_state", "pool=Win,agent=m0,state=On", "-*30 1")
            .with("citrix_machine_power_state", "pool=Win,agent=m0,state=Off", "1*30 -")
            .with("citrix_machine_registration_state", "pool=Win,agent=m0,state=Unregistered", "1*40 -")
            .with("citrix_machine_registration_state", "pool=Win,agent=m0,state=Registered", "-*40 1")
            .silent(39)
            .silent(80),
        missing(Fires, "deleted in the hypervisor", "VirtualMachineNotFound")
            .silent(119)
            .fires(120, "warning", machine, 1.0),
        missing(Silent, "off", "Off").silent(180),
        action(Fires, "for half an hour", "1").silent(29).fires(30, "warning", machine, 1.0),
        action(Silent, "for ten minutes", "1*10 0").silent(40),
    ]
}

fn store() -> Vec<Case> {
    let enumeration = |kind, what, status: &str| {
        case("CitrixEnumerationIncomplete", kind, "citrix_storefront", what).with(
            "citrix_store_enumeration",
            &format!("status={status}"),
            "1",
        )
    };
    let vanished = |kind, what, status: &str, machines| {
        case("CitrixMachinesVanished", kind, "citrix_storefront", what)
            .with("citrix_store_enumeration", &format!("status={status}"), "1")
            .with("citrix_store_machines", "", machines)
    };
    vec![
        enumeration(Fires, "partial", "partial").silent(14).fires(15, "warning", "", 1.0),
        enumeration(Silent, "full", "full").silent(40),
        vanished(Fires, "all rights are gone", "full", "5*10 0").silent(24).fires(25, "warning", "", 0.0),
        vanished(Silent, "the enumeration failed", "failed", "5*10 0").silent(60),
        vanished(Silent, "there was never any", "full", "0").silent(60),
    ]
}
