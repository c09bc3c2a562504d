//! Places, ids and links.

use std::collections::{BTreeMap, BTreeSet};

use rollcall::vendors::Vendor;
use serde_json::Value;

use super::{dashboards, list, panels, rows_and_panels, text};

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn panels_stand_side_by_side_within_the_grid() {
    for dashboard in dashboards() {
        let mut taken: BTreeMap<(u64, u64), String> = BTreeMap::new();
        for panel in list(&dashboard["panels"]) {
            let name = format!("{} / {}", dashboard["uid"], panel["title"]);
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| number(&panel["gridPos"][key]));
            assert!(w > 0 && h > 0 && x + w <= 24, "{name}: {}", panel["gridPos"]);
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                if let Some(other) = taken.insert(cell, name.clone()) {
                    panic!("{name} covers {other} at {cell:?}");
                }
            }
        }
        let bottom = taken.keys().map(|(_, y)| y + 1).max().unwrap_or(0);
        let holes = (0..bottom).flat_map(|y| (0..24).map(move |x| (x, y))).filter(|cell| !taken.contains_key(cell));
        assert_eq!(holes.collect::<Vec<_>>(), [], "{} has holes", dashboard["uid"]);
    }
}

#[test]
fn ids_and_titles_are_unique() {
    let mut uids = BTreeSet::new();
    for dashboard in dashboards() {
        assert!(uids.insert(text(&dashboard["uid"])), "{} comes twice", dashboard["uid"]);
        let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
        for panel in rows_and_panels(&dashboard) {
            assert!(ids.insert(number(&panel["id"])), "{}: {} comes twice", dashboard["uid"], panel["id"]);
            let title = (panel["type"] == "row", text(&panel["title"]));
            assert!(titles.insert(title), "{}: {} comes twice", dashboard["uid"], panel["title"]);
        }
        let targets = panels(&dashboard).map(|panel| list(&panel["targets"]));
        for targets in targets {
            let ids: BTreeSet<String> = targets.iter().map(|target| text(&target["refId"])).collect();
            assert_eq!(ids.len(), targets.len(), "{targets:?}");
        }
    }
    let of_vendors = Vendor::ALL.iter().map(|vendor| vendor.dashboard());
    let wanted = of_vendors.chain(["rollcall-overview", "rollcall-pool", "rollcall-daemon"]);
    assert_eq!(uids, wanted.map(str::to_owned).collect());
}

#[test]
fn the_first_row_tells_how_fresh_the_data_are() {
    for dashboard in dashboards() {
        let titles: Vec<String> =
            list(&dashboard["panels"]).iter().take(7).map(|panel| text(&panel["title"])).collect();
        let wanted =
            ["Freshness", "Oldest good poll", "Targets down", "Data withdrawn", "Log-ons held", "Targets", "Daemon"];
        assert_eq!(titles, wanted, "{}", dashboard["uid"]);
    }
}

/// All strings under this key, wherever it stands.
fn strings(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get(key).and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| strings(value, key, found));
        }
        Value::Array(all) => all.iter().for_each(|value| strings(value, key, found)),
        _ => {}
    }
}

/// What the pages of a daemon are called, and what they can be asked for.
fn page_is_there(page: &str) {
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let known = rollcall::web::routes().any(|(_, route)| match route.split_once('<') {
        Some((folder, _)) => path.starts_with(folder) && path.len() > folder.len(),
        None => route == path,
    });
    assert!(known, "there is no page {path}");
    for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
        let known = match name {
            "vendor" => Vendor::ALL.iter().any(|vendor| vendor.as_str() == value),
            "health" => rollcall::health::Health::parse(value).is_some(),
            _ => false,
        };
        assert!(known, "{page}: {name} is no filter, or {value} none of its values");
    }
}

