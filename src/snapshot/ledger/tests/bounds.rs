//! However much a vendor says, so much is kept.

use super::*;

#[test]
fn more_series_than_allowed_change_nothing() {
    let target = || Target { max_series: 30, max_agents: 100, ..target() };
    let mut ledger = Ledger::new(Arc::new(target()), false);
    // 8 series for the agent, 9 for its pool.
    apply(&mut ledger, 0, vec![("", Outcome::Fresh(part("a", &[("x", 7, Health::Healthy)])))]);
    let before = ledger.publish(at_second(0)).snapshot;
    let names: Vec<String> = (0..3).map(|index| format!("x{index}")).collect();
    let many: Vec<_> = names.iter().zip(0..).map(|(name, id)| (&**name, id, Health::Healthy)).collect();
    let observation = |parts: Vec<(&str, Outcome)>| {
        let parts = parts.into_iter().map(|(key, outcome)| (key.into(), outcome)).collect();
        Observation { parts, ..Observation::default() }
    };
    let warnings = Warnings::default();
    let failure = ledger.apply(observation(vec![("", Outcome::Fresh(part("a", &many)))]), at_second(60), &warnings);
    let failure = failure.expect_err("33 series are too many");
    assert_eq!((failure.reason, &*failure.message), (Reason::TooLarge, "33 series are more than max_series (30)"));
    // What is kept of a part that failed counts, too.
    let parts = vec![("", failed()), ("b", Outcome::Fresh(part("b", &[("y", 1, Health::Healthy)])))];
    let failure = ledger.apply(observation(parts), at_second(60), &warnings).expect_err("34 series are too many");
    assert_eq!(failure.message, "34 series are more than max_series (30)");
    let after = ledger.publish(at_second(60)).snapshot;
    assert_eq!((before.agents.len(), before.series), (after.agents.len(), after.series));
    assert_eq!(before.blocks.len(), after.blocks.len());
}

#[test]
fn pools_that_are_gone_do_not_pile_up() {
    let mut ledger = ledger();
    for poll in 0..5 {
        let mut part = Part::new(resilio::FAMILIES);
        for pool in 0..4000 {
            part.pool(&format!("{poll}-{pool}"), false);
        }
        apply(&mut ledger, poll * 60, vec![("", Outcome::Fresh(part))]);
        assert!(ledger.known_pools.len() <= MAX_GONE + 4000, "{}", ledger.known_pools.len());
    }
    let seen = ledger.known_pools.values().map(|(_, seen)| *seen);
    assert_eq!(seen.min(), Some(at_second(60)), "the latest are known");
    assert!(ledger.save().pools.len() <= MAX_GONE + 4000);
}
