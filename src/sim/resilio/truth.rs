//! What a perfect exporter shows of the clients, by sections 4 and 5 of `deploy/docs/reference.md`.

use super::fleet::{self, CONSOLE, Client, Kind, Run};
use super::{Filers, VENDOR, states};
use crate::{Quirk, Truth, World};
use serde_json::Value;
use std::collections::BTreeMap;

const CLASSES: [&str; 6] = ["healthy", "transitional", "disabled", "degraded", "failed", "unknown"];
/// An estimate of ten years or more is none.
const TEN_YEARS: i64 = 10 * 365 * 86_400;
/// Labels are cut to this many bytes.
const LABEL_LIMIT: usize = 256;

pub(super) fn of(world: &World, state: &Filers, clients: usize) -> Vec<Truth> {
    let old = world.quirk(VENDOR, Quirk::OldServer);
    let mut samples = Vec::new();
    for index in 0..clients {
        let target = fleet::slug(index);
        let client = fleet::client(world, state, index);
        let agent = match old {
            true => target.clone(),
            // Every name of the simulation is ASCII where it is long.
            false => client.name[..client.name.len().min(LABEL_LIMIT)].to_owned(),
        };
        let mut sheet = Sheet { samples: &mut samples, target: &target, agent: &agent };
        push_client(&mut sheet, &client, old);
        let mut newest = BTreeMap::new();
        for run in fleet::runs(world, state, clients, index) {
            let shown: &mut Run = newest.entry(run.job.id).or_insert_with(|| run.clone());
            if run.run_id > shown.run_id {
                *shown = run;
            }
        }
        newest.values().for_each(|run| push_job(&mut sheet, run, old));
    }
    samples
}

/// Where the samples of one client go.
struct Sheet<'a> {
    samples: &'a mut Vec<Truth>,
    target: &'a str,
    agent: &'a str,
}

impl Sheet<'_> {
    fn push(&mut self, name: &'static str, more: &[(&'static str, &str)], value: f64) {
        let mut labels = vec![("pool", "client"), ("agent", self.agent)];
        labels.extend_from_slice(more);
        self.samples.push(Truth::new(name, VENDOR, self.target, &labels, value));
    }
}

fn push_client(sheet: &mut Sheet, client: &Client, old: bool) {
    let restart = client.restart_required && !old;
    let device_id = if old { "" } else { &client.device_id };
    sheet.push("resilio_client_info", &[("device_id", device_id), ("server", CONSOLE)], 1.0);
    let known = states::CLIENT_STATES.iter().any(|(s, _)| *s == client.state);
    let state = if known { client.state.as_str() } else { "other" };
    sheet.push("resilio_client_state", &[("state", state)], 1.0);
    sheet.push("resilio_client_paused", &[], flag(client.paused));
    sheet.push("resilio_client_restart_required", &[], flag(restart));
    if !old {
        let last_seen = client.last_seen as f64;
        sheet.push("resilio_client_server_last_seen_timestamp_seconds", &[], last_seen);
        for (tag, value) in &client.tags {
            sheet.push("resilio_client_tag_info", &[("tag", tag), ("value", value)], 1.0);
        }
    }
    let health = states::client_health(&client.state, client.paused, restart);
    sheet.push("rollcall_agent_health", &[("health", health)], 1.0);
}

fn push_job(sheet: &mut Sheet, run: &Run, old: bool) {
    let id = run.job.id.to_string();
    let job = [("job_name", run.job.name), ("job_id", id.as_str())];
    let with = |more: &[(&'static str, &'static str)]| [&job[..], more].concat();
    let kind = kind_name(run.job.kind);
    let run_id = run.run_id.to_string();
    let mut info = with(&[("type", kind), ("permission", run.job.permission)]);
    info.push(("run_id", &run_id));
    info.push(("path", &run.path));
    sheet.push("resilio_job_info", &info, 1.0);
    let known = states::RUN_STATUSES.iter().find(|(s, _)| *s == run.status);
    let status = known.map_or("other", |(status, _)| status);
    sheet.push("resilio_job_status", &with(&[("status", status)]), 1.0);
    let errors = error_count(&run.errors);
    let health = states::job_health(&run.status, run.size_completed < run.size_total, errors);
    for class in CLASSES {
        sheet.push("resilio_job_health", &with(&[("health", class)]), flag(class == health));
    }
    let moving = matches!(status, "syncing" | "downloading");
    if moving && (0..TEN_YEARS).contains(&run.eta) {
        sheet.push("resilio_job_eta_seconds", &job, run.eta as f64);
    }
    if let Some(at) = run.last_synced.filter(|at| *at > 0 && !old) {
        sheet.push("resilio_job_last_synced_timestamp_seconds", &job, at as f64);
    }
    for (name, value) in [
        ("resilio_job_size_bytes", run.size_total),
        ("resilio_job_completed_bytes", run.size_completed),
        ("resilio_job_files", run.files_total),
        ("resilio_job_completed_files", run.files_completed),
        ("resilio_job_peers", run.peers),
        ("resilio_job_proxied_peers", run.proxied),
        ("resilio_job_receive_bytes_per_second", run.down),
        ("resilio_job_send_bytes_per_second", run.up),
        ("resilio_job_errors", errors as u64),
        ("resilio_job_received_bytes_total", run.transferred_down),
        ("resilio_job_sent_bytes_total", run.transferred_up),
    ] {
        sheet.push(name, &job, value as f64);
    }
}

/// The `type` of a job on the wire.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Folder => "folder",
        Kind::Transfer => "transfer",
        Kind::Script => "script",
    }
}

/// Strings, numbers or objects in an array count each; a lone number is how many there are; any other lone value is one;
/// nothing is none, however it is written.
pub(crate) fn error_count(errors: &Value) -> usize {
    match errors {
        Value::Null | Value::Bool(false) => 0,
        Value::String(error) if error.is_empty() => 0,
        Value::Number(count) => count.as_u64().unwrap_or(1) as usize,
        Value::Array(errors) => errors.len(),
        _ => 1,
    }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}
