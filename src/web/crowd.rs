//! The open connections, of which there are no more than a limit: when it is reached, whoever has been silent longest makes
//! room for who comes. So connections that are held open for nothing take neither sockets nor scrapes from others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// Who waits for a place looks this often for one who is silent by now.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// All open connections.
#[derive(Debug)]
pub struct Crowd {
    places: Arc<Semaphore>,
    guests: Mutex<BTreeMap<u64, Guest>>,
}

#[derive(Debug)]
struct Guest {
    /// Answers under way.
    answers: usize,
    /// When the last one was sent; before the first, when the connection came.
    silent_since: Instant,
    leave: CancellationToken,
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    leave: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// An answer under way: its connection is not silent.
#[derive(Debug)]
pub struct Answering {
    crowd: Arc<Crowd>,
    number: u64,
}

impl Crowd {
    /// Room for so many; 0 for any number.
    pub fn new(limit: usize) -> Arc<Crowd> {
        let places = match limit {
            0 => Semaphore::MAX_PERMITS,
            limit => limit.min(Semaphore::MAX_PERMITS),
        };
        Arc::new(Crowd { places: Arc::new(Semaphore::new(places)), guests: Mutex::default() })
    }

    /// Waits for a place for the connection of this number. It must end when `stop` is told, or to make room.
    pub async fn enter(self: &Arc<Crowd>, number: u64, stop: &CancellationToken) -> Place {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
                break permit;
            }
            self.make_room();
            if let Ok(Ok(permit)) = timeout(LOOK_AGAIN, Arc::clone(&self.places).acquire_owned()).await {
                break permit;
            }
        };
        let leave = stop.child_token();
        let guest = Guest { answers: 0, silent_since: Instant::now(), leave: leave.clone() };
        self.guests().insert(number, guest);
        Place { crowd: Arc::clone(self), number, leave, _permit: permit }
    }

    /// An answer to this connection begins; it ends when what is returned is dropped.
    pub fn answer(self: &Arc<Crowd>, number: u64) -> Answering {
        if let Some(guest) = self.guests().get_mut(&number) {
            guest.answers += 1;
        }
        Answering { crowd: Arc::clone(self), number }
    }

    fn make_room(&self) {
        let guests = self.guests();
        // One at a time: who was asked to leave is about to.
        if guests.values().any(|guest| guest.answers == 0 && guest.leave.is_cancelled()) {
            return;
        }
        let silent = guests.values().filter(|guest| guest.answers == 0);
        if let Some(guest) = silent.min_by_key(|guest| guest.silent_since) {
            guest.leave.cancel();
        }
    }

    fn guests(&self) -> MutexGuard<'_, BTreeMap<u64, Guest>> {
        self.guests.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Place {
    /// Told when the connection must end.
    pub fn leave(&self) -> &CancellationToken {
        &self.leave
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.guests().remove(&self.number);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(guest) = self.crowd.guests().get_mut(&self.number) {
            guest.answers -= 1;
            guest.silent_since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_silent_makes_room() {
        let (crowd, stop) = (Crowd::new(3), CancellationToken::new());
        let mut places = Vec::new();
        for number in 0..3 {
            places.push(crowd.enter(number, &stop).await);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // The first one was silent longest, but is being answered now; the second one just was.
        let _answering = crowd.answer(0);
        drop(crowd.answer(1));
        let came = tokio::spawn({
            let (crowd, stop) = (Arc::clone(&crowd), stop.clone());
            async move { crowd.enter(3, &stop).await }
        });
        places[2].leave().cancelled().await;
        assert!(!places[0].leave().is_cancelled() && !places[1].leave().is_cancelled());
        places.pop();
        came.await.expect("no panic");
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_answered_who_comes_waits_for_the_first_to_be_silent() {
        let (crowd, stop) = (Crowd::new(1), CancellationToken::new());
        let place = crowd.enter(0, &stop).await;
        let answering = crowd.answer(0);
        assert!(timeout(Duration::from_secs(5), crowd.enter(1, &stop)).await.is_err());
        assert!(!place.leave().is_cancelled());
        drop(answering);
        assert!(timeout(Duration::from_secs(5), crowd.enter(1, &stop)).await.is_err());
        assert!(place.leave().is_cancelled());
        drop(place);
        crowd.enter(1, &stop).await;
    }

    #[tokio::test]
    async fn without_a_limit_nobody_leaves() {
        let (crowd, stop) = (Crowd::new(0), CancellationToken::new());
        let mut places = Vec::new();
        for number in 0..2000 {
            places.push(crowd.enter(number, &stop).await);
        }
        assert!(places.iter().all(|place| !place.leave().is_cancelled()));
    }
}
