//! Names become addresses: look-ups of the system, at most so many at a time, each on a thread of its own.
//!
//! The system's look-up blocks, for half a minute where the name server is silent, and cannot be ended. So
//!
//! - it runs on no thread of the runtime, whose pool others need and whose end waits for all of it;
//! - there is one for a name, however many targets ask, and one that was given up is waited for by the next poll;
//! - there are at most [`MOST`] of them; who comes then waits for one to end;
//! - nobody waits longer than [`PATIENCE`], so that the poll says what it waited for.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, LazyLock, Mutex, MutexGuard},
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::blocking::on_own_thread;

/// Look-ups under way, at most.
const MOST: usize = 64;

/// Beyond the 5 s after which the system asks the next name server, and below the 10 s that a connection may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a look-up came to; nothing before its end.
type Outcome = Option<Result<Arc<[SocketAddr]>, Arc<str>>>;

/// Looks a name up, and blocks.
type LookUp = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// The look-ups of the process.
#[derive(Clone)]
pub(super) struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    look_up: LookUp,
    patience: Duration,
    permits: Arc<Semaphore>,
    under_way: Mutex<HashMap<String, watch::Receiver<Outcome>>>,
}

impl Resolver {
    /// The one that all clients share.
    pub(super) fn of_process() -> Resolver {
        static RESOLVER: LazyLock<Resolver> = LazyLock::new(|| Resolver::new(MOST, PATIENCE, Arc::new(of_system)));
        RESOLVER.clone()
    }

    fn new(most: usize, patience: Duration, look_up: LookUp) -> Resolver {
        let permits = Arc::new(Semaphore::new(most));
        Resolver { shared: Arc::new(Shared { look_up, patience, permits, under_way: Mutex::default() }) }
    }

    async fn addresses(self, name: String) -> Result<Arc<[SocketAddr]>, Arc<str>> {
        let (mut outcome, patience) = (self.join(&name), self.shared.patience);
        let ended = timeout(patience, outcome.wait_for(Option::is_some)).await;
        let outcome = ended.map(|ended| ended.ok().and_then(|outcome| outcome.clone()));
        match outcome {
            Ok(Some(outcome)) => outcome,
            Ok(None) => Err("the look-up was given up".into()),
            Err(_) => Err(format!("no name server has answered for {patience:?}").into()),
        }
    }

