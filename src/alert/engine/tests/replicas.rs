//! Daemons, what they see, and the Alertmanager that they tell: restarts of each, with and without state, replicas whose views
//! differ, and clocks that are a minute off.
//!
//! Held over any sequence: a page ends only after somebody saw the pool well, so none comes twice for one outage; an outage
//! that one replica sees all the time is told; what is over ends in the end.
//!
//! What `ha` cannot hold, and why; `deploy/docs/scaling.md` says so too:
//!
//! - A replica that alone sees the pool and starts without its state, or stays away for longer than the lapse: nobody else
//!   knows that it is down, so the page ends and comes again.
//! - A replica that is cut off holds what it saw last. While it does, the page does not end, and a second outage is no
//!   second page.
//! - Replicas that see different things: one that sees the pool down is enough for a page. Who is right cannot be known.
//! - An end that falls between a restart of Alertmanager and the next lapse: no end is sent, and Alertmanager has
//!   forgotten the alert, so that the page stays open at the receiver.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::alert::{
    alertmanager::DeliveryOutcome,
    queue::{Batch, Next, Queue, Timing},
};

const POOL_DOWN: &str = "RollcallPoolDown";
const LONG: &str = "  max_hold: 1000d\n";
const OTHER: (&str, u32, u32) = ("others", 3, 0);
/// Daemons evaluate and send as often: half as often as real ones, to save time.
const TICK: i64 = 30;
const INTERVAL: i64 = 60;
/// `for` of the alert, a poll and a repeat, both late by a tick, and two clocks that were set.
const TOLD_WITHIN: i64 = 300 + 2 * (INTERVAL + TICK) + 120;

#[derive(Debug, Clone, Copy)]
enum Step {
    Passes(i64),
    /// The pool goes down, or is well again.
    Down(bool),
    /// The polls of a replica begin to fail, or work again.
    Cut(usize, bool),
    /// Where a replica asks, the pool seems to be well, whatever it is.
    Blinded(usize, bool),
    /// A replica is killed, and is back this many seconds later, with its state or without.
    Killed(usize, i64, bool),
    /// The clock of a replica is set this many seconds off the right time.
    Clock(usize, i64),
    /// Alertmanager starts again this many seconds later, and has forgotten the alerts; what was notified it knows.
    Forgets(i64),
}

/// A daemon.
struct Replica {
    site: Site,
    queue: Queue,
    saved: String,
    clock: i64,
    polled: i64,
    away_until: i64,
    cut: bool,
    blinded: bool,
    heard: usize,
}

/// As Alertmanager 0.25 to 0.33 does it: equal alerts are merged, and the later end counts.
#[derive(Default)]
struct Alertmanager {
    /// `endsAt`.
    alert: Option<i64>,
    /// Whether the receiver has been told that it fires.
    told: bool,
    away_until: i64,
    forgot: bool,
}

struct World {
    now: i64,
    ha: bool,
    replicas: Vec<Replica>,
    peer: Alertmanager,
    down: bool,
    /// Whether somebody saw the pool well since the page.
    seen_well: bool,
    /// Since when a replica sees the outage, without a break, and everybody can be told.
    seen_down_since: Option<i64>,
    pages: usize,
}

impl Replica {
    fn new(timing: Timing) -> Replica {
        let site = Site::only("azure_devops", LONG, &[POOL_DOWN]);
        let saved = serde_json::to_string(&site.engine.save()).expect("it can be written");
        Replica {
            site,
            queue: Queue::new(timing),
            saved,
            clock: 0,
            polled: 0,
            away_until: 0,
            cut: false,
            blinded: false,
            heard: 0,
        }
    }

    fn kill(&mut self, until: i64, with_state: bool, timing: Timing) {
        let saved = if with_state { self.saved.clone() } else { "{}".to_owned() };
        self.site.restart_from(&saved, 0, LONG);
        (self.queue, self.away_until, self.polled) = (Queue::new(timing), until, 0);
    }

