mod bounds;
mod expected;
mod histograms;

use std::time::Duration;

use super::*;
use crate::{
    api::{
        Agent, Id, Outcome, Part, Same, Warning,
        fingerprint::{ContentHash, PartFingerprint},
    },
    catalogue::{self, resilio},
    config::target::Expect,
    glob::Glob,
    health::Health,
};

const T0: UnixTime = UnixTime::from_secs(1_000_000);

fn target() -> Target {
    Target {
        name: "t".to_owned(),
        max_agents: 5,
        max_series: usize::MAX,
        labels: vec![("site".to_owned(), "zrh".to_owned())],
        expect: vec![Expect { pool: Glob::new("a*").expect("a valid glob"), min_serving: 2 }],
        ..Target::sample_client()
    }
}

fn ledger() -> Ledger {
    Ledger::new(Arc::new(target()), false)
}

/// A part with agents (name, id, class) in one pool, each with a sample.
fn part(pool: &str, agents: &[(&str, i64, Health)]) -> Part {
    let mut part = Part::new(resilio::FAMILIES);
    let pool = part.pool(pool, false);
    for (name, id, health) in agents {
        let agent = Agent {
            pool,
            name: (*name).into(),
            id: Id::Number(*id),
            health: Some(*health),
            state: health.as_str().into(),
        };
        let row = part.agent(agent).expect("ids are unique");
        part.set(&resilio::CLIENT_PAUSED, row, &[], *id as f64);
    }
    part
}

fn apply(ledger: &mut Ledger, at: u64, parts: Vec<(&str, Outcome)>) -> Warnings {
    let warnings = Warnings::default();
    let parts = parts.into_iter().map(|(key, outcome)| (key.into(), outcome)).collect();
    let observation = Observation { parts, ..Observation::default() };
    ledger.apply(observation, at_second(at), &warnings).expect("few agents");
    warnings
}

fn at_second(second: u64) -> UnixTime {
    T0.plus(Duration::from_secs(second))
}

fn failed() -> Outcome {
    Outcome::Failed(Failure::new(Reason::HttpStatus, "500"))
}

/// The lines of the exposition that begin so.
fn lines(ledger: &mut Ledger, at: u64, start: &str) -> Vec<String> {
    let snapshot = ledger.publish(at_second(at)).snapshot;
    let text = crate::snapshot::of_target(snapshot);
    let text = String::from_utf8(text).expect("text");
    let base = "vendor=\"resilio\",target=\"t\"";
    text.lines().filter(|line| line.starts_with(start)).map(|line| line.replace(base, "")).collect()
}

#[test]
fn a_part_becomes_lines_with_the_four_labels() {
    let mut ledger = ledger();
    apply(&mut ledger, 0, vec![("", Outcome::Fresh(part("a", &[("x", 7, Health::Degraded)])))]);
    assert_eq!(lines(&mut ledger, 0, "resilio"), ["resilio_client_paused{,pool=\"a\",agent=\"x\"} 7"]);
    let health = lines(&mut ledger, 0, "rollcall_agent_health{");
    assert_eq!(health.len(), 6);
    assert!(health.contains(&"rollcall_agent_health{,pool=\"a\",agent=\"x\",health=\"degraded\"} 1".to_owned()));
    assert_eq!(lines(&mut ledger, 0, "rollcall_pool_agents{").len(), 6);
    assert_eq!(lines(&mut ledger, 0, "rollcall_pool_min_serving"), ["rollcall_pool_min_serving{,pool=\"a\"} 2"]);
    let info = "rollcall_target_info{,url=\"http://127.0.0.1:3840\",site=\"zrh\"} 1";
    assert_eq!(lines(&mut ledger, 0, "rollcall_target_info"), [info]);
}

#[test]
fn the_series_are_counted_as_they_stand_there() {
    let mut ledger = ledger();
    apply(&mut ledger, 0, vec![("", Outcome::Fresh(part("a", &[("x", 7, Health::Degraded)])))]);
    let snapshot = ledger.publish(T0).snapshot;
    let text = String::from_utf8(crate::snapshot::of_target(snapshot.clone())).expect("text");
    assert_eq!(snapshot.series, text.lines().filter(|line| !line.starts_with('#')).count());
    assert!(text.contains(&format!("rollcall_target_series{{vendor=\"resilio\",target=\"t\"}} {}\n", snapshot.series)));
}

