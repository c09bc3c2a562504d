//! The holding form: what fires goes on while nobody can know better, and one sender owns a target's alerts.
//!
//! ```text
//! ( CONDITION, of the daemons with the best view
//!   or FIRING and nobody reads the target, for max_hold after the last success
//!   or FIRING and the last poll was partial, and the subject's own part is not there
//!   or FIRING and what the condition reads besides could not be read
//!   or FIRING and no daemon tells of the target, while one is down
//!   or PENDING for something long, and no daemon tells of the target for less than 5m
//! ) unless a daemon itself pages for the target
//! ```
//!
//! FIRING is `ALERTS{alertstate="firing"}`: the rule holds itself. What a restart of Prometheus does to it was tried with
//! 2.42 and 3.5:
//!
//! - At the first evaluation after a restart every alert is pending, and nothing writes `ALERTS{alertstate="firing"}`. The
//!   samples from before the restart are found for 5m (`--query.lookback-delta`).
//! - At the second evaluation `for` is restored: what fired before fires again. But not where `for` is shorter than
//!   `--rules.alert.for-grace-period` (10m): such an alert waits for the whole of `for` again. By then the old samples are
//!   unread, and a hold that looked at them alone has ended.
//! - Alertmanager calls an alert resolved that it was not told of for four times the longer of evaluation interval and
//!   resend delay, that is 4m. A `for` of 5m that is not restored so costs one false "resolved" and one new page, blind or
//!   not. No expression can prevent that, as `for` applies to whatever it gives: only the flag,
//!   `--rules.alert.for-grace-period=1m`, does.
//! - `keep_firing_for` is not restored: what only went on for its sake ends with the restart, up to that much too early.
//!
//! So the hold of a target that nobody reads asks as well when the alert last fired, as far back as Prometheus restores
//! alerts (`--rules.alert.for-outage-tolerance`, 1h). It comes back after a restart by itself, with the flag at once, without
//! it after `for`. It must not revive what ended while somebody read the target, and does not: the alert must have fired
//! after the last success, and later by an interval and a timeout, so that the next poll had failed by then. It was held at
//! that moment, and nobody has read the target since. Where no success is known nothing is revived. A partial poll has no
//! such moment; those holds, and those of a daemon that is down, outlive a restart of less than 5m with the flag only.
//!
//! One evaluation without samples, as when a daemon starts again and has not polled yet, ends what is pending, and `for` begins
//! anew. Where it is minutes that costs minutes. Where it is half an hour or more the alert might never come, with a daemon that
//! is started again each hour; so that is held as well, but not for longer than a start takes.

use std::time::Duration;

use super::best::{best, of_best};
use crate::{
    catalogue::{
        Family, Kind, Scope,
        agent::POOL_ON_DEMAND,
        target::{DIRECT_ALERTING_ACTIVE, FIRST_POLL, LAST_SUCCESS, PARTIAL, POLL_INTERVAL, POLL_TIMEOUT, UP},
    },
    rules::{
        catalogue::{Labels, SCRAPE_UP, Sender},
        expr::{Expr, Function, Selector, age, family, past},
        rule::{self, Rule},
    },
    scale::scaled,
};

/// What Prometheus keeps of its own alerts.
static ALERTS: Family = Family {
    name: "ALERTS",
    kind: Kind::Gauge,
    scope: Scope::Agent,
    labels: &["alertname", "alertstate", "severity"],
    unit: "",
    help: "Pending and firing alerts of this Prometheus.",
    ordinal: 0,
};

const TARGET: &[&str] = Labels::Target.names();
const VENDOR: &[&str] = Labels::Vendor.names();
/// How long the flag is looked back at, so that a failed scrape does not make the rules fire beside the daemon.
const FLAG: Duration = Duration::from_secs(900);
/// How far back an alert may have fired last; Prometheus restores none that is older.
const OUTAGE: Duration = Duration::from_secs(3600);
/// A `for` of at least this must not begin anew with each start of a daemon.
const LONG: Duration = Duration::from_secs(1800);
/// How long a start of a daemon may take, first polls included.
const START: Duration = Duration::from_secs(300);
/// How long a daemon that is not scraped at all any more, as a pod that was replaced, may be thought to come back.
const GONE: Duration = Duration::from_secs(3600);

