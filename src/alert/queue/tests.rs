//! The queue alone, the peers on a paused clock with receivers in memory, and what no sequence of events can break.

mod outbox;
mod peers;
mod property;
mod receiver;

use super::*;

const START: UnixTime = UnixTime::from_secs(1_800_000_000);
const MINUTE: Duration = Duration::from_secs(60);

fn timing() -> Timing {
    Timing { resend_delay: MINUTE, ha: false }
}

/// An alert that fires since `START`.
fn firing(n: usize) -> Notification {
    Notification {
        labels: Labels::from([
            ("alertname".to_owned(), "RollcallPoolDown".to_owned()),
            ("pool".to_owned(), n.to_string()),
        ]),
        annotations: Labels::from([("summary".to_owned(), "No agent of a pool serves.".to_owned())]),
        starts_at: START,
        ends_at: None,
        generator_url: String::new(),
    }
}

fn resolved(n: usize, at: UnixTime) -> Notification {
    Notification { ends_at: Some(at), ..firing(n) }
}

fn put(queue: &mut Queue, now: UnixTime, alert: Notification) -> bool {
    queue.put(now, alert.fingerprint(), &Arc::new(alert))
}

fn batch(next: Next) -> Batch {
    match next {
        Next::Send(batch) => batch,
        other => panic!("nothing to send: {other:?}"),
    }
}

fn failed() -> DeliveryOutcome {
    DeliveryOutcome::Failed(crate::failure::Failure::new(crate::failure::Reason::Connect, "refused"))
}

fn invalid() -> DeliveryOutcome {
    DeliveryOutcome::Invalid(crate::failure::Failure::new(crate::failure::Reason::HttpStatus, "400"))
}

fn refused() -> DeliveryOutcome {
    DeliveryOutcome::Refused(crate::failure::Failure::new(crate::failure::Reason::HttpStatus, "422"))
}

/// Sends everything that is due; how many alerts each batch had.
fn flush(queue: &mut Queue, now: UnixTime, outcome: impl Fn(&Batch) -> DeliveryOutcome) -> Vec<usize> {
    let mut sizes = Vec::new();
    while let Next::Send(batch) = queue.next(now) {
        queue.done(&batch, &outcome(&batch));
        sizes.push(batch.alerts.len());
        assert!(sizes.len() < 1000, "a loop");
    }
    sizes
}

#[test]
fn the_fingerprint_is_the_one_of_alertmanager() {
    // Both values stand in `model/signature_test.go` of prometheus/common.
    assert_eq!(Fingerprint::of(&Labels::new()), Fingerprint(14_695_981_039_346_656_037));
    let words = [("name", "garland, briggs"), ("fear", "love is not enough")];
    let labels = words.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(Fingerprint::of(&labels), Fingerprint(5_799_056_148_416_392_346));
    let with_empty = Labels::from([("a".to_owned(), "b".to_owned()), ("c".to_owned(), String::new())]);
    let without = Labels::from([("a".to_owned(), "b".to_owned())]);
    assert_eq!(Fingerprint::of(&with_empty), Fingerprint::of(&without));
}

#[test]
fn a_thousand_alerts_go_in_batches_of_256_and_again_after_the_resend_delay() {
    let mut queue = Queue::new(timing());
    for n in 0..1000 {
        assert!(put(&mut queue, START, firing(n)));
    }
    assert_eq!(queue.waiting(START), 1000);
    assert_eq!(flush(&mut queue, START, |_| DeliveryOutcome::Accepted), [256, 256, 256, 232]);
    assert_eq!(queue.waiting(START), 0);
    let again = START.plus(MINUTE);
    assert!(matches!(queue.next(START), Next::At(due) if due == again));
    assert_eq!(flush(&mut queue, again, |_| DeliveryOutcome::Accepted), [256, 256, 256, 232]);
}

#[test]
fn a_firing_alert_is_believed_for_four_resends_or_four_minutes() {
    let mut queue = Queue::new(timing());
    put(&mut queue, START, firing(1));
    assert_eq!(batch(queue.next(START)).lapses_at, START.plus(4 * MINUTE));
    let mut queue = Queue::new(Timing { resend_delay: Duration::from_secs(5), ha: false });
    put(&mut queue, START, firing(1));
    assert_eq!(batch(queue.next(START)).lapses_at, START.plus(4 * MINUTE));
}

