//! Restarts, reloads and changes of the mode.

use super::*;

const DOWN: &[(&str, u32, u32)] = &[("builds", 0, 4)];
const WELL: &[(&str, u32, u32)] = &[("builds", 4, 0)];
const POOL_DOWN: &str = "RollcallPoolDown";

#[test]
fn after_a_restart_it_is_said_again_before_anything_else() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN]);
    site.poll_for(10, DOWN);
    site.reported.clear();
    site.restart(10, "");
    site.evaluate();
    let [(_, Change::Notify(notification))] = &site.reported[..] else { panic!("{:?}", site.reported) };
    assert_eq!((notification.starts_at, notification.ends_at), (UnixTime::from_secs(1_000_300), None));
    assert!(notification.annotations["description"].starts_with("100% of the agents"), "{notification:?}");
}

#[test]
fn after_a_restart_nothing_is_resolved_that_was_not_polled() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    site.poll_for(10, DOWN);
    site.restart(10, "");
    site.wait(3600);
    for _ in 0..10 {
        site.fail();
        site.wait(300);
    }
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
    site.poll_for(keep(POOL_DOWN) / 60 + 1, WELL);
    assert_eq!(site.story(POOL_DOWN).len(), 2);
}

#[test]
fn a_target_that_is_down_stays_so_over_a_restart() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    site.poll_for(10, WELL);
    for _ in 0..10 {
        site.fail();
        site.wait(300);
    }
    assert!(site.firing("RollcallTargetDown"));
    site.restart(30, "");
    // It takes three failures until the condition holds again, and polls are far apart.
    for _ in 0..3 {
        site.wait(1500);
        site.fail();
    }
    site.wait(60);
    assert_eq!(site.story("RollcallTargetDown").len(), 1);
    site.poll_for(keep("RollcallTargetDown") / 60 + 1, WELL);
    assert_eq!(site.story("RollcallTargetDown").len(), 2);
}

#[test]
fn what_is_pending_goes_on_over_a_short_restart_only() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    site.poll_for(3, DOWN);
    site.restart(30, "");
    site.poll_for(3, DOWN);
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    site.poll_for(3, DOWN);
    site.restart(600, "");
    site.poll_for(6, DOWN);
    assert_eq!(site.story(POOL_DOWN), [(780 + 300, "firing")]);
}

#[test]
fn what_may_have_ended_while_nobody_looked_is_not_said_again_unseen() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    site.poll_for(10, DOWN);
    site.reported.clear();
    site.restart(7200, "");
    site.evaluate();
    assert!(site.reported.is_empty());
    let mut well = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    std::mem::swap(&mut well.engine, &mut site.engine);
    well.now = site.now;
    well.poll_for(1, WELL);
    assert_eq!(well.story(POOL_DOWN), []);
    assert!(!well.firing(POOL_DOWN));
}

#[test]
fn what_still_fires_after_a_long_pause_kept_its_start() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    site.poll_for(10, DOWN);
    site.reported.clear();
    site.restart(7200, "");
    site.poll_for(1, DOWN);
    let starts: Vec<UnixTime> = site
        .reported
        .iter()
        .filter_map(|(_, change)| match change {
            Change::Notify(notification) if notification.labels["alertname"] == POOL_DOWN => {
                Some(notification.starts_at)
            }
            _ => None,
        })
        .collect();
    assert_eq!(starts, [UnixTime::from_secs(1_000_300)]);
}

#[test]
fn the_past_survives_a_restart() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    let both = &[("builds", 4, 0), ("others", 4, 0)];
    site.poll_for(5, both);
    site.restart(60, "");
    site.poll_for(20, &[("others", 4, 0)]);
    assert!(site.firing("RollcallPoolVanished"));
}

#[test]
fn a_reload_changes_the_rules_and_keeps_the_alerts() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    site.poll_for(10, DOWN);
    let longer = "  overrides: [{ alert: RollcallPoolDown, target: t, for: 1h, keep_firing_for: 2m }]\n";
    site.engine.configure(rules(longer));
    site.poll_for(5, DOWN);
    assert_eq!(site.story(POOL_DOWN), [(300, "firing")]);
    site.poll_for(3, WELL);
    assert_eq!(site.story(POOL_DOWN), [(300, "firing"), (900 + 120, "resolved")]);
    site.poll_for(59, DOWN);
    assert!(!site.firing(POOL_DOWN));
    site.poll_for(2, DOWN);
    assert!(site.firing(POOL_DOWN));
}

#[test]
fn an_alert_that_an_override_takes_away_is_withdrawn_not_resolved() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN]);
    site.poll_for(10, DOWN);
    let away = "  overrides: [{ alert: RollcallPoolDown, pool: 'build*', enabled: false }]\n";
    let mut without = rules(away);
    without.all.retain(|rule| rule.alert.name == POOL_DOWN);
    site.engine.configure(without);
    site.poll_for(1, DOWN);
    assert_eq!((site.story(POOL_DOWN).len(), site.withdrawn()), (1, 1));
    assert!(!site.firing(POOL_DOWN));
}

#[test]
fn a_state_of_another_vendor_or_of_an_unknown_alert_is_left_alone() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN, "RollcallTargetDown", "RollcallPoolVanished"]);
    site.poll_for(10, DOWN);
    let saved = serde_json::to_string(&site.engine.save()).expect("it can be written");
    site.restart_from(&saved.replace("RollcallPoolDown", "RollcallOfAnotherTime"), 10, "");
    site.poll_for(1, WELL);
    assert!(!site.firing(POOL_DOWN));
    let mut other = Site::new("resilio");
    other.restart_from(&saved, 10, "");
    other.poll_for(1, WELL);
    assert!(!other.firing(POOL_DOWN));
}

#[test]
fn what_is_pending_fires_in_time_though_the_clock_is_set_back() {
    let mut site = Site::only("azure_devops", "", &[POOL_DOWN]);
    site.poll_for(3, DOWN);
    site.now -= 7200;
    site.poll_for(1, DOWN);
    assert_eq!(site.story(POOL_DOWN), []);
    site.poll_for(2, DOWN);
    assert_eq!(site.story(POOL_DOWN), [(300 - 7200, "firing")]);
}

#[test]
fn what_fires_ends_in_time_though_the_clock_is_set_back() {
    for restarts in [false, true] {
        let mut site = Site::only("azure_devops", "", &[POOL_DOWN]);
        site.poll_for(10, DOWN);
        site.poll_for(2, WELL);
        match restarts {
            true => site.restart(-7200, ""),
            false => site.now -= 7200,
        }
        site.poll_for(keep(POOL_DOWN) / 60, WELL);
        let ends = site.reported.iter().filter_map(|(_, change)| match change {
            Change::Notify(notification) => notification.ends_at.map(|ended| (notification.starts_at, ended)),
            Change::Withdrawn(_) => panic!("it is known how it ended"),
        });
        let [(started, ended)] = ends.collect::<Vec<_>>()[..] else { panic!("{:?}", site.reported) };
        assert!(started <= ended && ended <= UnixTime::from_secs(site.now), "{started} {ended}");
        assert_eq!(site.story(POOL_DOWN).iter().map(|(_, word)| *word).collect::<Vec<_>>(), ["firing", "resolved"]);
    }
}
