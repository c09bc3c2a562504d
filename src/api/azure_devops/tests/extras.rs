//! Scale sets, pools of deployment groups and capabilities: read beside the rest, at their own intervals, and alone in failing.

use std::sync::atomic::AtomicU16;

use super::*;
use crate::{
    api::{
        Warnings,
        stub::{fingerprints, poll_knowing},
    },
    clock::UnixTime,
};

const MINUTE: Duration = Duration::from_secs(60);

fn with_extras() -> target::AzureDevOps {
    let capabilities = ["Agent.ComputerName", "Docker"].map(str::to_owned).to_vec();
    target::AzureDevOps { elastic_pools: true, capabilities, ..settings() }
}

/// Polls at so many minutes; everything else is as before.
async fn at(api: &mut AzureDevOps, minute: u32) -> Observation {
    poll_at(api, &Memory::default(), NOW.plus(MINUTE * minute)).await.0.expect("a poll that works")
}

fn asked(stub: &Stub) -> Vec<String> {
    let mut lines: Vec<String> = stub.asked();
    lines.sort();
    lines.into_iter().map(|line| line.trim_start_matches("GET /contoso/_apis/distributedtask/").to_owned()).collect()
}

fn outcomes(observation: &Observation) -> Vec<(&'static str, Option<Reason>)> {
    let outcomes = observation.extras.iter();
    outcomes.map(|(name, outcome)| (*name, outcome.as_ref().err().map(|failure| failure.reason))).collect()
}

const ELASTIC: &str = r#"{"poolId":1,"state":"unhealthy","offlineSince":"2023-11-14T22:00:00Z","desiredSize":4,"maxCapacity":10,
    "desiredIdle":1,"sizingAttempts":3},{"poolId":77,"state":"online"}"#;

