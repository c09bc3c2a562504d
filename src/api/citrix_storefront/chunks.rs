//! Resources in chunks of what one request may ask for; a resource stays in its chunk from poll to poll.
//!
//! Each chunk is a part that is fresh or stale on its own. If the assignment moved with every enumeration, a chunk that
//! fails would keep machines that another one has taken over.

use std::collections::{HashMap, HashSet};

use crate::{api::fingerprint::PartFingerprint, clock::UnixTime};

/// The vendor's limit of resource ids in one request.
pub const MAX_IDS: usize = 200;

/// One chunk.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Never given to another chunk; the key of its part.
    pub number: u64,
    /// Its resources.
    pub ids: Vec<Box<str>>,
    /// What its last good answer contained.
    pub last: Option<LastRead>,
}

/// What the last good answer of a chunk contained.
#[derive(Debug, PartialEq)]
pub struct LastRead {
    /// When.
    pub at: UnixTime,
    /// Hashes of the ids of its machines.
    pub machines: Box<[u64]>,
    /// Resources without a machine.
    pub without: usize,
    /// Whether all of it was read; else most of its machines could not be.
    pub complete: bool,
    /// What it comes from; none where another answer had a say in it.
    pub fingerprint: Option<PartFingerprint>,
}

impl LastRead {
    /// Whether what comes from `fingerprint` now is what came from it then: the clock was not set back, and no chunk before has
    /// one of the machines.
    pub fn still_holds(&self, fingerprint: &PartFingerprint, now: UnixTime, seen: &HashSet<u64>) -> bool {
        self.fingerprint.as_ref() == Some(fingerprint)
            && now >= self.at
            && !self.machines.iter().any(|machine| seen.contains(machine))
    }
}

/// All chunks.
#[derive(Debug, Default)]
pub struct Chunks {
    /// In the order of their numbers.
    pub chunks: Vec<Chunk>,
    next: u64,
}

impl Chunks {
    /// Takes in the resources there are now: those that vanished leave, new ones fill up the last chunk, then gaps in
    /// those before it, then new chunks.
    pub fn assign(&mut self, ids: &[Box<str>]) {
        let present: HashSet<&str> = ids.iter().map(|id| &**id).collect();
        let mut known: HashSet<Box<str>> = HashSet::new();
        for chunk in &mut self.chunks {
            chunk.ids.retain(|id| present.contains(&**id));
            known.extend(chunk.ids.iter().cloned());
        }
        self.chunks.retain(|chunk| !chunk.ids.is_empty());
        let mut new = ids.iter().filter(|id| known.insert((*id).clone())).cloned();
        for chunk in self.chunks.iter_mut().rev() {
            let room = MAX_IDS.saturating_sub(chunk.ids.len());
            chunk.ids.extend(new.by_ref().take(room));
        }
        loop {
            let ids: Vec<Box<str>> = new.by_ref().take(MAX_IDS).collect();
            if ids.is_empty() {
                return;
            }
            self.chunks.push(Chunk { number: self.next, ids, last: None });
            self.next += 1;
        }
    }

    /// These resources, and as many of those that are known as there is room for beside them: what a store does not list may
    /// well be there, and one that lists others each time does not make ever more of them.
    pub fn known_with(&self, new: &[Box<str>], most: usize) -> Vec<Box<str>> {
        let listed: HashSet<&str> = new.iter().map(|id| &**id).collect();
        let room = most.saturating_sub(new.len());
        let missing = self.ids().filter(|id| !listed.contains(&***id)).take(room);
        missing.chain(new).cloned().collect()
    }

    /// All resources.
    pub fn ids(&self) -> impl Iterator<Item = &Box<str>> {
        self.chunks.iter().flat_map(|chunk| &chunk.ids)
    }
}

/// The resources of a chunk that named a machine.
#[derive(Debug)]
pub struct UnmatchedResources<'a>(HashMap<&'a str, bool>);

impl<'a> UnmatchedResources<'a> {
    /// None has yet.
    pub fn new(ids: &'a [Box<str>]) -> UnmatchedResources<'a> {
        UnmatchedResources(ids.iter().map(|id| (&**id, false)).collect())
    }

    /// This one has.
    pub fn mark_found(&mut self, id: &str) {
        if let Some(seen) = self.0.get_mut(id) {
            *seen = true;
        }
    }

    /// How many have not.
    pub fn without(&self) -> usize {
        self.0.values().filter(|seen| !**seen).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<usize>) -> Vec<Box<str>> {
        range.map(|index| format!("Controller.Desktop {index}").into()).collect()
    }

    fn sizes(chunks: &Chunks) -> Vec<(u64, usize)> {
        chunks.chunks.iter().map(|chunk| (chunk.number, chunk.ids.len())).collect()
    }

    #[test]
    fn a_request_asks_for_at_most_200_resources_each_once() {
        for (count, expected) in [
            (0, vec![]),
            (1, vec![(0, 1)]),
            (200, vec![(0, 200)]),
            (201, vec![(0, 200), (1, 1)]),
            (400, vec![(0, 200), (1, 200)]),
        ] {
            let mut chunks = Chunks::default();
            let mut twice = ids(0..count);
            twice.extend(ids(0..count));
            chunks.assign(&twice);
            assert_eq!(sizes(&chunks), expected);
        }
    }

    #[test]
    fn a_resource_stays_in_its_chunk() {
        let mut chunks = Chunks::default();
        chunks.assign(&ids(0..401));
        assert_eq!(sizes(&chunks), [(0, 200), (1, 200), (2, 1)]);
        let third = chunks.chunks[2].ids.clone();
        // Another order, some of the first two gone: nothing moves.
        let mut later: Vec<Box<str>> = ids(10..401);
        later.retain(|id| !id.ends_with("Desktop 300"));
        later.reverse();
        chunks.assign(&later);
        assert_eq!(sizes(&chunks), [(0, 190), (1, 199), (2, 1)]);
        assert_eq!(chunks.chunks[2].ids, third);
        // New ones fill the last chunk, then the gaps.
        later.extend(ids(1000..1205));
        chunks.assign(&later);
        assert_eq!(sizes(&chunks), [(0, 195), (1, 200), (2, 200)]);
        // A chunk that is empty is gone for good; its number is not used again.
        later.retain(|id| third.contains(id) || chunks.chunks[0].ids.contains(id));
        chunks.assign(&later);
        assert_eq!(sizes(&chunks), [(0, 195), (2, 1)]);
        later.extend(ids(2000..2400));
        chunks.assign(&later);
        assert_eq!(sizes(&chunks), [(0, 200), (2, 200), (3, 196)]);
        assert_eq!(chunks.ids().count(), 596);
    }

    #[test]
    fn a_store_that_lists_others_each_time_does_not_make_ever_more_of_them() {
        let mut chunks = Chunks::default();
        for poll in 0..20 {
            let listed = ids(poll * 300..poll * 300 + 400);
            let all = chunks.known_with(&listed, 1000);
            assert!(listed.iter().all(|id| all.contains(id)) && all.len() <= 1000);
            chunks.assign(&all);
        }
        assert_eq!(chunks.ids().count(), 1000);
    }

    #[test]
    fn a_tally_counts_resources_without_a_machine() {
        let ids = ids(0..3);
        let mut unmatched = UnmatchedResources::new(&ids);
        unmatched.mark_found("Controller.Desktop 1");
        unmatched.mark_found("Controller.Desktop 1");
        unmatched.mark_found("another");
        assert_eq!(unmatched.without(), 2);
    }
}
