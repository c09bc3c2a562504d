//! The machines: calm, in incidents, with quirks.

use super::*;

/// How many machines are in each class.
fn classes(truth: &[Truth], pool: Option<&str>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for sample in truth.iter().filter(|t| t.name == "rollcall_agent_health") {
        if pool.is_none_or(|pool| sample.labels["pool"] == pool) {
            *found.entry(sample.labels["health"].clone()).or_default() += 1;
        }
    }
    found
}

#[test]
fn a_calm_fleet_has_only_sane_states() {
    for seed in 1..20 {
        let options = Options { seed, agents: 1_000, frozen: true, ..Options::default() };
        let truth = CitrixStorefront::new(Arc::new(World::new(options))).truth();
        let classes: BTreeSet<String> = classes(&truth, None).into_keys().collect();
        assert!(classes.is_subset(&["healthy", "disabled", "transitional"].map(str::to_owned).into()));
        assert!(classes.contains("disabled"));
    }
}

#[test]
fn every_combination_of_states_can_be_reached() {
    let service = service(2_000);
    service.set_parade(true);
    let truth = service.truth();
    let mut pairs: BTreeMap<(&str, &str), [Option<&str>; 2]> = BTreeMap::new();
    for sample in &truth {
        let column = match sample.name {
            "citrix_machine_power_state" => 0,
            "citrix_machine_registration_state" => 1,
            _ => continue,
        };
        let key = (sample.labels["pool"].as_str(), sample.labels["agent"].as_str());
        pairs.entry(key).or_default()[column] = Some(&sample.labels["state"]);
    }
    assert_eq!(pairs.values().collect::<BTreeSet<_>>().len(), 48);
    service.set_parade(false);
    service.set_state("VDI-EAST-001", "On", "Unregistered", false);
    assert_eq!(classes(&service.truth(), None).get("failed"), Some(&1));
}

#[test]
fn a_lost_hypervisor_takes_half_a_farm_and_more() {
    let options = Options {
        agents: 400,
        incidents: vec![Incident::HypervisorLost],
        incident_delay: Duration::ZERO,
        frozen: true,
        ..Options::default()
    };
    let world = Arc::new(World::new(options));
    let service = CitrixStorefront::new(Arc::clone(&world));
    world.advance(Duration::from_secs(2_000));
    let first = classes(&service.truth(), Some("XD-East"));
    let all: usize = first.values().sum();
    assert!(first["unknown"] * 2 > all, "{first:?}");
    assert!(first["degraded"] > 0 && !first.contains_key("failed"), "{first:?}");
    assert!(!classes(&service.truth(), Some("XD-West")).contains_key("unknown"));
}

#[test]
fn patch_night_restarts_few_at_a_time_and_fails_nobody() {
    let options = Options {
        agents: 2_000,
        incidents: vec![Incident::PatchNight],
        incident_delay: Duration::ZERO,
        frozen: true,
        ..Options::default()
    };
    let world = Arc::new(World::new(options));
    let service = CitrixStorefront::new(Arc::clone(&world));
    let mut restarted = 0;
    for _ in 0..20 {
        let classes = classes(&service.truth(), None);
        assert!(!classes.contains_key("failed") && !classes.contains_key("unknown"), "{classes:?}");
        let changing = classes.get("transitional").copied().unwrap_or(0);
        assert!(changing <= 400 / 10, "{classes:?}");
        restarted += changing;
        world.advance(Duration::from_secs(60));
    }
    assert!(restarted > 0);
}

#[test]
fn quirks_change_the_first_four_machines_and_the_truth_knows() {
    let world = world(200);
    let service = CitrixStorefront::new(Arc::clone(&world));
    for quirk in [Quirk::UnknownState, Quirk::DuplicateName, Quirk::NastyName, Quirk::LongName, Quirk::BadItem] {
        world.set_quirk(VENDOR, quirk, true);
    }
    let (_, machines) = opened(&service);
    let ids: Vec<String> = (1..=4).map(|i| format!("XD-East.Desktop {i}")).collect();
    let body = service.answer(bearing(list_of(&ids), &machines)).into_bytes();
    let names = texts(&body, "machinename");
    assert_eq!((names.len(), texts(&body, "resourceid").len()), (5, 4), "one item without an id");
    assert_eq!(names[1], names[2]);
    assert_eq!(names[3], "quote \" backslash \\ line\nfeed");
    assert_eq!(texts(&body, "powerstate")[0], "Hibernated");
    let truth = service.truth();
    let health = |agent: &str| {
        let all = truth.iter().filter(|t| t.name == "rollcall_agent_health");
        all.filter(|t| t.labels["agent"] == agent).count()
    };
    let second = "VDI-EAST-001#XD-East.S-1-5-21-3729792978-2641905665-2579007459-1000002";
    for agent in ["VDI-EAST-001", second, &names[3], &format!("long-{}", "ä".repeat(125))] {
        assert_eq!(health(agent), 1, "{agent}");
    }
    let power = truth.iter().find(|t| t.name == "citrix_machine_power_state").expect("a sample");
    assert_eq!(power.labels["state"], "other");
}

#[test]
fn a_hundred_thousand_agents_are_enumerated_in_chunks_and_the_same_for_the_same_seed() {
    let body = |seed| {
        let options = Options { agents: 100_000, seed, frozen: true, ..Options::default() };
        let service = CitrixStorefront::new(Arc::new(World::new(options)));
        let (store, machines) = opened(&service);
        let response = service.answer(bearing(enumeration(), &store));
        assert!(matches!(response.body, super::super::super::Body::Stream(_)));
        let bytes = response.into_bytes();
        assert!(bytes.len() < 40 << 20, "{} bytes", bytes.len());
        let ids = &texts(&bytes, "id")[1_000..1_200];
        service.answer(bearing(list_of(ids), &machines)).into_bytes()
    };
    assert_eq!(body(1), body(1));
    assert_ne!(body(1), body(2));
}
