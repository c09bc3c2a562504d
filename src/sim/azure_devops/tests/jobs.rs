//! Jobs and scale sets: calm, in incidents, and told in another way.

use super::*;

fn hours(world: &World, steps: usize, mut each: impl FnMut()) {
    for _ in 0..steps {
        each();
        world.advance(Duration::from_secs(97));
    }
}

#[test]
fn no_two_jobs_have_one_id_and_one_job_is_always_the_same() {
    let world = world(1_000);
    let service = AzureDevops::new(Arc::clone(&world));
    let (mut seen, mut ended) = (BTreeMap::new(), BTreeMap::new());
    hours(&world, 60, || {
        let shown = service.shown_jobs();
        let ids: std::collections::BTreeSet<i64> = shown.iter().map(|job| job.id).collect();
        assert_eq!(ids.len(), shown.len());
        for job in shown {
            assert!(job.wait > 0.0 && job.wait < 60.0, "{job:?}");
            assert_eq!(*seen.entry(job.id).or_insert_with(|| job.pool.clone()), job.pool);
            if let Some(end) = job.ended {
                assert!(end.0 > 0.0 && RESULTS.contains(&end.1));
                assert_eq!(*ended.entry(job.id).or_insert(end), end);
            }
        }
    });
    assert!(ended.len() > 1_000, "{}", ended.len());
}

const RESULTS: [&str; 6] = AzureDevops::RESULTS;

#[test]
fn slow_builds_fill_the_pool_and_the_queue_waits_longer_and_longer() {
    let world = world(200);
    let service = AzureDevops::new(Arc::clone(&world));
    let oldest = || {
        let truth = service.truth();
        let labels = [("pool", "linux-build"), ("target", "builds")];
        let since = find(&truth, "azure_devops_pool_oldest_queued_job_timestamp_seconds", &labels);
        since.map_or(0.0, |since| world.now().as_secs_f64() - since.value)
    };
    assert!(oldest() < 120.0);
    world.begin(Incident::SlowBuilds);
    world.advance(Duration::from_secs(45 * 60));
    assert!(oldest() > 30.0 * 60.0, "{}", oldest());
    world.advance(Duration::from_secs(45 * 60));
    let of = |pool: &str| -> Vec<f64> {
        let shown = service.shown_jobs().into_iter().filter(|job| job.pool == pool);
        shown.filter_map(|job| job.ended).map(|(took, _)| took).collect()
    };
    let longest = |pool| of(pool).into_iter().fold(0.0, f64::max);
    assert!(longest("linux-build") > 20.0 * 60.0 && longest("windows-build") < 12.0 * 60.0);
}

#[test]
fn a_broken_scale_set_is_unhealthy_and_has_nobody() {
    let world = world(200);
    let service = AzureDevops::new(Arc::clone(&world));
    let sets = || list(get(&service, "/contoso/_apis/distributedtask/elasticpools?api-version=7.1"));
    assert!(!sets().is_empty());
    assert!(sets().iter().all(|set| set["state"] == "online" && set["offlineSince"].is_null()));
    world.begin(Incident::ScaleSetBroken);
    world.advance(Duration::from_secs(1_200));
    let sets = sets();
    assert_eq!((&sets[0]["state"], &sets[0]["poolId"]), (&"unhealthy".into(), &12.into()));
    assert!(sets[0]["offlineSince"].is_string() && sets[0]["sizingAttempts"] == 4);
    let agents = agents(&service, &format!("{POOLS}/12"));
    assert!(agents.iter().all(|agent| agent["status"] == "offline"), "{agents:?}");
    let queue = list(get(&service, &format!("{POOLS}/12/jobrequests?completedRequestCount=0")));
    assert!(queue.len() > 5 && queue.iter().all(|row| row.get("assignTime").is_none()));
    world.set_quirk(VENDOR, Quirk::OtherSpelling, true);
    let body = json(get(&service, "/contoso/_apis/distributedtask/elasticpools"));
    assert_eq!(body[0]["state"], "2");
    world.set_quirk(VENDOR, Quirk::OldServer, true);
    assert_eq!(get(&service, "/contoso/_apis/distributedtask/elasticpools").status, StatusCode::NOT_FOUND);
}

#[test]
fn a_job_that_nobody_can_take_names_the_agents_that_could() {
    let world = world(300);
    let service = AzureDevops::new(Arc::clone(&world));
    let unmatched = || {
        let all = service.truth().into_iter().filter(|sample| sample.name == "azure_devops_pool_unmatched_jobs");
        all.map(|sample| sample.value).sum::<f64>()
    };
    let rows = || list(get(&service, &format!("{POOLS}/11/jobrequests?completedRequestCount=0")));
    hours(&world, 10, || assert_eq!(unmatched(), 0.0));
    world.begin(Incident::JobNobodyCanTake);
    let lost: Vec<Value> = rows().into_iter().filter(|row| row["matchedAgents"][0]["enabled"] == false).collect();
    assert_eq!((lost.len(), &lost[0]["matchesAllAgentsInPool"]), (1, &false.into()));
    assert_eq!(lost[0]["matchedAgents"].as_array().map(Vec::len), Some(2));
    hours(&world, 10, || assert_eq!(unmatched(), 1.0));
    // In a pool that is too small for them, it matches nobody at all.
    let small = AzureDevops::new(self::world(20));
    small.world.begin(Incident::JobNobodyCanTake);
    let rows = list(get(&small, &format!("{POOLS}/11/jobrequests?completedRequestCount=0")));
    assert!(rows.iter().any(|row| row["matchedAgents"].as_array().is_some_and(Vec::is_empty)));
}

#[test]
fn deployment_pools_may_be_told_only_where_they_are_asked_for() {
    let service = service(200);
    let types = |query: &str| -> Vec<String> {
        let pools = list(get(&service, &format!("{POOLS}{query}")));
        pools.iter().map(|pool| pool["poolType"].as_str().expect("a type").to_owned()).collect()
    };
    assert!(types("").contains(&"deployment".to_owned()));
    service.set_deployment_apart(true);
    assert!(!types("").contains(&"deployment".to_owned()));
    let asked = types("?poolType=deployment");
    assert!(!asked.is_empty() && asked.iter().all(|kind| kind == "deployment"));
}

#[test]
fn capabilities_are_told_only_where_they_are_asked_for() {
    let service = service(200);
    service.set_capabilities(&["docker", "git", "team"]);
    let with = list(get(&service, &format!("{POOLS}/10/agents?includeCapabilities=true")));
    assert!(with.iter().all(|agent| agent["systemCapabilities"]["Git"].is_string()));
    let truth = service.truth();
    let of = |name: &str| {
        let all = truth.iter().filter(|sample| sample.name == "azure_devops_agent_capability_info");
        all.filter(|sample| sample.labels["capability"] == name).count()
    };
    assert!(of("docker") > 0 && of("docker") < of("git") && of("git") == of("team"));
}
