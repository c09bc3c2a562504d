//! Every site, whatever the server takes for granted.

use rollcall_test_server::Request;

use super::*;

/// A farm of three sites, each with a gateway and a host.
fn row(site: u32, server_type: u32) -> String {
    format!(r#"{{"id": "{site}", "siteId": {site}, "agentState": 0, "serverType": {server_type}}}"#)
}

fn rows(sites: &[u32]) -> String {
    let rows: Vec<String> = sites.iter().flat_map(|site| [row(*site, 1), row(*site, 3)]).collect();
    format!("[{}]", rows.join(","))
}

const SITES: &str = r#"[{"id": "1", "siteId": 1}, {"id": "2", "siteId": 2}, {"id": "3", "siteId": 3}]"#;

/// A server whose lists without a site are of these sites.
fn farm(granted: &'static [u32]) -> Stub {
    start(move |seen| answer(seen, granted))
}

fn answer(seen: &Request, granted: &[u32]) -> (u16, &'static str, String) {
    let (path, site) = match seen.line.split_once("?siteId=") {
        Some((path, site)) => (path, site.parse().ok()),
        None => (&*seen.line, None),
    };
    let sites: Vec<u32> = site.map_or(granted.to_vec(), |site| vec![site]);
    match path {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Site/status" => ok(SITES),
        "GET /api/Agent" => ok(&rows(&sites)),
        // A list of names that names no site.
        "GET /api/Gateway" => {
            let rows: Vec<String> =
                sites.iter().map(|site| format!(r#"{{"id": {site}, "server": "gw-{site}"}}"#)).collect();
            ok(&format!("[{}]", rows.join(",")))
        }
        "GET /api/RDS/Host" => {
            let rows =
                sites.iter().map(|site| format!(r#"{{"id": {site}, "siteId": {site}, "server": "rds-{site}"}}"#));
            ok(&format!("[{}]", rows.collect::<Vec<_>>().join(",")))
        }
        _ => status(404),
    }
}

fn keys(observation: &Observation) -> Vec<(&str, bool)> {
    let is_fresh = |outcome: &Outcome| matches!(outcome, Outcome::Fresh(_));
    observation.parts.iter().map(|(key, outcome)| (&**key, is_fresh(outcome))).collect()
}

fn agents(observation: &Observation) -> Vec<&str> {
    let parts = observation.parts.iter().filter_map(|(_, outcome)| match outcome {
        Outcome::Fresh(part) => Some(part),
        _ => None,
    });
    parts.flat_map(|part| part.agents.iter().map(|agent| &*agent.name)).collect()
}

pub(super) fn with_sites(stub: &Stub, site_ids: &[i64]) -> ParallelsRas {
    let mut target = target(stub.url.as_str());
    if let VendorSettings::ParallelsRas(settings) = &mut target.settings {
        settings.site_ids = site_ids.to_vec();
    }
    open_with(target)
}

#[tokio::test]
async fn a_server_that_tells_all_sites_is_asked_once() {
    let stub = farm(&[1, 2, 3]);
    let mut api = open(&stub);
    let observation = poll_at(&mut api, 0).await.expect("a good poll");
    assert_eq!(keys(&observation), [("1", true), ("2", true), ("3", true)]);
    assert_eq!(agents(&observation), ["rds-1", "gw-1", "rds-2", "gw-2", "rds-3", "gw-3"]);
    assert!(!observation.incomplete);
    assert_eq!(observation.notes, [1, 2, 3].map(|site| format!("site {site} came by GET /api/Agent")));
    let asked =
        ["POST /api/Session/logon", "GET /api/Agent", "GET /api/Site/status", "GET /api/Gateway", "GET /api/RDS/Host"];
    assert_eq!(stub.asked(), asked);
    poll_at(&mut api, 60).await.expect("a good poll");
    assert_eq!(stub.asked(), ["GET /api/Agent"]);
}

#[tokio::test]
async fn a_server_that_tells_one_site_is_asked_for_each_of_the_others() {
    let stub = farm(&[2]);
    let mut api = open(&stub);
    let observation = poll_at(&mut api, 0).await.expect("a good poll");
    assert_eq!(keys(&observation), [("1", true), ("2", true), ("3", true)]);
    assert_eq!(
        observation.notes,
        [
            "site 1 came by GET /api/Agent?siteId=1",
            "site 2 came by GET /api/Agent",
            "site 3 came by GET /api/Agent?siteId=3"
        ]
    );
    let asked = stub.asked();
    assert_eq!(
        asked[..7],
        [
            "POST /api/Session/logon",
            "GET /api/Agent",
            "GET /api/Site/status",
            "GET /api/Agent?siteId=1",
            "GET /api/Agent?siteId=3",
            // Lists of names are asked for in the same way.
            "GET /api/Gateway",
            "GET /api/Gateway?siteId=1",
        ]
    );
    assert_eq!(asked.len(), 9, "{asked:?}: the rest has to wait for its place in the budget");
    // A list that names no site is of the one that it was asked for, or of that which is taken for granted.
    assert_eq!(agents(&observation), ["1", "gw-1", "rds-2", "gw-2", "3", "gw-3"]);
    api.session.refill_for_test();
    let after = poll_at(&mut api, 60).await.expect("a good poll");
    assert_eq!(keys(&after), [("1", true), ("2", true), ("3", true)]);
    assert_eq!(after.extras[..2], [("sites", Ok(())), ("names", Ok(()))]);
}

#[tokio::test]
async fn sites_that_are_named_are_asked_for_one_by_one() {
    let stub = farm(&[1]);
    let mut api = with_sites(&stub, &[3, 2]);
    let observation = poll_at(&mut api, 0).await.expect("a good poll");
    assert_eq!(keys(&observation), [("2", true), ("3", true)]);
    let asked = stub.asked();
    assert_eq!(asked[1..3], ["GET /api/Agent?siteId=2", "GET /api/Agent?siteId=3"]);
    assert!(asked[1..].iter().all(|line| line.contains("?siteId=")), "{asked:?}");
    assert!(observation.extras.iter().all(|(name, _)| *name != "sites"), "nobody asks which there are");
}

#[tokio::test]
async fn a_server_that_overlooks_the_site_gives_no_site_twice() {
    let stub = start(|seen| match seen.line.split_once("?siteId=") {
        Some((path, _)) => answer(&Request { line: path.to_owned(), ..seen.clone() }, &[1, 2]),
        None => answer(seen, &[1, 2]),
    });
    let observation = poll_at(&mut open(&stub), 0).await.expect("a good poll");
    assert_eq!(keys(&observation), [("1", true), ("2", true), ("3", true)]);
    assert_eq!(agents(&observation).len(), 4, "of the third it has nothing");
}

#[tokio::test]
async fn a_site_that_cannot_be_read_costs_itself() {
    let stub = start(|seen| match &*seen.line {
        "GET /api/Agent?siteId=3" => status(500),
        _ => answer(seen, &[1]),
    });
    let mut api = open(&stub);
    for seconds in [0, 60] {
        api.session.refill_for_test();
        let observation = poll_at(&mut api, seconds).await.expect("a partial poll");
        assert_eq!(keys(&observation), [("1", true), ("2", true), ("3", false)]);
        assert_eq!(observation.notes[2], "site 3 did not come, by GET /api/Agent?siteId=3");
    }
    let mut api = with_sites(&stub, &[3]);
    api.session.refill_for_test();
    assert_eq!(poll_at(&mut api, 0).await.expect_err("there is no other").reason, Reason::HttpStatus);
}

#[tokio::test]
async fn sites_are_known_on_where_their_list_fails() {
    let round = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let now = Arc::clone(&round);
    let stub = start(move |seen| match &*seen.line {
        "GET /api/Site/status" if now.load(std::sync::atomic::Ordering::Relaxed) > 0 => status(500),
        _ => answer(seen, &[1]),
    });
    let mut api = open(&stub);
    for (index, seconds) in [0, 700, 7000].into_iter().enumerate() {
        round.store(index, std::sync::atomic::Ordering::Relaxed);
        api.session.refill_for_test();
        let observation = poll_at(&mut api, seconds).await.expect("a good poll");
        assert_eq!(keys(&observation), [("1", true), ("2", true), ("3", true)], "round {index}");
        assert!(!observation.incomplete);
        assert_eq!(observation.extras[0].1.is_ok(), index == 0);
    }
    // Nothing is known after a start: there may be more than what came.
    let mut api = open(&stub);
    api.session.refill_for_test();
    let observation = poll_at(&mut api, 8000).await.expect("a good poll");
    assert_eq!((keys(&observation), observation.incomplete), (vec![("1", true)], true));
}

#[tokio::test]
async fn a_list_that_can_hardly_be_read_loses_no_site() {
    let round = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let now = Arc::clone(&round);
    let stub = start(move |seen| match &*seen.line {
        "GET /api/Agent" if now.load(std::sync::atomic::Ordering::Relaxed) == 1 => ok(&rows(&[1, 2, 3])
            .replace(r#""siteId": 2"#, r#""siteId": {}"#)
            .replace(r#""siteId": 3"#, r#""siteId": []"#)),
        "GET /api/Agent" => ok(&rows(&[1, 2, 3])),
        _ => answer(seen, &[]),
    });
    let mut api = open(&stub);
    poll_at(&mut api, 0).await.expect("a good poll");
    round.store(1, std::sync::atomic::Ordering::Relaxed);
    let observation = poll_at(&mut api, 60).await.expect("a partial poll");
    let failed = observation.parts.iter().map(|(key, outcome)| (&**key, outcome.failure().is_some()));
    assert_eq!(failed.collect::<Vec<_>>(), [("1", true), ("2", true), ("3", true)]);
    round.store(2, std::sync::atomic::Ordering::Relaxed);
    api.session.refill_for_test();
    let observation = poll_at(&mut api, 120).await.expect("a good poll");
    assert_eq!(keys(&observation), [("1", true), ("2", true), ("3", true)]);
}
