//! The dashboards are what Grafana's own types allow; see `schema/README.md` for where the schema comes from.

use serde_json::{Map, Value, json};

use super::{dashboards, list, panels, text};

const SCHEMA: &str = include_str!("schema/grafana-schema-13.2.3.json");

/// Checks values against the definitions of the schema.
struct Schema(Value);

impl Schema {
    fn read() -> Schema {
        Schema(serde_json::from_str(SCHEMA).expect("JSON"))
    }

    /// What is wrong with the value, as `path: error`.
    fn faults(&self, definition: &str, value: &Value) -> Vec<String> {
        let schema = self.0.get(definition).unwrap_or_else(|| panic!("no {definition} in the schema"));
        let validator = jsonschema::validator_for(schema).expect("a schema");
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// What is wrong with a dashboard: its frame, then the options and the look of each panel.
    fn all_faults(&self, dashboard: &Value) -> Vec<String> {
        let mut frame = dashboard.clone();
        if let Some(annotations) = frame["annotations"]["list"].as_array_mut() {
            // What the Prometheus data source reads beside Grafana's own fields.
            let own = ["expr", "step", "titleFormat", "textFormat", "tagKeys"];
            annotations.iter_mut().filter_map(Value::as_object_mut).for_each(|annotation| {
                annotation.retain(|key, _| !own.contains(&key.as_str()));
            });
        }
        let mut faults = self.faults("DashboardModel", &frame);
        for panel in panels(dashboard) {
            let (options, custom) = match panel["type"].as_str() {
                Some("stat") => ("StatOptions", None),
                Some("bargauge") => ("BarGaugeOptions", None),
                Some("timeseries") => ("TimeSeriesOptions", Some("TimeSeriesFieldConfig")),
                Some("state-timeline") => ("StateTimelineOptions", Some("StateTimelineFieldConfig")),
                Some("table") => ("TableOptions", Some("TableFieldConfig")),
                other => panic!("no schema for panels of type {other:?}"),
            };
            faults.extend(self.faults(options, &panel["options"]));
            if let Some(custom) = custom {
                faults.extend(self.faults(custom, &panel["fieldConfig"]["defaults"]["custom"]));
            }
        }
        faults
    }
}

#[test]
fn every_dashboard_is_what_grafana_reads() {
    let schema = Schema::read();
    for dashboard in dashboards() {
        assert_eq!(schema.all_faults(&dashboard), Vec::<String>::new(), "{}", dashboard["uid"]);
    }
}

/// Makes something wrong of a dashboard.
type Breakage<'a> = &'a dyn Fn(&mut Value);

/// A schema that takes everything would prove nothing.
#[test]
fn broken_dashboards_are_refused() {
    let schema = Schema::read();
    let whole = &dashboards()[0];
    let breakages: [(&str, Breakage); 8] = [
        ("no schema version", &|d| {
            d.as_object_mut().map(|d| d.remove("schemaVersion"));
        }),
        ("a field that no dashboard has", &|d| d["__inputs"] = json!([])),
        ("a refresh that is a number", &|d| d["refresh"] = json!(60)),
        ("a variable without a type", &|d| {
            d["templating"]["list"][0].as_object_mut().map(|v| v.remove("type"));
        }),
        ("a place without a height", &|d| {
            d["panels"][1]["gridPos"].as_object_mut().map(|g| g.remove("h"));
        }),
        ("thresholds without a mode", &|d| {
            d["panels"][1]["fieldConfig"]["defaults"]["thresholds"].as_object_mut().map(|t| t.remove("mode"));
        }),
        ("an option that no stat has", &|d| d["panels"][1]["options"]["colour"] = json!("red")),
        ("a colour mode that is none", &|d| d["panels"][1]["options"]["colorMode"] = json!("loud")),
    ];
    for (what, breaks) in breakages {
        let mut broken = whole.clone();
        breaks(&mut broken);
        assert_ne!(&broken, whole, "{what} changes nothing");
        assert_ne!(schema.all_faults(&broken), Vec::<String>::new(), "{what} went through");
    }
}

/// What all dashboards have in common, and no schema says.
#[test]
fn frames_are_as_agreed() {
    for dashboard in dashboards() {
        let uid = text(&dashboard["uid"]);
        assert_eq!(dashboard["schemaVersion"], 39, "{uid}");
        assert_eq!(dashboard["editable"], false, "{uid}");
        assert_eq!(dashboard["tags"], json!(["rollcall"]), "{uid}");
        assert_eq!(dashboard["refresh"], "1m", "{uid}");
        assert_eq!(dashboard["graphTooltip"], 1, "{uid}");
        annotations_are_as_agreed(dashboard["annotations"]["list"].as_array().expect("a list"), &uid);
        let variables = list(&dashboard["templating"]["list"]);
        assert_eq!(
            (&variables[0]["name"], &variables[0]["type"]),
            (&json!("datasource"), &json!("datasource")),
            "{uid}"
        );
        for variable in &variables[1..] {
            if variable["hide"] == 2 {
                continue;
            }
            // The page about one pool begins with one.
            let all = uid != "rollcall-pool" || variable["name"] != "pool";
            let wanted = [("multi", json!(true)), ("refresh", json!(2)), ("includeAll", json!(all))];
            assert!(wanted.iter().all(|(key, value)| variable[key] == *value), "{uid}: {variable}");
            assert_ne!(variable["sort"], 0, "{uid}: {variable}");
        }
        let written = dashboard.to_string();
        for wrong in ["__inputs", "__requires", "DS_PROMETHEUS"] {
            assert!(!written.contains(wrong), "{uid} has {wrong}: it would not load when provisioned");
        }
    }
}

/// One region for each severity, of what is selected; warnings only for who asks for them.
fn annotations_are_as_agreed(annotations: &[Value], uid: &str) {
    let shown: Vec<(&Value, &Value)> = annotations.iter().map(|one| (&one["name"], &one["enable"])).collect();
    let wanted = [(json!("Critical alerts"), json!(true)), (json!("Warnings"), json!(false))];
    assert_eq!(shown, wanted.iter().map(|(name, enable)| (name, enable)).collect::<Vec<_>>(), "{uid}");
    for annotation in annotations {
        let expr = text(&annotation["expr"]);
        assert!(expr.starts_with("count by (severity) (ALERTS{"), "{uid}: a series for each alert: {expr}");
        assert!(expr.contains("or sum by (severity) ((rollcall_alerts{"), "{uid}: nothing of direct mode: {expr}");
        assert_eq!(expr.matches("$target").count(), 2, "{uid}: {expr}");
    }
}

/// Cells say that nothing is known of them, not what an empty table means, and columns are as wide as they must be.
#[test]
fn tables_have_widths_and_a_sign_for_empty_cells() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard).filter(|panel| panel["type"] == "table") {
            let name = format!("{} / {}", dashboard["uid"], panel["title"]);
            let changes = list(&panel["fieldConfig"]["overrides"]);
            assert_eq!(changes[0]["properties"], json!([{ "id": "noValue", "value": "–" }]), "{name}");
            for change in &changes[1..] {
                let is = |id: &str| list(&change["properties"]).iter().any(|property| property["id"] == id);
                let sized = is("custom.width") || is("custom.minWidth") || is("custom.hidden");
                assert!(sized, "{name}: {}", change["matcher"]);
            }
        }
    }
}