    /// The look-up of this name that is under way, or a new one.
    fn join(&self, name: &str) -> watch::Receiver<Outcome> {
        let mut under_way = self.shared.lock();
        if let Some(outcome) = under_way.get(name) {
            return outcome.clone();
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(name.to_owned(), receiver.clone());
        drop(under_way);
        let end = EndOfLookUp { shared: Arc::clone(&self.shared), name: name.to_owned() };
        tokio::spawn(run(end, sender));
        receiver
    }
}

fn of_system(name: &str) -> io::Result<Vec<SocketAddr>> {
    // The port is that of the URL.
    Ok((name, 0).to_socket_addrs()?.collect())
}

async fn run(end: EndOfLookUp, sender: watch::Sender<Outcome>) {
    // It is never closed.
    let _permit = end.shared.permits.acquire().await;
    // One receiver is in the map: where there is no other, everybody has given up.
    if sender.receiver_count() <= 1 {
        return;
    }
    let (look_up, name) = (Arc::clone(&end.shared.look_up), end.name.clone());
    let looked_up = on_own_thread("resolver", move || look_up(&name)).await;
    let outcome = match looked_up {
        Ok(Ok(addresses)) => Ok(addresses.into()),
        Ok(Err(error)) => Err(error.to_string().into()),
        Err(_) => Err("the system has no thread left for it".into()),
    };
    let _ = sender.send(Some(outcome));
}

/// Takes a look-up from the list when it has ended, or when the runtime that it ran on has.
struct EndOfLookUp {
    shared: Arc<Shared>,
    name: String,
}

impl Drop for EndOfLookUp {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.name);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<Outcome>>> {
        self.under_way.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone().addresses(name.as_str().to_owned());
        Box::pin(async move {
            match addresses.await {
                Ok(addresses) => Ok(Box::new((0..addresses.len()).map(move |index| addresses[index])) as Addrs),
                Err(error) => Err(String::from(&*error).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use tokio::time::{Instant, sleep};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A resolver to which every name is silent until it is woken, how many look-ups are under way, and what wakes one.
    fn silent(most: usize, patience: Duration) -> (Resolver, Arc<AtomicUsize>, mpsc::Sender<()>) {
        let (wake, woken) = mpsc::channel();
        let (woken, under_way) = (Mutex::new(woken), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&under_way);
        let look_up = move |name: &str| {
            if name == "good" {
                return Ok(vec![SocketAddr::from(([192, 0, 2, 1], 0))]);
            }
            counted.fetch_add(1, Ordering::SeqCst);
            // The test is over where nobody can wake it any more.
            let _ = woken.lock().expect("no test panics with it").recv();
            counted.fetch_sub(1, Ordering::SeqCst);
            Err(io::Error::other("nobody knows it"))
        };
        (Resolver::new(most, patience, Arc::new(look_up)), under_way, wake)
    }

    async fn until(what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn ask(resolver: &Resolver, name: &str) -> tokio::task::JoinHandle<Result<Arc<[SocketAddr]>, Arc<str>>> {
        tokio::spawn(resolver.clone().addresses(name.to_owned()))
    }

    #[tokio::test]
    async fn a_silent_name_server_has_a_thread_for_each_name_and_no_more_than_the_bound() {
        let (resolver, under_way, wake) = silent(2, HOUR);
        let first: Vec<_> = (0..10).map(|_| ask(&resolver, "a")).collect();
        let second = ask(&resolver, "b");
        until("two names are looked up", || under_way.load(Ordering::SeqCst) == 2).await;
        // The third and a good one wait for a place; who gives up meanwhile is not looked up at all.
        let (third, given_up) = (ask(&resolver, "c"), ask(&resolver, "d"));
        let good = ask(&resolver, "good");
        until("all are known", || resolver.shared.lock().len() == 5).await;
        given_up.abort();
        assert!(given_up.await.is_err());
        assert_eq!(under_way.load(Ordering::SeqCst), 2);
        for _ in 0..3 {
            wake.send(()).expect("one is waiting");
        }
        for asked in first.into_iter().chain([second, third]) {
            let error = asked.await.expect("no panic").expect_err("nobody knows it");
            assert_eq!(&*error, "nobody knows it");
        }
        assert_eq!(good.await.expect("no panic").expect("it is known").len(), 1);
        until("the list is empty", || resolver.shared.lock().is_empty()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_longer_than_a_poll_can_and_the_next_one_joins_the_look_up() {
        let (resolver, under_way, wake) = silent(2, PATIENCE);
        let begun = Instant::now();
        for _ in 0..3 {
            let error = ask(&resolver, "a").await.expect("no panic").expect_err("silence");
            assert_eq!(&*error, "no name server has answered for 8s");
        }
        assert_eq!(begun.elapsed(), 3 * PATIENCE);
        assert!(under_way.load(Ordering::SeqCst) <= 1);
        drop(wake);
    }

    /// The pool of the runtime is free for others, and its end waits for nothing.
    #[test]
    fn look_ups_hold_up_neither_the_pool_of_the_runtime_nor_its_end() {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).max_blocking_threads(1).enable_all().build().expect("a runtime starts");
        let (resolver, under_way, wake) = silent(8, HOUR);
        runtime.block_on(async {
            for name in ["a", "b", "c"] {
                ask(&resolver, name);
            }
            until("all are looked up", || under_way.load(Ordering::SeqCst) == 3).await;
            assert_eq!(tokio::task::spawn_blocking(|| 7).await.ok(), Some(7));
        });
        drop(runtime);
        assert_eq!(under_way.load(Ordering::SeqCst), 3, "they are still silent");
        drop(wake);
    }
}
