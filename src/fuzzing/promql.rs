//! Expressions and globs as PromQL, beside what `promql-parser` makes of the text.

use std::time::Duration;

use promql_parser::{
    label::MatchOp,
    parser::{self, LabelModifier, Offset, VectorMatchCardinality, VectorSelector},
};

use super::input::Input;
use crate::{
    catalogue::{self, Family, Kind},
    glob::Glob,
    rules::{
        expr::{Aggregator, Expr, Function, Grouping, LOOKBACK, Matcher, Matching, Operator, Pattern, Selector},
        promql::print,
    },
    scale::scaled,
};

/// Prints any expression, reads it again, and compares the trees.
pub fn any_expression(mut input: Input<'_>) {
    let expr = vector(&mut input, 5);
    let printed = print(&expr, "job=\"rollcall\"");
    let read = parser::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(theirs(&read), ours(&expr), "{printed}");
}

/// A glob and the expression of a rule that is restricted to it match the same names.
pub fn glob(mut input: Input<'_>) {
    let text = input.text();
    // Within a class these are operators of Rust's regular expressions, and nothing of Prometheus'.
    if ["&&", "--", "~~"].iter().any(|operator| text.contains(operator)) {
        return;
    }
    let Ok(glob) = Glob::new(&text) else { return };
    let literal = glob.literal().map(str::to_owned);
    assert!(literal.is_none_or(|name| glob.matches(&name)), "{text:?} is a name");
    let family = &catalogue::agent::AGENT_HEALTH;
    let matcher = Matcher { label: "pool", pattern: Pattern::Glob(glob.clone()), negated: false };
    let printed = print(&Expr::from(Selector { family, matchers: vec![matcher], offset: Duration::ZERO }), "");
    let read = parser::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    let parser::Expr::VectorSelector(selector) = read else { panic!("{printed} is a selector") };
    let [matcher] = &selector.matchers.matchers[..] else { panic!("{printed} has one matcher") };
    let MatchOp::Re(regex) = &matcher.op else { panic!("{printed} has a regular expression") };
    while !input.is_empty() {
        // Where there is more than ASCII, a glob counts bytes and Prometheus characters; and its dot is no line feed.
        let name: String = input.text().chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
        assert_eq!(regex.is_match(&name), glob.matches(&name), "{name:?} by {text:?} and by {}", matcher.value);
    }
}

const LABELS: [&[&str]; 4] = [&[], &["vendor"], &["vendor", "target"], &["vendor", "target", "pool"]];

const VALUES: [&str; 10] = ["", "a", "a.b|c", "\\", "\"", "\n", "{}()[]", "é", "$^+*?", "#"];

fn scalar(input: &mut Input<'_>, depth: u8) -> Expr {
    const ARITHMETIC: [Operator; 4] = [Operator::Add, Operator::Subtract, Operator::Multiply, Operator::Divide];
    match input.byte() % 4 {
        0 => Expr::Time,
        1 if depth > 0 => {
            let (left, right) = (scalar(input, depth - 1), scalar(input, depth - 1));
            Expr::Binary(input.one_of(&ARITHMETIC), Matching::All, Box::new(left), Box::new(right))
        }
        _ => {
            let number = input.number();
            Expr::Number(if number.is_finite() { number.abs() } else { 0.5 })
        }
    }
}

