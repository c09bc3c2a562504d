//! What active runs do on each agent.

use super::*;
use crate::api::resilio::states::RUN;

/// A console with these active runs of 1, 2, 3 ... agents.
fn with_runs(count: usize, other: impl Fn(&str) -> Option<Response> + Send + Sync + 'static) -> Stub {
    but(move |seen| match seen.path() {
        "/api/v2/runs" => {
            let run =
                |id: usize| format!(r#"{{"id":{id},"job_id":{id},"name":"j{id}","active":true,"agents_total":{id}}}"#);
            Some(json(format!("[{}]", (1..=count).map(run).collect::<Vec<_>>().join(","))))
        }
        path => {
            let run = path.strip_prefix("/api/v2/runs/")?.strip_suffix("/agents")?;
            Some(
                other(run).unwrap_or_else(|| {
                    json(r#"[{"agent_id":101,"status":"synced"},{"agent_id":102,"status":"error"}]"#)
                }),
            )
        }
    })
}

/// Names of the jobs whose runs are shown.
fn jobs(observation: &Observation) -> Vec<String> {
    let lines = samples_of(fresh(observation, "agents"), &families::RUN_AGENT_STATUS);
    let mut jobs: Vec<String> = lines.iter().filter_map(|line| Some(line.split(',').nth(2)?.to_owned())).collect();
    jobs.sort();
    jobs.dedup();
    jobs
}

#[tokio::test]
async fn the_runs_with_the_most_agents_are_read_and_no_more_than_are_allowed() {
    let stub = with_runs(9, |_| None);
    let mut api = api(&stub, target::ResilioConsole { run_details_max: 3, ..settings() });
    let observation = poll(&mut api).await.expect("a poll that works");
    assert_eq!(jobs(&observation), ["j7", "j8", "j9"]);
    let asked = |stub: &Stub| stub.asked().iter().filter(|line| line.contains("/runs/")).count();
    assert_eq!(asked(&stub), 3);
    // At their own interval.
    let at = |seconds: u64| NOW.plus(Duration::from_secs(seconds));
    for (seconds, expected) in [(60, 0), (299, 0), (300, 3)] {
        let (observation, _) = poll_at(&mut api, &Memory::default(), at(seconds)).await;
        assert_eq!(jobs(&observation.expect("a poll that works")), ["j7", "j8", "j9"]);
        assert_eq!(asked(&stub), expected, "after {seconds} s");
    }
}

#[tokio::test]
async fn a_run_that_cannot_be_read_keeps_what_was_known_and_one_that_is_gone_does_not() {
    static BROKEN: Mutex<u16> = Mutex::new(0);
    let stub = with_runs(3, |run| {
        let code = *BROKEN.lock().expect("no panic");
        (code > 0 && run == "2").then(|| status(code))
    });
    let mut api = api(&stub, settings());
    assert_eq!(jobs(&poll(&mut api).await.expect("a poll that works")), ["j1", "j2", "j3"]);
    let mut now = NOW;
    for (code, expected, extra) in [
        (500, &["j1", "j2", "j3"][..], Some(Reason::HttpStatus)),
        (404, &["j1", "j3"], None),
        // Nothing is known of it any more.
        (500, &["j1", "j3"], Some(Reason::HttpStatus)),
        (0, &["j1", "j2", "j3"], None),
    ] {
        now = now.plus(Duration::from_secs(300));
        *BROKEN.lock().expect("no panic") = code;
        let (observation, _) = poll_at(&mut api, &Memory::default(), now).await;
        let observation = observation.expect("a poll that works");
        assert_eq!(
            (jobs(&observation), extras(&observation)[2].1),
            (expected.iter().map(|job| (*job).to_owned()).collect(), extra)
        );
    }
}

#[tokio::test]
async fn all_of_them_may_fail_and_the_poll_does_not() {
    let mut missing = 0;
    for (answer, reason, waits) in [
        (status(401), Reason::Forbidden, true),
        (status(403), Reason::Forbidden, true),
        (status(500), Reason::HttpStatus, false),
        (json("{}"), Reason::Decode, false),
        (json(r#"{"data":[{"id":7}]}"#), Reason::Decode, false),
        // The only runs there are may just have ended: it is asked once more.
        (status(404), Reason::HttpStatus, false),
    ] {
        let again = answer.clone();
        let stub = with_runs(2, move |_| Some(again.clone()));
        let mut api = api(&stub, settings());
        let observation = poll(&mut api).await.expect("a poll that works");
        assert_eq!((jobs(&observation).len(), extras(&observation)[2]), (0, ("run_details", Some(reason))));
        assert_eq!(api.details.is_due(NOW.plus(Duration::from_secs(59 * 60))), !waits, "{reason:?}");
        if reason == Reason::HttpStatus {
            let observation = poll(&mut api).await.expect("a poll that works");
            let is_missing = extras(&observation)[2].1 == Some(Reason::NotFound);
            assert_eq!((is_missing, api.details.is_due(NOW)), (is_missing, !is_missing));
            missing += usize::from(is_missing);
        }
    }
    assert_eq!(missing, 1, "where there is no such endpoint it is left alone");
}

#[tokio::test]
async fn a_run_that_has_just_ended_costs_nothing() {
    // The one with the most agents is asked for first.
    let stub = with_runs(3, |run| (run == "3").then(|| status(404)));
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    assert_eq!((jobs(&observation), extras(&observation)[2].1), (vec!["j1".to_owned(), "j2".to_owned()], None));
}

#[tokio::test]
async fn more_rows_than_there_is_room_for_cost_the_runs_that_are_too_many() {
    let stub = with_runs(3, |_| None);
    // Each has two rows of seven series: half of 60 has room for four rows.
    let target = Target { max_series: 60, ..sample(&stub, &settings()) };
    let observation = poll(&mut open(target, settings())).await.expect("a poll that works");
    assert_eq!(jobs(&observation), ["j2", "j3"]);
    assert_eq!(extras(&observation)[2], ("run_details", Some(Reason::TooLarge)));
}

#[tokio::test]
async fn statuses_on_agents_mean_what_they_mean_to_the_agents_themselves() {
    let rows = RUN.iter().map(|(status, _)| *status).chain(["quantum"]);
    let rows: Vec<String> = rows
        .map(|status| format!(r#"{{"agent_id":101,"status":"{status}","size_total":2,"size_completed":1}}"#))
        .collect();
    for (row, expected) in rows.into_iter().zip(RUN.iter().map(Some).chain([None])) {
        let body = format!("[{row},{}]", row.replace("101", "102").replace("}", r#","errors":["x"]}"#));
        let stub = with_runs(1, move |_| Some(json(&*body)));
        let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
        let observation = observation.expect("a poll that works");
        let lines = samples_of(fresh(&observation, "agents"), &families::RUN_AGENT_HEALTH);
        let held: Vec<&str> =
            lines.iter().filter(|line| line.ends_with(" 1")).filter_map(|line| line.split([',', '}']).nth(3)).collect();
        let (class, faulty) = match expected {
            Some(("expired", _)) => (Health::Failed, Health::Failed),
            Some(("paused", class)) => (*class, *class),
            Some((_, class)) => (*class, class.at_least_degraded()),
            None => (Health::Unknown, Health::Unknown),
        };
        assert_eq!(held, [class.as_str(), faulty.as_str()], "{row}");
        // Also the type of a job.
        assert_eq!(warnings.count(Warning::UnknownState), if expected.is_none() { 3 } else { 1 }, "{row}");
    }
}

#[tokio::test]
async fn an_agent_that_comes_twice_in_a_run_counts_once() {
    let stub = with_runs(1, |_| {
        Some(json(r#"[{"agent_id":101,"status":"synced"},{"agent_id":101,"status":"error"},{"x":1},{"agent_id":102}]"#))
    });
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let observation = observation.expect("a poll that works");
    let part = fresh(&observation, "agents");
    let lines = samples_of(part, &families::RUN_AGENT_STATUS);
    let health = samples_of(part, &families::RUN_AGENT_HEALTH);
    assert!(health.contains(&"resilio_console_run_agent_health{all,filer-02;1,j1,unknown} 1".to_owned()), "{health:?}");
    // The other one says nothing of its status.
    assert_eq!(lines, ["resilio_console_run_agent_status{zrh,filer-01;1,j1,synced} 1"]);
    assert_eq!(warnings.count(Warning::BadItem), 2);
    assert_eq!(warnings.count(Warning::UnknownState), 1, "the type of a job");
}

#[tokio::test]
async fn a_run_that_fails_for_long_is_withdrawn_and_the_others_are_not_asked_more_often_for_it() {
    let stub = with_runs(3, |run| (run == "2" && BROKEN.load(Ordering::Relaxed) > 0).then(|| status(500)));
    static BROKEN: AtomicUsize = AtomicUsize::new(0);
    let mut api = api(&stub, settings());
    assert_eq!(jobs(&poll(&mut api).await.expect("a poll that works")), ["j1", "j2", "j3"]);
    BROKEN.store(1, Ordering::Relaxed);
    let mut asked = Vec::new();
    for minute in 1..=15 {
        stub.take();
        let (observation, _) = poll_at(&mut api, &Memory::default(), NOW.plus(Duration::from_secs(60 * minute))).await;
        let jobs = jobs(&observation.expect("a poll that works"));
        assert_eq!(jobs.len(), if minute < 15 { 3 } else { 2 }, "minute {minute}");
        asked.push(stub.asked().iter().filter(|line| line.contains("/runs/")).count());
    }
    // All three when they are due, and in between the one that fails.
    assert_eq!(asked, [0, 0, 0, 0, 3, 1, 1, 1, 1, 3, 1, 1, 1, 1, 3]);
}

#[tokio::test]
async fn of_more_runs_than_there_is_time_for_those_that_waited_longest_come_first() {
    static FAILING: AtomicUsize = AtomicUsize::new(1);
    let stub = with_runs(3, |run| {
        (run == "3" || run == "2").then(|| FAILING.load(Ordering::Relaxed)).filter(|f| *f > 0).map(|_| status(500))
    });
    let mut api = api(&stub, settings());
    assert_eq!(jobs(&poll(&mut api).await.expect("a poll that works")), ["j1"]);
    FAILING.store(0, Ordering::Relaxed);
    let asked = async |api: &mut ResilioConsole, seconds: u64| {
        stub.take();
        let (observation, _) = poll_at(api, &Memory::default(), NOW.plus(Duration::from_secs(seconds))).await;
        observation.expect("a poll that works");
        let lines = stub.asked();
        let runs = lines.iter().filter_map(|line| line.strip_prefix("GET /api/v2/runs/")?.strip_suffix("/agents"));
        let mut runs: Vec<String> = runs.map(str::to_owned).collect();
        runs.sort();
        runs
    };
    // What was read a minute ago is not read again for the others.
    assert_eq!(asked(&mut api, 60).await, ["2", "3"]);
    assert_eq!(asked(&mut api, 120).await, [""; 0]);
    assert_eq!(asked(&mut api, 360).await, ["1", "2", "3"]);
}
