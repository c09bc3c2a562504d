//! The holding form: what fires goes on while nobody can know better, and one sender owns a target's alerts.

use std::time::Duration;

use crate::{
    catalogue::{
        Family, Kind, Scope,
        agent::POOL_ON_DEMAND,
        target::{DIRECT_ALERTING_ACTIVE, LAST_SUCCESS, PARTIAL, UP},
    },
    rules::{
        catalogue::{Labels, Sender},
        expr::{Expr, Function, age, family, past},
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
/// How long the flag is looked back at, so that a failed scrape does not make the rules fire beside the daemon.
const FLAG: Duration = Duration::from_secs(900);

/// The expression of a rule. Daemons and what only Prometheus can say have no other sender, and nothing to hold.
pub(super) fn held(rule: &Rule, max_hold: Duration) -> Expr {
    let alert = rule.alert;
    if alert.sender != Sender::Both {
        return rule.expr.clone();
    }
    let mut expr = rule.expr.clone();
    if alert.hold {
        // Of several daemons that watch a target one that sees is enough.
        let blind = family(&UP).all().max_by(TARGET).equals(0.0);
        let recent = age(family(&LAST_SUCCESS).all().max_by(TARGET)).below(max_hold.as_secs_f64());
        expr = expr.or(firing(rule, max_hold).and(blind.and(recent).on(TARGET)).on(TARGET));
        if let Some((presence, labels)) = alert.labels.presence() {
            let partial = family(&PARTIAL).all().max_by(TARGET).equals(1.0);
            let gone = firing(rule, max_hold).and(partial).on(TARGET).unless(family(presence)).on(labels);
            expr = expr.or(gone);
        }
        if let Some(unread) = rule::unread(alert, max_hold) {
            expr = expr.or(firing(rule, max_hold).and(unread).on(Labels::Pool.names()));
        }
    }
    expr.unless(past(Function::Max, family(&DIRECT_ALERTING_ACTIVE), scaled(FLAG)).equals(1.0)).on(TARGET)
}

/// The rule's own alerts that fire. Their value is not known any more: NaN.
fn firing(rule: &Rule, max_hold: Duration) -> Expr {
    let alert = rule.alert;
    let own = family(&ALERTS).is("alertname", alert.name).is("alertstate", "firing");
    let own = own.is("severity", alert.severity.as_str()).all().max_by(alert.labels.names()).times(f64::NAN);
    rule::restrict(own, &rule.part, &rule.others, &past(Function::Last, family(&POOL_ON_DEMAND), max_hold))
}
