//! Every query parses, and every metric and label in it is in the catalogue: no dashboard can ask for what is not there.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::{
    label::Matchers,
    parser::{self, Call, Expr, LabelModifier, VectorMatchCardinality},
};
use rollcall::catalogue::{self, Kind};

use super::{dashboards, fill, list, panel_queries, panels, text, variables};

type Labels = BTreeSet<String>;

/// What Prometheus itself makes of its scrapes and its rules.
const OF_PROMETHEUS: [(&str, &[&str]); 5] = [
    ("ALERTS_FOR_STATE", &["alertname", "severity", "vendor", "target", "pool", "agent", "job_name", "job_id"]),
    ("up", &[]),
    ("scrape_duration_seconds", &[]),
    ("scrape_samples_scraped", &[]),
    ("ALERTS", &["alertname", "alertstate", "severity", "vendor", "target", "pool", "agent", "job_name", "job_id"]),
];

/// Every metric with its labels, and those that the scrape adds.
fn metrics() -> BTreeMap<String, Labels> {
    let mut metrics = BTreeMap::new();
    let mut add = |name: &str, labels: &mut dyn Iterator<Item = &str>| {
        let labels: Labels = labels.chain(["job", "instance"]).map(str::to_owned).collect();
        metrics.insert(name.to_owned(), labels);
    };
    for family in catalogue::all() {
        match family.kind {
            Kind::Histogram => {
                add(&format!("{}_bucket", family.name), &mut family.all_labels().chain(["le"]));
                add(&format!("{}_sum", family.name), &mut family.all_labels());
                add(&format!("{}_count", family.name), &mut family.all_labels());
            }
            _ => add(family.name, &mut family.all_labels()),
        }
    }
    for (name, labels) in &OF_PROMETHEUS {
        add(name, &mut labels.iter().copied());
    }
    metrics
}

/// Follows the labels through an expression.
struct Follow(BTreeMap<String, Labels>);

impl Follow {
    /// The labels that the result of the expression may have, or what is wrong in it.
    fn labels(&self, expr: &Expr) -> Result<Labels, String> {
        match expr {
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Ok(Labels::new()),
            Expr::Paren(paren) => self.labels(&paren.expr),
            Expr::Unary(unary) => self.labels(&unary.expr),
            Expr::Subquery(subquery) => self.labels(&subquery.expr),
            Expr::VectorSelector(selector) => self.selected(selector.name.as_deref(), &selector.matchers),
            Expr::MatrixSelector(matrix) => self.selected(matrix.vs.name.as_deref(), &matrix.vs.matchers),
            Expr::Call(call) => self.called(call),
            Expr::Aggregate(aggregate) => {
                if let Some(parameter) = &aggregate.param {
                    self.labels(parameter)?;
                }
                let inner = self.labels(&aggregate.expr)?;
                let keeps = matches!(aggregate.op.to_string().as_str(), "topk" | "bottomk");
                match &aggregate.modifier {
                    None if keeps => Ok(inner),
                    None => Ok(Labels::new()),
                    Some(modifier) => {
                        let named = within(modifier, &inner)?;
                        match modifier {
                            _ if keeps => Ok(inner),
                            LabelModifier::Include(_) => Ok(named),
                            LabelModifier::Exclude(_) => Ok(&inner - &named),
                        }
                    }
                }
            }
            Expr::Binary(binary) => {
                let (left, right) = (self.labels(&binary.lhs)?, self.labels(&binary.rhs)?);
                let Some(modifier) = &binary.modifier else { return Ok(&left | &right) };
                if let Some(matching) = &modifier.matching {
                    // `ignoring` may name what only one side has.
                    let side = if matching.is_include() { &left & &right } else { &left | &right };
                    within(matching, &side)?;
                }
                if let VectorMatchCardinality::OneToMany(labels) = &modifier.card {
                    let missing = labels.labels.iter().find(|label| !left.contains(*label));
                    missing.map_or(Ok(()), |label| Err(format!("group_right ({label}): not on the left")))?;
                }
                match binary.op.to_string().as_str() {
                    "and" | "unless" => Ok(left),
                    _ => Ok(&left | &right),
                }
            }
            Expr::Extension(_) => Err("an extension".to_owned()),
        }
    }

    fn selected(&self, name: Option<&str>, matchers: &Matchers) -> Result<Labels, String> {
        // One of several names, as a variable that is on all of them asks for.
        let names = matchers.matchers.iter().find(|matcher| matcher.name == "__name__").map(|matcher| &*matcher.value);
        let names = name.or(names).ok_or("a selector without a metric")?;
        let mut all: Option<Labels> = None;
        for name in names.split('|') {
            let labels = self.0.get(name).ok_or_else(|| format!("no metric {name} in the catalogue"))?;
            all = Some(all.map_or_else(|| labels.clone(), |all| &all & labels));
        }
        let labels = all.expect("a text has a part");
        let unknown = matchers.matchers.iter().find(|m| m.name != "__name__" && !labels.contains(&m.name));
        unknown.map_or(Ok(labels), |matcher| Err(format!("{names} has no label {}", matcher.name)))
    }

