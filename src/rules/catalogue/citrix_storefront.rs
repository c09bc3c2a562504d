//! Alerts about Citrix: machines behind StoreFront, and what StoreFront says of its own answers.

use super::{
    Alert,
    Labels::{Agent, Pool, Target},
    Severity::{Critical, Info, Warning},
    Unit, alert, days, hours, minutes, of_vendor,
};
use crate::{
    catalogue::citrix_storefront::{
        MACHINE_POWER_ACTION, MACHINE_POWER_STATE, MACHINE_REGISTRATION_STATE, STORE_ENUMERATION, STORE_MACHINES,
    },
    rules::expr::{Expr, Function, family, past},
    vendors,
};

const STATE: &[&str] = &["state"];

pub(super) fn alerts() -> Vec<Alert> {
    let mut rows = machines();
    rows.extend(store());
    of_vendor("citrix_storefront", vendors::Vendor::CitrixStorefront, rows)
}

fn power(state: &'static str) -> Expr {
    family(&MACHINE_POWER_STATE).is("state", state).equals(1.0)
}

fn registration(state: &'static str) -> Expr {
    family(&MACHINE_REGISTRATION_STATE).is("state", state).equals(1.0)
}

fn machines() -> Vec<Alert> {
    let members = &["agent", "state"];
    let all = || family(&MACHINE_POWER_STATE).equals(1.0).count_without(members);
    let share = |of: Expr| of.count_without(members).over(all()).at_least(Expr::Threshold);
    let lost = power("Unknown").unless(registration("Registered")).ignoring(STATE);
    let unregistered = power("On").and(registration("Unregistered")).ignoring(STATE).or(registration("AgentError"));
    vec![
        alert("CitrixPowerStateUnknown", Critical, Pool, share(lost))
            .threshold(0.5, Unit::Share)
            .lasting(minutes(15))
            .outlasting(1)
            .annotate(
                "The hypervisor connection of a Citrix pool is lost, and machines are not registered.",
                "{value:share} of the machines of {pool} of {target} have an unknown power state and are not registered.",
            ),
        alert("CitrixPowerStateUnknown", Warning, Pool, share(power("Unknown")))
            .threshold(0.5, Unit::Share)
            .lasting(minutes(15))
            .outlasting(1)
            .annotate(
                "The hypervisor connection of a Citrix pool is lost.",
                "{value:share} of the machines of {pool} of {target} have an unknown power state.",
            ),
        alert("CitrixMachineUnregistered", Info, Agent, unregistered).lasting(minutes(20)).annotate(
            "A Citrix machine runs without being registered.",
            "Machine {agent} of {pool} of {target} is on and not registered with its broker: nobody gets on to it.",
        ),
        alert("CitrixVmMissing", Warning, Agent, power("VirtualMachineNotFound")).lasting(hours(2)).annotate(
            "A Citrix machine has no virtual machine.",
            "The hypervisor does not find the virtual machine of {agent} of {pool} of {target}.",
        ),
        alert("CitrixPowerActionStuck", Warning, Agent, family(&MACHINE_POWER_ACTION).equals(1.0))
            .lasting(minutes(30))
            .annotate(
                "A power action on a Citrix machine does not end.",
                "A power action on machine {agent} of {pool} of {target} has been in progress for half an hour.",
            ),
    ]
}

fn store() -> Vec<Alert> {
    let status = |values| family(&STORE_ENUMERATION).one_of("status", values).equals(1.0);
    let none = family(&STORE_MACHINES).equals(0.0).and(status(&["full"])).ignoring(&["status"]);
    let before = past(Function::Max, family(&STORE_MACHINES), days(1)).above(0.0).max_by(Target.names());
    vec![
        alert("CitrixEnumerationIncomplete", Warning, Target, status(&["partial", "failed"]))
            .lasting(minutes(15))
            .annotate(
                "A store enumerates its resources only in part.",
                "{target} says that the enumeration of its resources is partial or failed: machines may be missing.",
            ),
        alert("CitrixMachinesVanished", Warning, Target, none.max_by(Target.names()).and(before))
            .lasting(minutes(15))
            .annotate(
                "A store lists no machine any more.",
                "{target} enumerates completely and lists no machine, while it listed some within the past day.",
            ),
    ]
}
