//! A rule with its times divided by the hidden `--time-scale`, see [`scale`](crate::scale).

use super::{
    expr::{Expr, Selector},
    rule::Rule,
};
use crate::scale::factor;

/// A rule with all its times.
pub fn rule(rule: Rule) -> Rule {
    match factor() {
        1 => rule,
        factor => Rule {
            expr: expression(rule.expr, factor),
            r#for: rule.r#for / factor,
            keep_firing_for: rule.keep_firing_for / factor,
            ..rule
        },
    }
}

/// Windows, offsets, and the numbers that ages are compared with: those are times too.
fn expression(expr: Expr, factor: u32) -> Expr {
    let selector = |selector: Selector| Selector { offset: selector.offset / factor, ..selector };
    match expr {
        Expr::Select(of) => Expr::Select(selector(of)),
        Expr::Past(function, of, window) => Expr::Past(function, selector(of), window / factor),
        Expr::Binary(operator, matching, left, right) => {
            let right = match *right {
                Expr::Number(number) if left.is_time_since() || left.is_time_until() => {
                    Expr::Number(number / f64::from(factor))
                }
                other => expression(other, factor),
            };
            Expr::Binary(operator, matching, Box::new(expression(*left, factor)), Box::new(right))
        }
        other => other.map(&|part| expression(part, factor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{promql::print, rule::resolve};

    #[test]
    fn every_time_in_a_condition_is_scaled_and_nothing_else() {
        let rules = resolve(&[]);
        let printed = |name: &str| {
            let rule = rules.iter().find(|rule| rule.alert.name == name).expect("it is in the catalogue");
            print(&expression(rule.expr.clone(), 60), "")
        };
        // An age, a window, an offset; a share and a count stay.
        assert!(printed("RollcallAgentStuck").contains("> 30\n"), "{}", printed("RollcallAgentStuck"));
        assert!(printed("RollcallAgentFlapping").contains("[1m]"));
        assert!(printed("RollcallAgentFlapping").contains(">= 6"));
        assert!(printed("AzureDevOpsServiceSuspected").contains("offset 1m"));
        assert!(printed("AzureDevOpsServiceSuspected").contains(">= 0.5"));
        assert!(printed("RollcallCredentialExpiring").contains("< 20160"));
        // What the vendor estimates is no age.
        assert!(printed("ResilioJobEtaHigh").contains("> 14400"));
    }
}
