//! Walks through an expression.

use super::{Expr, Matcher, Selector};

impl Expr {
    /// Calls `visit` with every selector.
    pub fn selectors<'a>(&'a self, visit: &mut impl FnMut(&'a Selector)) {
        match self {
            Expr::Number(_) | Expr::Threshold | Expr::Time | Expr::Always => {}
            Expr::Select(selector) | Expr::Past(_, selector, _) | Expr::Absent(selector) => visit(selector),
            Expr::Aggregate(_, _, of) => of.selectors(visit),
            Expr::Binary(_, _, left, right) => {
                left.selectors(visit);
                right.selectors(visit);
            }
        }
    }

    /// Whether it looks at the past through a window, which lives on when the series has ended.
    pub fn looks_back(&self) -> bool {
        match self {
            Expr::Number(_) | Expr::Threshold | Expr::Time | Expr::Always | Expr::Absent(_) => false,
            Expr::Select(selector) => !selector.offset.is_zero(),
            Expr::Past(..) => true,
            Expr::Aggregate(_, _, of) => of.looks_back(),
            Expr::Binary(_, _, left, right) => left.looks_back() || right.looks_back(),
        }
    }

    /// The same with the number in place of [`Expr::Threshold`].
    pub fn with_threshold(self, threshold: f64) -> Expr {
        match self {
            Expr::Threshold => Expr::Number(threshold),
            other => other.map(&|part| part.with_threshold(threshold)),
        }
    }

    /// The same, every selector restricted to the matcher where its family has that label.
    pub fn restricted(self, matcher: &Matcher) -> Expr {
        match self {
            Expr::Select(selector) => Expr::Select(selector.restricted(matcher)),
            Expr::Past(function, selector, window) => Expr::Past(function, selector.restricted(matcher), window),
            other => other.map(&|part| part.restricted(matcher)),
        }
    }

    fn map(self, change: &impl Fn(Expr) -> Expr) -> Expr {
        match self {
            Expr::Aggregate(aggregator, grouping, of) => Expr::Aggregate(aggregator, grouping, Box::new(change(*of))),
            Expr::Binary(operator, matching, left, right) => {
                Expr::Binary(operator, matching, Box::new(change(*left)), Box::new(change(*right)))
            }
            other => other,
        }
    }
}

impl Selector {
    fn restricted(self, matcher: &Matcher) -> Selector {
        let known = self.family.all_labels().any(|label| label == matcher.label);
        if known && !self.matchers.contains(matcher) { self.matching(matcher.clone()) } else { self }
    }
}
