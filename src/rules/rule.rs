//! The catalogue with the overrides of a configuration applied: what is evaluated.
//!
//! A row of the catalogue becomes one rule, or several where `for` or an override differs by vendor, target or pool. Each
//! of them is about one [`Subjects`] of the subjects, and without those of the parts before, so that the first that matches
//! counts and no alert comes twice.

use std::time::Duration;

use super::{
    catalogue::{self, Alert, For},
    expr::{Expr, Function, Matcher, Pattern, age, family, past},
    scaled,
};
use crate::{
    catalogue::{
        agent::POOL_ON_DEMAND,
        target::{FIRST_POLL, UP},
    },
    glob::Glob,
    overrides::AlertOverride,
    vendors::Vendor,
};

/// An alert rule. Several may come from one row of the catalogue; together they cover each subject at most once.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The row that it comes from.
    pub alert: &'static Alert,
    /// The condition, with exactly the labels of the alert: every threshold a number, restricted to the part that this
    /// rule is about, and where it looks back only while `rollcall_target_up` is there.
    pub expr: Expr,
    /// What this rule is about; the parts of `others` are not.
    pub part: Subjects,
    /// The parts that came before.
    pub others: Vec<Subjects>,
    /// As in the condition.
    pub threshold: Option<f64>,
    /// How long the condition must hold.
    pub r#for: Duration,
    /// How long it goes on afterwards.
    pub keep_firing_for: Duration,
}

/// A part of the subjects of an alert.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subjects {
    /// All of these hold for the labels `vendor`, `target` and `pool`.
    pub matchers: Vec<Matcher>,
    /// Only pools that are, or are not, on demand.
    pub on_demand: Option<bool>,
}

impl Rule {
    /// Whether the rule may concern this target at all; the engine evaluates only those.
    pub fn concerns(&self, vendor: &str, target: &str) -> bool {
        let vendors = self.alert.vendors;
        (vendors.is_empty() || vendors.contains(&vendor)) && self.part.may_hold(vendor, target)
    }
}

impl Subjects {
    /// Whether it says something at all.
    pub fn is_everything(&self) -> bool {
        self.matchers.is_empty() && self.on_demand.is_none()
    }

    fn may_hold(&self, vendor: &str, target: &str) -> bool {
        self.matchers.iter().all(|matcher| match matcher.label {
            "vendor" => matcher.matches(vendor),
            "target" => matcher.matches(target),
            _ => true,
        })
    }

    /// Both, where there can be any such subject.
    fn and(&self, other: &Subjects) -> Option<Subjects> {
        let mut matchers = self.matchers.clone();
        matchers.extend(other.matchers.iter().filter(|matcher| !self.matchers.contains(matcher)).cloned());
        let words =
            matchers.iter().filter(|matcher| matcher.label == "vendor").find_map(|matcher| match &matcher.pattern {
                Pattern::OneOf(words) => Some(words.clone()),
                _ => None,
            });
        let vendors = words.unwrap_or_else(|| Vendor::ALL.iter().map(|vendor| vendor.as_str()).collect());
        let vendor_matchers = || matchers.iter().filter(|matcher| matcher.label == "vendor");
        let possible = vendors.iter().any(|vendor| vendor_matchers().all(|matcher| matcher.matches(vendor)));
        let on_demand = self.on_demand.or(other.on_demand);
        let agree = self.on_demand.is_none() || other.on_demand.is_none() || self.on_demand == other.on_demand;
        (possible && agree).then_some(Subjects { matchers, on_demand })
    }

    /// The samples of the expression in this part. `pools` are the samples of [`POOL_ON_DEMAND`] to ask.
    fn of(&self, expr: Expr, pools: &Expr) -> Expr {
        let expr = self.matchers.iter().fold(expr, |expr, matcher| expr.restricted(matcher));
        match self.on_demand {
            Some(yes) => expr.and(pools.clone().equals(f64::from(u8::from(yes)))).on(POOL),
            None => expr,
        }
    }