#[test]
fn a_failed_part_stays_and_is_withdrawn_alone() {
    let mut ledger = ledger();
    let fresh = |name| Outcome::Fresh(part("a", &[(name, 1, Health::Healthy)]));
    let other = |name| Outcome::Fresh(part("b", &[(name, 2, Health::Healthy)]));
    apply(&mut ledger, 0, vec![("1", fresh("x")), ("2", other("y"))]);
    apply(&mut ledger, 200, vec![("1", failed()), ("2", other("y"))]);
    assert_eq!(lines(&mut ledger, 300, "resilio_client_paused").len(), 2);
    assert_eq!(lines(&mut ledger, 301, "resilio_client_paused"), ["resilio_client_paused{,pool=\"b\",agent=\"y\"} 2"]);
    assert_eq!(lines(&mut ledger, 301, "rollcall_target_stale"), ["rollcall_target_stale{} 0"]);
    assert_eq!(ledger.publish(at_second(301)).next_stale, Some(at_second(500)));
    assert!(lines(&mut ledger, 501, "resilio").is_empty());
    assert_eq!(lines(&mut ledger, 501, "rollcall_target_stale"), ["rollcall_target_stale{} 1"]);
    // The last success of a pool is that of its oldest part.
    apply(&mut ledger, 600, vec![("1", failed()), ("2", other("y"))]);
    let last = lines(&mut ledger, 600, "rollcall_pool_last_success");
    assert_eq!(last, ["rollcall_pool_last_success_timestamp_seconds{,pool=\"b\"} 1000600"]);
}

#[test]
fn what_a_complete_answer_no_longer_has_is_gone() {
    let mut ledger = ledger();
    let two = [("x", 1, Health::Healthy), ("y", 2, Health::Healthy)];
    apply(&mut ledger, 0, vec![("1", Outcome::Fresh(part("a", &two))), ("2", Outcome::Fresh(part("b", &two)))]);
    apply(&mut ledger, 60, vec![("1", Outcome::Fresh(part("a", &two[..1])))]);
    assert_eq!(lines(&mut ledger, 60, "resilio"), ["resilio_client_paused{,pool=\"a\",agent=\"x\"} 1"]);
}

#[test]
fn since_moves_only_with_the_class() {
    let mut ledger = ledger();
    let poll = |health| vec![("", Outcome::Fresh(part("a", &[("x", 1, health)])))];
    let since = |ledger: &mut Ledger, at| lines(ledger, at, "rollcall_agent_health_since")[0].clone();
    apply(&mut ledger, 0, poll(Health::Healthy));
    apply(&mut ledger, 60, poll(Health::Healthy));
    assert!(since(&mut ledger, 60).ends_with(" 1000000"));
    apply(&mut ledger, 120, poll(Health::Failed));
    assert!(since(&mut ledger, 120).ends_with(" 1000120"));
    let mut restarted = self::ledger();
    restarted.restore(ledger.save(), at_second(0));
    apply(&mut restarted, 180, poll(Health::Failed));
    assert!(since(&mut restarted, 180).ends_with(" 1000120"));
    let mut elsewhere = self::ledger();
    elsewhere.restore(SavedTarget { vendor: "azure_devops".to_owned(), ..ledger.save() }, at_second(0));
    apply(&mut elsewhere, 180, poll(Health::Failed));
    assert!(since(&mut elsewhere, 180).ends_with(" 1000180"));
}

