//! Agent states: number, name and class, and the rules that depend on the server type.
//!
//! Numbers and names are those of the vendor's page on `GET /api/Agent`; the gaps 11, 12, 19, 31, 34 and 65 are the
//! vendor's. Only 0, 13, 14, 15 and -4 are explained anywhere, the other classes are a reading of the name, which is why
//! `health_overrides` can change each of them.

use super::server_types;
use crate::health::Health;

/// One value of `agentState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// On the wire.
    pub code: i64,
    /// The vendor's name.
    pub name: &'static str,
    /// The class where the server type does not decide.
    pub health: Health,
}

const fn state(code: i64, name: &'static str, health: Health) -> State {
    State { code, name, health }
}

/// All states, by code.
#[rustfmt::skip]
pub const STATES: [State; 71] = {
    use Health::{Degraded, Disabled, Failed, Healthy, Transitional, Unknown};
    [
        state(-8, "AutoUpgradeLimitReached", Degraded),
        state(-7, "AutoUpgradeFailed", Degraded),
        state(-6, "Unknown", Unknown),
        state(-5, "NeedsUpdate", Degraded),
        state(-4, "NotVerified", Unknown),
        state(-3, "ServerDeleted", Disabled),
        state(-2, "DisabledFromSettings", Disabled),
        state(-1, "Disconnected", Failed),
        state(0, "OK", Healthy),
        state(1, "EnumSessionsFailed", Degraded),
        state(2, "RDSRoleDisabled", Failed),
        state(3, "MaxNonCompletedSessions", Degraded),
        state(4, "RASScheduleInProgress", Disabled),
        state(5, "ConnectionFailed", Failed),
        state(6, "InvalidCredentials", Failed),
        state(7, "NeedsSysprep", Degraded),
        state(8, "SysPrepInProgress", Transitional),
        state(9, "CloningFailed", Degraded),
        state(10, "Synchronising", Transitional),
        state(13, "LogonDrainUntilRestart", Disabled),
        state(14, "LogonDrain", Disabled),
        state(15, "LogonDisabled", Disabled),
        state(16, "ForcedDisconnect", Degraded),
        state(17, "CloningCanceled", Degraded),
        state(18, "RASprepInProgress", Transitional),
        state(20, "InstallingRDSRole", Transitional),
        state(21, "RebootPending", Degraded),
        state(22, "PortMismatch", Failed),
        state(23, "NeedsDowngrade", Degraded),
        state(24, "NotApplied", Transitional),
        state(25, "CloningInProgress", Transitional),
        state(26, "MarkedForDeletion", Disabled),
        state(27, "StandBy", Healthy),
        state(28, "UnsupportedVDIType", Failed),
        state(29, "FreeESXLicenseNotSupported", Failed),
        state(30, "ManagedESXNotSupported", Failed),
        state(32, "InvalidHostVersion", Failed),
        state(33, "NotJoined", Disabled),
        state(35, "LicenseExpired", Failed),
        state(36, "JoinBroken", Failed),
        state(37, "InUse", Healthy),
        state(38, "NotInUse", Healthy),
        state(39, "Unsupported", Degraded),
        state(40, "NoAvailableGateways", Failed),
        state(41, "EnrollServerNotInitialized", Failed),
        state(42, "EnrollmentUnavailable", Failed),
        state(43, "InvalidCAConfig", Failed),
        state(44, "InvalidEAUserCredentials", Failed),
        state(45, "InvalidESSettings", Failed),
        state(46, "FSLogixNotAvail", Degraded),
        state(47, "NoDevices", Failed),
        state(48, "NeedsAttention", Degraded),
        state(49, "ImageOptimizationPending", Transitional),
        state(50, "ImageOptimization", Transitional),
        state(51, "Unavailable", Failed),
        state(52, "UnderConstruction", Transitional),
        state(53, "Broken", Failed),
        state(54, "NonRAS", Disabled),
        state(55, "Provisioning", Transitional),
        state(56, "Invalid", Failed),
        state(57, "FSLogixNeedsUpdate", Degraded),
        state(58, "NoMembersAvailable", Failed),
        state(59, "MembersNeedUpdate", Degraded),
        state(60, "FailedPerfCounters", Degraded),
        state(61, "PendingRecreation", Transitional),
        state(62, "RemovingMembers", Transitional),
        state(63, "AddingMembers", Transitional),
        state(64, "DeleteInProgress", Transitional),
        state(66, "JoiningToHostPool", Transitional),
        state(67, "AutoUpgradeInProgress", Transitional),
        state(68, "AutoUpgradeInitiated", Transitional),
    ]
};

