//! What ends at night. Alertmanager drops what a time interval mutes, ends included, and does not tell them later: a ticket
//! would stay open for ever. Its clock cannot be set, so night falls at the next full minute.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{Alertmanager, Receiver, WAIT_TIMEOUT, runtime, shipped, wait_until};

/// Groups of tickets are told of news every two seconds.
const FACTOR: u32 = 1800;

/// There is at least so much time to tell what fires.
const DAYLIGHT: SignedDuration = SignedDuration::from_secs(15);

/// Its route has working hours, whatever the shipped ones have.
const MUTED: &str = "ResilioOfficeHours";

/// One alert for each route that tells somebody of beginning and end.
const ALERTS: [(&str, &str, &str, &str); 4] = [
    ("RollcallPoolDown", "critical", "citrix_storefront", "pager"),
    ("RollcallTargetLoginHeld", "warning", "parallels_ras", "tickets"),
    ("ResilioJobFailed", "warning", "resilio", "tickets"),
    ("RollcallPoolCapacityLow", "warning", "azure_devops", "tickets"),
];

/// An Alertmanager before night falls, with everything firing and told.
struct Evening {
    alertmanager: Alertmanager,
    receiver: Receiver,
    night: Timestamp,
    begun: Timestamp,
}

impl Evening {
    /// Nothing where night fell too early: the machine is busy.
    fn begin() -> Option<Evening> {
        let begun = Timestamp::now();
        let minute = (begun + DAYLIGHT).as_second() / 60 + 1;
        let night = Timestamp::from_second(minute * 60).expect("a minute of this century");
        let receiver = Receiver::start();
        let alertmanager = Alertmanager::with(&config(&receiver, night).to_string());
        let evening = Evening { alertmanager, receiver, night, begun };
        evening.send(begun + SignedDuration::from_mins(10));
        let expected = |(alert, ..): (&str, &str, &str, &str)| evening.last(alert) == Some(true);
        wait_until("what fires is told", WAIT_TIMEOUT, || {
            if Timestamp::now() >= night {
                return Ok(None);
            }
            let told = ALERTS.into_iter().all(expected) && evening.last(MUTED) == Some(true);
            if told { Ok(Some(())) } else { Err(evening.receiver.protocol()) }
        })?;
        Some(evening)
    }

    /// Tells Alertmanager of everything that fires, with this end.
    fn send(&self, end: Timestamp) {
        let muted = (MUTED, "warning", "resilio", "tickets");
        let alert = |(alert, severity, vendor, _): (&str, &str, &str, &str)| {
            json!({
                "labels": { "alertname": alert, "severity": severity, "vendor": vendor, "target": alert, "pool": "p" },
                "startsAt": self.begun.to_string(),
                "endsAt": end.to_string(),
            })
        };
        let alerts: Vec<Value> = ALERTS.into_iter().chain([muted]).map(alert).collect();
        let url = format!("{}/api/v2/alerts", self.alertmanager.url());
        let status = runtime().block_on(async {
            let client = Client::builder().no_proxy().build().expect("a client without options that can be wrong");
            client.post(url).json(&alerts).send().await.expect("it runs").status()
        });
        assert_eq!(status, 200);
    }

    /// Whether this alert fires, by what was told of it last.
    fn last(&self, alert: &str) -> Option<bool> {
        let notes = self.receiver.all();
        let mut told = notes.iter().flat_map(|note| &note.alerts).filter(|told| told.label("alertname") == alert);
        told.next_back().map(|told| told.firing)
    }
}

/// The shipped configuration. Hours that a route of it has end when night falls, and so do those of one more route.
fn config(receiver: &Receiver, night: Timestamp) -> Value {
    let mut config = shipped(receiver, FACTOR);
    let mut intervals = config["time_intervals"].as_array().cloned().unwrap_or_default();
    intervals.push(json!({ "name": "until-night" }));
    for interval in &mut intervals {
        interval["time_intervals"] = json!([{ "times": before(night) }]);
    }
    config["time_intervals"] = json!(intervals);
    let routes = config["route"]["routes"].as_array_mut().expect("there are routes");
    let mut muted = json!({ "receiver": "tickets", "group_wait": "100ms", "group_interval": "1s" });
    muted["matchers"] = json!([format!("alertname={MUTED:?}")]);
    muted["active_time_intervals"] = json!(["until-night"]);
    routes.insert(0, muted);
    config
}

/// The hour before night falls, which may begin the day before; in UTC.
fn before(night: Timestamp) -> Value {
    let time = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string();
    let (from, to) = (time(night - SignedDuration::from_hours(1)), time(night));
    match to.as_str() {
        "00:00" => json!([{ "start_time": from, "end_time": "24:00" }]),
        _ if from < to => json!([{ "start_time": from, "end_time": to }]),
        _ => json!([{ "start_time": from, "end_time": "24:00" }, { "start_time": "00:00", "end_time": to }]),
    }
}

#[test]
fn the_end_of_a_ticket_is_told_at_night_as_well() {
    let evening =
        (0..5).find_map(|_| Evening::begin()).expect("a minute is enough to tell five alerts, once in five times");
    wait_until("night falls", WAIT_TIMEOUT, || {
        let left = evening.night.duration_since(Timestamp::now());
        if left.is_negative() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    evening.send(Timestamp::now());
    for (alert, _, _, receiver) in ALERTS {
        wait_until("the end is told", WAIT_TIMEOUT, || match evening.last(alert) {
            Some(false) => Ok(()),
            other => Err(format!("{alert} to {receiver}: {other:?}\n{}", evening.receiver.protocol())),
        });
    }
    // Five times as long as its group waits.
    std::thread::sleep(Duration::from_secs(5));
    let muted = evening.last(MUTED);
    assert_eq!(muted, Some(true), "Alertmanager tells ends at night now: say so in deploy/docs/prometheus.md");
}
