use super::{
    super::stub::{NOW, Story, agents, alert},
    *,
};
use crate::{failure::Reason, health::Health, rules::catalogue::Severity};

#[test]
fn the_first_sentence_says_where_how_many_and_how_bad() {
    let mut bad = Story::new("builds").poll(0, agents("linux", Health::Failed, 0..4));
    let mut good = Story::new("farm").poll(0, agents("hosts", Health::Healthy, 0..40));
    let labels = [("vendor", "resilio"), ("target", "builds"), ("pool", "linux")];
    let alerts = [alert("RollcallPoolDown", Severity::Critical, &labels, true)];
    let model = Overview::of(&[good.at(1), bad.at(1)], &alerts, NOW, 1);
    assert_eq!(model.banner.level, Level::Critical);
    let sentence = &model.banner.sentence;
    assert!(sentence.starts_with("1 critical alert firing. builds, pool linux, 4 agents: "), "{sentence}");
    assert_eq!(model.banner.since, Some(NOW));
    assert_eq!(model.agents[Health::Failed as usize], 4);
    let calm = Overview::of(&[good.at(1)], &[], NOW, 1);
    assert_eq!((calm.banner.level, &*calm.banner.sentence), (Level::Calm, "All is well. 1 target, 40 agents."));
    let starting = Overview::of(&[Story::new("new").at(0)], &[], NOW, 1);
    assert!(starting.banner.sentence.starts_with("Starting: 1 of"), "{}", starting.banner.sentence);
}

#[test]
fn the_worst_of_many_targets_stand_on_the_first_page_and_never_polled_is_not_zero() {
    let mut all: Vec<Arc<Snapshot>> =
        (0..60).map(|n| Story::new(&format!("t{n:02}")).poll(0, agents("p", Health::Healthy, 0..1)).at(1)).collect();
    all.push(Story::new("broken").fail(1, Reason::Tls).at(2));
    all.push(Story::new("new").at(2));
    let model = Overview::of(&all, &[], NOW, 1);
    assert_eq!((model.targets.len(), model.page), (25, (1, 3)));
    assert_eq!((&*model.targets[0].name, model.targets[0].state), ("broken", "down"));
    assert_eq!((&*model.targets[1].name, model.targets[1].data_from), ("new", None));
    assert_eq!(Overview::of(&all, &[], NOW, 99).page, (3, 3));
}
