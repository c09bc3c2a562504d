//! A panel: what every shape has.

use serde_json::{Map, Value, json};

use super::{
    frame::{datasource, expand},
    link::Link,
    look,
    variable::Variable,
};
use crate::health::Health;

/// One query of a panel.
#[derive(Debug, Clone)]
pub struct Query {
    /// The expression, with `@target` and the like still in it.
    pub expr: String,
    /// Name of the series, or its template.
    pub legend: String,
}

/// A panel without its place.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Title.
    pub title: &'static str,
    /// How to read it, and what to do about it.
    pub description: &'static str,
    /// Columns of the grid's 24.
    pub width: u32,
    /// Height in units of the grid.
    pub height: u32,
    /// Queries; their `refId`s are A, B, C and so on.
    pub queries: Vec<Query>,
    pub(super) shape: &'static str,
    /// One value now, not a series over time.
    pub(super) instant: bool,
    pub(super) defaults: Map<String, Value>,
    pub(super) overrides: Vec<Value>,
    pub(super) options: Value,
    pub(super) transformations: Vec<Value>,
    pub(super) links: Vec<Link>,
    pub(super) moments: Option<u32>,
}

/// The `refId` of the query at that place.
pub fn ref_id(index: usize) -> String {
    match u8::try_from(index) {
        Ok(small @ 0..26) => char::from(b'A' + small).to_string(),
        _ => format!("Q{index}"),
    }
}

impl Panel {
    pub(super) fn new(shape: &'static str, title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut defaults = Map::new();
        defaults.insert("unit".to_owned(), json!(unit));
        defaults.insert("mappings".to_owned(), json!([]));
        defaults.insert("color".to_owned(), json!({ "mode": "thresholds" }));
        defaults.insert("thresholds".to_owned(), look::thresholds(look::CALM, &[]));
        // Where nothing is there, it must not look like 0.
        defaults.insert("noValue".to_owned(), json!("no data"));
        Panel {
            title,
            description,
            width: 6,
            height: 8,
            queries: Vec::new(),
            shape,
            instant: true,
            defaults,
            overrides: Vec::new(),
            options: json!({}),
            transformations: Vec::new(),
            links: Vec::new(),
            moments: None,
        }
    }

    /// Width and height on the grid.
    pub fn size(mut self, width: u32, height: u32) -> Panel {
        (self.width, self.height) = (width, height);
        self
    }

    /// Adds a query.
    pub fn query(mut self, legend: &str, expr: impl Into<String>) -> Panel {
        self.queries.push(Query { expr: expr.into(), legend: legend.to_owned() });
        self
    }

    /// As high as the grid has it, with letters that fit: by itself Grafana makes those of a low tile too small to read.
    pub fn low(mut self, height: u32) -> Panel {
        let (title, value) = if height > 2 { (12, 24) } else { (12, 20) };
        self.height = height;
        self.options["text"] = json!({ "titleSize": title, "valueSize": value });
        self
    }

    /// Sets a default of all fields.
    pub fn set(mut self, key: &str, value: Value) -> Panel {
        self.defaults.insert(key.to_owned(), value);
        self
    }

    /// Colours by value: the first one below the first limit.
    pub fn limits(self, base: &str, steps: &[(f64, &str)]) -> Panel {
        self.set("thresholds", look::thresholds(base, steps))
    }

    /// More than none has this colour; none has none.
    pub fn some_is(self, colour: &str) -> Panel {
        self.limits(look::NONE, &[(0.000_001, colour)])
    }

    /// Shows words for values.
    pub fn words(self, values: &[(&str, &str, &str)]) -> Panel {
        self.set("mappings", look::mapping(values))
    }

    /// From 0 to this.
    pub fn scale(self, max: f64) -> Panel {
        self.set("min", json!(0)).set("max", json!(max))
    }

    /// What is shown where there is rightly nothing.
    pub fn when_empty(self, words: &str) -> Panel {
        self.set("noValue", json!(words))
    }

