//! From pending to resolved, and what blindness does to it.

use super::*;

const DOWN: &[(&str, u32, u32)] = &[("builds", 0, 4)];
const WELL: &[(&str, u32, u32)] = &[("builds", 4, 0)];
const POOL_DOWN: &str = "RollcallPoolDown";

#[test]
fn it_fires_after_its_for_and_is_resolved_once_it_was_well_for_keep_firing_for() {
    let mut site = Site::new("azure_devops");
    site.poll_for(10, DOWN);
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
    let fired = site.engine.alerts().into_iter().find(|alert| alert.name == POOL_DOWN).expect("it fires");
    assert_eq!(fired.since, UnixTime::from_secs(1_000_000));
    assert_eq!(fired.fired, Some(UnixTime::from_secs(1_000_300)));
    site.poll_for(keep(POOL_DOWN) / 60 + 1, WELL);
    // Ten minutes of fault, of which five fired, then as long as it goes on.
    let end = 600 + keep(POOL_DOWN);
    assert_eq!(site.story(POOL_DOWN), [(300, "firing"), (end, "resolved")]);
    let resolved = site.reported.iter().rev().find_map(|(_, change)| match change {
        Change::Notify(notification) if notification.labels["alertname"] == POOL_DOWN => Some(notification),
        _ => None,
    });
    let resolved = resolved.expect("it was resolved");
    assert_eq!(resolved.starts_at, UnixTime::from_secs(1_000_300));
    assert_eq!(resolved.ends_at, Some(UnixTime::from_secs(1_000_000 + end)));
}

#[test]
fn what_is_short_never_fires() {
    let mut site = Site::new("azure_devops");
    for _ in 0..10 {
        site.poll_for(4, DOWN);
        site.poll_for(1, WELL);
    }
    assert_eq!(site.story(POOL_DOWN), []);
}

#[test]
fn one_that_comes_back_while_it_goes_on_is_the_same_episode() {
    let mut site = Site::new("azure_devops");
    site.poll_for(10, DOWN);
    for _ in 0..5 {
        site.poll_for(10, WELL);
        site.poll_for(2, DOWN);
    }
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
}

#[test]
fn the_labels_and_texts_are_those_of_the_rules() {
    let mut site = Site::with("azure_devops", "  runbook_url: https://wiki/runbooks/\n");
    site.poll_for(6, DOWN);
    let alert = site.engine.alerts().into_iter().find(|alert| alert.name == POOL_DOWN).expect("it fires");
    let labels: Vec<(&str, &str)> = alert.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("alertname", POOL_DOWN),
        ("pool", "builds"),
        ("severity", "critical"),
        ("target", "t"),
        ("vendor", "azure_devops"),
    ];
    assert_eq!(labels, expected);
    assert_eq!(alert.annotations["summary"], "No agent of a pool serves.");
    let description = "100% of the agents of pool builds of t (azure_devops) that should serve have failed.";
    assert_eq!(alert.annotations["description"], description);
    assert_eq!(alert.annotations["runbook_url"], "https://wiki/runbooks/RollcallPoolDown.md");
    let agents = "http://rollcall/agents?vendor=azure_devops&target=t&pool=builds";
    assert_eq!(alert.annotations["dashboard_url"], agents);
}

#[test]
fn one_failed_poll_changes_nothing() {
    let mut site = Site::new("azure_devops");
    site.poll_for(3, DOWN);
    site.fail();
    site.wait(60);
    site.poll_for(3, DOWN);
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
    site.fail();
    site.wait(60);
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
}

#[test]
fn ten_failed_polls_hold_what_fires_and_say_that_its_value_is_unknown() {
    let mut site = Site::new("azure_devops");
    site.poll_for(10, DOWN);
    for _ in 0..10 {
        site.fail();
        site.wait(300);
    }
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
    let held = site.engine.alerts().into_iter().find(|alert| alert.name == POOL_DOWN).expect("it fires");
    assert!(held.held && held.value.is_none(), "{held:?}");
    assert!(held.annotations["description"].starts_with("? of the agents"), "{held:?}");
    // That nobody sees it has an alert of its own.
    assert!(site.firing("RollcallTargetDown"));
    // The first good poll shows that it is over.
    site.poll_for(keep(POOL_DOWN) / 60 + 1, WELL);
    let last = site.story(POOL_DOWN);
    assert_eq!(last, [(300, "firing"), (600 + 3000 + keep(POOL_DOWN), "resolved")]);
}

