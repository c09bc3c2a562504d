//! Alerts about Parallels RAS: the farm's own objects.

use super::{
    Alert,
    Labels::{Agent, Pool, Target},
    Severity::{Critical, Info, Warning},
    Unit, alert, days, hours, minutes, of_vendor, pools,
};
use crate::{
    catalogue::{
        agent::{AGENT_HEALTH, POOL_AGENTS},
        parallels_ras::{
            AGENT_INFO, AGENT_STATE, AGENT_VERSION, HOST_MAX_SESSIONS, HOST_SESSIONS, LICENSE_EXPIRY, LICENSE_USERS,
        },
    },
    rules::expr::{Expr, Selector, family, time},
    vendors,
};

/// The states of class failed, but for those that have an alert of their own.
pub(super) const FAILED: &[&str] = &[
    "Disconnected",
    "RDSRoleDisabled",
    "ConnectionFailed",
    "InvalidCredentials",
    "PortMismatch",
    "UnsupportedVDIType",
    "FreeESXLicenseNotSupported",
    "ManagedESXNotSupported",
    "InvalidHostVersion",
    "JoinBroken",
    "EnrollServerNotInitialized",
    "EnrollmentUnavailable",
    "InvalidCAConfig",
    "InvalidEAUserCredentials",
    "InvalidESSettings",
    "Unavailable",
    "Broken",
    "Invalid",
];
/// A pool or balancer that has nobody to send users to.
pub(super) const EMPTY: &[&str] = &["NoMembersAvailable", "NoAvailableGateways", "NoDevices"];
pub(super) const LICENSE: &str = "LicenseExpired";
/// States that take a row out of service on purpose.
pub(super) const DISABLED: &[&str] = &[
    "ServerDeleted",
    "DisabledFromSettings",
    "RASScheduleInProgress",
    "LogonDrainUntilRestart",
    "LogonDrain",
    "LogonDisabled",
    "MarkedForDeletion",
    "NotJoined",
    "NonRAS",
];
/// Failed on the logical rows that are never switched off to save power.
const NOT_VERIFIED: &str = "NotVerified";
const ALWAYS_ON: &[&str] = &["HALB@", "TenantBroker@"];

fn states() -> Selector {
    family(&AGENT_STATE)
}

