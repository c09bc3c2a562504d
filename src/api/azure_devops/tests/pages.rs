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
        let mut read = |body: String| pools::read(body.as_bytes(), &mut rows, max_agents, &warnings);
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
