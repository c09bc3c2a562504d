//! Answers that fail, or that hold what nobody expects.

use super::*;

#[tokio::test]
async fn each_part_fails_alone_and_all_of_them_fail_the_poll() {
    let all = ["agents", "jobs", "runs"];
    for broken in all {
        for (answer, reason) in [
            (status(500), Reason::HttpStatus),
            (status(403), Reason::Forbidden),
            (status(401), Reason::Auth),
            (status(404), Reason::NotFound),
            (json("{}"), Reason::Decode),
            (json(r#"{"data":7}"#), Reason::Decode),
            (json(r#"{"message":"no"}"#), Reason::Decode),
            (json(r#"[{"name":"no id"}]"#), Reason::Decode),
            (json(""), Reason::Decode),
            (json("[{"), Reason::Decode),
            (Response::new(200, "text/html", "<html></html>"), Reason::ContentType),
            (json(format!("[{}1]", " ".repeat(1 << 20))), Reason::TooLarge),
        ] {
            let path = format!("/api/v2/{broken}");
            let stub = but(move |seen| (seen.path() == path).then(|| answer.clone()));
            let result = poll(&mut api(&stub, settings())).await;
            if broken == "agents" && reason == Reason::TooLarge {
                assert_eq!(result.expect_err("it is told as a whole").reason, reason);
                continue;
            }
            let observation = result.unwrap_or_else(|failure| panic!("{broken}: {failure}"));
            assert_eq!(failed(&observation, broken).reason, reason, "{broken}");
            all.iter().filter(|part| **part != broken).for_each(|part| _ = fresh(&observation, part));
        }
    }
    let stub = Stub::start(|_| status(500));
    assert_eq!(poll(&mut api(&stub, settings())).await.expect_err("nothing came").reason, Reason::HttpStatus);
}

#[tokio::test]
async fn lists_of_which_most_cannot_be_read_make_the_poll_partial() {
    let stub = but(|seen| match seen.path() {
        "/api/v2/agents" => Some(json(r#"[{"id":1},{"agent":2},{"agent":3}]"#)),
        "/api/v2/jobs" => Some(json(r#"[{"id":1,"type":"sync"},7,8]"#)),
        "/api/v2/runs" => Some(json(r#"[{"id":1,"job_id":1,"status":"finished"},{"id":2},{"id":3}]"#)),
        _ => None,
    });
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let observation = observation.expect("a partial poll");
    for part in ["agents", "jobs", "runs"] {
        let part = fresh(&observation, part);
        assert_eq!(part.defect.as_ref().map(|defect| defect.reason), Some(Reason::Decode));
        assert_eq!(part.fingerprint, None, "the same answer again is partial again");
    }
    assert_eq!(warnings.count(Warning::BadItem), 6);
}

#[tokio::test]
async fn an_agent_that_comes_twice_counts_once() {
    let stub = but(|seen| match seen.path() {
        "/api/v2/agents" => Some(json(r#"[{"id":1,"name":"a","groups":[{"id":3}]},{"id":1,"name":"b"}]"#)),
        // Approved meanwhile.
        "/api/v2/pending_agents" => Some(json(r#"[{"id":1,"name":"a"},{"id":2},{"id":2}]"#)),
        _ => None,
    });
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let observation = observation.expect("a poll that works");
    let names: Vec<(String, String, &str, &str)> = names(&observation);
    let shown: Vec<(&str, &str)> = names.iter().map(|(_, name, _, state)| (&**name, *state)).collect();
    assert_eq!(shown, [("a", "unknown"), ("2", "declined")]);
    assert_eq!(warnings.count(Warning::BadItem), 3, "in the list of agents, and in each of the others once");
}

#[tokio::test]
async fn tags_have_names_and_each_comes_once() {
    let tags = r#"[{"name":"SITE","value":"zrh"},{"name":"SITE","value":"x"},{"value":"y"},{"name":"n","value":7},{"name":"o","value":[]},5]"#;
    let body = format!(r#"[{{"id":1,"name":"a","tags":{tags}}},{{"id":2,"name":"b","tags":7}}]"#);
    let stub = but(move |seen| (seen.path() == "/api/v2/agents").then(|| json(&*body)));
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let lines = samples_of(fresh(&observation.expect("a poll that works"), "agents"), &families::AGENT_TAG_INFO);
    let tag = |tag: &str| format!("resilio_console_agent_tag_info{{console,a;{tag}}} 1");
    assert_eq!(lines, [tag("SITE,zrh"), tag("n,7"), tag("o,")]);
    assert_eq!((warnings.count(Warning::BadItem), warnings.count(Warning::BadValue)), (2, 1));
}

#[tokio::test]
async fn pools_keep_their_names_while_groups_cannot_be_read() {
    let broken = Arc::new(AtomicUsize::new(0));
    let is_broken = Arc::clone(&broken);
    let stub = but(move |seen| {
        (seen.path() == "/api/v2/groups" && is_broken.load(Ordering::Relaxed) > 0).then(|| status(403))
    });
    let mut api = api(&stub, settings());
    let before = names(&poll(&mut api).await.expect("a poll that works")).len();
    broken.store(1, Ordering::Relaxed);
    let observation = poll(&mut api).await.expect("a poll that works");
    assert_eq!((names(&observation).len(), &*names(&observation)[0].0), (before, "zrh"));
    assert_eq!(extras(&observation)[0], ("groups", Some(Reason::Forbidden)));
    // They are left alone for an hour, and what is known of them is too old before.
    let later = |minutes: u64| NOW.plus(Duration::from_secs(60 * minutes));
    let asked = || stub.asked().iter().filter(|line| line.ends_with("/groups")).count();
    asked();
    let (observation, _) = poll_at(&mut api, &Memory::default(), later(6)).await;
    let observation = observation.expect("a partial poll");
    let failure = failed(&observation, "agents");
    assert!(failure.reason == Reason::Forbidden && failure.message.contains("pool_by: none"), "{failure}");
    fresh(&observation, "runs");
    assert_eq!(asked(), 0);
    broken.store(0, Ordering::Relaxed);
    let (observation, _) = poll_at(&mut api, &Memory::default(), later(61)).await;
    assert_eq!(names(&observation.expect("a poll that works")).len(), before);
    assert_eq!(asked(), 1);
}

#[tokio::test]
async fn agents_that_are_not_approved_may_be_hidden() {
    for (answer, reason) in
        [(status(401), Reason::Forbidden), (status(404), Reason::NotFound), (json("{}"), Reason::Decode)]
    {
        let stub = but(move |seen| (seen.path() == "/api/v2/pending_agents").then(|| answer.clone()));
        let mut api = api(&stub, settings());
        let observation = poll(&mut api).await.expect("a poll that works");
        assert_eq!(names(&observation).len(), 5);
        assert_eq!(extras(&observation)[1], ("pending_agents", Some(reason)));
        assert_eq!(api.pending.is_due(NOW), reason == Reason::Decode, "left alone where it is refused or not there");
        api.resume();
        assert!(api.pending.is_due(NOW));
    }
}

#[tokio::test]
async fn too_many_agents_or_jobs_are_too_large() {
    let list =
        |count: usize| format!("[{}]", (0..count).map(|id| format!(r#"{{"id":{id}}}"#)).collect::<Vec<_>>().join(","));
    let (agents, jobs) = (list(1001), list(2001));
    let stub = but(move |seen| match seen.path() {
        "/api/v2/agents" => Some(json(&*agents)),
        "/api/v2/jobs" => Some(json(&*jobs)),
        _ => None,
    });
    let failure = poll(&mut api(&stub, settings())).await.expect_err("1000 are allowed");
    assert!(failure.reason == Reason::TooLarge && failure.message.contains("max_agents"), "{failure}");
    let target = Target { max_agents: 5000, max_series: 2000, ..sample(&stub, &settings()) };
    let observation = poll(&mut open(target, settings())).await.expect("a partial poll");
    assert_eq!(failed(&observation, "jobs").reason, Reason::TooLarge);
}

#[tokio::test]
async fn what_is_missing_is_absent_and_never_0() {
    let stub = but(|seen| match seen.path() {
        "/api/v2/agents" => Some(json(r#"[{"id":1}]"#)),
        "/api/v2/pending_agents" => Some(json("[]")),
        "/api/v2/jobs" => Some(json(r#"[{"id":5}]"#)),
        "/api/v2/runs" => Some(json(r#"[{"id":7,"job_id":5,"active":true}]"#)),
        "/api/v2/runs/7/agents" => Some(json(r#"[{"agent_id":1}]"#)),
        _ => None,
    });
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let observation = observation.expect("a poll that works");
    assert_eq!(counted(&warnings), [], "what is not there is nothing odd");
    let agents: Vec<String> = samples(fresh(&observation, "agents"));
    let agents: Vec<&str> = agents.iter().filter(|line| !line.ends_with(" 0")).map(|line| &**line).collect();
    assert_eq!(
        agents,
        ["resilio_console_agent_info{console,1;1,,} 1", "resilio_console_run_agent_health{console,1;5,5,unknown} 1",]
    );
    assert_eq!(
        samples(fresh(&observation, "jobs")),
        [
            "resilio_console_jobs{;sync} 0",
            "resilio_console_jobs{;distribution} 0",
            "resilio_console_jobs{;consolidation} 0",
            "resilio_console_jobs{;script} 0",
            "resilio_console_jobs{;other} 1",
            "resilio_console_job_info{;5,5,other} 1",
        ]
    );
    assert_eq!(samples(fresh(&observation, "runs")), ["resilio_console_run_active{;5,5} 1"]);
    assert_eq!(names(&observation)[0].2, "unknown", "nobody said whether it is online");
}