#[test]
fn since_of_a_pool_that_could_not_be_read_survives_another_restart() {
    let fresh = |pool| Outcome::Fresh(part(pool, &[("x", 1, Health::Failed)]));
    let mut ledger = ledger();
    apply(&mut ledger, 0, vec![("1", fresh("a")), ("2", fresh("b"))]);
    for (at, second) in [(60, failed()), (120, fresh("b"))] {
        let mut restarted = self::ledger();
        restarted.restore(ledger.save(), at_second(0));
        apply(&mut restarted, at, vec![("1", fresh("a")), ("2", second)]);
        ledger = restarted;
    }
    let since = lines(&mut ledger, 120, "rollcall_agent_health_since");
    assert!(since.len() == 2 && since.iter().all(|line| line.ends_with(" 1000000")), "{since:?}");
}

#[test]
fn of_one_name_the_lowest_id_keeps_it() {
    let mut ledger = ledger();
    let twins = [("x", 9, Health::Healthy), ("x", 3, Health::Healthy), ("x", 12, Health::Failed)];
    let warnings = apply(&mut ledger, 0, vec![("", Outcome::Fresh(part("a", &twins)))]);
    let names = lines(&mut ledger, 0, "resilio_client_paused");
    let line = |name: &str, id| format!("resilio_client_paused{{,pool=\"a\",agent=\"{name}\"}} {id}");
    assert_eq!(names, [line("x#9", 9), line("x", 3), line("x#12", 12)]);
    assert_eq!(warnings.count(Warning::Duplicate), 2);
}

#[test]
fn one_object_in_two_parts_is_shown_once_and_counted_once() {
    let mut ledger = ledger();
    let same = || Outcome::Fresh(part("a", &[("x", 1, Health::Healthy)]));
    let warnings = apply(&mut ledger, 0, vec![("1", same()), ("2", same())]);
    assert_eq!(lines(&mut ledger, 0, "resilio_client_paused").len(), 1);
    assert_eq!(warnings.count(Warning::Duplicate), 0);
    let healthy = "rollcall_pool_agents{,pool=\"a\",health=\"healthy\"} 1".to_owned();
    assert!(lines(&mut ledger, 0, "rollcall_pool_agents").contains(&healthy));
}

#[test]
fn a_new_agent_of_a_kept_parts_name_is_told_apart() {
    let mut ledger = ledger();
    let one = |id| Outcome::Fresh(part("a", &[("x", id, Health::Healthy)]));
    apply(&mut ledger, 0, vec![("1", one(5))]);
    apply(&mut ledger, 60, vec![("1", failed()), ("2", one(4))]);
    let names = lines(&mut ledger, 60, "resilio_client_paused");
    assert_eq!(names.len(), 2);
    assert!(names[1].contains("agent=\"x#4\""), "{names:?}");
}

#[test]
fn long_names_are_cut_and_told_apart() {
    let mut ledger = ledger();
    let (one, two) = (format!("{}1", "é".repeat(5000)), format!("{}2", "é".repeat(5000)));
    let agents = [(one.as_str(), 1, Health::Healthy), (two.as_str(), 2, Health::Healthy)];
    let warnings = apply(&mut ledger, 0, vec![("", Outcome::Fresh(part("a", &agents)))]);
    let names = lines(&mut ledger, 0, "resilio_client_paused");
    let cut = "é".repeat(128);
    assert!(names[0].contains(&format!("agent=\"{cut}\"")) && names[1].contains(&format!("agent=\"{cut}#2\"")));
    assert_eq!((warnings.count(Warning::TruncatedLabel), warnings.count(Warning::Duplicate)), (2, 1));
}

#[test]
fn labels_that_were_cut_to_the_same_make_one_series() {
    let mut ledger = ledger();
    let mut part = part("a", &[("x", 1, Health::Healthy)]);
    let long = "k".repeat(300);
    for (tag, value) in [(format!("{long}1"), "v"), (format!("{long}2"), "v"), ("k".to_owned(), "v")] {
        part.set(&resilio::CLIENT_TAG_INFO, crate::api::AgentRef(0), &[&tag, value], 1.0);
    }
    let warnings = apply(&mut ledger, 0, vec![("", Outcome::Fresh(part))]);
    assert_eq!(lines(&mut ledger, 0, "resilio_client_tag_info").len(), 2);
    assert_eq!(warnings.count(Warning::Duplicate), 1);
}

