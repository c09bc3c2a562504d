//! The variables on top: `datasource` first, then each chained to those before it.

use serde_json::{Value, json};

/// A multi-select variable with the values of a label; in queries it is `label=~"$name"`.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Name, also that of the label.
    pub name: &'static str,
    /// What stands before the field.
    pub label: &'static str,
    /// The query with `@vendor`, `@target` and `@pool` still in it.
    pub query: &'static str,
    /// Whether all values are selected at first; else it is the first one, and there is no "All" to choose.
    pub all: bool,
}

impl Variable {
    /// Every vendor.
    pub const VENDOR: Variable =
        Variable { name: "vendor", label: "Vendor", query: "label_values(rollcall_target_info, vendor)", all: true };
    /// The targets of the vendors.
    pub const TARGET: Variable = Variable {
        name: "target",
        label: "Target",
        query: "label_values(rollcall_target_info{@vendor}, target)",
        all: true,
    };
    /// The pools of the targets.
    pub const POOL: Variable =
        Variable { name: "pool", label: "Pool", query: "label_values(rollcall_pool_agents{@target}, pool)", all: true };
    /// The same, one pool at first: a fleet of many thousand agents is too much for one page.
    pub const ONE_POOL: Variable = Variable { all: false, ..Variable::POOL };
    /// The agents of the pools.
    pub const AGENT: Variable = Variable {
        name: "agent",
        label: "Agent",
        query: "label_values(rollcall_agent_health_since_timestamp_seconds{@pool}, agent)",
        all: true,
    };
    /// The jobs of Resilio, as the clients and the console know them.
    pub const JOB_NAME: Variable = Variable {
        name: "job_name",
        label: "Job",
        query: r#"label_values({__name__=~"resilio_job_status|resilio_console_run_status",@target}, job_name)"#,
        all: true,
    };
    /// Where people reach a daemon, for links to its pages; nobody chooses it.
    pub const EXTERNAL_URL: Variable = Variable {
        name: "external_url",
        label: "Address of the daemon",
        query: "label_values(rollcall_links_info, external_url)",
        all: false,
    };
    /// The daemons, as Prometheus scrapes them.
    pub const INSTANCE: Variable =
        Variable { name: "instance", label: "Daemon", query: "label_values(rollcall_build_info, instance)", all: true };

    /// As Grafana reads it. "All" is `.*`: a list of thousands of agents would make a query of megabytes.
    pub fn json(&self, query: &str) -> Value {
        let multi = self.name != Variable::EXTERNAL_URL.name;
        let current = match (self.all, multi) {
            (true, _) => json!({ "selected": true, "text": ["All"], "value": ["$__all"] }),
            // Nothing of what there is: Grafana takes the first.
            (false, true) => json!({ "selected": false, "text": [], "value": [] }),
            (false, false) => json!({ "selected": false, "text": "", "value": "" }),
        };
        json!({
            "type": "query",
            "name": self.name,
            "label": self.label,
            "datasource": super::frame::datasource(),
            "query": { "query": query, "refId": format!("Variable-{}", self.name) },
            "regex": "",
            "refresh": 2,
            "sort": 5,
            "multi": multi,
            "includeAll": self.all,
            "allValue": ".*",
            "current": current,
            "options": [],
            "hide": if multi { 0 } else { 2 },
            "skipUrlSync": false,
        })
    }
}

/// The choice of the Prometheus; every panel and every query uses it.
pub fn datasource() -> Value {
    json!({
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "regex": "",
        "refresh": 1,
        "multi": false,
        "includeAll": false,
        // The data source that Grafana calls its default.
        "current": { "selected": false, "text": "default", "value": "default" },
        "options": [],
        "hide": 0,
        "skipUrlSync": false,
    })
}
