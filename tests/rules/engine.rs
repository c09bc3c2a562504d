//! The table of cases through the daemon's own engine.

use std::path::Path;

use rollcall::{
    alert::{
        engine::{Engine, Revision, Rules, Source, Visit},
        state::SavedAlerts,
    },
    catalogue::Family,
    clock::UnixTime,
    config::Config,
    rules::catalogue::Sender,
};

use super::{
    case::{Case, TARGET},
    cases, promtool,
};

/// The samples of one minute of a case.
struct Minute<'a> {
    case: &'a Case,
    minute: usize,
}

impl Source for Minute<'_> {
    fn vendor(&self) -> &str {
        self.case.vendor
    }

    fn target(&self) -> &str {
        TARGET
    }

    fn visit(&self, family: &'static Family, visit: &mut Visit<'_>) {
        for series in self.case.series.iter().filter(|series| series.family == family.name) {
            let value = |name: &'static str| Some((name, series.labels.get(name)?.as_str()));
            let labels: Vec<(&'static str, &str)> = family.all_labels().filter_map(value).collect();
            assert_eq!(labels.len(), series.labels.len(), "{series:?} has labels that the family does not know");
            if let Some(value) = series.at(self.minute) {
                visit(&labels, value);
            }
        }
    }

    fn revision(&self, _family: &'static Family) -> Option<Revision> {
        None
    }
}

fn rules(alert: &str) -> Rules {
    let links = promtool::links();
    let text = format!("targets: []\nalerting: {{ dashboard_url: {} }}\n", links.dashboard_url);
    let config = Config::parse(&text, "rollcall.yml", Path::new("")).expect("the text is valid");
    let mut rules = Rules::new(&config.alerting, &links.external_url);
    rules.all.retain(|rule| rule.alert.name == alert);
    rules
}

/// What is wrong with a case.
fn run(case: &Case) -> Vec<String> {
    let mut engine = Engine::new(rules(case.alert), SavedAlerts::default());
    let mut wrong = Vec::new();
    for minute in 0..=case.end() {
        let now = UnixTime::from_secs(60 * i64::try_from(minute).expect("a few days"));
        if case.vendor.is_empty() {
            engine.evaluate_own(now);
        } else {
            engine.evaluate(&Minute { case, minute }, now);
        }
        let Some(expected) = case.checks.get(&minute) else { continue };
        let mut firing: Vec<_> = engine.alerts().into_iter().filter(|alert| alert.fired.is_some()).collect();
        let mut expected: Vec<_> = expected
            .iter()
            .map(|expected| {
                let row = case.rows().find(|row| row.severity.as_str() == expected.severity);
                let row = row.expect("the alert has this severity");
                let mut labels = expected.labels.clone();
                labels.insert("alertname".into(), case.alert.into());
                labels.insert("severity".into(), expected.severity.into());
                let annotations = promtool::annotations(row, expected);
                (labels, annotations.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            })
            .collect();
        let mut found: Vec<_> = firing.drain(..).map(|alert| (alert.labels, alert.annotations)).collect();
        expected.sort();
        found.sort();
        if found != expected {
            wrong.push(format!("{}, minute {minute}:\n  expected {expected:?}\n  found    {found:?}", case.name()));
        }
    }
    wrong
}

#[test]
fn the_engine_gives_what_the_cases_say() {
    let concerns =
        |case: &Case| case.rows().any(|row| row.sender != Sender::Prometheus) && case.kind.is_of_one_daemon();
    let cases: Vec<Case> = cases::all().into_iter().filter(concerns).collect();
    assert!(cases.len() > 100, "there are only {} cases for the engine", cases.len());
    let wrong: Vec<String> = cases.iter().flat_map(run).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
