//! The scripted incidents of `rollcall demo --incident NAME`: names, one line each, and parsing.

use std::{fmt, str::FromStr};

/// The scripted incidents of `rollcall demo --incident`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Incident {
    /// Citrix: the hypervisor connection is lost; power states turn Unknown and machines unregister.
    HypervisorLost,
    /// Azure DevOps: every agent of one build pool goes offline while jobs queue.
    BuildPoolOffline,
    /// Parallels RAS: the monitoring account's password has expired; every log-on is refused.
    PasswordExpired,
    /// Azure DevOps: answers are delayed, then refused with 429 and `Retry-After`.
    RateLimited,
    /// Resilio: one job stops making progress, its ETA grows, an agent loses its peers.
    SyncStuck,
    /// Parallels RAS session probe: priming is refused by the broker.
    PrimingRefused,
    /// Parallels RAS: the gateways are gone, and the session probe finds no way in.
    GatewayLost,
    /// All desktop vendors: hosts are drained and rebooted in turn, as in a patch night.
    PatchNight,
    /// Azure DevOps and StoreFront answer 503.
    VendorApiDown,
}

impl Incident {
    /// Every incident, in the order of the help.
    pub const ALL: [Incident; 9] = [
        Incident::HypervisorLost,
        Incident::BuildPoolOffline,
        Incident::PasswordExpired,
        Incident::RateLimited,
        Incident::SyncStuck,
        Incident::PrimingRefused,
        Incident::GatewayLost,
        Incident::PatchNight,
        Incident::VendorApiDown,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Incident::HypervisorLost => "hypervisor-lost",
            Incident::BuildPoolOffline => "build-pool-offline",
            Incident::PasswordExpired => "password-expired",
            Incident::RateLimited => "rate-limited",
            Incident::SyncStuck => "sync-stuck",
            Incident::PrimingRefused => "priming-refused",
            Incident::GatewayLost => "gateway-lost",
            Incident::PatchNight => "patch-night",
            Incident::VendorApiDown => "vendor-api-down",
        }
    }

    /// One line for `--help`.
    pub fn description(self) -> &'static str {
        match self {
            Incident::HypervisorLost => {
                "Citrix: the hypervisor connection is lost, power states turn Unknown and machines unregister"
            }
            Incident::BuildPoolOffline => "Azure DevOps: every agent of one build pool goes offline while jobs queue",
            Incident::PasswordExpired => {
                "Parallels RAS: the monitoring account's password has expired, every log-on is refused"
            }
            Incident::RateLimited => "Azure DevOps: answers are delayed, then refused with 429 and Retry-After",
            Incident::SyncStuck => "Resilio: one job stops making progress, its ETA grows, an agent loses its peers",
            Incident::PrimingRefused => "Parallels RAS session probe: the broker refuses to prime a session",
            Incident::GatewayLost => "Parallels RAS: the gateways are gone, and the session probe finds no way in",
            Incident::PatchNight => {
                "Parallels RAS and Citrix: hosts are drained and rebooted in turn; nothing may page"
            }
            Incident::VendorApiDown => "Azure DevOps and Citrix StoreFront answer 503",
        }
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not one of the incidents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown incident {0:?}, expected one of: {names}", names = Incident::ALL.map(Incident::name).join(", "))]
pub struct UnknownIncident(pub String);

impl FromStr for Incident {
    type Err = UnknownIncident;

    fn from_str(name: &str) -> Result<Incident, UnknownIncident> {
        Incident::ALL
            .into_iter()
            .find(|incident| incident.name() == name)
            .ok_or_else(|| UnknownIncident(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        for incident in Incident::ALL {
            assert_eq!(incident.name().parse(), Ok(incident));
        }
        let error = "quake".parse::<Incident>().expect_err("no such incident");
        assert!(error.to_string().contains("hypervisor-lost, build-pool-offline"));
    }
}
