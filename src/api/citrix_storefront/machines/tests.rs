//! Answers in the shape of the vendor's sample, and all the ways in which it may differ.

use super::*;
use crate::api::citrix_storefront::xml::Element;

const NOW: UnixTime = UnixTime::from_secs(1_758_706_000);

const SAMPLE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<machinecontrolstatusresult status="success" xmlns="http://citrix.com/delivery-services/1-0/machinecontrolstatusresult">
<machinestatus>
<status>
<machineid>Controller.S-1-5-21-1-2-3-1105</machineid>
<resourceid>Controller.Desktop 1</resourceid>
<maxLastUpdatedTime>2025-09-24T09:25:07.9586903Z</maxLastUpdatedTime>
<machinedata>
<lastUpdatedTime>2025-09-24T09:25:54.2998305Z</lastUpdatedTime>
<machinename>CVAD-01</machinename>
<machineid>Controller.S-1-5-21-1-2-3-1105</machineid>
<registrationstate>Registered</registrationstate>
<powerstate>On</powerstate>
<sessionsupport>SingleSession</sessionsupport>
<shutdownsupported>true</shutdownsupported>
<turnoffsupported>true</turnoffsupported>
<suspendsupported>false</suspendsupported>
<poweractioninprogress>false</poweractioninprogress>
</machinedata>
</status>
</machinestatus>
</machinecontrolstatusresult>
<!--NeedCopy-->"#;

fn read(body: &str) -> (Result<Vec<Machine>, Failure>, Warnings) {
    let warnings = Warnings::default();
    let mut machines = Vec::new();
    let result = decode(body.as_bytes(), NOW, &warnings, |machine| machines.push(machine.clone()));
    (result.map(|_| machines), warnings)
}

fn one(body: &str) -> Machine {
    let (machines, warnings) = read(body);
    let mut machines = machines.expect(body);
    assert_eq!(machines.len(), 1, "{body}");
    assert!(warnings.details().is_empty(), "{:?}", warnings.details());
    machines.remove(0)
}

fn sample() -> Machine {
    Machine {
        id: "Controller.S-1-5-21-1-2-3-1105".to_owned(),
        resource: "Controller.Desktop 1".to_owned(),
        name: "CVAD-01".to_owned(),
        power: "On".to_owned(),
        registration: "Registered".to_owned(),
        sessions: "SingleSession".to_owned(),
        acting: Some(false),
        supported: [Some(false), Some(true), Some(true)],
        ahead: false,
        updated: Some(1_758_705_954.299_830_5),
        max_updated: Some(1_758_705_907.958_690_3),
    }
}

