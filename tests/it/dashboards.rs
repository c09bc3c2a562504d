//! The Grafana dashboards: their files, their form, and what they ask of a real Prometheus that scrapes the daemon.

mod data;
mod files;
mod incidents;
mod layout;
mod queries;
mod schema;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder with the committed files.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

/// A query of a panel, as it stands in the file.
#[derive(Debug, Clone)]
struct PanelQuery {
    /// Dashboard.
    uid: String,
    /// Title of the panel.
    panel: String,
    /// `refId`.
    id: String,
    /// Expression with its variables.
    expr: String,
    /// Legend.
    legend: String,
    /// Now, or over the range.
    instant: bool,
}

impl PanelQuery {
    /// `rollcall-pool / Agents / A`
    fn name(&self) -> String {
        format!("{} / {} / {}", self.uid, self.panel, self.id)
    }

    /// The expression with its variables filled in as Grafana does; only these targets.
    fn filled(&self, targets: &str) -> String {
        fill(&self.expr, targets)
    }
}

fn fill(expr: &str, targets: &str) -> String {
    let all = ["vendor", "pool", "agent", "job_name", "instance"];
    // `"$vendor|"` is for what may have no vendor.
    let expr = ["\"", "|\""].iter().fold(expr.to_owned(), |expr, end| {
        let expr = all.iter().fold(expr, |expr, name| expr.replace(&format!("\"${name}{end}"), &format!("\".*{end}")));
        expr.replace(&format!("\"$target{end}"), &format!("\"{targets}{end}"))
    });
    expr.replace("$__rate_interval", "15s").replace("$__range", "1h")
}

/// Every dashboard as in its file.
fn dashboards() -> Vec<Value> {
    let all = rollcall::dashboard::all();
    all.iter().map(|dashboard| serde_json::from_str(&dashboard.json()).expect("JSON")).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// Rows and panels, also those in rows that are shut.
fn rows_and_panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let top = list(&dashboard["panels"]).iter();
    top.flat_map(|panel: &Value| std::iter::once(panel).chain(panel["panels"].as_array().into_iter().flatten()))
}

/// The panels without the rows.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    rows_and_panels(dashboard).filter(|panel| panel["type"] != "row")
}

/// Every query of every panel.
fn panel_queries() -> Vec<PanelQuery> {
    let mut panel_queries = Vec::new();
    for dashboard in dashboards() {
        for panel in panels(&dashboard) {
            panel_queries.extend(list(&panel["targets"]).iter().map(|target| PanelQuery {
                uid: text(&dashboard["uid"]),
                panel: text(&panel["title"]),
                id: text(&target["refId"]),
                expr: text(&target["expr"]),
                legend: text(&target["legendFormat"]),
                instant: target["instant"] == true,
            }));
        }
    }
    panel_queries
}

/// The queries of the variables: dashboard, selector, label.
fn variables() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for dashboard in dashboards() {
        let variables = list(&dashboard["templating"]["list"]).iter().filter(|variable| variable["type"] == "query");
        for variable in variables {
            let query = text(&variable["query"]["query"]);
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            let (selector, label) =
                inner.and_then(|inner| inner.rsplit_once(", ")).expect("label_values(selector, label)");
            found.push((text(&dashboard["uid"]), selector.to_owned(), label.to_owned()));
        }
    }
    found
}
