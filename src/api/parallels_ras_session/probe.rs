//! The result of a probe, and its samples.

use std::time::Duration;

use super::{
    reply::{BrokerError, Reply},
    verdict::Verdict,
};
use crate::{
    api::{Agent, Id, Part},
    catalogue::parallels_ras_session::{
        FAMILIES, PRIME, PROBE_CONSECUTIVE_FAILURES, PROBE_DURATION, PROBE_ERROR, PROBE_SUCCESS,
    },
    config::{Target, target},
};

/// The label `pool`.
const POOL: &str = "session";

/// The result of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    pub(super) verdict: Verdict,
    /// What the broker said, the error that decides first.
    pub(super) errors: Vec<BrokerError>,
    pub(super) prime_seconds: Option<f64>,
    pub(super) duration: Duration,
    /// Failed probes in a row, this one included.
    pub(super) failures: u64,
}

impl Probe {
    /// A probe that follows `last`.
    pub fn new(reply: Reply, duration: Duration, last: Option<&Probe>) -> Probe {
        let before = last.map_or(0, |probe| probe.failures);
        let failures = if reply.verdict == Verdict::Ok { 0 } else { before.saturating_add(1) };
        Probe { verdict: reply.verdict, errors: reply.errors, prime_seconds: reply.prime_seconds, duration, failures }
    }

    /// For people, with all errors of the answer: `account, code 5155, Credentials, RDP 2055`,
    /// `request, code 100 (ras_host); code 102 (username)`.
    pub fn state(&self) -> String {
        let errors: Vec<String> = self.errors.iter().map(described).collect();
        let verdict = self.verdict.as_str();
        if errors.is_empty() { verdict.to_owned() } else { format!("{verdict}, {}", errors.join("; ")) }
    }

    /// The agent (the probed endpoint) and its samples.
    pub fn part(&self, target: &Target, settings: &target::ParallelsRasSession) -> Part {
        let (verdict, mode, host) = (self.verdict.as_str(), settings.mode.as_str(), &*settings.session.endpoint_host);
        let error = self.errors.first();
        let code = match (self.verdict, error) {
            (Verdict::Unreachable, _) => "0".to_owned(),
            (_, error) => error.map_or_else(String::new, |error| error.code.api.to_string()),
        };
        let states = [verdict, &code];
        let states = if code.is_empty() { &states[..1] } else { &states[..] };
        let mut part = Part::new(FAMILIES);
        let agent = Agent {
            pool: part.pool(POOL, false),
            name: host.into(),
            id: Id::Text(host.into()),
            health: Some(target.health(POOL, states, self.verdict.health())),
            state: self.state().into(),
        };
        let agent = part.agent(agent).expect("it is the only one");
        let success = self.verdict == Verdict::Ok;
        part.set(&PROBE_SUCCESS, agent, &[mode], f64::from(u8::from(success)));
        part.set(&PROBE_DURATION, agent, &[mode], self.duration.as_secs_f64());
        part.set_some(&PRIME, agent, &[mode], self.prime_seconds);
        part.set(&PROBE_CONSECUTIVE_FAILURES, agent, &[mode], self.failures as f64);
        if !success {
            let (category, parameter) = error.map_or(("", ""), |error| (error.code.category, error.parameter));
            part.set(&PROBE_ERROR, agent, &[mode, verdict, category, &code, parameter], 1.0);
        }
        part
    }
}

/// One error, for people.
fn described(BrokerError { code, parameter }: &BrokerError) -> String {
    let mut text = format!("code {}", code.api);
    if !parameter.is_empty() {
        text += &format!(" ({parameter})");
    }
    if !code.category.is_empty() {
        text += &format!(", {}", code.category);
    }
    if let Some(rdp) = code.rdp {
        text += &format!(", RDP {rdp}");
    }
    text
}