#[test]
fn the_newest_state_wins_also_over_what_is_under_way() {
    let mut queue = Queue::new(timing());
    put(&mut queue, START, firing(1));
    let under_way = batch(queue.next(START));
    assert!(put(&mut queue, START, resolved(1, START)));
    queue.done(&under_way, &DeliveryOutcome::Accepted);
    let next = batch(queue.next(START));
    assert_eq!(next.alerts[0].1.ends_at, Some(START));
    queue.done(&next, &DeliveryOutcome::Accepted);
    let later = Notification { starts_at: START.plus(MINUTE), ..firing(1) };
    assert!(put(&mut queue, START.plus(MINUTE), later.clone()));
    let next = batch(queue.next(START.plus(MINUTE)));
    assert_eq!(*next.alerts[0].1, later);
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_new_text_alone_waits_for_the_next_resend() {
    let mut queue = Queue::new(timing());
    put(&mut queue, START, firing(1));
    flush(&mut queue, START, |_| DeliveryOutcome::Accepted);
    let worded = Notification { annotations: Labels::new(), ..firing(1) };
    assert!(!put(&mut queue, START, worded.clone()));
    assert!(matches!(queue.next(START), Next::At(_)));
    assert_eq!(*batch(queue.next(START.plus(MINUTE))).alerts[0].1, worded);
}

#[test]
fn news_goes_before_repeats() {
    let mut queue = Queue::new(timing());
    (0..300).for_each(|n| _ = put(&mut queue, START, firing(n)));
    flush(&mut queue, START, |_| DeliveryOutcome::Accepted);
    let now = START.plus(MINUTE);
    put(&mut queue, now, resolved(7, now));
    assert_eq!(*batch(queue.next(now)).alerts[0].1, resolved(7, now));
}

#[test]
fn an_end_is_sent_for_fifteen_minutes_and_then_forgotten() {
    let mut queue = Queue::new(timing());
    put(&mut queue, START, resolved(1, START));
    let mut sent = 0;
    for minute in 0..60 {
        sent += flush(&mut queue, START.plus(minute * MINUTE), |_| DeliveryOutcome::Accepted).len();
    }
    assert_eq!((sent, queue.len(), queue.take_dropped()), (16, 0, 0));
}

#[test]
fn an_end_that_nobody_took_is_kept_until_the_alert_has_lapsed_by_itself() {
    let hour = Timing { resend_delay: 60 * MINUTE, ha: false };
    for (timing, minutes) in [(timing(), 15), (hour, 240)] {
        let mut queue = Queue::new(timing);
        put(&mut queue, START, firing(1));
        flush(&mut queue, START, |_| DeliveryOutcome::Accepted);
        put(&mut queue, START, resolved(1, START));
        for minute in 0..=minutes {
            let now = START.plus(minute * MINUTE);
            let batch = batch(queue.next(now));
            queue.done(&batch, &failed());
        }
        assert!(matches!(queue.next(START.plus((minutes + 1) * MINUTE)), Next::Nothing));
        assert_eq!((queue.len(), queue.take_dropped()), (0, 1));
    }
}

#[test]
fn with_ha_no_end_is_sent() {
    let mut queue = Queue::new(Timing { ha: true, ..timing() });
    put(&mut queue, START, firing(1));
    flush(&mut queue, START, |_| DeliveryOutcome::Accepted);
    assert!(!put(&mut queue, START, resolved(1, START)));
    assert!(matches!(queue.next(START.plus(MINUTE)), Next::Nothing));
    assert_eq!(queue.take_dropped(), 0);
}

#[test]
fn what_was_invalid_is_not_sent_again_before_the_resend_delay() {
    let mut queue = Queue::new(timing());
    (0..300).for_each(|n| _ = put(&mut queue, START, firing(n)));
    assert_eq!(flush(&mut queue, START, |_| invalid()), [256, 44]);
}

#[test]
fn a_refusal_is_seen_again_soon_however_seldom_alerts_are_told() {
    let mut queue = Queue::new(Timing { resend_delay: 60 * MINUTE, ha: false });
    put(&mut queue, START, firing(1));
    for minute in (0..60).step_by(2) {
        let now = START.plus(minute * MINUTE);
        assert_eq!(flush(&mut queue, now, |_| invalid()), [1], "minute {minute}");
    }
    // Once it was accepted it is told as seldom as configured.
    assert_eq!(flush(&mut queue, START.plus(60 * MINUTE), |_| DeliveryOutcome::Accepted), [1]);
    assert!(matches!(queue.next(START.plus(119 * MINUTE)), Next::At(_)));
    assert_eq!(flush(&mut queue, START.plus(120 * MINUTE), |_| DeliveryOutcome::Accepted), [1]);
}

#[test]
fn what_fires_is_told_in_time_after_the_clock_was_set_back() {
    let mut queue = Queue::new(timing());
    (0..300).for_each(|n| _ = put(&mut queue, START, firing(n)));
    put(&mut queue, START, resolved(300, START));
    flush(&mut queue, START, |_| DeliveryOutcome::Accepted);
    let back = UnixTime::from_secs(1_800_000_000 - 7200);
    assert_eq!(flush(&mut queue, back, |_| DeliveryOutcome::Accepted), [256, 45]);
    assert!(matches!(queue.next(back), Next::At(due) if due == back.plus(MINUTE)));
    assert_eq!(flush(&mut queue, back.plus(MINUTE), |_| DeliveryOutcome::Accepted), [256, 45]);
}

#[test]
fn an_alert_that_spoils_its_batch_soon_stands_alone() {
    let poison = firing(77).fingerprint();
    let spoiled = |batch: &Batch| batch.alerts.iter().any(|(fingerprint, _)| *fingerprint == poison);
    // 400: the others were stored, so there is no hurry.
    let mut queue = Queue::new(timing());
    (0..256).for_each(|n| _ = put(&mut queue, START, firing(n)));
    let mut harmed = Vec::new();
    for minute in 0..12 {
        let harm = std::cell::Cell::new(0);
        flush(&mut queue, START.plus(minute * MINUTE), |batch| match spoiled(batch) {
            true => {
                harm.set(harm.get() + batch.alerts.len());
                invalid()
            }
            false => DeliveryOutcome::Accepted,
        });
        harmed.push(harm.get());
    }
    assert_eq!((harmed[0], harmed[11]), (256, 1), "{harmed:?}");
    // 413 and 422: nothing was stored, so the halves are sent at once.
    let mut queue = Queue::new(timing());
    (0..256).for_each(|n| _ = put(&mut queue, START, firing(n)));
    let stored = std::cell::Cell::new(0);
    let requests = flush(&mut queue, START, |batch| match spoiled(batch) {
        true => refused(),
        false => {
            stored.set(stored.get() + batch.alerts.len());
            DeliveryOutcome::Accepted
        }
    });
    assert_eq!(stored.get(), 255);
    assert!(requests.len() < 40, "{requests:?}");
}

#[test]
fn a_peer_that_refuses_everything_is_not_asked_without_end() {
    let mut queue = Queue::new(timing());
    (0..1000).for_each(|n| _ = put(&mut queue, START, firing(n)));
    let mut requests = 0;
    while let Next::Send(batch) = queue.next(START) {
        queue.done(&batch, &refused());
        requests += 1;
        assert!(requests < 3000, "a loop");
    }
}

#[test]
fn what_comes_and_goes_while_a_peer_is_dead_is_kept_for_a_quarter_of_an_hour_only() {
    let mut queue = Queue::new(timing());
    let mut longest = 0;
    for second in 0..7200 {
        let now = START.plus(Duration::from_secs(second as u64));
        put(&mut queue, now, Notification { starts_at: now, ..firing(second) });
        if let Some(ended) = second.checked_sub(10) {
            let starts_at = START.plus(Duration::from_secs(ended as u64));
            put(&mut queue, now, Notification { starts_at, ..resolved(ended, now) });
        }
        let batch = batch(queue.next(now));
        queue.done(&batch, &failed());
        longest = longest.max(queue.len());
    }
    // Those that fire, those of the quarter of an hour, and those of the minute until it is looked through again.
    assert_eq!(longest, 10 + 15 * 60 + 60);
    assert_eq!(queue.take_dropped(), 7200 - longest as u64);
}

/// Each poll brings alerts about other names: memory does not grow with them, whether the peer is there or not.
#[test]
fn ends_of_ever_new_names_are_forgotten_beyond_the_bound() {
    for (outcome, told) in [(DeliveryOutcome::Accepted, true), (failed(), false)] {
        let mut queue = Queue::new(timing());
        let mut curve = Vec::new();
        // A hundred names a second would be ninety thousand in a quarter of an hour.
        for second in 0..900 {
            let now = START.plus(Duration::from_secs(second as u64));
            for name in second * 100..(second + 1) * 100 {
                put(&mut queue, now, firing(name));
                put(&mut queue, now, resolved(name, now));
            }
            let mut sent = 0;
            while let Next::Send(batch) = queue.next(now) {
                queue.done(&batch, &outcome);
                sent += 1;
                if !told || sent == 2 {
                    break;
                }
            }
            if second % 100 == 99 {
                curve.push((queue.len(), queue.order.len(), queue.ended.len()));
            }
        }
        println!("entries in the queue each 100 s, told {told}: {curve:?}");
        assert_eq!(curve[1..], [(MOST_ENDED, MOST_ENDED, MOST_ENDED); 8]);
        // Nobody waits for those that were told.
        let dropped = queue.take_dropped();
        assert!(if told { dropped == 0 } else { dropped == 80_000 }, "{dropped}");
        // The newest ones are still to be told.
        assert!(!told || queue.unsent() <= 100);
    }
}
