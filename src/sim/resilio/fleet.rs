//! The simulated clients and their job runs at one moment, as a pure function of (seed, client, job, time).

use super::{Filers, VENDOR};
use crate::{Incident, Quirk, World};
use serde_json::{Value, json};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Folder,
    Transfer,
    Script,
}

/// A job; the same one runs on several clients.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) permission: &'static str,
}

/// All jobs. Every client has the first two.
pub(crate) const JOBS: [Job; 6] = [
    job(384, "home-drives", Kind::Folder, "rw"),
    job(385, "profiles", Kind::Folder, "srw"),
    job(391, "cad-library", Kind::Folder, "ro"),
    job(402, "image-rollout", Kind::Transfer, "ro"),
    job(403, "nightly-distribution", Kind::Transfer, "sro"),
    job(417, "clean-scratch", Kind::Script, "rw"),
];

const fn job(id: u64, name: &'static str, kind: Kind, permission: &'static str) -> Job {
    Job { id, name, kind, permission }
}

/// The job of [`Incident::SyncStuck`], the client on which it stands still, and the one that loses its peers.
const STUCK: (u64, usize, usize) = (384, 1, 2);

/// The clients of [`Incident::FilersDark`]: one of each site.
pub(crate) const DARK: [usize; 3] = [1, 3, 5];

/// The sites.
pub(crate) const SITES: [&str; 3] = ["zrh", "ber", "lis"];

/// A client at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) device_id: String,
    pub(crate) device_hex: String,
    pub(crate) state: String,
    pub(crate) paused: bool,
    pub(crate) restart_required: bool,
    pub(crate) last_seen: u64,
    pub(crate) tags: [(&'static str, String); 2],
}

/// The Management Console that every client reports to.
pub(crate) const CONSOLE: &str = "mc.sync.example:8444";

/// A run at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) job: &'static Job,
    pub(crate) run_id: u64,
    pub(crate) status: String,
    pub(crate) eta: i64,
    pub(crate) size_total: u64,
    pub(crate) size_completed: u64,
    pub(crate) files_total: u64,
    pub(crate) files_completed: u64,
    pub(crate) peers: u64,
    pub(crate) proxied: u64,
    pub(crate) down: u64,
    pub(crate) up: u64,
    pub(crate) transferred_down: u64,
    pub(crate) transferred_up: u64,
    pub(crate) last_synced: Option<u64>,
    pub(crate) errors: Value,
    pub(crate) path: String,
}

/// The path prefix, and the target's name, of a client.
pub(crate) fn slug(client: usize) -> String {
    format!("filer-{:02}", client + 1)
}

/// A client now.
pub(crate) fn client(world: &World, state: &Filers, index: usize) -> Client {
    let now = world.now().as_secs();
    let quirk = |quirk| world.quirk(VENDOR, quirk);
    let mut over = state.clients.get(&index).cloned().unwrap_or_default();
    if let Some(since) = world.since(Incident::FilersDark).filter(|_| DARK.contains(&index)) {
        over.state = Some(("NOT_CONNECTED".to_owned(), (world.now() - since).as_secs()));
    }
    // A few times a day a client connects anew.
    let reconnects = since_reconnect(world, index) < 20;
    let natural = match index {
        0 if quirk(Quirk::UnknownState) => "HIBERNATING",
        _ if reconnects && !world.options.frozen => "CONNECTING",
        _ if index % 7 == 5 => "WAITING_FOR_INCOMING_CONNECTION",
        _ => "CONNECTED",
    };
    let device = world.dice("device", index as u64);
    Client {
        name: name(world, VENDOR, index),
        device_id: format!("EA{device:016X}JA"),
        device_hex: format!("{device:016x}{index:024x}"),
        last_seen: world.real(over.state.as_ref().map_or(now - now % 10, |(_, since)| *since) as f64) as u64,
        state: over.state.map_or(natural.to_owned(), |(state, _)| state),
        paused: over.paused,
        restart_required: index == 3,
        tags: [
            ("SITE", SITES[site(index)].to_owned()),
            ("ROLE", if index == 0 { "source" } else { "branch" }.to_owned()),
        ],
    }
}

