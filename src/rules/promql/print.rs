//! An expression as PromQL text, broken into lines where it is long.
//!
//! It is our own because what is printed is our own `Expr`, which the engine evaluates as well: the printer of `promql-parser`
//! takes the syntax tree of that crate, and to build it from an `Expr` takes as many lines as to print the `Expr`.

use std::time::Duration;

use crate::{
    exposition::text,
    rules::{
        catalogue::SCRAPE_UP,
        expr::{Aggregator, Expr, Function, Grouping, LOOKBACK, Matcher, Matching, Operator, Pattern, Selector},
    },
    scale::scaled,
};

/// Lines are broken beyond this.
const WIDTH: usize = 110;

/// An expression as PromQL. `selector` is added to what is asked of the scrapes.
pub fn print(expr: &Expr, selector: &str) -> String {
    Printer { selector }.broken(expr, 0)
}

struct Printer<'a> {
    selector: &'a str,
}

impl Printer<'_> {
    fn broken(&self, expr: &Expr, indent: usize) -> String {
        let line = self.line(expr);
        // An operand that is a number does not begin a line, so it does not break one either.
        let width = match expr {
            Expr::Binary(operator, _, left, right) if operator.rank() > 1 && matches!(**right, Expr::Number(_)) => {
                self.line(left).len()
            }
            _ => line.len(),
        };
        if width + indent <= WIDTH {
            return line;
        }
        let pad = " ".repeat(indent);
        match expr {
            Expr::Aggregate(aggregator, grouping, of) => {
                let head = head(*aggregator, *grouping);
                format!("{head} (\n{pad}  {}\n{pad})", self.broken(of, indent + 2))
            }
            Expr::Binary(operator, matching, left, right) => {
                let left = self.operand(left, operator.rank(), indent);
                let short = self.side(right, operator.rank() + 1);
                let number = matches!(**right, Expr::Number(_));
                if operator.rank() > 1 && (number || short.len() < 20 && left.contains('\n')) {
                    return format!("{left} {}{} {short}", operator.symbol(), matched(matching));
                }
                let right = self.operand(right, operator.rank() + 1, indent);
                format!("{left}\n{pad}{}{} {right}", operator.symbol(), matched(matching))
            }
            _ => line,
        }
    }

    /// An operand on lines of its own, in parentheses where it binds less than `rank`.
    fn operand(&self, expr: &Expr, rank: u8, indent: usize) -> String {
        match expr {
            Expr::Binary(operator, ..) if operator.rank() < rank => {
                let pad = " ".repeat(indent);
                let line = self.line(expr);
                if line.len() + indent < WIDTH {
                    return format!("({line})");
                }
                format!("(\n{pad}  {}\n{pad})", self.broken(expr, indent + 2))
            }
            _ => self.broken(expr, indent),
        }
    }

    fn line(&self, expr: &Expr) -> String {
        match expr {
            Expr::Number(number) => number_text(*number),
            // Only before the rules are resolved; the table of the documentation shows it.
            Expr::Threshold => "threshold".to_owned(),
            Expr::Time => "time()".to_owned(),
            Expr::Always => "vector(1)".to_owned(),
            Expr::Select(selector) => self.selector(selector, None),
            Expr::Past(Function::LastSeen, selector, window) => {
                let moment = format!("timestamp({})", self.selector(selector, None));
                // Each step sees the samples since the one before, and no more steps are needed.
                format!("max_over_time({moment}[{}:{}])", duration(*window), duration(scaled(LOOKBACK)))
            }
            Expr::Past(function, selector, window) => {
                format!("{}({})", function.name(), self.selector(selector, Some(*window)))
            }
            Expr::Absent(selector) => format!("absent({})", self.selector(selector, None)),
            Expr::Aggregate(aggregator, grouping, of) => {
                format!("{} ({})", head(*aggregator, *grouping), self.line(of))
            }
            Expr::Binary(operator, matching, left, right) => {
                let (left, right) = (self.side(left, operator.rank()), self.side(right, operator.rank() + 1));
                format!("{left} {}{} {right}", operator.symbol(), matched(matching))
            }
        }
    }

    /// An operand on one line, in parentheses where it binds less than `rank`.
    fn side(&self, side: &Expr, rank: u8) -> String {
        match side {
            Expr::Binary(inner, ..) if inner.rank() < rank => format!("({})", self.line(side)),
            _ => self.line(side),
        }
    }

    fn selector(&self, selector: &Selector, window: Option<Duration>) -> String {
        let mut matchers: Vec<String> = selector.matchers.iter().map(matcher).collect();
        if std::ptr::eq(selector.family, &SCRAPE_UP) && !self.selector.is_empty() {
            matchers.insert(0, self.selector.to_owned());
        }
        let braces = if matchers.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(", ")) };
        let window = window.map(|window| format!("[{}]", duration(window))).unwrap_or_default();
        let offset = match selector.offset {
            Duration::ZERO => String::new(),
            offset => format!(" offset {}", duration(offset)),
        };
        format!("{}{braces}{window}{offset}", selector.family.name)
    }
}

/// A duration as Prometheus reads it: `1h30m`.
pub fn duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= millis {
            out.push_str(&format!("{}{unit}", rest / millis));
            rest %= millis;
        }
    }
    out
}

