//! What samples were: as much of the past as the rules of a target look at, and no more.
//!
//! Every selector with an offset or a window has a track. A track keeps, per series, the steps of its value at the times of
//! evaluation: a value that does not change costs nothing. A series that is gone has a step to nothing, as Prometheus
//! marks it stale. Where the daemon did not run for more than [`LOOKBACK`], nothing is known of the time between.

mod steps;

pub use steps::Steps;

use std::{collections::BTreeMap, collections::HashMap, time::Duration};

use super::{
    sample::{LabelSet, Sample},
    source::{Revision, Source},
};
use crate::{
    alert::state::{SavedSeries, SavedTrack, minute},
    clock::UnixTime,
    rules::expr::{Expr, Function, LOOKBACK, Pattern, Selector},
    scale::scaled,
};

/// Series of a track in the state file, at most; others are found again after a restart.
const SAVED_SERIES: usize = 20_000;

/// Series of a track that are gone, at most, or as many as are there where these are more. What is looked at again after it was
/// gone has some past then; names that never come again would otherwise pile up for as long as the rule looks back.
const MOST_GONE: usize = 10_000;

/// A part of the past that some rule looks at.
#[derive(Debug, Clone)]
pub struct RangeSelector {
    selector: Selector,
    key: String,
    range: Duration,
    counter: bool,
    /// Whether a series that never changed matters after a restart.
    steady: bool,
}

impl RangeSelector {
    /// What these expressions look at; one for all that look at the same series.
    pub fn of<'a>(expressions: impl Iterator<Item = &'a Expr>) -> Vec<RangeSelector> {
        let mut range_selectors: BTreeMap<String, RangeSelector> = BTreeMap::new();
        for expr in expressions {
            expr.looks(&mut |selector, function, window| {
                let counter = matches!(function, Some(Function::Increase | Function::Rate));
                let key = key(selector, function);
                let range = selector.offset + window;
                let steady = !counter && function != Some(Function::Changes);
                let range_selector = range_selectors.entry(key.clone()).or_insert_with(|| RangeSelector {
                    selector: without_globs(selector),
                    key,
                    range,
                    counter,
                    steady,
                });
                range_selector.range = range_selector.range.max(range);
                range_selector.steady |= steady;
            });
        }
        range_selectors.into_values().collect()
    }
}

/// What a track is known by. The globs of overrides only narrow, so they are left to the look-up, and the track lives on
/// when they change.
fn key(selector: &Selector, function: Option<Function>) -> String {
    let mut key = selector.family.name.to_owned();
    for matcher in &selector.matchers {
        let sign = if matcher.negated { "!" } else { "" };
        let (kind, values) = match &matcher.pattern {
            Pattern::OneOf(values) => ("=", values),
            Pattern::Prefix(values) => ("^", values),
            Pattern::Glob(_) => continue,
        };
        key += &format!(",{}{sign}{kind}{}", matcher.label, values.join("|"));
    }
    if matches!(function, Some(Function::Increase | Function::Rate)) {
        key += " counter";
    }
    key
}

fn without_globs(selector: &Selector) -> Selector {
    let mut selector = selector.clone();
    selector.matchers.retain(|matcher| !matches!(matcher.pattern, Pattern::Glob(_)));
    selector.offset = Duration::ZERO;
    selector
}

impl Expr {
    /// Calls `visit` with every selector that looks back, its function and its window.
    fn looks<'a>(&'a self, visit: &mut impl FnMut(&'a Selector, Option<Function>, Duration)) {
        match self {
            Expr::Select(selector) if !selector.offset.is_zero() => visit(selector, None, scaled(LOOKBACK)),
            Expr::Past(Function::Resets | Function::LastSeen, ..) => {}
            Expr::Past(function, selector, window) => visit(selector, Some(*function), *window),
            Expr::Aggregate(_, _, of) => of.looks(visit),
            Expr::Binary(_, _, left, right) => {
                left.looks(visit);
                right.looks(visit);
            }
            Expr::Number(_) | Expr::Threshold | Expr::Time | Expr::Always | Expr::Select(_) | Expr::Absent(_) => {}
        }
    }
}