    fn called(&self, call: &Call) -> Result<Labels, String> {
        let mut labels = Labels::new();
        for argument in &call.args.args {
            labels.extend(self.labels(argument)?);
        }
        let word = |index: usize| match call.args.args.get(index).map(|argument| &**argument) {
            Some(Expr::StringLiteral(literal)) => literal.val.clone(),
            _ => String::new(),
        };
        match call.func.name {
            "label_replace" => {
                let source = word(3);
                if !source.is_empty() && !labels.contains(&source) {
                    return Err(format!("label_replace from {source}, which is not there"));
                }
                labels.insert(word(1));
            }
            "histogram_quantile" if !labels.remove("le") => return Err("a quantile without le".to_owned()),
            _ => {}
        }
        Ok(labels)
    }
}

/// The labels that a modifier names, all of which must be there.
fn within(modifier: &LabelModifier, there: &Labels) -> Result<Labels, String> {
    let named: Labels = modifier.labels().labels.iter().cloned().collect();
    let missing: Vec<&String> = named.difference(there).collect();
    if missing.is_empty() { Ok(named) } else { Err(format!("labels {missing:?} are not there")) }
}

fn follow(expr: &str) -> Result<Labels, String> {
    let parsed = parser::parse(&fill(expr, ".*"))?;
    Follow(metrics()).labels(&parsed)
}

#[test]
fn every_query_names_metrics_and_labels_of_the_catalogue() {
    let faults: Vec<String> = panel_queries()
        .iter()
        .filter_map(|panel_query| {
            follow(&panel_query.expr)
                .err()
                .map(|fault| format!("{}: {fault}\n{}", panel_query.name(), panel_query.expr))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(panel_queries().len() > 200);
}

#[test]
fn every_variable_and_annotation_names_metrics_and_labels_of_the_catalogue() {
    for (uid, selector, label) in variables() {
        let labels = follow(&selector).unwrap_or_else(|fault| panic!("{uid}: {selector}: {fault}"));
        assert!(labels.contains(&label), "{uid}: {selector} has no label {label}");
    }
    for dashboard in dashboards() {
        for annotation in list(&dashboard["annotations"]["list"]) {
            let expr = text(&annotation["expr"]);
            follow(&expr).unwrap_or_else(|fault| panic!("{}: {expr}: {fault}", dashboard["uid"]));
        }
    }
}

#[test]
fn what_is_not_in_the_catalogue_is_found() {
    let wrong = [
        ("rollcall_target_upp", "no metric"),
        ("{__name__=~\"rollcall_target_up|rollcall_target_upp\"}", "no metric"),
        ("{__name__=~\"rollcall_target_up|rollcall_agent_health\",agent=\"x\"}", "has no label agent"),
        ("{target=\"x\"}", "without a metric"),
        ("rollcall_target_up{pool=\"x\"}", "has no label pool"),
        ("sum by (agent) (rollcall_pool_agents)", "not there"),
        ("rollcall_pool_agents and on (agent) rollcall_target_up", "not there"),
        ("histogram_quantile(0.5, sum by (vendor) (rollcall_api_request_duration_seconds_bucket))", "without le"),
        ("label_replace(rollcall_target_up, \"x\", \"$1\", \"pool\", \"(.*)\")", "not there"),
        ("sum(rollcall_target_up", ""),
    ];
    for (expr, fault) in wrong {
        let said = follow(expr).expect_err(expr);
        assert!(said.contains(fault), "{expr}: {said}");
    }
}

#[test]
fn legends_and_columns_name_labels_that_the_query_leaves() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard) {
            let name = format!("{} / {}", dashboard["uid"], panel["title"]);
            let mut there = Labels::new();
            for target in list(&panel["targets"]) {
                let labels = follow(&text(&target["expr"])).unwrap_or_default();
                let legend = text(&target["legendFormat"]);
                for label in legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
                    assert!(labels.contains(label.0), "{name}: {legend} of {labels:?}");
                }
                there.extend(labels);
            }
            let links = panel["fieldConfig"]["defaults"]["links"].to_string();
            for label in links.split("__field.labels.").skip(1).filter_map(|rest| rest.split([':', '}']).next()) {
                assert!(there.contains(label), "{name} links by {label}, which is not there");
            }
            if panel["type"] == "table" {
                let columns =
                    list(&panel["fieldConfig"]["overrides"]).iter().filter(|o| o["matcher"]["id"] == "byName");
                let columns = columns.map(|column| text(&column["matcher"]["options"]));
                for column in columns.filter(|column| !column.starts_with("Value")) {
                    assert!(there.contains(&column), "{name}: no query brings {column}");
                }
            }
        }
    }
}