/// Rows in one of these states. `full_state_sets` adds series at 0.
fn in_state(rows: Selector, names: &[&'static str]) -> Expr {
    rows.one_of("state", names).equals(1.0)
}

pub(super) fn alerts() -> Vec<Alert> {
    let entry = family(&POOL_AGENTS).is("vendor", "parallels_ras").prefixed("pool", pools::ENTRY_POINTS);
    // A balancer is a logical row, which no pool counts. NoDevices has an alert of its own.
    let halb = || states().prefixed("pool", &["HALB@"]);
    let halb_failed = in_state(halb(), FAILED).or(in_state(halb(), &[NOT_VERIFIED]));
    let halb_other =
        halb().none_of("state", FAILED).none_of("state", &[NOT_VERIFIED]).none_of("state", DISABLED).equals(1.0);
    let members = &["agent", "state"];
    let halb_down = halb_failed.count_without(members).unless(halb_other.count_without(members));
    let brokers = || states().prefixed("pool", &["PA@"]);
    let no_active =
        brokers().equals(1.0).count_without(members).unless(in_state(brokers(), &["OK"]).count_without(members));
    let logical = family(&AGENT_INFO).is("kind", "logical");
    let not_verified = in_state(states().prefixed("pool", ALWAYS_ON), &[NOT_VERIFIED]);
    let failed = in_state(states(), FAILED).or(not_verified);
    let failed = failed.and(logical).ignoring(&["state", "site_id", "server_type", "agent_id", "kind"]);
    let mut rows = vec![
        alert("ParallelsRasEntryPointDown", Critical, Pool, pools::down(entry).or(halb_down))
            .lasting(minutes(5))
            .annotate(
                "Brokers, gateways or load balancers of a RAS site are all down.",
                "No member of {pool} of {target} serves: users cannot get in by it. Failed: {value}.",
            ),
        alert("ParallelsRasNoActiveBroker", Critical, Pool, no_active).lasting(minutes(5)).annotate(
            "A RAS site has no active connection broker.",
            "No broker in {pool} of {target} is OK, of {value}; a standby alone does not serve.",
        ),
        alert("ParallelsRasHostPoolEmpty", Critical, Pool, in_state(states(), EMPTY).sum_without(members))
            .lasting(minutes(15))
            .annotate(
                "A RAS pool or load balancer has no member to send users to.",
                "No member, gateway or device is available in {pool} of {target}; rows that say so: {value}.",
            ),
        alert("ParallelsRasObjectFailed", Warning, Agent, failed).lasting(minutes(15)).annotate(
            "A RAS object that is no server has failed.",
            "{agent} in {pool} of {target} is in a failed state.",
        ),
        alert("ParallelsRasLicenseExpired", Critical, Target, in_state(states(), &[LICENSE]))
            .lasting(minutes(5))
            .annotate(
                "The license of a RAS farm has expired.",
                "{target} says LicenseExpired: users are, or soon will be, refused.",
            ),
        alert(
            "ParallelsRasProfilesUnavailable",
            Warning,
            Pool,
            in_state(states(), &["FSLogixNotAvail"]).sum_without(members),
        )
        .lasting(minutes(15))
        .annotate(
            "Profile containers are not available on RAS hosts.",
            "FSLogix is not available in {pool} of {target}: sessions may start without the profile. Hosts: {value}.",
        ),
    ];
    rows.extend(license());
    rows.extend(capacity());
    of_vendor("parallels_ras", vendors::Vendor::ParallelsRas, rows)
}

fn license() -> Vec<Alert> {
    let expiring = |severity, days_left: u64| {
        let left = family(&LICENSE_EXPIRY).minus(time());
        alert("ParallelsRasLicenseExpiring", severity, Target, left.below(Expr::Threshold))
            .threshold(days(days_left).as_secs_f64(), Unit::Seconds)
            .lasting(minutes(15))
            .annotate(
                "The license of a RAS farm is about to end.",
                "The license of {target} ends in {value:duration}: then users are, or soon will be, refused.",
            )
    };
    let users = |kinds: &[&'static str]| family(&LICENSE_USERS).one_of("kind", kinds).all().max_without(&["kind"]);
    let near_limit = users(&["used", "peak"]).over(users(&["installed"]).above(0.0)).above(Expr::Threshold);
    vec![
        expiring(Critical, 7),
        expiring(Warning, 30),
        alert("ParallelsRasLicenseUsersNearLimit", Warning, Target, near_limit)
            .threshold(0.95, Unit::Share)
            .lasting(minutes(30))
            .annotate(
                "Nearly all users of the license of a RAS farm are taken.",
                "Of the users that the license of {target} allows {value:share} are, or at the most were, in use.",
            ),
    ]
}

fn capacity() -> Vec<Alert> {
    let serving = || family(&AGENT_HEALTH).one_of("health", pools::SERVING).equals(1.0).max_without(&["health"]);
    // Of hosts that serve and tell their sessions: one that is drained takes nobody in, and has its sessions for itself.
    let sessions = || family(&HOST_SESSIONS).all().sum_without(&["state"]).and(serving());
    let most = family(&HOST_MAX_SESSIONS).and(sessions()).sum_without(&["agent"]);
    let near_limit = sessions().sum_without(&["agent"]).over(most.above(0.0)).above(Expr::Threshold);
    let versions = family(&AGENT_VERSION).all().max_without(&["agent"]).count_without(&["version"]);
    vec![
        alert("ParallelsRasHostPoolSessionsNearLimit", Warning, Pool, near_limit)
            .threshold(0.9, Unit::Share)
            .lasting(minutes(15))
            .annotate(
                "The session hosts of a RAS site are nearly full.",
                "The serving hosts in {pool} of {target} have {value:share} of the sessions that they may have.",
            ),
        alert("ParallelsRasAgentVersionMismatch", Info, Pool, versions.above(1.0)).lasting(hours(24)).annotate(
            "Agents of a RAS site have different versions.",
            "In {pool} of {target} there have been {value} versions of the agent for a day.",
        ),
    ]
}