/// The past of one target.
#[derive(Debug, Default)]
pub struct History {
    tracks: HashMap<String, Track>,
}

#[derive(Debug, Default)]
struct Track {
    series: HashMap<LabelSet, Series>,
    recorded: Option<UnixTime>,
    revision: Option<Revision>,
    /// Grows with every recording.
    turn: u64,
    steady: bool,
}

#[derive(Debug, Default)]
struct Series {
    steps: Steps,
    /// The recording that last saw it.
    seen: u64,
}

impl History {
    /// Notes the present samples, and forgets what nothing looks at any more.
    pub fn record(&mut self, range_selectors: &[RangeSelector], source: &dyn Source, now: UnixTime) {
        self.tracks.retain(|key, _| range_selectors.iter().any(|range_selector| range_selector.key == *key));
        for range_selector in range_selectors {
            self.tracks.entry(range_selector.key.clone()).or_default().record(range_selector, source, now);
        }
    }

    /// The samples at `selector offset …`.
    pub fn at(&self, selector: &Selector, now: UnixTime) -> Vec<Sample> {
        let then = UnixTime(now.0.saturating_sub(millis(selector.offset)));
        self.find(selector, None, |steps| steps.at(then))
    }

    /// A function over the samples of a window: `function(selector[window])`.
    pub fn over(&self, function: Function, selector: &Selector, window: Duration, now: UnixTime) -> Vec<Sample> {
        let end = UnixTime(now.0.saturating_sub(millis(selector.offset)));
        let start = UnixTime(end.0.saturating_sub(millis(window)));
        self.find(selector, Some(function), |steps| match function {
            Function::Changes => steps.changes(start, end),
            Function::Increase => steps.increase(start, end),
            Function::Rate => steps.increase(start, end).map(|grown| grown / window.as_secs_f64()),
            Function::Max => steps.max(start, end),
            Function::Last => steps.last(start, end),
            Function::Resets | Function::LastSeen => None,
        })
    }

    fn find(
        &self,
        selector: &Selector,
        function: Option<Function>,
        value: impl Fn(&Steps) -> Option<f64>,
    ) -> Vec<Sample> {
        let Some(track) = self.tracks.get(&key(selector, function)) else { return Vec::new() };
        let matching = |labels: &LabelSet| selector.matchers.iter().all(|m| m.matches(labels.get(m.label)));
        let found = track.series.iter().filter(|(labels, _)| matching(labels));
        found.filter_map(|(labels, s)| Some(Sample { labels: labels.clone(), value: value(&s.steps)? })).collect()
    }

    /// What survives a restart.
    pub fn save(&self) -> Vec<SavedTrack> {
        let mut tracks: Vec<SavedTrack> = self.tracks.iter().map(|(key, track)| track.save(key)).collect();
        tracks.sort_by(|a, b| a.key.cmp(&b.key));
        tracks
    }

    /// Restores what an earlier run has saved.
    pub fn restore(saved: Vec<SavedTrack>) -> History {
        let tracks = saved.into_iter().map(|track| {
            let series = track.series.into_iter().filter_map(|SavedSeries { labels, steps }| {
                let steps = Steps::restore(steps);
                Some((LabelSet::known(&labels)?, Series { steps, seen: 0 }))
            });
            let series: HashMap<LabelSet, Series> = series.collect();
            let newest = series.values().filter_map(|series| series.steps.newest()).max();
            let recorded = Some(newest.map_or(track.recorded, |newest| newest.max(track.recorded)));
            (track.key, Track { series, recorded, ..Track::default() })
        });
        History { tracks: tracks.collect() }
    }
}