    /// The samples of the expression that are not in this part.
    fn not_of(&self, expr: Expr, pools: &Expr) -> Expr {
        match (&self.matchers[..], self.on_demand) {
            ([matcher], None) => expr.restricted(&Matcher { negated: !matcher.negated, ..matcher.clone() }),
            ([], Some(yes)) => expr.unless(pools.clone().equals(f64::from(u8::from(yes)))).on(POOL),
            _ => expr.clone().unless(self.of(expr, pools)),
        }
    }
}

/// Restricts an expression to a part, without the parts before. `pools` are the samples of `rollcall_pool_on_demand` to
/// ask, those of now or those of the past.
pub fn restrict(expr: Expr, part: &Subjects, others: &[Subjects], pools: &Expr) -> Expr {
    // A negated matcher of one label goes into the selectors; it comes first, so that what cannot is told by less.
    let (simple, others): (Vec<&Subjects>, Vec<&Subjects>) = others.iter().partition(|other| other.matchers.len() == 1);
    let expr = simple.into_iter().fold(expr, |expr, other| other.not_of(expr, pools));
    let expr = self_only(expr, part);
    let expr = others.into_iter().fold(expr, |expr, other| other.not_of(expr, pools));
    Subjects { matchers: Vec::new(), on_demand: part.on_demand }.of(expr, pools).simplified()
}

fn self_only(expr: Expr, part: &Subjects) -> Expr {
    part.matchers.iter().fold(expr, |expr, matcher| expr.restricted(matcher))
}

const POOL: &[&str] = catalogue::Labels::Pool.names();
const TARGET: &[&str] = catalogue::Labels::Target.names();

/// The rules of the catalogue under these overrides.
pub fn resolve(overrides: &[AlertOverride]) -> Vec<Rule> {
    catalogue::all().iter().flat_map(|alert| rules_of(alert, overrides)).map(scaled::rule).collect()
}

/// The pools where a part of what the condition reads cannot be read, though it could within `max_hold`; or since a daemon
/// began to poll, which is not longer ago than that: what it read before it does not know.
pub fn unread(alert: &Alert, max_hold: Duration) -> Option<Expr> {
    let unread = alert.unread.as_ref()?;
    // Of several daemons that watch a pool one that reads is enough.
    let failed = family(unread.family).all().max_by(POOL).equals(0.0);
    let lately = past(Function::Max, family(unread.family), max_hold).max_by(POOL).equals(1.0);
    let begun = age(family(&FIRST_POLL).above(0.0).min_by(TARGET)).below(max_hold.as_secs_f64());
    let expr = failed.clone().and(lately).on(POOL).or(failed.and(begun).on(TARGET));
    Some(match &unread.unless {
        Some(ended) => expr.unless(ended.clone()).on(POOL),
        None => expr,
    })
}

/// The rules of one row.
fn rules_of(alert: &'static Alert, overrides: &[AlertOverride]) -> Vec<Rule> {
    let now = Expr::from(family(&POOL_ON_DEMAND));
    let mut before: Vec<Subjects> = Vec::new();
    let mut rules = Vec::new();
    for setting in settings(alert, overrides) {
        let fors = match setting.r#for {
            Some(duration) => vec![For { scope: Vec::new(), on_demand: None, duration }],
            None => alert.r#for.clone(),
        };
        let mut parts_before = before.clone();
        for r#for in fors.iter().filter(|_| setting.enabled) {
            let narrower = Subjects { matchers: r#for.scope.clone(), on_demand: r#for.on_demand };
            let Some(part) = setting.part.and(&narrower) else { continue };
            let others: Vec<Subjects> =
                parts_before.iter().filter(|other| part.and(other).is_some()).cloned().collect();
            let expr = restrict(condition(alert, setting.threshold, overrides), &part, &others, &now);
            let gated = alert.labels.of_target() && expr.looks_back();
            rules.push(Rule {
                alert,
                expr: if gated { expr.and(family(&UP)).on(TARGET) } else { expr },
                part,
                others,
                threshold: setting.threshold,
                r#for: r#for.duration,
                keep_firing_for: setting.keep_firing_for.unwrap_or(alert.keep_firing_for),
            });
            parts_before.push(narrower);
        }
        before.push(setting.part);
    }
    rules
}