#[test]
fn the_sample_reads_the_same_in_every_dress() {
    assert_eq!(one(SAMPLE), sample());
    // The other namespace of the page, and CamelCase as in its table.
    let mut camel = SAMPLE.replace("1-0/machinecontrolstatusresult", "2-0/machinecontrol");
    let names = ["machineId", "resourceId", "machineName", "registrationState", "powerState", "sessionSupport"];
    let more = ["shutDownSupported", "turnOffSupported", "suspendSupported", "machineData", "machineStatus"];
    for name in names.iter().chain(&more) {
        let lower = name.to_ascii_lowercase();
        camel = camel.replace(&format!("<{lower}>"), &format!("<{name}>"));
        camel = camel.replace(&format!("</{lower}>"), &format!("</{name}>"));
    }
    assert!(camel.contains("<powerState>On</powerState>"));
    assert_eq!(one(&camel), sample());
    // A prefix on every element.
    let prefixed = SAMPLE.replace("</", "<\u{1}").replace('<', "<m:").replace("<m:\u{1}", "</m:");
    let prefixed = prefixed.replace("<m:?", "<?").replace("<m:!", "<!").replace("xmlns=", "xmlns:m=");
    assert!(prefixed.contains("<m:status>"));
    assert_eq!(one(&prefixed), sample());
    // The other encoding that Windows likes, with a mark.
    let wide: Vec<u8> = format!("\u{feff}{SAMPLE}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut machines = Vec::new();
    decode(&wide, NOW, &Warnings::default(), |machine| machines.push(machine.clone())).expect("UTF-16");
    assert_eq!(machines, [sample()]);
}

#[test]
fn attributes_are_as_good_as_elements() {
    let body = r#"<machinecontrolstatusresult><status>Success</status><errorid/><machinestatus><status machineid="C.1" resourceid="C.R &amp; D"><machinedata powerState="TurningOff" powerActionInProgress="1"/></status></machinestatus></machinecontrolstatusresult>"#;
    let machine = one(body);
    assert_eq!((machine.id.as_str(), machine.resource.as_str()), ("C.1", "C.R & D"));
    assert_eq!((machine.power.as_str(), machine.acting), ("TurningOff", Some(true)));
}

#[test]
fn a_machine_without_data_or_with_little_is_a_machine() {
    let body = "<machinecontrolstatusresult status='success'><machinestatus><status><machineid>C.1</machineid></status></machinestatus></machinecontrolstatusresult>";
    assert_eq!(one(body), Machine { id: "C.1".to_owned(), ..Machine::default() });
    for body in [
        "<machinecontrolstatusresult status='success'/>",
        "<machinecontrolstatusresult status='success'><machinestatus/></machinecontrolstatusresult>",
    ] {
        assert_eq!(read(body).0, Ok(Vec::new()), "{body}");
    }
}

#[test]
fn a_bad_machine_costs_itself_and_a_bad_value_too() {
    let bad = SAMPLE
        .replace("<machinestatus>", "<machinestatus><status><resourceid>x</resourceid></status><other>y</other>")
        .replace("<turnoffsupported>true", "<turnoffsupported>perhaps")
        .replace("2025-09-24T09:25:54.2998305Z", "yesterday");
    let (machines, warnings) = read(&bad);
    let expected = Machine { supported: [Some(false), Some(true), None], updated: None, ..sample() };
    assert_eq!(machines, Ok(vec![expected]));
    assert_eq!((warnings.count(Warning::BadItem), warnings.count(Warning::BadValue)), (1, 2));
    // The id in machinedata counts where the two differ.
    let differing = SAMPLE.replacen("Controller.S-1-5-21-1-2-3-1105", "Controller.other", 1);
    let (machines, warnings) = read(&differing);
    assert_eq!(machines, Ok(vec![sample()]));
    assert_eq!(warnings.count(Warning::BadValue), 1);
}

#[test]
fn times_that_are_not_set_are_missing() {
    // `NOW` is 2025-09-24T09:26:40Z.
    let rows = [
        ("2025-09-24T09:25:54", Some(1_758_705_954.0), false),
        ("2025-09-24T11:25:54.155+02:00", Some(1_758_705_954.155), false),
        ("2025-09-24T11:25:54+0200", Some(1_758_705_954.0), false),
        ("2000-01-01T00:00:00Z", Some(946_684_800.0), false),
        ("2025-09-24T09:26:41Z", Some(1_758_706_001.0), true),
        ("2025-09-25T09:26:40Z", Some(1_758_792_400.0), true),
        ("2025-09-25T09:26:41Z", None, true),
        ("1999-12-31T23:59:59Z", None, false),
        ("0001-01-01T00:00:00Z", None, false),
    ];
    for (text, expected, is_ahead) in rows {
        let machine = one(&SAMPLE.replace("2025-09-24T09:25:54.2998305Z", text));
        assert_eq!((machine.updated, machine.ahead), (expected, is_ahead), "{text}");
        assert_eq!(machine.max_updated, sample().max_updated);
    }
}

#[test]
fn a_failure_inside_a_good_status_is_a_failure() {
    let failed = SAMPLE.replace("status=\"success\"", "status=\"Failure\" errorid=\"no-available-workstation\"");
    let failure = read(&failed).0.expect_err("a failure");
    assert_eq!(failure.reason, Reason::HttpStatus);
    assert_eq!(failure.message, "the store says Failure (error no-available-workstation)");
    let child =
        "<machinecontrolstatusresult><status>failure</status><errorid>13</errorid></machinecontrolstatusresult>";
    assert_eq!(read(child).0.expect_err("a failure").message, "the store says failure (error 13)");
}

#[test]
fn what_is_cut_off_or_something_else_is_a_decode_failure() {
    let half = &SAMPLE[..SAMPLE.len() / 2];
    for body in [half, "<resources/>", "", "{}"] {
        assert_eq!(read(body).0.expect_err(body).reason, Reason::Decode, "{body}");
    }
}

#[test]
fn ids_are_escaped_on_the_way_out() {
    let body = params(&["Controller.R&D <1>".into(), "Controller.Desktop 1".into()]);
    let root = Element::parse(body.as_bytes()).expect("well-formed");
    let ids: Vec<&str> = root.all("resourceid").iter().map(|id| id.text.as_str()).collect();
    assert_eq!(ids, ["Controller.R&D <1>", "Controller.Desktop 1"]);
    assert!(body.contains("<resourceids><resourceid>"));
}
