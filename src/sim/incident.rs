//! The scripted incidents of `rollcall demo --incident NAME`: names, one line each, and parsing.

use strum::{Display, EnumCount, EnumString, IntoStaticStr, VariantArray};

/// The scripted incidents of `rollcall demo --incident`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumCount, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case", parse_err_fn = unknown, parse_err_ty = UnknownIncident)]
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
    /// Parallels RAS: the license ends in five days, and nearly all users of it are taken.
    LicenseRunningOut,
    /// All desktop vendors: hosts are drained and rebooted in turn, as in a patch night.
    PatchNight,
    /// Azure DevOps and StoreFront answer 503.
    VendorApiDown,
    /// Azure DevOps: the jobs of one build pool take six times as long, and what comes waits longer and longer.
    SlowBuilds,
    /// Azure DevOps: a scale set is unhealthy; its machines are gone, none comes, and jobs wait.
    ScaleSetBroken,
    /// Azure DevOps: a job waits whose demands only disabled agents meet.
    JobNobodyCanTake,
    /// Resilio: three agents go offline in the management console, and know it themselves.
    FilersDark,
    /// Resilio: the console reports that the disk of an agent is full.
    DiskFull,
    /// Citrix: a delivery group is in maintenance, and its machines are restarted in turn.
    SiteMaintenance,
    /// Citrix: the machines of a delivery group lose their registrations within minutes.
    RegistrationStorm,
}

impl Incident {
    /// Every incident, in the order of the help.
    pub const ALL: [Incident; Incident::COUNT] =
        *Incident::VARIANTS.first_chunk().expect("there are as many as are counted");

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.into()
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
            Incident::LicenseRunningOut => {
                "Parallels RAS: the license ends in five days, and nearly all of its users are taken"
            }
            Incident::PatchNight => {
                "Parallels RAS and Citrix: hosts are drained and rebooted in turn; nothing may page"
            }
            Incident::VendorApiDown => "Azure DevOps and Citrix StoreFront answer 503",
            Incident::SlowBuilds => {
                "Azure DevOps: the jobs of one build pool take six times as long, and the others wait for it"
            }
            Incident::ScaleSetBroken => {
                "Azure DevOps: a scale set is unhealthy, its machines are gone and none comes, while jobs wait"
            }
            Incident::JobNobodyCanTake => "Azure DevOps: a job waits whose demands only disabled agents meet",
            Incident::FilersDark => "Resilio: three agents lose the management console and are offline there",
            Incident::DiskFull => "Resilio: the management console reports that the disk of an agent is full",
            Incident::SiteMaintenance => {
                "Citrix: a delivery group is in maintenance, its machines are restarted in turn; nothing may page"
            }
            Incident::RegistrationStorm => {
                "Citrix: the machines of a delivery group lose their registrations within minutes, and get them back"
            }
        }
    }
}

/// The name is not one of the incidents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown incident {0:?}, expected one of: {names}", names = Incident::ALL.map(Incident::name).join(", "))]
pub struct UnknownIncident(pub String);

fn unknown(name: &str) -> UnknownIncident {
    UnknownIncident(name.to_owned())
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
