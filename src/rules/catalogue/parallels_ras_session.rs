//! Alerts about Parallels RAS: the session probe.

use super::{
    Alert,
    Labels::Agent,
    Severity::{Critical, Warning},
    Unit, alert, minutes, of_vendor,
};
use crate::{
    catalogue::parallels_ras_session::{PRIME, PROBE_CONSECUTIVE_FAILURES, PROBE_ERROR},
    rules::expr::{Expr, family},
    vendors,
};

/// What ended the probe is a fault that users meet too.
const FAULTS: &[&str] = &["unreachable", "endpoint", "broker", "license", "app", "certificate"];
/// What ended the probe is its own set-up.
const SET_UP: &[&str] = &["token", "request", "account", "policy", "priming"];

const BY_MODE: &[&str] = &["vendor", "target", "pool", "agent", "mode"];

pub(super) fn alerts() -> Vec<Alert> {
    // It fires at once, so that the failures of a daemon that is cut off must not count when another one fails once.
    let twice = || family(&PROBE_CONSECUTIVE_FAILURES).all().min_by(BY_MODE).at_least(2.0);
    let verdict = |verdicts: &[&'static str]| {
        let error = family(&PROBE_ERROR).one_of("verdict", verdicts).equals(1.0);
        twice().and(error.max_by(BY_MODE))
    };
    let rows = vec![
        alert("ParallelsRasSessionProbeFailing", Critical, Agent, verdict(FAULTS)).never_blind().annotate(
            "The probe of RAS sessions fails: users may not get a session.",
            "The session probe of {agent} by {target} failed {value} times in a row for a reason that also affects users.",
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
            // Deep mode polls at most every 15m.
            .lasting(minutes(30))
            .annotate(
                "RAS takes long to prepare a session.",
                "{target} took {value:duration} to prepare a session on {agent}.",
            ),
    ];
    // One group for the product, as on its dashboard.
    of_vendor("parallels_ras", vendors::Vendor::ParallelsRasSession, rows)
}
