//! Recording rules, `level:metric:operation`: what dashboards and reports ask again and again, and once per subject
//! although several daemons may watch it.

use std::time::Duration;

use crate::{
    catalogue::{agent::POOL_AGENTS, target},
    rules::{
        catalogue::Labels,
        expr::{Aggregator, Expr, Function, Grouping, family, past},
    },
};

/// A recording rule.
pub struct Recording {
    /// Name of the new series.
    pub record: &'static str,
    /// What they are.
    pub expr: Expr,
}

pub fn rules() -> Vec<Recording> {
    let pool = Labels::Pool.names();
    let classes = || family(&POOL_AGENTS).all().max_by(&["vendor", "target", "pool", "health"]);
    let of = |names: &[&'static str]| {
        let some = family(&POOL_AGENTS).one_of("health", names).all();
        some.max_by(&["vendor", "target", "pool", "health"]).sum_without(&["health"])
    };
    let serving = || of(&["healthy", "transitional", "degraded"]);
    let eligible = || of(&["healthy", "transitional", "degraded", "failed"]);
    let by_class = Grouping::By(&["vendor", "target", "health"]);
    let failures = past(Function::Rate, family(&target::POLL_FAILURES), Duration::from_secs(1_800));
    debug_assert_eq!(pool.join("_"), "vendor_target_pool");
    vec![
        Recording { record: "vendor_target_pool:rollcall_pool_agents_eligible:sum", expr: eligible() },
        Recording { record: "vendor_target_pool:rollcall_pool_agents_serving:sum", expr: serving() },
        Recording { record: "vendor_target_pool:rollcall_pool_agents_serving:ratio", expr: serving().over(eligible()) },
        Recording {
            record: "vendor_target_health:rollcall_pool_agents:sum",
            expr: Expr::Aggregate(Aggregator::Sum, by_class, Box::new(classes())),
        },
        Recording {
            record: "vendor_target_reason:rollcall_poll_failures:rate30m",
            expr: failures.max_by(&["vendor", "target", "reason"]),
        },
    ]
}