/// The expression of a rule. What is about daemons is known whenever there is a scrape, so there is nothing to hold.
pub(super) fn held(rule: &Rule, max_hold: Duration) -> Expr {
    let names = rule.alert.labels.names();
    let mut expr = of_best(rule.expr.clone());
    if rule.alert.labels.of_target() {
        if rule.alert.hold {
            expr = while_unreadable(expr, rule, max_hold);
        }
        expr = expr.or(firing(rule, max_hold).and(down(max_hold)).on(&[]).unless(family(&UP)).on(TARGET));
        if rule.r#for >= scaled(LONG) {
            let seen = past(Function::Max, family(&UP), scaled(START)).max_by(TARGET);
            expr = expr.or(pending(rule, max_hold).and(seen).on(TARGET).unless(family(&UP)).on(TARGET));
        }
        expr.unless(past(Function::Max, family(&DIRECT_ALERTING_ACTIVE), scaled(FLAG)).equals(1.0)).on(TARGET)
    } else if names.contains(&"vendor") {
        // About several targets, which one daemon does not see: no other sender, and nobody knows only where none is read.
        let blind = best().max_by(VENDOR).equals(0.0);
        expr = expr.or(firing(rule, max_hold).and(blind).on(VENDOR));
        expr.or(firing(rule, max_hold).and(down(max_hold)).on(&[]).unless(family(&UP)).on(VENDOR))
    } else {
        debug_assert!(rule.alert.sender != Sender::Both);
        expr
    }
}

fn while_unreadable(expr: Expr, rule: &Rule, max_hold: Duration) -> Expr {
    let alert = rule.alert;
    let blind = best().equals(0.0);
    let recent = age(last_success()).below(max_hold.as_secs_f64());
    let fired = firing(rule, max_hold).or(fired_while_blind(rule, max_hold));
    let mut expr = expr.or(fired.and(blind.and(recent).on(TARGET)).on(TARGET));
    if let Some((presence, labels)) = alert.labels.presence() {
        let partial = of_best(family(&PARTIAL).all().max_by(TARGET)).equals(1.0);
        expr = expr.or(firing(rule, max_hold).and(partial).on(TARGET).unless(family(presence)).on(labels));
    }
    if let Some(unread) = rule::unread(alert, max_hold) {
        expr = expr.or(firing(rule, max_hold).and(of_best(unread)).on(Labels::Pool.names()));
    }
    expr
}

/// When a daemon last read each target, or where none ever did, since when one tries.
fn last_success() -> Expr {
    family(&LAST_SUCCESS).all().max_by(TARGET).above(0.0).or(family(&FIRST_POLL).all().min_by(TARGET))
}

/// Daemons that are down, though they were up within `max_hold`, and those that have gone lately.
fn down(max_hold: Duration) -> Expr {
    let up = || family(&SCRAPE_UP);
    let failing = up().equals(0.0).and(past(Function::Max, up(), max_hold).equals(1.0));
    failing.or(past(Function::Max, up(), scaled(GONE)).unless(up()))
}

/// The rule's own alerts that fire. Their value is not known any more: NaN.
fn firing(rule: &Rule, max_hold: Duration) -> Expr {
    of_rule(own(rule, "firing").all().max_by(rule.alert.labels.names()).times(f64::NAN), rule, max_hold)
}

/// Those that are pending.
fn pending(rule: &Rule, max_hold: Duration) -> Expr {
    of_rule(own(rule, "pending").all().max_by(rule.alert.labels.names()).times(f64::NAN), rule, max_hold)
}

/// The rule's own alerts that fired when nobody had read the target since the last success.
fn fired_while_blind(rule: &Rule, max_hold: Duration) -> Expr {
    let success = family(&LAST_SUCCESS).all().max_by(TARGET).above(0.0);
    let longest = |of| family(of).all().max_by(TARGET);
    let failed = success.plus(longest(&POLL_INTERVAL)).plus(longest(&POLL_TIMEOUT));
    let fired = past(Function::LastSeen, own(rule, "firing"), scaled(OUTAGE)).max_by(rule.alert.labels.names());
    of_rule(fired.above(failed).on_left(TARGET).times(f64::NAN), rule, max_hold)
}

/// What Prometheus keeps of them.
fn own(rule: &Rule, state: &'static str) -> Selector {
    let alert = rule.alert;
    family(&ALERTS).is("alertname", alert.name).is("alertstate", state).is("severity", alert.severity.as_str())
}

/// Of alerts with this name and severity those of the rule.
fn of_rule(expr: Expr, rule: &Rule, max_hold: Duration) -> Expr {
    rule::restrict(expr, &rule.part, &rule.others, &past(Function::Last, family(&POOL_ON_DEMAND), max_hold))
}
