//! How the catalogue writes expressions: `family(&POOL_AGENTS).is("health", "failed").above(0.0)`.

use std::time::Duration;

use super::{Aggregator, Expr, Function, Grouping, Matcher, Matching, Operator, Pattern, Selector};
use crate::catalogue::Family;

/// The present samples of a family.
pub fn family(family: &'static Family) -> Selector {
    Selector { family, matchers: Vec::new(), offset: Duration::ZERO }
}

/// Unix time now.
pub fn time() -> Expr {
    Expr::Time
}

/// How long ago a moment was.
pub fn age(moment: impl Into<Expr>) -> Expr {
    time().minus(moment)
}

/// Always one sample.
pub fn always() -> Expr {
    Expr::Always
}

/// A function over the past.
pub fn past(function: Function, selector: Selector, window: Duration) -> Expr {
    Expr::Past(function, selector, window)
}

impl Selector {
    /// Only where the label has this value.
    pub fn is(self, label: &'static str, value: &'static str) -> Selector {
        self.one_of(label, &[value])
    }

    /// Only where the label has one of these values.
    pub fn one_of(self, label: &'static str, values: &[&'static str]) -> Selector {
        self.matching(Matcher { label, pattern: Pattern::OneOf(values.to_vec()), negated: false })
    }

    /// Only where the label has none of these values.
    pub fn none_of(self, label: &'static str, values: &[&'static str]) -> Selector {
        self.matching(Matcher { label, pattern: Pattern::OneOf(values.to_vec()), negated: true })
    }

    /// Only where the label begins with one of these.
    pub fn prefixed(self, label: &'static str, prefixes: &[&'static str]) -> Selector {
        self.matching(Matcher { label, pattern: Pattern::Prefix(prefixes.to_vec()), negated: false })
    }

    /// Only where the matcher holds as well.
    pub fn matching(mut self, matcher: Matcher) -> Selector {
        self.matchers.push(matcher);
        self
    }

    /// The samples of this long ago.
    pub fn ago(mut self, offset: Duration) -> Selector {
        self.offset = offset;
        self
    }
}

impl From<Selector> for Expr {
    fn from(selector: Selector) -> Expr {
        Expr::Select(selector)
    }
}

impl From<f64> for Expr {
    fn from(number: f64) -> Expr {
        Expr::Number(number)
    }
}

/// What both a selector and an expression can be continued with.
macro_rules! continued {
    ($($(#[$doc:meta])* $name:ident $operator:ident;)*) => {
        impl Expr {
            $(
                $(#[$doc])*
                pub fn $name(self, right: impl Into<Expr>) -> Expr {
                    self.binary(Operator::$operator, Matching::All, right)
                }
            )*
        }

        impl Selector {
            $(
                $(#[$doc])*
                pub fn $name(self, right: impl Into<Expr>) -> Expr {
                    Expr::from(self).$name(right)
                }
            )*
        }
    };
}

continued! {
    /// The sum.
    plus Add;
    /// The difference.
    minus Subtract;
    /// The product.
    times Multiply;
    /// The quotient.
    over Divide;
    /// Only samples with this value.
    equals Equal;
    /// Only samples with a larger value.
    above Greater;
    /// Only samples with this or a larger value.
    at_least AtLeast;
    /// Only samples with a smaller value.
    below Less;
    /// Only samples that the right has too.
    and And;
    /// Also the samples of the right that are not here.
    or Or;
    /// Only samples that the right has not.
    unless Unless;
}

impl Expr {
    /// An operation with its matching.
    pub fn binary(self, operator: Operator, matching: Matching, right: impl Into<Expr>) -> Expr {
        Expr::Binary(operator, matching, Box::new(self), Box::new(right.into()))
    }

    /// Changes the matching of the outermost operation: `a.unless(b).ignoring(&["health"])`.
    pub fn ignoring(self, labels: &'static [&'static str]) -> Expr {
        self.matched(Matching::Ignoring(labels.into()))
    }

    /// Changes the matching of the outermost operation.
    pub fn on(self, labels: &'static [&'static str]) -> Expr {
        self.matched(Matching::On(labels.into()))
    }

    /// Changes the matching of the outermost operation: many of the left may meet one of the right.
    pub fn on_left(self, labels: &'static [&'static str]) -> Expr {
        self.matched(Matching::OnLeft(labels.into()))
    }

    /// Changes the matching of the outermost operation.
    pub fn matched(self, matching: Matching) -> Expr {
        match self {
            Expr::Binary(operator, _, left, right) => Expr::Binary(operator, matching, left, right),
            other => other,
        }
    }

    /// The sum without these labels.
    pub fn sum_without(self, labels: &'static [&'static str]) -> Expr {
        Expr::Aggregate(Aggregator::Sum, Grouping::Without(labels), Box::new(self))
    }

    /// How many without these labels.
    pub fn count_without(self, labels: &'static [&'static str]) -> Expr {
        Expr::Aggregate(Aggregator::Count, Grouping::Without(labels), Box::new(self))
    }

    /// How many by these labels.
    pub fn count_by(self, labels: &'static [&'static str]) -> Expr {
        Expr::Aggregate(Aggregator::Count, Grouping::By(labels), Box::new(self))
    }

    /// The largest by these labels.
    pub fn max_by(self, labels: &'static [&'static str]) -> Expr {
        Expr::Aggregate(Aggregator::Max, Grouping::By(labels), Box::new(self))
    }

    /// The smallest by these labels.
    pub fn min_by(self, labels: &'static [&'static str]) -> Expr {
        Expr::Aggregate(Aggregator::Min, Grouping::By(labels), Box::new(self))
    }

    /// The largest without these labels.
    pub fn max_without(self, labels: &'static [&'static str]) -> Expr {
        Expr::Aggregate(Aggregator::Max, Grouping::Without(labels), Box::new(self))
    }

    /// The smallest without these labels.
    pub fn min_without(self, labels: &'static [&'static str]) -> Expr {
        Expr::Aggregate(Aggregator::Min, Grouping::Without(labels), Box::new(self))
    }
}

impl Selector {
    /// As an expression.
    pub fn all(self) -> Expr {
        self.into()
    }
}
