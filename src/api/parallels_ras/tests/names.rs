//! The lists that have names: when they are asked for, and what they cost when they fail.

use super::*;

#[tokio::test]
async fn a_name_stays_until_a_good_list_gives_another_one() {
    let round = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let now = Arc::clone(&round);
    let stub = start(move |seen| match (&*seen.line, now.load(std::sync::atomic::Ordering::Relaxed)) {
        ("POST /api/Session/logon", _) => ok(LOGON),
        ("GET /api/Agent", _) => ok(r#"[{"id": "1", "siteId": 1, "agentState": 0, "serverType": 1}]"#),
        ("GET /api/RDS/Host", 0) => ok(HOSTS),
        ("GET /api/RDS/Host", 1) => status(500),
        ("GET /api/RDS/Host", 2) => ok("[]"),
        ("GET /api/RDS/Host", _) => ok(r#"[{"id": "1", "server": "renamed"}]"#),
        _ => status(404),
    });
    let mut api = open(&stub);
    for (index, name) in
        ["rds-01.example.com", "rds-01.example.com", "rds-01.example.com", "renamed"].iter().enumerate()
    {
        round.store(index, std::sync::atomic::Ordering::Relaxed);
        api.session.refill_for_test();
        let observation = poll_at(&mut api, 601 * index as u64).await.expect("lists never fail a poll");
        assert_eq!(names(&observation), [*name], "round {index}");
        assert_eq!(stub.asked().len(), if index == 0 { 4 } else { 2 }, "round {index}");
    }
}

/// A poll by which these parts are known.
async fn poll_knowing(api: &mut ParallelsRas, seconds: u64, known: &PartFingerprints) -> Observation {
    let (memory, warnings) = (Memory::default(), Warnings::default());
    let (now, deadline) = (T0.plus(Duration::from_secs(seconds)), Instant::now() + Duration::from_secs(20));
    let cx = Context { now, deadline, memory: &memory, warnings: &warnings, known };
    Api::poll(api, &cx).await.expect("a good poll")
}

fn known(observation: &Observation) -> PartFingerprints {
    [("1".into(), part(observation).fingerprint.clone().expect("it can be told"))].into_iter().collect()
}

#[tokio::test]
async fn a_list_that_is_as_it_was_is_not_read_again_until_names_are_due() {
    static LIST: std::sync::Mutex<&str> = std::sync::Mutex::new(AGENTS);
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" => ok(*LIST.lock().expect("no panic")),
        "GET /api/RDS/Host" => ok(HOSTS),
        _ => status(404),
    });
    let mut api = open(&stub);
    let first = poll_at(&mut api, 0).await.expect("a good poll");
    let fingerprints = known(&first);
    stub.take();
    let again = poll_knowing(&mut api, 60, &fingerprints).await;
    let [(_, Outcome::Same(same))] = <[_; 1]>::try_from(again.parts).expect("one part") else {
        panic!("nothing has changed");
    };
    let read = same.read().expect("it was read before");
    assert_eq!(samples(&read), samples(part(&first)));
    assert_eq!(read.agents, part(&first).agents, "names and all");
    assert_eq!(stub.asked(), ["GET /api/Agent"]);

    // The list of the hosts is asked for again after ten minutes; that of gateways, which was not found, is left alone.
    let third = poll_knowing(&mut api, 601, &fingerprints).await;
    assert_eq!(names(&third), ["rds-01.example.com", "1"]);
    assert_ne!(known(&third), fingerprints, "other names may have come");
    // Another list is read, too.
    *LIST.lock().expect("no panic") = r#"[{"id": "1", "siteId": 1, "agentState": 9, "serverType": "x"}, 5]"#;
    let fourth = poll_knowing(&mut api, 660, &known(&third)).await;
    assert_eq!(part(&fourth).warnings.count(crate::api::Warning::BadItem), 1, "its oddities stay with it");
    assert!(matches!(poll_knowing(&mut api, 720, &known(&fourth)).await.parts[..], [(_, Outcome::Same(_))]));
}

#[tokio::test]
async fn a_forbidden_list_costs_only_the_names() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" => ok(AGENTS),
        "GET /api/Gateway" => status(403),
        _ => ok(HOSTS),
    });
    let mut api = open(&stub);
    for (seconds, lists) in [(0, 2), (700, 1), (3601, 2)] {
        api.session.refill_for_test();
        let observation = poll_at(&mut api, seconds).await.expect("lists never fail a poll");
        assert_eq!(names(&observation), ["rds-01.example.com", "1"]);
        let requests = stub.asked();
        assert_eq!(requests.iter().filter(|what| what.contains("Host") || what.contains("Gateway")).count(), lists);
    }
}

#[tokio::test]
async fn a_list_that_hangs_costs_only_the_names_and_is_asked_again_later() {
    let stub = start(|seen| match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" => ok(AGENTS),
        "GET /api/Gateway" => (0, JSON, String::new()),
        _ => ok(HOSTS),
    });
    let mut api = open(&stub);
    let observation = with_context(T0, Duration::from_millis(400), async |cx| Api::poll(&mut api, cx).await)
        .await
        .expect("agents came");
    assert_eq!(names(&observation), ["1", "1"]);
    assert_eq!(stub.asked().len(), 4, "the other lists wait for the next poll");
    let observation = poll_at(&mut api, 30).await.expect("a good poll");
    assert_eq!(names(&observation), ["rds-01.example.com", "1"]);
}