impl Track {
    fn record(&mut self, range_selector: &RangeSelector, source: &dyn Source, now: UnixTime) {
        self.steady = range_selector.steady;
        let before = self.recorded.replace(now);
        let revision = source.revision(range_selector.selector.family);
        let gap = before.is_some_and(|before| now.since(before) > scaled(LOOKBACK) || now < before);
        if before.is_some() && !gap && revision.is_some() && revision == self.revision {
            return;
        }
        self.revision = revision;
        self.turn += 1;
        if let Some(before) = before.filter(|_| gap) {
            let (until, back) = (before.plus(scaled(LOOKBACK)), now < before);
            for series in self.series.values_mut() {
                if back {
                    series.steps.forget_after(now);
                }
                series.steps.push(until.min(now), None);
            }
        }
        let (series, turn) = (&mut self.series, self.turn);
        source.visit(range_selector.selector.family, &mut |labels, value| {
            let wanted = range_selector.selector.matchers.iter().all(|matcher| {
                let found = labels.iter().find(|(name, _)| *name == matcher.label);
                matcher.matches(found.map_or("", |(_, value)| value))
            });
            if wanted {
                let series = series.entry(LabelSet::of(labels.iter().copied())).or_default();
                series.steps.push(now, Some(value));
                series.seen = turn;
            }
        });
        let horizon = UnixTime(now.0.saturating_sub(millis(range_selector.range)));
        self.series.retain(|_, series| {
            if series.seen != turn {
                series.steps.push(now, None);
            }
            series.steps.trim(horizon, range_selector.counter);
            !series.steps.is_over(horizon)
        });
        self.forget_longest_gone();
    }

    fn forget_longest_gone(&mut self) {
        let mut gone: Vec<u64> =
            self.series.values().filter(|series| series.seen != self.turn).map(|series| series.seen).collect();
        let most = MOST_GONE.max(self.series.len() - gone.len());
        if gone.len() <= most {
            return;
        }
        // A few more than must be, so that it is not to be done every time.
        let surplus = gone.len() - most * 9 / 10;
        let (_, newest, _) = gone.select_nth_unstable(surplus);
        let newest = *newest;
        self.series.retain(|_, series| series.seen >= newest);
    }

    fn save(&self, key: &str) -> SavedTrack {
        let known = self.series.iter().filter(|(_, series)| self.steady || series.steps.changed());
        let series = known.take(SAVED_SERIES).map(|(labels, series)| {
            let labels = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            SavedSeries { labels: labels.collect(), steps: series.steps.save() }
        });
        let mut series: Vec<_> = series.collect();
        series.sort_by(|a: &SavedSeries, b| a.labels.cmp(&b.labels));
        SavedTrack { key: key.to_owned(), recorded: minute(self.recorded.unwrap_or_default()), series }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{Table, rules},
        *,
    };

    /// Each poll brings other agents: what is kept of those that are gone does not grow with them.
    #[test]
    fn the_past_of_ever_new_names_is_bounded() {
        let rules = rules("");
        let range_selectors = RangeSelector::of(rules.all.iter().map(|rule| &rule.expr));
        let mut history = History::default();
        let mut curve = Vec::new();
        for second in 0..60 {
            let mut text = String::from("rollcall_target_up{vendor=\"resilio\",target=\"t\"} 1\n");
            for agent in second * 500..(second + 1) * 500 {
                text += &format!(
                    "rollcall_agent_health_since_timestamp_seconds{{vendor=\"resilio\",target=\"t\",pool=\"p\",agent=\"a{agent}\"}} 1\n"
                );
            }
            let source = Table::new("resilio", "t", &text);
            history.record(&range_selectors, &source, UnixTime::from_secs(1_000_000 + second));
            if second % 10 == 9 {
                curve.push(history.tracks.values().map(|track| track.series.len()).max().unwrap_or_default());
            }
        }
        println!("series of the largest track each 10 s: {curve:?}");
        assert_eq!(curve[0], 5_000, "the rules look at it");
        assert!(curve[3..].iter().all(|series| (9_000..=MOST_GONE + 500).contains(series)), "{curve:?}");
        // Those that went last have a past still, and those that are there.
        let track = history.tracks.values().find(|track| track.series.len() > 5_000).expect("it was measured");
        let names: Vec<&str> = track.series.keys().map(|labels| labels.get("agent")).collect();
        assert!(names.contains(&"a29999") && names.contains(&"a24000") && !names.contains(&"a1000"));
    }
}
