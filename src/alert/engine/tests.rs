//! The engine on hand-made samples. [`Site`] is a target that is polled, fails and is withdrawn like a real one.

mod property;
mod replicas;
mod restart;
mod stories;

use super::*;
use crate::{config::Config, rules::catalogue};

/// To evaluate a target of this name panics.
pub(super) const PLANTED: &str = "planted-panic";

/// Samples from a text.
pub(super) struct Table {
    vendor: String,
    target: String,
    text: String,
}

impl Table {
    pub fn new(vendor: &str, target: &str, text: &str) -> Table {
        Table { vendor: vendor.to_owned(), target: target.to_owned(), text: text.to_owned() }
    }
}

impl Source for Table {
    fn vendor(&self) -> &str {
        &self.vendor
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn visit(&self, family: &'static Family, visit: &mut Visit<'_>) {
        // One name may be the beginning of another.
        let own = self.text.lines().filter(|line| line.split(['{', ' ']).next() == Some(family.name));
        own.for_each(|line| lines(family, line.as_bytes(), visit));
    }

    fn revision(&self, _family: &'static Family) -> Option<Revision> {
        None
    }
}

/// The rules of a configuration with these lines below `alerting:`.
pub(super) fn rules(alerting: &str) -> Rules {
    let yaml = format!(
        "targets: [{{name: t, vendor: resilio, url: 'http://127.0.0.1:1'}}]\nalerting:\n  mode: direct\n  \
         alertmanagers: [{{url: 'http://127.0.0.1:2'}}]\n{alerting}"
    );
    let config = Config::parse(&yaml, "rollcall.yml", std::path::Path::new(".")).expect("the configuration is valid");
    Rules::new(&config.alerting, "http://rollcall")
}

/// `keep_firing_for` of an alert, in seconds.
pub(super) fn keep(alert: &str) -> i64 {
    let row = catalogue::named(alert).next().expect("it is in the catalogue");
    i64::try_from(row.keep_firing_for.as_secs()).expect("minutes")
}

/// How long data stay without a success.
const STALE_AFTER: i64 = 300;

/// Polls end, well or not, at least this often: `stale_after` is no less than two intervals and a timeout.
const LONGEST: i64 = 240;

/// A pool of a site: its agents by class, healthy and failed.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub name: &'static str,
    pub healthy: u32,
    pub failed: u32,
    /// When it was last read.
    pub read: Option<i64>,
}

/// A target and the engine that watches it.
pub(super) struct Site {
    pub engine: Engine,
    pub now: i64,
    vendor: &'static str,
    up: Option<bool>,
    partial: bool,
    failures: u32,
    last_success: i64,
    last_poll: i64,
    /// What was last read of each pool.
    known: Vec<Pool>,
    /// What the engine said, with the time.
    pub reported: Vec<(i64, Change)>,
}

impl Site {
    pub fn new(vendor: &'static str) -> Site {
        Site::with(vendor, "")
    }

    pub fn with(vendor: &'static str, alerting: &str) -> Site {
        Site {
            engine: Engine::new(rules(alerting), SavedAlerts::default()),
            now: 1_000_000,
            vendor,
            up: None,
            partial: false,
            failures: 0,
            last_success: 0,
            last_poll: 0,
            known: Vec::new(),
            reported: Vec::new(),
        }
    }

    /// A site where only these alerts exist: faster, and nothing else comes in between.
    pub fn only(vendor: &'static str, alerting: &str, alerts: &[&str]) -> Site {
        let mut site = Site::with(vendor, alerting);
        let mut rules = rules(alerting);
        rules.all.retain(|rule| alerts.contains(&rule.alert.name));
        site.engine.configure(rules);
        site
    }

