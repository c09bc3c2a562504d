//! The lines of a family of one target, in the blocks that they are sent as.
//!
//! A large part is a block by itself, so that nothing is copied, and a part that changes costs the others nothing. Small
//! parts are joined: a block of a few lines is neither well deflated nor cheap to send. Which of them are joined stays as it
//! was as far as possible; else one agent more at the beginning would change every block behind it.

use std::collections::HashMap;

use bytes::Bytes;

use super::part::Segment;
use crate::exposition::Block;

/// Parts are joined up to about this many bytes where nothing was joined before.
const TARGET_SIZE: usize = 64 * 1024;

/// A part that began a block begins one again only behind at least this many bytes.
const MIN_SIZE: usize = TARGET_SIZE / 4;

/// No part is added that would make it more than this.
const MAX_SIZE: usize = TARGET_SIZE * 2;

/// Blocks in their order, each with the key of the part that it begins with.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<(Box<str>, Block)>);

impl Pieces {
    /// The blocks.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.0.iter().map(|(_, block)| block)
    }

    /// One block of these lines; that of before where it has them.
    pub fn whole(self, lines: Vec<u8>) -> Pieces {
        let old = self.0.into_iter().next();
        Pieces(vec![("".into(), Block::renewed(lines, old.as_ref().map(|(_, block)| block)))])
    }

    /// The blocks of these segments, which come with the keys of their parts. What has not changed is taken from those of
    /// before. Afterwards the segments are slices of the blocks, so that their bytes are kept once.
    pub fn renewed(self, segments: &mut [(&str, &mut Segment)]) -> Pieces {
        let mut old: HashMap<Box<str>, Block> = self.0.into_iter().collect();
        let mut pieces = Vec::new();
        let mut rest = segments;
        while let Some((key, _)) = rest.first() {
            let key = Box::<str>::from(*key);
            let count = together(rest, &old);
            let (run, behind) = std::mem::take(&mut rest).split_at_mut(count);
            let block = join(run, old.remove(&key));
            pieces.push((key, block));
            rest = behind;
        }
        Pieces(pieces)
    }
}

/// How many of the segments are the first block.
fn together(segments: &[(&str, &mut Segment)], old: &HashMap<Box<str>, Block>) -> usize {
    let mut filled = 0;
    let ends = |(key, segment): &(&str, &mut Segment)| {
        let before = filled;
        filled += segment.bytes.len();
        let was_beginning = before >= MIN_SIZE && old.contains_key(*key);
        before > 0 && (filled > MAX_SIZE || was_beginning || old.is_empty() && before >= TARGET_SIZE)
    };
    segments.iter().position(ends).unwrap_or(segments.len())
}

fn join(segments: &mut [(&str, &mut Segment)], old: Option<Block>) -> Block {
    let block = match old {
        Some(old) if is_joined(segments, old.plain()) => old,
        _ => match &*segments {
            [(_, one)] => Block::new(one.bytes.clone()),
            many => {
                let mut bytes = Vec::with_capacity(many.iter().map(|(_, segment)| segment.bytes.len()).sum());
                many.iter().for_each(|(_, segment)| bytes.extend_from_slice(&segment.bytes));
                Block::new(bytes)
            }
        },
    };
    let mut start = 0;
    for (_, segment) in segments {
        let end = start + segment.bytes.len();
        segment.bytes = block.plain().slice(start..end);
        start = end;
    }
    block
}

/// Whether these segments, one after the other, are these bytes. Those of parts that did not change are slices of them
/// already, and need not be compared.
fn is_joined(segments: &[(&str, &mut Segment)], bytes: &Bytes) -> bool {
    let mut start = 0;
    segments.iter().all(|(_, segment)| {
        let end = start + segment.bytes.len();
        let is_here = bytes
            .get(start..end)
            .is_some_and(|here| std::ptr::eq(here.as_ptr(), segment.bytes.as_ptr()) || here == &segment.bytes[..]);
        start = end;
        is_here
    }) && start == bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of so many bytes, by key.
    fn parts(sizes: &[usize]) -> Vec<(String, Segment)> {
        let part = |(index, size): (usize, &usize)| {
            let bytes = Bytes::from(vec![index as u8; *size]);
            (format!("part {index}"), Segment { bytes, series: 1 })
        };
        sizes.iter().enumerate().map(part).collect()
    }

    fn renew(pieces: Pieces, parts: &mut [(String, Segment)]) -> Pieces {
        let text: Vec<u8> = parts.iter().flat_map(|(_, segment)| segment.bytes.to_vec()).collect();
        let mut segments: Vec<(&str, &mut Segment)> = parts.iter_mut().map(|(key, part)| (&**key, part)).collect();
        let pieces = pieces.renewed(&mut segments);
        let told: Vec<u8> = pieces.blocks().flat_map(|block| block.plain().to_vec()).collect();
        assert!(told == text, "nothing is lost, nothing moves");
        pieces
    }

    fn sizes(pieces: &Pieces) -> Vec<usize> {
        pieces.blocks().map(|block| block.plain().len()).collect()
    }

    #[test]
    fn a_large_part_is_a_block_by_itself_and_is_not_copied() {
        let mut parts = parts(&[TARGET_SIZE, 3 * MAX_SIZE, 10, 20, 2 * TARGET_SIZE]);
        let before = parts[1].1.bytes.clone();
        let pieces = renew(Pieces::default(), &mut parts);
        assert_eq!(sizes(&pieces), [TARGET_SIZE, 3 * MAX_SIZE, 30, 2 * TARGET_SIZE]);
        assert_eq!(parts[1].1.bytes.as_ptr(), before.as_ptr());
    }

    #[test]
    fn small_parts_are_joined_and_kept_once() {
        let mut parts = parts(&[TARGET_SIZE / 8; 40]);
        let pieces = renew(Pieces::default(), &mut parts);
        assert_eq!(sizes(&pieces), [TARGET_SIZE; 5]);
        let first = pieces.blocks().next().expect("five").plain().clone();
        assert_eq!(parts[1].1.bytes.as_ptr(), first[TARGET_SIZE / 8..].as_ptr());
    }

    #[test]
    fn a_part_that_changes_costs_its_own_block_only() {
        let mut all = parts(&[TARGET_SIZE / 8; 40]);
        let before = renew(Pieces::default(), &mut all);
        let old: Vec<Block> = before.blocks().cloned().collect();
        // It becomes longer, and one becomes as long as several.
        all[9].1.bytes = Bytes::from(vec![200; TARGET_SIZE / 4]);
        all[17].1.bytes = Bytes::from(vec![201; TARGET_SIZE]);
        let after = renew(before, &mut all);
        let kept = old.iter().filter(|old| after.blocks().any(|new| new.is(old))).count();
        assert_eq!(kept, 3, "{:?}", sizes(&after));
        // Without the part that began a block, what is left of it and the one before it are others.
        all.remove(8);
        let old: Vec<Block> = after.blocks().cloned().collect();
        let last = renew(after, &mut all);
        let kept = old.iter().filter(|old| last.blocks().any(|new| new.is(old))).count();
        assert_eq!(kept, old.len() - 2, "{:?}", sizes(&last));
        assert!(sizes(&last).into_iter().all(|size| size <= MAX_SIZE));
    }
}
