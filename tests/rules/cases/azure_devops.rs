use super::super::case::{Case, Kind::*, case};

pub fn cases() -> Vec<Case> {
    let mut cases = queues();
    cases.extend(jobs_and_scale_sets());
    cases.extend(agents());
    cases
}

/// A pool with one agent: online, enabled, busy.
fn agent(case: Case, pool: &str, online: &str, enabled: &str, busy: &str) -> Case {
    let of = format!("pool={pool},agent={pool}-1");
    case.with("azure_devops_agent_online", &of, online).with("azure_devops_agent_enabled", &of, enabled).with(
        "azure_devops_agent_busy",
        &of,
        busy,
    )
}

fn queue(case: Case, queued: &str, running: &str) -> Case {
    case.with("azure_devops_pool_jobs", "pool=b,state=queued", queued)
        .with("azure_devops_pool_jobs", "pool=b,state=running", running)
        .with("azure_devops_pool_jobs", "pool=b,state=assigned", "0")
        .with("azure_devops_pool_info", "pool=b,pool_id=1,pool_type=automation,hosted=false", "1")
        .with("rollcall_pool_on_demand", "pool=b", "0")
}

/// After half an hour the queue cannot be read for an hour; then it is empty.
fn unread(case: Case) -> Case {
    let mut case = case.with("azure_devops_pool_job_requests_up", "pool=b", "1*30 0*60 1");
    for (state, jobs) in [("queued", "2*30 -*60 0"), ("running", "0*30 -*60 0"), ("assigned", "0*30 -*60 0")] {
        case = case.with("azure_devops_pool_jobs", &format!("pool=b,state={state}"), jobs);
    }
    case
}

fn queues() -> Vec<Case> {
    let without = |kind, what, online, enabled| {
        let case = case("AzureDevOpsPoolWithoutAgents", kind, "azure_devops", what);
        agent(queue(case, "3", "0"), "b", online, enabled, "0")
    };
    let stuck = |kind, what, running, busy| {
        let case = case("AzureDevOpsQueueStuck", kind, "azure_devops", what);
        agent(queue(case, "2", running), "b", "1", "1", busy)
    };
    let wait = |kind, what, values| {
        case("AzureDevOpsQueueWaitHigh", kind, "azure_devops", what).with(
            "azure_devops_pool_oldest_queued_job_timestamp_seconds",
            "pool=b",
            values,
        )
    };
    let saturated = |kind, what, enabled, busy| {
        agent(case("AzureDevOpsPoolSaturated", kind, "azure_devops", what), "b", "1", enabled, busy)
    };
    vec![
        without(Fires, "all offline", "0", "1").silent(9).fires(10, "critical", "pool=b", 3.0),
        without(Fires, "all disabled", "1", "0").silent(9).fires(10, "critical", "pool=b", 3.0),
        without(Fires, "on demand, and none comes", "0", "1")
            .with("rollcall_pool_on_demand", "pool=b", "1")
            .silent(29)
            .fires(30, "critical", "pool=b", 3.0),
        without(Silent, "one is online", "1", "1").silent(40),
        without(Silent, "hosted by Microsoft", "0", "1")
            .with("azure_devops_pool_info", "pool=b,pool_id=1,pool_type=automation,hosted=true", "1")
            .silent(40),
        stuck(Fires, "nobody meets the demands", "0", "0").silent(19).fires(20, "warning", "pool=b", 2.0),
        stuck(Silent, "one runs", "1", "0").silent(40),
        stuck(Silent, "nobody is idle", "0", "1").silent(40),
        unread(without(Blind, "the queue cannot be read", "0", "1"))
            .fires(89, "critical", "pool=b", f64::NAN)
            .silent(108),
        unread(without(Blind, "the queue cannot be read, and an agent is back", "0*50 1", "1"))
            .fires(49, "critical", "pool=b", f64::NAN)
            .silent(68),
        unread(without(Blind, "the queue cannot be read from the first poll of a daemon on", "0", "1"))
            .with("azure_devops_pool_job_requests_up", "pool=b", "-*30 0*60 1")
            .fires(89, "critical", "pool=b", f64::NAN)
            .silent(108),
        unread(stuck(Blind, "the queue cannot be read", "0", "0")).fires(89, "warning", "pool=b", f64::NAN).silent(106),
        unread(wait(Blind, "the queue cannot be read", "0*30 -")).fires(89, "warning", "pool=b", f64::NAN).silent(106),
        wait(Fires, "a quarter of an hour", "0").silent(25).fires(26, "warning", "pool=b", 1_560.0),
        wait(Silent, "the queue moves", "0+60").silent(60),
        saturated(Fires, "all busy", "1", "1").silent(29).fires(30, "info", "pool=b", 1.0),
        saturated(Silent, "one idle", "1", "0").silent(60),
        saturated(Maintenance, "the busy one is being drained", "0", "1").silent(60),
    ]
}

