//! Pages of machines: those that repeat, have no end or lie, pauses in the middle, and what is as it was.

use super::*;

/// A page of these machines.
fn page(ids: std::ops::Range<usize>, next: Option<&str>, total: Option<usize>) -> Response {
    let items: Vec<String> = ids
        .map(|id| format!(r#"{{"Id":"m{id:06}","DnsName":"vdi-{id}.example","DeliveryGroup":{{"Name":"Win"}},"PowerState":"On","RegistrationState":"Registered"}}"#))
        .collect();
    let next = serde_json::to_string(&next).expect("a text");
    let total = total.map_or("null".to_owned(), |total| total.to_string());
    json(format!(r#"{{"Items":[{}],"ContinuationToken":{next},"TotalItems":{total}}}"#, items.join(",")))
}

/// The token by which a page was asked for; empty for the first.
fn asked(seen: &Request) -> Option<String> {
    let (path, query) = seen.line.split_once('?')?;
    let token = query.split('&').find_map(|pair| pair.strip_prefix("continuationToken="));
    path.ends_with("/cvad/manage/Machines").then(|| token.unwrap_or_default().to_owned())
}

/// A site whose pages this gives by their token.
fn paged(give: impl Fn(&str) -> Response + Send + Sync + 'static) -> (Stub, CitrixSite) {
    let others = |seen: &Request| (seen.path() == "/cvad/manage/hypervisors").then(|| json(r#"{"Items":[]}"#));
    let stub = but(move |seen| asked(seen).map(|token| give(&token)).or_else(|| others(seen)));
    let settings = target::CitrixSite { licenses: false, ..settings() };
    let api = api(&stub, settings);
    (stub, api)
}

fn machines(observation: &Observation) -> usize {
    fresh(observation, "machines").agents.len()
}

/// How many pages were asked for.
fn pages(stub: &Stub) -> usize {
    stub.seen().iter().filter(|seen| asked(seen).is_some()).count()
}

#[tokio::test]
async fn pages_are_asked_for_until_none_follows() {
    let (stub, mut api) = paged(|token| match token {
        "" => page(0..300, Some("a+b=="), Some(700)),
        "a%2Bb%3D%3D" => page(299..600, Some("3"), Some(700)),
        _ => page(600..700, None, Some(700)),
    });
    let (observation, warnings) = poll_at(&mut api, &Memory::default(), NOW).await;
    assert_eq!(machines(&observation.expect("a poll that works")), 700);
    // The machine that moved to the next page meanwhile counts once, and is nothing odd.
    assert_eq!((counted(&warnings), pages(&stub)), (vec![], 3));
}

#[tokio::test]
async fn a_list_that_has_no_end_ends_where_all_have_come() {
    type Give = fn(&str) -> Response;
    let endings: [Give; 3] = [
        // The page comes again, and leads to itself.
        |_| page(0..200, Some("1"), Some(200)),
        // Empty pages without end.
        |token| if token.is_empty() { page(0..200, Some("1"), Some(200)) } else { page(0..0, Some("more"), Some(200)) },
        |token| if token.is_empty() { page(0..200, Some("1"), None) } else { page(0..0, Some("more"), None) },
    ];
    for give in endings {
        let (stub, mut api) = paged(give);
        let (observation, warnings) = poll_at(&mut api, &Memory::default(), NOW).await;
        assert_eq!(machines(&observation.expect("all have come")), 200);
        assert_eq!((counted(&warnings), pages(&stub)), (vec![("bad_item", 1)], 2));
    }
}

#[tokio::test]
async fn a_list_that_turns_in_circles_before_all_have_come_is_no_smaller_fleet() {
    type Give = fn(&str) -> Response;
    let circles: [(Give, &str); 3] = [
        (|_| page(0..200, Some("1"), Some(500)), "200 of 500 machines came"),
        (
            |token| {
                if token.is_empty() { page(0..200, Some("1"), Some(500)) } else { page(0..0, Some("1"), Some(500)) }
            },
            "200 of 500",
        ),
        (|_| page(0..200, Some("1"), None), "the pages turn in circles; 200 machines came"),
    ];
    for (give, expected) in circles {
        let (stub, mut api) = paged(give);
        let failure = poll(&mut api).await.expect_err("nobody knows what is missing");
        assert_eq!(failure.reason, Reason::Decode);
        assert!(failure.message.contains(expected), "{failure}");
        assert_eq!(pages(&stub), 2);
    }
}

#[tokio::test]
async fn a_total_that_lies_is_counted_and_believed_in_nothing() {
    for (total, expected) in [(700, vec![("bad_item", 1)]), (1, vec![("bad_item", 1)]), (203, vec![])] {
        let (_stub, mut api) = paged(move |_| page(0..200, None, Some(total)));
        let (observation, warnings) = poll_at(&mut api, &Memory::default(), NOW).await;
        assert_eq!(machines(&observation.expect("the list has its end")), 200);
        assert_eq!(counted(&warnings), expected, "{total}");
    }
    let (_stub, mut api) = paged(|_| page(0..0, None, Some(200)));
    let failure = poll(&mut api).await.expect_err("an empty list is no empty fleet");
    assert!(failure.message.ends_with("200 machines are announced, and the list is empty"), "{failure}");
    let (_stub, mut api) = paged(|_| json(r#"{"ContinuationToken":null,"TotalItems":0}"#));
    assert!(poll(&mut api).await.expect_err("there is no list").message.ends_with("no list of machines"));
    let (_stub, mut api) = paged(|_| page(0..0, None, Some(0)));
    assert_eq!(machines(&poll(&mut api).await.expect("an empty site")), 0);
}

#[tokio::test]
async fn more_machines_than_may_be_fail_the_poll() {
    let (stub, _) = paged(|token| {
        let first = token.parse().unwrap_or(0);
        page(first..first + 300, Some(&(first + 300).to_string()), None)
    });
    let settings = target::CitrixSite { licenses: false, ..settings() };
    let failure = poll(&mut api(&stub, settings)).await.expect_err("there are too many");
    assert_eq!(failure.reason, Reason::TooLarge);
    assert!(failure.message.contains("more than 1000 machines (max_agents)"), "{failure}");
    assert_eq!(pages(&stub), 4);
}

#[tokio::test]
async fn a_pause_in_the_middle_is_waited_for_and_one_that_is_too_long_ends_the_poll() {
    for code in [429, 503] {
        static REFUSALS: AtomicUsize = AtomicUsize::new(0);
        REFUSALS.store(0, Ordering::Relaxed);
        let (stub, mut api) = paged(move |token| match token {
            "" => page(0..10, Some("1"), Some(20)),
            _ if REFUSALS.fetch_add(1, Ordering::Relaxed) < 2 => status(code).header("retry-after", "0.2"),
            _ => page(10..20, None, Some(20)),
        });
        assert_eq!(machines(&poll(&mut api).await.expect("a poll that works")), 20);
        assert_eq!(pages(&stub), 4);
    }
    let (_stub, mut api) = paged(|token| match token {
        "" => page(0..10, Some("1"), Some(20)),
        _ => status(429).header("retry-after", "600"),
    });
    let failure = poll(&mut api).await.expect_err("it waits for ten minutes");
    assert_eq!(failure.reason, Reason::RateLimited);
    assert!(failure.retry_after.is_some_and(|wait| wait > Duration::from_secs(590)), "{failure:?}");
}

#[tokio::test]
async fn pages_that_are_as_they_were_are_not_read_again() {
    static CHANGED: AtomicBool = AtomicBool::new(false);
    let (_stub, mut api) = paged(|token| match token {
        "" => page(0..300, Some("1"), None),
        "1" => page(300..600, Some("2"), None),
        _ if CHANGED.load(Ordering::Relaxed) => page(600..650, None, None),
        _ => page(600..700, None, None),
    });
    let memory = Memory::default();
    let first = poll_at(&mut api, &memory, NOW).await.0.expect("a poll that works");
    let known = fingerprints(&first);
    let (again, _) = poll_knowing(&mut api, &memory, at(1), &known).await;
    let mut again = again.expect("a poll that works");
    let (_, outcome) = again.parts.swap_remove(0);
    let Outcome::Same(same) = outcome else { panic!("it is the same: {outcome:?}") };
    assert_eq!(samples(&same.read().expect("it can be read")), samples(fresh(&first, "machines")));
    // The last page is another one: all of them are read.
    CHANGED.store(true, Ordering::Relaxed);
    let (other, _) = poll_knowing(&mut api, &memory, at(2), &known).await;
    let other = other.expect("a poll that works");
    assert_eq!(machines(&other), 650);
    assert_eq!(samples_of(fresh(&other, "machines"), &families::MACHINE_INFO).len(), 650);
    let unknown = poll_knowing(&mut api, &memory, at(3), &PartFingerprints::default()).await.0;
    assert_eq!(machines(&unknown.expect("a poll that works")), 650);
}
