//! Which pools there are, and which are expected and missing.

use super::*;
use crate::config::Config;

/// A ledger of a target that expects agents of these pools.
fn expecting(expect: &[(&str, u64)]) -> Ledger {
    Ledger::new(Arc::new(Target { expect: entries(expect), ..target() }), false)
}

fn entries(expect: &[(&str, u64)]) -> Vec<Expect> {
    let entry = |(pool, n): &(&str, u64)| Expect { pool: Glob::new(pool).expect("a valid glob"), min_serving: *n };
    expect.iter().map(entry).collect()
}

/// A part of one pool with one agent.
fn one(pool: &str) -> Outcome {
    Outcome::Fresh(part(pool, &[("x", 1, Health::Healthy)]))
}

/// What is told of expectations, as `pool=n`.
fn apply_and_render(ledger: &mut Ledger, at: u64) -> Vec<String> {
    let lines = lines(ledger, at, "rollcall_pool_min_serving");
    let short = |line: String| line.replace("rollcall_pool_min_serving{,pool=\"", "").replace("\"} ", "=");
    lines.into_iter().map(short).collect()
}

/// Takes up an answer that says of itself that it does not tell of everything.
fn apply_incomplete(ledger: &mut Ledger, at: u64, parts: Vec<(&str, Outcome)>) {
    let parts = parts.into_iter().map(|(key, outcome)| (key.into(), outcome)).collect();
    let observation = Observation { parts, incomplete: true, ..Observation::default() };
    ledger.apply(observation, at_second(at), &Warnings::default()).expect("few agents");
}

#[test]
fn a_pool_that_is_expected_by_its_name_is_told_also_where_it_is_not_there() {
    let mut ledger = expecting(&[("a", 2), ("gone", 8)]);
    assert!(apply_and_render(&mut ledger, 0).is_empty(), "nothing is known yet");
    apply(&mut ledger, 0, vec![("1", one("a"))]);
    assert_eq!(apply_and_render(&mut ledger, 0), ["a=2", "gone=8"]);
    assert_eq!(lines(&mut ledger, 0, "rollcall_pool_agents").len(), 6, "of the pool that is there");
    let series = ledger.publish(T0).snapshot.series;
    assert_eq!(lines(&mut ledger, 0, "rollcall_target_series"), [format!("rollcall_target_series{{}} {series}")]);
    apply(&mut ledger, 60, vec![("1", one("a")), ("2", one("gone"))]);
    assert_eq!(apply_and_render(&mut ledger, 60), ["a=2", "gone=8"]);
    apply(&mut ledger, 120, vec![("2", one("gone"))]);
    assert_eq!(apply_and_render(&mut ledger, 120), ["gone=8", "a=2"]);
}

#[test]
fn globs_expect_nothing_of_pools_that_are_not_there() {
    let mut ledger = expecting(&[("b*", 1), ("c?", 1), ("{d,e}", 1), ("[f]", 1), ("build", 8), ("g", 3), ("g", 4)]);
    apply(&mut ledger, 0, vec![("1", one("a"))]);
    assert_eq!(apply_and_render(&mut ledger, 0), ["g=3"], "of a name that comes after its glob the glob counts");
}

#[test]
fn a_pool_whose_part_cannot_be_read_is_not_gone() {
    let mut ledger = expecting(&[("p", 2)]);
    // Nobody knows whose part it is that was never read.
    apply(&mut ledger, 0, vec![("1", one("a")), ("2", failed())]);
    assert!(apply_and_render(&mut ledger, 0).is_empty());
    apply(&mut ledger, 60, vec![("1", one("a")), ("2", one("p"))]);
    assert_eq!(apply_and_render(&mut ledger, 60), ["p=2"]);
    // It is kept, and withdrawn later.
    apply(&mut ledger, 300, vec![("1", one("a")), ("2", failed())]);
    assert_eq!(apply_and_render(&mut ledger, 300), ["p=2"]);
    assert_eq!(lines(&mut ledger, 300, "rollcall_pool_agents").len(), 12);
    apply(&mut ledger, 600, vec![("1", one("a")), ("2", failed())]);
    assert!(apply_and_render(&mut ledger, 600).is_empty());
    // An answer without the part is one without the pool.
    apply(&mut ledger, 660, vec![("1", one("a"))]);
    assert_eq!(apply_and_render(&mut ledger, 660), ["p=2"]);
    assert_eq!(lines(&mut ledger, 660, "rollcall_pool_agents").len(), 6);
}

#[test]
fn a_pool_that_is_gone_stays_so_until_it_comes_or_nothing_is_known() {
    let mut ledger = expecting(&[("p", 2)]);
    apply(&mut ledger, 0, vec![("1", one("a"))]);
    apply(&mut ledger, 60, vec![("1", one("a")), ("2", failed())]);
    assert_eq!(apply_and_render(&mut ledger, 60), ["p=2"], "a partial answer does not say that it is back");
    assert_eq!(apply_and_render(&mut ledger, 360), ["p=2"], "nor does a failed poll");
    assert!(apply_and_render(&mut ledger, 361).is_empty(), "the target is stale");
    apply(&mut ledger, 400, vec![("1", failed()), ("2", one("p"))]);
    assert_eq!(apply_and_render(&mut ledger, 400), ["p=2"]);
    // It came with a partial answer, and its part is withdrawn without another answer that told of everything.
    apply(&mut ledger, 800, vec![("1", one("a")), ("2", failed())]);
    assert!(apply_and_render(&mut ledger, 800).is_empty());
}

