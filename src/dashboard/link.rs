//! Links that lead on to the detail and carry data source, variables and time with them.

use serde_json::{Value, json};

use crate::rules::links;

/// A data link of a field.
#[derive(Debug, Clone)]
pub struct Link {
    title: &'static str,
    uid: &'static str,
    variables: Vec<(&'static str, String)>,
    carried: &'static [&'static str],
    away: Option<String>,
}

impl Link {
    /// A link to the dashboard with this uid.
    pub fn to(uid: &'static str, title: &'static str) -> Link {
        Link { title, uid, variables: Vec::new(), carried: &[], away: None }
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
    pub fn carry(mut self, variables: &'static [&'static str]) -> Link {
        self.carried = variables;
        self
    }

    /// As Grafana reads it.
    pub fn json(&self) -> Value {
        if let Some(url) = &self.away {
            return json!({ "title": self.title, "url": url, "targetBlank": true });
        }
        let mut url = format!("/d/{}?${{datasource:queryparam}}", self.uid);
        for (name, value) in &self.variables {
            url += &format!("&var-{name}={value}");
        }
        for name in self.carried {
            url += &format!("&${{{name}:queryparam}}");
        }
        json!({ "title": self.title, "url": url + "&${__url_time_range}", "targetBlank": false })
    }
}

/// The pool of a table's row.
pub fn pool() -> Link {
    Link::to("rollcall-pool", "Pool ${__data.fields.pool}").row(&["vendor", "target", "pool"])
}

/// The pool of a series.
pub fn series_pool() -> Link {
    Link::to("rollcall-pool", "Pool ${__field.labels.pool}").series(&["vendor", "target", "pool"])
}

/// The runbook of the alert of a table's row, below this address.
pub fn runbook(base: &str) -> Link {
    let name = "${__data.fields.alertname}";
    Link::away(links::runbook_file(base, name), "Runbook of ${__data.fields.alertname}")
}

/// The polls of a table's row.
pub fn polls() -> Link {
    Link::to("rollcall-daemon", "Polls of ${__data.fields.target}").row(&["vendor", "target"])
}
