//! What the wire says of agents and pools, and what becomes of it.

use super::{
    super::states::{HealthInputs, Status, health},
    *,
};
use crate::{api::Warnings, config::target::HealthOverride};

/// Reads one page of agents of a pool.
fn decode(items: &str, settings: &target::AzureDevOps, pool: &PoolRow) -> (Part, Vec<(&'static str, u64)>) {
    let warnings = Warnings::default();
    let mut target = Target::sample("http://127.0.0.1:1", VendorSettings::AzureDevOps(settings.clone()));
    target.health_overrides = vec![HealthOverride {
        state: "deallocated".to_owned(),
        pool: Glob::new("odd").expect("a glob"),
        health: Health::Degraded,
    }];
    let (target, warnings_of, last_jobs) = (&target, &warnings, &last_jobs::LastJobs::default());
    let reader = agents::AgentDecoder { target, settings, pool, capabilities: None, warnings: warnings_of, last_jobs };
    let (mut part, mut count) = (Part::new(FAMILIES), RowCount::default());
    agents::begin(pool, &mut part);
    let page = format!("[{items}]");
    reader.read(page.as_bytes(), &mut part, &mut count, &mut AgentFacts::default()).expect("a list");
    (part, counted(&warnings))
}

fn pool(name: &str) -> PoolRow {
    PoolRow { id: 1, name: name.to_owned(), kind: String::new(), hosted: false, size: None, on_demand: false }
}

/// Section 4, Health, of `deploy/docs/reference.md`, written once more as rows: enabled, status, provisioning state,
/// placeholder, pool that comes and goes, update pending, busy.
#[test]
fn health_follows_the_rules_of_the_reference() {
    let rows = [
        ("1 online - 0 0 0 0", "healthy"),
        ("1 online Provisioned 0 0 0 1", "healthy"),
        ("1 online - 0 1 0 0", "healthy"),
        ("1 online - 0 0 1 0", "transitional"),
        ("1 online - 0 0 1 1", "healthy"),
        ("0 online - 0 0 0 1", "disabled"),
        ("0 offline - 0 0 0 0", "disabled"),
        ("0 other - 0 0 0 0", "disabled"),
        ("1 offline - 0 0 0 0", "failed"),
        ("1 offline Provisioned 0 0 0 0", "failed"),
        ("1 offline RunningRequest 0 0 0 1", "failed"),
        ("1 offline somewhere 0 0 0 0", "failed"),
        ("1 offline Deallocated 0 0 0 0", "disabled"),
        ("1 offline Provisioning 0 0 0 0", "transitional"),
        ("1 offline Deprovisioning 0 0 0 0", "transitional"),
        ("1 offline - 1 0 0 0", "disabled"),
        ("1 offline - 0 1 0 0", "disabled"),
        ("1 offline Provisioning 0 1 0 0", "disabled"),
        ("1 other - 0 0 0 0", "unknown"),
        ("1 other Deallocated 0 1 1 0", "unknown"),
    ];
    for (row, expected) in rows {
        let cells: Vec<&str> = row.split(' ').collect();
        let inputs = HealthInputs {
            enabled: cells[0] == "1",
            status: match cells[1] {
                "online" => Status::Online,
                "offline" => Status::Offline,
                _ => Status::Unknown,
            },
            provisioning: states::provisioning(cells[2]),
            offline_by_design: cells[3] == "1",
            pool_comes_and_goes: cells[4] == "1",
            update_pending: cells[5] == "1",
            busy: cells[6] == "1",
        };
        assert_eq!(health(&inputs).as_str(), expected, "{row}");
    }
}

#[test]
fn agents_are_classed_by_what_the_wire_and_the_settings_say() {
    let settings = target::AzureDevOps { offline_by_design: globs(&["template-*"]), ..settings() };
    let items = r#"{"id":1,"status":"Offline"},{"id":2,"name":"template-1","status":"offline"},
        {"id":3,"status":"offline","provisioningState":"deallocated"},{"id":4,"status":"online","enabled":"False"},
        {"id":5,"status":"online","pendingUpdate":{}},{"id":6,"status":"online","pendingUpdate":{},"assignedRequest":{}},
        {"id":7,"status":"online","assignedRequest":{"planType":"PoolMaintenance"}},{"id":8,"status":"online","assignedRequest":null}"#;
    let (part, warnings) = decode(items, &settings, &pool("p"));
    let found: Vec<_> = part.agents.iter().map(|a| (&*a.name, &*a.state, a.health.map(Health::as_str))).collect();
    assert_eq!(
        found,
        [
            ("1", "Offline", Some("failed")),
            ("template-1", "offline", Some("disabled")),
            ("3", "offline, deallocated", Some("disabled")),
            ("4", "online", Some("disabled")),
            ("5", "online", Some("transitional")),
            ("6", "online", Some("healthy")),
            ("7", "online", Some("healthy")),
            ("8", "online", Some("healthy")),
        ]
    );
    assert_eq!(warnings, []);
    let busy: Vec<f64> = part.samples[families::AGENT_BUSY.ordinal as usize].iter().map(|s| s.value).collect();
    assert_eq!(busy, [0., 0., 0., 0., 0., 1., 0., 0.]);
    assert_eq!(samples_of(&part, &families::AGENT_JOB_ASSIGNED), [""; 0], "a job without its time is no panic");
    let deallocated = samples_of(&part, &families::AGENT_INFO).remove(2);
    assert_eq!(deallocated, "azure_devops_agent_info{p,3;3,,,Deallocated} 1");

    let (part, _) = decode(r#"{"id":3,"status":"offline","provisioningState":"Deallocated"}"#, &settings, &pool("odd"));
    assert_eq!(part.agents[0].health, Some(Health::Degraded), "overridden by configuration");
    let hosted = PoolRow { hosted: true, ..pool("p") };
    let (part, _) = decode(r#"{"id":3,"status":"offline"}"#, &settings, &hosted);
    assert_eq!(part.agents[0].health, Some(Health::Disabled));
}

#[test]
fn odd_items_cost_themselves_and_new_states_become_other() {
    let items = r#"{"id":1,"name":"a\"b\\c\nd","status":3,"lastCompletedRequest":{"result":"exploded","finishTime":"0001-01-01T00:00:00"}},
        {"name":"no id","status":"online"},null,{"id":"2","name":null,"status":"online","createdOn":"soon","maxParallelism":"4"},
        {"id":2,"name":"again","status":"online"},{"id":4,"status":"online","provisioningState":"Levitating","version":[1]}"#;
    let (part, warnings) = decode(items, &settings(), &pool("p"));
    assert_eq!(warnings, [("unknown_state", 3), ("bad_item", 3), ("bad_value", 2)]);
    let found: Vec<_> = part.agents.iter().map(|a| (&*a.name, &*a.state, a.health.map(Health::as_str))).collect();
    assert_eq!(
        found,
        [
            ("a\"b\\c\nd", "3", Some("unknown")),
            ("2", "online", Some("healthy")),
            ("4", "online, Levitating", Some("healthy")),
        ]
    );
    assert_eq!(samples_of(&part, &families::AGENT_ONLINE).len(), 2, "absent where the status is unknown");
    assert_eq!(
        samples_of(&part, &families::AGENT_LAST_JOB_RESULT),
        ["azure_devops_agent_last_job_result{p,a\"b\\c\nd;other} 1"]
    );
    assert_eq!(samples_of(&part, &families::AGENT_LAST_JOB_FINISHED), [""; 0]);
    assert_eq!(samples_of(&part, &families::AGENT_MAX_PARALLELISM), ["azure_devops_agent_max_parallelism{p,2;} 4"]);
    assert_eq!(samples_of(&part, &families::AGENT_INFO)[2], "azure_devops_agent_info{p,4;4,,,other} 1");
}

#[test]
fn results_are_those_of_the_vendor_in_any_case() {
    for name in ["abandoned", "canceled", "failed", "skipped", "succeeded", "succeededWithIssues"] {
        assert_eq!(states::result(&name.to_ascii_uppercase()), Some(name));
    }
    assert_eq!(states::RESULTS.len(), 6);
}

#[test]
fn pools_are_on_demand_by_their_options_and_told_apart_by_their_ids() {
    let warnings = Warnings::default();
    let body = r#"{"count":9,"value":[{"id":7,"name":"x","options":"elasticPool, singleUseAgents"},{"id":5,"name":"x","options":"none"},
        {"id":6,"options":"SingleUseAgents","size":null},{"id":6,"name":"again"},{"name":"no id"},{"id":8,"name":"y","poolType":" Deployment","options":"preserveAgentOnJobFailure"}]}"#;
    let mut rows = Vec::new();
    pools::read(body.as_bytes(), &mut rows, &mut RowCount::default(), 1000, &warnings).expect("a list");
    pools::tell_apart(&mut rows, &warnings);
    let found: Vec<_> = rows.iter().map(|row| (row.id, &*row.name, row.on_demand)).collect();
    assert_eq!(found, [(5, "x", false), (6, "6", true), (7, "x#7", true), (8, "y", false)]);
    assert_eq!(rows[3].kind, "deployment");
    assert_eq!(counted(&warnings), [("bad_item", 2), ("duplicate", 1), ("bad_value", 1)]);
}

#[test]
fn very_many_pools_and_queues_are_described() {
    let url = "http://127.0.0.1/contoso".parse().expect("a URL");
    let api = api_at(&url, settings(), &Arc::default());
    // By a search of all queues for each pool, this would take minutes.
    let rows: Vec<PoolRow> = (0..50_000).map(|id| PoolRow { id, ..pool(&format!("p{id}")) }).collect();
    let unread = Failure::new(Reason::Forbidden, "no");
    let queue = |id: i64| if id % 2 == 0 { Ok(Queue::default()) } else { Err(unread.clone()) };
    let queues: Vec<_> = rows.iter().rev().map(|row| (row.id, queue(row.id))).collect();
    let part = api.describe(&rows, &queues, &HashSet::new(), NOW);
    let up = &part.samples[families::POOL_JOB_REQUESTS_UP.ordinal as usize];
    assert_eq!(up.len(), rows.len());
    assert!(up.iter().all(|sample| sample.value == f64::from(sample.subject % 2 == 0)));
}
