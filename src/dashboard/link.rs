//! Links that lead on to the detail and carry data source, variables and time with them.

use serde_json::{Value, json};

use super::frame::pattern;
use crate::{health::Health, rules::links, vendors::Vendor};

/// A data link of a field.
#[derive(Debug, Clone)]
pub struct Link {
    title: &'static str,
    uid: &'static str,
    variables: Vec<(&'static str, String)>,
    carried: Vec<&'static str>,
    away: Option<String>,
}

impl Link {
    /// A link to the dashboard with this uid.
    pub fn to(uid: &'static str, title: &'static str) -> Link {
        Link { title, uid, variables: Vec::new(), carried: Vec::new(), away: None }
    }

    /// A link out of Grafana.
    pub fn away(url: String, title: &'static str) -> Link {
        Link { away: Some(url), ..Link::to("", title) }
    }

    /// Sets variables of the other dashboard from the row of a table, by the name of the label.
    pub fn row(mut self, labels: &[&'static str]) -> Link {
        // Pool names may have any character: percent-encoded, an `&` or a `#` stays in its value.
        let value = |label| (label, format!("${{__data.fields.{label}:percentencode}}"));
        self.variables.extend(labels.iter().copied().map(value));
        self
    }

    /// Sets variables of the other dashboard from the labels of the series.
    pub fn series(mut self, labels: &[&'static str]) -> Link {
        let value = |label| (label, format!("${{__field.labels.{label}:percentencode}}"));
        self.variables.extend(labels.iter().copied().map(value));
        self
    }

    /// Carries variables that both dashboards have, as they are.
    pub fn carry(mut self, variables: &[&'static str]) -> Link {
        self.carried = variables.to_vec();
        self
    }

    /// A link to a page of a daemon, which is quick however large the fleet is.
    pub fn page(path: &str, title: &'static str) -> Link {
        Link::away(format!("${{external_url:raw}}{path}"), title)
    }

    /// The address, without the time.
    pub fn url(&self) -> String {
        let mut url = format!("/d/{}?${{datasource:queryparam}}", self.uid);
        for (name, value) in &self.variables {
            url += &format!("&var-{name}={value}");
        }
        for name in &self.carried {
            url += &format!("&${{{name}:queryparam}}");
        }
        url
    }

    /// As Grafana reads it.
    pub fn json(&self) -> Value {
        if let Some(url) = &self.away {
            return json!({ "title": self.title, "url": url, "targetBlank": true });
        }
        json!({ "title": self.title, "url": self.url() + "&${__url_time_range}", "targetBlank": false })
    }
}

/// The pool of a table's row.
pub fn pool() -> Link {
    Link::to("rollcall-pool", "Pool ${__data.fields.pool}").row(&["vendor", "target", "pool"])
}

/// The agent of a table's row, beside those of its pool.
pub fn agent() -> Link {
    Link::to("rollcall-pool", "Agent ${__data.fields.agent}").row(&["vendor", "target", "pool", "agent"])
}

/// The agents of these classes, on the pages of a daemon; those of the vendors that a dashboard is about, given by its matcher.
pub fn agents(vendor: &str, classes: &[Health]) -> Link {
    let pattern = pattern(vendor);
    let of_vendor = |one: &&Vendor| match pattern.split_once('(') {
        // `name(_further)?`
        Some((name, further)) => one.as_str().strip_prefix(name).is_some_and(|rest| further.contains(rest)),
        None => one.as_str() == pattern,
    };
    let vendors = Vendor::ALL.iter().filter(of_vendor).map(|one| format!("vendor={}", one.as_str()));
    let classes = classes.iter().map(|health| format!("health={}", health.as_str()));
    let query: Vec<String> = vendors.chain(classes).collect();
    let question = if query.is_empty() { "" } else { "?" };
    Link::page(&format!("/agents{question}{}", query.join("&")), "Which agents")
}

/// The pool of a series.
pub fn series_pool() -> Link {
    Link::to("rollcall-pool", "Pool ${__field.labels.pool}").series(&["vendor", "target", "pool"])
}

/// The runbook of the alert of a table's row, below this address, or on the pages of a daemon.
pub fn runbook(base: Option<&str>) -> Link {
    let name = "${__data.fields.alertname}";
    let url = match base {
        Some(base) => links::runbook_file(base, name),
        None => return Link::page(&links::runbook_page(name), "Runbook of ${__data.fields.alertname}"),
    };
    Link::away(url, "Runbook of ${__data.fields.alertname}")
}

/// The polls of a table's row.
pub fn polls() -> Link {
    Link::to("rollcall-daemon", "Polls of ${__data.fields.target}").row(&["vendor", "target"])
}