#[test]
fn a_vendor_that_did_not_list_everything_says_nothing_of_what_is_missing() {
    let mut ledger = expecting(&[("p", 2)]);
    apply_incomplete(&mut ledger, 0, vec![("1", one("a"))]);
    assert!(apply_and_render(&mut ledger, 0).is_empty());
    apply(&mut ledger, 60, vec![("1", one("a"))]);
    apply_incomplete(&mut ledger, 120, vec![("1", one("a"))]);
    assert_eq!(apply_and_render(&mut ledger, 120), ["p=2"], "it was gone before");
}

#[test]
fn another_configuration_waits_for_an_answer_to_its_own_questions() {
    let mut ledger = expecting(&[("p", 2)]);
    apply(&mut ledger, 0, vec![("1", one("a"))]);
    ledger.reconfigure(Arc::new(Target { expect: entries(&[("q", 1)]), ..target() }), false);
    assert!(apply_and_render(&mut ledger, 0).is_empty());
    apply(&mut ledger, 60, vec![("1", one("a"))]);
    assert_eq!(apply_and_render(&mut ledger, 60), ["q=1"]);
}

#[test]
fn a_pool_of_logical_rows_only_is_none_among_very_many() {
    let mut ledger = ledger();
    let mut many = Part::new(resilio::FAMILIES);
    for index in 0..20_000 {
        let pool = many.pool(&format!("p{index}"), false);
        // By a search of all rows for each pool, this would take minutes. Every fourth pool has no row at all.
        if index % 4 != 0 {
            let row = Agent { pool, name: "row".into(), id: Id::Number(1), health: None, state: "".into() };
            many.agent(row).expect("ids are unique");
        }
    }
    let mixed = part("p1", &[("x", 7, Health::Healthy)]);
    apply(&mut ledger, 0, vec![("many", Outcome::Fresh(many)), ("mixed", Outcome::Fresh(mixed))]);
    let pools = ledger.publish(at_second(0)).snapshot.pools;
    let names: Vec<&str> = pools.iter().map(|pool| &*pool.name).collect();
    assert_eq!(names.len(), 5001);
    assert!(names.contains(&"p0") && names.contains(&"p1") && !names.contains(&"p2"));
}

#[test]
fn a_pool_that_is_only_described_is_there_and_one_of_logical_rows_only_is_not() {
    let mut ledger = expecting(&[("hosted", 1), ("logical", 1)]);
    let mut described = part("a", &[("x", 1, Health::Healthy)]);
    described.described_pool("hosted");
    let pool = described.pool("logical", false);
    let row = Agent { pool, name: "row".into(), id: Id::Number(2), health: None, state: "".into() };
    described.agent(row).expect("ids are unique");
    apply(&mut ledger, 0, vec![("", Outcome::Fresh(described))]);
    assert_eq!(apply_and_render(&mut ledger, 0), ["logical=1"]);
}

#[test]
fn a_pool_on_demand_may_be_gone() {
    let day = 86_400;
    let mut ledger = expecting(&[("elastic", 2)]);
    let mut elastic = Part::new(resilio::FAMILIES);
    elastic.pool("elastic", true);
    apply(&mut ledger, 0, vec![("1", one("a")), ("2", Outcome::Fresh(elastic))]);
    assert_eq!(apply_and_render(&mut ledger, 0), ["elastic=2"]);
    for at in [60, 2 * day, 3 * day] {
        apply(&mut ledger, at, vec![("1", one("a"))]);
        assert!(apply_and_render(&mut ledger, at).is_empty(), "after {at} seconds");
    }
    let mut restarted = expecting(&[("elastic", 2)]);
    restarted.restore(ledger.save(), at_second(0));
    apply(&mut restarted, 3 * day + 60, vec![("1", one("a"))]);
    assert!(apply_and_render(&mut restarted, 3 * day + 60).is_empty());
}

#[test]
fn a_pool_that_the_configuration_calls_on_demand_may_be_missing_from_the_start() {
    let text = "targets:
  - name: builds
    vendor: azure_devops
    url: https://dev.azure.com/contoso
    auth: { pat: canary }
    on_demand_pools: [scale-*]
    expect: [{ pool: scale-1, min_serving: 2 }, { pool: steady, min_serving: 3 }]
";
    let config = Config::parse(text, "rollcall.yml", std::path::Path::new("")).expect("the text is valid");
    let mut ledger = Ledger::new(Arc::clone(&config.targets[0]), false);
    apply(&mut ledger, 0, vec![("", Outcome::Fresh(Part::new(catalogue::azure_devops::FAMILIES)))]);
    let told = lines(&mut ledger, 0, "rollcall_pool_min_serving");
    assert_eq!(told, ["rollcall_pool_min_serving{vendor=\"azure_devops\",target=\"builds\",pool=\"steady\"} 3"]);
}