    /// A link on every value.
    pub fn link(mut self, link: Link) -> Panel {
        self.links.push(link);
        self
    }

    /// A colour for the series of this name.
    pub fn colour(mut self, name: &str, colour: &str) -> Panel {
        self.overrides.push(json!({
            "matcher": { "id": "byName", "options": name },
            "properties": [{ "id": "color", "value": { "mode": "fixed", "fixedColor": colour } }],
        }));
        self
    }

    /// A link of its own on the series of this name.
    pub fn leads(mut self, name: &str, link: &Link) -> Panel {
        self.overrides.push(json!({
            "matcher": { "id": "byName", "options": name },
            "properties": [{ "id": "links", "value": [link.json()] }],
        }));
        self
    }

    /// Another unit for the series of this name.
    pub fn unit_of(mut self, name: &str, unit: &str) -> Panel {
        self.overrides.push(json!({
            "matcher": { "id": "byName", "options": name },
            "properties": [{ "id": "unit", "value": unit }],
        }));
        self
    }

    /// Other limits for the series of this name.
    pub fn limits_of(mut self, name: &str, base: &str, steps: &[(f64, &str)]) -> Panel {
        self.overrides.push(json!({
            "matcher": { "id": "byName", "options": name },
            "properties": [{ "id": "thresholds", "value": look::thresholds(base, steps) }],
        }));
        self
    }

    /// Names for numbers that are called as the classes of health are; each has its colour where it is more than none, and a
    /// link of its own.
    pub fn counts_by_health(mut self, link: impl Fn(&[Health]) -> Link) -> Panel {
        for health in Health::ALL {
            self.overrides.push(json!({
                "matcher": { "id": "byName", "options": health.as_str() },
                "properties": [
                    { "id": "displayName", "value": look::title(health) },
                    { "id": "thresholds", "value": look::thresholds(look::NONE, &[(1.0, look::colour(health))]) },
                    { "id": "links", "value": [link(&[health]).json()] },
                ],
            }));
        }
        self
    }

    /// At most this many moments over the range, for queries about many series.
    pub fn coarse(mut self, moments: u32) -> Panel {
        self.moments = Some(moments);
        self
    }

    /// Names and colours for series that are called as the classes of health are.
    pub fn by_health(mut self) -> Panel {
        for health in Health::ALL {
            self.overrides.push(json!({
                "matcher": { "id": "byName", "options": health.as_str() },
                "properties": [
                    { "id": "displayName", "value": look::title(health) },
                    { "id": "color", "value": { "mode": "fixed", "fixedColor": look::colour(health) } },
                ],
            }));
        }
        self
    }

    /// The panel as Grafana reads it, the selectors filled in.
    pub fn json(&self, id: u32, place: Value, vendor: &str, variables: &[Variable]) -> Value {
        let mut defaults = self.defaults.clone();
        defaults.insert("links".to_owned(), self.links.iter().map(Link::json).collect());
        let table = self.shape == "table";
        let targets: Vec<Value> = self
            .queries
            .iter()
            .enumerate()
            .map(|(index, query)| {
                json!({
                    "refId": ref_id(index),
                    "datasource": datasource(),
                    "expr": expand(&query.expr, vendor, variables),
                    "legendFormat": query.legend,
                    "editorMode": "code",
                    "instant": self.instant,
                    "range": !self.instant,
                    "format": if table { "table" } else { "time_series" },
                })
            })
            .collect();
        let mut panel = json!({
            "id": id,
            "type": self.shape,
            "title": self.title,
            "description": self.description,
            "datasource": datasource(),
            "gridPos": place,
            "targets": targets,
            "fieldConfig": { "defaults": defaults, "overrides": self.overrides },
            "options": self.options,
            "transformations": self.transformations,
            "links": [],
        });
        if !self.instant {
            // Vendors are polled once a minute: finer steps show nothing and cost.
            panel["interval"] = json!("1m");
        }
        if let Some(moments) = self.moments {
            panel["maxDataPoints"] = json!(moments);
        }
        panel
    }
}
