//! A block: sample lines of one family, ready to be sent as they are or as a piece of a gzip member.

use std::{cell::RefCell, sync::Arc};

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};

use super::checksum::Checksum;

/// Fast, and within a few per cent of the smallest on text that repeats itself this much.
const LEVEL: u32 = 3;

/// Blocks shorter than this are not deflated on their own: there is little in them that repeats itself, and many targets have
/// very many of them. In a gzip member they are stored, unless a [`Group`](super::Group) has joined them.
const STORED: usize = 2048;

/// Sample lines, and the same lines as a piece of a deflate stream that refers to nothing before itself and ends on a byte.
/// Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Block(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plain: Bytes,
    /// `None`: they are sent as they are, behind the header of a stored block.
    deflated: Option<Bytes>,
    checksum: Checksum,
}

impl Block {
    /// Deflates the lines where that is worth it.
    pub fn new(plain: impl Into<Bytes>) -> Block {
        let plain = plain.into();
        let deflated = (plain.len() >= STORED).then(|| deflate(&plain));
        Block(Arc::new(Inner { checksum: Checksum::of(&plain), plain, deflated }))
    }

    /// Deflates the lines however few they are: they are sent more often than they are made.
    pub fn packed(plain: impl Into<Bytes>) -> Block {
        let plain = plain.into();
        Block(Arc::new(Inner { checksum: Checksum::of(&plain), deflated: Some(deflate(&plain)), plain }))
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

    /// The lines as a piece of a deflate stream, which may be two.
    pub fn deflated(&self) -> impl Iterator<Item = Bytes> {
        let stored = self.0.deflated.is_none().then(|| stored(self.0.plain.len()));
        stored.into_iter().chain([self.0.deflated.as_ref().unwrap_or(&self.0.plain).clone()])
    }

    /// Whether the lines were deflated.
    pub fn is_packed(&self) -> bool {
        self.0.deflated.is_some()
    }

    /// Whether both are one and the same block.
    pub fn is(&self, other: &Block) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Of the lines, to be put together with those of other blocks.
    pub fn checksum(&self) -> Checksum {
        self.0.checksum
    }
}

/// The headers of stored blocks of every length below [`STORED`]: not the last one, stored, the length and its complement.
static STORED_HEADERS: [u8; 5 * STORED] = {
    let mut headers = [0; 5 * STORED];
    let mut length = 0;
    while length < STORED {
        let [low, high] = (length as u16).to_le_bytes();
        headers[5 * length + 1] = low;
        headers[5 * length + 2] = high;
        headers[5 * length + 3] = !low;
        headers[5 * length + 4] = !high;
        length += 1;
    }
    headers
};

fn stored(length: usize) -> Bytes {
    Bytes::from_static(&STORED_HEADERS[5 * length..5 * length + 5])
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
