//! What a perfect exporter would show of the machines, by sections 4 and 5 of `deploy/docs/reference.md`.

use super::super::Truth;
use super::{
    Enumeration, VENDOR,
    fleet::{Farm, View},
    machine::Machine,
    resources::answering,
    states::{POWER, REGISTRATION, health, label},
    token::PasswordEnd,
};
use std::collections::HashMap;

/// The label `target`.
pub(super) const TARGET: &str = "desktops";

/// Label values end here, at a character boundary.
const LABEL_BYTES: usize = 256;

/// Every sample.
pub(super) fn truth(view: &View, enumeration: Enumeration, password_end: Option<PasswordEnd>) -> Vec<Truth> {
    let mut samples = Vec::new();
    let mut add = |name, labels: &[(&'static str, &str)], value: f64| {
        samples.push(Truth::new(name, VENDOR, TARGET, labels, value));
    };
    let farms = view.farms();
    for farm in &farms {
        let machines: Vec<Machine> = farm.machines(view).collect();
        for (machine, shown) in machines.iter().zip(shown_names(&machines)) {
            machine_samples(&mut add, farm, machine, &shown);
        }
    }
    // Machines that an incomplete enumeration does not lead to are kept; what it counts is what it says.
    let machines: usize = farms.iter().map(|f| f.slots).sum();
    let (mut all, mut queryable, mut without) = (0, 0, 0);
    for farm in answering(farms, enumeration) {
        for resource in farm.resources() {
            all += 1;
            // An old server does not say which can be asked about: every desktop is.
            let asked = if view.old_server { resource.desktop } else { resource.queryable };
            queryable += usize::from(asked);
            without += usize::from(asked && farm.machines_of(&resource.title).is_empty());
        }
    }
    add("citrix_store_resources", &[], all as f64);
    add("citrix_store_queryable_resources", &[], queryable as f64);
    add("citrix_store_resources_without_machine", &[], without as f64);
    add("citrix_store_machines", &[], machines as f64);
    add("citrix_store_enumeration", &[("status", enumeration.name())], 1.0);
    if let Some(end) = password_end {
        let at = end.at.as_millisecond() as f64 / 1_000.0;
        add("rollcall_credential_expiry_timestamp_seconds", &[("credential", "password")], at);
    }
    samples
}

fn machine_samples(
    add: &mut impl FnMut(&'static str, &[(&'static str, &str)], f64),
    farm: &Farm,
    machine: &Machine,
    shown: &str,
) {
    let flag = |on: bool| if on { 1.0 } else { 0.0 };
    let key = [("pool", farm.name), ("agent", shown)];
    let with = |name: &'static str, value: &'static str| [key[0], key[1], (name, value)];
    let in_progress = machine.in_progress.unwrap_or(false);
    let class = health(machine.power, machine.registration, in_progress, machine.multi);
    add("rollcall_agent_health", &with("health", class), 1.0);
    let power = label(&POWER, machine.power);
    add("citrix_machine_power_state", &with("state", power), 1.0);
    let registration = label(&REGISTRATION, machine.registration);
    add("citrix_machine_registration_state", &with("state", registration), 1.0);
    let info = [
        key[0],
        key[1],
        ("machine_id", machine.id.as_str()),
        ("resource_id", machine.resource.as_str()),
        ("session_support", if machine.multi { "MultiSession" } else { "SingleSession" }),
    ];
    add("citrix_machine_info", &info, 1.0);
    if let Some(in_progress) = machine.in_progress {
        add("citrix_machine_power_action_in_progress", &key, flag(in_progress));
    }
    let operations =
        [("suspend", machine.suspend), ("shutdown", Some(machine.power_off)), ("turn_off", Some(machine.power_off))];
    for (operation, supported) in operations {
        if let Some(supported) = supported {
            let labels = with("operation", operation);
            add("citrix_machine_power_operation_supported", &labels, flag(supported));
        }
    }
    if let Some(updated) = machine.updated {
        add("citrix_machine_last_updated_timestamp_seconds", &key, updated.seconds());
    }
    if let Some(updated) = machine.max_updated {
        add("citrix_machine_max_last_updated_timestamp_seconds", &key, updated.seconds());
    }
}

/// The label `agent` of each: cut to 256 bytes, and told apart by `#<id>` where two would be the same. The machines come
/// lowest id first.
fn shown_names(machines: &[Machine]) -> Vec<String> {
    let mut first: HashMap<String, usize> = HashMap::new();
    machines
        .iter()
        .map(|machine| {
            let name = machine.name[..machine.name.floor_char_boundary(LABEL_BYTES)].to_owned();
            match *first.entry(name.clone()).or_insert(machine.index) {
                index if index == machine.index => name,
                _ => format!("{name}#{}", machine.id),
            }
        })
        .collect()
}
