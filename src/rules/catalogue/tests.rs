use std::collections::HashSet;

use super::*;
use crate::rules::{
    expr::Selector,
    template::{self, Piece},
};

#[test]
fn names_are_camel_case_and_rows_of_one_name_stand_together_the_highest_severity_first() {
    let mut seen = HashSet::new();
    for (index, row) in all().iter().enumerate() {
        let name = row.name;
        assert!(name.starts_with(char::is_uppercase) && name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
        assert!(seen.insert((name, row.severity)), "{name} {} comes twice", row.severity.as_str());
        let before = all()[..index].iter().rposition(|other| other.name == name);
        assert!(before.is_none_or(|before| before + 1 == index && all()[before].severity > row.severity), "{name}");
    }
}

#[test]
fn texts_are_sentences_about_labels_that_the_alert_has() {
    for row in all() {
        assert!(row.summary.ends_with('.') && !row.summary.contains('{'), "{}", row.name);
        assert!(row.description.ends_with('.'), "{}", row.name);
        for piece in template::pieces(row.description) {
            if let Piece::Label(label) = piece {
                assert!(row.labels.names().contains(&label), "{}: {label}", row.name);
            }
        }
        for label in row.labels.names().iter().filter(|label| **label != "vendor" && **label != "job_id") {
            let vendor_says = row.labels.of_pool() && *label == "pool" && row.vendors == ["resilio"];
            let one_is_meant = row.labels.of_pool() && row.vendors == ["parallels_ras_session"] && *label == "pool";
            let named = row.description.contains(&format!("{{{label}}}"));
            assert!(named || vendor_says || one_is_meant, "{}: the description does not say {label}", row.name);
        }
        let mut dashboards = Vendor::ALL.iter().map(|vendor| vendor.dashboard()).chain(DASHBOARDS);
        assert!(dashboards.any(|uid| uid == row.dashboard), "{}: there is no {}", row.name, row.dashboard);
    }
}

/// Those that are about no single vendor.
const DASHBOARDS: [&str; 3] = ["rollcall-overview", "rollcall-pool", "rollcall-daemon"];

#[test]
fn conditions_ask_for_labels_that_the_families_have() {
    for row in all() {
        row.condition.selectors(&mut |selector: &Selector| {
            for matcher in &selector.matchers {
                let known = selector.family.all_labels().any(|label| label == matcher.label);
                assert!(known, "{}: {} has no label {}", row.name, selector.family.name, matcher.label);
            }
            let ours = metrics::all().any(|family| std::ptr::eq(family, selector.family));
            assert!(ours || std::ptr::eq(selector.family, &SCRAPE_UP), "{}: {}", row.name, selector.family.name);
        });
    }
}

#[test]
fn a_threshold_is_there_exactly_where_the_condition_has_one() {
    for row in all() {
        let used = row.condition.clone().with_threshold(-17.5) != row.condition;
        assert_eq!(used, row.threshold.is_some(), "{} {}", row.name, row.severity.as_str());
    }
}

#[test]
fn what_is_about_targets_keeps_firing_where_somebody_is_told() {
    for row in all() {
        let expected = row.labels.of_target() && row.severity >= Severity::Warning;
        let mutes = row.name.ends_with("Inhibitor");
        let kept = if expected || mutes { minutes(15)..=minutes(21) } else { Duration::ZERO..=Duration::ZERO };
        assert!(kept.contains(&row.keep_firing_for), "{} {:?}", row.name, row.keep_firing_for);
        let last = row.r#for.last().expect("there is a time for everything else");
        assert!(last.scope.is_empty() && last.on_demand.is_none(), "{}", row.name);
        assert!(row.sender != Sender::Daemon || !row.labels.of_target(), "{}", row.name);
        assert!(row.sender != Sender::Both || row.labels.of_target(), "{}: one daemon does not see it", row.name);
    }
}

/// The catalogue knows nothing of vendors; this holds its lists against their tables.
#[test]
fn the_states_of_parallels_ras_are_those_of_its_table() {
    use crate::{api::parallels_ras::states::STATES, health::Health};
    let of = |class: Health| -> HashSet<&str> {
        STATES.iter().filter(|state| state.health == class).map(|state| state.name).collect()
    };
    let own: HashSet<&str> =
        parallels_ras::FAILED.iter().chain(parallels_ras::EMPTY).copied().chain([parallels_ras::LICENSE]).collect();
    assert_eq!(own, of(Health::Failed));
    assert_eq!(parallels_ras::DISABLED.iter().copied().collect::<HashSet<_>>(), of(Health::Disabled));
}
