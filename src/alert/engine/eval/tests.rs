use std::time::Duration;

use super::*;
use crate::{
    alert::engine::{history::RangeSelector, tests::Table},
    catalogue::{
        agent::{POOL_AGENTS, POOL_ON_DEMAND},
        target::{AGENTS, PARTIAL, POLLS, UP},
    },
    rules::expr::{Function, age, always, family, past, time},
};

const POOLS: &str = r#"
rollcall_pool_agents{vendor="v",target="t",pool="a",health="failed"} 3
rollcall_pool_agents{vendor="v",target="t",pool="a",health="healthy"} 1
rollcall_pool_agents{vendor="v",target="t",pool="b",health="failed"} 2
rollcall_pool_agents{vendor="v",target="t",pool="b",health="healthy"} 0
rollcall_pool_on_demand{vendor="v",target="t",pool="a"} 0
rollcall_pool_on_demand{vendor="v",target="t",pool="b"} 1
rollcall_target_up{vendor="v",target="t"} 1
"#;

fn pool(value: f64, pool: &str) -> Sample {
    Sample { labels: LabelSet::of([("vendor", "v"), ("target", "t"), ("pool", pool)]), value }
}

fn result_in(expr: impl Into<Expr>, history: &History, text: &str, now: i64) -> Vec<Sample> {
    let table = Table::new("v", "t", text);
    let mut cache = Cache::default();
    let mut context = EvalContext { source: &table, history, now: UnixTime::from_secs(now), cache: &mut cache };
    let mut samples = context.samples(&expr.into());
    samples.sort_by(|a, b| a.labels.cmp(&b.labels));
    samples
}

fn result(expr: impl Into<Expr>) -> Vec<Sample> {
    result_in(expr, &History::default(), POOLS, 1000)
}

fn failed() -> Expr {
    family(&POOL_AGENTS).is("health", "failed").all()
}

fn of_pool(expr: Expr) -> Expr {
    expr.max_without(&["health"])
}

#[test]
fn comparisons_keep_the_value_or_drop_the_sample() {
    assert_eq!(result(of_pool(failed().above(2.0))), [pool(3.0, "a")]);
    assert_eq!(result(of_pool(failed().at_least(2.0))), [pool(3.0, "a"), pool(2.0, "b")]);
    // With the number on the left too.
    assert_eq!(result(of_pool(Expr::Number(2.5).below(failed()))), [pool(3.0, "a")]);
    assert_eq!(result(of_pool(failed().above(f64::NAN))), []);
}

#[test]
fn arithmetic_between_vectors_is_one_to_one() {
    let all = family(&POOL_AGENTS).all().sum_without(&["health"]);
    assert_eq!(result(of_pool(failed()).over(all)), [pool(0.75, "a"), pool(1.0, "b")]);
    let healthy = family(&POOL_AGENTS).is("health", "healthy").all();
    let share = failed().binary(Operator::Divide, Matching::Ignoring((&["health"]).into()), healthy);
    assert_eq!(result(share), [pool(3.0, "a"), pool(f64::INFINITY, "b")]);
}

#[test]
fn set_operators_look_at_labels_only() {
    let on_demand = || family(&POOL_ON_DEMAND).equals(1.0);
    assert_eq!(result(of_pool(failed()).unless(on_demand())), [pool(3.0, "a")]);
    assert_eq!(result(of_pool(failed()).and(on_demand())), [pool(2.0, "b")]);
    assert_eq!(result(on_demand().or(of_pool(failed()))), [pool(3.0, "a"), pool(1.0, "b")]);
    let up = family(&UP).equals(1.0);
    assert_eq!(result(on_demand().and(up).on(&["vendor", "target"])), [pool(1.0, "b")]);
}

#[test]
fn aggregations_leave_the_labels_that_are_asked_for() {
    let target = Sample { labels: LabelSet::of([("vendor", "v"), ("target", "t")]), value: 5.0 };
    assert_eq!(result(failed().max_by(&["vendor", "target"]).plus(2.0)), [target]);
    assert_eq!(result(of_pool(failed()).count_by(&["vendor"]))[0].value, 2.0);
    assert_eq!(result(failed().min_without(&["pool", "health"]))[0].value, 2.0);
    assert_eq!(result(family(&PARTIAL).all().sum_without(&["pool"])), []);
}

#[test]
fn scalars_and_absence() {
    assert_eq!(result(always())[0].value, 1.0);
    assert_eq!(result(time().minus(400.0))[0].value, 600.0);
    assert_eq!(result(age(family(&UP)))[0].value, 999.0);
    assert_eq!(result(Expr::Absent(family(&UP))), []);
    assert_eq!(result(Expr::Absent(family(&PARTIAL))), [Sample { labels: LabelSet::empty(), value: 1.0 }]);
}

#[test]
fn the_past_is_that_of_the_evaluations() {
    let before = || family(&AGENTS).ago(Duration::from_secs(3600)).all();
    let grown = || past(Function::Increase, family(&POLLS), Duration::from_secs(600));
    let most = || past(Function::Max, family(&AGENTS), Duration::from_secs(7200));
    let range_selectors = RangeSelector::of([&before(), &grown(), &most()].into_iter());
    let mut history = History::default();
    let text = |agents: &str, polls: i64| {
        let labels = r#"vendor="v",target="t""#;
        format!("rollcall_polls_total{{{labels}}} {polls}\n{agents}")
    };
    let agents = |n: u32| format!("rollcall_target_agents{{vendor=\"v\",target=\"t\"}} {n}\n");
    for minute in 0..=90 {
        // After an hour the agents are fewer, and for ten minutes they are unknown.
        let present = match minute {
            0..60 => agents(10),
            60..80 => agents(6),
            _ => String::new(),
        };
        history.record(
            &range_selectors,
            &Table::new("v", "t", &text(&present, minute)),
            UnixTime::from_secs(minute * 60),
        );
    }
    let at = |expr: Expr, minute: i64| {
        let samples = result_in(expr, &history, "", minute * 60);
        samples.first().map(|sample| sample.value)
    };
    assert_eq!(at(before(), 100), Some(10.0));
    assert_eq!(at(before(), 125), Some(6.0));
    assert_eq!(at(before(), 142), None);
    assert_eq!(at(grown(), 90), Some(10.0));
    assert_eq!(at(most(), 90), Some(10.0));
    // It comes back from a file as it was.
    let restored = History::restore(history.save());
    assert_eq!(result_in(before(), &restored, "", 100 * 60)[0].value, 10.0);
}

#[test]
fn nothing_is_known_of_the_time_in_which_nobody_looked() {
    let before = || family(&AGENTS).ago(Duration::from_secs(3600)).all();
    let range_selectors = RangeSelector::of([&before()].into_iter());
    let table = Table::new("v", "t", "rollcall_target_agents{vendor=\"v\",target=\"t\"} 10\n");
    let mut history = History::default();
    history.record(&range_selectors, &table, UnixTime::from_secs(0));
    let mut history = History::restore(history.save());
    history.record(&range_selectors, &table, UnixTime::from_secs(3600));
    assert_eq!(result_in(before(), &history, "", 3600 + 200)[0].value, 10.0);
    assert_eq!(result_in(before(), &history, "", 3600 + 400), []);
    assert_eq!(result_in(before(), &history, "", 7200)[0].value, 10.0);
}
