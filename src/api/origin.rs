//! What a part comes from: prints of the answers, by which an answer is known again without being kept.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// 128 bits that stand for some bytes: two answers of one print are the same.
///
/// It is the beginning of a BLAKE3 hash under a key that is drawn at the start and never leaves the process, so that nobody can
/// make two different answers that share one. It means nothing to another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print([u8; 16]);

static KEY: LazyLock<Option<[u8; blake3::KEY_LEN]>> = LazyLock::new(|| {
    let mut key = [0; blake3::KEY_LEN];
    getrandom::fill(&mut key).ok().map(|()| key)
});

impl Print {
    /// The print of these bytes; `None` where this machine has no random numbers.
    pub fn of(bytes: &[u8]) -> Option<Print> {
        let hash = blake3::keyed_hash(KEY.as_ref()?, bytes);
        hash.as_bytes().first_chunk().copied().map(Print)
    }
}

/// Everything that a part comes from: first what it was asked for and how it is read, then the answers in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Arc<[Print]>);

impl Origin {
    /// The first so many prints, if there are as many.
    pub fn starts_with(&self, prints: &[Print]) -> bool {
        self.0.starts_with(prints)
    }
}

impl From<Vec<Print>> for Origin {
    fn from(prints: Vec<Print>) -> Origin {
        Origin(prints.into())
    }
}

/// What the parts that the ledger holds come from, by their keys.
pub type Origins = HashMap<Box<str>, Origin>;

/// Tells the parts of one API from those of another: settings may differ, and so what is made of the same answer.
#[derive(Debug)]
pub struct Reader(u64);

impl Default for Reader {
    fn default() -> Reader {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Reader(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Reader {
    /// The first print of a part: who reads it, and everything beside the answers that it depends on.
    pub fn asks(&self, what: &impl Debug) -> Option<Print> {
        Print::of(format!("{} {what:?}", self.0).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_tells_answers_apart_by_every_bit() {
        let mut body = vec![b'a'; 100_000];
        let print = Print::of(&body);
        assert!(print.is_some());
        for at in [0, 15, 16, 4096, 99_999] {
            body[at] ^= 1;
            assert_ne!(Print::of(&body), print, "{at}");
            body[at] ^= 1;
        }
        assert_ne!(Print::of(&body[..99_999]), print);
        body.push(0);
        assert_ne!(Print::of(&body), print, "zeros behind it count");
        body.pop();
        assert_eq!(Print::of(&body), print);
    }

    #[test]
    fn another_reader_makes_another_part_of_the_same() {
        let (one, another) = (Reader::default(), Reader::default());
        assert_eq!(one.asks(&("pool", 1)), one.asks(&("pool", 1)));
        assert_ne!(one.asks(&("pool", 1)), one.asks(&("pool", 2)));
        assert_ne!(one.asks(&("pool", 1)), another.asks(&("pool", 1)));
    }
}
