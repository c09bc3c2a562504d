//! Work that takes a while, without holding up what else is to be done.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::oneshot,
};

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

/// Does some work on a thread of its own, and waits for it; fails with the panic that ended it.
///
/// For what may hang in the system for ever: a look-up whose name server is silent, a disk behind a network. The runtime has a
/// pool for work that blocks, but the pool has an end, and whoever ends the runtime waits for all of it. Nobody waits for
/// these threads: they end with the process.
pub async fn on_own_thread<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> thread::Result<T> {
    let (sender, receiver) = oneshot::channel();
    let run = move || {
        // Whoever waited may have gone away.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    };
    let no_thread: &'static str = "the system has no thread left";
    match thread::Builder::new().name(name.to_owned()).spawn(run) {
        Ok(_) => receiver.await.unwrap_or_else(|_| Err(Box::new(no_thread))),
        Err(_) => Err(Box::new(no_thread) as Box<dyn Any + Send>),
    }
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

    /// The pool of the runtime would be waited for.
    #[test]
    fn nobody_waits_for_a_thread_that_hangs() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let (wake, woken) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            let hangs = on_own_thread("hangs", move || woken.recv());
            assert!(tokio::time::timeout(Duration::from_millis(20), hangs).await.is_err());
            assert_eq!(on_own_thread("works", || 7).await.ok(), Some(7));
            let panic = on_own_thread("panics", || panic!("it dies")).await.expect_err("it panics");
            assert_eq!(crate::event::panic_text(&*panic), "it dies");
        });
        drop(runtime);
        // It hung until now.
        wake.send(()).expect("it still waits");
    }
}
