//! Of several daemons that watch a target those with the best view count: what one says that is cut off from the vendor, or
//! gets only a part, is left out while another reads the target better.
//!
//! A daemon's view of a target is worth 1 where its last poll was complete, ½ where it was partial, and 0 where it
//! failed or where nothing is fresh (`rollcall_target_stale`: polls stand still). Where the views are worth the same, all of
//! them count: two daemons that are both cut off page, and either of two that read the target may see a fault first.
//!
//! Samples are left out where they are still told apart by daemon: below each `max by (LABELS)` that has no other below it.
//! Daemons are compared by all labels that are not those of the families, whatever the scrape configuration calls them.

use crate::{
    catalogue::{
        Family,
        target::{FIRST_POLL, LAST_SUCCESS, NEXT_POLL, PARTIAL, POLL_INTERVAL, POLL_TIMEOUT, STALE, UP},
    },
    rules::{
        catalogue::Labels,
        expr::{Expr, Grouping, Matching, family},
    },
};

const TARGET: &[&str] = Labels::Target.names();
/// When polls were and are due: those of every daemon count.
static POLLS: [&Family; 5] = [&FIRST_POLL, &NEXT_POLL, &LAST_SUCCESS, &POLL_INTERVAL, &POLL_TIMEOUT];

/// What the view of each daemon is worth; 0: it sees nothing.
pub(super) fn worth() -> Expr {
    let fresh = Expr::from(1.0).minus(family(&STALE));
    family(&UP).minus(family(&PARTIAL).over(2.0)).times(fresh)
}

/// What the best view of each target is worth.
pub(super) fn best() -> Expr {
    worth().max_by(TARGET)
}

/// The expression over the samples of those daemons only.
pub(super) fn of_best(expr: Expr) -> Expr {
    match expr {
        Expr::Aggregate(aggregator, Grouping::By(labels), of) if per_daemon(&of) => {
            let of = match extra_labels(&of) {
                Some(extra) => {
                    let matching = if extra.is_empty() { Matching::All } else { Matching::Ignoring(extra.into()) };
                    of.unless(worth().below(best()).on_left(TARGET)).matched(matching)
                }
                None => *of,
            };
            Expr::Aggregate(aggregator, Grouping::By(labels), Box::new(of))
        }
        other => other.map(&of_best),
    }
}

/// Whether samples are told apart by daemon throughout.
fn per_daemon(expr: &Expr) -> bool {
    match expr {
        Expr::Aggregate(_, Grouping::By(_), _) => false,
        Expr::Aggregate(_, _, of) => per_daemon(of),
        Expr::Binary(_, _, left, right) => per_daemon(left) && per_daemon(right),
        _ => true,
    }
}

/// The labels of the families but for those of a target; `None` where one is about no target, or all say when polls were and are due.
fn extra_labels(expr: &Expr) -> Option<Vec<&'static str>> {
    let (mut extra, mut of_target, mut polls) = (Vec::new(), true, true);
    expr.selectors(&mut |selector| {
        polls &= POLLS.iter().any(|family| std::ptr::eq(*family, selector.family));
        of_target &= TARGET.iter().all(|name| selector.family.all_labels().any(|label| label == *name));
        for label in selector.family.all_labels().filter(|label| !TARGET.contains(label)) {
            if !extra.contains(&label) {
                extra.push(label);
            }
        }
    });
    (of_target && !polls).then_some(extra)
}
