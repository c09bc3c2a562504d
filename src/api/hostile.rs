//! Whatever stands in a field of a vendor's answer: the field or its item is lost, and nothing else.

use std::sync::{Arc, Mutex};

use super::{
    Api, Outcome, Part,
    logon::Logons,
    memory::Memory,
    open,
    stub::{NOW, Stub, json, poll_at},
};
use crate::{catalogue::Family, config::Config, http::Client};
use rollcall_test_server::{Request, Response};

/// What no schema allows for, as JSON.
fn values() -> Vec<String> {
    let texts = [
        "",
        " ",
        "NaN",
        "Infinity",
        "-1",
        "1e999",
        "99999999999999999999999999",
        "0x10",
        "0001-01-01T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "10000-01-01T00:00:00Z",
        "-0044-03-15T12:00:00Z",
        "1969-12-31T23:59:59Z",
        "2024-02-30T25:61:61+99:99",
        "a state that nobody has heard of",
        "\u{0}\u{1b}[31m\n\u{202e}",
        "\u{feff}\u{10ffff}",
    ];
    let numbers = [
        "null",
        "true",
        "-1",
        "0.5",
        "1e308",
        "-1e308",
        "1e999",
        "9223372036854775808",
        "18446744073709551616",
        "-99999999999999999999999999",
        "[]",
        "{}",
        "[[[]]]",
        r#"{"a":{"b":[null]}}"#,
        r#""\ud800""#,
    ];
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    let long = serde_json::to_string(&"é".repeat(100_000)).expect("a text");
    let texts = texts.map(|text| serde_json::to_string(text).expect("a text"));
    texts.into_iter().chain(numbers.map(str::to_owned)).chain([deep, long]).collect()
}

/// A vendor at a stub: settings of its target, and what it answers where `item` is its first item.
struct Case {
    vendor: &'static str,
    path: &'static str,
    settings: &'static str,
    /// Fields of an item, with good values.
    fields: &'static [(&'static str, &'static str)],
    answer: fn(&Request, &str) -> Response,
}

