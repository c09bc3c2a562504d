//! An Alertmanager in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::sleep;

use super::super::{Batch, Fingerprint};
use crate::{
    alert::alertmanager::{Deliver, DeliveryOutcome},
    clock::{Clock, UnixTime},
};

/// What it does with a request.
#[derive(Debug, Clone)]
pub(super) enum Behaviour {
    /// Takes it, after this time.
    Takes(Duration),
    /// Answers like this, and stores nothing.
    Answers(DeliveryOutcome),
    /// Never answers.
    Silent,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub behaviour: Behaviour,
    /// When each request came, and how many alerts it had.
    pub requests: Vec<(UnixTime, usize)>,
    /// Every end that was told, with the time at which it came.
    pub ends: Vec<(UnixTime, Fingerprint)>,
    /// `endsAt` by alert.
    pub alerts: BTreeMap<Fingerprint, UnixTime>,
}

/// An Alertmanager in memory; clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    clock: Clock,
    inner: Arc<Mutex<Inner>>,
}

impl Receiver {
    pub fn new(clock: Clock) -> Receiver {
        let behaviour = Behaviour::Takes(Duration::ZERO);
        let inner = Inner { behaviour, requests: Vec::new(), ends: Vec::new(), alerts: BTreeMap::new() };
        Receiver { clock, inner: Arc::new(Mutex::new(inner)) }
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test panics while it holds this")
    }

    pub fn set(&self, behaviour: Behaviour) {
        self.inner().behaviour = behaviour;
    }

    /// How many ends it was told.
    pub fn ends(&self) -> usize {
        self.inner().ends.len()
    }

    /// What fires there now.
    pub fn firing(&self) -> Vec<Fingerprint> {
        let now = self.clock.now();
        self.inner().alerts.iter().filter(|(_, ends)| **ends > now).map(|(fingerprint, _)| *fingerprint).collect()
    }

    fn store(&self, batch: &Batch) {
        let now = self.clock.now();
        let mut inner = self.inner();
        for (fingerprint, alert) in &batch.alerts {
            inner.alerts.insert(*fingerprint, alert.ends_at.unwrap_or(batch.lapses_at));
            if alert.ends_at.is_some() {
                inner.ends.push((now, *fingerprint));
            }
        }
    }
}

impl Deliver for Receiver {
    async fn deliver(&self, batch: &Batch) -> DeliveryOutcome {
        let behaviour = {
            let mut inner = self.inner();
            inner.requests.push((self.clock.now(), batch.alerts.len()));
            inner.behaviour.clone()
        };
        match behaviour {
            Behaviour::Takes(time) => {
                sleep(time).await;
                self.store(batch);
                DeliveryOutcome::Accepted
            }
            Behaviour::Answers(outcome) => outcome,
            Behaviour::Silent => std::future::pending().await,
        }
    }
}
