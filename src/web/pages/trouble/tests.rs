use std::time::Duration;

use super::{
    super::stub::{NOW, Story, agents, alert},
    *,
};
use crate::failure::Reason;

fn moment(after: u64) -> UnixTime {
    NOW.plus(Duration::from_secs(after))
}

#[test]
fn a_pool_that_falls_is_told_with_its_agents_and_since_when_before_any_alert() {
    let fallen = [
        agents("linux", Health::Failed, 0..4),
        agents("linux", Health::Healthy, 4..5),
        agents("mac", Health::Healthy, 5..9),
    ];
    let mut story = Story::new("builds")
        .poll(
            0,
            [
                agents("linux", Health::Healthy, 1..5),
                agents("linux", Health::Failed, 0..1),
                agents("mac", Health::Healthy, 5..9),
            ]
            .concat(),
        )
        .poll(600, fallen.concat());
    let troubles = of(&[story.at(610)], &[]);
    assert_eq!(troubles.len(), 1);
    let trouble = &troubles[0];
    assert_eq!(
        (trouble.target.as_str(), trouble.pool.as_deref(), trouble.level),
        ("builds", Some("linux"), Level::Warning)
    );
    assert_eq!((trouble.agents, trouble.class), ((4, 5), Some(Health::Failed)));
    // One of them has been so for longer.
    assert_eq!(trouble.since, Some(moment(600)));
    assert_eq!(trouble.what, "4 failed of 5");
}

#[test]
fn a_pool_that_was_put_out_of_service_is_worth_a_look_and_one_that_always_was_is_not() {
    let pools = |health: Health| [agents("east", health, 0..4), agents("spare", Health::Disabled, 4..8)].concat();
    let mut story = Story::new("site").poll(0, pools(Health::Healthy)).poll(600, pools(Health::Disabled));
    let troubles = of(&[story.at(610)], &[]);
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    let trouble = &troubles[0];
    assert_eq!((trouble.pool.as_deref(), trouble.level), (Some("east"), Level::Notice));
    assert_eq!((trouble.agents, trouble.class), ((4, 4), Some(Health::Disabled)));
    assert_eq!(trouble.since, Some(moment(600)));
}

#[test]
fn what_fires_stands_above_what_may_and_alerts_of_a_place_stand_together() {
    let mut story =
        Story::new("builds").poll(0, [agents("a", Health::Failed, 0..3), agents("b", Health::Failed, 3..6)].concat());
    let b = [("vendor", "resilio"), ("target", "builds"), ("pool", "b")];
    let a = [("vendor", "resilio"), ("target", "builds"), ("pool", "a")];
    let alerts = [
        alert("RollcallPoolDown", Severity::Critical, &a, false),
        alert("RollcallPoolDown", Severity::Critical, &b, true),
        alert("RollcallAgentFailed", Severity::Info, &[b[0], b[1], b[2], ("agent", "agent-3")], true),
    ];
    let troubles = of(&[story.at(10)], &alerts);
    let told: Vec<_> = troubles.iter().map(|t| (t.pool.as_deref(), t.level, t.alerts.len())).collect();
    assert_eq!(told, [(Some("b"), Level::Critical, 2), (Some("a"), Level::Warning, 1)]);
    assert_eq!(troubles[0].alerts[0].alert().name, "RollcallPoolDown");
}

#[test]
fn a_target_that_cannot_be_read_names_its_pools_also_when_its_data_are_withdrawn() {
    let mut story = Story::new("builds").poll(0, agents("linux", Health::Healthy, 0..7)).fail(60, Reason::Connect);
    let snapshot = story.at(70);
    let troubles = of(&[snapshot], &[]);
    assert_eq!((troubles[0].level, troubles[0].agents), (Level::Warning, (7, 7)));
    assert_eq!((troubles[0].since, &troubles[0].pools), (Some(moment(60)), &(vec!["linux".to_owned()], 1)));
    assert_eq!(troubles[0].what, "Nothing answers at its address.");
    let stale = story.at(3600);
    assert!(stale.status.stale && stale.agents.is_empty());
    let troubles = of(&[stale], &[]);
    assert_eq!((troubles[0].level, troubles[0].agents), (Level::Critical, (7, 7)), "as many as were known");
    assert_eq!(troubles[0].pools.0, ["linux"]);
    assert!(troubles[0].what.starts_with("Nobody knows"), "{}", troubles[0].what);
}

#[test]
fn all_well_is_no_trouble() {
    let mut story = Story::new("builds").poll(0, agents("linux", Health::Healthy, 0..7));
    assert_eq!(of(&[story.at(1)], &[]), []);
    // Never polled is nothing wrong yet.
    assert_eq!(of(&[Story::new("new").at(0)], &[]), []);
}