#[test]
fn links_lead_to_dashboards_and_variables_that_exist() {
    let all = dashboards();
    let variables: BTreeMap<String, BTreeSet<String>> = all
        .iter()
        .map(|dashboard| {
            let names = list(&dashboard["templating"]["list"]).iter().map(|variable| text(&variable["name"]));
            (text(&dashboard["uid"]), names.collect())
        })
        .collect();
    let mut seen = 0;
    for panel in all.iter().flat_map(panels) {
        let mut urls = Vec::new();
        strings(&panel["fieldConfig"], "url", &mut urls);
        let mut asked = String::new();
        let mut exprs = Vec::new();
        strings(&panel["targets"], "expr", &mut exprs);
        exprs.iter().for_each(|expr| asked += expr);
        for url in urls {
            seen += 1;
            if let Some(page) = url.strip_prefix("${external_url:raw}") {
                page_is_there(page);
                continue;
            }
            let (path, query) = url.strip_prefix("/d/").and_then(|rest| rest.split_once('?')).expect("/d/uid?query");
            let uids: Vec<&str> = match path {
                // The uid is a label that the query makes.
                "${__data.fields.dashboard}" => {
                    let mut parts = asked.split("\"dashboard\", \"");
                    parts.next();
                    parts.filter_map(|rest| rest.split_once('"')).map(|(uid, _)| uid).collect()
                }
                uid => vec![uid],
            };
            assert!(!uids.is_empty(), "{url} leads nowhere");
            for uid in uids {
                let names = variables.get(uid).unwrap_or_else(|| panic!("{url}: there is no {uid}"));
                for part in query.split('&') {
                    let name = match part.strip_prefix("var-").and_then(|rest| rest.split_once('=')) {
                        Some((name, _)) => name,
                        None if part == "${__url_time_range}" => continue,
                        None => part.trim_start_matches("${").trim_end_matches(":queryparam}"),
                    };
                    assert!(names.contains(name), "{url}: {uid} has no variable {name}");
                }
            }
            assert!(query.starts_with("${datasource:queryparam}"), "{url} loses the data source");
            assert!(query.ends_with("${__url_time_range}"), "{url} loses the time");
        }
    }
    assert!(seen > 40, "only {seen} links were looked at");
}

/// The numbers on top say how bad it is; the next question is who.
#[test]
fn every_tile_leads_on() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard).filter(|panel| panel["type"] == "stat") {
            let changes = list(&panel["fieldConfig"]["overrides"]);
            let own = |target: &Value| {
                changes.iter().any(|change| {
                    change["matcher"]["options"] == target["legendFormat"]
                        && list(&change["properties"]).iter().any(|property| property["id"] == "links")
                })
            };
            let all = !list(&panel["fieldConfig"]["defaults"]["links"]).is_empty();
            for target in list(&panel["targets"]) {
                assert!(all || own(target), "{} / {} / {}", dashboard["uid"], panel["title"], target["legendFormat"]);
            }
        }
    }
}

/// The links on top carry what is selected to where it is known: a target of one vendor is none of another's.
#[test]
fn the_menu_carries_the_data_source_everywhere_and_no_target_to_another_vendor() {
    let all = dashboards();
    for dashboard in &all {
        let links = list(&dashboard["links"]);
        assert_eq!(links.len(), all.len() - 1, "{}", dashboard["uid"]);
        for link in links {
            let url = text(&link["url"]);
            let (uid, query) = url.strip_prefix("/d/").and_then(|rest| rest.split_once('?')).expect("/d/uid?query");
            let other = all.iter().find(|other| other["uid"] == uid).expect("a dashboard of ours");
            assert!(query.starts_with("${datasource:queryparam}") && link["keepTime"] == true, "{url}");
            let has = |dashboard: &Value, name: &str| {
                list(&dashboard["templating"]["list"]).iter().any(|variable| variable["name"] == name)
            };
            for name in
                query.split('&').skip(1).map(|part| part.trim_start_matches("${").trim_end_matches(":queryparam}"))
            {
                assert!(has(dashboard, name) && has(other, name), "{} to {url}: {name}", dashboard["uid"]);
            }
            let of_vendor = Vendor::ALL.iter().any(|vendor| vendor.dashboard() == uid);
            assert!(!of_vendor || query == "${datasource:queryparam}", "{} to {url}", dashboard["uid"]);
        }
    }
}

#[test]
fn links_of_tables_name_columns_that_are_there() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard).filter(|panel| panel["type"] == "table") {
            let mut urls = Vec::new();
            strings(&panel["fieldConfig"], "url", &mut urls);
            let columns: BTreeSet<String> = list(&panel["fieldConfig"]["overrides"])
                .iter()
                .filter(|change| change["matcher"]["id"] == "byName")
                .map(|change| text(&change["matcher"]["options"]))
                .collect();
            for url in urls {
                let mut parts = url.split("${__data.fields.");
                parts.next();
                for name in parts.filter_map(|part| part.split([':', '}']).next()) {
                    assert!(columns.contains(name), "{} / {}: no column {name}", dashboard["uid"], panel["title"]);
                }
            }
        }
    }
}
