//! The public metrics, section 5 of `deploy/docs/reference.md`: names, types and labels, as `rollcall metrics` tells them
//! and as they appear.

use crate::program::command;
use std::collections::{BTreeMap, BTreeSet};

/// What a series carries in front of its own labels.
const DAEMON: &[&str] = &[];
const TARGET: &[&str] = &["vendor", "target"];
const POOL: &[&str] = &["vendor", "target", "pool"];
const AGENT: &[&str] = &["vendor", "target", "pool", "agent"];
const JOB: &[&str] = &["vendor", "target", "pool", "agent", "job_name", "job_id"];

const GAUGE: &str = "gauge";
const COUNTER: &str = "counter";
const HISTOGRAM: &str = "histogram";

/// One row of the contract.
pub type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// What is promised to users: name, type, and labels. Section 5, Metrics, of the reference is made from the catalogue; this
/// is written down beside it, so that no public name changes by accident.
#[rustfmt::skip]
pub const CONTRACT: &[Row] = &[
    // Every vendor.
    ("rollcall_agent_health", GAUGE, AGENT, &["health"]),
    ("rollcall_agent_health_since_timestamp_seconds", GAUGE, AGENT, &[]),
    ("rollcall_pool_agents", GAUGE, POOL, &["health"]),
    ("rollcall_pool_last_success_timestamp_seconds", GAUGE, POOL, &[]),
    ("rollcall_pool_min_serving", GAUGE, POOL, &[]),
    ("rollcall_pool_on_demand", GAUGE, POOL, &[]),
    // The daemon, about its targets.
    ("rollcall_target_info", GAUGE, TARGET, &["url"]),
    ("rollcall_target_up", GAUGE, TARGET, &[]),
    ("rollcall_target_partial", GAUGE, TARGET, &[]),
    ("rollcall_target_stale", GAUGE, TARGET, &[]),
    ("rollcall_target_extra_up", GAUGE, TARGET, &["extra"]),
    ("rollcall_target_failure", GAUGE, TARGET, &["reason"]),
    ("rollcall_target_consecutive_failures", GAUGE, TARGET, &[]),
    ("rollcall_target_poll_interval_seconds", GAUGE, TARGET, &[]),
    ("rollcall_target_poll_timeout_seconds", GAUGE, TARGET, &[]),
    ("rollcall_target_poll_duration_seconds", GAUGE, TARGET, &[]),
    ("rollcall_target_last_poll_timestamp_seconds", GAUGE, TARGET, &[]),
    ("rollcall_target_next_poll_timestamp_seconds", GAUGE, TARGET, &[]),
    ("rollcall_target_first_poll_timestamp_seconds", GAUGE, TARGET, &[]),
    ("rollcall_target_last_success_timestamp_seconds", GAUGE, TARGET, &[]),
    ("rollcall_target_agents", GAUGE, TARGET, &[]),
    ("rollcall_target_series", GAUGE, TARGET, &[]),
    ("rollcall_polls_total", COUNTER, TARGET, &[]),
    ("rollcall_polls_skipped_total", COUNTER, TARGET, &[]),
    ("rollcall_poll_failures_total", COUNTER, TARGET, &["reason"]),
    ("rollcall_decode_warnings_total", COUNTER, TARGET, &["kind"]),
    ("rollcall_api_requests_total", COUNTER, TARGET, &["operation", "code"]),
    ("rollcall_api_request_duration_seconds", HISTOGRAM, TARGET, &["operation"]),
    ("rollcall_api_throttled_seconds_total", COUNTER, TARGET, &[]),
    ("rollcall_credential_expiry_timestamp_seconds", GAUGE, TARGET, &["credential"]),
    ("rollcall_tls_certificate_not_after_timestamp_seconds", GAUGE, TARGET, &["host"]),
    ("rollcall_login_held", GAUGE, TARGET, &[]),
    ("rollcall_login_next_attempt_timestamp_seconds", GAUGE, TARGET, &[]),
    ("rollcall_direct_alerting_active", GAUGE, TARGET, &[]),
    // The daemon, about itself.
    ("rollcall_build_info", GAUGE, DAEMON, &["version", "revision", "rustc"]),
    ("rollcall_links_info", GAUGE, DAEMON, &["external_url", "dashboard_url"]),
    ("rollcall_config_last_reload_successful", GAUGE, DAEMON, &[]),
    ("rollcall_config_last_reload_success_timestamp_seconds", GAUGE, DAEMON, &[]),
    ("rollcall_web_config_last_reload_successful", GAUGE, DAEMON, &[]),
    ("rollcall_alerts", GAUGE, DAEMON, &["alertname", "severity", "state"]),
    ("rollcall_notifications_sent_total", COUNTER, DAEMON, &["alertmanager"]),
    ("rollcall_notifications_failed_total", COUNTER, DAEMON, &["alertmanager"]),
    ("rollcall_notifications_dropped_total", COUNTER, DAEMON, &["alertmanager"]),
    ("rollcall_notifications_queue_length", GAUGE, DAEMON, &["alertmanager"]),
    ("rollcall_notifications_last_success_timestamp_seconds", GAUGE, DAEMON, &["alertmanager"]),
    ("rollcall_notification_duration_seconds", HISTOGRAM, DAEMON, &["alertmanager"]),
    ("rollcall_http_requests_total", COUNTER, DAEMON, &["route", "method", "code"]),
    ("rollcall_state_write_failures_total", COUNTER, DAEMON, &[]),
    ("rollcall_panics_total", COUNTER, DAEMON, &[]),
    ("rollcall_log_lines_dropped_total", COUNTER, DAEMON, &[]),
    // process_*: what Linux says of every process that Prometheus' own libraries tell of.
    ("process_cpu_seconds_total", COUNTER, DAEMON, &[]),
    ("process_max_fds", GAUGE, DAEMON, &[]),
    ("process_open_fds", GAUGE, DAEMON, &[]),
    ("process_resident_memory_bytes", GAUGE, DAEMON, &[]),
    ("process_start_time_seconds", GAUGE, DAEMON, &[]),
    ("process_threads", GAUGE, DAEMON, &[]),
    ("process_virtual_memory_bytes", GAUGE, DAEMON, &[]),
    // parallels_ras.
    ("parallels_ras_agent_state", GAUGE, AGENT, &["state"]),
    ("parallels_ras_agent_state_code", GAUGE, AGENT, &[]),
    ("parallels_ras_agent_info", GAUGE, AGENT, &["site_id", "server_type", "agent_id", "kind"]),
    ("parallels_ras_host_cpu_ratio", GAUGE, AGENT, &[]),
    ("parallels_ras_host_memory_ratio", GAUGE, AGENT, &[]),
    ("parallels_ras_host_sessions", GAUGE, AGENT, &["state"]),
    ("parallels_ras_host_max_sessions", GAUGE, AGENT, &[]),
    ("parallels_ras_gateway_sessions", GAUGE, AGENT, &["kind"]),
    ("parallels_ras_agent_version_info", GAUGE, AGENT, &["version"]),
    ("parallels_ras_vm_state", GAUGE, AGENT, &["state"]),
    ("parallels_ras_host_pool_member_info", GAUGE, AGENT, &["host_pool"]),
    ("parallels_ras_license_info", GAUGE, TARGET, &["license_type", "status"]),
    ("parallels_ras_license_expiry_timestamp_seconds", GAUGE, TARGET, &[]),
    ("parallels_ras_license_support_expiry_timestamp_seconds", GAUGE, TARGET, &[]),
    ("parallels_ras_license_users", GAUGE, TARGET, &["kind"]),
    ("parallels_ras_license_grace_days_left", GAUGE, TARGET, &[]),
    // parallels_ras_session.
    ("parallels_ras_session_probe_success", GAUGE, AGENT, &["mode"]),
    ("parallels_ras_session_probe_duration_seconds", GAUGE, AGENT, &["mode"]),
    ("parallels_ras_session_prime_seconds", GAUGE, AGENT, &["mode"]),
    ("parallels_ras_session_probe_consecutive_failures", GAUGE, AGENT, &["mode"]),
    ("parallels_ras_session_probe_error", GAUGE, AGENT, &["mode", "verdict", "category", "code", "parameter"]),
    // resilio.
    ("resilio_client_info", GAUGE, AGENT, &["device_id", "server"]),
    ("resilio_client_state", GAUGE, AGENT, &["state"]),
    ("resilio_client_paused", GAUGE, AGENT, &[]),
    ("resilio_client_restart_required", GAUGE, AGENT, &[]),
    ("resilio_client_server_last_seen_timestamp_seconds", GAUGE, AGENT, &[]),
    ("resilio_client_tag_info", GAUGE, AGENT, &["tag", "value"]),
    ("resilio_job_info", GAUGE, JOB, &["run_id", "type", "permission", "path"]),
    ("resilio_job_status", GAUGE, JOB, &["status"]),
    ("resilio_job_status_since_timestamp_seconds", GAUGE, JOB, &[]),
    ("resilio_job_health", GAUGE, JOB, &["health"]),
    ("resilio_job_eta_seconds", GAUGE, JOB, &[]),
    ("resilio_job_unsynced_since_timestamp_seconds", GAUGE, JOB, &[]),
    ("resilio_job_size_bytes", GAUGE, JOB, &[]),
    ("resilio_job_completed_bytes", GAUGE, JOB, &[]),
    ("resilio_job_files", GAUGE, JOB, &[]),
    ("resilio_job_completed_files", GAUGE, JOB, &[]),
    ("resilio_job_peers", GAUGE, JOB, &[]),
    ("resilio_job_proxied_peers", GAUGE, JOB, &[]),
    ("resilio_job_receive_bytes_per_second", GAUGE, JOB, &[]),
    ("resilio_job_send_bytes_per_second", GAUGE, JOB, &[]),
    ("resilio_job_errors", GAUGE, JOB, &[]),
    ("resilio_job_last_synced_timestamp_seconds", GAUGE, JOB, &[]),
    ("resilio_job_received_bytes_total", COUNTER, JOB, &[]),
    ("resilio_job_sent_bytes_total", COUNTER, JOB, &[]),
    // resilio_console.
    ("resilio_console_agent_info", GAUGE, AGENT, &["agent_id", "device_id", "os"]),
    ("resilio_console_agent_online", GAUGE, AGENT, &[]),
    ("resilio_console_agent_last_seen_timestamp_seconds", GAUGE, AGENT, &[]),
    ("resilio_console_agent_errors", GAUGE, AGENT, &[]),
    ("resilio_console_agent_tag_info", GAUGE, AGENT, &["tag", "value"]),
    ("resilio_console_jobs", GAUGE, TARGET, &["job_type"]),
    ("resilio_console_job_info", GAUGE, TARGET, &["job_id", "job_name", "job_type"]),
    ("resilio_console_job_errors", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_job_last_start_timestamp_seconds", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_run_status", GAUGE, TARGET, &["job_id", "job_name", "status"]),
    ("resilio_console_run_active", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_run_agents", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_run_size_bytes", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_run_completed_bytes", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_run_files", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_run_receive_bytes_per_second", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_run_errors", GAUGE, TARGET, &["job_id", "job_name"]),
    ("resilio_console_run_agent_status", GAUGE, AGENT, &["job_id", "job_name", "status"]),
    ("resilio_console_run_agent_health", GAUGE, AGENT, &["job_id", "job_name", "health"]),
    ("resilio_console_error", GAUGE, TARGET, &["code", "subject"]),
    // azure_devops.
    ("azure_devops_pool_info", GAUGE, POOL, &["pool_id", "pool_type", "hosted"]),
    ("azure_devops_pool_size", GAUGE, POOL, &[]),
    ("azure_devops_pool_jobs", GAUGE, POOL, &["state"]),
    ("azure_devops_pool_oldest_queued_job_timestamp_seconds", GAUGE, POOL, &[]),
    ("azure_devops_pool_job_requests_up", GAUGE, POOL, &[]),
    ("azure_devops_pool_unmatched_jobs", GAUGE, POOL, &[]),
    ("azure_devops_pool_job_wait_seconds", HISTOGRAM, POOL, &[]),
    ("azure_devops_pool_job_duration_seconds", HISTOGRAM, POOL, &["result"]),
    ("azure_devops_agent_online", GAUGE, AGENT, &[]),
    ("azure_devops_agent_enabled", GAUGE, AGENT, &[]),
    ("azure_devops_agent_busy", GAUGE, AGENT, &[]),
    ("azure_devops_agent_info", GAUGE, AGENT, &["agent_id", "version", "os", "provisioning_state"]),
    ("azure_devops_agent_max_parallelism", GAUGE, AGENT, &[]),
    ("azure_devops_agent_created_timestamp_seconds", GAUGE, AGENT, &[]),
    ("azure_devops_agent_status_changed_timestamp_seconds", GAUGE, AGENT, &[]),
    ("azure_devops_agent_update_pending", GAUGE, AGENT, &[]),
    ("azure_devops_agent_job_assigned_timestamp_seconds", GAUGE, AGENT, &[]),
    ("azure_devops_agent_job_locked_until_timestamp_seconds", GAUGE, AGENT, &[]),
    ("azure_devops_agent_job_info", GAUGE, AGENT, &["definition", "plan_type"]),
    ("azure_devops_agent_capability_info", GAUGE, AGENT, &["capability", "value"]),
    ("azure_devops_agent_last_job_finished_timestamp_seconds", GAUGE, AGENT, &[]),
    ("azure_devops_agent_last_job_result", GAUGE, AGENT, &["result"]),
    ("azure_devops_elastic_pool_state", GAUGE, POOL, &["state"]),
    ("azure_devops_elastic_pool_offline_since_timestamp_seconds", GAUGE, POOL, &[]),
    ("azure_devops_elastic_pool_desired_size", GAUGE, POOL, &[]),
    ("azure_devops_elastic_pool_max_capacity", GAUGE, POOL, &[]),
    ("azure_devops_elastic_pool_desired_idle", GAUGE, POOL, &[]),
    ("azure_devops_elastic_pool_sizing_attempts", GAUGE, POOL, &[]),
    ("azure_devops_rate_limit", GAUGE, TARGET, &[]),
    ("azure_devops_rate_limit_remaining", GAUGE, TARGET, &[]),
    ("azure_devops_rate_limit_reset_timestamp_seconds", GAUGE, TARGET, &[]),
    ("azure_devops_rate_limit_delay_seconds", GAUGE, TARGET, &[]),
    // citrix_storefront.
    ("citrix_machine_power_state", GAUGE, AGENT, &["state"]),
    ("citrix_machine_registration_state", GAUGE, AGENT, &["state"]),
    ("citrix_machine_info", GAUGE, AGENT, &["machine_id", "resource_id", "session_support"]),
    ("citrix_machine_power_action_in_progress", GAUGE, AGENT, &[]),
    ("citrix_machine_power_operation_supported", GAUGE, AGENT, &["operation"]),
    ("citrix_machine_last_updated_timestamp_seconds", GAUGE, AGENT, &[]),
    ("citrix_machine_max_last_updated_timestamp_seconds", GAUGE, AGENT, &[]),
    ("citrix_store_resources", GAUGE, TARGET, &[]),
    ("citrix_store_queryable_resources", GAUGE, TARGET, &[]),
    ("citrix_store_resources_without_machine", GAUGE, TARGET, &[]),
    ("citrix_store_machines", GAUGE, TARGET, &[]),
    ("citrix_store_enumeration", GAUGE, TARGET, &["status"]),
    // citrix_site.
    (
        "citrix_site_machine_info",
        GAUGE,
        AGENT,
        &["machine_id", "sid", "catalog", "zone", "session_support", "agent_version"],
    ),
    ("citrix_site_machine_power_state", GAUGE, AGENT, &["state"]),
    ("citrix_site_machine_registration_state", GAUGE, AGENT, &["state"]),
    ("citrix_site_machine_fault_state", GAUGE, AGENT, &["state"]),
    ("citrix_site_machine_maintenance_mode", GAUGE, AGENT, &[]),
    ("citrix_site_machine_sessions", GAUGE, AGENT, &[]),
    ("citrix_site_machine_load_ratio", GAUGE, AGENT, &[]),
    ("citrix_site_machine_last_deregistration_timestamp_seconds", GAUGE, AGENT, &[]),
    ("citrix_site_machine_last_deregistration_reason", GAUGE, AGENT, &["reason"]),
    ("citrix_site_delivery_group_sessions", GAUGE, POOL, &[]),
    ("citrix_site_delivery_group_maintenance_mode", GAUGE, POOL, &[]),
    ("citrix_site_delivery_group_desktops", GAUGE, POOL, &["state"]),
    ("citrix_site_storefront_farm_info", GAUGE, POOL, &[]),
    ("citrix_site_hypervisor_fault", GAUGE, TARGET, &["hypervisor", "reason"]),
    ("citrix_site_hypervisor_info", GAUGE, TARGET, &["hypervisor", "connection_type", "zone"]),
    ("citrix_site_zone_healthy", GAUGE, TARGET, &["zone"]),
    ("citrix_site_licenses", GAUGE, TARGET, &["kind"]),
];

