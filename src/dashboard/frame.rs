//! What all dashboards have in common: the frame of the JSON, the grid, and the selectors in the queries.

use crate::vendors::alert_prefixes;
use serde_json::{Value, json};

use super::{Dashboard, Link, Variable, of_vendors, variable};

/// Width of Grafana's grid.
pub const GRID: u32 = 24;

/// What selects alerts of ours, without the watchdogs, which always fire.
fn alert_names() -> String {
    let names: Vec<&str> = std::iter::once("Rollcall").chain(alert_prefixes()).collect();
    format!(r#"alertname=~"({}).+",alertname!~".*Watchdog""#, names.join("|"))
}

/// The alerts of the shipped rules that fire about what is selected.
pub fn firing_alerts() -> String {
    format!(r#"ALERTS{{@alerts,alertstate="firing",{}}}"#, alert_names())
}

/// Those of a severity.
pub fn firing_of(severity: &str) -> String {
    firing_alerts().replace('}', &format!(",severity=\"{severity}\"}}"))
}

/// Since when each is active; also those that do not fire yet.
pub fn active_since() -> String {
    format!("ALERTS_FOR_STATE{{@alerts,{}}}", alert_names())
}

/// The alerts of a severity that daemons in direct mode send themselves. They only say how many; those of the daemons that poll
/// what is selected count.
pub fn direct_alerts(severity: &str) -> String {
    let own = format!(r#"rollcall_alerts{{state="firing",alertname!~".*Watchdog",severity="{severity}"}} > 0"#);
    format!("({own} and on (job, instance) rollcall_target_info{{@target}})")
}

/// The data source that the variable names.
pub fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// The value of a matcher.
pub fn pattern(matcher: &str) -> &str {
    matcher.split('"').nth(1).unwrap_or_default()
}

/// Fills in the selectors: `@vendor`, `@target`, `@pool`, `@agent`, `@job` and `@daemon`, each with all that contain it;
/// `@alerts` is for what may be about no target or pool at all, and is then always meant.
pub fn expand(text: &str, vendor: &str, variables: &[Variable]) -> String {
    let vendors = pattern(vendor);
    let mut alerts = format!(r#"vendor=~"{vendors}|",target=~"$target|""#);
    if variables.iter().any(|variable| variable.name == "pool") {
        alerts += r#",pool=~"$pool|""#;
    }
    text.replace("@alerts", &alerts)
        .replace("@agent", r#"@pool,agent=~"$agent""#)
        .replace("@pool", r#"@target,pool=~"$pool""#)
        .replace("@job", r#"@target,job_name=~"$job_name""#)
        .replace("@target", r#"@vendor,target=~"$target""#)
        .replace("@vendor", vendor)
        .replace("@daemon", r#"instance=~"$instance""#)
}

/// The whole dashboard.
pub fn frame(dashboard: &Dashboard) -> Value {
    // Links to the pages of a daemon need its address.
    let chained = dashboard
        .variables
        .iter()
        .chain([&Variable::EXTERNAL_URL])
        .map(|v| v.json(&expand(v.query, dashboard.vendor, &dashboard.variables)));
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
        "links": links(dashboard),
        "templating": { "list": variables },
        "annotations": { "list": [
            annotation(dashboard, "Critical alerts", "critical", super::look::BAD, true),
            annotation(dashboard, "Warnings", "warning", super::look::WARN, false),
        ] },
        "panels": panels(dashboard),
    })
}

/// Where any alert of this severity fires. One series: Grafana draws a region for each, and a hundred of them paint the graphs
/// over.
fn annotation(dashboard: &Dashboard, name: &str, severity: &str, colour: &str, enabled: bool) -> Value {
    let (rules, direct) = (firing_of(severity), direct_alerts(severity));
    let expr = format!("count by (severity) ({rules}) or sum by (severity) ({direct})");
    json!({
        "name": name,
        "datasource": datasource(),
        "enable": enabled,
        "hide": false,
        "iconColor": colour,
        "expr": expand(&expr, dashboard.vendor, &dashboard.variables),
        "step": "60s",
        "titleFormat": name,
        "textFormat": "Alerts of this severity fired.",
        "tagKeys": "severity",
    })
}

/// To the other dashboards, with the data source and the time. What is selected goes with it where the other one has it too and
/// is not about another vendor, whose targets are others.
fn links(dashboard: &Dashboard) -> Vec<Value> {
    let vendors = of_vendors();
    let vendors = vendors.iter().map(|other| (other.uid, other.title, false));
    let general = |uid, title| std::iter::once((uid, title, true));
    let all = general("rollcall-overview", "Rollcall / Overview").chain(general("rollcall-pool", "Rollcall / Pool"));
    let all = all.chain(vendors).chain(general("rollcall-daemon", "Rollcall / Daemon"));
    let others = all.filter(|(uid, ..)| *uid != dashboard.uid).map(|(uid, title, general)| {
        let has = |name: &&str| dashboard.variables.iter().any(|variable| variable.name == *name);
        let carried: Vec<&str> = match uid {
            "rollcall-overview" => vec!["vendor", "target", "pool"],
            // All pools at once are too much for a page about one.
            _ if general => vec!["vendor", "target"],
            _ => Vec::new(),
        };
        let carried: Vec<&str> = carried.into_iter().filter(has).collect();
        json!({
            "type": "link",
            "title": title.trim_start_matches("Rollcall / "),
            "icon": "dashboard",
            "tags": [],
            "asDropdown": false,
            "includeVars": false,
            "keepTime": true,
            "targetBlank": false,
            "tooltip": "The same time and data source",
            "url": Link::to(uid, title).carry(&carried).url(),
        })
    });
    others.collect()
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
            "collapsed": row.collapsed,
            "gridPos": { "x": 0, "y": y, "w": GRID, "h": 1 },
            "panels": [],
        }));
        let heading = list.len() - 1;
        y += 1;
        let top = y;
        let mut inside = Vec::new();
        let (mut x, mut line) = (0, 0);
        for panel in &row.panels {
            if x + panel.width > GRID {
                y += line;
                (x, line) = (0, 0);
            }
            id += 1;
            let place = json!({ "x": x, "y": y, "w": panel.width, "h": panel.height });
            inside.push(panel.json(id, place, dashboard.vendor, &dashboard.variables));
            x += panel.width;
            line = line.max(panel.height);
        }
        if row.collapsed {
            // What is in a row that is shut takes no place, until somebody opens it.
            list[heading]["panels"] = json!(inside);
            y = top;
        } else {
            list.extend(inside);
            y += line;
        }
    }
    list
}
