//! Samples as the expressions see them: labels without the metric's name, and a value.

use std::{collections::HashSet, sync::Arc, sync::LazyLock};

use crate::{
    catalogue,
    rules::expr::{Grouping, Matching},
};

/// Labels in the order of their names; empty ones do not exist. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelSet(Arc<[(&'static str, Arc<str>)]>);

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: LabelSet,
    /// Its value.
    pub value: f64,
}

impl LabelSet {
    /// No labels.
    pub fn empty() -> LabelSet {
        LabelSet(Arc::from([]))
    }

    /// Of names and values in any order.
    pub fn of<'a>(labels: impl IntoIterator<Item = (&'static str, &'a str)>) -> LabelSet {
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        LabelSet::sorted(labels.map(|(name, value)| (name, Arc::from(value))).collect())
    }

    /// Of names from a file. `None` where a name is none of the catalogue's.
    pub fn known<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Option<LabelSet> {
        let labels = labels.into_iter().map(|(name, value)| Some((known_name(name)?, value.as_str())));
        Some(LabelSet::of(labels.collect::<Option<Vec<_>>>()?))
    }

    fn sorted(mut labels: Vec<(&'static str, Arc<str>)>) -> LabelSet {
        labels.sort_unstable_by_key(|(name, _)| *name);
        LabelSet(labels.into())
    }

    /// The value of a label; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    /// Only the labels that a grouping leaves.
    pub fn grouped(&self, grouping: Grouping) -> LabelSet {
        match grouping {
            Grouping::By(names) => self.filtered(|name| names.contains(&name)),
            Grouping::Without(names) => self.filtered(|name| !names.contains(&name)),
        }
    }

    /// Only the labels that two samples must agree in.
    pub fn matched(&self, matching: &Matching) -> LabelSet {
        match matching {
            Matching::All => self.clone(),
            Matching::Ignoring(names) => self.filtered(|name| !names.contains(&name)),
            Matching::On(names) | Matching::OnLeft(names) => self.filtered(|name| names.contains(&name)),
        }
    }

    fn filtered(&self, keep: impl Fn(&str) -> bool) -> LabelSet {
        if self.0.iter().all(|(name, _)| keep(name)) {
            return self.clone();
        }
        LabelSet(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }
}

/// The name as the catalogue has it.
fn known_name(name: &str) -> Option<&'static str> {
    static NAMES: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| catalogue::all().flat_map(|family| family.all_labels()).collect());
    NAMES.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_ordered_and_never_empty() {
        let labels = LabelSet::of([("target", "t"), ("pool", ""), ("agent", "a")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("agent", "a"), ("target", "t")]);
        assert_eq!(labels, LabelSet::of([("agent", "a"), ("target", "t")]));
        assert_eq!(labels.get("pool"), "");
    }

    #[test]
    fn groupings_and_matchings_leave_the_right_labels() {
        let labels = LabelSet::of([("vendor", "v"), ("target", "t"), ("health", "failed")]);
        let pair = LabelSet::of([("vendor", "v"), ("target", "t")]);
        assert_eq!(labels.grouped(Grouping::By(&["vendor", "target", "pool"])), pair);
        assert_eq!(labels.grouped(Grouping::Without(&["health"])), pair);
        assert_eq!(labels.matched(&Matching::Ignoring((&["health"]).into())), pair);
        assert_eq!(labels.matched(&Matching::On((&["health"]).into())), LabelSet::of([("health", "failed")]));
        assert_eq!(labels.matched(&Matching::All), labels);
    }
}
