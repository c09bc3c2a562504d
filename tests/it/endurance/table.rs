//! What the daemon holds, poll by poll.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use crate::support::Daemon;

/// Lines of the printed table.
const LINES: u64 = 25;

/// What is counted, in the order of the columns.
const COLUMNS: [&str; 7] = ["RSS KiB", "tasks", "threads", "descriptors", "series", "alerts", "queue"];

/// One look.
pub struct Row {
    /// Polls of each target, as the daemon counts them.
    polls: BTreeMap<String, f64>,
    values: [f64; COLUMNS.len()],
}

impl Row {
    /// Looks now.
    pub fn of(daemon: &Daemon) -> Row {
        let exposition = daemon.scrape();
        let status: Value = serde_json::from_str(daemon.get("/api/v1/status").text()).expect("it is JSON");
        let polls = exposition.all("rollcall_polls_total", &[]);
        // A sum of nothing is -0.
        let sum = |name| 0.0 + exposition.all(name, &[]).iter().map(|sample| sample.value).sum::<f64>();
        let values = [
            daemon.process.memory_kib("VmRSS") as f64,
            status["tasks"].as_f64().expect("it is there"),
            daemon.process.field("Threads") as f64,
            exposition.get("process_open_fds", &[]).expect("Linux"),
            exposition.samples.len() as f64,
            sum("rollcall_alerts"),
            sum("rollcall_notifications_queue_length"),
        ];
        let polls = polls.iter().map(|sample| (sample.label("target").to_owned(), sample.value)).collect();
        Row { polls, values }
    }
}

/// All looks of a run.
pub struct Table {
    polls: u64,
    /// Polls of each target over all reloads: a target that is changed counts anew.
    counted: BTreeMap<String, (f64, f64)>,
    /// The least number of polls of a target, and what was held then.
    rows: Vec<(u64, [f64; COLUMNS.len()])>,
}

impl Table {
    /// Nothing yet, of so many polls.
    pub fn new(polls: u64) -> Table {
        Table { polls, counted: BTreeMap::new(), rows: Vec::new() }
    }

    /// Adds a look; whether all of these targets were polled often enough.
    pub fn take(&mut self, row: Row, targets: &[&str]) -> bool {
        for (target, polls) in row.polls {
            let (last, sum) = self.counted.entry(target).or_default();
            *sum += if polls >= *last { polls - *last } else { polls };
            *last = polls;
        }
        let polls = targets.iter().map(|target| self.counted.get(*target).map_or(0.0, |(_, sum)| *sum) as u64);
        let least = polls.min().unwrap_or_default();
        self.rows.push((least, row.values));
        least >= self.polls
    }

    /// The median of a column in one quarter of the run, counted from 0.
    fn median(&self, column: usize, quarter: usize) -> f64 {
        let length = self.rows.len();
        let rows = &self.rows[quarter * length / 4..(quarter + 1) * length / 4];
        let mut values: Vec<f64> = rows.iter().map(|(_, values)| values[column]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    /// Panics where the last quarter holds more than the second one, by more than this part of it and some: so many KiB, and
    /// of everything else what an incident or a poll makes of it.
    #[track_caller]
    pub fn assert_flat(&self, tolerance: f64, kib: f64) {
        for (column, name) in COLUMNS.iter().enumerate() {
            let (before, after) = (self.median(column, 1), self.median(column, 3));
            let more = match *name {
                "RSS KiB" => kib,
                "series" | "alerts" | "queue" => 300.0,
                _ => 20.0,
            };
            assert!(after <= before * (1.0 + tolerance) + more, "{name}: {before}, and then {after}\n{self}");
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| polls | {} |", COLUMNS.join(" | "))?;
        writeln!(f, "|--:{}|", "|--:".repeat(COLUMNS.len()))?;
        let mut next = 0;
        for (index, (polls, values)) in self.rows.iter().enumerate() {
            if *polls >= next || index + 1 == self.rows.len() {
                next = *polls + (self.polls / LINES).max(1);
                let values: Vec<String> = values.iter().map(|value| format!("{value:.0}")).collect();
                writeln!(f, "| {polls} | {} |", values.join(" | "))?;
            }
        }
        Ok(())
    }
}
