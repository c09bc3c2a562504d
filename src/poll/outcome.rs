//! How a poll ended: its data go into the ledger, and what people are told of it into the status.

use std::{sync::Arc, time::Duration};

use super::event;
use crate::{
    api::{Observation, Outcome, Warnings},
    clock::UnixTime,
    failure::{Failure, Reason},
    snapshot::Ledger,
};

/// How a poll ended.
#[derive(Debug)]
pub enum PollResult {
    /// It failed as a whole.
    Failed(Failure),
    /// It has data; these parts failed.
    Data(Vec<(Box<str>, Failure)>),
}

/// Stores the end of a poll that took this long.
pub fn record(
    ledger: &mut Ledger,
    outcome: Result<Observation, Failure>,
    now: UnixTime,
    took: Duration,
    warnings: &Warnings,
) -> PollResult {
    let result = outcome.and_then(|observation| apply(ledger, observation, now, warnings));
    let result = result.map_or_else(PollResult::Failed, PollResult::Data);
    update_status(ledger, &result, now, took);
    result
}

/// The parts that failed. A poll of which every part failed has failed; one that has data to tell may have failed too.
fn apply(
    ledger: &mut Ledger,
    observation: Observation,
    now: UnixTime,
    warnings: &Warnings,
) -> Result<Vec<(Box<str>, Failure)>, Failure> {
    let failed = observation.parts.iter().filter_map(|(key, outcome)| match outcome {
        Outcome::Failed(failure) => Some((key.clone(), failure.clone())),
        Outcome::Fresh(_) | Outcome::Same(_) => None,
    });
    let failed: Vec<(Box<str>, Failure)> = failed.collect();
    if let Some((_, first)) = failed.first().filter(|_| failed.len() == observation.parts.len()) {
        let retry_after = Failure::max_retry_after(failed.iter().map(|(_, failure)| failure));
        return Err(Failure { retry_after, ..first.clone() });
    }
    let failure = observation.failure.clone();
    ledger.apply(observation, now, warnings)?;
    failure.map_or(Ok(failed), Err)
}

fn update_status(ledger: &mut Ledger, result: &PollResult, now: UnixTime, took: Duration) {
    let agents = ledger.agents();
    let target = Arc::clone(ledger.target());
    let (target, status) = (&*target.name, &mut ledger.status);
    status.polls += 1;
    status.first_poll.get_or_insert(now);
    status.last_poll = Some(now);
    status.duration = took;
    match result {
        PollResult::Failed(failure) => {
            event::PollFailed { target, failure }.emit(status);
            (status.up, status.partial, status.failure) = (Some(false), false, Some(failure.clone()));
            status.failed_at = Some(now);
        }
        PollResult::Data(failed) => {
            event::PollSucceeded { target, agents }.emit(status);
            (status.up, status.last_success) = (Some(true), Some(now));
            status.failure = failed.first().map(|(part, failure)| {
                let more = failed.len() - 1;
                let message = format!("{} ({} more): {failure}", if part.is_empty() { "-" } else { part }, more);
                Failure::new(Reason::Partial, message)
            });
            if !failed.is_empty() {
                event::PollPartial { target, parts: failed }.emit(status);
            }
            status.partial = !failed.is_empty();
        }
    }
}
