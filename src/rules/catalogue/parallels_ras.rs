//! Alerts about Parallels RAS: the farm's own objects, and the session probe.

use super::{
    Alert,
    Labels::{Agent, Pool, Target},
    Severity::{Critical, Warning},
    Unit, alert, minutes, of_vendor, pools,
};
use crate::{
    catalogue::{
        agent::POOL_AGENTS,
        parallels_ras::{AGENT_INFO, AGENT_STATE},
        parallels_ras_session::{PRIME, PROBE_CONSECUTIVE_FAILURES, PROBE_ERROR},
    },
    rules::expr::{Expr, Selector, family},
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

/// What ended the probe is a fault that users meet too.
const FAULTS: &[&str] = &["unreachable", "endpoint", "broker", "license", "app", "certificate"];
/// What ended the probe is its own set-up.
const SET_UP: &[&str] = &["token", "request", "account", "policy", "priming"];

fn states() -> Selector {
    family(&AGENT_STATE)
}

/// Rows in one of these states. `full_state_sets` adds series at 0.
fn in_state(rows: Selector, names: &[&'static str]) -> Expr {
    rows.one_of("state", names).equals(1.0)
}

pub(super) fn alerts() -> Vec<Alert> {
    let mut rows = of_vendor("parallels_ras", vendors::Vendor::ParallelsRas, farm());
    rows.extend(of_vendor("parallels_ras", vendors::Vendor::ParallelsRasSession, probe()));
    rows
}

fn farm() -> Vec<Alert> {
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
    vec![
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
                "The licence of a RAS farm has expired.",
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
    ]
}

const BY_MODE: &[&str] = &["vendor", "target", "pool", "agent", "mode"];

fn probe() -> Vec<Alert> {
    // It fires at once, so that the failures of a daemon that is cut off must not count when another one fails once.
    let twice = || family(&PROBE_CONSECUTIVE_FAILURES).all().min_by(BY_MODE).at_least(2.0);
    let verdict = |verdicts: &[&'static str]| {
        let error = family(&PROBE_ERROR).one_of("verdict", verdicts).equals(1.0);
        twice().and(error.max_by(BY_MODE))
    };
    vec![
        alert("ParallelsRasSessionProbeFailing", Critical, Agent, verdict(FAULTS)).never_blind().annotate(
            "The probe of RAS sessions fails: users may not get a session.",
            "The session probe of {agent} by {target} failed {value} times in a row for a reason that users meet too.",
        ),
        alert("ParallelsRasSessionProbeMisconfigured", Warning, Agent, verdict(SET_UP))
            .lasting(minutes(5))
            .never_blind()
            .annotate(
                "The probe of RAS sessions fails for its own set-up.",
                "The session probe of {agent} by {target} failed {value} times in a row: account, token, policy or request.",
            ),
        alert("ParallelsRasSessionPrimeSlow", Warning, Agent, family(&PRIME).above(Expr::Threshold))
            .threshold(30.0, Unit::Seconds)
            // Deep mode polls every 15m at the most often.
            .lasting(minutes(30))
            .annotate(
                "RAS takes long to prepare a session.",
                "{target} took {value:duration} to prepare a session on {agent}.",
            ),
    ]
}
