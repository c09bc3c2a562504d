//! Alerts about a target as a whole: its polls, its credentials, all of its pools together.

use super::{
    Alert,
    Labels::{Credential, Host, Pool, Target},
    Severity::{Critical, Info, Warning},
    Unit, alert, days, hours, minutes, pools, table,
};
use crate::{
    catalogue::{
        agent::{POOL_AGENTS, POOL_ON_DEMAND},
        target::{
            AGENTS, API_THROTTLED, CONSECUTIVE_FAILURES, CREDENTIAL_EXPIRY, DECODE_WARNINGS, FIRST_POLL, LAST_SUCCESS,
            LOGIN_HELD, NEXT_POLL, PARTIAL, POLL_DURATION, POLL_INTERVAL, POLL_TIMEOUT, STALE, TLS_NOT_AFTER, UP,
        },
    },
    rules::expr::{Expr, Function, age, family, past, time},
};

/// The vendors whose silence is an outage for people at once, or the result of a probe.
const URGENT: &[&str] = &["citrix_storefront", "parallels_ras_session"];
/// The vendors that list machines which do not come and go by themselves.
const INVENTORIES: &[&str] = &["parallels_ras", "citrix_storefront", "citrix_site"];

pub(super) fn alerts() -> Vec<Alert> {
    let mut rows = polls();
    rows.extend(expiries());
    rows.extend(contents());
    table("targets", "rollcall-overview", &[], rows)
}

fn polls() -> Vec<Alert> {
    let down = || {
        let failing = family(&CONSECUTIVE_FAILURES).and(family(&UP).equals(0.0));
        // Of several daemons the one that read it last.
        failing.unless(family(&LOGIN_HELD).equals(1.0)).min_by(TARGET).at_least(3.0)
    };
    // By time and not by a longer `for`, so that the two severities exclude each other; 20m and the 10m of `for` are half
    // an hour.
    // Where nobody ever read it, since the first try.
    let urgent = |moment| family(moment).one_of("vendor", URGENT).all();
    let read = urgent(&LAST_SUCCESS).max_by(TARGET).above(0.0).or(urgent(&FIRST_POLL).min_by(TARGET).above(0.0));
    let long_down = down().and(age(read).above(Expr::Threshold));
    let throttled = past(Function::Rate, family(&API_THROTTLED), minutes(15)).min_by(TARGET).above(Expr::Threshold);
    // One daemon that is quick enough does.
    let slow = |limit| family(&POLL_DURATION).over(family(limit)).min_by(TARGET).above(Expr::Threshold);
    vec![
        alert("RollcallTargetDown", Critical, Target, long_down)
            .threshold(1200.0, Unit::Seconds)
            .about(URGENT)
            .lasting(minutes(10))
            .outlasting(2)
            .never_blind()
            .annotate(
                "A target that people depend on has not been read for half an hour.",
                "{target} ({vendor}) could not be polled {value} times in a row, for half an hour by now.",
            ),
        alert("RollcallTargetDown", Warning, Target, down()).lasting(minutes(10)).outlasting(2).never_blind().annotate(
            "A target cannot be polled.",
            "{target} ({vendor}) could not be polled {value} times in a row: its agents are not watched.",
        ),
        alert("RollcallPollsStopped", Critical, Target, polls_stopped())
            .threshold(3.0, Unit::Count)
            .lasting(minutes(5))
            .never_blind()
            .annotate(
                "A target is not polled any more, though nothing holds the polls.",
                "Rollcall runs and does not poll {target} ({vendor}) any more: its agents are not watched.",
            ),
        alert("RollcallTargetPartial", Warning, Target, family(&PARTIAL).equals(1.0)).lasting(minutes(30)).annotate(
            "A target answers only in part.",
            "Polls of {target} ({vendor}) bring only a part of the data: some of its pools or agents are not watched.",
        ),
        alert("RollcallTargetLoginHeld", Warning, Target, family(&LOGIN_HELD).equals(1.0))
            .lasting(minutes(15))
            .outlasting(3)
            .never_blind()
            .annotate(
                "A target refused the credentials, so log-ons to it are held.",
                "{target} ({vendor}) refused the credentials of Rollcall; no log-on is tried until they change or the hold ends.",
            ),
        alert("RollcallTargetRateLimited", Info, Target, throttled)
            .threshold(0.5, Unit::Share)
            .lasting(minutes(15))
            .never_blind()
            .annotate(
                "A vendor holds Rollcall back.",
                "Requests to {target} ({vendor}) are held back {value:share} of the time, because the vendor asks for it.",
            ),
        alert("RollcallPollSlow", Warning, Target, slow(&POLL_TIMEOUT).or(slow(&POLL_INTERVAL)))
            .threshold(0.8, Unit::Share)
            .lasting(minutes(15))
            .never_blind()
            .annotate(
                "Polls of a target take almost as long as they may.",
                "Polls of {target} ({vendor}) take {value:share} of their interval or timeout.",
            ),
    ]
}

