//! The task that keeps small targets joined for the scrape.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    event::{Panicked, panic_text},
    snapshot::Store,
};

/// Targets that changed are joined with others this often.
const JOIN_EVERY: Duration = Duration::from_secs(1);

/// Keeps what is served joined, beside the threads that serve it.
pub async fn run(store: Arc<Store>, cancelled: CancellationToken) {
    loop {
        tokio::select! {
            () = cancelled.cancelled() => return,
            () = sleep(JOIN_EVERY) => {}
        }
        let store = Arc::clone(&store);
        if let Err(error) = tokio::task::spawn_blocking(move || store.join()).await
            && error.is_panic()
        {
            Panicked { task: "join", subject: None, message: panic_text(&*error.into_panic()) }.emit();
        }
    }
}