/// The name of a client, as this vendor's answers have it.
pub(crate) fn name(world: &World, vendor: &'static str, index: usize) -> String {
    match index {
        1 if world.quirk(vendor, Quirk::DuplicateName) => "FILER-01".to_owned(),
        2 if world.quirk(vendor, Quirk::NastyName) => "quote \" backslash \\ line\nfeed".to_owned(),
        3 if world.quirk(vendor, Quirk::LongName) => "FILER-".repeat(1_700),
        _ => slug(index).to_uppercase(),
    }
}

/// How long ago a client began to connect anew, in seconds.
pub(crate) fn since_reconnect(world: &World, index: usize) -> u64 {
    (world.now().as_secs() + world.dice("reconnect", index as u64)) % 21_600
}

/// Which of [`SITES`] a client stands at: the first two at the first.
pub(crate) fn site(index: usize) -> usize {
    index / 2 % SITES.len()
}

/// Which jobs a client has.
pub(crate) fn has(client: usize, job: usize) -> bool {
    job < 2 || !(client + job).is_multiple_of(3)
}

/// Every run that a client lists: of each job the present one, and an older one before or behind it.
pub(super) fn runs(world: &World, state: &Filers, clients: usize, client: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    for (index, job) in JOBS.iter().enumerate().filter(|(index, _)| has(client, *index)) {
        let sharing = (0..clients).filter(|c| has(*c, index)).count() as u64;
        let newest = newest(world, state, client, index, job, sharing);
        let older = older(&newest);
        match index % 2 {
            0 => runs.extend([older, newest]),
            _ => runs.extend([newest, older]),
        }
    }
    runs
}

/// The run before: it failed, and nobody may take it for the present state.
fn older(newest: &Run) -> Run {
    Run {
        run_id: newest.run_id - 1,
        status: "error".to_owned(),
        errors: json!(["SE_OPERATION_ABORTED"]),
        eta: -1,
        peers: 0,
        down: 0,
        up: 0,
        size_completed: newest.size_completed / 2,
        ..newest.clone()
    }
}

/// The newest run of a job on a client that has it. `sharing` is how many have it.
pub(crate) fn newest(
    world: &World,
    state: &Filers,
    client: usize,
    index: usize,
    job: &'static Job,
    sharing: u64,
) -> Run {
    let key = (client * JOBS.len() + index) as u64;
    let roll = |name| world.dice(name, key);
    let period = match job.kind {
        Kind::Folder => 1_800 + roll("period") % 1_800,
        Kind::Transfer => 14_400,
        Kind::Script => 3_600,
    };
    let clock = world.now().as_secs() + roll("shift") % period;
    let (round, second) = (clock / period, clock % period);
    let begun = world.now().as_secs() - second;
    let (status, from, until) = step(job.kind, second, period);
    let speed = 20_000_000 + roll("speed") % 60_000_000;
    let done = second.clamp(from, until) - from;
    let whole = speed * (until - from);
    // A third of a second's bytes keeps the estimate truncated, as the vendor's sample is.
    let remaining = if second < until { speed * (until - from - done) + speed / 3 } else { 0 };
    let size_total = 200_000_000_000 + roll("size") % 400_000_000_000;
    let files_total = 20_000 + roll("files") % 400_000;
    // Counters begin again with the day, as after a nightly restart.
    let today = world.now().as_secs() / 86_400 * 86_400 + roll("shift") % period;
    let moved = (round - today / period) * whole + speed * done;
    let moving = matches!(status, "syncing" | "downloading");
    let mut run = Run {
        job,
        run_id: match job.kind {
            Kind::Folder => 500 + 10 * index as u64,
            _ => (round % 100_000) * 1_000 + 10 * index as u64,
        },
        status: status.to_owned(),
        eta: if moving { (remaining / speed) as i64 } else { 0 },
        size_total,
        size_completed: size_total - remaining,
        files_total,
        // Large files come last: the two ratios disagree, as in the vendor's sample.
        files_completed: files_total - (remaining / 40_000_000).min(files_total),
        peers: (sharing - 1).max(1),
        proxied: u64::from(client % 5 == 4),
        down: if moving { speed } else { 0 },
        up: if moving { speed / 16 } else { 0 },
        transferred_down: moved,
        transferred_up: moved / 16,
        last_synced: match job.kind {
            Kind::Folder if second >= until => Some(begun + until),
            Kind::Folder => Some(begun + until - period),
            _ => None,
        },
        errors: json!([]),
        path: format!("D:\\Sync\\{}", job.name),
    };
    disturb(world, state, client, index, &mut run);
    run.last_synced = run.last_synced.map(|at| world.real(at as f64) as u64);
    run
}

