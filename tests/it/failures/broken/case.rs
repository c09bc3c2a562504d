//! What a target shows while its vendor fails, and afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{After, Expected};
use crate::support::Exposition;

/// One vendor under one breakage.
pub struct Case {
    /// Name of the target.
    pub target: String,
    pub vendor: &'static str,
    pub expected: Expected,
    /// Its data while all was well.
    pub before: Data,
    /// Its data after the last poll that was no failure: these stay while its vendor fails.
    kept: Data,
    /// The names of what told of the daemon's own work then.
    own: BTreeSet<String>,
    seen_fresh: bool,
    /// Whether it shows what it shows in the end.
    pub settled: bool,
    /// How often it had been polled when the vendor was healed.
    pub polls: f64,
}

/// Samples by name and labels.
pub type Data = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The target's data but for what the daemon's own clock makes of each poll.
pub fn data(exposition: &Exposition, target: &str) -> Data {
    let moving = ["rollcall_pool_last_success_timestamp_seconds", "parallels_ras_session_probe_duration_seconds"];
    let data = exposition.data(target).into_iter().filter(|sample| !moving.contains(&&*sample.name));
    data.map(|sample| ((sample.name.clone(), sample.labels.clone()), sample.value)).collect()
}

/// The names of what tells of the daemon's own work on the target.
fn own_names(exposition: &Exposition, target: &str) -> BTreeSet<String> {
    let own = exposition.samples.iter().filter(|sample| sample.label("target") == target);
    let own =
        own.filter(|sample| sample.name.starts_with("rollcall_target_") || sample.name.starts_with("rollcall_poll"));
    own.map(|sample| sample.name.clone()).collect()
}

impl Case {
    /// One that is well.
    pub fn new(target: String, vendor: &'static str, expected: Expected) -> Case {
        Case {
            target,
            vendor,
            expected,
            before: Data::new(),
            kept: Data::new(),
            own: BTreeSet::new(),
            seen_fresh: false,
            settled: false,
            polls: 0.0,
        }
    }

    /// Notes what it shows while all is well.
    pub fn is_well(&mut self, now: &Exposition) {
        self.before = data(now, &self.target);
        self.kept = self.before.clone();
        self.own = own_names(now, &self.target);
        assert!(!self.before.is_empty());
    }

    /// Nobody saw what was there in between.
    pub fn missed_a_while(&mut self) {
        self.seen_fresh = true;
    }

    /// Whether everything is as before.
    pub fn has_recovered(&self, now: &Exposition) -> bool {
        let value = |name| now.of(&self.target, name);
        value("rollcall_target_up") == Some(1.0)
            && value("rollcall_target_stale") == Some(0.0)
            && value("rollcall_target_consecutive_failures") == Some(0.0)
            && now.failure(&self.target).is_empty()
            && data(now, &self.target).keys().map(|(name, _)| name).eq(self.before.keys().map(|(name, _)| name))
    }

