//! The last poll in detail, for the page about its target.

use super::outcome::PollResult;
use crate::{
    api::{Observation, Warning, Warnings, words},
    failure::Failure,
    http::{Exchange, stats::Journal},
    snapshot::history::{LastPoll, RequestRecord},
};

/// As much of a URL is kept, in characters.
const URL: usize = 300;

/// Details of a kind of warnings, at most.
const WARNINGS: usize = 20;

/// Parts that failed, at most.
const PARTS: usize = 50;

/// What a poll asked, and what its end says beside the data.
pub(super) fn of(outcome: &Result<Observation, Failure>, journal: Journal) -> LastPoll {
    let requests = journal.exchanges.into_iter().map(record).collect();
    let mut last = LastPoll { requests, left_out: journal.left_out, ..LastPoll::default() };
    if let Ok(observation) = outcome {
        last.extras.clone_from(&observation.extras);
        last.unread = observation.unread.iter().take(PARTS).cloned().collect();
        last.notes = observation.notes.iter().take(PARTS).cloned().collect();
    }
    last
}

/// The same once the data were taken up, which shows more.
pub(super) fn ended(mut last: LastPoll, result: &PollResult, warnings: &Warnings) -> LastPoll {
    let details = warnings.details();
    let of_kind = |kind: Warning| {
        let seen = details.iter().filter(|(other, _)| *other == kind).map(|(_, text)| text.clone());
        (kind, warnings.count(kind), seen.take(WARNINGS).collect())
    };
    last.warnings = Warning::ALL.into_iter().map(of_kind).filter(|(_, count, _)| *count > 0).collect();
    if let PollResult::Data(failed) = result {
        last.failed_parts = failed.iter().take(PARTS).cloned().collect();
    }
    last
}

fn record(exchange: Exchange) -> RequestRecord {
    let Exchange { request, status, bytes, duration, failure, refused, .. } = exchange;
    let said = refused.map(|refused| words::refused(&refused)).filter(|said| !said.is_empty());
    RequestRecord { request: words::one_line(&request, URL), status, bytes, took: duration, failure, said }
}