#[test]
fn full_state_sets_add_the_other_states() {
    static STATES: [&str; 3] = ["CONNECTED", "STOPPED", "A\"B"];
    let mut part = part("a", &[("x", 1, Health::Healthy), ("y", 2, Health::Healthy)]);
    part.declare_states(&resilio::CLIENT_STATE, &STATES);
    part.set(&resilio::CLIENT_STATE, crate::api::AgentRef(0), &["STOPPED"], 1.0);
    part.set(&resilio::CLIENT_STATE, crate::api::AgentRef(1), &["A\"B"], 1.0);
    let mut ledger = Ledger::new(Arc::new(target()), true);
    apply(&mut ledger, 0, vec![("", Outcome::Fresh(part))]);
    let line = |agent: &str, state: &str, value| {
        format!("resilio_client_state{{,pool=\"a\",agent=\"{agent}\",state=\"{state}\"}} {value}")
    };
    let expected = [
        line("x", "STOPPED", 1),
        line("x", "CONNECTED", 0),
        line("x", "A\\\"B", 0),
        line("y", "A\\\"B", 1),
        line("y", "CONNECTED", 0),
        line("y", "STOPPED", 0),
    ];
    assert_eq!(lines(&mut ledger, 0, "resilio_client_state"), expected);
}

#[test]
fn more_agents_than_allowed_change_nothing() {
    let mut ledger = ledger();
    apply(&mut ledger, 0, vec![("", Outcome::Fresh(part("a", &[("x", 1, Health::Healthy)])))]);
    let many: Vec<(&str, i64, Health)> = (0..6).map(|id| ("x", id, Health::Healthy)).collect();
    let observation = Observation::single(part("a", &many));
    let failure = ledger.apply(observation, at_second(60), &Warnings::default()).expect_err("too many");
    assert_eq!(failure.reason, Reason::TooLarge);
    assert_eq!(lines(&mut ledger, 60, "resilio_client_paused").len(), 1);
}

#[test]
fn every_family_is_found_in_the_catalogue() {
    for family in catalogue::TABLES.iter().flat_map(|table| table.iter()) {
        let (table, ordinal) = publish::key_of(family);
        assert_eq!(catalogue::TABLES[table as usize][ordinal as usize].name, family.name);
    }
}

/// A part of these agents, which comes from what they are.
fn print(agents: &[(String, i64, Health)]) -> PartFingerprint {
    vec![ContentHash::of(format!("{agents:?}").as_bytes()).expect("prints can be made")].into()
}

fn named(pool: &str, agents: &[(String, i64, Health)]) -> Part {
    let agents: Vec<(&str, i64, Health)> =
        agents.iter().map(|(name, id, class)| (name.as_str(), *id, *class)).collect();
    part(pool, &agents)
}

/// What a poll brings of a part: none, a failure, or agents.
type Drawn = Option<Option<Vec<(String, i64, Health)>>>;

/// The outcome, read as if nothing were known or, with `fingerprints`, without reading what is known.
fn outcome(
    key: &str,
    drawn: &Option<Vec<(String, i64, Health)>>,
    fingerprints: Option<&PartFingerprints>,
    kept: &mut usize,
) -> Outcome {
    let Some(agents) = drawn else { return failed() };
    // Two of the three parts tell of the same pool.
    let pool = if key == "3" { "q" } else { "p" };
    let fingerprint = print(agents);
    if fingerprints.is_some_and(|fingerprints| fingerprints.get(key) == Some(&fingerprint)) {
        let agents = agents.clone();
        *kept += 1;
        return Outcome::Same(Same::new(fingerprint, move || Ok(named(pool, &agents))));
    }
    let mut part = named(pool, agents);
    part.fingerprint = Some(fingerprint);
    Outcome::Fresh(part)
}

