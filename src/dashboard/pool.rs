//! `rollcall-pool`: for the engineer who was sent here by an alert or by another dashboard.

use super::{
    Dashboard, Link, Panel, Row, Variable, link, look,
    shared::{self, ELIGIBLE, SERVING},
};

/// The dashboard.
pub fn dashboard(vendors: &[Dashboard]) -> Dashboard {
    Dashboard {
        uid: "rollcall-pool",
        title: "Rollcall / Pool",
        audience: "the engineer who looks after a pool",
        question: "which agents of this pool are in what state, since when, and how reliable have they been?",
        vendor: r#"vendor=~"$vendor""#,
        variables: vec![Variable::VENDOR, Variable::TARGET, Variable::ONE_POOL, Variable::AGENT],
        states: &[],
        rows: vec![
            shared::freshness(3_600.0),
            Row::new(
                "The pool",
                vec![
                    shared::classes(|_| overview()),
                    shared::capacity(|_| overview()),
                    numbers(),
                    shared::history(),
                    availability(),
                ],
            ),
            Row::new("Its agents", vec![agents(vendors), timeline()]),
            Row::new("Reliability", vec![flapping(), least_available()]),
        ],
    }
}

fn overview() -> Link {
    Link::to("rollcall-overview", "Overview").carry(&["vendor", "target", "pool"])
}

fn numbers() -> Panel {
    Panel::stat(
        "Numbers of the pool",
        "none",
        "How old the pool's own data are, how many agents the configuration expects to be healthy or degraded (where it says), how much of the time they were there over the range, and how many agents changed their class within the last half hour.",
    )
    .query("Age of the data", "max(time() - max by (vendor, target, pool) (rollcall_pool_last_success_timestamp_seconds{@pool}))")
    .query("Expected to work", "sum(max by (vendor, target, pool) (rollcall_pool_min_serving{@pool}))")
    .query("Availability", availability_of(""))
    .query(
        "Changed lately",
        "count(time() - max by (vendor, target, pool, agent) (rollcall_agent_health_since_timestamp_seconds{@agent}) < 1800) or vector(0)",
    )
    .unit_of("Age of the data", "s")
    .unit_of("Availability", "percentunit")
    .limits(look::TEXT, &[])
    .limits_of("Availability", look::BAD, &[(0.95, look::WARN), (0.99, look::TEXT)])
    .limits_of("Changed lately", look::TEXT, &[(1.0, look::CALM)])
    .plain()
    .link(overview())
    .size(24, 3)
    .low(3)
}

/// Share of agent time that was served over the range.
fn availability_of(by: &str) -> String {
    let part = |classes: &str| {
        format!(
            "sum{by}(max by (vendor, target, pool, health) (avg_over_time(rollcall_pool_agents{{@pool,health=~\"{classes}\"}}[$__range])))"
        )
    };
    format!("{}\n/\n({} > 0)", part(SERVING), part(ELIGIBLE))
}

fn availability() -> Panel {
    Panel::bars(
        "Availability over the range",
        "percentunit",
        "Time that the pool's agents served, of the time that they could have: disabled and unknown ones do not count. The 15 lowest of the pools that are selected.",
    )
    .query("{{pool}} · {{target}}", format!("sort(bottomk(15, {}))", availability_of(" by (vendor, target, pool) ")))
    .limits(look::BAD, &[(0.95, look::WARN), (0.99, look::GOOD)])
    .scale(1.0)
    .size(12, 8)
}

fn agents(vendors: &[Dashboard]) -> Panel {
    let states: Vec<&str> = vendors.iter().flat_map(|dashboard| dashboard.states).copied().collect();
    let states = states.join("\n  or ");
    let newest =
        "topk(1000, max by (vendor, target, pool, agent) (rollcall_agent_health_since_timestamp_seconds{@agent}))";
    let worst_first = shared::ranked("@agent", &look::WORST_FIRST);
    // Only the rows of the first query: a merge would add every other agent.
    let beside = |expr: &str| format!("{expr}\nand on (vendor, target, pool, agent)\n{newest}");
    Panel::table(
        "Agents",
        "The agents that are selected, the worst first, up to the 1000 that changed last: their class, what the vendor itself says, and since when the daemon has seen the class. Changes are those within the range.",
    )
    .hidden("vendor")
    .linked("agent", "Agent", &link::agent())
    .coloured("health", "Health", &look::health_labels())
    .label("state", "Vendor says")
    .label("power", "Power")
    .linked("pool", "Pool", &link::pool())
    .linked("target", "Target", &link::polls())
    .rows(format!("sort_desc({})", beside(&worst_first)))
    .value("Since", "dateTimeFromNow", format!("1000 * {newest}"))
    .rows(beside(&format!("max by (vendor, target, pool, agent, state) (\n  {states}\n)")))
    .rows(beside(r#"max by (vendor, target, pool, agent, power) (label_replace(citrix_machine_power_state{@agent} == 1, "power", "$1", "state", "(.*)"))"#))
    .limited("Changes", "none", beside(&changes("[$__range]")), "transparent", &[(6.0, look::WARN)])
    .limited("Available", "percentunit", beside(&available()), look::BAD, &[(0.95, look::WARN), (0.99, "transparent")])
    .size(24, 14)
    .done()
}

fn timeline() -> Panel {
    shared::changed_most(
        "@agent",
        "Health of the agents that changed most",
        "The 25 agents of the selection with the most changes within the range. Unknown is what the vendor does not know; a gap is a time without data.",
    )
}

fn changes(range: &str) -> String {
    format!(
        "max by (vendor, target, pool, agent) (changes(rollcall_agent_health_since_timestamp_seconds{{@agent}}{range}))"
    )
}

/// Share of the range that an agent served.
fn available() -> String {
    format!(
        "max by (vendor, target, pool, agent) (sum without (health) (avg_over_time(rollcall_agent_health{{@agent,health=~\"{SERVING}\"}}[$__range])))"
    )
}

fn series_agent() -> Link {
    let link = Link::to("rollcall-pool", "Only ${__field.labels.agent}");
    link.series(&["vendor", "target", "pool", "agent"])
}

fn flapping() -> Panel {
    Panel::bars(
        "Flapping",
        "none",
        "Changes of class within the range, the 15 agents with the most. Six in one hour are worth an alert.",
    )
    .query("{{agent}} · {{pool}}", format!("sort_desc(topk(15, {} > 0))", changes("[$__range]")))
    .limits(look::CALM, &[(6.0, look::WARN)])
    .when_empty("no agent, of those that are read")
    .link(series_agent())
    .size(12, 10)
}

fn least_available() -> Panel {
    Panel::bars(
        "Least available agents",
        "percentunit",
        "Share of the range that the agent served; the 15 lowest. An agent that was switched off on purpose is low as well.",
    )
    .query(
        "{{agent}} · {{pool}}",
        format!("sort(bottomk(15, {}))", available()),
    )
    .limits(look::BAD, &[(0.95, look::WARN), (0.99, look::GOOD)])
    .scale(1.0)
    .link(series_agent())
    .size(12, 10)
}