/// An organisation with one pool of two agents; scale sets, capabilities and the pools of deployment groups answer with the
/// status of the moment.
fn organisation(status: &'static AtomicU16) -> Stub {
    Stub::start(move |seen| {
        let good = status.load(Ordering::Relaxed);
        let extra = |items: &str| if good == 200 { list(items) } else { Response::new(good, "application/json", "{}") };
        match path(seen) {
            "deployment_pools" => {
                extra(r#"{"id":1,"name":"of another name"},{"id":5,"name":"web","poolType":"deployment"}"#)
            }
            "pools" => list(DEFAULT),
            "elasticpools" => extra(ELASTIC),
            "pools/1/agents" if seen.line.contains("includeCapabilities") => extra(
                r#"{"id":1,"systemCapabilities":{"agent.computername":"box-1","AWS_SECRET":"s","docker":"/bin/a"},
                    "userCapabilities":{"DOCKER":"mine"}},{"id":2,"systemCapabilities":null,"userCapabilities":["x"]}"#,
            ),
            "pools/1/agents" => list(r#"{"id":1,"name":"a","status":"online"},{"id":2,"name":"b","status":"online"}"#),
            _ => list(""),
        }
    })
}

#[tokio::test]
async fn extras_are_told_beside_the_rest_and_asked_for_at_their_own_intervals() {
    static STATUS: AtomicU16 = AtomicU16::new(200);
    let stub = organisation(&STATUS);
    let mut api = api(&stub, with_extras());
    let observation = at(&mut api, 0).await;
    assert_eq!(outcomes(&observation), [("elastic_pools", None), ("deployment_pools", None), ("capabilities", None)]);
    let part = fresh(&observation, "");
    let elastic = samples(part).into_iter().filter(|line| line.starts_with("azure_devops_elastic_pool_"));
    let elastic: Vec<String> = elastic.map(|line| line.replace("azure_devops_elastic_pool_", "")).collect();
    assert_eq!(
        elastic,
        [
            "state{Default;unhealthy} 1",
            "offline_since_timestamp_seconds{Default;} 1699999200",
            "desired_size{Default;} 4",
            "max_capacity{Default;} 10",
            "desired_idle{Default;} 1",
            "sizing_attempts{Default;} 3",
        ]
    );
    // Merged by id: the row of the main list counts.
    let pools = samples_of(part, &families::POOL_INFO);
    assert_eq!(pools.len(), 2, "{pools:?}");
    assert_eq!(pools[1], "azure_devops_pool_info{web;5,deployment,false} 1");
    // By the names of the settings; what somebody has set comes first; nothing else is told.
    assert_eq!(
        samples_of(fresh(&observation, "1"), &families::AGENT_CAPABILITY_INFO),
        [
            "azure_devops_agent_capability_info{Default,a;Agent.ComputerName,box-1} 1",
            "azure_devops_agent_capability_info{Default,a;Docker,mine} 1",
        ]
    );
    let flags = "includeAssignedRequest=true&includeLastCompletedRequest=true&api-version=7.0";
    let (capabilities, elastic) = ("agents?includeCapabilities=true&api-version=7.0", "elasticpools?api-version=7.1");
    let deployment = "pools?poolType=deployment&api-version=7.0";
    let of = |pool: i64| {
        [format!("pools/{pool}/agents?{flags}"), format!("pools/{pool}/jobrequests?completedRequestCount=0")]
    };
    let usual = || [of(1).to_vec(), of(5).to_vec(), vec!["pools?api-version=7.0".to_owned()]].concat();
    let with = |extras: &[&str]| {
        let mut all = usual();
        all.extend(extras.iter().map(|line| (*line).to_owned()));
        all.sort();
        all
    };
    let (one, five) = (format!("pools/1/{capabilities}"), format!("pools/5/{capabilities}"));
    assert_eq!(asked(&stub), with(&[elastic, deployment, &one, &five]));
    at(&mut api, 1).await;
    assert_eq!(asked(&stub), with(&[]), "no extra is due");
    at(&mut api, 2).await;
    assert_eq!(asked(&stub), with(&[elastic]));
    at(&mut api, 10).await;
    assert_eq!(asked(&stub), with(&[elastic, deployment, &one, &five]));
}

#[tokio::test]
async fn an_extra_that_fails_costs_itself_and_keeps_its_data_for_a_while() {
    for (code, reason, hour) in [
        (401, Reason::Forbidden, true),
        (403, Reason::Forbidden, true),
        (404, Reason::NotFound, true),
        (500, Reason::HttpStatus, false),
    ] {
        static STATUS: AtomicU16 = AtomicU16::new(200);
        STATUS.store(200, Ordering::Relaxed);
        let stub = organisation(&STATUS);
        let mut api = api(&stub, with_extras());
        at(&mut api, 0).await;
        STATUS.store(code, Ordering::Relaxed);
        let observation = at(&mut api, 10).await;
        let reason = Some(reason);
        let all = [("elastic_pools", reason), ("deployment_pools", reason), ("capabilities", reason)];
        assert_eq!(outcomes(&observation), all);
        // Three intervals: ten minutes are too long for scale sets, not for the others.
        assert_eq!(samples_of(fresh(&observation, ""), &families::ELASTIC_POOL_STATE), [""; 0]);
        assert_eq!(samples_of(fresh(&observation, ""), &families::POOL_INFO).len(), 2);
        assert_eq!(samples_of(fresh(&observation, "1"), &families::AGENT_CAPABILITY_INFO).len(), 2);
        STATUS.store(200, Ordering::Relaxed);
        let soon = at(&mut api, 12).await;
        assert_eq!(outcomes(&soon)[0].1.is_none(), !hour, "{code}");
        let later = at(&mut api, 40).await;
        assert_eq!(samples_of(fresh(&later, ""), &families::POOL_INFO).len(), if hour { 1 } else { 2 });
        // Whoever reloads or releases has it tried again.
        api.resume();
        let released = at(&mut api, 41).await;
        assert_eq!(outcomes(&released).iter().filter(|(_, failed)| failed.is_none()).count(), 3);
        assert_eq!(samples_of(fresh(&released, ""), &families::ELASTIC_POOL_STATE).len(), 1);
    }
}

#[tokio::test]
async fn what_is_switched_off_is_not_asked_for() {
    static STATUS: AtomicU16 = AtomicU16::new(200);
    let stub = organisation(&STATUS);
    let observation = at(&mut api(&stub, settings()), 0).await;
    assert_eq!(outcomes(&observation), [("deployment_pools", None)]);
    assert!(stub.lines().iter().all(|line| !line.contains("elasticpools") && !line.contains("Capabilities")));
}

#[tokio::test]
async fn a_server_that_calls_its_scale_sets_a_preview_is_asked_so_from_the_next_poll_on() {
    let stub = Stub::start(|seen| match path(seen) {
        "pools" => list(DEFAULT),
        "elasticpools" if seen.line.contains("7.1-preview.1") => list(ELASTIC),
        "elasticpools" => Response::new(400, "application/json", r#"{"typeKey":"VssInvalidPreviewVersionException"}"#),
        _ => list(""),
    });
    let mut api = api(&stub, with_extras());
    assert_eq!(outcomes(&at(&mut api, 0).await)[0], ("elastic_pools", Some(Reason::HttpStatus)));
    assert_eq!(outcomes(&at(&mut api, 1).await)[0], ("elastic_pools", None));
    assert_eq!(stub.lines().iter().filter(|line| line.contains("elasticpools")).count(), 2);
}

#[tokio::test]
async fn states_of_scale_sets_are_words_or_numbers() {
    let decode = |state: &str| {
        let (mut sets, warnings) = (elastic::ElasticPools::new(), Warnings::default());
        let page = format!(r#"[{{"poolId":"1","state":{state}}}]"#);
        elastic::read(page.as_bytes(), &mut sets, &mut RowCount::default(), 9, &warnings).expect("a list");
        let mut part = Part::new(FAMILIES);
        let pool = part.described_pool("p");
        sets[&1].set(&mut part, pool);
        (samples(&part).concat(), counted(&warnings))
    };
    let told = |state: &str| format!("azure_devops_elastic_pool_state{{p;{state}}} 1");
    for (wire, state) in
        [("\"Online\"", "online"), ("0", "online"), ("1", "offline"), ("\"2\"", "unhealthy"), ("3", "new")]
    {
        assert_eq!(decode(wire), (told(state), vec![]), "{wire}");
    }
    for wire in ["4", "\"broken\"", "-1"] {
        assert_eq!(decode(wire), (told("other"), vec![("unknown_state", 1)]), "{wire}");
    }
    assert_eq!(decode("null"), (String::new(), vec![]));
    assert_eq!(decode("[1]"), (String::new(), vec![("bad_value", 1)]));
}

#[tokio::test]
async fn agents_that_did_not_change_are_read_again_once_their_capabilities_did() {
    static VALUE: AtomicUsize = AtomicUsize::new(1);
    let stub = Stub::start(|seen| match path(seen) {
        "pools" => list(DEFAULT),
        "pools/1/agents" if seen.line.contains("includeCapabilities") => {
            let value = VALUE.load(Ordering::Relaxed);
            list(&format!(r#"{{"id":1,"systemCapabilities":{{"docker":"{value}"}}}}"#))
        }
        "pools/1/agents" => list(r#"{"id":1,"name":"a","status":"online"}"#),
        _ => list(""),
    });
    let mut api = api(&stub, with_extras());
    let mut known = Default::default();
    let mut changed = Vec::new();
    for minute in [0, 1, 11, 21] {
        VALUE.store(if minute > 11 { 2 } else { 1 }, Ordering::Relaxed);
        let now: UnixTime = NOW.plus(MINUTE * minute);
        let observation = poll_knowing(&mut api, &Memory::default(), now, &known).await.0.expect("a poll that works");
        let (_, outcome) = observation.parts.iter().find(|(key, _)| &**key == "1").expect("it is there");
        changed.push(matches!(outcome, Outcome::Fresh(_)));
        known = fingerprints(&observation);
    }
    assert_eq!(changed, [true, false, false, true]);
}

#[tokio::test]
async fn a_vendor_says_which_right_each_of_its_extras_needs() {
    static STATUS: AtomicU16 = AtomicU16::new(200);
    let stub = organisation(&STATUS);
    let observation = at(&mut api(&stub, with_extras()), 0).await;
    for (name, _) in observation.extras {
        assert!(crate::api::right_of_extra("azure_devops", name).is_some(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn extras_that_hang_cost_a_quarter_of_the_poll() {
    // Time stands still until nobody has anything else to do.
    let (asking, left) = {
        let warnings = Warnings::default();
        let (memory, known) = (Memory::default(), Default::default());
        let deadline = Instant::now() + MINUTE;
        let cx = Context { now: NOW, deadline, memory: &memory, warnings: &warnings, known: &known };
        (Asking::deadline(&cx), deadline)
    };
    assert_eq!(left - asking, MINUTE - (MINUTE - Duration::from_secs(1)) / 4);
}
