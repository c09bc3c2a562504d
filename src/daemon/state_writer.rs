//! The task that writes the state file.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    event::StateWrites,
    state::{State, StateError, StateFile},
};
use crate::{alert::engine::task::AlertEvaluator, blocking::on_own_thread, event, poll::Fleet, scale::scaled};

/// The state file is written at least this often where something changed; for alerts that begin or end, and for log-on
/// holds, at once.
const SAVE_INTERVAL: Duration = Duration::from_secs(15);

/// Where writing took longer than this, the next one that is only for alerts waits: with ten thousand targets it is tens of
/// megabytes, and in a wide incident alerts begin with every poll.
const SLOW_SAVE: Duration = Duration::from_millis(250);

/// A writing that takes longer counts as failed, and again each time that it takes so long.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// So many times as long as it took longer.
const SLOW_SAVE_BACKOFF: u32 = 10;

/// Writes the state file whenever something changed, until it is cancelled, and once more then.
pub async fn run(
    fleet: Arc<Fleet>,
    evaluator: Arc<AlertEvaluator>,
    file: StateFile,
    mut writes: StateWrites,
    cancelled: CancellationToken,
) {
    let mut last = None;
    let mut next_urgent_save = Instant::now();
    loop {
        let done = tokio::select! {
            () = cancelled.cancelled() => true,
            () = async { sleep_until(next_urgent_save).await; fleet.save_requested().notified().await } => false,
            () = fleet.logons_changed() => false,
            () = sleep(scaled(SAVE_INTERVAL)) => false,
        };
        let (fleet, evaluator, file) = (Arc::clone(&fleet), Arc::clone(&evaluator), file.clone());
        let (before, began) = (last.take(), Instant::now());
        // Beside the pool of the runtime, which others may fill, and which a stop waits for: a disk may hang.
        let saved = on_own_thread("state", move || {
            let state = State::new(fleet.clock().now(), fleet.save(), evaluator.save());
            let same = before.as_ref().is_some_and(|before: &State| before.is_same_content(&state));
            let result = if same { Ok(()) } else { file.save(&state) };
            (state, result)
        });
        let mut saved = pin!(saved);
        let saved = loop {
            match timeout(HANGS_AFTER, &mut saved).await {
                Ok(saved) => break saved,
                // There is nothing to be done about a disk that hangs but to say so.
                Err(_) => writes.failed(&format_args!("it has been under way for {HANGS_AFTER:?}")),
            }
        };
        match saved {
            Ok((state, Ok(()))) => {
                last = Some(state);
                writes.succeeded();
            }
            Ok((_, Err(error))) => writes.failed(&error),
            Err(panic) => {
                let message = event::panic_text(&*panic);
                event::Panicked { task: "state", subject: None, message }.emit();
                writes.failed(&message);
            }
        }
        next_urgent_save = Instant::now() + began.elapsed().saturating_sub(SLOW_SAVE) * SLOW_SAVE_BACKOFF;
        if done {
            return;
        }
    }
}

/// A state file that could not be read at the start is not written over in this run: each time that it would have been
/// counts as a failure.
pub async fn refuse(mut writes: StateWrites, error: Arc<StateError>, cancelled: CancellationToken) {
    loop {
        writes.failed(&error);
        tokio::select! {
            () = cancelled.cancelled() => return,
            () = sleep(scaled(SAVE_INTERVAL)) => {}
        }
    }
}
