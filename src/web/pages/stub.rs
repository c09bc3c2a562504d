//! Targets and alerts for the tests of pages.

use std::{sync::Arc, time::Duration};

use crate::{
    alert::engine::{AlertBrief, AlertRow, LabelSet},
    api::{Agent, Id, Observation, Part, Warnings},
    catalogue::resilio,
    clock::UnixTime,
    config::Config,
    failure::{Failure, Reason},
    health::Health,
    poll::outcome,
    rules::catalogue::{self, Severity},
    snapshot::{Ledger, Snapshot},
};

/// When the tests of pages take place.
pub const NOW: UnixTime = UnixTime::from_secs(1_768_464_000);

/// A target that was polled some times.
pub struct Story {
    ledger: Ledger,
    now: UnixTime,
}

impl Story {
    /// A target of this name that was never polled.
    pub fn new(name: &str) -> Story {
        let name = serde_json::Value::from(name);
        let yaml = format!("targets: [{{name: {name}, vendor: resilio, url: 'http://127.0.0.1:1'}}]");
        let config = Config::parse(&yaml, "rollcall.yml", std::path::Path::new(".")).expect("it is valid");
        Story { ledger: Ledger::new(Arc::clone(&config.targets[0]), false), now: NOW }
    }

    /// A poll at this many seconds after [`NOW`] that reads these agents: pool, name, health.
    pub fn poll<'a>(mut self, at: u64, agents: impl IntoIterator<Item = (&'a str, String, Health)>) -> Story {
        self.now = NOW.plus(Duration::from_secs(at));
        let mut part = Part::new(resilio::FAMILIES);
        for (id, (pool, name, health)) in agents.into_iter().enumerate() {
            let pool = part.pool(pool, false);
            let state = part.state(&format!("Is{health}"));
            let agent =
                Agent { pool, name: name.as_str().into(), id: Id::Number(id as i64), health: Some(health), state };
            part.agent(agent);
        }
        self.record(Ok(Observation::single(part)))
    }

    /// A poll that fails.
    pub fn fail(mut self, at: u64, reason: Reason) -> Story {
        self.now = NOW.plus(Duration::from_secs(at));
        self.record(Err(Failure::new(reason, "GET /x: it said <b>no</b>")))
    }

    fn record(mut self, outcome: Result<Observation, Failure>) -> Story {
        let took = Duration::from_millis(30);
        outcome::record(&mut self.ledger, outcome, self.now, took, &Warnings::default());
        self
    }

    /// What is known this many seconds after [`NOW`].
    pub fn at(&mut self, at: u64) -> Arc<Snapshot> {
        Arc::new(self.ledger.publish(NOW.plus(Duration::from_secs(at))).snapshot)
    }
}

/// Agents of a pool: so many of this health, named by number.
pub fn agents(pool: &str, health: Health, numbers: std::ops::Range<u32>) -> Vec<(&str, String, Health)> {
    numbers.map(|number| (pool, format!("agent-{number}"), health)).collect()
}

/// An alert of the catalogue with these labels, pending since [`NOW`], or firing since a minute later.
pub fn alert(name: &str, severity: Severity, labels: &[(&'static str, &str)], fires: bool) -> AlertBrief {
    let row = catalogue::named(name).find(|row| row.severity == severity).expect("it is in the catalogue");
    AlertBrief {
        alert: AlertRow(row),
        labels: LabelSet::of(labels.iter().copied()),
        since: NOW,
        fired: fires.then(|| NOW.plus(Duration::from_secs(60))),
        clearing: None,
        held: false,
    }
}
