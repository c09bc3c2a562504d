//! The queue of a pool, from its unfinished job requests.

use std::{io::Read, time::Duration};

use super::{
    super::{
        Part, PoolRef, Warning, Warnings,
        lenient::{self, Field, RowCount, Timestamp},
    },
    agents::JobRequest,
    pools,
};
use crate::{
    catalogue::azure_devops::{POOL_JOB_REQUESTS_UP, POOL_JOBS, POOL_OLDEST_QUEUED_JOB},
    failure::Failure,
};

/// The longest that a queue may take: 760 rows were seen to take 4 s, and 10,000 to time out.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(15);

/// Unfinished job requests, pool maintenance left out.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Queue {
    /// No agent is assigned yet.
    pub queued: u64,
    /// An agent is assigned and has not taken it yet.
    pub assigned: u64,
    /// An agent has taken it.
    pub running: u64,
    /// When the oldest that is queued was queued.
    pub oldest: Option<Timestamp>,
    rows: RowCount,
}

impl Queue {
    /// Counts a page of job requests.
    pub fn read(&mut self, body: impl Read, warnings: &Warnings) -> Result<(), Failure> {
        let list = lenient::items::<JobRequest<'_>>(body, "value", |item: Option<JobRequest<'_>>| {
            self.rows.add(item.is_some());
            match item {
                Some(request) => self.add(&request, warnings),
                None => warnings.add(Warning::BadItem, || "job request that cannot be read".to_owned()),
            }
        })?;
        self.rows.announce(list);
        pools::check(list, warnings, "job requests")
    }

    /// The queue once all pages were read. Fails where most of it cannot be read: its numbers would be too low.
    pub fn finish(self) -> Result<Queue, Failure> {
        match self.rows.judge("job requests")? {
            Some(defect) => Err(defect),
            None => Ok(self),
        }
    }

    /// A time that cannot be read still tells that the step was taken.
    fn add(&mut self, request: &JobRequest<'_>, warnings: &Warnings) {
        let is_finished = request.result != Field::Missing || request.finish_time != Field::Missing;
        if is_finished || request.is_maintenance() {
            return;
        }
        if request.receive_time != Field::Missing {
            self.running += 1;
        } else if request.assign_time != Field::Missing {
            self.assigned += 1;
        } else {
            self.queued += 1;
            let queued = request.queue_time.get(warnings, "queueTime");
            self.oldest = [self.oldest, queued].into_iter().flatten().min();
        }
    }
}

/// Sets the samples of a queue that was asked for. One that could not be read has no jobs at all, never 0 of them.
pub fn set(part: &mut Part, pool: PoolRef, queue: Option<&Queue>) {
    part.set(&POOL_JOB_REQUESTS_UP, pool, &[], f64::from(queue.is_some()));
    let Some(queue) = queue else { return };
    for (state, jobs) in [("queued", queue.queued), ("assigned", queue.assigned), ("running", queue.running)] {
        part.set(&POOL_JOBS, pool, &[state], jobs as f64);
    }
    part.set_some(&POOL_OLDEST_QUEUED_JOB, pool, &[], queue.oldest.map(Timestamp::as_secs_f64));
}