/// The next poll is due an interval after the last one, or later where the target fails or the vendor asks for it. It stays
/// in the past where the task that polls is dead, and for as long as a poll may take while one is under way.
fn polls_stopped() -> Expr {
    let longest = |of| family(of).all().max_by(TARGET);
    let missed = longest(&POLL_INTERVAL).times(Expr::Threshold.minus(1.0)).plus(longest(&POLL_TIMEOUT));
    age(longest(&NEXT_POLL)).above(missed)
}

fn expiries() -> Vec<Alert> {
    let ending = |moment| family(moment).minus(time()).below(Expr::Threshold);
    let certificate = |severity, days_left: u64| {
        alert("RollcallCertificateExpiring", severity, Host, ending(&TLS_NOT_AFTER))
            .threshold(days(days_left).as_secs_f64(), Unit::Seconds)
            .lasting(hours(1))
            .never_blind()
            .annotate(
                "The TLS certificate of a vendor's server is about to expire.",
                "The TLS certificate of {host}, which {target} ({vendor}) is polled through, expires in {value:duration}.",
            )
    };
    vec![
        alert("RollcallCredentialExpiring", Warning, Credential, ending(&CREDENTIAL_EXPIRY))
            .threshold(days(14).as_secs_f64(), Unit::Seconds)
            .lasting(hours(1))
            .never_blind()
            .annotate(
                "A credential of Rollcall is about to expire.",
                "The {credential} with which {target} ({vendor}) is polled expires in {value:duration}.",
            ),
        certificate(Critical, 3),
        certificate(Warning, 21),
    ]
}

fn contents() -> Vec<Alert> {
    // A window no longer than `for`: one occurrence is not enough.
    let counted = past(Function::Increase, family(&DECODE_WARNINGS).is("kind", "unknown_state"), minutes(15));
    let complete = |of: Expr| {
        let read = of.and(family(&UP).equals(1.0).max_by(TARGET));
        read.unless(family(&PARTIAL).equals(1.0).max_by(TARGET)).unless(family(&STALE).equals(1.0).max_by(TARGET))
    };
    let broken = {
        let down = || pools::down(family(&POOL_AGENTS)).unless(pools::on_demand());
        let expected = pools::eligible().above(0.0).unless(pools::on_demand());
        let many = down().count_without(&["pool"]).at_least(3.0);
        let share = down().count_without(&["pool"]).over(expected.count_without(&["pool"]));
        share.at_least(Expr::Threshold).and(many)
    };
    let agents = || family(&AGENTS).one_of("vendor", INVENTORIES);
    let before = || agents().ago(hours(1)).all().max_by(TARGET);
    let shrunk = agents().all().max_by(TARGET).over(before()).below(Expr::Threshold).and(before().at_least(10.0));
    let seen = past(Function::Max, family(&POOL_ON_DEMAND), days(1)).max_by(Pool.names()).equals(0.0);
    let vanished = seen.unless(family(&POOL_ON_DEMAND).all().max_by(Pool.names()));
    let complete_target = complete(family(&UP).all().max_by(TARGET));
    vec![
        alert("RollcallUnknownState", Warning, Target, counted.above(0.0)).lasting(minutes(15)).annotate(
            "A vendor sends states that Rollcall does not know.",
            "{target} ({vendor}) keeps sending states that Rollcall does not know: what they mean for agents is not judged.",
        ),
        alert("RollcallTargetBroken", Critical, Target, broken)
            .threshold(0.5, Unit::Share)
            .lasting(minutes(5))
            .outlasting(3)
            .annotate(
                "Half of a target's pools are down at once.",
                "{value:share} of the pools of {target} ({vendor}), and at least 3, have failed agents and none that serves.",
            ),
        alert("RollcallInventoryShrunk", Warning, Target, complete(shrunk))
            .threshold(0.7, Unit::Share)
            .about(INVENTORIES)
            .lasting(minutes(15))
            .annotate(
                "A target lists far fewer agents than an hour ago.",
                "{target} ({vendor}) lists {value:share} of the agents that it listed an hour ago.",
            ),
        alert("RollcallPoolVanished", Warning, Pool, vanished.and(complete_target).on(TARGET))
            .lasting(minutes(15))
            .annotate(
                "A pool is gone from a target's answers.",
                "Pool {pool} of {target} ({vendor}) was there within the past day, and complete answers do not list it any more.",
            ),
    ]
}

const TARGET: &[&str] = Target.names();