fn number_text(number: f64) -> String {
    let mut out = Vec::new();
    text::number(&mut out, number);
    String::from_utf8_lossy(&out).into_owned()
}

fn head(aggregator: Aggregator, grouping: Grouping) -> String {
    let name = match aggregator {
        Aggregator::Sum => "sum",
        Aggregator::Min => "min",
        Aggregator::Max => "max",
        Aggregator::Count => "count",
    };
    match grouping {
        // Not `by ()`, which says the same.
        Grouping::By([]) => name.to_owned(),
        Grouping::By(labels) => format!("{name} by ({})", labels.join(", ")),
        Grouping::Without(labels) => format!("{name} without ({})", labels.join(", ")),
    }
}

fn matched(matching: &Matching) -> String {
    match matching {
        Matching::All => String::new(),
        Matching::Ignoring(labels) => format!(" ignoring ({})", labels.join(", ")),
        Matching::On(labels) => format!(" on ({})", labels.join(", ")),
        // With its own parentheses, as those of what follows would be taken for them.
        Matching::OnLeft(labels) => format!(" on ({}) group_left ()", labels.join(", ")),
    }
}

fn matcher(matcher: &Matcher) -> String {
    let (regex, value) = match &matcher.pattern {
        Pattern::OneOf(values) if values.len() == 1 => (false, values[0].to_owned()),
        Pattern::OneOf(values) => (true, values.iter().map(|value| escaped(value)).collect::<Vec<_>>().join("|")),
        Pattern::Prefix(prefixes) => {
            (true, prefixes.iter().map(|prefix| format!("{}.*", escaped(prefix))).collect::<Vec<_>>().join("|"))
        }
        Pattern::Glob(glob) => (true, glob_regex(glob.as_str())),
    };
    let operator = match (regex, matcher.negated) {
        (false, false) => "=",
        (false, true) => "!=",
        (true, false) => "=~",
        (true, true) => "!~",
    };
    let mut quoted = Vec::new();
    text::escape(&mut quoted, &value);
    format!("{}{operator}\"{}\"", matcher.label, String::from_utf8_lossy(&quoted))
}

/// A text that stands for itself in a regular expression.
fn escaped(text: &str) -> String {
    let special = |c: char| "\\.+*?()|[]{}^$".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A glob as a regular expression; Prometheus anchors it.
fn glob_regex(glob: &str) -> String {
    let mut out = String::new();
    let mut chars = glob.chars().peekable();
    let (mut braces, mut class) = (0, false);
    while let Some(c) = chars.next() {
        match c {
            ']' if class => {
                class = false;
                out.push(']');
            }
            c if class => out.push_str(&if c == '\\' || c == '[' { format!("\\{c}") } else { c.to_string() }),
            '[' => {
                class = true;
                out.push('[');
                if chars.next_if(|c| *c == '!' || *c == '^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '{' => {
                braces += 1;
                out.push_str("(?:");
            }
            '}' if braces > 0 => {
                braces -= 1;
                out.push(')');
            }
            ',' if braces > 0 => out.push('|'),
            '\\' => out.push_str(&chars.next().map(|c| escaped(&c.to_string())).unwrap_or_default()),
            c => out.push_str(&escaped(&c.to_string())),
        }
    }
    out
}

impl Operator {
    fn symbol(self) -> &'static str {
        match self {
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
        }
    }

    /// The higher, the tighter it binds; all of them group to the left.
    fn rank(self) -> u8 {
        match self {
            Operator::Or => 0,
            Operator::And | Operator::Unless => 1,
            Operator::Equal
            | Operator::NotEqual
            | Operator::Greater
            | Operator::AtLeast
            | Operator::Less
            | Operator::AtMost => 2,
            Operator::Add | Operator::Subtract => 3,
            Operator::Multiply | Operator::Divide => 4,
        }
    }
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Function::Changes => "changes",
            Function::Increase => "increase",
            Function::Rate => "rate",
            Function::Max | Function::LastSeen => "max_over_time",
            Function::Last => "last_over_time",
            Function::Resets => "resets",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::target::{POLL_INTERVAL, POLL_TIMEOUT},
        rules::expr::family,
    };

    #[test]
    fn globs_become_regular_expressions() {
        let cases = [
            ("*", ".*"),
            ("RDSHost@*", "RDSHost@.*"),
            ("a.b?", "a\\.b."),
            ("{hq,branch}-[0-9][!x]", "(?:hq|branch)-[0-9][^x]"),
            ("\\*", "\\*"),
        ];
        for (glob, expected) in cases {
            assert_eq!(glob_regex(glob), expected);
        }
    }

    #[test]
    fn what_binds_less_has_parentheses_on_one_line_and_on_many() {
        let long = || (0..9).fold(family(&POLL_INTERVAL).all(), |sum, _| sum.plus(family(&POLL_TIMEOUT)));
        let sum = || Expr::from(3.0).plus(5.0);
        for product in [Expr::Time.times(sum()), long().max_by(&["vendor"]).times(sum())] {
            assert!(print(&product, "").ends_with(" * (3 + 5)"), "{}", print(&product, ""));
        }
    }

    #[test]
    fn durations_are_prometheus_own() {
        let cases = [(0, "0s"), (900_000, "15m"), (86_400_000, "1d"), (5_400_000, "1h30m"), (1_500, "1s500ms")];
        for (millis, expected) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }
}
