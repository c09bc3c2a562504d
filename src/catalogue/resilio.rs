//! Resilio Active Everywhere agents: client, tags and job runs.

use super::families;

families! {
    CLIENT_INFO: Gauge Agent "resilio_client_info" ["device_id", "server"] ""
        "Device id of the agent and address of its management console; always 1.";
    CLIENT_STATE: Gauge Agent "resilio_client_state" ["state"] ""
        "State of the agent's connection to its management console, as last polled; 1 for the present state.";
    CLIENT_PAUSED: Gauge Agent "resilio_client_paused" [] ""
        "Whether the agent is paused as a whole.";
    CLIENT_RESTART_REQUIRED: Gauge Agent "resilio_client_restart_required" [] ""
        "Whether the agent asks for a restart.";
    CLIENT_SERVER_LAST_SEEN: Gauge Agent "resilio_client_server_last_seen_timestamp_seconds" [] "seconds"
        "Unix time at which the agent last saw its management console.";
    CLIENT_TAG_INFO: Gauge Agent "resilio_client_tag_info" ["tag", "value"] ""
        "A tag of the agent and its value; always 1.";
    JOB_INFO: Gauge Agent "resilio_job_info" ["job_name", "job_id", "run_id", "type", "permission", "path"] ""
        "The newest run of a job on this agent; always 1.";
    JOB_STATUS: Gauge Agent "resilio_job_status" ["job_name", "job_id", "status"] ""
        "Status of the job's newest run on this agent, as last polled; 1 for the present status.";
    JOB_STATUS_SINCE: Gauge Agent "resilio_job_status_since_timestamp_seconds" ["job_name", "job_id"] "seconds"
        "Unix time since when the daemon has seen the job in its present status.";
    JOB_HEALTH: Gauge Agent "resilio_job_health" ["job_name", "job_id", "health"] ""
        "Whether the job is in this class of health (1) or not (0), as last polled; all six classes are always there.";
    JOB_ETA: Gauge Agent "resilio_job_eta_seconds" ["job_name", "job_id"] "seconds"
        "Time that the agent expects the transfer still to take; only while it transfers.";
    JOB_UNSYNCED_SINCE: Gauge Agent "resilio_job_unsynced_since_timestamp_seconds" ["job_name", "job_id"] "seconds"
        "Unix time since when the daemon has seen this synchronisation job neither synced nor paused; absent while synced.";
    JOB_SIZE: Gauge Agent "resilio_job_size_bytes" ["job_name", "job_id"] "bytes"
        "Size of all files of the job.";
    JOB_COMPLETED: Gauge Agent "resilio_job_completed_bytes" ["job_name", "job_id"] "bytes"
        "Size of the job's files that are complete on this agent.";
    JOB_FILES: Gauge Agent "resilio_job_files" ["job_name", "job_id"] ""
        "Files of the job.";
    JOB_COMPLETED_FILES: Gauge Agent "resilio_job_completed_files" ["job_name", "job_id"] ""
        "Files of the job that are complete on this agent.";
    JOB_PEERS: Gauge Agent "resilio_job_peers" ["job_name", "job_id"] ""
        "Other agents of the job that this one is connected to.";
    JOB_PROXIED_PEERS: Gauge Agent "resilio_job_proxied_peers" ["job_name", "job_id"] ""
        "Other agents of the job that this one reaches only through a proxy server.";
    JOB_RECEIVE_RATE: Gauge Agent "resilio_job_receive_bytes_per_second" ["job_name", "job_id"] "bytes_per_second"
        "Present speed at which the job receives data.";
    JOB_SEND_RATE: Gauge Agent "resilio_job_send_bytes_per_second" ["job_name", "job_id"] "bytes_per_second"
        "Present speed at which the job sends data.";
    JOB_ERRORS: Gauge Agent "resilio_job_errors" ["job_name", "job_id"] ""
        "Errors that the agent reports for the job now.";
    JOB_LAST_SYNCED: Gauge Agent "resilio_job_last_synced_timestamp_seconds" ["job_name", "job_id"] "seconds"
        "Unix time at which the job last became synced; it does not move while the job stays synced.";
    JOB_RECEIVED: Counter Agent "resilio_job_received_bytes_total" ["job_name", "job_id"] "bytes"
        "Data that the run received.";
    JOB_SENT: Counter Agent "resilio_job_sent_bytes_total" ["job_name", "job_id"] "bytes"
        "Data that the run sent.";
}