#[test]
fn what_is_not_read_again_is_what_reading_it_would_have_brought() {
    use proptest::prelude::*;
    let class = prop::sample::select(vec![Health::Healthy, Health::Failed]);
    let long = "n".repeat(300);
    let name = prop::sample::select(vec!["a".to_owned(), "b".to_owned(), "a#2".to_owned(), long]);
    // Few of them, so that the same come again.
    let agents = prop::collection::vec((name, 1..4i64, class), 0..3);
    let drawn = prop_oneof![1 => Just(None), 1 => Just(Some(None)), 8 => agents.prop_map(|agents| Some(Some(agents)))];
    let change = (0..3usize, drawn);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let kept = std::cell::Cell::new(0);
    let run = |changes: Vec<(usize, Drawn)>| {
        let (mut all, mut few) = (ledger_of_many(), ledger_of_many());
        let mut present: [Drawn; 3] = [None, None, None];
        for (poll, (at, drawn)) in changes.into_iter().enumerate() {
            present[at] = drawn;
            // Ids are unique in a part, as its filling sees to.
            if let Some(Some(agents)) = &mut present[at] {
                let mut seen = std::collections::HashSet::new();
                agents.retain(|(_, id, _)| seen.insert(*id));
            }
            let fingerprints = few.fingerprints();
            let mut same = 0;
            let mut take = |fingerprints: Option<&PartFingerprints>| {
                let keys = ["1", "2", "3"].into_iter().zip(&present);
                let parts = keys.filter_map(|(key, drawn)| Some((key, drawn.as_ref()?)));
                parts.map(|(key, drawn)| (key, outcome(key, drawn, fingerprints, &mut same))).collect()
            };
            let (whole, part) = (take(None), take(Some(&fingerprints)));
            let second = poll as u64 * 60;
            let (one, other) = (apply(&mut all, second, whole), apply(&mut few, second, part));
            for kind in Warning::ALL {
                prop_assert_eq!(one.count(kind), other.count(kind), "{:?} at poll {}", kind, poll);
            }
            prop_assert_eq!(lines(&mut all, second, ""), lines(&mut few, second, ""), "at poll {}", poll);
            prop_assert_eq!(all.save(), few.save());
            kept.set(kept.get() + same);
        }
        Ok(())
    };
    let outcome = runner.run(&prop::collection::vec(change, 1..12), run);
    outcome.expect("both ledgers always show the same");
    assert!(kept.get() > 1000, "only {} parts were known again", kept.get());
}

/// With room for the agents of three parts.
fn ledger_of_many() -> Ledger {
    Ledger::new(Arc::new(Target { max_agents: 100, ..target() }), false)
}

#[test]
fn a_part_that_is_the_same_is_neither_rendered_nor_deflated_again() {
    let agents = vec![("x".to_owned(), 7, Health::Healthy)];
    let mut ledger = ledger();
    apply(&mut ledger, 0, vec![("1", outcome("1", &Some(agents.clone()), None, &mut 0))]);
    let before = ledger.publish(at_second(0)).snapshot;
    let reading = || -> Result<Part, Failure> { panic!("nothing has changed") };
    let same = || vec![("1", Outcome::Same(Same::new(print(&agents), reading)))];
    apply(&mut ledger, 200, same());
    let after = ledger.publish(at_second(400)).snapshot;
    let key = publish::key_of(&resilio::CLIENT_PAUSED);
    let block = |snapshot: &Snapshot| snapshot.blocks_of(key).next().expect("it is there").clone();
    let (old, new) = (block(&before), block(&after));
    assert!(old.is(&new));
    assert_eq!(after.pools[0].last_success, at_second(200));
    // Under another configuration nothing is known any more.
    assert!(!ledger.fingerprints().is_empty());
    ledger.reconfigure(Arc::new(target()), true);
    assert!(ledger.fingerprints().is_empty());
}

#[test]
fn the_end_of_a_credential_is_told_as_long_as_the_vendor_says_it() {
    let mut ledger = ledger();
    let mut poll = |at, credential_expiry| {
        let observation = Observation { credential_expiry, ..Observation::single(part("a", &[])) };
        ledger.apply(observation, at_second(at), &Warnings::default()).expect("few agents");
        lines(&mut ledger, at, "rollcall_credential_expiry").len()
    };
    assert_eq!(poll(0, vec![("password", at_second(86_400))]), 1);
    assert_eq!(poll(60, Vec::new()), 0, "the password was changed");
}
