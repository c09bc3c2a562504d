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

/// Agents per class over time, worst first: the order in which they are stacked, from below.
pub fn by_class(panel: Panel) -> Panel {
    let of =
        |name: &str| format!("sum(max by (vendor, target, pool) (rollcall_pool_agents{{@pool,health=\"{name}\"}}))");
    look::WORST_FIRST.into_iter().fold(panel, |panel, health| panel.query(health.as_str(), of(health.as_str())))
}

/// Agents of these classes, with the class as a label and its rank as the value: sorted, the worst comes first.
pub fn ranked(selector: &str, classes: &[Health]) -> String {
    let rank =
        |health: &Health| look::WORST_FIRST.iter().rev().position(|class| class == health).unwrap_or_default() + 1;
    let one = |health: &Health| {
        format!("{} * (rollcall_agent_health{{{selector},health=\"{}\"}} == 1)", rank(health), health.as_str())
    };
    let all: Vec<String> = classes.iter().map(one).collect();
    format!("max by (vendor, target, pool, agent, health) (\n  {}\n)", all.join("\n  or "))
}

/// The classes that somebody should look at, or that are about to change.
pub const NOT_IN_ORDER: [Health; 4] = [Health::Failed, Health::Unknown, Health::Degraded, Health::Transitional];

/// The class of each agent as a number, see [`look::code`]. For filtered sets.
pub fn class_codes(selector: &str) -> String {
    let one = |health: Health| {
        format!("{} * (rollcall_agent_health{{{selector},health=\"{}\"}} == 1)", look::code(health), health.as_str())
    };
    format!("max by (vendor, target, pool, agent) (\n  {}\n)", Health::ALL.map(one).join("\n  or "))
}

/// The classes of the 25 agents of this selector that changed most within the range.
pub fn changed_most(selector: &str, title: &'static str, description: &'static str) -> Panel {
    const AGENT: &str = "vendor, target, pool, agent";
    let changes = format!("changes(rollcall_agent_health_since_timestamp_seconds{{{selector}}}[$__range] @ end())");
    Panel::timeline(title, description, look::health_codes()).query(
        "{{pool}} {{agent}}",
        format!("{}\nand on ({AGENT})\ntopk(25, max by ({AGENT}) ({changes}))", class_codes(selector)),
    )
}

/// The first row: may what follows be believed? `old` is the age in seconds at which it turns red.
pub fn freshness(old: f64) -> Row {
    let polls = Link::to("rollcall-daemon", "Polls").carry(&["target"]);
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
            .link(polls.clone()),
            Panel::stat(
                "Targets down",
                "none",
                "Targets whose last poll brought no data. Their last known data are kept for a while, so the counts below may still look well.",
            )
            .query("down", "sum(1 - max by (vendor, target) (rollcall_target_up{@target}))")
            .some_is(look::BAD)
            .link(polls.clone()),
            Panel::stat(
                "Data withdrawn",
                "none",
                "Targets whose data are too old to be shown: their agents are missing from every count below.",
            )
            .query("stale", "sum(max by (vendor, target) (rollcall_target_stale{@target}))")
            .some_is(look::BAD)
            .link(polls.clone()),
            Panel::stat(
                "Log-ons held",
                "none",
                "Targets whose credentials were refused. Rollcall does not send them again for a while, so that no account is locked: renew the secret.",
            )
            .query("held", "sum(max by (vendor, target) (rollcall_login_held{@target}))")
            .some_is(look::WARN)
            .link(polls.clone()),
            Panel::stat("Targets", "none", "Targets that are configured and selected on top.")
                .query("targets", "count(count by (vendor, target) (rollcall_target_info{@target}))")
                .plain()
                .link(polls.clone()),
            Panel::stat("Daemon", "none", "Version of the daemons that are scraped. Several: an update is under way, or was forgotten somewhere.")
                .query("{{version}}", "count by (version) (rollcall_build_info)")
                .plain()
                .names()
                .link(polls),
        ]
        .into_iter()
        .map(|panel| panel.low(2))
        .collect(),
    )
}

/// A number for each class, which leads to its agents.
pub fn classes(link: impl Fn(&[Health]) -> Link) -> Panel {
    let panel = Panel::stat(
        "Agents by health",
        "none",
        "Failed: does not serve. Unknown: the vendor does not know, or said something new. Degraded: serves, but an admin should look. Transitional: is changing by itself. Disabled: out of service on purpose.",
    );
    by_class(panel).counts_by_health(link).size(18, 3).low(3)
}

/// How much of what should serve does. It is not called well where data are withdrawn, whose agents nobody counts.
pub fn capacity(link: impl Fn(&[Health]) -> Link) -> Panel {
    let share =
        format!("sum({})\n/\n(sum({}) > 0)", agents(SERVING), agents("healthy|transitional|degraded|failed|unknown"));
    let withdrawn = "sum(max by (vendor, target) (rollcall_target_stale{@target}))";
    Panel::stat(
        "Serving",
        "percentunit",
        "Share of the agents that serve, of all that are not out of service on purpose; those of which nothing is known do not count as serving. Where the data of a target are withdrawn, it is about the others only, and says so.",
    )
    .query("of all", format!("({share})\nand on () ({withdrawn} == 0)"))
    .query("of those still read", format!("({share})\nand on () ({withdrawn} > 0)"))
    .limits(look::BAD, &[(0.8, look::WARN), (0.95, look::GOOD)])
    .colour("of those still read", look::ODD)
    .words_and_values()
    .scale(1.0)
    .link(link(&[Health::Failed, Health::Unknown]))
    .size(6, 3)
    .low(3)
}

/// Agents by health over time.
pub fn history() -> Panel {
    let panel = Panel::graph(
        "Agents by health over time",
        "none",
        "All agents that are selected, worst below. A gap is a time without data, not without agents.",
    );
    by_class(panel).by_health().stacked()
}
