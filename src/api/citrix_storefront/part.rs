//! Machines to agents and samples.

use std::borrow::Cow;

use crate::{
    api::{Agent, Id, Part, Warning, Warnings, lenient, table},
    catalogue::citrix_storefront as families,
    config::Target,
};

use super::{
    SHOWN,
    machines::Machine,
    resources::{Enumeration, STATUS_NAMES},
    states,
};

/// A machine whose id has no part before a first `.` is in this pool.
const NO_POOL: &str = "store";

/// The values of `operation`, in the order of [`Machine::supported`].
const OPERATIONS: [&str; 3] = ["suspend", "shutdown", "turn_off"];

/// A part for machines.
pub fn of_machines() -> Part {
    let mut part = Part::new(families::FAMILIES);
    part.declare_states(&families::MACHINE_POWER_STATE, &states::POWER_NAMES);
    part.declare_states(&families::MACHINE_REGISTRATION_STATE, &states::REGISTRATION_NAMES);
    part
}

/// The part that tells of the enumeration.
pub fn of_enumeration(enumeration: &Enumeration) -> Part {
    let mut part = Part::new(families::FAMILIES);
    part.declare_states(&families::STORE_ENUMERATION, &STATUS_NAMES);
    let target = crate::api::Subject::Target;
    part.set(&families::STORE_RESOURCES, target, &[], enumeration.resources as f64);
    part.set(&families::STORE_QUERYABLE_RESOURCES, target, &[], enumeration.ids.len() as f64);
    part.set(&families::STORE_ENUMERATION, target, &[enumeration.status.as_str()], 1.0);
    part.defect = enumeration.defect.clone();
    part.shrink();
    part
}

/// The part that tells of the machine list as a whole.
pub fn of_store(machines: usize, without: usize) -> Part {
    let mut part = Part::new(families::FAMILIES);
    let target = crate::api::Subject::Target;
    part.set(&families::STORE_MACHINES, target, &[], machines as f64);
    part.set(&families::STORE_RESOURCES_WITHOUT_MACHINE, target, &[], without as f64);
    part.shrink();
    part
}

/// Adds a machine; `false` where the part has it already.
pub fn add(part: &mut Part, machine: &Machine, target: &Target, warnings: &Warnings) -> bool {
    let pool_name = match machine.id.split_once('.') {
        Some((pool, _)) if !pool.is_empty() => pool,
        _ => NO_POOL,
    };
    let acting = machine.acting == Some(true);
    let multi = machine.sessions.eq_ignore_ascii_case("MultiSession");
    let health = states::health(&machine.power, &machine.registration, acting, multi);
    let power = label(states::power(&machine.power), &machine.power, "powerstate", warnings);
    let registration =
        label(states::registration(&machine.registration), &machine.registration, "registrationstate", warnings);
    let said = [&machine.power, &machine.registration];
    let state = match said.map(|text| text.as_str()) {
        ["", ""] => Cow::Borrowed(""),
        [one, ""] | ["", one] => Cow::Borrowed(one),
        [power, registration] => Cow::Owned(format!("{power}, {registration}")),
    };
    let health = target.health(pool_name, &[&machine.power, &machine.registration, &state], health);
    let name = if machine.name.is_empty() { &machine.id } else { &machine.name };
    let pool = part.pool(pool_name, false);
    let agent = Agent {
        pool,
        name: name.as_str().into(),
        id: Id::from(machine.id.as_str()),
        health: Some(health),
        state: part.state(&state),
    };
    let Some(agent) = part.agent(agent) else { return false };
    if let Some(power) = power {
        part.set(&families::MACHINE_POWER_STATE, agent, &[power], 1.0);
    }
    if let Some(registration) = registration {
        part.set(&families::MACHINE_REGISTRATION_STATE, agent, &[registration], 1.0);
    }
    part.set(
        &families::MACHINE_INFO,
        agent,
        &[&machine.id, &machine.resource, states::sessions(&machine.sessions)],
        1.0,
    );
    let bit = |truth: Option<bool>| truth.map(f64::from);
    part.set_some(&families::MACHINE_POWER_ACTION, agent, &[], bit(machine.acting));
    for (operation, supported) in OPERATIONS.iter().zip(machine.supported) {
        part.set_some(&families::MACHINE_POWER_OPERATION_SUPPORTED, agent, &[operation], bit(supported));
    }
    part.set_some(&families::MACHINE_LAST_UPDATED, agent, &[], machine.updated);
    part.set_some(&families::MACHINE_MAX_LAST_UPDATED, agent, &[], machine.max_updated);
    true
}

/// The label of a state: none where nothing was said.
fn label(known: Option<&'static str>, text: &str, field: &str, warnings: &Warnings) -> Option<&'static str> {
    if known.is_none() && !text.is_empty() {
        warnings.add(Warning::UnknownState, || format!("{field} {}", lenient::shown(text, SHOWN)));
        return Some(table::OTHER);
    }
    known
}
