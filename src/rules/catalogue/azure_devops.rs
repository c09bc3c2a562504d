//! Alerts about Azure DevOps: queues, scale sets, and agents that take no part.

use super::{
    Alert,
    Labels::{Agent, Pool, Target},
    Severity::{Critical, Info, Warning},
    Unit, alert, hours, minutes, of_vendor,
};
use crate::{
    catalogue::azure_devops::{
        AGENT_BUSY, AGENT_ENABLED, AGENT_JOB_LOCKED_UNTIL, AGENT_ONLINE, ELASTIC_POOL_DESIRED_SIZE,
        ELASTIC_POOL_MAX_CAPACITY, ELASTIC_POOL_STATE, POOL_INFO, POOL_JOB_REQUESTS_UP, POOL_JOBS,
        POOL_OLDEST_QUEUED_JOB, POOL_UNMATCHED_JOBS,
    },
    rules::expr::{Expr, age, family},
    vendors,
};

const AGENT: &[&str] = &["agent"];
const STATE: &[&str] = &["state"];

pub(super) fn alerts() -> Vec<Alert> {
    let mut rows = queues();
    rows.extend(scale_sets());
    rows.extend(agents());
    of_vendor("azure_devops", vendors::Vendor::AzureDevOps, rows)
}

/// Agents that can take jobs.
fn ready() -> Expr {
    family(&AGENT_ONLINE).equals(1.0).and(family(&AGENT_ENABLED).equals(1.0))
}

/// Pools with jobs in this state, and how many.
fn jobs(state: &'static str) -> Expr {
    family(&POOL_JOBS).is("state", state).above(0.0).sum_without(STATE)
}

fn queues() -> Vec<Alert> {
    let hosted = family(&POOL_INFO).is("hosted", "true").all().max_without(&["pool_id", "pool_type", "hosted"]);
    let nobody = jobs("queued").unless(ready().count_without(AGENT)).unless(hosted);
    let idle = ready().and(family(&AGENT_BUSY).equals(0.0)).count_without(AGENT);
    let busy = family(&AGENT_BUSY).all().and(ready()).sum_without(AGENT);
    let saturation = busy.over(ready().count_without(AGENT)).above(Expr::Threshold);
    vec![
        alert("AzureDevOpsPoolWithoutAgents", Critical, Pool, nobody)
            .unread_where(&POOL_JOB_REQUESTS_UP, Some(ready().count_without(AGENT)))
            .lasting_on_demand(minutes(30))
            .lasting(minutes(10))
            .outlasting(1)
            .annotate(
                "Jobs wait in a pool without agents.",
                "{value} {value:job waits|jobs wait} in pool {pool} of {target}, and no agent there is online and enabled.",
            ),
        alert("AzureDevOpsQueueStuck", Warning, Pool, jobs("queued").and(idle).unless(jobs("running")))
            .unread_where(&POOL_JOB_REQUESTS_UP, None)
            .lasting(minutes(20))
            .annotate(
                "Jobs wait although an agent is idle.",
                "{value} {value:job waits|jobs wait} in pool {pool} of {target} while agents there are idle and none runs: demands or permissions.",
            ),
        alert("AzureDevOpsQueueWaitHigh", Warning, Pool, age(family(&POOL_OLDEST_QUEUED_JOB)).above(Expr::Threshold))
            .unread_where(&POOL_JOB_REQUESTS_UP, None)
            .threshold(900.0, Unit::Seconds)
            .lasting(minutes(10))
            .annotate(
                "A job waits long for an agent.",
                "The oldest job in pool {pool} of {target} has waited for {value:duration}.",
            ),
        alert("AzureDevOpsJobUnmatched", Warning, Pool, family(&POOL_UNMATCHED_JOBS).above(0.0))
            .unread_where(&POOL_JOB_REQUESTS_UP, None)
            .lasting_on_demand(minutes(30))
            .lasting(minutes(15))
            .annotate(
                "A job waits that no agent can take.",
                "{value} {value:job waits|jobs wait} in pool {pool} of {target} whose demands no agent meets that is online and enabled.",
            ),
        alert("AzureDevOpsPoolSaturated", Info, Pool, saturation)
            .threshold(0.95, Unit::Share)
            .lasting(minutes(30))
            .annotate(
                "Nearly all agents of a pool are busy.",
                "{value:share} of the agents of pool {pool} of {target} that can take jobs are busy.",
            ),
    ]
}

fn scale_sets() -> Vec<Alert> {
    let in_state =
        |states: &[&'static str]| family(&ELASTIC_POOL_STATE).one_of("state", states).equals(1.0).max_without(STATE);
    let broken = || in_state(&["offline", "unhealthy"]);
    let full = family(&ELASTIC_POOL_DESIRED_SIZE).at_least(family(&ELASTIC_POOL_MAX_CAPACITY));
    let long = age(family(&POOL_OLDEST_QUEUED_JOB)).above(Expr::Threshold);
    vec![
        alert("AzureDevOpsElasticPoolUnhealthy", Critical, Pool, jobs("queued").and(broken()))
            .unread_where(&POOL_JOB_REQUESTS_UP, Some(in_state(&["online"])))
            .lasting(minutes(15))
            .outlasting(2)
            .annotate(
                "Jobs wait for a scale set that is offline or unhealthy.",
                "{value} {value:job waits|jobs wait} in pool {pool} of {target}, and its scale set is offline or unhealthy.",
            ),
        alert("AzureDevOpsElasticPoolUnhealthy", Warning, Pool, broken()).lasting(minutes(15)).outlasting(1).annotate(
            "A scale set is offline or unhealthy.",
            "The scale set of pool {pool} of {target} is offline or unhealthy; no job waits for it yet.",
        ),
        alert("AzureDevOpsElasticPoolExhausted", Warning, Pool, long.and(full))
            .unread_where(&POOL_JOB_REQUESTS_UP, None)
            .threshold(900.0, Unit::Seconds)
            .lasting(minutes(15))
            .annotate(
                "Jobs wait long although a scale set is as large as it may be.",
                "The oldest job in pool {pool} of {target} has waited for {value:duration}, and its scale set is at its maximum.",
            ),
    ]
}

fn agents() -> Vec<Alert> {
    let offline = || family(&AGENT_ONLINE).equals(0.0);
    let lost = family(&AGENT_BUSY).equals(1.0).and(offline());
    let lapsed = age(family(&AGENT_JOB_LOCKED_UNTIL)).above(600.0);
    let before = || family(&AGENT_ONLINE).ago(hours(1)).equals(1.0).max_by(Agent.names());
    let gone = || offline().max_by(Agent.names()).and(before());
    let share = gone().count_by(Target.names()).over(before().count_by(Target.names())).at_least(Expr::Threshold);
    let pools = gone().count_by(Pool.names()).count_by(Target.names()).at_least(3.0);
    vec![
        alert("AzureDevOpsAgentLostJob", Warning, Agent, lost.or(lapsed)).lasting(minutes(5)).annotate(
            "An agent is lost with a job.",
            "Agent {agent} of pool {pool} of {target} has a job assigned, and is offline or does not renew its hold on it.",
        ),
        alert("AzureDevOpsServiceSuspected", Warning, Target, share.and(pools))
            .threshold(0.5, Unit::Share)
            .lasting(minutes(5))
            .annotate(
                "Agents of many pools went offline at once: the service or the network is suspected.",
                "{value:share} of the agents of {target} that were online an hour ago are offline, in at least 3 pools.",
            ),
    ]
}
