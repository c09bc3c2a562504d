//! What a perfect exporter shows of the console, by sections 4 and 5 of `deploy/docs/reference.md`.

use super::{
    TARGET, VENDOR,
    fleet::{Agent, ConsoleRun, Standing, View},
};
use crate::{
    Quirk, Truth,
    resilio::{error_count, states},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const CLASSES: [&str; 6] = ["healthy", "transitional", "disabled", "degraded", "failed", "unknown"];
/// Labels are cut to this many bytes.
const LABEL_LIMIT: usize = 256;
/// Codes that the vendor's own client names.
const CODES: [u64; 10] = [10_001, 10_002, 10_003, 10_004, 10_005, 10_006, 10_007, 10_008, 10_200, 10_300];
const KINDS: [&str; 4] = ["sync", "distribution", "consolidation", "script"];
const STATUSES: [&str; 5] = ["working", "finished", "aborted", "timeout", "paused"];

struct Sheet {
    samples: Vec<Truth>,
    /// Codes and what they are of.
    codes: BTreeSet<(&'static str, String)>,
    old: bool,
}

impl Sheet {
    fn push(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.samples.push(Truth::new(name, VENDOR, TARGET, labels, value));
    }

    fn errors(&mut self, subject: &'static str, errors: &[Value]) {
        for error in errors.iter().filter(|_| !self.old) {
            let code = error.get("code").unwrap_or(error);
            let code = code.as_u64().or_else(|| code.as_str()?.parse().ok());
            let code = code.filter(|code| CODES.contains(code)).map_or("other".to_owned(), |code| code.to_string());
            self.codes.insert((subject, code));
        }
    }
}

pub(super) fn of(view: &View<'_>) -> Vec<Truth> {
    let old = view.world.quirk(VENDOR, Quirk::OldServer);
    let mut sheet = Sheet { samples: Vec::new(), codes: BTreeSet::new(), old };
    let agents = view.agents();
    let mut shown: BTreeMap<u64, (String, String)> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for agent in &agents {
        let pool = pool(view, agent);
        // Every name of the simulation is ASCII where it is long.
        let mut name = agent.name[..agent.name.len().min(LABEL_LIMIT)].to_owned();
        if !names.insert((pool.clone(), name.clone())) {
            name = format!("{name}#{}", agent.id);
        }
        push_agent(&mut sheet, agent, &pool, &name);
        shown.insert(agent.id, (pool, name));
    }
    push_jobs(&mut sheet, view);
    let runs = view.runs();
    let mut newest: BTreeMap<u64, &ConsoleRun> = BTreeMap::new();
    for run in &runs {
        let of_job = newest.entry(run.job_id).or_insert(run);
        if run.id > of_job.id {
            *of_job = run;
        }
    }
    for run in newest.values() {
        push_run(&mut sheet, run);
        let is_active = if old { run.status == "working" } else { run.active };
        for on in view.run_agents(run.id).unwrap_or_default().iter().filter(|_| is_active) {
            let (pool, agent) = &shown[&on.agent_id];
            let id = run.job_id.to_string();
            let job = [("pool", &**pool), ("agent", &**agent), ("job_id", &*id), ("job_name", &*run.name)];
            let known = states::RUN_STATUSES.iter().find(|(status, _)| *status == on.run.status);
            let status = known.map_or("other", |(status, _)| status);
            sheet.push("resilio_console_run_agent_status", &[&job[..], &[("status", status)]].concat(), 1.0);
            let (errors, unfinished) = match old {
                true => (0, on.run.files_completed < on.run.files_total),
                false => (error_count(&on.run.errors), on.run.size_completed < on.run.size_total),
            };
            let health = states::job_health(&on.run.status, unfinished, errors);
            for class in CLASSES {
                let labels = [&job[..], &[("health", class)]].concat();
                sheet.push("resilio_console_run_agent_health", &labels, flag(class == health));
            }
        }
    }
    for (subject, code) in std::mem::take(&mut sheet.codes) {
        sheet.push("resilio_console_error", &[("code", &code), ("subject", subject)], 1.0);
    }
    sheet.samples
}

/// The name of the group with the lowest id.
fn pool(view: &View<'_>, agent: &Agent) -> String {
    let lowest = agent.groups.iter().min();
    let name = lowest.and_then(|id| view.groups().into_iter().find(|(group, _)| group == id));
    name.map_or("console".to_owned(), |(_, name)| name)
}

fn push_agent(sheet: &mut Sheet, agent: &Agent, pool: &str, name: &str) {
    let labels = [("pool", pool), ("agent", name)];
    let with = |more: &[(&'static str, &'static str)]| [&labels[..], more].concat();
    let errors = agent.errors.len();
    let health = match (agent.standing, agent.online) {
        (Standing::Pending, _) => "transitional",
        (Standing::Declined, _) => "disabled",
        (_, None) => "unknown",
        (_, Some(false)) if agent.name.starts_with("LAPTOP-") => "disabled",
        (_, Some(false)) => "failed",
        (_, Some(true)) if errors > 0 && !sheet.old => "degraded",
        (_, Some(true)) => "healthy",
    };
    sheet.push("rollcall_agent_health", &with(&[("health", health)]), 1.0);
    let (id, os) = (agent.id.to_string(), if sheet.old { "" } else { agent.os });
    let mut info = with(&[("os", os)]);
    info.extend([("agent_id", &*id), ("device_id", &*agent.device_id)]);
    sheet.push("resilio_console_agent_info", &info, 1.0);
    if let Some(online) = agent.online {
        sheet.push("resilio_console_agent_online", &labels, flag(online));
    }
    if sheet.old {
        return;
    }
    sheet.push("resilio_console_agent_last_seen_timestamp_seconds", &labels, agent.last_seen as f64);
    sheet.push("resilio_console_agent_errors", &labels, errors as f64);
    for (tag, value) in &agent.tags {
        sheet.push("resilio_console_agent_tag_info", &[&labels[..], &[("tag", tag), ("value", value)]].concat(), 1.0);
    }
    sheet.errors("agent", &agent.errors);
}

fn push_jobs(sheet: &mut Sheet, view: &View<'_>) {
    let jobs = view.jobs();
    for kind in KINDS {
        let count = jobs.iter().filter(|job| job.kind == kind).count();
        sheet.push("resilio_console_jobs", &[("job_type", kind)], count as f64);
    }
    for job in &jobs {
        let id = job.id.to_string();
        let labels = [("job_id", &*id), ("job_name", &*job.name)];
        sheet.push("resilio_console_job_info", &[&labels[..], &[("job_type", job.kind)]].concat(), 1.0);
        if !sheet.old {
            sheet.push("resilio_console_job_errors", &labels, job.errors.len() as f64);
            sheet.push("resilio_console_job_last_start_timestamp_seconds", &labels, job.last_start as f64);
        }
        sheet.errors("job", &job.errors);
    }
}

fn push_run(sheet: &mut Sheet, run: &ConsoleRun) {
    let id = run.job_id.to_string();
    let labels = [("job_id", &*id), ("job_name", &*run.name)];
    let status = STATUSES.into_iter().find(|status| *status == run.status).unwrap_or("other");
    sheet.push("resilio_console_run_status", &[&labels[..], &[("status", status)]].concat(), 1.0);
    for (name, value) in [
        ("resilio_console_run_agents", run.agents_total),
        ("resilio_console_run_size_bytes", run.size_total),
        ("resilio_console_run_completed_bytes", run.size_completed),
        ("resilio_console_run_receive_bytes_per_second", run.down_speed),
    ] {
        sheet.push(name, &labels, value as f64);
    }
    if !sheet.old {
        sheet.push("resilio_console_run_active", &labels, flag(run.active));
        sheet.push("resilio_console_run_files", &labels, run.files_total as f64);
        sheet.push("resilio_console_run_errors", &labels, run.errors.len() as f64);
    }
    sheet.errors("run", &run.errors);
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}
