//! Evaluates an expression over the samples of one target, with the meaning of PromQL.

use std::collections::HashMap;

use super::{
    history::History,
    sample::{LabelSet, Sample},
    source::{Revision, Source},
};
use crate::{
    clock::UnixTime,
    rules::expr::{Aggregator, Expr, Grouping, Matching, Operator, Selector},
};

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// Samples.
    Vector(Vec<Sample>),
}

/// Samples that were selected before, by the selector's place in the rules and the bound that they passed. Good only as long
/// as the rules are.
#[derive(Debug, Default)]
pub struct Cache {
    found: HashMap<CacheKey, (Revision, Vec<Sample>)>,
}

/// Where a selector stands, and its bound: operator and number.
type CacheKey = (usize, Option<(u8, u64)>);

/// What an expression is evaluated over.
pub struct EvalContext<'a> {
    /// The present samples.
    pub source: &'a dyn Source,
    /// Those of the past.
    pub history: &'a History,
    /// The time.
    pub now: UnixTime,
    /// Keeps what has not changed.
    pub cache: &'a mut Cache,
}

impl EvalContext<'_> {
    /// The samples that an expression gives.
    pub fn samples(&mut self, expr: &Expr) -> Vec<Sample> {
        match self.value(expr) {
            Value::Vector(samples) => samples,
            Value::Number(value) => vec![Sample { labels: LabelSet::empty(), value }],
        }
    }

    fn value(&mut self, expr: &Expr) -> Value {
        Value::Vector(match expr {
            Expr::Number(number) => return Value::Number(*number),
            // The resolved rules have none left; as a number it makes every comparison false.
            Expr::Threshold => return Value::Number(f64::NAN),
            Expr::Time => return Value::Number(self.now.as_secs_f64()),
            Expr::Always => vec![Sample { labels: LabelSet::empty(), value: 1.0 }],
            Expr::Select(selector) if selector.offset.is_zero() => self.select(selector, None),
            Expr::Select(selector) => self.history.at(selector, self.now),
            Expr::Past(function, selector, window) => self.history.over(*function, selector, *window, self.now),
            Expr::Absent(selector) if self.select(selector, None).is_empty() => {
                vec![Sample { labels: LabelSet::empty(), value: 1.0 }]
            }
            Expr::Absent(_) => Vec::new(),
            Expr::Aggregate(aggregator, grouping, of) => aggregate(*aggregator, *grouping, self.samples(of)),
            Expr::Binary(operator, matching, left, right) => return self.binary(*operator, matching, left, right),
        })
    }

    fn binary(&mut self, operator: Operator, matching: &Matching, left: &Expr, right: &Expr) -> Value {
        // A bound on present samples is applied while they are read: mostly few pass it.
        if let (Expr::Select(selector), Expr::Number(bound), true) = (left, right, operator.compares())
            && selector.offset.is_zero()
        {
            return Value::Vector(self.select(selector, Some((operator, *bound))));
        }
        let left = self.value(left);
        if let (Value::Vector(left), true) = (&left, operator != Operator::Or)
            && left.is_empty()
        {
            return Value::Vector(Vec::new());
        }
        match (left, self.value(right)) {
            (Value::Number(left), Value::Number(right)) => Value::Number(operator.calculate(left, right)),
            (Value::Vector(left), Value::Number(right)) => Value::Vector(
                left.into_iter().filter_map(|s| Some(Sample { value: operator.apply(s.value, right)?, ..s })).collect(),
            ),
            (Value::Number(left), Value::Vector(right)) => Value::Vector(
                right
                    .into_iter()
                    // A comparison keeps the sample with its own value, on whichever side it stands.
                    .filter_map(|s| {
                        let result = operator.apply(left, s.value)?;
                        let value = if operator.compares() { s.value } else { result };
                        Some(Sample { value, ..s })
                    })
                    .collect(),
            ),
            (Value::Vector(left), Value::Vector(right)) => Value::Vector(join(operator, matching, left, right)),
        }
    }

    fn select(&mut self, selector: &Selector, bound: Option<(Operator, f64)>) -> Vec<Sample> {
        let revision = self.source.revision(selector.family);
        let key =
            (std::ptr::from_ref(selector) as usize, bound.map(|(operator, bound)| (operator as u8, bound.to_bits())));
        if let (Some(revision), Some((known, samples))) = (&revision, self.cache.found.get(&key))
            && revision == known
        {
            return samples.clone();
        }
        let mut samples = Vec::new();
        self.source.visit(selector.family, &mut |labels, value| {
            let within = bound.is_none_or(|(operator, bound)| operator.apply(value, bound).is_some());
            let wanted = within
                && selector.matchers.iter().all(|matcher| {
                    let found = labels.iter().find(|(name, _)| *name == matcher.label);
                    matcher.matches(found.map_or("", |(_, value)| value))
                });
            if wanted {
                samples.push(Sample { labels: LabelSet::of(labels.iter().copied()), value });
            }
        });
        if let Some(revision) = revision {
            self.cache.found.insert(key, (revision, samples.clone()));
        }
        samples
    }
}

