//! The Grafana dashboards, each for a person with a question. `rollcall dashboards` prints them; the files in
//! `dashboards/` are that output, and a test fails when they differ.
//!
//! A dashboard is rows of panels; a panel is a title, a sentence that says how to read it, queries and a shape. Places on
//! the grid, ids, the data source and the selectors of the variables follow from that, so that panels cannot overlap and
//! no query can forget a variable.
//!
//! To add a panel: one entry in the dashboard's file below `dashboard/`, then
//! `UPDATE_DEPLOY=1 cargo test --test rules committed`.

mod azure_devops;
mod citrix;
mod citrix_site;
mod daemon;
mod frame;
mod link;
pub mod look;
mod overview;
mod panel;
mod parallels_ras;
mod pool;
mod readme;
mod resilio;
mod shape;
mod shared;
mod table;
mod variable;

pub use link::Link;
pub use panel::{Panel, Query};
pub use readme::readme;
pub use variable::Variable;

use crate::vendors::vendor_table;

/// A dashboard.
#[derive(Debug)]
pub struct Dashboard {
    /// Fixed, as links and alerts name it; also the name of the file.
    pub uid: &'static str,
    /// Title.
    pub title: &'static str,
    /// For whom it is.
    pub audience: &'static str,
    /// The question it answers.
    pub question: &'static str,
    /// The matcher that stands for `@vendor` in the queries: of the variable, or of the vendor the dashboard is about.
    pub vendor: &'static str,
    /// After `datasource`, each one chained to those before it.
    pub variables: Vec<Variable>,
    /// Queries for what the vendor itself says of its agents, one series each with the label `state`.
    pub states: &'static [&'static str],
    /// From top to bottom; the first one tells how fresh the data are.
    pub rows: Vec<Row>,
}

/// A row: a heading, and panels that flow from left to right.
#[derive(Debug)]
pub struct Row {
    /// Heading.
    pub title: &'static str,
    /// Panels.
    pub panels: Vec<Panel>,
    /// Shut until somebody opens it.
    pub collapsed: bool,
}

impl Row {
    /// A row with these panels.
    pub fn new(title: &'static str, panels: Vec<Panel>) -> Row {
        Row { title, panels, collapsed: false }
    }

    /// The same, shut until somebody opens it: for what concerns few.
    pub fn collapsed(title: &'static str, panels: Vec<Panel>) -> Row {
        Row { title, panels, collapsed: true }
    }
}

impl Dashboard {
    /// The dashboard as Grafana reads it, with a line feed at the end.
    pub fn json(&self) -> String {
        format!("{:#}\n", frame::frame(self))
    }

    /// The vendors that it is about, as a regular expression.
    fn vendors(&self) -> &'static str {
        frame::pattern(self.vendor)
    }

    /// Every panel.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }
}

/// All dashboards, the overview first.
pub fn all() -> Vec<Dashboard> {
    with_runbooks(None)
}

/// The same; alerts lead to the runbooks below this address, as in `alerting.runbook_url`.
pub fn with_runbooks(base: Option<&str>) -> Vec<Dashboard> {
    let vendors = of_vendors();
    let mut all = vec![overview::dashboard(base, &vendors), pool::dashboard(&vendors)];
    all.extend(vendors);
    all.push(daemon::dashboard());
    all
}

macro_rules! of_vendors {
    ($($vendor:ident $name:ident {
        title: $title:literal,
        metric_prefix: $metric_prefix:literal,
        alert_prefix: $alert_prefix:literal,
        dashboard: $uid:literal in $module:ident,
        guide: $guide:literal,
    })+) => {
        /// Those about one vendor, or two of one product.
        fn of_vendors() -> Vec<Dashboard> {
            let mut all: Vec<Dashboard> = Vec::new();
            $(
                if all.iter().all(|dashboard| dashboard.uid != $uid) {
                    all.push($module::dashboard());
                }
            )+
            all
        }
    };
}
vendor_table!(of_vendors);

#[cfg(test)]
mod tests;
