//! What is evaluated, and what the texts need to know.

use std::{collections::HashMap, time::Duration};

use super::sample::LabelSet;
use crate::{
    config::Alerting,
    rules::{
        catalogue::{Alert, Sender},
        expr::Expr,
        links::Links,
        rule::{self, Rule, Subjects},
    },
    scale::scaled,
};

/// The rules that the daemon may evaluate, and their settings.
#[derive(Debug, Default)]
pub struct Rules {
    /// Those whose alerts the daemon may send.
    pub all: Vec<Rule>,
    /// What they share.
    pub settings: EvalSettings,
    /// Where a part of what an alert reads cannot be read, by its name.
    pub unread: HashMap<&'static str, Expr>,
}

/// What the rules share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EvalSettings {
    /// How long an alert is held after the last success of its target.
    pub max_hold: Duration,
    /// Where links lead.
    pub links: Links,
    /// Which daemon this is: the label `instance` of its sign of life; empty: not known.
    pub instance: String,
}

impl Rules {
    /// As configured.
    pub fn new(alerting: &Alerting, external_url: &str) -> Rules {
        let mut all = rule::resolve(&alerting.overrides);
        all.retain(|rule| rule.alert.sender != Sender::Prometheus);
        let links = alerting.links(external_url);
        let settings = EvalSettings { max_hold: scaled(alerting.max_hold), links, instance: String::new() };
        let unread =
            all.iter().filter_map(|rule| Some((rule.alert.name, rule::unread(rule.alert, settings.max_hold)?)));
        let unread = unread.collect();
        Rules { all, settings, unread }
    }

    /// As those of this daemon.
    #[must_use]
    pub fn of_instance(mut self, instance: &str) -> Rules {
        instance.clone_into(&mut self.settings.instance);
        self
    }

    /// The rules that may concern a target, or with `own` those that are about none.
    pub fn about(&self, vendor: &str, target: &str, own: bool) -> Vec<usize> {
        let rules = self.all.iter().enumerate();
        let mine = rules.filter(|(_, rule)| match own {
            true => !rule.alert.labels.of_target(),
            false => rule.alert.labels.of_target() && rule.concerns(vendor, target),
        });
        mine.map(|(index, _)| index).collect()
    }
}

impl Rule {
    /// Whether an alert of this row and with these labels is one of the rule's. Whether its pool is on demand is not known
    /// here, so rules that differ in that alone are both about it.
    pub fn is_about(&self, alert: &Alert, labels: &LabelSet) -> bool {
        let matches = |part: &Subjects| part.matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.label)));
        std::ptr::eq(self.alert, alert)
            && matches(&self.part)
            && !self.others.iter().any(|other| other.on_demand.is_none() && matches(other))
    }
}
