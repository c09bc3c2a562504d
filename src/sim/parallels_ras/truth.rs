//! What a perfect exporter shows of the farm, by sections 4 and 5 of `deploy/docs/reference.md`.

use super::capacity::{self, License};
use super::fleet::{FarmState, Group, Row, kind};
use super::wire::Odd;
use super::{TARGET, VENDOR, states};
use crate::{Truth, World};
use std::collections::{BTreeSet, HashSet};

/// Labels are cut to this many bytes.
const LABEL_LIMIT: usize = 256;

/// Every sample. `forbidden` are the lists that the account cannot read: the agents of those go by their id.
pub(super) fn of(world: &World, groups: &[Group], forbidden: &BTreeSet<String>) -> Vec<Truth> {
    let moment = FarmState::of(world, VENDOR);
    let odd = Odd::of(world);
    let farm = Farm { world, groups, forbidden, old: odd.old_server };
    let mut samples = Vec::new();
    for group in groups {
        let list = name_list(group.server_type, odd.old_server).filter(|path| farm.reads(path));
        let mut taken = HashSet::new();
        for row in moment.rows(world, *group) {
            let name = list.map(|_| cut(&odd.server(*group, row.index)));
            let mut agent = name.unwrap_or_else(|| row.id().to_string());
            // Rows come by rising id: the first of a name keeps it.
            if !taken.insert(agent.clone()) {
                agent = format!("{agent}#{}", row.id());
            }
            push(&mut samples, &farm, &agent, &row);
        }
    }
    license(&mut samples, &farm);
    samples
}

/// What the samples of a row depend on.
struct Farm<'a> {
    world: &'a World,
    groups: &'a [Group],
    forbidden: &'a BTreeSet<String>,
    old: bool,
}

impl Farm<'_> {
    /// Whether the account may read this path, given in lower case.
    fn reads(&self, path: &str) -> bool {
        !self.forbidden.iter().any(|part| path.starts_with(part.as_str()))
    }

    /// Whether there is a list at this path that old servers do not have, and the account may read it.
    fn has(&self, path: &str) -> bool {
        !self.old && self.reads(path)
    }
}

fn push(samples: &mut Vec<Truth>, farm: &Farm<'_>, agent: &str, row: &Row) {
    let (group, state) = (row.group, row.state);
    let server_type = states::type_name(group.server_type);
    let site = group.site.to_string();
    let pool = format!("{server_type}@{site}");
    let is_host = states::is_host(group.server_type);
    let mut push = |name, more: &[(&'static str, &str)], value| {
        let mut labels = vec![("pool", pool.as_str()), ("agent", agent)];
        labels.extend_from_slice(more);
        samples.push(Truth::new(name, VENDOR, TARGET, &labels, value));
    };
    let state_name = states::state_name(state);
    push("parallels_ras_agent_state", &[("state", &state_name)], 1.0);
    push("parallels_ras_agent_state_code", &[], f64::from(state));
    let info = [
        ("site_id", site.as_str()),
        ("server_type", &server_type),
        ("agent_id", &row.id().to_string()),
        ("kind", if is_host { "host" } else { "logical" }),
    ];
    push("parallels_ras_agent_info", &info, 1.0);
    let vm = matches!(group.server_type, kind::VDI_HOST | kind::GUEST) && farm.reads("/api/provider/vm/host/status");
    let vm = vm.then(|| capacity::vm_state(row));
    if let Some(vm) = vm {
        push("parallels_ras_vm_state", &[("state", capacity::vm_state_name(vm))], 1.0);
    }
    if is_host {
        let power_managed = matches!(group.server_type, kind::VDI_HOST | kind::GUEST);
        let health = match vm {
            // The machine settles what RAS could not verify.
            Some(2 | 3) if state == -4 => "disabled",
            Some(0 | 1) if state == -4 => "failed",
            _ => states::health(state, group.server_type, power_managed),
        };
        push("rollcall_agent_health", &[("health", health)], 1.0);
    }
    carries(push, farm, row);
}

/// Load, sessions, version and host pools of a row.
fn carries(mut push: impl FnMut(&'static str, &[(&'static str, &str)], f64), farm: &Farm<'_>, row: &Row) {
    let (server_type, state) = (row.group.server_type, row.state);
    let is_listed = match server_type {
        kind::RDS_HOST => farm.has("/api/rds/host/status"),
        kind::PA => farm.has("/api/broker/status"),
        kind::GATEWAY => farm.reads("/api/gateway/status"),
        _ => false,
    };
    if let Some(load) = capacity::load(farm.world, row).filter(|_| is_listed) {
        push("parallels_ras_agent_version_info", &[("version", capacity::version(row))], 1.0);
        // It cannot read its counters.
        if state != 60 {
            push("parallels_ras_host_cpu_ratio", &[], f64::from(load.cpu) / 100.0);
            push("parallels_ras_host_memory_ratio", &[], f64::from(load.memory) / 100.0);
        }
        // It cannot count its sessions.
        if state != 1 && server_type == kind::RDS_HOST {
            push("parallels_ras_host_sessions", &[("state", "active")], f64::from(load.active));
            push("parallels_ras_host_sessions", &[("state", "disconnected")], f64::from(load.disconnected));
        }
        if state != 1 && server_type == kind::GATEWAY {
            push("parallels_ras_gateway_sessions", &[("kind", "rdp")], f64::from(load.rdp));
            push("parallels_ras_gateway_sessions", &[("kind", "rdp_ssl")], f64::from(load.rdp_ssl));
        }
    }
    if server_type == kind::RDS_HOST && name_list(server_type, farm.old).is_some_and(|list| farm.reads(list)) {
        push("parallels_ras_host_max_sessions", &[], f64::from(capacity::MAX_SESSIONS));
    }
    for (pool_type, list) in [
        (kind::RDS_GROUP, "/api/rds/hostpool"),
        (kind::VDI_HOST_POOL, "/api/vdi/hostpool"),
        (kind::AVD_HOST_POOL, "/api/avd/hostpool"),
    ] {
        let pools = farm.groups.iter().find(|g| g.server_type == pool_type && g.site == row.group.site);
        if let Some(pools) = pools.filter(|_| capacity::hosts_of(pool_type) == server_type && farm.has(list)) {
            let name = capacity::pool_name(*pools, capacity::pool_of(*pools, row.index));
            push("parallels_ras_host_pool_member_info", &[("host_pool", &name)], 1.0);
        }
    }
}

