use std::{collections::BTreeSet, io::Read};

use super::*;
use crate::{
    clock::UnixTime,
    config::Target,
    exposition::{Encoding, Format},
    snapshot::scrape,
    snapshot::{Ledger, Snapshot, Store},
};

/// A snapshot of a target that was last polled at this second, with about this many bytes of small blocks beside its status.
fn snapshot(name: &str, polled: i64, bytes: usize) -> Snapshot {
    let target = Target {
        name: name.to_owned(),
        labels: (0..bytes / 250).map(|n| (format!("label_{n}"), "x".repeat(240))).collect(),
        ..Target::sample_client()
    };
    let mut ledger = Ledger::new(Arc::new(target), false);
    ledger.status.last_poll = Some(UnixTime::from_secs(polled));
    ledger.publish(UnixTime::from_secs(polled)).snapshot
}

fn store(count: usize, bytes: usize) -> (Store, Vec<Arc<Slot>>) {
    let slots: Vec<Arc<Slot>> = (0..count).map(|n| Arc::new(Slot::new(snapshot(&format!("t{n}"), 1, bytes)))).collect();
    let store = Store::default();
    store.replace(slots.clone());
    (store, slots)
}

/// The lines of a scrape, which are the same in a gzip member.
fn lines(store: &Store, wanted: impl Fn(&Target) -> bool) -> BTreeSet<String> {
    let selection = store.select(wanted);
    let answer = |encoding| scrape(selection.blocks(), &[], Format::Text, encoding).concat();
    let plain = String::from_utf8(answer(Encoding::Identity)).expect("text");
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&answer(Encoding::Gzip)[..]).read_to_string(&mut unpacked).expect("a valid member");
    assert_eq!(plain, unpacked);
    let lines: BTreeSet<String> = plain.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), plain.lines().count(), "no line comes twice");
    lines
}

fn last_poll(name: &str, at: i64) -> String {
    format!("rollcall_target_last_poll_timestamp_seconds{{vendor=\"resilio\",target=\"{name}\"}} {at}")
}

#[test]
fn a_scrape_tells_the_same_joined_or_not() {
    let (store, slots) = store(20, 0);
    let before = lines(&store, |_| true);
    assert_eq!(store.select(|_| true).groups.len(), 0);
    store.join();
    let selection = store.select(|_| true);
    assert_eq!((selection.groups.len(), selection.singles.len()), (1, 0));
    assert_eq!(lines(&store, |_| true), before);
    assert!(selection.blocks().flatten().count() < before.len() / slots.len());
}

#[test]
fn what_is_new_is_told_before_it_is_joined() {
    let (store, slots) = store(20, 0);
    store.join();
    slots[7].publish(snapshot("t7", 2, 0));
    let told = lines(&store, |_| true);
    assert!(told.contains(&last_poll("t7", 2)) && !told.contains(&last_poll("t7", 1)));
    store.join();
    assert_eq!(store.select(|_| true).groups.len(), 1);
    assert_eq!(lines(&store, |_| true), told);
}

#[test]
fn a_target_that_is_withdrawn_is_gone_at_once_and_its_group_lives_on_without_it() {
    let (store, mut slots) = store(20, 0);
    store.join();
    slots.remove(3);
    store.replace(slots);
    for _ in 0..2 {
        let told = lines(&store, |_| true);
        assert!(!told.contains(&last_poll("t3", 1)) && told.contains(&last_poll("t4", 1)));
        store.join();
    }
    assert_eq!(store.select(|_| true).groups.len(), 1);
}

#[test]
fn a_group_is_not_taken_for_a_part_of_it() {
    let (store, _) = store(20, 0);
    store.join();
    let selection = store.select(|target| target.name == "t5");
    assert_eq!((selection.groups.len(), selection.singles.len()), (0, 1));
    let told = lines(&store, |target| target.name == "t5");
    assert!(told.contains(&last_poll("t5", 1)) && !told.contains(&last_poll("t6", 1)));
}

#[test]
fn what_did_not_change_is_not_joined_again() {
    let (store, slots) = store(20, 0);
    store.join();
    let before = store.select(|_| true);
    store.join();
    assert!(Arc::ptr_eq(&before.groups[0], &store.select(|_| true).groups[0]));
    // A new snapshot whose blocks are those of the one before, but for one.
    let (old, newer) = (slots[7].load(), snapshot("t7", 2, 0));
    let blocks = old.blocks.iter().zip(&newer.blocks).map(|((key, old), (other, new))| {
        assert_eq!(key, other);
        (*key, if old.plain() == new.plain() { old.clone() } else { new.clone() })
    });
    slots[7].publish(Snapshot { blocks: blocks.collect(), ..newer });
    store.join();
    let after = store.select(|_| true);
    let pairs = before.groups[0].blocks().iter().zip(after.groups[0].blocks());
    let changed = pairs.filter(|((_, before), (_, after))| !before.is(after)).count();
    assert_eq!((changed, after.groups.len()), (1, 1));
}

#[test]
fn targets_that_are_polled_together_come_to_be_one_group() {
    let (store, slots) = store(400, 12_000);
    store.join();
    let groups = store.select(|_| true).groups.len();
    assert!(groups >= 5, "{groups}");
    // Every tenth is polled, whatever group it is in: all groups change, which is more than a little.
    let polled: Vec<usize> = (0..400).step_by(10).collect();
    let poll = |at| polled.iter().for_each(|n| slots[*n].publish(snapshot(&format!("t{n}"), at, 12_000)));
    poll(2);
    assert_eq!(store.select(|_| true).groups.len(), 0);
    store.join();
    let aligned = store.select(|_| true).groups.len();
    poll(3);
    let selection = store.select(|_| true);
    assert!(selection.groups.len() >= aligned - 2, "{} of {aligned}", selection.groups.len());
    assert!(selection.singles.len() < 200, "{}", selection.singles.len());
    let told = lines(&store, |_| true);
    assert!(told.contains(&last_poll("t10", 3)) && told.contains(&last_poll("t11", 1)));
}

#[test]
fn much_is_joined_in_turns_and_all_of_it_in_the_end() {
    let (store, slots) = store(1500, 12_000);
    store.join();
    slots.iter().enumerate().for_each(|(n, slot)| slot.publish(snapshot(&format!("t{n}"), 2, 12_000)));
    store.join();
    let first = store.select(|_| true);
    assert!(!first.groups.is_empty() && !first.singles.is_empty());
    store.join();
    assert!(store.select(|_| true).singles.is_empty());
    assert_eq!(store.select(|_| true).groups.iter().map(|group| group.members().len()).sum::<usize>(), 1500);
}

#[test]
fn every_target_is_found_by_its_name_and_no_other() {
    // Their names are not in the order of the list: t10 comes before t2.
    let (store, slots) = store(25, 0);
    let list = store.list();
    for (n, slot) in slots.iter().enumerate() {
        assert!(Arc::ptr_eq(list.get(&format!("t{n}")).expect("it is listed"), slot));
    }
    assert!(["", "t", "t25", "t1 ", "u"].iter().all(|name| list.get(name).is_none()));
    assert_eq!(list.vendors().iter().collect::<Vec<_>>(), [&"resilio"]);
    assert_eq!(list.slots().len(), 25);
}