    /// A tick of a daemon that runs; what it saw of the pool, where it polled.
    fn tick(&mut self, now: i64, down: bool) -> Option<bool> {
        self.site.now = now + self.clock;
        let due = now >= self.polled + INTERVAL;
        let seen = (due && !self.cut).then_some(down && !self.blinded);
        if due {
            self.polled = now;
        }
        match seen {
            Some(true) => self.site.poll(&[("builds", 0, 3), OTHER]),
            Some(false) => self.site.poll(&[("builds", 3, 0), OTHER]),
            None if due => self.site.fail(),
            None => self.site.evaluate(),
        }
        let local = UnixTime::from_secs(self.site.now);
        let news = self.heard < self.site.reported.len();
        for (_, change) in &self.site.reported[self.heard..] {
            match change {
                Change::Notify(alert) if alert.labels["alertname"] == POOL_DOWN => {
                    self.queue.put(local, alert.fingerprint(), &Arc::new(alert.clone()));
                }
                Change::Notify(_) => {}
                Change::Withdrawn(fingerprint) => self.queue.remove(*fingerprint),
            }
        }
        self.heard = self.site.reported.len();
        if news || now % 60 < TICK {
            self.saved = serde_json::to_string(&self.site.engine.save()).expect("it can be written");
        }
        seen
    }
}

impl Alertmanager {
    fn take(&mut self, now: i64, batch: &Batch) {
        for (_, alert) in &batch.alerts {
            let ends = alert.ends_at.unwrap_or(batch.lapses_at).0 / 1000;
            self.alert = Some(match self.alert {
                Some(before) if ends > now => before.max(ends),
                Some(before) if before <= now => before.max(ends),
                _ => ends,
            });
        }
    }

    fn fires(&self, now: i64) -> bool {
        self.alert.is_some_and(|ends| ends > now)
    }
}

impl World {
    fn new(replicas: usize, ha: bool) -> World {
        let timing = timing(ha);
        World {
            now: 1_000_000,
            ha,
            replicas: (0..replicas).map(|_| Replica::new(timing)).collect(),
            peer: Alertmanager::default(),
            down: false,
            seen_well: false,
            seen_down_since: None,
            pages: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Passes(seconds) => (0..seconds / TICK).for_each(|_| self.tick()),
            Step::Down(down) => self.down = down,
            Step::Cut(of, cut) => self.replicas[of].cut = cut,
            Step::Blinded(of, blinded) => self.replicas[of].blinded = blinded,
            Step::Killed(of, seconds, with_state) => {
                self.replicas[of].kill(self.now + seconds, with_state, timing(self.ha));
            }
            Step::Clock(of, beside) => self.replicas[of].clock = beside,
            Step::Forgets(seconds) => {
                (self.peer.alert, self.peer.away_until, self.peer.forgot) = (None, self.now + seconds, true);
            }
        }
    }

    fn tick(&mut self) {
        self.now += TICK;
        let (now, down) = (self.now, self.down);
        let is_peer_up = now >= self.peer.away_until;
        let mut sees_down = false;
        for replica in self.replicas.iter_mut().filter(|replica| now >= replica.away_until) {
            let seen = replica.tick(now, down);
            self.seen_well |= seen == Some(false) && !down;
            sees_down |= down && !replica.cut && !replica.blinded;
            let local = UnixTime::from_secs(now + replica.clock);
            while let Next::Send(batch) = replica.queue.next(local) {
                if !is_peer_up {
                    break;
                }
                self.peer.take(now, &batch);
                replica.queue.done(&batch, &DeliveryOutcome::Accepted);
            }
        }
        self.seen_down_since = self.seen_down_since.or(Some(now)).filter(|_| sees_down && is_peer_up);
        if is_peer_up {
            self.notify();
        }
        let is_seen = self.seen_down_since.is_some_and(|since| now - since >= TOLD_WITHIN);
        assert!(self.peer.told || !is_seen, "a page that is missed at {now}");
    }

    fn notify(&mut self) {
        let fires = self.peer.fires(self.now);
        if fires && !self.peer.told {
            (self.pages, self.seen_well) = (self.pages + 1, false);
        }
        if self.peer.told && !fires && self.peer.alert.is_some() {
            assert!(self.seen_well, "an end that nobody saw at {}", self.now);
        }
        if self.peer.alert.is_some() {
            self.peer.told = fires;
        }
        self.peer.alert = self.peer.alert.filter(|_| fires);
    }

    /// All is well, and everybody sees it.
    fn heal(&mut self) {
        self.down = false;
        (0..self.replicas.len()).for_each(|of| (self.replicas[of].cut, self.replicas[of].blinded) = (false, false));
        self.take(Step::Passes(keep(POOL_DOWN) + 3 * INTERVAL + 900));
        assert!(!self.peer.fires(self.now), "it is well and still fires");
        assert!(!self.peer.told || self.ha && self.peer.forgot, "nobody was told that it is over");
    }
}

