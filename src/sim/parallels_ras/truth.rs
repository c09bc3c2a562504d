//! What a perfect exporter shows of the farm, by sections 4 and 5 of `deploy/docs/reference.md`.

use super::fleet::{FarmState, Group, kind};
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
    let mut samples = Vec::new();
    for group in groups {
        let list = name_list(group.server_type, odd.old_server)
            .filter(|path| !forbidden.iter().any(|part| path.starts_with(part.as_str())));
        let mut taken = HashSet::new();
        for row in moment.rows(world, *group) {
            let name = list.map(|_| cut(&odd.server(*group, row.index)));
            let mut agent = name.unwrap_or_else(|| row.id().to_string());
            // Rows come by rising id: the first of a name keeps it.
            if !taken.insert(agent.clone()) {
                agent = format!("{agent}#{}", row.id());
            }
            push(&mut samples, *group, &agent, row.id(), row.state);
        }
    }
    samples
}

fn push(samples: &mut Vec<Truth>, group: Group, agent: &str, id: usize, state: i32) {
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
        ("agent_id", &id.to_string()),
        ("kind", if is_host { "host" } else { "logical" }),
    ];
    push("parallels_ras_agent_info", &info, 1.0);
    if is_host {
        let power_managed = matches!(group.server_type, kind::VDI_HOST | kind::GUEST);
        let health = states::health(state, group.server_type, power_managed);
        push("rollcall_agent_health", &[("health", health)], 1.0);
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