/// Whether a metric may not have this label. The zones of a Citrix site are called so in the public interface.
pub fn is_forbidden(name: &str, label: &str) -> bool {
    let may = ["citrix_site_machine_info", "citrix_site_hypervisor_info", "citrix_site_zone_healthy"];
    FORBIDDEN.contains(&label) && !(label == "zone" && may.contains(&name))
}

/// Labels that Prometheus, Kubernetes or Alertmanager set themselves.
const FORBIDDEN: [&str; 12] = [
    "job",
    "instance",
    "endpoint",
    "namespace",
    "pod",
    "service",
    "container",
    "node",
    "cluster",
    "environment",
    "region",
    "zone",
];

/// The labels of a row, all of them.
pub fn labels(row: &Row) -> BTreeSet<String> {
    row.2.iter().chain(row.3).map(|label| (*label).to_owned()).collect()
}

/// The catalogue as `rollcall metrics --format json` tells it.
fn exported() -> Vec<serde_json::Value> {
    let output = command().args(["metrics", "--format", "json"]).output().expect("the binary runs");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("an array of objects")
}

fn text<'a>(row: &'a serde_json::Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} of {row}"))
}

#[test]
fn rollcall_metrics_lists_exactly_the_contract() {
    let ours: BTreeMap<String, (String, Vec<String>)> = exported()
        .iter()
        .map(|row| {
            let labels = row["labels"].as_array().expect("a list of labels").iter();
            let labels = labels.map(|label| label.as_str().expect("a name").to_owned()).collect();
            (text(row, "name").to_owned(), (text(row, "type").to_owned(), labels))
        })
        .collect();
    let contract: BTreeMap<String, (String, Vec<String>)> = CONTRACT
        .iter()
        .map(|(name, kind, scope, own)| {
            let labels = scope.iter().chain(*own).map(|label| (*label).to_owned()).collect();
            ((*name).to_owned(), ((*kind).to_owned(), labels))
        })
        .collect();
    assert_eq!(contract.len(), CONTRACT.len(), "no name is in the contract's table twice");
    similar(&contract, &ours);
}

