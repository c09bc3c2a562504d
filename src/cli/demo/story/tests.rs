use super::*;

fn plan(incidents: &[Incident]) -> Plan {
    let seconds = Duration::from_secs;
    Plan { incidents: incidents.to_vec(), delay: seconds(60), lasts: None, interval: seconds(5), frozen: false }
}

fn noon() -> Zoned {
    "2026-01-15T12:00:00[UTC]".parse().expect("a moment")
}

#[test]
fn a_calm_demo_names_an_incident_to_try() {
    let text = plan(&[]).opening(&noon());
    assert!(text.contains("rollcall demo --fast --incident gateway-lost"), "{text}");
}

#[test]
fn an_incident_is_announced_with_its_time_and_with_what_to_expect() {
    let plan = plan(&[Incident::GatewayLost]);
    let text = plan.opening(&noon());
    assert!(text.starts_with("gateway-lost begins at 12:01:00, in 1m."), "{text}");
    let text = plan.beginning(Incident::GatewayLost, &noon());
    // Its `for` is 5m, of the farm, and none for the light probe, which fails twice.
    for line in [
        "Expect ParallelsRasSessionProbeFailing of parallels_ras_session, a page, in about 10s: 12:00:10",
        "Expect ParallelsRasEntryPointDown of parallels_ras, a page, in about 5m: 12:05:05",
        "Expect ParallelsRasSessionProbeFailing of parallels_ras_session, a page, in about 15m: 12:15:05",
        "It lasts until you stop the demo",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    let text = plan.beginning(Incident::PatchNight, &noon());
    assert!(text.contains("Expect neither a page nor a ticket. What is drained"), "{text}");
}

#[test]
fn every_incident_can_be_announced() {
    for incident in Incident::ALL {
        let text = plan(&[incident]).beginning(incident, &noon());
        assert!(text.contains("\nExpect "), "{text}");
    }
}

#[test]
fn times_are_rounded_as_people_say_them() {
    let said = [3, 65, 132, 305, 1805].map(|seconds| about(Duration::from_secs(seconds)));
    assert_eq!(said, ["3s", "1m 5s", "2m 10s", "5m", "30m"]);
}