fn vector(input: &mut Input<'_>, depth: u8) -> Expr {
    const FUNCTIONS: [Function; 7] = [
        Function::Changes,
        Function::Increase,
        Function::Rate,
        Function::Max,
        Function::Last,
        Function::Resets,
        Function::LastSeen,
    ];
    const AGGREGATORS: [Aggregator; 4] = [Aggregator::Sum, Aggregator::Min, Aggregator::Max, Aggregator::Count];
    const OF_VALUES: [Operator; 10] = [
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Divide,
        Operator::Equal,
        Operator::NotEqual,
        Operator::Greater,
        Operator::AtLeast,
        Operator::Less,
        Operator::AtMost,
    ];
    const OF_SETS: [Operator; 3] = [Operator::And, Operator::Or, Operator::Unless];
    let kind = if depth == 0 { 0 } else { input.byte() % 8 };
    match kind {
        0 => Expr::Select(selector(input)),
        1 => Expr::Past(input.one_of(&FUNCTIONS), selector(input), span(input, 1)),
        2 => Expr::Absent(selector(input)),
        3 => Expr::Always,
        4 => {
            let labels = input.one_of(&LABELS);
            let grouping =
                if input.byte().is_multiple_of(2) { Grouping::By(labels) } else { Grouping::Without(labels) };
            Expr::Aggregate(input.one_of(&AGGREGATORS), grouping, Box::new(vector(input, depth - 1)))
        }
        5 => {
            let left = vector(input, depth - 1);
            let right = scalar(input, depth - 1);
            Expr::Binary(input.one_of(&OF_VALUES), Matching::All, Box::new(left), Box::new(right))
        }
        6 => {
            let (left, right) = (vector(input, depth - 1), vector(input, depth - 1));
            let labels = input.one_of(&LABELS[1..]).into();
            let matching = match input.byte() % 3 {
                0 => Matching::All,
                1 => Matching::Ignoring(labels),
                _ => Matching::OnLeft(labels),
            };
            Expr::Binary(input.one_of(&OF_VALUES), matching, Box::new(left), Box::new(right))
        }
        _ => {
            let (left, right) = (vector(input, depth - 1), vector(input, depth - 1));
            let labels = input.one_of(&LABELS).into();
            let matching = match input.byte() % 3 {
                0 => Matching::All,
                1 => Matching::Ignoring(labels),
                _ => Matching::On(labels),
            };
            Expr::Binary(input.one_of(&OF_SETS), matching, Box::new(left), Box::new(right))
        }
    }
}