    /// A poll that read all pools.
    pub fn poll(&mut self, pools: &[(&'static str, u32, u32)]) {
        self.poll_parts(pools, &[]);
    }

    /// A poll that read these pools, and failed for those.
    pub fn poll_parts(&mut self, pools: &[(&'static str, u32, u32)], failed: &[&'static str]) {
        let now = self.now;
        self.known.retain(|pool| failed.contains(&pool.name));
        let fresh = pools.iter().map(|(name, healthy, failed)| Pool {
            name,
            healthy: *healthy,
            failed: *failed,
            read: Some(now),
        });
        self.known.extend(fresh);
        (self.up, self.partial, self.failures, self.last_success) = (Some(true), !failed.is_empty(), 0, now);
        self.last_poll = now;
        self.evaluate();
    }

    /// A poll that failed.
    pub fn fail(&mut self) {
        (self.up, self.partial) = (Some(false), false);
        self.failures += 1;
        self.last_poll = self.now;
        self.evaluate();
    }

    /// Time passes, with an evaluation every 15 s. Where nobody polls for [`LONGEST`], a poll fails.
    pub fn wait(&mut self, seconds: i64) {
        let end = self.now + seconds;
        while self.now + 15 <= end {
            self.now += 15;
            if self.up.is_some() && self.now - self.last_poll > LONGEST {
                self.fail();
            }
            self.evaluate();
        }
        self.now = end;
    }

    /// The same poll once a minute for this time.
    pub fn poll_for(&mut self, minutes: i64, pools: &[(&'static str, u32, u32)]) {
        for _ in 0..minutes {
            self.poll(pools);
            self.wait(60);
        }
    }

    pub fn evaluate(&mut self) {
        let text = self.text();
        let changes = self.engine.evaluate(&Table::new(self.vendor, "t", &text), UnixTime::from_secs(self.now));
        self.reported.extend(changes.into_iter().map(|change| (self.now, change)));
    }

    /// The daemon is killed, and starts again from what was saved last; its ledger is empty.
    pub fn restart(&mut self, after: i64, alerting: &str) {
        let saved = serde_json::to_string(&self.engine.save()).expect("it can be written");
        self.restart_from(&saved, after, alerting);
    }

    pub fn restart_from(&mut self, saved: &str, after: i64, alerting: &str) {
        self.now += after;
        let names: Vec<&str> = self.engine.rules.all.iter().map(|rule| rule.alert.name).collect();
        let mut rules = rules(alerting);
        rules.all.retain(|rule| names.contains(&rule.alert.name));
        self.engine = Engine::new(rules, serde_json::from_str(saved).expect("it can be read"));
        (self.up, self.partial, self.failures) = (None, false, 0);
        self.known.clear();
    }

    pub fn text(&self) -> String {
        let base = format!("vendor=\"{}\",target=\"t\"", self.vendor);
        let mut text = String::new();
        if let Some(up) = self.up {
            text += &format!("rollcall_target_up{{{base}}} {}\n", u8::from(up));
            text += &format!("rollcall_target_partial{{{base}}} {}\n", u8::from(self.partial));
        }
        let fresh: Vec<&Pool> =
            self.known.iter().filter(|pool| pool.read.is_some_and(|read| self.is_fresh(read))).collect();
        let agents: u32 = fresh.iter().map(|pool| pool.healthy + pool.failed).sum();
        text += &format!("rollcall_target_stale{{{base}}} {}\n", u8::from(fresh.is_empty()));
        text += &format!("rollcall_target_consecutive_failures{{{base}}} {}\n", self.failures);
        text += &format!("rollcall_target_last_success_timestamp_seconds{{{base}}} {}\n", self.last_success);
        text += &format!("rollcall_target_agents{{{base}}} {agents}\nrollcall_login_held{{{base}}} 0\n");
        for pool in fresh {
            let labels = format!("{base},pool=\"{}\"", pool.name);
            for (health, n) in [("healthy", pool.healthy), ("failed", pool.failed), ("degraded", 0)] {
                text += &format!("rollcall_pool_agents{{{labels},health=\"{health}\"}} {n}\n");
            }
            text += &format!("rollcall_pool_on_demand{{{labels}}} 0\n");
            let read = pool.read.unwrap_or_default();
            text += &format!("rollcall_pool_last_success_timestamp_seconds{{{labels}}} {read}\n");
        }
        text
    }

    fn is_fresh(&self, read: i64) -> bool {
        self.now <= read + STALE_AFTER
    }

    /// What was said of an alert: each time it fires or is resolved anew.
    pub fn story(&self, name: &str) -> Vec<(i64, &'static str)> {
        let mut story: Vec<(i64, &'static str)> = Vec::new();
        for (at, change) in &self.reported {
            let Change::Notify(notification) = change else { continue };
            if notification.labels["alertname"] == name {
                let word = if notification.ends_at.is_some() { "resolved" } else { "firing" };
                if story.last().is_none_or(|(_, before)| *before != word) {
                    story.push((*at - 1_000_000, word));
                }
            }
        }
        story
    }

    pub fn firing(&self, name: &str) -> bool {
        self.engine.alerts().iter().any(|alert| alert.name == name && alert.fired.is_some())
    }

    pub fn withdrawn(&self) -> usize {
        self.reported.iter().filter(|(_, change)| matches!(change, Change::Withdrawn(_))).count()
    }
}
