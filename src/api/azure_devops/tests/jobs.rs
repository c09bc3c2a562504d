//! Waits, durations and jobs that nobody can take.

use super::{
    super::jobs::{AgentFacts, Jobs, ShownJob},
    *,
};
use crate::{api::Warnings, histogram::Histogram};

/// What the agents of a page show of their jobs, and the warnings.
pub fn shown(items: &str) -> (Vec<ShownJob>, Vec<(&'static str, u64)>) {
    let (settings, warnings) = (settings(), Warnings::default());
    let target = Target::sample("http://127.0.0.1:1", VendorSettings::AzureDevOps(settings.clone()));
    let pool =
        PoolRow { id: 1, name: "p".to_owned(), kind: String::new(), hosted: false, size: None, on_demand: false };
    let (mut part, mut facts) = (Part::new(FAMILIES), AgentFacts::default());
    agents::begin(&pool, &mut part);
    let decoder = agents::AgentDecoder {
        target: &target,
        settings: &settings,
        pool: &pool,
        capabilities: None,
        warnings: &warnings,
        last_jobs: &last_jobs::LastJobs::default(),
    };
    let page = format!("[{items}]");
    decoder.read(page.as_bytes(), &mut part, &mut RowCount::default(), &mut facts).expect("a list");
    (facts.jobs, counted(&warnings))
}

/// Tells the pool 1 what its agents show; returns how often waits and durations by result are counted by now, and their sums.
pub fn note(jobs: &mut Jobs, items: &str) -> Vec<(&'static str, u64, f64)> {
    let warnings = Warnings::default();
    jobs.begin(|_| true);
    jobs.note(1, &shown(items).0, &warnings);
    jobs.end();
    told(jobs)
}

/// What is counted by now of pool 1, without what was never counted.
pub fn told(jobs: &Jobs) -> Vec<(&'static str, u64, f64)> {
    let mut part = Part::new(FAMILIES);
    let pool = part.described_pool("p");
    jobs.set(&mut part, pool, 1);
    let mut told = Vec::new();
    for family in [&families::POOL_JOB_WAIT, &families::POOL_JOB_DURATION] {
        for sample in &part.samples[usize::from(family.ordinal)] {
            let result = part.label_values(family, sample).next().map(str::to_owned);
            let name = result.map_or("wait", |result| {
                Jobs::RESULTS.into_iter().find(|known| *known == result).expect("a closed set")
            });
            let histogram: &Histogram = part.histogram(sample).expect("it is one");
            told.push((name, histogram.count(), histogram.sum()));
        }
    }
    told.retain(|(_, count, _)| *count > 0);
    told
}

/// An agent with a job and a last job; each is id, times queued, taken and ended in minutes of an hour, result.
fn agent(id: i64, job: &str, last: &str) -> String {
    let request = |text: &str| {
        let cells: Vec<&str> = text.split(' ').collect();
        let times = ["queueTime", "receiveTime", "finishTime"].iter().zip(&cells[1..]);
        let times: String = times.map(|(name, minute)| format!(r#","{name}":"2023-11-14T22:{minute}:00Z""#)).collect();
        let result = cells.get(4).map(|result| format!(r#","result":"{result}""#)).unwrap_or_default();
        format!(r#"{{"requestId":{}{times}{result},"planType":"Build"}}"#, cells[0])
    };
    let member = |name: &str, text: &str| {
        if text.is_empty() { String::new() } else { format!(r#","{name}":{}"#, request(text)) }
    };
    format!(
        r#"{{"id":{id},"status":"online"{}{}}}"#,
        member("assignedRequest", job),
        member("lastCompletedRequest", last)
    )
}

#[test]
fn a_job_is_counted_once_when_it_is_first_seen_taken_and_when_it_is_first_seen_ended() {
    let mut jobs = Jobs::default();
    // What the first poll finds is known; what it finds running is counted when it ends.
    assert_eq!(note(&mut jobs, &agent(1, "8 00 02", "7 00 01 02 succeeded")), []);
    assert_eq!(note(&mut jobs, &agent(1, "9 03 12", "8 00 02 11 failed")), [("wait", 1, 540.0), ("failed", 1, 540.0)]);
    let before = told(&jobs);
    for _ in 0..3 {
        assert_eq!(note(&mut jobs, &agent(1, "9 03 12", "8 00 02 11 failed")), before);
    }
    // Seen for the first time when it has ended already, of an agent that is new.
    let both = format!("{},{}", agent(1, "9 03 12", "8 00 02 11 failed"), agent(2, "", "10 12 13 15 Succeeded"));
    assert_eq!(note(&mut jobs, &both), [("wait", 2, 600.0), ("succeeded", 1, 120.0), ("failed", 1, 540.0)]);
    // The agent is gone for a while, and comes back with the same.
    note(&mut jobs, &agent(1, "", "9 03 12 20 abandoned"));
    let before = told(&jobs);
    assert_eq!(note(&mut jobs, &both), before);
}

#[test]
fn a_result_that_no_page_has_is_other() {
    let mut jobs = Jobs::default();
    note(&mut jobs, "");
    let counted = note(&mut jobs, &agent(1, "", "1 00 01 02 exploded"));
    assert_eq!(counted, [("wait", 1, 60.0), ("other", 1, 60.0)]);
    let counted = note(&mut jobs, &agent(1, "", "2 00 01 03"));
    assert_eq!(counted, [("wait", 2, 120.0), ("other", 2, 180.0)]);
}

#[test]
fn maintenance_is_no_job_and_the_time_of_assignment_stands_in_for_that_of_reception() {
    let mut jobs = Jobs::default();
    note(&mut jobs, "");
    let maintenance = agent(1, "1 00 01", "2 00 01 05 succeeded").replace("Build", "poolMaintenance");
    assert_eq!(note(&mut jobs, &maintenance), []);
    let assigned = agent(1, "3 00 01", "").replace("receiveTime", "assignTime");
    assert_eq!(note(&mut jobs, &assigned), [("wait", 1, 60.0)]);
    // It was received later than it was assigned: the wait is told, and the duration goes by what is known now.
    let ended = agent(1, "", "3 00 02 05 succeeded");
    assert_eq!(note(&mut jobs, &ended), [("wait", 1, 60.0), ("succeeded", 1, 180.0)]);
}

#[test]
fn times_that_cannot_be_are_warnings_and_what_is_missing_is_nothing() {
    let mut jobs = Jobs::default();
    note(&mut jobs, "");
    let warnings = Warnings::default();
    let odd = [
        agent(1, "", "1 05 01 03 succeeded"),
        agent(2, "", "2 00 05 03 succeeded"),
        agent(3, "", "3 00 01 03 succeeded").replace("2023-11-14T22:00", "2023-09-14T22:00"),
    ];
    jobs.begin(|_| true);
    jobs.note(1, &shown(&odd.join(",")).0, &warnings);
    assert_eq!(counted(&warnings), [("bad_value", 3)]);
    assert_eq!(told(&jobs), [("wait", 1, 300.0), ("succeeded", 2, 240.0)]);
    jobs.note(1, &shown(&odd.join(",")).0, &warnings);
    assert_eq!(counted(&warnings), [("bad_value", 3)], "once for each job");
    let (missing, warned) = shown(
        r#"{"id":1,"status":"online","assignedRequest":{"planType":"Build"}},
           {"id":2,"status":"online","assignedRequest":{"requestId":"x","queueTime":"?"}},
           {"id":3,"status":"online","lastCompletedRequest":{"requestId":"9","result":"succeeded"}}"#,
    );
    assert_eq!((missing.len(), warned), (1, vec![("bad_value", 1)]));
    jobs.note(1, &missing, &warnings);
    assert_eq!(told(&jobs).iter().map(|(_, count, _)| count).sum::<u64>(), 3);
}

#[test]
fn pools_are_told_once_read_and_each_knows_its_own_first_poll() {
    let mut jobs = Jobs::default();
    let series = |jobs: &Jobs, id: i64| {
        let mut part = Part::new(FAMILIES);
        let pool = part.described_pool("p");
        jobs.set(&mut part, pool, id);
        part.series(false)
    };
    let warnings = Warnings::default();
    jobs.begin(|_| true);
    jobs.note(1, &[], &warnings);
    assert_eq!((series(&jobs, 1), series(&jobs, 2)), (14, 0), "one that was never read is absent");
    jobs.begin(|_| true);
    jobs.note(2, &shown(&agent(7, "1 00 01", "2 00 01 03 failed")).0, &warnings);
    // With a job there is every result, at 0.
    assert_eq!((series(&jobs, 1), series(&jobs, 2)), (14, 14 + 7 * 15));
    jobs.begin(|pool| pool == 1);
    assert_eq!(series(&jobs, 2), 0, "a pool that is gone is not told");
    jobs.note(2, &shown(&agent(7, "", "1 00 01 09 failed")).0, &warnings);
    let mut part = Part::new(FAMILIES);
    let pool = part.described_pool("p");
    jobs.set(&mut part, pool, 2);
    let ended: Vec<String> = samples_of(&part, &families::POOL_JOB_DURATION);
    assert!(ended.contains(&"azure_devops_pool_job_duration_seconds{p;failed} 1".to_owned()), "{ended:?}");
}

#[test]
fn what_is_known_is_bounded_and_what_was_forgotten_is_not_counted_again() {
    let mut jobs = Jobs::default();
    note(&mut jobs, "");
    let page = |range: std::ops::Range<i64>| {
        let agents: Vec<String> =
            range.map(|job| agent(job % 500 + 1, "", &format!("{job} 00 01 02 succeeded"))).collect();
        agents.join(",")
    };
    // The times of later jobs are later, as they are in the world.
    let later = |page: &str, hour: usize| {
        page.replace("2023-11-14T22", &format!("2023-11-{:02}T{:02}", 14 + hour / 24, hour % 24))
    };
    for poll in 0..60_i64 {
        note(&mut jobs, &later(&page(poll * 500..(poll + 1) * 500), poll as usize));
        assert!(jobs.known() <= 10_000 + 500 + 2_500, "{}", jobs.known());
    }
    assert_eq!(told(&jobs)[0].1, 30_000);
    // Agents that were away all the time come back with their old jobs.
    note(&mut jobs, &later(&page(0..500), 0));
    assert_eq!(told(&jobs)[0].1, 30_000);
    note(&mut jobs, &later(&page(30_000..30_100), 60));
    assert_eq!(told(&jobs)[0].1, 30_100);
}

/// A queue of these rows, and how many of its jobs nobody can take.
fn unmatched(rows: &str, ready: &[(i64, bool)]) -> Option<u64> {
    let mut queue = Queue::default();
    queue.read(format!("[{rows}]").as_bytes(), &Warnings::default()).expect("a list");
    let mut facts = AgentFacts::default();
    ready.iter().for_each(|(id, ready)| facts.agent(*id, *ready));
    queue.finish().expect("it can be read").unmatched(Some(&facts.sorted().ready))
}

#[test]
fn a_job_is_unmatched_where_no_agent_that_it_matches_is_there_and_enabled() {
    let of = |matched: &str| {
        format!(r#"{{"requestId":1,"queueTime":"2023-11-14T22:00:00Z","matchesAllAgentsInPool":false{matched}}}"#)
    };
    let agent =
        |id: i64, enabled: bool, status: &str| format!(r#"{{"id":{id},"enabled":{enabled},"status":"{status}"}}"#);
    let matched = |agents: &[String]| of(&format!(r#","matchedAgents":[{}]"#, agents.join(",")));
    let rows = [
        // By id: what the poll says of the agent counts, not what the request says.
        (matched(&[agent(1, true, "online")]), &[(1, false), (2, true)][..], 1),
        (matched(&[agent(1, false, "offline")]), &[(1, true)], 0),
        (matched(&[agent(2, true, "online"), agent(1, true, "online")]), &[(1, true), (2, false)], 0),
        // Where the agent is not listed, what the request says.
        (matched(&[agent(9, true, "Online")]), &[(1, false)], 0),
        (matched(&[agent(9, false, "online")]), &[(1, true)], 1),
        (matched(&[agent(9, true, "offline")]), &[(1, true)], 1),
        (matched(&[r#"{"id":9,"status":"online"}"#.to_owned()]), &[], 0),
        // It matches nobody.
        (matched(&[]), &[(1, true)], 1),
        (of(""), &[(1, true)], 1),
        (of(r#","matchedAgents":null"#), &[(1, true)], 1),
        (of(r#","matchedAgents":[7,{"id":"x"}]"#), &[(7, true)], 1),
        // It matches all of them.
        (matched(&[]).replace(":false", ":true"), &[], 0),
        (matched(&[]).replace(":false", ":\"True\""), &[], 0),
        // It does not wait any more, or is no job.
        (matched(&[]).replace("queueTime", "assignTime"), &[], 0),
        (matched(&[]).replace("\"requestId\":1", "\"planType\":\"PoolMaintenance\""), &[], 0),
    ];
    for (row, ready, expected) in rows {
        assert_eq!(unmatched(&row, ready), Some(expected), "{row} {ready:?}");
    }
    assert_eq!(unmatched(r#"{"requestId":1}"#, &[]), None, "no row says so");
    assert_eq!(unmatched("", &[]), None);
    assert_eq!(unmatched(&format!("{},{}", of(""), r#"{"requestId":2}"#), &[]), Some(1));
}

#[tokio::test]
async fn agents_of_the_same_poll_say_who_can_take_a_job_also_where_they_did_not_change() {
    let stub = Stub::start(|seen| match path(seen) {
        "pools" => list(DEFAULT),
        "pools/1/agents" => list(r#"{"id":1,"name":"a","status":"online","enabled":false}"#),
        _ => list(
            r#"{"requestId":1,"queueTime":"2023-11-14T22:00:00Z","matchesAllAgentsInPool":false,
                "matchedAgents":[{"id":1,"enabled":true,"status":"online"}]}"#,
        ),
    });
    let mut api = api(&stub, settings());
    let mut known = Default::default();
    for _ in 0..2 {
        let observation = crate::api::stub::poll_knowing(&mut api, &Memory::default(), NOW, &known).await.0;
        let observation = observation.expect("a poll that works");
        let unmatched = samples_of(fresh(&observation, ""), &families::POOL_UNMATCHED_JOBS);
        assert_eq!(unmatched, ["azure_devops_pool_unmatched_jobs{Default;} 1"]);
        known = crate::api::stub::fingerprints(&observation);
    }
}

#[tokio::test]
async fn who_works_on_what_is_told_only_where_it_is_asked_for() {
    let stub = three(|seen| {
        path(seen).ends_with("pools/1/agents").then(|| {
            list(
                r#"{"id":1,"name":"a","status":"online","assignedRequest":{"requestId":1,"planType":"Build",
                    "definition":{"id":7,"name":"nightly \"x\"","_links":{}}}},
                   {"id":2,"name":"b","status":"online","assignedRequest":{"requestId":2,"definition":"odd"}},
                   {"id":3,"name":"c","status":"online","lastCompletedRequest":{"requestId":3,"definition":{"name":"old"}}}"#,
            )
        })
    });
    let told = |job_names: bool| {
        let mut api = api(&stub, target::AzureDevOps { job_names, ..settings() });
        async move { samples_of(fresh(&poll(&mut api).await.expect("a poll that works"), "1"), &families::AGENT_JOB_INFO) }
    };
    assert_eq!(told(false).await, [""; 0]);
    let expected =
        [r#"azure_devops_agent_job_info{one,a;nightly "x",Build} 1"#, "azure_devops_agent_job_info{one,b;,} 1"];
    assert_eq!(told(true).await, expected);
}
