//! A block: sample lines of one family, ready to be sent as they are or as a piece of a gzip member.

use std::{cell::RefCell, sync::Arc};

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

/// Fast, and within a few per cent of the smallest on text that repeats itself this much.
const LEVEL: u32 = 3;

/// Sample lines and the same lines deflated on their own, ending on a full flush. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Block(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plain: Bytes,
    deflated: Bytes,
    checksum: Crc,
}

impl Block {
    /// Deflates the lines.
    pub fn new(plain: impl Into<Bytes>) -> Block {
        let plain = plain.into();
        let deflated = deflate(&plain);
        let mut checksum = Crc::new();
        checksum.update(&plain);
        Block(Arc::new(Inner { plain, deflated, checksum }))
    }

    /// A block of these lines; `old` is taken as it is where it holds the same ones.
    pub fn renewed(plain: impl Into<Bytes>, old: Option<&Block>) -> Block {
        let plain = plain.into();
        match old {
            Some(old) if old.0.plain == plain => old.clone(),
            _ => Block::new(plain),
        }
    }

    /// The lines.
    pub fn plain(&self) -> &Bytes {
        &self.0.plain
    }

    /// The lines as a piece of a deflate stream.
    pub fn deflated(&self) -> &Bytes {
        &self.0.deflated
    }

    /// CRC-32 of the lines, to be combined with those of other blocks.
    pub fn checksum(&self) -> &Crc {
        &self.0.checksum
    }
}

thread_local! {
    /// One state per thread: it takes some 200 kB, and a new one for each block would tear the heap to pieces.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), false));
}

/// Raw deflate that ends on a byte boundary and refers to nothing before itself, so that pieces can be joined.
fn deflate(plain: &[u8]) -> Bytes {
    DEFLATE.with_borrow_mut(|compress| {
        compress.reset();
        let mut out = Vec::with_capacity(plain.len() / 8 + 64);
        loop {
            let read = compress.total_in() as usize;
            compress
                .compress_vec(&plain[read..], &mut out, FlushCompress::Full)
                .expect("deflating from memory to memory has no way to fail");
            // A full flush is complete when it leaves room in the output.
            if compress.total_in() as usize == plain.len() && out.len() < out.capacity() {
                break;
            }
            out.reserve(out.capacity().max(1024));
        }
        // A copy of the right size: shrinking in place leaves the rest as a hole.
        Bytes::copy_from_slice(&out)
    })
}