#[test]
fn blindness_alone_makes_nothing_fire() {
    let mut site = Site::new("azure_devops");
    // The condition stays with its data, for stale_after; it would have to hold for ten minutes.
    site.poll_for(1, &[("builds", 3, 1)]);
    for _ in 0..10 {
        site.fail();
        site.wait(300);
    }
    assert_eq!(site.story("RollcallPoolCapacityLow"), []);
    assert!(site.engine.alerts().iter().all(|alert| alert.name == "RollcallTargetDown"), "{:?}", site.engine.alerts());
}

#[test]
fn a_hold_ends_with_max_hold() {
    let mut site = Site::only("azure_devops", "  max_hold: 1h\n", &[POOL_DOWN]);
    site.poll_for(10, DOWN);
    for _ in 0..20 {
        site.fail();
        site.wait(300);
    }
    // The last success was at 540; an hour later it only goes on.
    assert_eq!(site.story(POOL_DOWN), [(300, "firing"), (540 + 3600 + keep(POOL_DOWN), "resolved")]);
}

#[test]
fn a_pool_that_is_forbidden_for_ever_is_held_beside_others_that_are_well() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetPartial"]);
    let other = ("others", 4, 0);
    site.poll_for(10, &[("builds", 0, 4), other]);
    for _ in 0..60 * 30 {
        site.poll_parts(&[other], &["builds"]);
        site.wait(60);
    }
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
    assert!(site.firing("RollcallTargetPartial"));
    // Read again, it is well.
    site.poll_for(20, &[("builds", 4, 0), other]);
    assert_eq!(site.story(POOL_DOWN).last().map(|(_, word)| *word), Some("resolved"));
}

#[test]
fn severities_of_one_name_exclude_each_other() {
    let mut site = Site::new("parallels_ras");
    site.poll_for(16, &[("RDSHost@1", 7, 3)]);
    let low = |site: &Site| -> Vec<&'static str> {
        let alerts = site.engine.alerts();
        let low = alerts.iter().filter(|alert| alert.name == "RollcallPoolCapacityLow" && alert.clearing.is_none());
        low.map(|alert| alert.severity.as_str()).collect()
    };
    assert_eq!(low(&site), ["warning"]);
    site.poll_for(16, &[("RDSHost@1", 3, 7)]);
    assert_eq!(low(&site), ["critical"]);
}

#[test]
fn a_vanished_pool_is_told_only_from_complete_answers() {
    let mut site = Site::only("azure_devops", "", &["RollcallPoolVanished"]);
    let both = &[("builds", 4, 0), ("others", 4, 0)];
    site.poll_for(5, both);
    site.poll_parts(&[("others", 4, 0)], &["builds"]);
    site.wait(60 * 20);
    assert_eq!(site.story("RollcallPoolVanished"), []);
    site.poll_for(20, both);
    site.poll_for(20, &[("others", 4, 0)]);
    assert!(site.firing("RollcallPoolVanished"));
    // A day later it is forgotten.
    site.poll_for(60 * 24 + 20, &[("others", 4, 0)]);
    assert!(!site.firing("RollcallPoolVanished"));
}

#[test]
fn a_target_that_is_gone_takes_its_alerts_along_without_an_end() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN]);
    site.poll_for(10, DOWN);
    let changes = site.engine.retain(&HashSet::new());
    assert!(matches!(changes[..], [Change::Withdrawn(_)]), "{changes:?}");
    assert_eq!(site.engine.alerts(), []);
}

#[test]
fn the_watchdog_fires_at_once_and_for_ever() {
    let mut engine = Engine::new(rules("").of_instance("host:10077"), SavedAlerts::default());
    let changes = engine.evaluate_own(UnixTime::from_secs(5));
    let [Change::Notify(notification)] = &changes[..] else { panic!("{changes:?}") };
    // Of two daemons each has its own.
    assert_eq!(
        (&*notification.labels["alertname"], &*notification.labels["instance"]),
        ("RollcallDirectWatchdog", "host:10077")
    );
    assert_eq!(engine.evaluate_own(UnixTime::from_secs(20)), []);
}
