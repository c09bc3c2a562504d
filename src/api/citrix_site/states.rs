//! The states of machines, and what they mean together.
//!
//! Power and registration are those of StoreFront, and so is their table; what a site knows besides comes after it.
//! Words: `model_power_state.go`, `model_registration_state.go`, `model_fault_state.go` and `model_deregistration_reason.go` of
//! <https://github.com/citrix/citrix-daas-rest-go>.

use crate::{
    api::{citrix_storefront::states as storefront, table},
    health::Health,
};

use Health::{Degraded, Disabled, Failed, Healthy, Transitional, Unknown};

pub use storefront::{POWER_NAMES, power, sessions};

/// Registration states: those of StoreFront, and one more.
pub const REGISTRATION_NAMES: [&str; 5] = ["Unknown", "Registered", "Unregistered", "Initializing", "AgentError"];

/// Fault states, and the class that one makes of a machine that is not out of service.
pub const FAULTS: [(&str, Option<Health>); 7] = [
    ("None", None),
    ("FailedToStart", Some(Failed)),
    ("StuckOnBoot", Some(Failed)),
    ("Unregistered", None),
    ("MaxCapacity", Some(Degraded)),
    ("VirtualMachineNotFound", None),
    ("Unknown", None),
];
/// The names of [`FAULTS`].
pub static FAULT_NAMES: [&str; FAULTS.len()] = table::names(&FAULTS);

/// Why a machine may have lost its registration.
pub static REASONS: [&str; 32] = [
    "Unknown",
    "AgentShutdown",
    "AgentSuspended",
    "AgentRequested",
    "IncompatibleVersion",
    "AgentAddressResolutionFailed",
    "AgentNotContactable",
    "AgentWrongActiveDirectoryOU",
    "EmptyRegistrationRequest",
    "MissingRegistrationCapabilities",
    "MissingAgentVersion",
    "InconsistentRegistrationCapabilities",
    "NotLicensedForFeature",
    "OSNotCompatibleWithDdc",
    "VMNotCompatibleWithDdc",
    "UnsupportedCredentialSecurityVersion",
    "InvalidRegistrationRequest",
    "SingleMultiSessionMismatch",
    "FunctionalLevelTooLowForCatalog",
    "FunctionalLevelTooLowForDesktopGroup",
    "PowerOff",
    "DesktopRestart",
    "DesktopRemoved",
    "AgentRejectedSettingsUpdate",
    "SendSettingsFailure",
    "SessionAuditFailure",
    "SessionPrepareFailure",
    "ContactLost",
    "SettingsCreationFailure",
    "UnknownError",
    "BrokerRegistrationLimitReached",
    "RegistrationStateMismatch",
];

/// The vendor's spelling of a registration state; `None` for one that is not listed.
pub fn registration(text: &str) -> Option<&'static str> {
    named(&REGISTRATION_NAMES, text)
}

/// The vendor's spelling of a fault state.
pub fn fault(text: &str) -> Option<&'static str> {
    named(&FAULT_NAMES, text)
}

/// The vendor's spelling of a reason.
pub fn reason(text: &str) -> Option<&'static str> {
    named(&REASONS, text)
}

fn named(names: &[&'static str], text: &str) -> Option<&'static str> {
    names.iter().copied().find(|name| name.eq_ignore_ascii_case(text.trim()))
}

/// What a site says of a machine, in its words; empty where it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said<'a> {
    /// Power state.
    pub power: &'a str,
    /// Registration.
    pub registration: &'a str,
    /// Fault.
    pub fault: &'a str,
    /// A power action is pending.
    pub acting: bool,
    /// Several users share the machine.
    pub multi: bool,
    /// It is in maintenance mode, or drained.
    pub out: bool,
}

/// The health of a machine.
pub fn health(said: Said<'_>) -> Health {
    if said.out {
        return Disabled;
    }
    let class = by_power(said);
    match table::find(&FAULTS, said.fault).and_then(|(_, class)| class) {
        // It does not make anything better.
        Some(Degraded) if !matches!(class, Healthy | Transitional) => class,
        Some(fault) => fault,
        None => class,
    }
}

fn by_power(said: Said<'_>) -> Health {
    let class = storefront::health(said.power, said.registration, said.acting, said.multi);
    if !said.registration.trim().eq_ignore_ascii_case("Unknown") {
        return class;
    }
    match power(said.power) {
        _ if class == Transitional => Transitional,
        // It is off on purpose, whatever is known of its registration.
        Some("Off" | "Suspended") => Disabled,
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_as_the_simulator_has_it() {
        type Site = rollcall_sim::CitrixSite;
        assert_eq!(POWER_NAMES, Site::POWER_STATES);
        assert_eq!(REGISTRATION_NAMES, Site::REGISTRATION_STATES);
        assert_eq!(FAULT_NAMES, Site::FAULT_STATES);
        assert_eq!(REASONS, Site::DEREGISTRATION_REASONS);
        for power in POWER_NAMES.into_iter().chain(["Hibernated"]) {
            for registration in REGISTRATION_NAMES {
                for fault in FAULT_NAMES.into_iter().chain(["OnFire"]) {
                    for bits in 0..8 {
                        let [acting, multi, out] = [1, 2, 4].map(|bit| bits & bit != 0);
                        let said = Said { power, registration, fault, acting, multi, out };
                        let expected = Site::health(power, registration, acting, multi, out, fault);
                        assert_eq!(health(said).as_str(), expected, "{said:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn maintenance_comes_before_a_fault_and_a_fault_before_the_states() {
        let on = Said { power: "On", registration: "Registered", ..Said::default() };
        let off = Said { power: "off", registration: "UNREGISTERED", ..Said::default() };
        let rows = [
            (on, Healthy),
            (off, Disabled),
            (Said { out: true, fault: "FailedToStart", ..on }, Disabled),
            (Said { fault: "StuckOnBoot", ..on }, Failed),
            (Said { fault: "FailedToStart", ..off }, Failed),
            (Said { fault: "maxcapacity", ..on }, Degraded),
            (Said { fault: "MaxCapacity", ..off }, Disabled),
            (Said { fault: "Unregistered", registration: "Unregistered", ..on }, Failed),
            (Said { registration: "Unknown", ..on }, Unknown),
            (Said { registration: "Unknown", ..off }, Disabled),
            (Said { registration: "Unknown", acting: true, ..on }, Transitional),
            (Said::default(), Unknown),
        ];
        for (said, expected) in rows {
            assert_eq!(health(said), expected, "{said:?}");
        }
        assert_eq!(
            (registration("unknown"), fault("Ablaze"), reason("contactlost")),
            (Some("Unknown"), None, Some("ContactLost"))
        );
    }
}
