//! The machines of a chunk, from its answer.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use super::{
    super::{Part, Warning, Warnings},
    chunks::UnmatchedResources,
    machines, part,
};
use crate::{clock::UnixTime, config::Target, failure::Failure};

/// What an answer contained.
#[derive(Debug)]
pub struct DecodedChunk {
    /// Its machines.
    pub part: Part,
    /// Hashes of their ids.
    pub machines: Vec<u64>,
    /// Resources without a machine.
    pub without: usize,
    /// Whether the same answer would bring the same again: nothing in it depended on the clock, nor on other chunks.
    pub repeats: bool,
}

impl DecodedChunk {
    /// Reads an answer. Machines that other chunks have `seen` are left out; of more than `room` only one is kept.
    pub fn read(
        body: &[u8],
        ids: &[Box<str>],
        now: UnixTime,
        target: &Target,
        hasher: &RandomState,
        (seen, room): (&HashSet<u64>, usize),
    ) -> Result<DecodedChunk, (Failure, Warnings)> {
        let (warnings, mut part) = (Warnings::default(), part::of_machines());
        let mut unmatched = UnmatchedResources::new(ids);
        let mut machines = Vec::new();
        let mut repeats = true;
        let read = machines::decode(body, now, &warnings, |machine| {
            unmatched.mark_found(&machine.resource);
            let hash = hasher.hash_one(&machine.id);
            repeats &= !machine.ahead;
            // Two resources may lead to one machine; the chunk that came first has it.
            if seen.contains(&hash) {
                repeats = false;
                return;
            }
            // The rest is not kept, however much there is.
            if machines.len() > room {
                return;
            }
            if part::add(&mut part, machine, target, &warnings) {
                machines.push(hash);
            } else {
                warnings.add(Warning::BadItem, || format!("machine {} comes twice", machine.id));
            }
        });
        match read {
            Ok(defect) => part.defect = defect,
            Err(failure) => return Err((failure, warnings)),
        }
        part.shrink();
        part.warnings = warnings;
        Ok(DecodedChunk { part, machines, without: unmatched.without(), repeats })
    }

    /// Reads an answer of which nothing was left out.
    pub fn decode_part(body: &[u8], now: UnixTime, target: &Target) -> Result<Part, Failure> {
        let all = (&HashSet::new(), usize::MAX);
        let read = DecodedChunk::read(body, &[], now, target, &RandomState::new(), all);
        read.map(|chunk| chunk.part).map_err(|(failure, _)| failure)
    }
}
