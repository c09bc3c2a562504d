//! Conditions as data: the subset of PromQL that the catalogue is written in.
//!
//! [`promql`](super::promql) prints it, [`engine`](crate::alert::engine) evaluates it. The meaning is that of PromQL:
//! - An instant vector is a set of (labels, value); the metric name is no label here.
//! - [`Operator`]: arithmetic and comparisons between a vector and a number (or [`Expr::Time`]) work sample by sample; a
//!   comparison keeps the sample with its own value, or drops it. With NaN every comparison but `!=` is false.
//! - Between two vectors, arithmetic and comparisons are one to one: samples meet that agree in the labels of
//!   [`Matching`]; the value is that of the operation, for a comparison that of the left; the result has the labels that
//!   were compared (`on`: only those, `ignoring`: all but those). With `group_left` many of the left may meet one of the
//!   right, and keep all their labels.
//! - `and` and `unless` keep samples of the left, with all their labels, that have or have not a partner; `or` adds
//!   samples of the right without a partner on the left. Many to many is fine.
//! - [`Expr::Past`] looks at the samples of a series within the window before now. In Prometheus these are those of the
//!   scrapes, in the daemon those of its evaluations. A series without a sample in the window gives none.
//!
//! Joins never name `instance` or `job`: they go by default matching or `ignoring`, and aggregate `without`, so that two
//! daemons that watch the same targets are told apart until the outermost `max by`. The exception are samples of
//! the past, where a restart may have changed these labels: `max by` comes first on both sides.

use std::{borrow::Cow, time::Duration};

use crate::{catalogue::Family, glob::Glob};

/// How long a sample counts without a newer one, as in Prometheus.
pub const LOOKBACK: Duration = Duration::from_secs(300);

/// A condition, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A number.
    Number(f64),
    /// The threshold of the alert; [`resolve`](super::rule::resolve) puts the number in its place.
    Threshold,
    /// Unix time now, in seconds: `time()`.
    Time,
    /// One sample without labels and value 1: `vector(1)`.
    Always,
    /// The present samples of a family, or those of some time ago.
    Select(Selector),
    /// A function over the samples of the past: `function(selector[window])`.
    Past(Function, Selector, Duration),
    /// One sample without labels and value 1 where the selector gives none.
    Absent(Selector),
    /// Samples joined by their labels.
    Aggregate(Aggregator, Grouping, Box<Expr>),
    /// Two expressions and what is done with them.
    Binary(Operator, Matching, Box<Expr>, Box<Expr>),
}

/// Samples of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// The family. It is never a histogram.
    pub family: &'static Family,
    /// All of them must hold.
    pub matchers: Vec<Matcher>,
    /// How long ago; zero: now.
    pub offset: Duration,
}

/// A condition on one label. A label that is not there is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher {
    /// Name of the label.
    pub label: &'static str,
    /// What its value must be.
    pub pattern: Pattern,
    /// What it must not be, instead.
    pub negated: bool,
}

/// What a label's value may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// One of these.
    OneOf(Vec<&'static str>),
    /// Begins with one of these.
    Prefix(Vec<&'static str>),
    /// Matches the glob of an override.
    Glob(Glob),
}

impl Matcher {
    /// Whether the value of the label is one that is asked for.
    pub fn matches(&self, value: &str) -> bool {
        let found = match &self.pattern {
            Pattern::OneOf(values) => values.contains(&value),
            Pattern::Prefix(prefixes) => prefixes.iter().any(|prefix| value.starts_with(prefix)),
            Pattern::Glob(glob) => glob.matches(value),
        };
        found != self.negated
    }
}

/// A function over the past samples of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// How often the value changed: `changes`.
    Changes,
    /// By how much a counter grew, resets taken into account: `increase`. Only compared with 0 or with generous
    /// thresholds, as Prometheus extrapolates to the edges of the window.
    Increase,
    /// The same per second: `rate`.
    Rate,
    /// The largest value: `max_over_time`.
    Max,
    /// The newest value: `last_over_time`.
    Last,
    /// How often a counter began anew: `resets`. Only Prometheus evaluates it; to the daemon's own rules, whose past begins
    /// anew with the counters or is kept with them, it gives nothing.
    Resets,
    /// When the series was last there, as Unix time: `max_over_time(timestamp(…)[…:5m])`. Only Prometheus evaluates it.
    LastSeen,
}

/// How samples are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregator {
    /// Their sum.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many.
    Count,
}

/// Which labels remain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// Only these.
    By(&'static [&'static str]),
    /// All but these.
    Without(&'static [&'static str]),
}

/// Which labels two samples must agree in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matching {
    /// All.
    All,
    /// All but these.
    Ignoring(Names),
    /// These. Only of `and`, `or` and `unless`.
    On(Names),
    /// These, and one sample of the right may meet many of the left, whose labels remain.
    OnLeft(Names),
}

/// Names of labels.
pub type Names = Cow<'static, [&'static str]>;

/// What is done with two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Equal,
    NotEqual,
    Greater,
    AtLeast,
    Less,
    AtMost,
    And,
    Or,
    Unless,
}

mod build;
mod walk;

pub use build::{age, always, family, past, time};
