//! The shapes of panels: number, graph, bars, state timeline. Tables are next door.

use serde_json::{Value, json};

use super::{Panel, look};

/// Rows of a state timeline; more cannot be read.
pub const TIMELINE_ROWS: u32 = 25;

fn reduced() -> Value {
    json!({ "calcs": ["lastNotNull"], "fields": "", "values": false })
}

fn legend(shown: bool) -> Value {
    json!({ "showLegend": shown, "displayMode": "list", "placement": "bottom", "calcs": [] })
}

impl Panel {
    /// One number, or one for each query; it is asked for now, so old values are not taken for present ones.
    pub fn stat(title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut panel = Panel::new("stat", title, unit, description).size(4, 4);
        panel.options = json!({
            "reduceOptions": reduced(),
            "colorMode": "background",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "auto",
            "wideLayout": false,
            "showPercentChange": false,
            "percentChangeColorMode": "standard",
        });
        panel
    }

    /// Numbers that only tell: no coloured ground.
    pub fn plain(mut self) -> Panel {
        self.options["colorMode"] = json!("value");
        self
    }

    /// Shows the name of the series with its value, also where there is only one.
    pub fn words_and_values(mut self) -> Panel {
        self.options["textMode"] = json!("value_and_name");
        self
    }

    /// Shows the name of the series instead of its value.
    pub fn names(mut self) -> Panel {
        self.options["textMode"] = json!("name");
        self
    }

    /// Lines over time. What is missing is a gap: nothing is drawn across it.
    pub fn graph(title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut panel = Panel::new("timeseries", title, unit, description).size(12, 8);
        panel.instant = false;
        panel.options = json!({
            "legend": legend(true),
            "tooltip": { "mode": "multi", "sort": "desc" },
        });
        // Where all is 0 the axis ends here, instead of at a hundred, which is 10,000 %.
        let end = if unit == "percentunit" { 0.1 } else { 1.0 };
        let panel = panel.set("color", json!({ "mode": "palette-classic" })).set("min", json!(0)).drawn(0, "none");
        panel.custom("axisSoftMax", json!(end))
    }

    /// Areas that add up.
    pub fn stacked(self) -> Panel {
        self.custom("fillOpacity", json!(70)).custom("stacking", json!({ "mode": "normal", "group": "A" }))
    }

    fn custom(mut self, key: &str, value: Value) -> Panel {
        if let Some(custom) = self.defaults.get_mut("custom") {
            custom[key] = value;
        }
        self
    }

    fn drawn(self, fill: u32, stacking: &str) -> Panel {
        let lines = json!({
            "drawStyle": "line",
            "lineInterpolation": "stepAfter",
            "lineWidth": 1,
            "fillOpacity": fill,
            "gradientMode": "none",
            "showPoints": "auto",
            "pointSize": 4,
            "spanNulls": false,
            "insertNulls": false,
            "stacking": { "mode": stacking, "group": "A" },
            "axisPlacement": "auto",
            "axisLabel": "",
            "axisColorMode": "text",
            "scaleDistribution": { "type": "linear" },
            "thresholdsStyle": { "mode": "off" },
            "hideFrom": { "legend": false, "tooltip": false, "viz": false },
        });
        self.set("custom", lines)
    }

    /// Some lines go below zero.
    pub fn below_zero(mut self) -> Panel {
        self.defaults.remove("min");
        self
    }

    /// Draws the limits as dashed lines.
    pub fn show_limits(self) -> Panel {
        self.custom("thresholdsStyle", json!({ "mode": "dashed" }))
    }

    /// Horizontal bars, one for each series, longest on top where the query sorts.
    pub fn bars(title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut panel = Panel::new("bargauge", title, unit, description).size(8, 8);
        panel.options = json!({
            "reduceOptions": reduced(),
            "displayMode": "basic",
            "orientation": "horizontal",
            "valueMode": "text",
            "namePlacement": "left",
            "showUnfilled": true,
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 40,
            "legend": legend(false),
        });
        panel.set("min", json!(0))
    }

    /// A row for each series with the state at every moment. Only for a filtered set: hundreds of rows cannot be read.
    pub fn timeline(title: &'static str, description: &'static str, states: Value) -> Panel {
        let mut panel = Panel::new("state-timeline", title, "none", description).size(24, 16).coarse(120);
        panel.instant = false;
        panel.options = json!({
            "legend": legend(true),
            "tooltip": { "mode": "single", "sort": "none" },
            "showValue": "auto",
            "alignValue": "left",
            "mergeValues": true,
            "rowHeight": 0.85,
            "perPage": TIMELINE_ROWS,
        });
        let custom = json!({
            "fillOpacity": 85,
            "lineWidth": 0,
            "hideFrom": { "legend": false, "tooltip": false, "viz": false },
        });
        // Nothing is said of gaps: by default they stay gaps. By colours of limits Grafana would take the words of the limits for
        // the states, as the values are merged.
        let colour = json!({ "mode": "fixed", "fixedColor": look::ODD });
        panel.set("mappings", states).set("custom", custom).set("color", colour)
    }
}
