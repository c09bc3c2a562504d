use futures_util::{FutureExt, future::join_all};
use tokio::time::sleep;

use super::*;

const MIB: usize = 1 << 20;

/// Grows step by step as a body that comes does, and holds its room until it is dropped.
async fn receive(room: &Arc<Room>, bytes: usize) -> Lease {
    let mut lease = room.lease();
    for len in (0..=bytes).step_by(64 * 1024) {
        lease.grow(len, &AtomicBool::default()).await;
        tokio::task::yield_now().await;
    }
    lease
}

#[tokio::test(start_paused = true)]
async fn large_bodies_that_come_together_are_read_one_after_the_other() {
    let room = Arc::new(Room::new(256 * MIB));
    let started = Instant::now();
    join_all((0..20).map(|_| read_one(&room))).await;
    assert!(started.elapsed() <= Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(room.used(), 0);
}

async fn read_one(room: &Arc<Room>) {
    let lease = receive(room, 60 * MIB).await;
    assert!(room.used() <= 256 * MIB, "{}", room.used());
    sleep(Duration::from_secs(1)).await;
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn a_small_body_never_waits_and_there_is_room_for_one_of_usual_size() {
    let room = Arc::new(Room::new(256 * MIB));
    // They come, and then no more comes.
    let mut stalled = Box::pin(join_all((0..20).map(|_| receive(&room, 60 * MIB))));
    for _ in 0..2000 {
        assert!((&mut stalled).now_or_never().is_none());
    }
    assert!(room.used() <= 256 * MIB);
    assert!(room.used() > 128 * MIB);
    let mut small: Vec<Lease> = (0..100).map(|_| room.lease()).collect();
    for lease in &mut small {
        lease.grow(SMALL, &AtomicBool::default()).now_or_never().expect("it never waits");
    }
    drop(small);
    let usual = tokio::time::timeout(Duration::from_secs(1), receive(&room, 2 * MIB)).await;
    assert!(usual.is_ok(), "{} are used", room.used());
}

#[tokio::test(start_paused = true)]
async fn one_body_alone_has_room_up_to_its_limit() {
    let room = Arc::new(Room::new(256 * MIB));
    let held = join_all((0..2).map(|_| receive(&room, 64 * MIB))).await;
    assert_eq!(room.used(), 128 * MIB);
    drop(held);
    let all = receive(&room, 256 * MIB).await;
    assert_eq!(room.used(), 256 * MIB);
    drop(all);
    assert_eq!((room.used(), room.longest()), (0, 256 * MIB));
}

#[tokio::test(start_paused = true)]
async fn who_brings_nothing_while_others_wait_is_given_up() {
    let room = Arc::new(Room::new(16 * MIB));
    let mut slow = receive(&room, 7 * MIB).await;
    let len = 7 * MIB;
    assert_eq!(slow.patience(len), Ok(Some(PACE.1)), "nobody waits");
    let mut others = Box::pin(join_all((0..2).map(|_| receive(&room, 9 * MIB))));
    for _ in 0..1000 {
        let _ = (&mut others).now_or_never();
    }
    assert_eq!(slow.patience(len), Ok(Some(PACE.1)), "it has its time");
    sleep(PACE.1).await;
    assert_eq!(slow.patience(len + PACE.0), Ok(Some(PACE.1)), "it is quick enough");
    sleep(PACE.1).await;
    let failure = slow.patience(len + PACE.0 + 5).expect_err("it is too slow");
    assert_eq!(failure.reason, Reason::Timeout);
    assert!(failure.message.starts_with("only 5 bytes in 5s"), "{failure}");
}
