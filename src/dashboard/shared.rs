//! Rows and expressions that several dashboards share.
//!
//! Two daemons may poll the same target, or one may have moved: every expression first takes `max by` the labels that
//! Rollcall sets, which drops those of the scrape, and adds up afterwards.

use super::{Link, Panel, Row, look};
use crate::health::Health;

/// The agents of a pool that could serve: all that are not out of the count.
pub const ELIGIBLE: &str = "healthy|transitional|degraded|failed";
/// The agents of a pool that serve.
pub const SERVING: &str = "healthy|transitional|degraded";

/// Agents of these classes, per pool.
pub fn agents(classes: &str) -> String {
    format!(
        r#"max by (vendor, target, pool) (sum without (health) (rollcall_pool_agents{{@pool,health=~"{classes}"}}))"#
    )
}

/// Share of the agents that could serve and do, over everything that is selected.
pub fn serving_share() -> String {
    format!("sum({})\n/\n(sum({}) > 0)", agents(SERVING), agents(ELIGIBLE))
}

/// Agents per class over time.
pub fn by_class() -> &'static str {
    "sum by (health) (max by (vendor, target, pool, health) (rollcall_pool_agents{@pool}))"
}

/// The class of each agent as a number, see [`look::code`]. For filtered sets.
pub fn class_codes(selector: &str) -> String {
    let one = |health: Health| {
        format!("{} * (rollcall_agent_health{{{selector},health=\"{}\"}} == 1)", look::code(health), health.as_str())
    };
    format!("max by (vendor, target, pool, agent) (\n  {}\n)", Health::ALL.map(one).join("\n  or "))
}

/// The first row: may what follows be believed? `old` is the age in seconds at which it turns red.
pub fn freshness(old: f64) -> Row {
    let overdue = Link::to("rollcall-daemon", "Polls").carry(&["target"]);
    Row::new(
        "Freshness",
        vec![
            Panel::stat(
                "Oldest good poll",
                "s",
                "Age of the last good poll of the target that has waited longest for one. Everything below is as old as that where it is about that target. Red: look at the daemon dashboard for the reason.",
            )
            .query("age", "max(time() - (max by (vendor, target) (rollcall_target_last_success_timestamp_seconds{@target}) > 0))")
            .limits(look::GOOD, &[(old / 3.0, look::WARN), (old, look::BAD)])
            .link(overdue.clone()),
            Panel::stat(
                "Targets down",
                "none",
                "Targets whose last poll brought no data. Their last good data stay for a while, so the counts below may still look well.",
            )
            .query("down", "sum(1 - max by (vendor, target) (rollcall_target_up{@target}))")
            .none_is_good(look::BAD)
            .link(overdue.clone()),
            Panel::stat(
                "Data withdrawn",
                "none",
                "Targets whose data are too old to be shown: their agents are missing from every count below.",
            )
            .query("stale", "sum(max by (vendor, target) (rollcall_target_stale{@target}))")
            .none_is_good(look::BAD)
            .link(overdue.clone()),
            Panel::stat(
                "Log-ons held",
                "none",
                "Targets whose credentials were refused. Rollcall does not send them again for a while, so that no account is locked: renew the secret.",
            )
            .query("held", "sum(max by (vendor, target) (rollcall_login_held{@target}))")
            .none_is_good(look::WARN)
            .link(overdue),
            Panel::stat("Targets", "none", "Targets that are configured and selected on top.")
                .query("targets", "count(count by (vendor, target) (rollcall_target_info{@target}))")
                .plain(),
            Panel::stat("Daemon", "none", "Version of the daemons that are scraped. Several: an update is under way, or was forgotten somewhere.")
                .query("{{version}}", "count by (version) (rollcall_build_info)")
                .plain()
                .names(),
        ],
    )
}

/// A number for each class.
pub fn classes() -> Panel {
    let panel = Panel::stat(
        "Agents by health",
        "none",
        "Failed: does not serve. Unknown: the vendor does not know, or said something new. Degraded: serves, but an admin should look. Transitional: is changing by itself. Disabled: out of service on purpose.",
    );
    look::WORST_FIRST
        .into_iter()
        .fold(panel, |panel, health| {
            let name = health.as_str();
            let expr = format!("sum(max by (vendor, target, pool) (rollcall_pool_agents{{@pool,health=\"{name}\"}}))");
            panel.query(name, expr)
        })
        .by_health()
        .size(18, 4)
}

/// How much of what could serve does.
pub fn capacity() -> Panel {
    Panel::stat(
        "Serving",
        "percentunit",
        "Share of the agents that serve, of all that could: disabled and unknown ones do not count.",
    )
    .query("serving", serving_share())
    .limits(look::BAD, &[(0.8, look::WARN), (0.95, look::GOOD)])
    .scale(1.0)
    .size(6, 4)
}

/// Agents by health over time.
pub fn history() -> Panel {
    Panel::graph(
        "Agents by health over time",
        "none",
        "All agents that are selected, worst below. A gap is a time without data, not without agents.",
    )
    .query("{{health}}", by_class())
    .by_health()
    .stacked()
}