    /// What is wrong with what the target shows while its vendor fails.
    pub fn look(&mut self, now: &Exposition) -> Result<(), String> {
        if self.settled && self.expected.verdict.is_some() && self.expected.after == After::Waits {
            // It was told; what is ten minutes old when the vendor may be asked again is withdrawn meanwhile.
            return Ok(());
        }
        let value = |name: &str| now.of(&self.target, name).ok_or_else(|| format!("{name} is missing"));
        let present = own_names(now, &self.target);
        let missing: Vec<&String> = self.own.difference(&present).collect();
        if !missing.is_empty() {
            return Err(format!("{missing:?} are gone"));
        }
        let reason = now.failure(&self.target);
        // A poll of many requests may have been under way when the vendor broke: that one alone is partial.
        let straddles = |reason: &str| self.vendor == "azure_devops" && reason == "partial";
        if straddles(&reason) && !self.seen_fresh {
            return Ok(());
        }
        let others = now.all("rollcall_poll_failures_total", &[("target", &self.target)]);
        let others = others.iter().filter(|sample| {
            let reason = sample.label("reason");
            let allowed = f64::from(u8::from(straddles(reason)));
            reason != self.expected.reason && sample.value > allowed
        });
        if let Some(other) = others.map(|sample| sample.label("reason")).next() {
            return Err(format!("a failure for {other:?} was counted, not {:?}", self.expected.reason));
        }
        if value("rollcall_login_held")? != 0.0 || value("rollcall_target_partial")? != 0.0 {
            return Err("it is held or partial".to_owned());
        }
        let (data, stale) = (data(now, &self.target), value("rollcall_target_stale")? == 1.0);
        // Or it could read everything but queues, which is no failure.
        if !self.seen_fresh && but_queues(&data).eq(but_queues(&self.kept)) {
            self.kept.clone_from(&data);
        }
        let told = match self.expected.verdict {
            Some(verdict) => !now
                .all("parallels_ras_session_probe_error", &[("target", &self.target), ("verdict", verdict)])
                .is_empty(),
            None => !reason.is_empty(),
        };
        if !told {
            return match data == self.kept {
                true => Ok(()),
                false => {
                    Err(format!("the data changed before the failure was told: {}", difference(&self.kept, &data)))
                }
            };
        }
        if reason != self.expected.reason {
            return Err(format!("the reason is {reason:?}, not {:?}", self.expected.reason));
        }
        let up = f64::from(u8::from(reason.is_empty()));
        if value("rollcall_target_up")? != up {
            return Err(format!("up is not {up}"));
        }
        if !reason.is_empty() && now.failures(&self.target, &reason) < 1.0 {
            return Err("the failure was not counted".to_owned());
        }
        if let Some(verdict) = self.expected.verdict {
            return self.look_at_probe(now, verdict, stale);
        }
        if stale {
            self.settled = true;
            return match (data.is_empty(), self.seen_fresh) {
                (true, true) => Ok(()),
                (true, false) => Err("the data were gone at once".to_owned()),
                (false, _) => Err(format!("too old data are still there: {:?}", data.keys().next())),
            };
        }
        self.seen_fresh = true;
        if data != self.kept {
            return Err(format!("the failure changed the data: {}", difference(&self.kept, &data)));
        }
        Ok(())
    }

    fn look_at_probe(&mut self, now: &Exposition, verdict: &str, stale: bool) -> Result<(), String> {
        let code = if verdict == "unreachable" { "0" } else { "" };
        let [error] = &*now.all("parallels_ras_session_probe_error", &[("target", &self.target)]) else {
            return Err("not one error of the probe".to_owned());
        };
        let health = if verdict == "unreachable" { "failed" } else { "unknown" };
        let labels = [("target", &*self.target), ("health", health)];
        let success = now.of(&self.target, "parallels_ras_session_probe_success");
        if error.label("code") != code || now.get("rollcall_agent_health", &labels) != Some(1.0) || success != Some(0.0)
        {
            return Err(format!("not {health} with code {code:?}: {}", now.about(&self.target)));
        }
        if stale {
            return Err("what the probe found is no old data".to_owned());
        }
        let failures = now.of(&self.target, "parallels_ras_session_probe_consecutive_failures").unwrap_or(0.0);
        self.settled = failures >= 2.0 || self.expected.after == After::Waits;
        Ok(())
    }
}

/// The data without those of the queues of Azure DevOps.
fn but_queues(data: &Data) -> impl Iterator<Item = (&(String, BTreeMap<String, String>), &f64)> {
    let queues = ["azure_devops_pool_job", "azure_devops_pool_oldest_queued_job"];
    data.iter().filter(move |((name, _), _)| !queues.iter().any(|queue| name.starts_with(queue)))
}

/// What changed, for messages.
pub fn difference(before: &Data, after: &Data) -> String {
    let gone: Vec<_> = before.iter().filter(|(key, value)| after.get(*key) != Some(*value)).take(2).collect();
    let new: Vec<_> = after.iter().filter(|(key, value)| before.get(*key) != Some(*value)).take(2).collect();
    format!("{} before, {} now; gone {gone:?}, new {new:?}", before.len(), after.len())
}