/// The condition of a row for all subjects: `max by (LABELS)`, and not what a higher severity of the name already says.
fn condition(alert: &'static Alert, threshold: Option<f64>, overrides: &[AlertOverride]) -> Expr {
    let labels = alert.labels.names();
    let own = alert.condition.clone().with_threshold(threshold.unwrap_or_default()).max_by(labels);
    let higher = catalogue::named(alert.name).filter(|other| other.severity > alert.severity);
    higher.fold(own, |own, other| match firing(other, overrides) {
        Some(higher) => own.unless(higher),
        None => own,
    })
}

/// Whatever a row fires on under the overrides. Where that is a matter of time it says so only once `for` is over, so that a
/// lower severity, which was true before, does not end while this one is still pending, and is not lost where it was pending
/// itself. Anything else it says before `for`.
fn firing(alert: &'static Alert, overrides: &[AlertOverride]) -> Option<Expr> {
    let now = Expr::from(family(&POOL_ON_DEMAND));
    let condition = |setting: &Setting| {
        let longest = alert.r#for.iter().map(|r#for| r#for.duration).max().unwrap_or_default();
        let condition = alert.condition.clone().with_threshold(setting.threshold.unwrap_or_default());
        condition.lasting(setting.r#for.unwrap_or(longest)).max_by(alert.labels.names())
    };
    let settings = settings(alert, overrides);
    let alike = |one: &Setting| one.threshold == settings[0].threshold && one.r#for == settings[0].r#for;
    if settings.iter().all(|one| one.enabled && alike(one)) {
        return Some(condition(&settings[0]));
    }
    let mut before: Vec<Subjects> = Vec::new();
    let mut all: Option<Expr> = None;
    for setting in settings {
        if setting.enabled {
            let part = restrict(condition(&setting), &setting.part, &before, &now);
            all = Some(match all {
                Some(all) => all.or(part),
                None => part,
            });
        }
        before.push(setting.part);
    }
    all
}

/// What counts for a part of the subjects.
struct Setting {
    part: Subjects,
    enabled: bool,
    r#for: Option<Duration>,
    keep_firing_for: Option<Duration>,
    threshold: Option<f64>,
}

/// The overrides of a row in order, and what is left for the catalogue.
fn settings(alert: &'static Alert, overrides: &[AlertOverride]) -> Vec<Setting> {
    let shipped = alert.threshold.map(|threshold| threshold.value);
    let mut settings = Vec::new();
    for change in overrides {
        let severity = change.severity.as_deref().is_none_or(|severity| severity == alert.severity.as_str());
        if change.alert != alert.name || !severity {
            continue;
        }
        let globs = [("vendor", &change.vendor), ("target", &change.target), ("pool", &change.pool)];
        let matchers = globs
            .into_iter()
            .filter(|(label, glob)| glob.as_str() != Glob::any().as_str() && alert.labels.names().contains(label));
        let matchers =
            matchers.map(|(label, glob)| Matcher { label, pattern: Pattern::Glob(glob.clone()), negated: false });
        let part = Subjects { matchers: matchers.collect(), on_demand: None };
        let last = part.is_everything();
        settings.push(Setting {
            part,
            enabled: change.enabled.unwrap_or(true),
            r#for: change.r#for,
            keep_firing_for: change.keep_firing_for,
            threshold: shipped.map(|shipped| change.threshold.unwrap_or(shipped)),
        });
        if last {
            return settings;
        }
    }
    let part = Subjects::default();
    settings.push(Setting { part, enabled: true, r#for: None, keep_firing_for: None, threshold: shipped });
    settings
}
