//! Lists of several pages: followed, left, and known again.

use super::*;
use crate::api::{
    Warnings,
    stub::{fingerprints, poll_knowing},
};

#[tokio::test]
async fn continuation_tokens_are_followed_and_circles_are_left() {
    let stub = three(|seen| {
        if !seen.line.contains("pools/1/agents") {
            return None;
        }
        Some(match seen.line.split("continuationToken=").nth(1) {
            None => list(r#"{"id":1,"status":"online"}"#).header("x-ms-continuationtoken", "b c&d"),
            Some(token) if token.starts_with("b+c%26d") => list(r#"{"id":2,"status":"online"}"#),
            Some(_) => Response::new(500, "text/plain", ""),
        })
    });
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    assert_eq!(fresh(&observation, "1").agents.len(), 2);

    let stub = three(|seen| path(seen).ends_with("1/agents").then(|| list("").header("x-ms-continuationtoken", "x")));
    let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
    assert_eq!(failed(&observation, "1").reason, Reason::Decode);
}

#[tokio::test]
async fn continuation_tokens_in_a_wide_circle_are_left_as_soon_as_one_returns() {
    let stub = three(|seen| {
        let next = match seen.line.split("continuationToken=").nth(1) {
            None => "a",
            Some(token) if token.starts_with('a') => "b",
            Some(token) if token.starts_with('b') => "c",
            Some(_) => "a",
        };
        path(seen).ends_with("pools/1/agents").then(|| list("").header("x-ms-continuationtoken", next))
    });
    let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
    assert_eq!(failed(&observation, "1").reason, Reason::Decode);
    assert_eq!(stub.lines().iter().filter(|line| line.contains("pools/1/agents")).count(), 4);
}

#[tokio::test]
async fn a_list_without_an_end_is_too_large() {
    let asked = AtomicUsize::new(0);
    let stub = three(move |seen| {
        path(seen).ends_with("pools/1/agents").then(|| {
            let next = asked.fetch_add(1, Ordering::Relaxed).to_string();
            list("").header("x-ms-continuationtoken", &next)
        })
    });
    let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
    assert_eq!(failed(&observation, "1").reason, Reason::TooLarge);
    assert_eq!(stub.lines().iter().filter(|line| line.contains("pools/1/agents")).count(), 100);
}

#[test]
fn too_many_pools_are_not_kept() {
    let page = |range: std::ops::Range<usize>| {
        let pools: Vec<String> = range.map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        format!(r#"{{"value":[{}]}}"#, pools.join(","))
    };
    for (max_agents, most) in [(1, 10_000), (12_000, 12_000)] {
        let (mut rows, warnings) = (Vec::new(), Warnings::default());
        let mut count = RowCount::default();
        let mut read = |body: String| pools::read(body.as_bytes(), &mut rows, &mut count, max_agents, &warnings);
        assert_eq!(read(page(0..9000)), Ok(()));
        assert_eq!(read(page(9000..most)), Ok(()));
        assert_eq!(read(page(most..most + 5000)).expect_err("too many").reason, Reason::TooLarge);
        assert_eq!(rows.len(), most + 1);
    }
}

/// A service with two pages of one pool, whose second page and whose pool's size change when told to.
fn two_pages(second: &'static std::sync::Mutex<&'static str>) -> Stub {
    Stub::start(|seen| match path(seen) {
        "pools" => list(r#"{"id":1,"name":"Default"}"#),
        "pools/1/agents" if !seen.line.contains("continuationToken") => {
            list(r#"{"id":1,"name":"a","status":"online"},{"id":2,"name":"b","status":"odd"}"#)
                .header("x-ms-continuationtoken", "2")
        }
        "pools/1/agents" => list(*second.lock().expect("no panic")),
        _ => Response::new(404, "application/json", "{}"),
    })
}

fn same(observation: Observation, key: &str) -> Option<crate::api::Same> {
    observation.parts.into_iter().find_map(|(name, outcome)| match outcome {
        Outcome::Same(same) if *name == *key => Some(same),
        _ => None,
    })
}

#[tokio::test]
async fn pages_that_are_as_they_were_are_not_read_again() {
    static SECOND: std::sync::Mutex<&str> = std::sync::Mutex::new(r#"{"id":3,"name":"c","status":"offline"}"#);
    let stub = two_pages(&SECOND);
    let memory = Memory::default();
    let mut api = api(&stub, settings());
    let (first, warnings) = poll_at(&mut api, &memory, NOW).await;
    let first = first.expect("a poll that works");
    assert_eq!(warnings.count(crate::api::Warning::UnknownState), 1);
    let known = fingerprints(&first);
    let (again, _) = poll_knowing(&mut api, &memory, NOW, &known).await;
    let again = same(again.expect("a poll that works"), "1").expect("nothing has changed");
    assert_eq!(Some(&again.fingerprint), known.get("1"));
    // Read after all, it is what it was, with its warnings.
    let read = again.read().expect("it was read before");
    assert_eq!(samples(&read), samples(fresh(&first, "1")));
    assert_eq!(
        (read.warnings.count(crate::api::Warning::UnknownState), read.fingerprint.as_ref()),
        (1, known.get("1"))
    );

    // Where a later page is another one, those before it are read, too.
    *SECOND.lock().expect("no panic") = r#"{"id":3,"name":"c","status":"online"}"#;
    let (changed, warnings) = poll_knowing(&mut api, &memory, NOW, &known).await;
    let changed = changed.expect("a poll that works");
    assert_eq!((fresh(&changed, "1").agents.len(), warnings.count(crate::api::Warning::UnknownState)), (3, 1));
    assert!(samples(fresh(&changed, "1")).contains(&"azure_devops_agent_online{Default,c;} 1".to_owned()));

    // Another API, whose settings may be others, takes nothing for known.
    *SECOND.lock().expect("no panic") = r#"{"id":3,"name":"c","status":"offline"}"#;
    let mut other = self::api(&stub, settings());
    let (others, _) = poll_knowing(&mut other, &memory, NOW, &known).await;
    assert_eq!(fresh(&others.expect("a poll that works"), "1").agents.len(), 3);
    // The first one still does.
    let (again, _) = poll_knowing(&mut api, &memory, NOW, &known).await;
    assert!(same(again.expect("a poll that works"), "1").is_some());
}

#[tokio::test]
async fn a_list_of_which_nothing_can_be_read_is_no_empty_pool() {
    let rows = [
        r#"{"value":[{"agentId":1,"status":"online"},{"agentId":2,"status":"online"}]}"#,
        r#"{"count":20,"value":[]}"#,
        r#"{"count":20,"value":null}"#,
        r#"{"value":[7]}"#,
    ];
    for body in rows {
        let stub = three(move |seen| (path(seen) == "pools/2/agents").then(|| json(body)));
        let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
        assert_eq!(failed(&observation, "2").reason, Reason::Decode, "{body}");
        assert_eq!(fresh(&observation, "1").agents.len(), 1);
        let stub = three(move |seen| (path(seen) == "pools").then(|| json(body)));
        assert_eq!(poll(&mut api(&stub, settings())).await.expect_err("no pools").reason, Reason::Decode, "{body}");
        let stub =
            three(move |seen| (path(seen) == "pools/2/jobrequests" && body != r#"{"value":[7]}"#).then(|| json(body)));
        let observation = poll(&mut api(&stub, settings())).await.expect("a good poll");
        let up = samples_of(fresh(&observation, ""), &families::POOL_JOB_REQUESTS_UP);
        let expected = if body.contains("20") { "0" } else { "1" };
        assert!(up.contains(&format!("azure_devops_pool_job_requests_up{{two;}} {expected}")), "{body}: {up:?}");
    }
}

#[tokio::test]
async fn a_list_that_can_hardly_be_read_is_what_was_read_and_a_partial_poll() {
    let stub = three(|seen| match path(seen) {
        "pools/2/agents" => Some(list(r#"{"id":1,"status":"online"},{"agentId":2},{"agentId":3}"#)),
        "pools/3/agents" => Some(list(r#"{"id":1,"status":"online"},{"agentId":2}"#)),
        _ => None,
    });
    let observation = poll(&mut api(&stub, settings())).await.expect("a partial poll");
    let part = fresh(&observation, "2");
    assert_eq!((part.agents.len(), part.defect.as_ref().map(|defect| defect.reason)), (1, Some(Reason::Decode)));
    assert_eq!(part.fingerprint, None, "the same answer again is partial again");
    assert_eq!(fresh(&observation, "3").defect, None);
}

#[tokio::test]
async fn pools_that_cannot_be_read_in_the_list_have_not_gone() {
    let broken = Arc::new(AtomicUsize::new(0));
    let is_broken = Arc::clone(&broken);
    let stub = three(move |seen| {
        (path(seen) == "pools" && is_broken.load(Ordering::Relaxed) > 0)
            .then(|| list(r#"{"id":1,"name":"one"},{"poolId":2},{"poolId":3}"#))
    });
    let mut api = api(&stub, settings());
    let observation = poll(&mut api).await.expect("a good poll");
    let known = fingerprints(&observation);
    broken.store(1, Ordering::Relaxed);
    let (observation, _) = poll_knowing(&mut api, &Memory::default(), NOW, &known).await;
    let observation = observation.expect("a partial poll");
    assert_eq!([failed(&observation, "2").reason, failed(&observation, "3").reason], [Reason::Decode; 2]);
    assert_eq!(fresh(&observation, "").defect.as_ref().map(|defect| defect.reason), Some(Reason::Decode));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_pauses_has_every_pool_read_in_the_end() {
    let pools: Vec<String> = (1..=60).map(|id| format!(r#"{{"id":{id},"name":"pool {id}"}}"#)).collect();
    let pools = pools.join(",");
    let stub = Stub::start(move |seen| match path(seen) {
        "pools" => list(&pools),
        _ => list(r#"{"id":1,"name":"a","status":"online"}"#).header("x-ratelimit-delay", "2"),
    });
    let mut api = api(&stub, target::AzureDevOps { job_requests: false, ..settings() });
    let mut read = HashSet::new();
    for poll in 0..4 {
        let (memory, warnings) = (Memory::default(), Warnings::default());
        let now = NOW.plus(Duration::from_secs(60 * poll));
        let deadline = Instant::now() + Duration::from_secs(40);
        let known = Default::default();
        let cx = Context { now, deadline, memory: &memory, warnings: &warnings, known: &known };
        let observation = Api::poll(&mut api, &cx).await.expect("a partial poll");
        let parts = observation.parts.iter().filter(|(key, part)| !key.is_empty() && part.failure().is_none());
        read.extend(parts.map(|(key, _)| key.clone()));
    }
    assert_eq!(read.len(), 60);
}
