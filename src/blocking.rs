//! Work that takes a while, without holding up what else is to be done.

use tokio::runtime::{Handle, RuntimeFlavor};

/// An answer from this many bytes on is read aside: that takes about a millisecond or more.
pub const LARGE_BODY: usize = 256 * 1024;

/// From this many agents on they are rendered aside, for the same reason.
pub const MANY_AGENTS: usize = 1_000;

/// Does some work at once. Where there is much of it, the other tasks of this thread go on on another one meanwhile, so that
/// a large target delays neither the polls of the others nor a scrape.
pub fn block_in_place_if<T>(is_large: bool, work: impl FnOnce() -> T) -> T {
    let elsewhere = || Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if is_large && elsewhere() { tokio::task::block_in_place(work) } else { work() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// With one thread for everything, another task would have to wait for the end of the work.
    #[test]
    fn other_tasks_go_on_meanwhile() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a runtime starts").block_on(async {
            let (wake, woken) = std::sync::mpsc::channel();
            let work = tokio::spawn(async move {
                tokio::spawn(async move { wake.send(()) });
                block_in_place_if(true, || woken.recv_timeout(Duration::from_secs(20)))
            });
            assert_eq!(work.await.expect("no panic"), Ok(()));
        });
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_is_one_thread_only_it_is_done_all_the_same() {
        assert_eq!(block_in_place_if(true, || 7), 7);
        assert_eq!(block_in_place_if(false, || 8), 8);
    }
}