/// The shortest delay is the hardest: nothing else keeps an alert alive at a clock that is ahead.
fn timing(ha: bool) -> Timing {
    Timing { resend_delay: Duration::from_secs(15), ha }
}

fn run(replicas: usize, ha: bool, steps: &[Step]) {
    let mut world = World::new(replicas, ha);
    steps.iter().for_each(|step| world.take(*step));
    world.heal();
}

/// What happens to the pool, to Alertmanager and to the clocks.
fn around(replicas: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop_oneof![15i64..120, 60i64..700].prop_map(Step::Passes),
        3 => Just(Step::Down(true)),
        2 => Just(Step::Down(false)),
        1 => (0..replicas, prop_oneof![Just(-60i64), Just(0), Just(60)]).prop_map(|(of, beside)| Step::Clock(of, beside)),
        1 => (0i64..90).prop_map(Step::Forgets),
    ]
}

/// What happens to a replica that keeps its state.
fn with_state(replicas: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..replicas, any::<bool>()).prop_map(|(of, cut)| Step::Cut(of, cut)),
        1 => (0..replicas, 0i64..100).prop_map(|(of, seconds)| Step::Killed(of, seconds, true)),
    ]
}

/// What happens to the second replica, while the first one sees all and keeps its state.
fn second() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<bool>().prop_map(|cut| Step::Cut(1, cut)),
        2 => any::<bool>().prop_map(|blinded| Step::Blinded(1, blinded)),
        2 => (0i64..2000, any::<bool>()).prop_map(|(seconds, with_state)| Step::Killed(1, seconds, with_state)),
        1 => (0i64..100).prop_map(|seconds| Step::Killed(0, seconds, true)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_daemon(steps in prop::collection::vec(prop_oneof![3 => around(1), 1 => with_state(1)], 1..60)) {
        run(1, false, &steps);
    }

    #[test]
    fn two_that_keep_their_state(steps in prop::collection::vec(prop_oneof![3 => around(2), 1 => with_state(2)], 1..60)) {
        run(2, true, &steps);
    }

    #[test]
    fn one_that_sees_all_beside_one_that_may_do_anything(
        steps in prop::collection::vec(prop_oneof![3 => around(2), 1 => second()], 1..60),
    ) {
        run(2, true, &steps);
    }
}

/// The rows of what `ha` cannot hold: each is seen to be so, or the documentation says too much.
#[test]
fn what_ha_cannot_hold() {
    let down = [Step::Down(true), Step::Passes(1200)];
    let told = |steps: &[Step]| {
        let mut world = World::new(2, true);
        down.iter().chain(steps).for_each(|step| world.take(*step));
        world
    };
    // Nobody else knows: it ends while the pool is down, and comes again.
    let ended = std::panic::catch_unwind(|| {
        told(&[Step::Killed(1, 100_000, true), Step::Killed(0, 30, false), Step::Passes(600)]);
    });
    let said = ended.expect_err("a replica that alone sees the pool, without its state");
    let said = said.downcast_ref::<String>().map_or("", String::as_str);
    assert!(said.contains("an end that nobody saw"), "{said}");
    // The one that is cut off holds it, and the second outage is no second page.
    let again = [Step::Cut(1, true), Step::Down(false), Step::Passes(3600), Step::Down(true), Step::Passes(1200)];
    let world = told(&again);
    assert_eq!((world.pages, world.peer.told), (1, true));
    // One of them sees it down: that is enough.
    let world = told(&[Step::Blinded(1, true), Step::Passes(3600)]);
    assert_eq!((world.pages, world.peer.told), (1, true));
    // The end falls into the restart of Alertmanager.
    let mut world = told(&[Step::Down(false), Step::Passes(keep(POOL_DOWN) + 90), Step::Forgets(0)]);
    world.take(Step::Passes(3600));
    assert!(world.peer.told && !world.peer.fires(world.now));
}

#[test]
fn a_clock_that_is_a_minute_behind_that_of_alertmanager_pages_all_the_same() {
    for beside in [-60, 60] {
        run(
            1,
            false,
            &[Step::Clock(0, beside), Step::Down(true), Step::Passes(1200), Step::Down(false), Step::Passes(1200)],
        );
    }
}
