//! After any sequence of news, failures, restarts and pauses the peer believes what the engine knows.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ALERTS: usize = 6;

#[derive(Debug, Clone)]
enum Step {
    Fires(usize),
    Ends(usize),
    Withdrawn(usize),
    Passes(u64),
    /// A batch is put together; what happens to it comes later, other things may come between.
    Leaves,
    Answered(Answer),
    PeerRestarts,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Accepted,
    /// Stored, but the answer was lost.
    Lost,
    NeverArrived,
    /// 422 or 413, nothing stored.
    Refused,
}

fn step() -> impl Strategy<Value = Step> {
    let answers = [Answer::Accepted, Answer::Lost, Answer::NeverArrived, Answer::Refused];
    prop_oneof![
        4 => (0..ALERTS).prop_map(Step::Fires),
        4 => (0..ALERTS).prop_map(Step::Ends),
        1 => (0..ALERTS).prop_map(Step::Withdrawn),
        3 => prop_oneof![0..5u64, 0..90u64, 0..2000u64].prop_map(Step::Passes),
        6 => Just(Step::Leaves),
        6 => proptest::sample::select(answers.to_vec()).prop_map(Step::Answered),
        1 => Just(Step::PeerRestarts),
    ]
}

struct World {
    now: UnixTime,
    queue: Queue,
    /// What the engine says fires, since when.
    engine: BTreeMap<Fingerprint, UnixTime>,
    withdrawn: bool,
    restarted: bool,
    /// `endsAt` by alert, at the peer.
    peer: BTreeMap<Fingerprint, UnixTime>,
    under_way: Option<Batch>,
}

impl World {
    fn take(&mut self, step: Step) {
        match step {
            Step::Fires(n) => {
                let alert = Notification { starts_at: self.now, ..firing(n) };
                if self.engine.insert(alert.fingerprint(), self.now).is_none() {
                    put(&mut self.queue, self.now, alert);
                }
            }
            Step::Ends(n) => {
                if let Some(starts_at) = self.engine.remove(&firing(n).fingerprint()) {
                    put(&mut self.queue, self.now, Notification { starts_at, ..resolved(n, self.now) });
                }
            }
            Step::Withdrawn(n) => {
                let fingerprint = firing(n).fingerprint();
                if self.engine.remove(&fingerprint).is_some() {
                    self.withdrawn = true;
                    self.queue.remove(fingerprint);
                }
            }
            // Whatever passes, the task would have sent in between; a request takes 10 s at most.
            Step::Passes(seconds) => self.now = self.now.plus(Duration::from_secs(seconds)),
            Step::Leaves => {
                if let (None, Next::Send(batch)) = (&self.under_way, self.queue.next(self.now)) {
                    self.under_way = Some(batch);
                }
            }
            Step::Answered(answer) => self.answered(answer),
            Step::PeerRestarts => {
                self.restarted = true;
                self.peer.clear();
            }
        }
        assert!(self.queue.len() <= ALERTS);
    }

    fn answered(&mut self, answer: Answer) {
        let Some(batch) = self.under_way.take() else { return };
        if matches!(answer, Answer::Accepted | Answer::Lost) {
            for (fingerprint, alert) in &batch.alerts {
                self.peer.insert(*fingerprint, alert.ends_at.unwrap_or(batch.lapses_at));
            }
        }
        let outcome = match answer {
            Answer::Accepted => DeliveryOutcome::Accepted,
            // An alert that nobody wants even alone is not what this is about.
            Answer::Refused if batch.alerts.len() > 1 => refused(),
            _ => failed(),
        };
        self.queue.done(&batch, &outcome);
    }

    /// The peer is well from here on.
    fn heal(&mut self, time: Duration) {
        let end = self.now.plus(time);
        loop {
            match self.queue.next(self.now) {
                Next::Send(batch) => {
                    self.under_way = Some(batch);
                    self.answered(Answer::Accepted);
                }
                Next::At(due) if due <= end => self.now = due,
                Next::At(_) | Next::Nothing => break,
            }
        }
        self.now = end;
    }

    fn firing(&self) -> Vec<Fingerprint> {
        self.peer.iter().filter(|(_, ends)| **ends > self.now).map(|(fingerprint, _)| *fingerprint).collect()
    }
}

proptest! {
    #[test]
    fn the_peer_ends_up_with_the_view_of_the_engine(
        steps in prop::collection::vec(step(), 0..120),
        ha in any::<bool>(),
        resend in prop_oneof![Just(5u64), Just(60), Just(1200)],
    ) {
        let timing = Timing { resend_delay: Duration::from_secs(resend), ha };
        let mut world = World {
            now: START,
            queue: Queue::new(timing),
            engine: BTreeMap::new(),
            withdrawn: false,
            restarted: false,
            peer: BTreeMap::new(),
            under_way: None,
        };
        for step in steps {
            world.take(step);
        }
        world.answered(Answer::NeverArrived);
        let engine: Vec<_> = world.engine.keys().copied().collect();
        // At once, but for what only lapses, and for what a peer forgot in a restart: that comes with the next resend.
        world.heal(Duration::ZERO);
        if !ha && !world.withdrawn && !world.restarted {
            prop_assert_eq!(world.firing(), engine.clone());
        }
        world.heal(timing.resend_delay);
        if !ha && !world.withdrawn {
            prop_assert_eq!(world.firing(), engine.clone());
        }
        world.heal(timing.lapse());
        prop_assert_eq!(world.firing(), engine);
    }
}
