//! Passwords that wait to be hashed. bcrypt is slow on purpose, so whoever guesses passwords could take the whole machine:
//! one is hashed at a time, on a thread of its own that gives way to everybody else, and few wait for it.
//!
//! Peers take turns. A flood of guesses from one address costs another one the time of one hash, and not that of the flood.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    event::{Panicked, panic_text},
    web::listener::Peer,
};

/// Passwords that wait, in all and of one peer.
const MAX_WAITING: usize = 32;
const MAX_WAITING_PER_PEER: usize = 4;

/// Why a password was not hashed: too many wait already.
#[derive(Debug, PartialEq)]
pub struct Full;

/// The passwords, and the thread that hashes them while there are any.
#[derive(Debug, Default)]
pub struct HashQueue(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    /// Those of each peer, in the order in which they came.
    of_peers: BTreeMap<Peer, VecDeque<Job>>,
    /// The peers, in the order of their turns.
    turns: VecDeque<Peer>,
    is_running: bool,
}

struct Job {
    work: Box<dyn FnOnce() -> bool + Send>,
    done: oneshot::Sender<bool>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl HashQueue {
    /// Does a piece of work in its turn, and waits for it. It is left undone where nobody waits any more.
    pub async fn run(&self, peer: Peer, work: impl FnOnce() -> bool + Send + 'static) -> Result<bool, Full> {
        let (done, result) = oneshot::channel();
        self.push(peer.network(), Job { work: Box::new(work), done })?;
        // One that was pushed out, or that panicked, is as one that found no place.
        result.await.map_err(|_| Full)
    }

    fn push(&self, peer: Peer, job: Job) -> Result<(), Full> {
        let mut waiting = lock(&self.0);
        waiting.forget_abandoned();
        let mine = waiting.of_peers.get(&peer).map_or(0, VecDeque::len);
        if mine >= MAX_WAITING_PER_PEER {
            return Err(Full);
        }
        if waiting.len() >= MAX_WAITING {
            // Who has most waiting makes room for who has less.
            let longest =
                waiting.of_peers.values_mut().max_by_key(|jobs| jobs.len()).filter(|jobs| jobs.len() > mine + 1);
            longest.and_then(VecDeque::pop_back).ok_or(Full)?;
        }
        if !waiting.is_running {
            // It waits for this lock, and then finds the job.
            let queue = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("passwords".to_owned());
            thread.spawn(move || hash_all(&queue)).map_err(|_| Full)?;
            waiting.is_running = true;
        }
        waiting.of_peers.entry(peer).or_default().push_back(job);
        if !waiting.turns.contains(&peer) {
            waiting.turns.push_back(peer);
        }
        Ok(())
    }

    /// How many wait.
    #[cfg(test)]
    fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

impl Waiting {
    fn len(&self) -> usize {
        self.of_peers.values().map(VecDeque::len).sum()
    }

    /// Clients that hung up take no place from others.
    fn forget_abandoned(&mut self) {
        self.of_peers.values_mut().for_each(|jobs| jobs.retain(|job| !job.done.is_closed()));
    }

    /// The next one in turn.
    fn pop(&mut self) -> Option<Job> {
        while let Some(peer) = self.turns.pop_front() {
            let Some(jobs) = self.of_peers.get_mut(&peer) else { continue };
            let job = jobs.pop_front();
            match jobs.is_empty() {
                true => drop(self.of_peers.remove(&peer)),
                false => self.turns.push_back(peer),
            }
            if job.is_some() {
                return job;
            }
        }
        None
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread does until nothing waits.
fn hash_all(queue: &Mutex<Waiting>) {
    // On Linux this is the niceness of the thread alone. Where it is not allowed, one thread is still only one.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, 19);
    loop {
        let job = {
            let mut waiting = lock(queue);
            let job = waiting.pop();
            waiting.is_running = job.is_some();
            job
        };
        let Some(Job { work, done }) = job else { return };
        if done.is_closed() {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => drop(done.send(result)),
            Err(panic) => Panicked { task: "passwords", subject: None, message: panic_text(&*panic) }.emit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::IpAddr,
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
    };

    use futures_util::{FutureExt, future::join_all};

    use super::*;

    fn peer(number: u8) -> Peer {
        Peer::Ip(IpAddr::from([10, 0, 0, number]))
    }

    /// A queue whose thread is held up by a first piece of work, until the sender is dropped.
    async fn held_up() -> (Arc<HashQueue>, mpsc::Sender<()>) {
        let queue = Arc::new(HashQueue::default());
        let ((release, wait), (began, begun)) = (mpsc::channel::<()>(), oneshot::channel());
        let other = Arc::clone(&queue);
        tokio::spawn(async move {
            let work = move || {
                let _ = began.send(());
                wait.recv().is_ok()
            };
            other.run(Peer::Local, work).await
        });
        begun.await.expect("the thread begins");
        (queue, release)
    }

    #[tokio::test]
    async fn one_is_hashed_at_a_time() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let queue = HashQueue::default();
        let work = || {
            let alone = RUNNING.fetch_add(1, Ordering::SeqCst) == 0;
            std::thread::sleep(std::time::Duration::from_millis(2));
            RUNNING.fetch_sub(1, Ordering::SeqCst);
            alone
        };
        let all = join_all((0..24).map(|n| queue.run(peer(n), work))).await;
        assert!(all.iter().all(|alone| *alone == Ok(true)), "{all:?}");
    }

    #[tokio::test]
    async fn peers_take_turns_so_that_a_flood_of_one_costs_another_a_single_hash() {
        let (queue, release) = held_up().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut results = Vec::new();
        for (number, name) in [(1, "flood"), (1, "flood"), (1, "flood"), (1, "flood"), (2, "prometheus")] {
            let order = Arc::clone(&order);
            let mut result = Box::pin(queue.run(peer(number), move || {
                order.lock().expect("no panic").push(name);
                true
            }));
            assert!(result.as_mut().now_or_never().is_none(), "it waits");
            results.push(result);
        }
        let fifth = queue.run(peer(1), || true).await;
        assert_eq!(fifth, Err(Full), "one peer has four at the most");
        drop(release);
        join_all(results).await;
        assert_eq!(order.lock().expect("no panic")[..2], ["flood", "prometheus"]);
    }

    #[tokio::test]
    async fn who_has_most_waiting_makes_room_for_who_has_none() {
        let (queue, release) = held_up().await;
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|n| Box::pin(queue.run(peer(u8::try_from(n / MAX_WAITING_PER_PEER).expect("few")), || true)))
            .collect();
        assert!(waiting.iter_mut().all(|result| result.as_mut().now_or_never().is_none()));
        let mut prometheus = Box::pin(queue.run(peer(200), || true));
        assert!(prometheus.as_mut().now_or_never().is_none(), "it has a place");
        assert_eq!(queue.len(), MAX_WAITING);
        // Those who hung up leave theirs.
        waiting.clear();
        let mut later = Box::pin(queue.run(peer(201), || true));
        assert!(later.as_mut().now_or_never().is_none());
        assert_eq!(queue.len(), 2);
        drop(release);
        assert_eq!((prometheus.await, later.await), (Ok(true), Ok(true)));
    }

    #[tokio::test]
    async fn a_panic_costs_itself() {
        let queue = HashQueue::default();
        assert_eq!(queue.run(Peer::Local, || panic!("planted")).await, Err(Full));
        assert_eq!(queue.run(Peer::Local, || true).await, Ok(true));
    }

    #[test]
    fn the_addresses_of_a_network_are_one_peer() {
        let network = |text: &str| Peer::Ip(text.parse().expect("an address")).network();
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_ne!(network("10.0.0.1"), network("10.0.0.2"));
    }
}
