//! The colours can be told apart, and nothing is left unfilled.

use super::{all, frame, look, of_vendors};
use crate::{health::Health, rules::catalogue, vendors::Vendor};

/// Linear red, green and blue of `#rrggbb`.
fn linear(colour: &str) -> [f64; 3] {
    let channel = |from: usize| {
        let value = f64::from(u8::from_str_radix(&colour[from..from + 2], 16).expect("two hex digits")) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    [channel(1), channel(3), channel(5)]
}

fn times(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// CIE L*a*b* under D65.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
    let [x, y, z] = times(to_xyz, rgb.map(|value| value.clamp(0.0, 1.0)));
    let f = |value: f64| if value > 0.008_856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 };
    let (x, y, z) = (f(x / 0.950_47), f(y), f(z / 1.088_83));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// How people without one kind of cones see, after Machado, Oliveira and Fernandes (2009), full severity.
const EYES: [(&str, [[f64; 3]; 3]); 4] = [
    ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "no red",
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
    ),
    (
        "no green",
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
    ),
    (
        "no blue",
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
    ),
];

#[test]
fn colours_of_health_can_be_told_apart_by_everybody() {
    for (eyes, matrix) in EYES {
        for (index, one) in Health::ALL.into_iter().enumerate() {
            for other in Health::ALL.into_iter().skip(index + 1) {
                let [a, b] = [one, other].map(|health| lab(times(matrix, linear(look::colour(health)))));
                let distance = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                // 2.3 is what can just be seen side by side.
                assert!(distance > 15.0, "{eyes}: {one} and {other} are only {distance:.1} apart");
            }
        }
    }
}

#[test]
fn good_and_bad_are_far_apart_for_everybody() {
    for (eyes, matrix) in EYES {
        let [a, b] = [look::GOOD, look::BAD].map(|colour| lab(times(matrix, linear(colour))));
        let distance = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        assert!(distance > 25.0, "{eyes}: {distance:.1}");
    }
}

#[test]
fn every_alert_is_among_those_that_are_shown() {
    let alerts = frame::firing_alerts();
    let names = alerts.split_once(r#"alertname=~"("#).and_then(|(_, rest)| rest.split_once(").+"));
    let prefixes: Vec<&str> = names.expect("it selects by the beginning of the name").0.split('|').collect();
    for alert in catalogue::all() {
        assert!(prefixes.iter().any(|prefix| alert.name.starts_with(prefix)), "{} is not shown", alert.name);
    }
}

#[test]
fn every_vendor_has_its_dashboard() {
    for vendor in Vendor::ALL {
        let dashboards = of_vendors();
        let about = dashboards.iter().filter(|dashboard| match dashboard.vendors().split_once('(') {
            // `name(_further)?`
            Some((name, further)) => vendor.as_str().strip_prefix(name).is_some_and(|rest| further.contains(rest)),
            None => dashboard.vendors() == vendor.as_str(),
        });
        assert_eq!(about.map(|dashboard| dashboard.uid).collect::<Vec<_>>(), [vendor.dashboard()]);
    }
}

#[test]
fn no_selector_is_left_unfilled() {
    for dashboard in all() {
        let json = dashboard.json();
        for name in ["@vendor", "@target", "@pool", "@agent", "@job", "@daemon", "@alerts"] {
            assert!(!json.contains(name), "{} has {name}", dashboard.uid);
        }
    }
}

#[test]
fn every_query_follows_the_variables() {
    // What belongs to no target, and says so.
    let free = ["rollcall_build_info)", "rollcall_alerts{"];
    for dashboard in all() {
        for panel in dashboard.panels() {
            for query in &panel.queries {
                let bound = ["@target", "@pool", "@agent", "@job", "@daemon", "@alerts"]
                    .iter()
                    .any(|name| query.expr.contains(name));
                let free = free.iter().any(|name| query.expr.contains(name));
                assert!(bound || free, "{} / {}: {}", dashboard.uid, panel.title, query.expr);
            }
        }
    }
}

#[test]
fn panels_are_shown_in_the_colours_of_health_where_they_are_about_it() {
    for dashboard in all() {
        let about = |panel: &&super::Panel| panel.queries.iter().any(|query| Health::parse(&query.legend).is_some());
        for panel in dashboard.panels().filter(about) {
            // From below, or from the left.
            let order: Vec<&str> = panel.queries.iter().map(|query| query.legend.as_str()).collect();
            assert_eq!(order, look::WORST_FIRST.map(Health::as_str), "{} / {}", dashboard.uid, panel.title);
            let colours = serde_json::to_string(&panel.overrides).unwrap_or_default();
            for health in Health::ALL {
                assert!(colours.contains(look::colour(health)), "{} / {}: {health}", dashboard.uid, panel.title);
            }
        }
    }
}

#[test]
fn alerts_lead_to_their_runbooks_where_these_are_known() {
    let runbook = "https://wiki.example.com/rollcall/${__data.fields.alertname}.md";
    let with = super::with_runbooks(Some("https://wiki.example.com/rollcall/"));
    assert!(with[0].json().contains(runbook), "{}", with[0].json());
    assert!(all()[0].json().contains("${external_url:raw}/runbooks/${__data.fields.alertname}"));
}
