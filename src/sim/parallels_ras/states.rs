//! Agent states and server types of the RAS REST API, as its reference page lists them, and the class of each.
//!
//! Written from the page on its own: the exporter's table is another one, and a test compares the two.

/// Every `agentState`: number, name, class of health where no rule on the server type says otherwise.
pub(crate) const AGENT_STATES: [(i32, &str, &str); 71] = [
    (-8, "AutoUpgradeLimitReached", "degraded"),
    (-7, "AutoUpgradeFailed", "degraded"),
    (-6, "Unknown", "unknown"),
    (-5, "NeedsUpdate", "degraded"),
    (-4, "NotVerified", "unknown"),
    (-3, "ServerDeleted", "disabled"),
    (-2, "DisabledFromSettings", "disabled"),
    (-1, "Disconnected", "failed"),
    (0, "OK", "healthy"),
    (1, "EnumSessionsFailed", "degraded"),
    (2, "RDSRoleDisabled", "failed"),
    (3, "MaxNonCompletedSessions", "degraded"),
    (4, "RASScheduleInProgress", "disabled"),
    (5, "ConnectionFailed", "failed"),
    (6, "InvalidCredentials", "failed"),
    (7, "NeedsSysprep", "degraded"),
    (8, "SysPrepInProgress", "transitional"),
    (9, "CloningFailed", "degraded"),
    (10, "Synchronising", "transitional"),
    (13, "LogonDrainUntilRestart", "disabled"),
    (14, "LogonDrain", "disabled"),
    (15, "LogonDisabled", "disabled"),
    (16, "ForcedDisconnect", "degraded"),
    (17, "CloningCanceled", "degraded"),
    (18, "RASprepInProgress", "transitional"),
    (20, "InstallingRDSRole", "transitional"),
    (21, "RebootPending", "degraded"),
    (22, "PortMismatch", "failed"),
    (23, "NeedsDowngrade", "degraded"),
    (24, "NotApplied", "transitional"),
    (25, "CloningInProgress", "transitional"),
    (26, "MarkedForDeletion", "disabled"),
    (27, "StandBy", "healthy"),
    (28, "UnsupportedVDIType", "failed"),
    (29, "FreeESXLicenseNotSupported", "failed"),
    (30, "ManagedESXNotSupported", "failed"),
    (32, "InvalidHostVersion", "failed"),
    (33, "NotJoined", "disabled"),
    (35, "LicenseExpired", "failed"),
    (36, "JoinBroken", "failed"),
    (37, "InUse", "healthy"),
    (38, "NotInUse", "healthy"),
    (39, "Unsupported", "degraded"),
    (40, "NoAvailableGateways", "failed"),
    (41, "EnrollServerNotInitialized", "failed"),
    (42, "EnrollmentUnavailable", "failed"),
    (43, "InvalidCAConfig", "failed"),
    (44, "InvalidEAUserCredentials", "failed"),
    (45, "InvalidESSettings", "failed"),
    (46, "FSLogixNotAvail", "degraded"),
    (47, "NoDevices", "failed"),
    (48, "NeedsAttention", "degraded"),
    (49, "ImageOptimizationPending", "transitional"),
    (50, "ImageOptimization", "transitional"),
    (51, "Unavailable", "failed"),
    (52, "UnderConstruction", "transitional"),
    (53, "Broken", "failed"),
    (54, "NonRAS", "disabled"),
    (55, "Provisioning", "transitional"),
    (56, "Invalid", "failed"),
    (57, "FSLogixNeedsUpdate", "degraded"),
    (58, "NoMembersAvailable", "failed"),
    (59, "MembersNeedUpdate", "degraded"),
    (60, "FailedPerfCounters", "degraded"),
    (61, "PendingRecreation", "transitional"),
    (62, "RemovingMembers", "transitional"),
    (63, "AddingMembers", "transitional"),
    (64, "DeleteInProgress", "transitional"),
    (66, "JoiningToHostPool", "transitional"),
    (67, "AutoUpgradeInProgress", "transitional"),
    (68, "AutoUpgradeInitiated", "transitional"),
];

/// Every `serverType` that an answer can hold: number, name, whether it is a host (else a logical object).
pub(crate) const SERVER_TYPES: [(i32, &str, bool); 22] = [
    (1, "RDSHost", true),
    (2, "Provider", true),
    (3, "Gateway", true),
    (4, "Guest", true),
    (7, "PA", true),
    (9, "Site", false),
    (10, "VDIHostPool", false),
    (16, "RDSGroup", false),
    (25, "HALBDevice", true),
    (45, "TenantBroker", false),
    (46, "Enrollment", true),
    (51, "HALB", false),
    (64, "AVDWorkspace", false),
    (65, "AVDHostPool", false),
    (66, "AVDTemplate", false),
    (67, "AVDHost", true),
    (95, "VDITemplateVersion", false),
    (96, "AVDTemplateVersion", false),
    (97, "RDSTemplateVersion", false),
    (107, "RDSTemplate", false),
    (108, "VDITemplate", false),
    (2013, "VDIHost", true),
];

/// The types of hosts on which sessions run.
const SESSION_HOSTS: [i32; 4] = [1, 4, 67, 2013];

/// The name of a state, `code_<n>` where the page has none.
pub(crate) fn state_name(code: i32) -> String {
    let known = AGENT_STATES.iter().find(|(c, ..)| *c == code);
    known.map_or_else(|| format!("code_{code}"), |(_, name, _)| (*name).to_owned())
}

/// The name of a server type, `code_<n>` where the page has none.
pub(crate) fn type_name(code: i32) -> String {
    let known = SERVER_TYPES.iter().find(|(c, ..)| *c == code);
    known.map_or_else(|| format!("code_{code}"), |(_, name, _)| (*name).to_owned())
}

/// Whether a server type is a host; a number that the page does not list is taken as one.
pub(crate) fn is_host(code: i32) -> bool {
    SERVER_TYPES.iter().find(|(c, ..)| *c == code).is_none_or(|(_, _, host)| *host)
}

/// The class of a state on a server type. `power_managed`: its hosts are switched off on purpose.
pub(crate) fn health(state: i32, server_type: i32, power_managed: bool) -> &'static str {
    let session_host = SESSION_HOSTS.contains(&server_type);
    match state {
        -4 if session_host && power_managed => "disabled",
        -4 if session_host => "unknown",
        -4 => "failed",
        // Nobody new gets onto a host that waits for sysprep, failed to clone or is full of half log-ons.
        3 | 7 | 9 | 17 if session_host => "failed",
        _ => AGENT_STATES.iter().find(|(c, ..)| *c == state).map_or("unknown", |(_, _, class)| class),
    }
}
