//! Runs in pages: followed, left, held up and known again.

use std::time::Instant;

use super::*;

/// A page of as many runs from this id on, each of a job of its own.
fn page(first: usize, count: usize) -> String {
    let runs = (first..first + count).map(|id| format!(r#"{{"id":{id},"job_id":{id},"status":"finished"}}"#));
    format!(r#"{{"data":[{}]}}"#, runs.collect::<Vec<_>>().join(","))
}

/// Where a page begins.
fn offset(seen: &Request) -> Option<usize> {
    let query = seen.line.strip_prefix("GET /api/v2/runs?offset=")?;
    query.split('&').next()?.parse().ok()
}

/// A console whose runs come from here, for up to 20,000 of them.
fn paged(pages: impl Fn(usize) -> Response + Send + Sync + 'static) -> (Stub, ResilioConsole) {
    let stub = but(move |seen| offset(seen).map(&pages));
    let target = Target { max_agents: 20_000, ..sample(&stub, &settings()) };
    let api = open(target, settings());
    (stub, api)
}

fn runs(observation: &Observation) -> usize {
    samples_of(fresh(observation, "runs"), &families::RUN_STATUS).len()
}

fn offsets(stub: &Stub) -> Vec<usize> {
    stub.take().iter().filter_map(offset).collect()
}

#[tokio::test]
async fn pages_are_followed_to_the_first_that_is_short_or_empty() {
    for (total, asked_at_most) in [(0, 1), (499, 1), (500, 5), (2_000, 8), (5_003, 15)] {
        let (stub, mut api) = paged(move |offset| json(page(offset, (total - total.min(offset)).min(500))));
        let observation = poll(&mut api).await.expect("a poll that works");
        assert_eq!(runs(&observation), total);
        let offsets = offsets(&stub);
        assert!(offsets.len() <= asked_at_most && offsets.len() > total / 500, "{total}: {offsets:?}");
        let different: std::collections::BTreeSet<_> = offsets.iter().collect();
        assert_eq!(different.len(), offsets.len(), "each once");
    }
}

#[tokio::test]
async fn a_total_that_lies_changes_nothing() {
    for lie in [r#""total":0"#, r#""total":9999999"#, r#""count":100000"#, r#""count":1"#, r#""total":"many""#] {
        let (_stub, mut api) = paged(move |offset| {
            let body = page(offset, if offset < 1000 { 500 } else { 3 });
            json(body.replacen('{', &format!("{{{lie},"), 1))
        });
        let (observation, warnings) = poll_at(&mut api, &Memory::default(), NOW).await;
        let observation = observation.expect("a poll that works");
        assert_eq!((runs(&observation), warnings.count(Warning::BadItem)), (1003, 0), "{lie}");
        assert_eq!(fresh(&observation, "runs").defect, None);
    }
}

#[tokio::test]
async fn a_page_that_repeats_ends_the_list_and_is_counted_once() {
    let (stub, mut api) = paged(|_| json(page(0, 500)));
    let (observation, warnings) = poll_at(&mut api, &Memory::default(), NOW).await;
    assert_eq!((runs(&observation.expect("a poll that works")), warnings.count(Warning::BadItem)), (500, 1));
    assert!(offsets(&stub).len() <= 6);
    // Runs that began meanwhile have moved some to the next page.
    let (_stub, mut api) = paged(|offset| json(page(offset - offset / 100, (2_000 - offset.min(2_000)).min(500))));
    let (observation, warnings) = poll_at(&mut api, &Memory::default(), NOW).await;
    assert_eq!((runs(&observation.expect("a poll that works")), warnings.count(Warning::BadItem)), (1_985, 0));
    // A console that sends all of them whatever it is asked for.
    let (stub, mut api) = paged(|_| json(page(0, 777)));
    let (observation, warnings) = poll_at(&mut api, &Memory::default(), NOW).await;
    assert_eq!((runs(&observation.expect("a poll that works")), warnings.count(Warning::BadItem)), (777, 0));
    assert_eq!(offsets(&stub), [0]);
}

#[tokio::test]
async fn a_list_without_an_end_is_left_and_costs_only_itself() {
    let (stub, mut api) = paged(|offset| json(page(offset, 500)));
    let observation = poll(&mut api).await.expect("a partial poll");
    let failure = failed(&observation, "runs");
    assert!(failure.reason == Reason::TooLarge && failure.message.contains("max_agents"), "{failure}");
    let asked = offsets(&stub).len();
    assert!((41..=46).contains(&asked), "20,000 runs are 40 pages: {asked}");
    fresh(&observation, "agents");
    // Nothing in it can be read, page after page.
    let rows = format!("[{}]", vec!["{}"; 500].join(","));
    let (stub, mut api) = paged(move |_| json(&*rows));
    assert_eq!(failed(&poll(&mut api).await.expect("a partial poll"), "runs").reason, Reason::TooLarge);
    assert!(offsets(&stub).len() <= 46);
}

#[tokio::test]
async fn a_page_that_fails_fails_the_runs_and_nothing_else() {
    let (_stub, mut api) = paged(|offset| if offset == 1500 { status(500) } else { json(page(offset, 500)) });
    let observation = poll(&mut api).await.expect("a partial poll");
    assert_eq!(failed(&observation, "runs").reason, Reason::HttpStatus);
    assert_eq!(names(&observation).len(), 7);
}

#[tokio::test]
async fn no_more_requests_than_four_are_under_way() {
    use tokio::io::AsyncWriteExt;
    static NOW_AND_MOST: Mutex<(usize, usize)> = Mutex::new((0, 0));
    let server = rollcall_test_server::Server::hijack(|seen, mut stream| async move {
        {
            let mut under_way = NOW_AND_MOST.lock().expect("no panic");
            under_way.0 += 1;
            under_way.1 = under_way.1.max(under_way.0);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        NOW_AND_MOST.lock().expect("no panic").0 -= 1;
        let body = match offset(&seen) {
            Some(offset) => page(offset, if offset < 5_000 { 500 } else { 0 }),
            None => "[]".to_owned(),
        };
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
        stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
        stream.shutdown().await
    });
    let settings = settings();
    let target = Target::sample(server.url(), VendorSettings::ResilioConsole(settings.clone()));
    let observation = poll(&mut open(Target { max_agents: 20_000, ..target }, settings)).await;
    assert_eq!(runs(&observation.expect("a poll that works")), 5_000);
    let most = NOW_AND_MOST.lock().expect("no panic").1;
    assert!((3..=4).contains(&most), "{most} at once");
}

#[tokio::test]
async fn a_pause_in_the_middle_of_the_pages_is_honoured() {
    for code in [429, 503] {
        let refused = AtomicUsize::new(0);
        let (stub, mut api) = paged(move |offset| match offset {
            1000 if refused.fetch_add(1, Ordering::Relaxed) < 2 => status(code).header("retry-after", "0.3"),
            _ => json(page(offset, if offset < 2_500 { 500 } else { 1 })),
        });
        let begun = Instant::now();
        let observation = poll(&mut api).await.expect("a poll that works");
        assert_eq!(runs(&observation), 2_501);
        assert!(begun.elapsed() >= Duration::from_millis(600), "two pauses of 0.3 s");
        let seen = stub.take();
        let asked: Vec<_> = seen.iter().filter(|seen| offset(seen) == Some(1000)).map(|seen| seen.at).collect();
        assert!(
            asked.len() == 3 && asked.windows(2).all(|two| two[1] - two[0] >= Duration::from_millis(290)),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_told_and_kept() {
    let (stub, mut api) = paged(|offset| match offset {
        500 => status(429).header("retry-after", "600"),
        _ => json(page(offset, 500)),
    });
    let observation = poll(&mut api).await.expect("a partial poll");
    let failure = failed(&observation, "runs");
    assert_eq!(failure.reason, Reason::RateLimited);
    assert!(failure.retry_after.is_some_and(|wait| wait > Duration::from_secs(590)), "{failure:?}");
    stub.take();
    let failure = poll(&mut api).await.expect_err("nothing is sent");
    assert_eq!((failure.reason, stub.take().len()), (Reason::RateLimited, 0));
    // Somebody has reloaded the configuration.
    api.resume();
    assert!(poll(&mut api).await.is_ok());
    assert!(!stub.take().is_empty());
}

#[tokio::test]
async fn a_console_that_asks_for_pauses_without_end_is_left() {
    let (stub, mut api) = paged(|_| status(503).header("retry-after", "0"));
    let observation = poll(&mut api).await.expect("a partial poll");
    assert_eq!(failed(&observation, "runs").reason, Reason::HttpStatus);
    assert!(offsets(&stub).len() <= 6);
}

#[tokio::test]
async fn pages_that_are_as_they_were_are_not_read_again() {
    static TAIL: AtomicUsize = AtomicUsize::new(3);
    let (_stub, mut api) = paged(|offset| {
        let tail = TAIL.load(Ordering::Relaxed);
        json(page(offset, if offset < 1_500 { 500 } else { tail }))
    });
    let known = fingerprints(&poll(&mut api).await.expect("a poll that works"));
    let again = async |api: &mut ResilioConsole| {
        let (observation, _) = poll_knowing(api, &Memory::default(), NOW, &known).await;
        let parts = observation.expect("a poll that works").parts;
        parts.into_iter().find(|(key, _)| &**key == "runs").expect("there are runs").1
    };
    let Outcome::Same(same) = again(&mut api).await else { panic!("nothing has changed") };
    assert_eq!(same.read().expect("it was read before").samples[families::RUN_STATUS.ordinal as usize].len(), 1_503);
    // A run more, on the last page, after pages that were put aside.
    TAIL.store(4, Ordering::Relaxed);
    let Outcome::Fresh(part) = again(&mut api).await else { panic!("there is a run more") };
    assert_eq!(samples_of(&part, &families::RUN_STATUS).len(), 1_504);
    // The notes are of that reading now, what the ledger knows is not.
    let Outcome::Fresh(part) = again(&mut api).await else { panic!("the ledger knows of a run less") };
    assert_eq!(samples_of(&part, &families::RUN_STATUS).len(), 1_504);
    TAIL.store(3, Ordering::Relaxed);
    assert!(matches!(again(&mut api).await, Outcome::Same(_) | Outcome::Fresh(_)));
}

#[tokio::test]
async fn of_a_job_the_run_with_the_highest_id_counts_wherever_it_stands() {
    let (_stub, mut api) = paged(|offset| match offset {
        0 => json(
            r#"[{"id":9,"job_id":1,"status":"working"},{"id":10,"job_id":1,"status":"Paused"},
                      {"id":8,"job_id":1,"status":"aborted","errors":[{"code":10200}]},{"id":3,"job_id":2,"status":"levitating"},
                      {"id":3,"job_id":2,"status":"finished"},{"job_id":4},{"id":5}]"#,
        ),
        _ => json("[]"),
    });
    let (observation, warnings) = poll_at(&mut api, &Memory::default(), NOW).await;
    let observation = observation.expect("a poll that works");
    assert_eq!(
        samples(fresh(&observation, "runs")),
        ["resilio_console_run_status{;1,1,paused} 1", "resilio_console_run_status{;2,2,other} 1"]
    );
    // A run that comes twice, one without an id, one without a job.
    assert_eq!(counted(&warnings), [("unknown_state", 2), ("bad_item", 3)], "also the type of a job");
}
