//! What a part comes from: hashes of the answers, by which an answer is known again without being kept.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// 128 bits that stand for some bytes: two answers with the same hash are the same.
///
/// It is the beginning of a BLAKE3 hash under a key that is drawn at the start and never leaves the process, so that nobody can
/// make two different answers that share one. It means nothing to another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentHash([u8; 16]);

static KEY: LazyLock<Option<[u8; blake3::KEY_LEN]>> = LazyLock::new(|| {
    let mut key = [0; blake3::KEY_LEN];
    getrandom::fill(&mut key).ok().map(|()| key)
});

impl ContentHash {
    /// The hash of these bytes; `None` where this machine has no random numbers.
    pub fn of(bytes: &[u8]) -> Option<ContentHash> {
        let hash = blake3::keyed_hash(KEY.as_ref()?, bytes);
        hash.as_bytes().first_chunk().copied().map(ContentHash)
    }
}

/// Everything that a part comes from: first what it was asked for and how it is read, then the answers in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFingerprint(Arc<[ContentHash]>);

impl PartFingerprint {
    /// Whether the first hashes are these.
    pub fn starts_with(&self, hashes: &[ContentHash]) -> bool {
        self.0.starts_with(hashes)
    }
}

impl From<Vec<ContentHash>> for PartFingerprint {
    fn from(hashes: Vec<ContentHash>) -> PartFingerprint {
        PartFingerprint(hashes.into())
    }
}

/// What the parts that the ledger holds come from, by their keys.
pub type PartFingerprints = HashMap<Box<str>, PartFingerprint>;

/// Tells the parts of one API from those of another: settings may differ, and so what is made of the same answer.
#[derive(Debug)]
pub struct ReaderId(u64);

impl Default for ReaderId {
    fn default() -> ReaderId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        ReaderId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl ReaderId {
    /// The first hash of a part: who reads it, and everything beside the answers that it depends on.
    pub fn hash_inputs(&self, what: &impl Debug) -> Option<ContentHash> {
        ContentHash::of(format!("{} {what:?}", self.0).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_answers_apart_by_every_bit() {
        let mut body = vec![b'a'; 100_000];
        let hash = ContentHash::of(&body);
        assert!(hash.is_some());
        for at in [0, 15, 16, 4096, 99_999] {
            body[at] ^= 1;
            assert_ne!(ContentHash::of(&body), hash, "{at}");
            body[at] ^= 1;
        }
        assert_ne!(ContentHash::of(&body[..99_999]), hash);
        body.push(0);
        assert_ne!(ContentHash::of(&body), hash, "zeros behind it count");
        body.pop();
        assert_eq!(ContentHash::of(&body), hash);
    }

    #[test]
    fn another_reader_makes_another_part_of_the_same() {
        let (one, another) = (ReaderId::default(), ReaderId::default());
        assert_eq!(one.hash_inputs(&("pool", 1)), one.hash_inputs(&("pool", 1)));
        assert_ne!(one.hash_inputs(&("pool", 1)), one.hash_inputs(&("pool", 2)));
        assert_ne!(one.hash_inputs(&("pool", 1)), another.hash_inputs(&("pool", 1)));
    }
}