#[test]
fn every_panel_says_what_it_is_and_in_what_unit() {
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    for dashboard in dashboards() {
        for panel in panels(&dashboard) {
            let name = format!("{} / {}", dashboard["uid"], panel["title"]);
            assert!(text(&panel["description"]).len() > 30, "{name} has no description");
            let defaults = panel["fieldConfig"]["defaults"].as_object().cloned().unwrap_or_else(Map::new);
            assert!(defaults.get("unit").is_some_and(|unit| unit != ""), "{name} has no unit");
            assert_eq!(panel["datasource"], source, "{name}");
            assert!(!list(&panel["targets"]).is_empty(), "{name} asks nothing");
            for target in list(&panel["targets"]) {
                assert_eq!(target["datasource"], source, "{name}");
            }
            let spans = defaults.get("custom").and_then(|custom| custom.get("spanNulls"));
            assert!(spans.is_none_or(|spans| spans == false), "{name} draws across gaps");
        }
    }
}

#[test]
fn state_timelines_are_filtered_and_know_the_unknown() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard).filter(|panel| panel["type"] == "state-timeline") {
            let name = format!("{} / {}", dashboard["uid"], panel["title"]);
            let expr = text(&panel["targets"][0]["expr"]);
            assert!(
                expr.contains("topk(25,") || expr.contains("(PA|Gateway|HALB|HALBDevice)"),
                "{name} shows everything"
            );
            let words = panel["fieldConfig"]["defaults"]["mappings"].to_string();
            assert!(words.contains("Unknown"), "{name} has no word for unknown");
            // By thresholds Grafana would put their texts in the place of the states.
            assert_eq!(panel["fieldConfig"]["defaults"]["color"]["mode"], "fixed", "{name}");
            assert_eq!(panel["options"]["perPage"], 25, "{name} turns pages");
            assert!(panel["gridPos"]["h"].as_u64() >= Some(12), "{name} is too low for its rows");
            assert_eq!(panel["targets"][0]["legendFormat"], "{{pool}} {{agent}}", "{name}");
        }
    }
}
