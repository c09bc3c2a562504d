//! Maintenance of a pool, which is a request and no job.

use super::*;

#[tokio::test]
async fn an_agent_keeps_its_last_job_through_maintenance() {
    static LAST: std::sync::Mutex<&str> = std::sync::Mutex::new("");
    let stub = three(|seen| {
        let agent = |id: u32, last: &str| {
            format!(r#"{{"id":{id},"name":"a{id}","status":"online","lastCompletedRequest":{last}}}"#)
        };
        let last = *LAST.lock().expect("no panic");
        (path(seen) == "pools/1/agents").then(|| list(&format!("{},{}", agent(1, last), agent(2, MAINTENANCE))))
    });
    const MAINTENANCE: &str =
        r#"{"requestId":9,"planType":"poolMaintenance","finishTime":"2023-11-14T22:00:00Z","result":"failed"}"#;
    const BUILD: &str =
        r#"{"requestId":4,"planType":"Build","finishTime":"2023-11-14T21:00:00Z","result":"succeeded"}"#;
    let mut api = api(&stub, settings());
    let memory = Memory::default();
    let mut known = PartFingerprints::default();
    let times = |part: &Part| samples_of(part, &families::AGENT_LAST_JOB_FINISHED);
    let results = |part: &Part| samples_of(part, &families::AGENT_LAST_JOB_RESULT);
    let before = "azure_devops_agent_last_job_result{one,a1;succeeded} 1";
    for (last, expected) in
        [(BUILD, &[before][..]), (MAINTENANCE, &[before]), (MAINTENANCE, &[before]), (BUILD, &[before])]
    {
        *LAST.lock().expect("no panic") = last;
        let observation = poll_knowing(&mut api, &memory, NOW, &known).await.0.expect("a poll that works");
        known = fingerprints(&observation);
        let (_, outcome) = observation.parts.into_iter().find(|(key, _)| &**key == "1").expect("the pool is there");
        let part = match outcome {
            Outcome::Fresh(part) => part,
            Outcome::Same(same) => same.read().expect("it was read before"),
            Outcome::Failed(failure) => panic!("{failure}"),
        };
        assert_eq!(results(&part), expected, "after {last}; the other agent has no job");
        assert_eq!(times(&part), ["azure_devops_agent_last_job_finished_timestamp_seconds{one,a1;} 1699995600"]);
    }
    assert_eq!(api.last_jobs.known(1, 2), None);
}