/// The status at that second of a round, and between which seconds the bytes move.
fn step(kind: Kind, second: u64, period: u64) -> (&'static str, u64, u64) {
    match kind {
        Kind::Folder => {
            let until = period / 5;
            let status = match second {
                0..15 => "indexing",
                15..25 => "processing files",
                s if s < until => "syncing",
                s if s < until + 10 => "writing acl",
                _ => "synced",
            };
            (status, 25, until)
        }
        Kind::Transfer => {
            let status = match second {
                0..60 => "waiting for files from source",
                60..1_260 => "downloading",
                1_260..1_290 => "executing post-download script",
                1_290..9_000 => "seeding",
                _ => "successfully finished",
            };
            (status, 60, 1_260)
        }
        Kind::Script => match second {
            0..60 => ("executing script", 0, 0),
            _ => ("successfully finished", 0, 0),
        },
    }
}

/// What incidents, quirks and the test's own settings make of a run.
fn disturb(world: &World, state: &Filers, client: usize, index: usize, run: &mut Run) {
    if let Some(since) = world.since(Incident::SyncStuck).filter(|_| run.job.id == STUCK.0) {
        let begun = (world.now() - since).as_secs();
        if client == STUCK.1 || client == STUCK.2 {
            stand_still(run);
            run.last_synced = Some(begun - 1_800);
        }
        if client == STUCK.1 {
            // The estimate grows to three and a half hours, below the alert about long estimates: the incident is to
            // cost one ticket, and that is the other client's `no peers`.
            let remaining = run.size_total - run.size_completed;
            run.down = remaining / (600 + since.as_secs() * 2).min(12_600);
            run.eta = (remaining / run.down.max(1)) as i64;
            run.status = "syncing".to_owned();
        } else if client == STUCK.2 {
            (run.peers, run.proxied, run.eta) = (0, 0, -1);
            run.status = "no peers".to_owned();
        }
    }
    if world.quirk(VENDOR, Quirk::OtherSpelling) {
        run.errors = match index {
            1 => Value::Null,
            2 => json!(["SE_FS_LOCKED_FILES", 12]),
            3 => json!({}),
            4 => json!([{ "code": 5, "message": "SE_FS_NO_PERMISSIONS" }]),
            _ => json!([]),
        };
    }
    if let Some(status) = state.statuses.get(&(client, run.job.id)) {
        stand_still(run);
        let moving = matches!(status.as_str(), "syncing" | "downloading");
        run.down = if moving { 5_000_000 } else { 0 };
        run.eta = if moving { ((run.size_total - run.size_completed) / run.down) as i64 } else { -1 };
        run.peers = if status == "no peers" { 0 } else { run.peers };
        run.status.clone_from(status);
    }
    if let Some(errors) = state.errors.get(&(client, run.job.id)) {
        run.errors = errors.clone();
    }
    if state.clients.get(&client).is_some_and(|c| c.paused) {
        (run.down, run.up, run.eta) = (0, 0, 0);
        run.status = "paused".to_owned();
    }
}

/// Five eighths done, and no more.
fn stand_still(run: &mut Run) {
    run.size_completed = run.size_total / 8 * 5;
    run.files_completed = run.files_total / 4 * 3;
    (run.down, run.up) = (0, 0);
    run.transferred_down = run.size_completed / 2;
    run.transferred_up = run.transferred_down / 16;
}
