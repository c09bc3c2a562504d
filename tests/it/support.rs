//! What the tests are written with: a simulation, a configuration, the daemon as a process, and its exposition.

mod alertmanager;
mod client;
mod config;
mod daemon;
mod exposition;
mod fault_proxy;
mod port;
mod prometheus;
mod receiver;
mod service;
mod simulation;
mod version;
mod wait;

pub use alertmanager::{Alertmanager, shipped};
pub use client::{Answer, ask, http};
pub use config::{Config, Target};
pub use daemon::Daemon;
pub use exposition::{Exposition, Sample};
pub use fault_proxy::FaultProxy;
pub use port::{ClosedPort, listening_port};
pub use prometheus::{Prometheus, Series};
pub use receiver::{Notification, ReceivedAlert, Receiver};
pub use service::Service;
pub use simulation::{Sim, frozen, on_runtime, runtime};
pub use version::Version;
pub use wait::{Folder, wait_until};

use rollcall::vendors::Vendor;
use std::time::Duration;

/// Longer than anything takes on a busy machine; nothing waits for so long where all is well.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(120);

/// The vendors, in the order of the simulation's ports.
pub const VENDORS: [&str; Vendor::ALL.len()] = {
    let mut names = [""; Vendor::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = Vendor::ALL[index].as_str();
        index += 1;
    }
    names
};

/// The path of the request without which there are no data at all; a vendor that has only this one needs no line.
pub fn data_path(vendor: &str) -> &'static str {
    match vendor {
        "parallels_ras" => "/api/Agent",
        "parallels_ras_session" => "/api/directsessiontunnel",
        "resilio" => "/api/v3/client",
        // Each of the lists is a part; all of them fail together.
        "resilio_console" => "/api/v2/",
        "azure_devops" => "/_apis/distributedtask/pools",
        "citrix_storefront" => "/machinecontrol/list",
        "citrix_site" => "/cvad/manage/Machines",
        _ => "",
    }
}

/// Flags of a demo in which it is 8 o'clock of a day: what a fleet does by itself is the same at every hour.
pub const MORNING: [&str; 2] = ["--clock", "1768464000"];
