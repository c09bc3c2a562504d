//! Resilio Management Console: all agents of a fleet, jobs, and the newest run of each.

use super::families;

families! {
    AGENT_INFO: Gauge Agent "resilio_console_agent_info" ["agent_id", "device_id", "os"] ""
        "Id of the agent in the management console, its device id and its operating system; always 1.";
    AGENT_ONLINE: Gauge Agent "resilio_console_agent_online" [] ""
        "Whether the agent is connected to the management console.";
    AGENT_LAST_SEEN: Gauge Agent "resilio_console_agent_last_seen_timestamp_seconds" [] "seconds"
        "Unix time at which the agent last connected to the management console, or left it.";
    AGENT_ERRORS: Gauge Agent "resilio_console_agent_errors" [] ""
        "Errors that the management console reports of the agent now.";
    AGENT_TAG_INFO: Gauge Agent "resilio_console_agent_tag_info" ["tag", "value"] ""
        "A tag of the agent and its value; always 1.";
    JOBS: Gauge Target "resilio_console_jobs" ["job_type"] ""
        "Jobs of the management console by type, whether they run or not.";
    JOB_INFO: Gauge Target "resilio_console_job_info" ["job_id", "job_name", "job_type"] ""
        "A job of the management console; always 1.";
    JOB_ERRORS: Gauge Target "resilio_console_job_errors" ["job_id", "job_name"] ""
        "Errors that the management console reports of the job now.";
    JOB_LAST_START: Gauge Target "resilio_console_job_last_start_timestamp_seconds" ["job_id", "job_name"] "seconds"
        "Unix time at which the job was last started.";
    RUN_STATUS: Gauge Target "resilio_console_run_status" ["job_id", "job_name", "status"] ""
        "Status of the job's newest run, as last polled; 1 for the present status.";
    RUN_ACTIVE: Gauge Target "resilio_console_run_active" ["job_id", "job_name"] ""
        "Whether the job's newest run is active.";
    RUN_AGENTS: Gauge Target "resilio_console_run_agents" ["job_id", "job_name"] ""
        "Agents of the job's newest run.";
    RUN_SIZE: Gauge Target "resilio_console_run_size_bytes" ["job_id", "job_name"] "bytes"
        "Size of the files of the job's newest run, each counted once.";
    RUN_COMPLETED: Gauge Target "resilio_console_run_completed_bytes" ["job_id", "job_name"] "bytes"
        "Size of the files of the job's newest run that are complete, added up over the agents that receive them: as much as its size times one less than its agents when all is done.";
    RUN_FILES: Gauge Target "resilio_console_run_files" ["job_id", "job_name"] ""
        "Files of the job's newest run.";
    RUN_RECEIVE_RATE: Gauge Target "resilio_console_run_receive_bytes_per_second" ["job_id", "job_name"] "bytes_per_second"
        "Present speed at which the agents of the job's newest run receive data, all together.";
    RUN_ERRORS: Gauge Target "resilio_console_run_errors" ["job_id", "job_name"] ""
        "Errors that the management console reports of the job's newest run now.";
    RUN_AGENT_STATUS: Gauge Agent "resilio_console_run_agent_status" ["job_id", "job_name", "status"] ""
        "Status on this agent of the job's newest run, which is active, as last read; 1 for the present status.";
    RUN_AGENT_HEALTH: Gauge Agent "resilio_console_run_agent_health" ["job_id", "job_name", "health"] ""
        "Whether the job's newest run, which is active, is in this class of health on this agent (1) or not (0), as last read; all six classes are always there.";
    ERROR: Gauge Target "resilio_console_error" ["code", "subject"] ""
        "Whether an agent, a job or the newest run of a job has an error of this code now; always 1.";
}
