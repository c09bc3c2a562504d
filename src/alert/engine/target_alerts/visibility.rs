//! What can be known of a target at the moment: whether an alert whose condition does not hold has ended, or is only not
//! seen.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{
    super::{
        sample::LabelSet,
        source::{self, Source},
    },
    ActiveAlert,
};
use crate::{
    catalogue::target::{LAST_SUCCESS, PARTIAL, STALE},
    clock::UnixTime,
    rules::{catalogue::Labels, expr::Grouping},
};

/// How much of the target can be seen.
pub(super) struct Visibility<'a> {
    source: &'a dyn Source,
    /// When one looks.
    pub now: UnixTime,
    /// The last poll failed, or nothing is fresh, not too long after one that did not.
    blind: bool,
    /// The last poll was partial.
    partial: bool,
    /// No poll was successful since the start, which is not too long ago.
    unpolled: bool,
    /// Pools of which a part is missing that alerts of this name read.
    unread: HashMap<&'static str, HashSet<LabelSet>>,
}

impl<'a> Visibility<'a> {
    /// At the newest samples.
    pub fn of(
        source: &'a dyn Source,
        now: UnixTime,
        up: f64,
        polled: bool,
        started: UnixTime,
        max_hold: Duration,
        unread: HashMap<&'static str, HashSet<LabelSet>>,
    ) -> Visibility<'a> {
        let last_success = source::single(source, &LAST_SUCCESS).unwrap_or_default();
        Visibility {
            source,
            now,
            // Where polls stand still the last one may have been well; its data go all the same.
            blind: (up == 0.0 || source::single(source, &STALE) == Some(1.0))
                && now.as_secs_f64() - last_success < max_hold.as_secs_f64(),
            partial: source::single(source, &PARTIAL) == Some(1.0),
            unpolled: !polled && now.since(started) < max_hold,
            unread,
        }
    }

    /// Whether nobody can know that it has ended. `parts` keeps which subjects have their part.
    pub fn is_blind(&self, active: &ActiveAlert, parts: &mut HashMap<&'static str, HashSet<LabelSet>>) -> bool {
        if !active.alert.hold {
            return active.restored && self.unpolled;
        }
        let mut part_is_gone = || {
            let Some((family, names)) = active.alert.labels.presence() else { return false };
            let known = parts.entry(family.name).or_insert_with(|| source::subjects(self.source, family, names));
            !known.contains(&active.labels.grouped(Grouping::By(names)))
        };
        let unread = || {
            let pool = Grouping::By(Labels::Pool.names());
            self.unread.get(active.alert.name).is_some_and(|pools| pools.contains(&active.labels.grouped(pool)))
        };
        self.blind || (self.partial && part_is_gone()) || unread()
    }
}
