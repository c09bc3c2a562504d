//! Azure DevOps: agent pools, their agents and their queues.

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
    AGENT_LAST_JOB_FINISHED: Gauge Agent "azure_devops_agent_last_job_finished_timestamp_seconds" [] "seconds"
        "Unix time at which the agent's last job ended.";
    AGENT_LAST_JOB_RESULT: Gauge Agent "azure_devops_agent_last_job_result" ["result"] ""
        "Result of the agent's last job; 1 for the present result.";
    RATE_LIMIT: Gauge Target "azure_devops_rate_limit" [] ""
        "Throughput units that the service allows the account within its window, where it says.";
    RATE_LIMIT_REMAINING: Gauge Target "azure_devops_rate_limit_remaining" [] ""
        "Throughput units that are left to the account before it is delayed, where the service says.";
    RATE_LIMIT_RESET: Gauge Target "azure_devops_rate_limit_reset_timestamp_seconds" [] "seconds"
        "Unix time at which the account's use would be back at zero, where the service says.";
    RATE_LIMIT_DELAY: Gauge Target "azure_devops_rate_limit_delay_seconds" [] "seconds"
        "How long the service delayed the last request, where it says.";
}
