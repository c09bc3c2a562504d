//! What all dashboards have in common: the frame of the JSON, the grid, and the selectors in the queries.

use crate::vendors::alert_prefixes;
use serde_json::{Value, json};

use super::{Dashboard, variable};

/// Width of Grafana's grid.
pub const GRID: u32 = 24;

/// The alerts of the shipped rules about what is selected, without the watchdogs, which always fire.
pub fn firing_alerts() -> String {
    let names: Vec<&str> = std::iter::once("Rollcall").chain(alert_prefixes()).collect();
    let names = names.join("|");
    format!(r#"ALERTS{{@alerts,alertstate="firing",alertname=~"({names}).+",alertname!~".*Watchdog"}}"#)
}

/// The alerts that daemons in direct mode send themselves, without their watchdog.
pub const DIRECT_ALERTS: &str = r#"rollcall_alerts{state="firing",alertname!~".*Watchdog"} > 0"#;

/// The data source that the variable names.
pub fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// The value of a matcher.
pub fn pattern(matcher: &str) -> &str {
    matcher.split('"').nth(1).unwrap_or_default()
}

/// Fills in the selectors: `@vendor`, `@target`, `@pool`, `@agent`, `@job` and `@daemon`, each with all that contain it;
/// `@alerts` is for what may be about no target at all, and is then always meant.
pub fn expand(text: &str, vendor: &str) -> String {
    let vendors = pattern(vendor);
    text.replace("@alerts", &format!(r#"vendor=~"{vendors}|",target=~"$target|""#))
        .replace("@agent", r#"@pool,agent=~"$agent""#)
        .replace("@pool", r#"@target,pool=~"$pool""#)
        .replace("@job", r#"@target,job_name=~"$job_name""#)
        .replace("@target", r#"@vendor,target=~"$target""#)
        .replace("@vendor", vendor)
        .replace("@daemon", r#"instance=~"$instance""#)
}

/// The whole dashboard.
pub fn frame(dashboard: &Dashboard) -> Value {
    let chained = dashboard.variables.iter().map(|v| v.json(&expand(v.query, dashboard.vendor)));
    let variables: Vec<Value> = std::iter::once(variable::datasource()).chain(chained).collect();
    json!({
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": format!("For {}: {}", dashboard.audience, dashboard.question),
        "tags": ["rollcall"],
        "schemaVersion": 39,
        "version": 1,
        "editable": false,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": { "from": "now-6h", "to": "now" },
        "timezone": "browser",
        "timepicker": {},
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "liveNow": false,
        "links": [{
            "type": "dashboards",
            "title": "Rollcall",
            "icon": "external link",
            "tags": ["rollcall"],
            "asDropdown": true,
            "includeVars": true,
            "keepTime": true,
            "targetBlank": false,
            "tooltip": "The other dashboards of Rollcall, with these variables and this time",
            "url": "",
        }],
        "templating": { "list": variables },
        "annotations": { "list": [
            annotation("Alerts of Prometheus", &expand(&firing_alerts(), dashboard.vendor), super::look::BAD),
            annotation("Alerts of daemons in direct mode", DIRECT_ALERTS, super::look::ODD),
        ] },
        "panels": panels(dashboard),
    })
}

fn annotation(name: &str, expr: &str, colour: &str) -> Value {
    json!({
        "name": name,
        "datasource": datasource(),
        "enable": true,
        "hide": false,
        "iconColor": colour,
        "expr": expr,
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{vendor}} {{target}} {{pool}} {{agent}}",
        "tagKeys": "severity",
    })
}

/// Rows and panels with their places: from left to right, a new line where the next one would not fit.
fn panels(dashboard: &Dashboard) -> Vec<Value> {
    let (mut id, mut y) = (0, 0);
    let mut list = Vec::new();
    for row in &dashboard.rows {
        id += 1;
        list.push(json!({
            "type": "row",
            "id": id,
            "title": row.title,
            "collapsed": false,
            "gridPos": { "x": 0, "y": y, "w": GRID, "h": 1 },
            "panels": [],
        }));
        y += 1;
        let (mut x, mut line) = (0, 0);
        for panel in &row.panels {
            if x + panel.width > GRID {
                y += line;
                (x, line) = (0, 0);
            }
            id += 1;
            let place = json!({ "x": x, "y": y, "w": panel.width, "h": panel.height });
            list.push(panel.json(id, place, dashboard.vendor));
            x += panel.width;
            line = line.max(panel.height);
        }
        y += line;
    }
    list
}