/// What the license says, as far as it says anything.
fn license(samples: &mut Vec<Truth>, farm: &Farm<'_>) {
    if !farm.reads("/api/license") {
        return;
    }
    let License { license_type, status, expiry, support_expiry, installed, peak, used, grace } =
        capacity::license(farm.world);
    let mut push = |name, labels: &[(&'static str, &str)], value| {
        samples.push(Truth::new(name, VENDOR, TARGET, labels, value));
    };
    push("parallels_ras_license_info", &[("license_type", license_type), ("status", status)], 1.0);
    let midnight = |day: i64| (day * 86_400) as f64;
    push("parallels_ras_license_expiry_timestamp_seconds", &[], midnight(expiry));
    push("parallels_ras_license_support_expiry_timestamp_seconds", &[], midnight(support_expiry));
    let installed = (!farm.old).then_some(installed);
    for (kind, users) in [("installed", installed), ("peak", Some(peak)), ("used", Some(used))] {
        if let Some(users) = users {
            push("parallels_ras_license_users", &[("kind", kind)], f64::from(users));
        }
    }
    if let Some(days) = grace {
        push("parallels_ras_license_grace_days_left", &[], f64::from(days));
    }
}

/// The list in which the servers of a type have their names, in lower case.
fn name_list(server_type: i32, old_server: bool) -> Option<&'static str> {
    match server_type {
        kind::PA => Some("/api/broker"),
        kind::GATEWAY => Some("/api/gateway"),
        kind::PROVIDER => Some("/api/provider"),
        kind::RDS_HOST if old_server => Some("/api/rds"),
        kind::RDS_HOST => Some("/api/rds/host"),
        kind::VDI_HOST | kind::GUEST => Some("/api/provider/vm/host/status"),
        kind::ENROLLMENT => Some("/api/enrollmentserver/status"),
        kind::AVD_HOST if !old_server => Some("/api/provider/vm/avdhost/status"),
        kind::HALB_DEVICE if !old_server => Some("/api/halb/device"),
        _ => None,
    }
}

fn cut(label: &str) -> String {
    let mut end = label.len().min(LABEL_LIMIT);
    while !label.is_char_boundary(end) {
        end -= 1;
    }
    label[..end].to_owned()
}