fn jobs_and_scale_sets() -> Vec<Case> {
    let unmatched = |kind, what, values| {
        let case = case("AzureDevOpsJobUnmatched", kind, "azure_devops", what);
        case.with("azure_devops_pool_unmatched_jobs", "pool=b", values).with("rollcall_pool_on_demand", "pool=b", "0")
    };
    let set = |case: Case, state: &str, size: &str| {
        case.with("azure_devops_elastic_pool_state", &format!("pool=b,state={state}"), "1")
            .with("azure_devops_elastic_pool_desired_size", "pool=b", size)
            .with("azure_devops_elastic_pool_max_capacity", "pool=b", "10")
    };
    let unhealthy = |kind, what, state, queued| {
        let case = case("AzureDevOpsElasticPoolUnhealthy", kind, "azure_devops", what);
        set(queue(case, queued, "0"), state, "3")
    };
    let oldest = "azure_devops_pool_oldest_queued_job_timestamp_seconds";
    let exhausted = |kind, what, size, values| {
        let case = case("AzureDevOpsElasticPoolExhausted", kind, "azure_devops", what);
        set(case, "online", size).with(oldest, "pool=b", values)
    };
    vec![
        unmatched(Fires, "two jobs", "2").silent(14).fires(15, "warning", "pool=b", 2.0),
        unmatched(Fires, "on demand, and nobody comes who could", "1")
            .with("rollcall_pool_on_demand", "pool=b", "1")
            .silent(29)
            .fires(30, "warning", "pool=b", 1.0),
        unmatched(Silent, "each job has somebody", "0").silent(40),
        unmatched(Silent, "somebody comes in time", "1*14 0").silent(40),
        unmatched(Blind, "the queue cannot be read", "2*30 -*60 0")
            .with("azure_devops_pool_job_requests_up", "pool=b", "1*30 0*60 1")
            .fires(89, "warning", "pool=b", f64::NAN)
            .silent(106),
        unhealthy(Fires, "unhealthy, and jobs wait", "unhealthy", "4").silent(14).fires(15, "critical", "pool=b", 4.0),
        unhealthy(Fires, "offline, and no job waits", "offline", "0").silent(14).fires(15, "warning", "pool=b", 1.0),
        unhealthy(Silent, "it is new", "new", "4").silent(60),
        unhealthy(Silent, "it is online", "online", "4").silent(60),
        exhausted(Fires, "at its maximum for long", "10", "0").silent(30).fires(31, "warning", "pool=b", 1_860.0),
        exhausted(Silent, "it may grow", "9", "0").silent(60),
        exhausted(Silent, "the queue moves", "10", "0+60").silent(60),
    ]
}

fn agents() -> Vec<Case> {
    let lost = |kind, what, online, busy| {
        agent(case("AzureDevOpsAgentLostJob", kind, "azure_devops", what), "b", online, "1", busy)
    };
    let locked = "azure_devops_agent_job_locked_until_timestamp_seconds";
    let suspected = |kind, what, pools: usize| {
        let case = case("AzureDevOpsServiceSuspected", kind, "azure_devops", what);
        (0..4).fold(case, |case, pool| {
            agent(case, &format!("p{pool}"), if pool < pools { "1*61 0" } else { "1" }, "1", "0")
        })
    };
    vec![
        lost(Fires, "offline while busy", "0", "1").silent(4).fires(5, "warning", "pool=b,agent=b-1", 1.0),
        lost(Fires, "the hold lapsed", "1", "1").with(locked, "pool=b,agent=b-1", "0").silent(15).fires(
            16,
            "warning",
            "pool=b,agent=b-1",
            960.0,
        ),
        lost(Silent, "offline and idle", "0", "0").silent(30),
        lost(Silent, "the hold is renewed", "1", "1").with(locked, "pool=b,agent=b-1", "300+60").silent(30),
        suspected(Fires, "three of four pools", 3).silent(65).fires(66, "warning", "", 0.75),
        suspected(Silent, "two of four pools", 2).silent(80),
    ]
}
