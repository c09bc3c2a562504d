//! What a perfect exporter shows of the site, by sections 4 and 5 of `deploy/docs/reference.md`.

use super::{
    TARGET, VENDOR,
    machine::SiteMachine,
    site::{FAULTS, REASONS, REGISTRATION, Site, health},
};
use crate::{
    Truth,
    citrix_storefront::states::{POWER, label},
};
use std::collections::HashSet;

/// Label values end here, at a character boundary.
const LABEL_BYTES: usize = 256;

struct Sheet(Vec<Truth>);

impl Sheet {
    fn add(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.0.push(Truth::new(name, VENDOR, TARGET, labels, value));
    }
}

/// Every sample. `old`: the site leaves out what older ones do not know.
pub(super) fn of(site: &Site, old: bool) -> Vec<Truth> {
    let mut sheet = Sheet(Vec::new());
    let mut names = HashSet::new();
    // Ids ascend with the places of a zone, and a name comes twice within one at the most.
    for machine in site.machines() {
        let pool = machine.pool();
        let mut agent = cut(&machine.agent()).to_owned();
        if !names.insert((pool.clone(), agent.clone())) {
            agent = format!("{agent}#{}", machine.id);
        }
        push_machine(&mut sheet, &machine, &pool, &agent, old);
    }
    for group in site.groups() {
        let pool = [("pool", group.name.as_str())];
        sheet.add("citrix_site_delivery_group_sessions", &pool, group.sessions as f64);
        sheet.add("citrix_site_delivery_group_maintenance_mode", &pool, flag(group.maintenance));
        for (state, count) in [
            ("total", group.total),
            ("available", group.available),
            ("disconnected", group.disconnected),
            ("faulted", group.faulted),
            ("unregistered", group.unregistered),
        ] {
            sheet.add("citrix_site_delivery_group_desktops", &[pool[0], ("state", state)], count as f64);
        }
    }
    for hypervisor in site.hypervisors() {
        let name = ("hypervisor", hypervisor.name.as_str());
        let reason = hypervisor.fault.map_or("", |(reason, _)| reason);
        sheet.add("citrix_site_hypervisor_fault", &[name, ("reason", reason)], flag(hypervisor.fault.is_some()));
        let labels = [name, ("connection_type", hypervisor.connection_type), ("zone", hypervisor.zone)];
        sheet.add("citrix_site_hypervisor_info", &labels, 1.0);
    }
    for zone in site.zones() {
        sheet.add("citrix_site_zone_healthy", &[("zone", zone.name)], flag(zone.healthy));
    }
    for farm in &site.farms {
        sheet.add("citrix_site_storefront_farm_info", &[("pool", farm.name)], 1.0);
    }
    let (used, normal, overdraft) = site.licenses();
    for (kind, count) in [("used", used), ("normal", normal), ("overdraft", overdraft)] {
        sheet.add("citrix_site_licenses", &[("kind", kind)], count as f64);
    }
    sheet.0
}

fn push_machine(sheet: &mut Sheet, machine: &SiteMachine, pool: &str, agent: &str, old: bool) {
    let key = [("pool", pool), ("agent", agent)];
    let with = |name: &'static str, value: &'static str| [key[0], key[1], (name, value)];
    let shown = &machine.machine;
    let out = machine.maintenance || machine.draining;
    let class = health(shown.power, shown.registration, machine.acting(), machine.multi(), out, machine.fault);
    sheet.add("rollcall_agent_health", &with("health", class), 1.0);
    let info = [
        key[0],
        key[1],
        ("machine_id", machine.id.as_str()),
        ("sid", machine.sid.as_str()),
        ("catalog", machine.catalog.as_str()),
        ("zone", machine.zone.unwrap_or_default()),
        ("session_support", if shown.multi { "MultiSession" } else { "SingleSession" }),
        ("agent_version", machine.version.unwrap_or_default()),
    ];
    sheet.add("citrix_site_machine_info", &info, 1.0);
    sheet.add("citrix_site_machine_power_state", &with("state", label(&POWER, shown.power)), 1.0);
    let registration = label(&REGISTRATION, shown.registration);
    sheet.add("citrix_site_machine_registration_state", &with("state", registration), 1.0);
    sheet.add("citrix_site_machine_fault_state", &with("state", label(&FAULTS, machine.fault)), 1.0);
    sheet.add("citrix_site_machine_maintenance_mode", &key, flag(machine.maintenance));
    if let Some(sessions) = machine.sessions {
        sheet.add("citrix_site_machine_sessions", &key, sessions as f64);
    }
    if let Some(load) = machine.load {
        sheet.add("citrix_site_machine_load_ratio", &key, load as f64 / 10_000.0);
    }
    if let Some((moment, reason)) = machine.deregistered.filter(|_| !old) {
        sheet.add("citrix_site_machine_last_deregistration_timestamp_seconds", &key, moment.seconds());
        let reason = with("reason", label(&REASONS, reason));
        sheet.add("citrix_site_machine_last_deregistration_reason", &reason, 1.0);
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LABEL_BYTES)]
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}
