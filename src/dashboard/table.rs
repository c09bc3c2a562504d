//! Tables: a first query that lists, further ones that add a column. Grafana merges them by the labels they share.

use serde_json::{Map, Value, json};

use super::{Panel, link::Link, panel::ref_id};

/// A table in the making.
#[derive(Debug)]
pub struct Table {
    panel: Panel,
    order: Vec<String>,
}

impl Panel {
    /// A table with coloured cells.
    pub fn table(title: &'static str, description: &'static str) -> Table {
        let mut panel = Panel::new("table", title, "none", description).size(24, 10);
        panel.options = json!({
            "showHeader": true,
            "cellHeight": "sm",
            "frameIndex": 0,
            "sortBy": [],
        });
        let custom = json!({
            "align": "auto",
            "cellOptions": { "type": "auto" },
            "inspect": false,
            "filterable": true,
        });
        panel = panel.set("custom", custom);
        // A cell of which nothing is known says so; the words for an empty table are not for cells.
        panel.overrides.push(json!({
            "matcher": { "id": "byRegexp", "options": "/.*/" },
            "properties": [{ "id": "noValue", "value": "–" }],
        }));
        Table { panel, order: Vec::new() }
    }
}

impl Table {
    /// Width and height on the grid.
    pub fn size(mut self, width: u32, height: u32) -> Table {
        self.panel = self.panel.size(width, height);
        self
    }

    /// A column with a label of the first queries.
    pub fn label(self, label: &str, title: &str) -> Table {
        self.labelled(label, vec![json!({ "id": "displayName", "value": title })])
    }

    /// A column with a label that leads on.
    pub fn linked(self, label: &str, title: &str, link: &Link) -> Table {
        self.labelled(
            label,
            vec![json!({ "id": "displayName", "value": title }), json!({ "id": "links", "value": [link.json()] })],
        )
    }

    /// A column with a label whose cells are coloured by its values.
    pub fn coloured(self, label: &str, title: &str, mappings: &Value) -> Table {
        self.labelled(
            label,
            vec![
                json!({ "id": "displayName", "value": title }),
                json!({ "id": "mappings", "value": mappings }),
                json!({ "id": "custom.cellOptions", "value": { "type": "color-background", "mode": "basic" } }),
            ],
        )
    }

    /// A label that links need and nobody reads.
    pub fn hidden(self, label: &str) -> Table {
        self.labelled(label, hidden())
    }

    fn labelled(mut self, label: &str, mut properties: Vec<Value>) -> Table {
        self.order.push(label.to_owned());
        properties.push(width_of_label(label));
        self.panel.overrides.push(json!({
            "matcher": { "id": "byName", "options": label },
            "properties": properties,
        }));
        self
    }

    /// A query whose value nobody reads: it brings rows and labels.
    pub fn rows(self, expr: impl Into<String>) -> Table {
        self.valued(expr.into(), hidden())
    }

    /// A column with the value of a query.
    pub fn value(self, title: &str, unit: &str, expr: impl Into<String>) -> Table {
        self.valued(
            expr.into(),
            vec![
                json!({ "id": "displayName", "value": title }),
                json!({ "id": "unit", "value": unit }),
                width_of_value(title, unit),
            ],
        )
    }

    /// The same, the cells coloured by limits.
    pub fn limited(self, title: &str, unit: &str, expr: impl Into<String>, base: &str, steps: &[(f64, &str)]) -> Table {
        self.valued(
            expr.into(),
            vec![
                json!({ "id": "displayName", "value": title }),
                json!({ "id": "unit", "value": unit }),
                width_of_value(title, unit),
                json!({ "id": "thresholds", "value": super::look::thresholds(base, steps) }),
                json!({ "id": "custom.cellOptions", "value": { "type": "color-background", "mode": "basic" } }),
            ],
        )
    }

    /// The same, words for values.
    pub fn worded(self, title: &str, expr: impl Into<String>, words: &[(&str, &str, &str)]) -> Table {
        self.valued(
            expr.into(),
            vec![
                json!({ "id": "displayName", "value": title }),
                width_of_value(title, "none"),
                json!({ "id": "mappings", "value": super::look::mapping(words) }),
                json!({ "id": "custom.cellOptions", "value": { "type": "color-background", "mode": "basic" } }),
            ],
        )
    }

    fn valued(mut self, expr: String, properties: Vec<Value>) -> Table {
        let index = self.panel.queries.len();
        let matcher = match index {
            // Where only one query answers, Grafana calls its value `Value`.
            0 => json!({ "id": "byRegexp", "options": "/^Value( #A)?$/" }),
            _ => json!({ "id": "byName", "options": format!("Value #{}", ref_id(index)) }),
        };
        self.panel.overrides.push(json!({ "matcher": matcher, "properties": properties }));
        if index == 0 {
            self.order.push("Value".to_owned());
        }
        self.order.push(format!("Value #{}", ref_id(index)));
        self.panel = self.panel.query("", expr);
        self
    }

    /// Sorts by a column, given by its title.
    pub fn sorted(mut self, title: &str, descending: bool) -> Table {
        self.panel.options["sortBy"] = json!([{ "displayName": title, "desc": descending }]);
        self
    }

    /// What is shown where there is rightly nothing.
    pub fn when_empty(mut self, words: &str) -> Table {
        self.panel = self.panel.when_empty(words);
        self
    }

    /// The panel.
    pub fn done(mut self) -> Panel {
        let order: Map<String, Value> =
            self.order.iter().enumerate().map(|(index, name)| (name.clone(), json!(index))).collect();
        self.panel.transformations = vec![
            json!({ "id": "merge", "options": {} }),
            json!({ "id": "organize", "options": {
                "excludeByName": { "Time": true },
                "indexByName": order,
                "renameByName": {},
            } }),
        ];
        self.panel
    }
}

/// Names take what is left of the panel's width; words of a known length, and numbers, what they need. By default Grafana gives
/// each column 150 pixels, which cuts names and pushes what matters out of sight.
fn width_of_label(label: &str) -> Value {
    let width = match label {
        "site" => 56,
        "zone" => 84,
        "mode" => 64,
        "code" | "kind" | "subject" => 72,
        "severity" | "plan_type" => 88,
        "category" | "verdict" | "parameter" | "license_type" | "power" => 104,
        "alertname" => 262,
        "health" | "version" | "session_support" | "pool_type" | "fault" => 116,
        "registration" => 128,
        "server_type" => 168,
        "status" | "vendor" => 168,
        "agent" => return json!({ "id": "custom.minWidth", "value": 190 }),
        // Some vendors write sentences.
        "reason" => return json!({ "id": "custom.minWidth", "value": 150 }),
        _ => return json!({ "id": "custom.minWidth", "value": 110 }),
    };
    json!({ "id": "custom.width", "value": width })
}

/// As wide as the title, or as what such a value is written as.
fn width_of_value(title: &str, unit: &str) -> Value {
    let value = match unit {
        "dateTimeFromNow" => 142,
        "s" | "bytes" | "Bps" => 92,
        "percentunit" => 76,
        _ => 60,
    };
    let title = 7 * title.chars().count() + 30;
    json!({ "id": "custom.width", "value": title.max(value) })
}

/// Older Grafanas read the first, newer ones the second.
fn hidden() -> Vec<Value> {
    vec![
        json!({ "id": "custom.hidden", "value": true }),
        json!({ "id": "custom.hideFrom", "value": { "viz": true, "legend": false, "tooltip": false } }),
    ]
}
