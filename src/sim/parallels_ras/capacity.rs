//! What the servers of the simulated farm carry: load, sessions, versions, the states of virtual machines, the members of
//! host pools, the license. Each is a pure function of (seed, row, time), as the states are.

use super::fleet::{Group, Row, kind};
use crate::{Incident, World};

/// Sessions that a host may have, as configured.
pub(super) const MAX_SESSIONS: u32 = 250;
/// The version of every agent, but of those that need an update.
const VERSION: &str = "21.0.26130";
const OLD_VERSION: &str = "20.2.25889";
/// What a server carries changes once in so many seconds.
const SLOT: u64 = 900;

/// What a server that is up says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// Percent.
    pub(super) cpu: u32,
    /// Percent.
    pub(super) memory: u32,
    /// Of users, on a session host.
    pub(super) active: u32,
    pub(super) disconnected: u32,
    /// Through a gateway.
    pub(super) rdp: u32,
    pub(super) rdp_ssl: u32,
}

/// The load of a server; nothing where it is down.
pub(super) fn load(world: &World, row: &Row) -> Option<Load> {
    if matches!(row.state, -4 | -3 | -1 | 5 | 51 | 53) {
        return None;
    }
    let now = world.now().as_secs();
    let key = (row.group.server_type as u64) << 40 | (row.id() as u64) << 16 | (now / SLOT) & 0xffff;
    let dice = |name, sides: u64| (world.dice(name, key) % sides) as u32;
    // Few at night, most in the afternoon; never so many that somebody has to be woken.
    let busy = match now / 3_600 % 24 {
        0..6 => 4,
        6..9 => 20,
        9..12 => 40,
        12..18 => 50,
        _ => 15,
    };
    let share = match row.state {
        13..=15 => busy / 4,
        _ => busy + dice("sessions", 8),
    };
    let active = MAX_SESSIONS * share / 100;
    Some(Load {
        cpu: 5 + share / 2 + dice("cpu", 20),
        memory: 20 + share / 2 + dice("memory", 15),
        active,
        disconnected: active / 10 + dice("gone", 4),
        rdp: dice("rdp", 5),
        rdp_ssl: busy * 6 + dice("ssl", 40),
    })
}

/// The version of a server's agent.
pub(super) fn version(row: &Row) -> &'static str {
    if matches!(row.state, -8 | -7 | -5) { OLD_VERSION } else { VERSION }
}

/// The state of the virtual machine of a VDI host or guest.
pub(super) fn vm_state(row: &Row) -> i32 {
    match row.state {
        // Desktops that are off on purpose. Some are lost: they run, and RAS cannot verify them.
        -4 if row.index % 71 == 4 => [2, 3, 0][row.index / 71 % 3],
        -4 => 2 + i32::from(row.index.is_multiple_of(5)),
        25 => 6,
        8 | 18 => 7,
        9 | 17 => 8,
        _ => i32::from(!row.index.is_multiple_of(4)),
    }
}

/// The words of the vendor's page for the state of a virtual machine.
pub(super) fn vm_state_name(state: i32) -> &'static str {
    match state {
        0 => "On",
        1 => "OnAgentConnected",
        2 => "Off",
        3 => "Paused",
        4 => "RASTemplate",
        5 => "MaintenanceMode",
        6 => "Cloning",
        7 => "Personalizing",
        8 => "FailedToCreate",
        _ => "Unknown",
    }
}

/// The hosts of which pools of this type consist.
pub(super) fn hosts_of(pool_type: i32) -> i32 {
    match pool_type {
        kind::RDS_GROUP => kind::RDS_HOST,
        kind::VDI_HOST_POOL => kind::VDI_HOST,
        _ => kind::AVD_HOST,
    }
}

/// The pool of a host: its index among the pools of the site.
pub(super) fn pool_of(pools: Group, host: usize) -> usize {
    host % pools.count
}

/// The name of a pool.
pub(super) fn pool_name(pools: Group, index: usize) -> String {
    let prefix = match pools.server_type {
        kind::RDS_GROUP => "Hosts",
        kind::VDI_HOST_POOL => "Desktops",
        _ => "Azure",
    };
    format!("{prefix} {}-{}", pools.site, index + 1)
}

/// The license of the farm. Days are since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct License {
    pub(super) license_type: &'static str,
    pub(super) status: &'static str,
    pub(super) expiry: i64,
    pub(super) support_expiry: i64,
    pub(super) installed: u32,
    pub(super) peak: u32,
    pub(super) used: u32,
    pub(super) grace: Option<u32>,
}

/// The license: bought for months, or about to end.
pub(super) fn license(world: &World) -> License {
    const DAY: f64 = 86_400.0;
    let day = |moment: f64| (world.real(moment) / DAY) as i64;
    let now = world.now().as_secs_f64();
    // The same for months, however long the demo runs.
    let period = (now / (100.0 * DAY)).floor() * 100.0 * DAY;
    let well = License {
        license_type: "PrePaid",
        status: "Active",
        expiry: day(period + 400.0 * DAY),
        support_expiry: day(period + 500.0 * DAY),
        installed: 500,
        peak: 391,
        used: 362,
        grace: None,
    };
    match world.since(Incident::LicenseRunningOut) {
        Some(since) => License {
            status: "Grace",
            expiry: day(now - since.as_secs_f64() + 5.0 * DAY),
            peak: 489,
            used: 470,
            grace: Some(14),
            ..well
        },
        None => well,
    }
}