/// The names of [`STATES`], for the complete state sets.
pub const NAMES: [&str; STATES.len()] = {
    let mut names = [""; STATES.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = STATES[i].name;
        i += 1;
    }
    names
};

/// RAS could not verify the agent: what the vendor's own power scripts take for "switched off".
pub const NOT_VERIFIED: i64 = -4;

/// MaxNonCompletedSessions, NeedsSysprep, CloningFailed, CloningCanceled: nobody new gets on to such a host, while on
/// other rows only new capacity is missing.
const CLOSED_TO_NEW_USERS: [i64; 4] = [3, 7, 9, 17];

/// The state of this number.
pub fn by_code(code: i64) -> Option<&'static State> {
    STATES.binary_search_by_key(&code, |state| state.code).ok().map(|i| &STATES[i])
}

/// The state of this name, in any case.
pub fn by_name(name: &str) -> Option<&'static State> {
    STATES.iter().find(|state| state.name.eq_ignore_ascii_case(name))
}

/// The class of a state on a row of this server type; `power_managed`: its hosts are switched off on purpose.
pub fn health(code: i64, server_type: i64, power_managed: bool) -> Health {
    let desktop_host = server_types::DESKTOP_HOSTS.contains(&server_type);
    match code {
        NOT_VERIFIED if desktop_host && power_managed => Health::Disabled,
        NOT_VERIFIED if server_types::ALWAYS_ON.contains(&server_type) => Health::Failed,
        _ if desktop_host && CLOSED_TO_NEW_USERS.contains(&code) => Health::Failed,
        _ => by_code(code).map_or(Health::Unknown, |state| state.health),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from the vendor's page, independently of [`STATES`].
    const PAGE: &str = include_str!("states_fixture.tsv");

    #[test]
    fn the_table_is_the_vendors() {
        let page: Vec<(i64, &str, Health)> = PAGE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let [code, name, class] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
                let class = if class == "drained_or_disabled" { "disabled" } else { class };
                (code.parse().expect("a number"), name, Health::parse(class).expect("a class"))
            })
            .collect();
        let table: Vec<_> = STATES.iter().map(|state| (state.code, state.name, state.health)).collect();
        assert_eq!(table, page);
        for state in &STATES {
            assert_eq!(by_code(state.code), Some(state));
            assert_eq!(by_name(state.name), Some(state));
        }
        for gap in [-9, 11, 12, 19, 31, 34, 65, 69] {
            assert_eq!(by_code(gap), None);
        }
    }

    #[test]
    fn the_server_type_decides_where_the_reference_says_so() {
        for server_type in server_types::SERVER_TYPES.map(|server_type| server_type.code) {
            let desktop_host = matches!(server_type, 1 | 4 | 67 | 2013);
            let always_on = matches!(server_type, 2 | 3 | 7 | 25 | 45 | 46 | 51);
            for state in &STATES {
                for power_managed in [false, true] {
                    let expected = match state.code {
                        -4 if always_on => Health::Failed,
                        -4 if desktop_host && power_managed => Health::Disabled,
                        -4 => Health::Unknown,
                        3 | 7 | 9 | 17 if desktop_host => Health::Failed,
                        3 | 7 | 9 | 17 => Health::Degraded,
                        _ => state.health,
                    };
                    assert_eq!(health(state.code, server_type, power_managed), expected, "{state:?} on {server_type}");
                }
            }
        }
        assert_eq!(health(99, 1, true), Health::Unknown);
    }
}
