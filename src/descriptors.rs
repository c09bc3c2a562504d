//! File descriptors: as many as the system allows, and some of them kept for the daemon's own port.
//!
//! A connection is a descriptor, in both directions. Where there are fewer than all targets need, connections to targets must
//! not take the last ones: nobody could scrape the daemon any more, and its page would be the last to say why. So a part of
//! them is for who comes in, and requests to targets wait for each other in the rest; connections between two polls, which
//! hold a descriptor for nothing, are then closed.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Duration, sleep},
};

/// A higher limit is not asked for: no fleet needs it.
const ENOUGH: u64 = 1 << 20;

/// What the process has open besides connections: standard streams, listeners, the runtime, files that are read or written.
const OWN: u64 = 16;

/// The part of the port is never smaller than this, and takes a few more than there are connections: `/metrics` reads `/proc`.
const LEAST_KEPT: u64 = 16;
const FOR_SCRAPES: u64 = 4;

/// Whoever finds no descriptor left looks this often.
const RETRY: Duration = Duration::from_millis(50);

static DESCRIPTORS: OnceLock<Descriptors> = OnceLock::new();

/// How the descriptors are shared out.
#[derive(Debug)]
pub struct Descriptors {
    limit: u64,
    /// Descriptors from this number on are for the port.
    kept_from: u64,
    requests: Semaphore,
    scarce: AtomicBool,
}

/// The right to have a request to a target under way.
#[derive(Debug)]
#[must_use = "the request may only be under way while this lives"]
pub struct RequestPermit {
    _permit: Option<SemaphorePermit<'static>>,
}

/// Raises the limit of this process as far as it may, and shares the descriptors out; once, at the start of a daemon.
pub fn prepare() {
    if let Some(limit) = raise() {
        // An error says that this was done before.
        let _ = DESCRIPTORS.set(Descriptors::new(limit));
    }
}

/// Lets the system write no core of this process: it would hold every secret. Costs nothing where it does so anyway.
pub fn forbid_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Whoever may not lower it cannot raise it either.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}

/// How many connections the port may have where `wanted` were asked for; 0 is any number.
pub fn connections(wanted: usize) -> usize {
    DESCRIPTORS.get().map_or(wanted, |descriptors| descriptors.connections(wanted))
}

/// Says how many servers will be asked, so that it is known before the first request whether that is too many to keep
/// connections to all of them open.
pub fn expect_servers(servers: usize) {
    if let Some(descriptors) = DESCRIPTORS.get() {
        descriptors.expect_servers(servers);
    }
}

/// Whether connections between two requests have to be closed, because others need their descriptors.
pub fn are_scarce() -> bool {
    DESCRIPTORS.get().is_some_and(|descriptors| descriptors.scarce.load(Ordering::Relaxed))
}

/// Waits until a request may begin.
pub async fn begin_request() -> RequestPermit {
    let Some(descriptors) = DESCRIPTORS.get() else { return RequestPermit { _permit: None } };
    // It is never closed.
    let permit = descriptors.requests.acquire().await.ok();
    while !descriptors.have_room(next_number()) {
        sleep(RETRY).await;
    }
    RequestPermit { _permit: permit }
}

impl Descriptors {
    fn new(limit: u64) -> Descriptors {
        let kept_from = limit.saturating_sub(LEAST_KEPT.max(limit / 4));
        let requests = usize::try_from(kept_from.saturating_sub(OWN)).unwrap_or(usize::MAX);
        let requests = Semaphore::new(requests.clamp(1, Semaphore::MAX_PERMITS));
        Descriptors { limit, kept_from, requests, scarce: AtomicBool::new(false) }
    }

    fn connections(&self, wanted: usize) -> usize {
        let most = usize::try_from(self.limit - self.kept_from).unwrap_or(usize::MAX);
        let most = most.saturating_sub(FOR_SCRAPES as usize).max(1);
        if wanted == 0 { most } else { wanted.min(most) }
    }

    fn expect_servers(&self, servers: usize) {
        // Some vendors are asked on two connections at once.
        if servers.saturating_mul(2) > self.requests.available_permits() {
            self.note_scarce(servers);
        }
    }

    /// Whether a connection may be opened where it would get this number. The system gives the lowest one that is free.
    fn have_room(&self, next: Option<u64>) -> bool {
        let room = next.is_some_and(|next| next < self.kept_from);
        if !room {
            self.note_scarce(0);
        }
        room
    }

    fn note_scarce(&self, servers: usize) {
        if !self.scarce.swap(true, Ordering::Relaxed) {
            let limit = self.limit;
            tracing::warn!(
                limit,
                servers,
                "Too few file descriptors: connections to targets are not kept open; raise the limit (LimitNOFILE)."
            );
        }
    }
}

#[cfg(unix)]
fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(ENOUGH).min(ENOUGH);
    match current {
        Some(current) if current < wanted => {
            let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
            Some(if raised.is_ok() { wanted } else { current })
        }
        current => current,
    }
}

#[cfg(not(unix))]
fn raise() -> Option<u64> {
    None
}

/// The number that the next descriptor would have; `None` where there is none left.
#[cfg(unix)]
fn next_number() -> Option<u64> {
    use std::os::fd::AsRawFd;
    let file = std::fs::File::open("/").ok()?;
    u64::try_from(file.as_raw_fd()).ok()
}

#[cfg(not(unix))]
fn next_number() -> Option<u64> {
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_kept_for_the_port_however_few_there_are() {
        for (limit, kept, requests, connections) in
            [(64, 16, 32, 12), (1024, 256, 752, 252), (65_536, 16_384, 49_136, 512), (20, 16, 1, 12), (8, 8, 1, 4)]
        {
            let descriptors = Descriptors::new(limit);
            assert_eq!(limit - descriptors.kept_from, kept, "{limit}");
            assert_eq!(descriptors.requests.available_permits(), requests, "{limit}");
            assert_eq!(descriptors.connections(512), connections, "{limit}");
            assert!(descriptors.connections(0) >= connections, "any number is no more than there are");
        }
    }

    #[test]
    fn they_are_scarce_where_targets_are_many_or_the_port_has_to_give() {
        let descriptors = Descriptors::new(64);
        descriptors.expect_servers(16);
        assert!(descriptors.have_room(Some(47)) && !descriptors.scarce.load(Ordering::Relaxed));
        descriptors.expect_servers(17);
        assert!(descriptors.scarce.load(Ordering::Relaxed));
        let descriptors = Descriptors::new(64);
        assert!(!descriptors.have_room(Some(48)) && descriptors.scarce.load(Ordering::Relaxed));
        assert!(!descriptors.have_room(None), "none is left");
    }

    #[cfg(unix)]
    #[test]
    fn the_next_number_is_that_of_what_is_opened_next() {
        // Other tests open files meanwhile, so that it is only near.
        let number = next_number().expect("there are some left");
        assert!((3..100_000).contains(&number), "{number}");
    }
}
