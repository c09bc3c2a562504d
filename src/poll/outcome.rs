//! How a poll ended: its data go into the ledger, and what people are told of it into the status.

use std::{sync::Arc, time::Duration};

use super::event;
use crate::{
    api::{Observation, Outcome, Warnings},
    clock::UnixTime,
    failure::{Failure, Reason},
    snapshot::{
        Ledger,
        history::{PollEnd, PollRecord},
    },
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

/// The parts that failed, in whole or in great part. A poll of which every part failed has failed; one that has data to tell may have failed too.
fn apply(
    ledger: &mut Ledger,
    mut observation: Observation,
    now: UnixTime,
    warnings: &Warnings,
) -> Result<Vec<(Box<str>, Failure)>, Failure> {
    for (key, outcome) in &mut observation.parts {
        // The few rows that could be read do not replace all of them.
        if let Outcome::Fresh(part) = outcome
            && let Some(defect) = part.defect.take_if(|_| ledger.has_complete(key, now))
        {
            warnings.merge(&part.warnings);
            *outcome = Outcome::Failed(defect);
        }
    }
    let failed = observation.parts.iter().filter_map(|(key, outcome)| Some((key.clone(), outcome.failure()?.clone())));
    let failed: Vec<(Box<str>, Failure)> = failed.collect();
    let has_data = observation.parts.iter().any(|(_, outcome)| !matches!(outcome, Outcome::Failed(_)));
    if let Some((_, first)) = failed.first().filter(|_| !has_data) {
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
    let history = Arc::clone(&ledger.history);
    let status = &mut ledger.status;
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
    let end = match (status.up, status.partial) {
        (Some(true), false) => PollEnd::Complete,
        (Some(true), true) => PollEnd::Partial,
        _ => PollEnd::Failed,
    };
    history.add_poll(PollRecord { at: now, took, end }, status.failure.as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{Agent, Id, Part},
        catalogue::resilio::FAMILIES,
        config::Target,
        health::Health,
    };

    fn part(agents: i64, defect: Option<&str>) -> Part {
        let mut part = Part::new(FAMILIES);
        let pool = part.pool("client", false);
        for id in 0..agents {
            let agent = Agent {
                pool,
                name: id.to_string().into(),
                id: Id::Number(id),
                health: Some(Health::Healthy),
                state: "up".into(),
            };
            part.agent(agent).expect("ids are unique");
        }
        part.defect = defect.map(|message| Failure::new(Reason::Decode, message));
        part
    }

    #[test]
    fn a_few_rows_do_not_replace_all_of_them() {
        let target = Arc::new(Target::sample_client());
        let stale_after = target.stale_after;
        let mut ledger = Ledger::new(target, false);
        let mut at = UnixTime::from_secs(1_000_000);
        let mut poll = |part: Part, after: Duration| {
            at = at.plus(after);
            record(&mut ledger, Ok(Observation::single(part)), at, Duration::ZERO, &Warnings::default());
            (ledger.agents(), ledger.status.up, ledger.status.partial, ledger.status.consecutive_failures)
        };
        let second = Duration::from_secs(1);
        // Nothing better is known.
        assert_eq!(poll(part(1, Some("2 of 3")), second), (1, Some(true), true, 0));
        assert_eq!(poll(part(2, Some("3 of 5")), second), (2, Some(true), true, 0));
        assert_eq!(poll(part(5, None), second), (5, Some(true), false, 0));
        // All of it is known.
        assert_eq!(poll(part(2, Some("3 of 5")), second), (5, Some(false), false, 1));
        assert_eq!(poll(part(4, None), second), (4, Some(true), false, 0));
        // It is too old by now.
        assert_eq!(poll(part(1, Some("3 of 4")), stale_after), (1, Some(true), true, 0));
    }
}