fn similar(contract: &BTreeMap<String, (String, Vec<String>)>, ours: &BTreeMap<String, (String, Vec<String>)>) {
    let missing: Vec<_> = contract.iter().filter(|(name, _)| !ours.contains_key(*name)).collect();
    let extra: Vec<_> = ours.iter().filter(|(name, _)| !contract.contains_key(*name)).collect();
    let different: Vec<_> = contract
        .iter()
        .filter_map(|(name, row)| Some((name, row, ours.get(name)?)).filter(|(_, row, other)| row != other))
        .collect();
    assert!(
        missing.is_empty() && extra.is_empty() && different.is_empty(),
        "CONTRACT in tests/it/catalogue.rs and the catalogue differ\nmissing: {missing:#?}\nextra: {extra:#?}\n\
         contract, then ours: {different:#?}"
    );
}

#[test]
fn no_label_is_one_that_prometheus_or_kubernetes_sets_itself() {
    for row in exported() {
        for label in row["labels"].as_array().expect("a list of labels") {
            let label = label.as_str().expect("a name");
            assert!(!is_forbidden(text(&row, "name"), label), "{row}");
            let plain = label.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !label.starts_with("__");
            assert!(plain, "{row}");
        }
    }
}

#[test]
fn names_say_type_and_unit_by_the_rules() {
    let names: BTreeSet<String> = exported().iter().map(|row| text(row, "name").to_owned()).collect();
    for row in exported() {
        let (name, kind, unit, help) = (text(&row, "name"), text(&row, "type"), text(&row, "unit"), text(&row, "help"));
        assert_eq!(kind == COUNTER, name.ends_with("_total"), "{row}");
        assert!(help.ends_with('.') && help.len() > 10, "{row}");
        let stem = name.trim_end_matches("_total");
        match unit {
            "" => {
                let units = ["_seconds", "_bytes", "_milliseconds", "_minutes", "_hours", "_megabytes", "_percent"];
                assert!(!units.iter().any(|unit| stem.ends_with(unit)), "{row}");
            }
            "seconds" | "bytes" | "bytes_per_second" => assert!(stem.ends_with(&format!("_{unit}")), "{row}"),
            other => panic!("{other} is no base unit: {row}"),
        }
        assert!(!stem.contains("timestamp") || stem.ends_with("_timestamp_seconds"), "{row}");
        assert!(!stem.ends_with("_age_seconds"), "moments, never ages: {row}");
        for suffix in ["_bucket", "_sum", "_count", "_created"] {
            assert!(!name.ends_with(suffix), "{row}");
            // A histogram's samples must not run into another family.
            assert!(kind != HISTOGRAM || !names.contains(&format!("{name}{suffix}")), "{row}");
        }
        if stem.ends_with("_info") {
            let labels = row["labels"].as_array().map_or(0, Vec::len);
            assert!(kind == GAUGE && labels > 0, "a description has something to describe: {row}");
        }
    }
}

#[test]
fn the_markdown_and_the_text_name_every_metric() {
    for format in ["markdown", "text"] {
        let output = command().args(["metrics", "--format", format]).output().expect("the binary runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        for (name, ..) in CONTRACT {
            assert!(text.contains(name), "{name} in {format}");
        }
    }
    let default = command().arg("metrics").output().expect("the binary runs");
    let text = command().args(["metrics", "--format", "text"]).output().expect("the binary runs");
    assert_eq!(default.stdout, text.stdout);
}