const CASES: [Case; 8] = [
    Case {
        vendor: "resilio",
        path: "",
        settings: "",
        fields: &[
            ("run_id", "1"),
            ("id", "1"),
            ("name", r#""job""#),
            ("type", r#""folder""#),
            ("status", r#""syncing""#),
            ("errors", "[]"),
            ("eta", "5"),
            ("size_total", "10"),
            ("size_completed", "5"),
            ("peers_count", "3"),
            ("transferred_up", "17"),
            ("last_synced", "1700000000"),
        ],
        answer: |request, item| match request.path() {
            "/api/v3/token" => json(r#"{"token":"t"}"#),
            "/api/v3/client" => {
                json(r#"{"deviceid":"D","name":"FILER","paused":false,"server":{"state":"CONNECTED"}}"#)
            }
            "/api/v3/runs" => json(format!(r#"[{item},{{"run_id":9,"id":9,"name":"good","status":"synced"}}]"#)),
            _ => json("[]"),
        },
    },
    Case {
        vendor: "parallels_ras",
        path: "",
        settings: ", auth: { username: u, password: p }, resolve_names: false",
        fields: &[("id", r#""1""#), ("siteId", "1"), ("agentState", "0"), ("serverType", "1")],
        answer: |request, item| match request.path() {
            "/api/Agent" => json(format!(r#"[{item},{{"id":"9","siteId":1,"agentState":0,"serverType":1}}]"#)),
            _ => json(r#"{"authToken":"t"}"#),
        },
    },
    Case {
        vendor: "resilio_console",
        path: "",
        settings: ", auth: { api_token: t }",
        fields: &[
            ("id", "1"),
            ("name", r#""agent""#),
            ("deviceid", r#""D""#),
            ("online", "true"),
            ("last_seen", "1700000000"),
            ("os", r#""win64""#),
            ("errors", "[]"),
            ("tags", r#"[{"name":"a","value":"b"}]"#),
            ("groups", r#"[{"id":1}]"#),
        ],
        answer: |request, item| match request.path() {
            "/api/v2/agents" => json(format!(r#"[{item},{{"id":9,"name":"good","online":true}}]"#)),
            "/api/v2/groups" => json(r#"[{"id":1,"name":"zrh"}]"#),
            _ => json("[]"),
        },
    },
    Case {
        vendor: "resilio_console",
        path: "",
        settings: ", auth: { api_token: t }, pool_by: none",
        fields: &[
            ("id", "1"),
            ("job_id", "1"),
            ("agent_id", "1"),
            ("name", r#""job""#),
            ("status", r#""working""#),
            ("active", "true"),
            ("errors", "[]"),
            ("size_total", "10"),
            ("size_completed", "5"),
            ("files_total", "10"),
            ("files_completed", "5"),
            ("agents_total", "3"),
            ("down_speed", "17"),
            ("type", r#""sync""#),
            ("last_start_time", "1700000000"),
        ],
        // The item is a run, a run on an agent, and a job.
        answer: |request, item| match request.path() {
            "/api/v2/agents" => json(r#"[{"id":1,"name":"agent","online":true}]"#),
            "/api/v2/pending_agents" => json("[]"),
            _ => json(format!(r#"[{item},{{"id":9,"job_id":9,"agent_id":9,"name":"good"}}]"#)),
        },
    },
    Case {
        vendor: "azure_devops",
        path: "",
        settings: ", auth: { pat: p }, job_requests: false",
        fields: &[
            ("id", "1"),
            ("name", r#""agent""#),
            ("status", r#""online""#),
            ("enabled", "true"),
            ("version", r#""3.1""#),
            ("maxParallelism", "1"),
            ("createdOn", r#""2024-01-01T00:00:00Z""#),
            ("statusChangedOn", r#""2024-01-01T00:00:00Z""#),
            ("provisioningState", r#""Provisioned""#),
            ("assignedRequest", "{}"),
            ("lastCompletedRequest", "{}"),
        ],
        answer: |request, item| match request.path().ends_with("/agents") {
            true => json(format!(r#"{{"value":[{item},{{"id":9,"name":"good","status":"online"}}]}}"#)),
            false => json(r#"{"value":[{"id":1,"name":"pool"}]}"#),
        },
    },
    Case {
        vendor: "citrix_site",
        path: "",
        settings: ", auth: { username: u, password: p }, licenses: false",
        fields: &[
            ("Id", r#""a""#),
            ("Name", r#""host""#),
            ("DnsName", r#""host.example""#),
            ("Sid", r#""S-1""#),
            ("MachineCatalog", r#"{"Name":"c"}"#),
            ("DeliveryGroup", r#"{"Name":"g"}"#),
            ("Zone", r#"{"Name":"z"}"#),
            ("PowerState", r#""On""#),
            ("RegistrationState", r#""Registered""#),
            ("FaultState", r#""None""#),
            ("InMaintenanceMode", "false"),
            ("DrainingUntilShutdown", "false"),
            ("SessionCount", "3"),
            ("LoadIndex", "5000"),
            ("SessionSupport", r#""MultiSession""#),
            ("PowerActionPending", "false"),
            ("LastDeregistrationReason", r#""PowerOff""#),
            ("FormattedLastDeregistrationTime", r#""2024-01-01T00:00:00Z""#),
            ("AgentVersion", r#""2402""#),
        ],
        answer: |request, item| match request.path() {
            "/cvad/manage/Tokens" => json(r#"{"Token":"t"}"#),
            "/cvad/manage/me" => json(r#"{"Customers":[{"Id":"c","Sites":[{"Id":"s"}]}]}"#),
            "/cvad/manage/Machines" => json(format!(r#"{{"Items":[{item},{{"Id":"9","DnsName":"good"}}]}}"#)),
            _ => json(r#"{"Items":[]}"#),
        },
    },
    Case {
        vendor: "citrix_site",
        path: "",
        settings: ", auth: { username: u, password: p }, licenses: false",
        fields: &[
            ("Name", r#""thing""#),
            ("InMaintenanceMode", "false"),
            ("SessionCount", "3"),
            ("TotalDesktops", "3"),
            ("DesktopsAvailable", "3"),
            ("DesktopsDisconnected", "3"),
            ("DesktopsFaulted", "3"),
            ("DesktopsUnregistered", "3"),
            ("ConnectionType", r#""VCenter""#),
            ("Zone", r#"{"Name":"z"}"#),
            ("Fault", r#"{"State":"None","Reason":null}"#),
            ("IsHealthy", "true"),
        ],
        // The item is a delivery group, a hypervisor and a zone.
        answer: |request, item| match request.path() {
            "/cvad/manage/Tokens" => json(r#"{"Token":"t"}"#),
            "/cvad/manage/me" => json(r#"{"Customers":[{"Id":"c","Sites":[{"Id":"s"}]}]}"#),
            "/cvad/manage/Machines" => json(r#"{"Items":[{"Id":"1","DnsName":"host"}]}"#),
            _ => json(format!(r#"{{"Items":[{item},{{"Name":"good"}}]}}"#)),
        },
    },
    Case {
        vendor: "citrix_storefront",
        path: "Citrix/Store",
        settings: ", auth: { username: u, password: p }, resource_ids: [r]",
        fields: &[
            ("machineid", "C.1"),
            ("machinename", "host"),
            ("powerstate", "On"),
            ("registrationstate", "Registered"),
            ("poweractioninprogress", "false"),
            ("suspendsupported", "true"),
            ("lastupdatedtime", "2023-11-01T00:00:00Z"),
            ("maxlastupdatedtime", "2023-11-01T00:00:00Z"),
        ],
        answer: |request, item| match request.path().ends_with("/list") {
            true => Response::new(
                200,
                "text/xml",
                format!(
                    "<machinecontrolstatusresult status=\"success\"><machinestatus><status><machinedata>{item}</machinedata>\
                     </status><status machineid=\"C.9\" machinename=\"good\"/></machinestatus></machinecontrolstatusresult>"
                ),
            ),
            false => Response::status(404),
        },
    },
];

/// The item with this value in place of one of its fields.
fn item(case: &Case, field: &str, value: &str) -> String {
    let fields = case.fields.iter().map(|(name, good)| (*name, if *name == field { value } else { *good }));
    match case.vendor {
        "citrix_storefront" => {
            // A text as it is; of anything else its spelling.
            let text = |value: &str| serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
            // XML has no such characters, not even escaped.
            let plain =
                |text: String| text.replace(|c: char| c.is_control(), "?").replace('<', "&lt;").replace('&', "&amp;");
            fields.map(|(name, value)| format!("<{name}>{}</{name}>", plain(text(value)))).collect()
        }
        _ => {
            let fields: Vec<String> = fields.map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", fields.join(","))
        }
    }
}

/// What is wrong with a part that came.
fn problem(part: &Part) -> Option<String> {
    let samples = part.families.iter().zip(&part.samples);
    let all = samples
        .flat_map(|(family, samples): (&&'static Family, _)| samples.iter().map(move |sample| (*family, sample)));
    for (family, sample) in all {
        if !sample.value.is_finite() {
            return Some(format!("{} is {}", family.name, sample.value));
        }
        if let Some(long) = part.label_values(family, sample).find(|value| value.len() > 512) {
            return Some(format!("a label of {} has {} bytes", family.name, long.len()));
        }
    }
    let long = part.agents.iter().find(|agent| agent.name.len() > 512 || agent.state.len() > 512);
    long.map(|agent| format!("an agent with {} and {} bytes", agent.name.len(), agent.state.len()))
}

#[tokio::test]
async fn a_field_that_holds_anything_costs_its_item_at_most() {
    let mut wrong = Vec::new();
    for case in &CASES {
        for (field, _) in case.fields {
            for value in values() {
                let hostile = item(case, field, &value);
                let (answer, current) = (case.answer, Arc::new(Mutex::new(hostile)));
                // A server of its own for each: the budget of requests is that of a server.
                let stub =
                    Stub::start(move |request| answer(request, &current.lock().expect("nothing panics with it")));
                let mut api = api(case, &stub);
                let (result, warnings) = poll_at(&mut *api, &Memory::default(), NOW).await;
                let shown: String = value.chars().take(40).collect();
                let place = format!("{} {field} = {shown}", case.vendor);
                match result {
                    Ok(observation) => {
                        for (key, outcome) in &observation.parts {
                            match outcome {
                                Outcome::Fresh(part) => {
                                    wrong.extend(problem(part).map(|what| format!("{place}: {what}")))
                                }
                                other => wrong.push(format!("{place}: part {key:?}: {other:?}")),
                            }
                        }
                        if !has_good(&observation.parts) {
                            wrong.push(format!("{place}: the good item is lost"));
                        }
                    }
                    Err(failure) => wrong.push(format!("{place}: {failure}")),
                }
                let details = warnings.details();
                let bad = details.iter().find(|(_, text)| text.len() > 5000 || text.chars().any(char::is_control));
                wrong.extend(bad.map(|(_, text)| format!("{place}: told as {:?}", text.get(..60))));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(30)]);
}

/// Below every vendor's bound on the rows of a list; beyond it a list is too large.
const REPEATS: usize = 30_000;

#[tokio::test]
async fn the_same_item_again_and_again_is_one_item_told_in_one_line() {
    for case in &CASES {
        let one = item(case, "", "");
        let separator = match case.vendor {
            "citrix_storefront" => "</machinedata></status><status><machinedata>",
            _ => ",",
        };
        let many = vec![&*one; REPEATS].join(separator);
        let answer = case.answer;
        let stub = Stub::start(move |request| answer(request, &many));
        let mut api = api(case, &stub);
        let (result, warnings) = poll_at(&mut *api, &Memory::default(), NOW).await;
        let observation = result.unwrap_or_else(|failure| panic!("{}: {failure}", case.vendor));
        assert!(has_good(&observation.parts), "{}: the good item is lost", case.vendor);
        for (key, outcome) in &observation.parts {
            let Outcome::Fresh(part) = outcome else { panic!("{}: part {key:?}: {outcome:?}", case.vendor) };
            let most = part.samples.iter().map(Vec::len).max().unwrap_or(0).max(part.agents.len());
            assert!(most <= 2 * 6, "{}: {most} of a kind, of two items in six classes", case.vendor);
        }
        let details = warnings.details();
        // The item of the console is a run, a run on an agent, and a job; that of a site a group, a hypervisor and a zone.
        let lists = if matches!(case.vendor, "resilio_console" | "citrix_site") { 3 } else { 1 };
        assert!(details.len() <= lists + 1 && !details.is_empty(), "{}: {details:?}", case.vendor);
        assert!(details.iter().all(|(_, text)| text.len() < 1000), "{}: {details:?}", case.vendor);
    }
}

fn api(case: &Case, stub: &Stub) -> Box<dyn Api> {
    let yaml = format!(
        "targets: [{{ name: t, vendor: {}, url: '{}{}', max_agents: 40000, max_response_size: 1GiB{} }}]",
        case.vendor, stub.url, case.path, case.settings
    );
    let config =
        Config::parse(&yaml, "rollcall.yml", std::path::Path::new(".")).unwrap_or_else(|errors| panic!("{errors}"));
    let target = Arc::clone(&config.targets[0]);
    let client = Client::new(&target).expect("no file is needed");
    open(target, client, Arc::new(Logons::default()))
}

/// Whether the second item, or its sample, is there.
fn has_good(parts: &[(Box<str>, Outcome)]) -> bool {
    parts.iter().any(|(_, outcome)| match outcome {
        Outcome::Fresh(part) => {
            let is_it = |text: &str| text == "good" || text == "9";
            let labels = |family: &'static Family, samples: &[super::Sample]| {
                samples.iter().any(|sample| part.label_values(family, sample).any(is_it))
            };
            part.agents.iter().any(|agent| is_it(&agent.name))
                || part.families.iter().zip(&part.samples).any(|(family, samples)| labels(family, samples))
        }
        _ => false,
    })
}
