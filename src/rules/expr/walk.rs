//! Walks through an expression.

use std::time::Duration;

use super::{Expr, Matcher, Operator, Pattern, Selector};

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

    /// The same, true only once it has been true for this long, as far as it compares the time since a moment, or until one,
    /// with a number. What it excludes with `unless` it excludes as before: that is to be false.
    pub fn lasting(self, time: Duration) -> Expr {
        match self {
            Expr::Binary(Operator::Unless, matching, left, right) => {
                Expr::Binary(Operator::Unless, matching, Box::new(left.lasting(time)), right)
            }
            Expr::Binary(operator, matching, left, right) => {
                let right = match (operator, *right) {
                    (Operator::Greater | Operator::AtLeast, Expr::Number(bound)) if left.is_time_since() => {
                        Expr::Number(bound + time.as_secs_f64())
                    }
                    (Operator::Less | Operator::AtMost, Expr::Number(bound)) if left.is_time_until() => {
                        Expr::Number(bound - time.as_secs_f64())
                    }
                    (_, other) => other.lasting(time),
                };
                Expr::Binary(operator, matching, Box::new(left.lasting(time)), Box::new(right))
            }
            other => other.map(&|part| part.lasting(time)),
        }
    }

    /// The time since a moment.
    pub fn is_time_since(&self) -> bool {
        matches!(self, Expr::Binary(Operator::Subtract, _, left, _) if **left == Expr::Time)
    }

    /// The time until a moment.
    pub fn is_time_until(&self) -> bool {
        matches!(self, Expr::Binary(Operator::Subtract, _, _, right) if **right == Expr::Time)
    }

    /// The same, every selector restricted to the matcher where its family has that label.
    pub fn restricted(self, matcher: &Matcher) -> Expr {
        match self {
            Expr::Select(selector) => Expr::Select(selector.restricted(matcher)),
            Expr::Past(function, selector, window) => Expr::Past(function, selector.restricted(matcher), window),
            other => other.map(&|part| part.restricted(matcher)),
        }
    }

    /// The same with its parts changed.
    pub fn map(self, change: &impl Fn(Expr) -> Expr) -> Expr {
        match self {
            Expr::Aggregate(aggregator, grouping, of) => Expr::Aggregate(aggregator, grouping, Box::new(change(*of))),
            Expr::Binary(operator, matching, left, right) => {
                Expr::Binary(operator, matching, Box::new(change(*left)), Box::new(change(*right)))
            }
            other => other,
        }
    }
}

impl Expr {
    /// The same without what can never give a sample, after restrictions that exclude each other.
    pub fn simplified(self) -> Expr {
        match self.map(&Expr::simplified) {
            Expr::Binary(Operator::Unless, _, left, right) if right.is_never() => *left,
            Expr::Binary(Operator::Or, _, left, right) if right.is_never() => *left,
            Expr::Binary(Operator::Or, _, left, right) if left.is_never() => *right,
            other => other,
        }
    }

    /// Whether no sample can come out of it.
    fn is_never(&self) -> bool {
        match self {
            Expr::Number(_) | Expr::Threshold | Expr::Time | Expr::Always | Expr::Absent(_) => false,
            Expr::Select(selector) | Expr::Past(_, selector, _) => selector.is_never(),
            Expr::Aggregate(_, _, of) => of.is_never(),
            Expr::Binary(Operator::Or, _, left, right) => left.is_never() && right.is_never(),
            Expr::Binary(Operator::Unless, _, left, _) => left.is_never(),
            Expr::Binary(_, _, left, right) => left.is_never() || right.is_never(),
        }
    }
}

impl Selector {
    fn restricted(mut self, matcher: &Matcher) -> Selector {
        let known = self.family.all_labels().any(|label| label == matcher.label);
        if !known || self.matchers.contains(matcher) {
            return self;
        }
        // Of values that are listed already only those that are meant.
        for listed in self.matchers.iter_mut().filter(|listed| listed.label == matcher.label && !listed.negated) {
            if let Pattern::OneOf(values) = &mut listed.pattern {
                values.retain(|value| matcher.matches(value));
                return self;
            }
        }
        self.matching(matcher.clone())
    }

    /// Whether two of its matchers exclude each other.
    fn is_never(&self) -> bool {
        let prefixes = |matcher: &Matcher| match &matcher.pattern {
            Pattern::Prefix(prefixes) if !matcher.negated => prefixes.clone(),
            _ => Vec::new(),
        };
        let apart = |one: &[&str], other: &[&str]| {
            let overlap = |a: &&str| other.iter().any(|b| a.starts_with(b) || b.starts_with(a));
            !one.is_empty() && !other.is_empty() && !one.iter().any(overlap)
        };
        self.matchers.iter().any(|matcher| matches!(&matcher.pattern, Pattern::OneOf(values) if values.is_empty()))
            || self
                .matchers
                .iter()
                .any(|a| self.matchers.iter().any(|b| a.label == b.label && apart(&prefixes(a), &prefixes(b))))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{age, family, time},
        *,
    };
    use crate::catalogue::target::{LAST_SUCCESS, NEXT_POLL, TLS_NOT_AFTER};

    #[test]
    fn what_lasts_is_older_or_nearer_and_what_it_excludes_is_as_before() {
        let condition = |since: f64, until: f64| {
            let old = age(family(&LAST_SUCCESS)).above(since);
            let near = Expr::from(family(&TLS_NOT_AFTER)).minus(time()).below(until);
            old.or(near).unless(age(family(&NEXT_POLL)).above(60.0))
        };
        assert_eq!(condition(1200.0, 900.0).lasting(Duration::from_secs(600)), condition(1800.0, 300.0));
    }
}