impl Operator {
    fn compares(self) -> bool {
        use Operator::{AtLeast, AtMost, Equal, Greater, Less, NotEqual};
        matches!(self, Equal | NotEqual | Greater | AtLeast | Less | AtMost)
    }

    fn calculate(self, left: f64, right: f64) -> f64 {
        match self {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            _ => f64::NAN,
        }
    }

    /// The result; of a comparison the left value, where it holds.
    #[allow(clippy::float_cmp)]
    fn apply(self, left: f64, right: f64) -> Option<f64> {
        let holds = match self {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Greater => left > right,
            Operator::AtLeast => left >= right,
            Operator::Less => left < right,
            Operator::AtMost => left <= right,
            _ => return Some(self.calculate(left, right)),
        };
        holds.then_some(left)
    }
}

fn join(operator: Operator, matching: &Matching, left: Vec<Sample>, right: Vec<Sample>) -> Vec<Sample> {
    let partners: HashMap<LabelSet, f64> = right.iter().map(|s| (s.labels.matched(matching), s.value)).collect();
    match operator {
        Operator::And => left.into_iter().filter(|s| partners.contains_key(&s.labels.matched(matching))).collect(),
        Operator::Unless => left.into_iter().filter(|s| !partners.contains_key(&s.labels.matched(matching))).collect(),
        Operator::Or => {
            let here: HashMap<LabelSet, ()> = left.iter().map(|s| (s.labels.matched(matching), ())).collect();
            let news = right.into_iter().filter(|s| !here.contains_key(&s.labels.matched(matching)));
            left.into_iter().chain(news).collect()
        }
        _ => left
            .into_iter()
            .filter_map(|sample| {
                let labels = sample.labels.matched(matching);
                let value = operator.apply(sample.value, *partners.get(&labels)?)?;
                let many = matches!(matching, Matching::OnLeft(_));
                Some(Sample { labels: if many { sample.labels } else { labels }, value })
            })
            .collect(),
    }
}

fn aggregate(aggregator: Aggregator, grouping: Grouping, samples: Vec<Sample>) -> Vec<Sample> {
    let mut groups: HashMap<LabelSet, f64> = HashMap::new();
    for sample in samples {
        let first = if aggregator == Aggregator::Count { 1.0 } else { sample.value };
        groups
            .entry(sample.labels.grouped(grouping))
            .and_modify(|value| {
                *value = match aggregator {
                    Aggregator::Sum => *value + sample.value,
                    Aggregator::Min => value.min(sample.value),
                    Aggregator::Max => value.max(sample.value),
                    Aggregator::Count => *value + 1.0,
                }
            })
            .or_insert(first);
    }
    groups.into_iter().map(|(labels, value)| Sample { labels, value }).collect()
}

#[cfg(test)]
mod tests;
