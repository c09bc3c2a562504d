//! Azure DevOps: agent pools, their agents, jobs and queues, and scale sets.

use super::families;

families! {
    POOL_INFO: Gauge Pool "azure_devops_pool_info" ["pool_id", "pool_type", "hosted"] ""
        "Id, type and whether Microsoft hosts the pool; always 1.";
    POOL_SIZE: Gauge Pool "azure_devops_pool_size" [] ""
        "Size of the pool as Azure DevOps says it.";
    POOL_JOBS: Gauge Pool "azure_devops_pool_jobs" ["state"] ""
        "Unfinished job requests of the pool by state, pool maintenance left out; absent where the queue could not be read.";
    POOL_OLDEST_QUEUED_JOB: Gauge Pool "azure_devops_pool_oldest_queued_job_timestamp_seconds" [] "seconds"
        "Unix time at which the oldest job that still waits was queued; absent where none waits.";
    POOL_UNMATCHED_JOBS: Gauge Pool "azure_devops_pool_unmatched_jobs" [] ""
        "Jobs that wait although no agent that meets their demands is online and enabled; absent where the queue could not be read, or says of no request which agents match it.";
    POOL_JOB_WAIT: Histogram Pool "azure_devops_pool_job_wait_seconds" [] "seconds"
        "How long jobs waited in the queue until an agent took them, each job once, from the agents of each poll. What the first poll of a pool finds is not counted, nor is a job that began and ended between two polls beside another one of the same agent.";
    POOL_JOB_DURATION: Histogram Pool "azure_devops_pool_job_duration_seconds" ["result"] "seconds"
        "How long agents worked on jobs that have ended, by result, each job once, from the agents of each poll. What the first poll of a pool finds ended is not counted; of several jobs of one agent that end between two polls only the last one is.";
    POOL_JOB_REQUESTS_UP: Gauge Pool "azure_devops_pool_job_requests_up" [] ""
        "Whether the pool's queue could be read with the last poll.";
    AGENT_ONLINE: Gauge Agent "azure_devops_agent_online" [] ""
        "Whether the agent is online, as last polled; absent where the status is unknown.";
    AGENT_ENABLED: Gauge Agent "azure_devops_agent_enabled" [] ""
        "Whether the agent may take jobs.";
    AGENT_BUSY: Gauge Agent "azure_devops_agent_busy" [] ""
        "Whether a job is assigned to the agent.";
    AGENT_INFO: Gauge Agent "azure_devops_agent_info" ["agent_id", "version", "os", "provisioning_state"] ""
        "Id, version, operating system and provisioning state of the agent; always 1.";
    AGENT_MAX_PARALLELISM: Gauge Agent "azure_devops_agent_max_parallelism" [] ""
        "Jobs that the agent may run side by side.";
    AGENT_CREATED: Gauge Agent "azure_devops_agent_created_timestamp_seconds" [] "seconds"
        "Unix time at which the agent was registered.";
    AGENT_STATUS_CHANGED: Gauge Agent "azure_devops_agent_status_changed_timestamp_seconds" [] "seconds"
        "Unix time at which the agent last went online or offline, as Azure DevOps says it.";
    AGENT_UPDATE_PENDING: Gauge Agent "azure_devops_agent_update_pending" [] ""
        "Whether an update of the agent is pending.";
    AGENT_JOB_ASSIGNED: Gauge Agent "azure_devops_agent_job_assigned_timestamp_seconds" [] "seconds"
        "Unix time at which the present job was assigned; only while the agent is busy.";
    AGENT_JOB_LOCKED_UNTIL: Gauge Agent "azure_devops_agent_job_locked_until_timestamp_seconds" [] "seconds"
        "Unix time by which the agent must renew its hold on the present job; only while the agent is busy.";
    AGENT_JOB_INFO: Gauge Agent "azure_devops_agent_job_info" ["definition", "plan_type"] ""
        "The pipeline that the agent works for, and what kind of job it is; always 1, only while the agent is busy, and only with job_names.";
    AGENT_CAPABILITY_INFO: Gauge Agent "azure_devops_agent_capability_info" ["capability", "value"] ""
        "A capability of the agent; always 1, only those that capabilities names.";
    AGENT_LAST_JOB_FINISHED: Gauge Agent "azure_devops_agent_last_job_finished_timestamp_seconds" [] "seconds"
        "Unix time at which the agent's last job ended.";
    AGENT_LAST_JOB_RESULT: Gauge Agent "azure_devops_agent_last_job_result" ["result"] ""
        "Result of the agent's last job; 1 for the present result.";
    ELASTIC_POOL_STATE: Gauge Pool "azure_devops_elastic_pool_state" ["state"] ""
        "State of the scale set behind an elastic pool; 1 for the present state.";
    ELASTIC_POOL_OFFLINE_SINCE: Gauge Pool "azure_devops_elastic_pool_offline_since_timestamp_seconds" [] "seconds"
        "Unix time since when the scale set is not online; absent while it is.";
    ELASTIC_POOL_DESIRED_SIZE: Gauge Pool "azure_devops_elastic_pool_desired_size" [] ""
        "Machines that the service wants the scale set to have.";
    ELASTIC_POOL_MAX_CAPACITY: Gauge Pool "azure_devops_elastic_pool_max_capacity" [] ""
        "Machines that the scale set may have at most.";
    ELASTIC_POOL_DESIRED_IDLE: Gauge Pool "azure_devops_elastic_pool_desired_idle" [] ""
        "Machines of the scale set that are to stand by.";
    ELASTIC_POOL_SIZING_ATTEMPTS: Gauge Pool "azure_devops_elastic_pool_sizing_attempts" [] ""
        "Attempts to bring the scale set to its desired size.";
    RATE_LIMIT: Gauge Target "azure_devops_rate_limit" [] ""
        "Throughput units that the service allows the account within its window, where it says.";
    RATE_LIMIT_REMAINING: Gauge Target "azure_devops_rate_limit_remaining" [] ""
        "Throughput units that are left to the account before it is delayed, where the service says.";
    RATE_LIMIT_RESET: Gauge Target "azure_devops_rate_limit_reset_timestamp_seconds" [] "seconds"
        "Unix time at which the account's use would be back at zero, where the service says.";
    RATE_LIMIT_DELAY: Gauge Target "azure_devops_rate_limit_delay_seconds" [] "seconds"
        "How long the service delayed the last request, where it says.";
}