fn values(input: &mut Input<'_>) -> Vec<&'static str> {
    (0..=input.byte() % 3).map(|_| input.one_of(&VALUES)).collect()
}

fn selector(input: &mut Input<'_>) -> Selector {
    let all: Vec<&'static Family> = catalogue::all().filter(|family| family.kind != Kind::Histogram).collect();
    let family = input.one_of(&all);
    let mut matchers = Vec::new();
    for label in family.all_labels() {
        let pattern = match input.byte() % 8 {
            0 => Pattern::OneOf(values(input)),
            1 => Pattern::Prefix(values(input)),
            2 => match Glob::new(&input.text()) {
                Ok(glob) => Pattern::Glob(glob),
                Err(_) => continue,
            },
            _ => continue,
        };
        matchers.push(Matcher { label, pattern, negated: input.byte().is_multiple_of(2) });
    }
    let offset = span(input, 0);
    Selector { family, matchers, offset }
}

/// At least so many milliseconds, and never far from none.
fn span(input: &mut Input<'_>, least: u64) -> Duration {
    const SPANS: [u64; 8] = [0, 1, 1_000, 15_000, 300_000, 3_600_000, 5_400_000, 90_061_001];
    Duration::from_millis(input.one_of(&SPANS).max(least))
}

/// The tree of an expression, every operation in brackets of its own.
fn ours(expr: &Expr) -> String {
    let labels = |names: &[&str]| sorted(names.iter().copied());
    match expr {
        Expr::Number(number) => format!("{}", number + 0.0),
        Expr::Threshold => "threshold".to_owned(),
        Expr::Time => "(time)".to_owned(),
        Expr::Always => "(vector 1)".to_owned(),
        Expr::Select(selector) => of_selector(selector),
        Expr::Past(Function::LastSeen, selector, window) => {
            let (window, step) = (window.as_millis(), scaled(LOOKBACK).as_millis());
            format!("(max_over_time [(timestamp {}) {window}:{step}])", of_selector(selector))
        }
        Expr::Past(function, selector, window) => {
            let name = match function {
                Function::Changes => "changes",
                Function::Increase => "increase",
                Function::Rate => "rate",
                Function::Max | Function::LastSeen => "max_over_time",
                Function::Last => "last_over_time",
                Function::Resets => "resets",
            };
            format!("({name} [{} {}])", of_selector(selector), window.as_millis())
        }
        Expr::Absent(selector) => format!("(absent {})", of_selector(selector)),
        Expr::Aggregate(aggregator, grouping, of) => {
            let grouping = match grouping {
                Grouping::By([]) => String::new(),
                Grouping::By(names) => format!(" by {}", labels(names)),
                Grouping::Without(names) => format!(" without {}", labels(names)),
            };
            format!("({}{grouping} {})", format!("{aggregator:?}").to_lowercase(), ours(of))
        }
        Expr::Binary(operator, matching, left, right) => {
            let symbol = match operator {
                Operator::Add => "+",
                Operator::Subtract => "-",
                Operator::Multiply => "*",
                Operator::Divide => "/",
                Operator::Equal => "==",
                Operator::NotEqual => "!=",
                Operator::Greater => ">",
                Operator::AtLeast => ">=",
                Operator::Less => "<",
                Operator::AtMost => "<=",
                Operator::And => "and",
                Operator::Or => "or",
                Operator::Unless => "unless",
            };
            let matching = match matching {
                Matching::All => String::new(),
                Matching::Ignoring(names) => format!(" ignoring {}", labels(names)),
                Matching::On(names) => format!(" on {}", labels(names)),
                Matching::OnLeft(names) => format!(" on {} left", labels(names)),
            };
            format!("({} {symbol}{matching} {})", ours(left), ours(right))
        }
    }
}

fn of_selector(selector: &Selector) -> String {
    let matchers = selector.matchers.iter().map(|matcher| {
        let operator = match (&matcher.pattern, matcher.negated) {
            (Pattern::OneOf(values), false) if values.len() == 1 => "=",
            (Pattern::OneOf(values), true) if values.len() == 1 => "!=",
            (_, false) => "=~",
            (_, true) => "!~",
        };
        // What a text means as a regular expression is the business of `glob`.
        let value = match &matcher.pattern {
            Pattern::OneOf(values) if values.len() == 1 => format!("{:?}", values[0]),
            _ => String::new(),
        };
        format!("{}{operator}{value}", matcher.label)
    });
    let scrape = std::ptr::eq(selector.family, &crate::rules::catalogue::SCRAPE_UP);
    let all = scrape.then(|| "job=\"rollcall\"".to_owned()).into_iter().chain(matchers);
    format!("{}{{{}}}@{}", selector.family.name, sorted(all), selector.offset.as_millis())
}

/// The same of the other parser's tree.
fn theirs(expr: &parser::Expr) -> String {
    use parser::Expr as Their;
    let matched = |modifier: &Option<LabelModifier>, include: &str, exclude: &str| match modifier {
        None => String::new(),
        Some(LabelModifier::Include(names)) => format!(" {include} {}", sorted(names.labels.iter())),
        Some(LabelModifier::Exclude(names)) => format!(" {exclude} {}", sorted(names.labels.iter())),
    };
    match expr {
        Their::NumberLiteral(number) => format!("{}", number.val + 0.0),
        Their::Paren(paren) => theirs(&paren.expr),
        Their::VectorSelector(selector) => of_their_selector(selector),
        Their::MatrixSelector(matrix) => format!("[{} {}]", of_their_selector(&matrix.vs), matrix.range.as_millis()),
        Their::Subquery(subquery) => {
            let step = subquery.step.unwrap_or_default().as_millis();
            format!("[{} {}:{step}]", theirs(&subquery.expr), subquery.range.as_millis())
        }
        Their::Call(call) => {
            let arguments = call.args.args.iter().map(|argument| format!(" {}", theirs(argument)));
            format!("({}{})", call.func.name, arguments.collect::<String>())
        }
        Their::Aggregate(aggregate) => {
            let grouping = matched(&aggregate.modifier, "by", "without");
            format!("({}{grouping} {})", aggregate.op, theirs(&aggregate.expr))
        }
        Their::Binary(binary) => {
            let matching = binary.modifier.as_ref().map(|modifier| {
                let left = matches!(modifier.card, VectorMatchCardinality::ManyToOne(_));
                format!("{}{}", matched(&modifier.matching, "on", "ignoring"), if left { " left" } else { "" })
            });
            let matching = matching.unwrap_or_default();
            format!("({} {}{matching} {})", theirs(&binary.lhs), binary.op, theirs(&binary.rhs))
        }
        other => panic!("nothing of ours is printed as {other:?}"),
    }
}

fn of_their_selector(selector: &VectorSelector) -> String {
    let matchers = selector.matchers.matchers.iter().map(|matcher| match &matcher.op {
        MatchOp::Equal => format!("{}={:?}", matcher.name, matcher.value),
        MatchOp::NotEqual => format!("{}!={:?}", matcher.name, matcher.value),
        MatchOp::Re(_) => format!("{}=~", matcher.name),
        MatchOp::NotRe(_) => format!("{}!~", matcher.name),
    });
    let offset = match &selector.offset {
        None => 0,
        Some(Offset::Pos(offset) | Offset::Neg(offset)) => offset.as_millis(),
    };
    format!("{}{{{}}}@{offset}", selector.name.as_deref().unwrap_or_default(), sorted(matchers))
}

fn sorted<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let mut items: Vec<String> = items.map(|item| item.to_string()).collect();
    items.sort();
    items.join(",")
}
