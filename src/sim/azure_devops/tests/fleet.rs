//! The agents: calm, in incidents, with quirks.

use super::*;

#[test]
fn a_calm_fleet_has_no_failed_agent() {
    let mut transitional = 0;
    for seed in 1..20 {
        let options = Options { seed, frozen: true, agents: 1_000, ..Options::default() };
        let truth = AzureDevops::new(Arc::new(World::new(options))).truth();
        assert_eq!(find(&truth, "rollcall_agent_health", &[("health", "failed")]), None);
        let changing = [("health", "transitional")];
        transitional += usize::from(find(&truth, "rollcall_agent_health", &changing).is_some());
        assert!(find(&truth, "rollcall_agent_health", &[("health", "disabled")]).is_some());
    }
    assert!(transitional > 0);
}

#[test]
fn a_lost_build_pool_is_offline_and_its_queue_grows() {
    let world = world(200);
    let service = AzureDevops::new(Arc::clone(&world));
    world.begin(Incident::BuildPoolOffline);
    let truth = service.truth();
    let first = [("pool", "linux-build"), ("target", "builds")];
    let online = truth.iter().filter(|t| t.name == "azure_devops_agent_online" && t.labels["pool"] == "linux-build");
    assert!(online.clone().count() > 5 && online.clone().all(|t| t.value == 0.0));
    let queued = [first[0], first[1], ("state", "queued")];
    assert!(find(&truth, "azure_devops_pool_jobs", &queued).is_some_and(|t| t.value >= 1.0));
    // Whoever had a job keeps it until the lock ends.
    let of = |name: &str| -> Vec<Truth> {
        let all = service.truth();
        all.into_iter().filter(|t| t.name == name && t.labels["pool"] == "linux-build" && t.value == 1.0).collect()
    };
    assert_ne!(of("azure_devops_agent_busy"), []);
    world.advance(Duration::from_secs(660));
    assert_eq!(of("azure_devops_agent_busy"), []);
    assert!(of("azure_devops_agent_last_job_result").iter().any(|t| t.labels["result"] == "abandoned"));
}

#[test]
fn quirks_change_the_first_four_agents_and_the_truth_knows() {
    let world = world(200);
    let service = AzureDevops::new(Arc::clone(&world));
    for quirk in [Quirk::UnknownState, Quirk::DuplicateName, Quirk::NastyName, Quirk::LongName, Quirk::BadItem] {
        world.set_quirk(VENDOR, quirk, true);
    }
    let found = agents(&service, &format!("{POOLS}/10"));
    assert!(found[0].get("id").is_none());
    assert_eq!(found[1]["status"], "hibernating");
    assert_eq!(found[2]["name"], found[1]["name"]);
    let truth = service.truth();
    let health = |agent: &str| {
        let all = truth.iter().filter(|t| t.name == "rollcall_agent_health");
        all.filter(|t| t.labels["agent"] == agent).count()
    };
    assert_eq!(health("lnx-build-001"), 1);
    assert_eq!(health("lnx-build-001#2"), 1);
    assert_eq!(health("quote \" backslash \\ line\nfeed"), 1);
    assert_eq!(health(&format!("long-{}", "ä".repeat(125))), 1);
    let labels = [("agent", "lnx-build-001"), ("health", "unknown")];
    assert!(find(&truth, "rollcall_agent_health", &labels).is_some());
}

#[test]
fn patch_night_takes_few_at_a_time_and_fails_nobody() {
    let options = Options {
        agents: 2_000,
        incidents: vec![Incident::PatchNight],
        incident_delay: Duration::ZERO,
        frozen: true,
        ..Options::default()
    };
    let world = Arc::new(World::new(options));
    let service = AzureDevops::new(Arc::clone(&world));
    for _ in 0..20 {
        let truth = service.truth();
        let health = |class| {
            let all = truth.iter().filter(|t| t.name == "rollcall_agent_health");
            all.filter(|t| t.labels["health"] == class && t.labels["target"] == "builds").count()
        };
        assert_eq!(health("failed"), 0);
        assert!(health("disabled") < 800 / 4, "{}", health("disabled"));
        world.advance(Duration::from_secs(60));
    }
}

#[test]
fn no_agent_seems_to_flap_in_a_patch_night() {
    let options = Options {
        incidents: vec![Incident::PatchNight],
        incident_delay: Duration::ZERO,
        frozen: true,
        ..Options::default()
    };
    let service = AzureDevops::new(Arc::new(World::new(options)));
    let mut classes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..90 {
        for sample in service.truth().iter().filter(|sample| sample.name == "rollcall_agent_health") {
            let agent = format!("{}/{}/{}", sample.labels["target"], sample.labels["pool"], sample.labels["agent"]);
            classes.entry(agent).or_default().push(sample.labels["health"].clone());
        }
        service.world.advance(Duration::from_secs(60));
    }
    assert!(classes.len() > 50);
    for (agent, classes) in classes {
        let changes = classes.windows(61).map(|hour| hour.windows(2).filter(|pair| pair[0] != pair[1]).count());
        let most = changes.max().unwrap_or_default();
        assert!(most < 6, "{agent} changed {most} times within an hour");
    }
}

#[test]
fn a_hundred_thousand_agents_are_streamed_and_the_same_for_the_same_seed() {
    let service_of = |seed| {
        AzureDevops::new(Arc::new(World::new(Options { agents: 100_000, seed, frozen: true, ..Options::default() })))
    };
    let path = format!("{POOLS}/10/agents?includeAssignedRequest=true&includeLastCompletedRequest=true");
    let bytes = |service: &AzureDevops| {
        let response = get(service, &path);
        assert!(matches!(response.body, super::super::super::Body::Stream(_)));
        response.into_bytes()
    };
    let first = bytes(&service_of(1));
    assert!(first.len() < 40 << 20, "{} bytes", first.len());
    assert_eq!(first, bytes(&service_of(1)));
    assert_ne!(first, bytes(&service_of(2)));
}
