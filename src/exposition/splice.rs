//! An answer to a scrape, put together from ready pieces without copying them.
//!
//! It is our own because a gzip library deflates a whole body, anew for each scrape. Here every block is deflated once, by such a
//! library, when a poll brings it; an answer is one gzip member of ready pieces, whose checksum is put together from theirs.

use std::{
    any::Any,
    collections::{HashMap, VecDeque},
    convert::Infallible,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::{Block, Encoding, Format, checksum::Checksum};
use crate::catalogue::{Family, Kind};

/// The pieces of an answer, in order.
#[derive(Debug)]
pub struct Splice {
    format: Format,
    encoding: Encoding,
    pieces: VecDeque<Bytes>,
    checksum: Checksum,
}

/// A gzip member's header: deflate, no name, no time, written on Unix.
static GZIP_HEADER: Bytes = Bytes::from_static(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);

/// An empty last block, which ends the deflate stream.
static DEFLATE_END: [u8; 2] = [3, 0];

/// Headers of all families in both formats, deflated once.
static HEADERS: LazyLock<HashMap<(&'static str, Format), Block>> = LazyLock::new(|| {
    let formats = [Format::Text, Format::OpenMetrics];
    let all = crate::catalogue::all().flat_map(|family| formats.map(|format| ((family.name, format), family, format)));
    all.map(|(key, family, format)| (key, Block::packed(header(family.name, family.kind, family.help, format))))
        .collect()
});

static EOF: LazyLock<Block> = LazyLock::new(|| Block::packed("# EOF\n"));

impl Splice {
    /// An empty answer.
    pub fn new(format: Format, encoding: Encoding) -> Splice {
        let mut pieces = VecDeque::new();
        if encoding == Encoding::Gzip {
            pieces.push_back(GZIP_HEADER.clone());
        }
        Splice { format, encoding, pieces, checksum: Checksum::EMPTY }
    }

    /// Adds a family: its header and its blocks. A family without any block does not appear.
    pub fn family<'a>(&mut self, family: &Family, blocks: impl Iterator<Item = &'a Block>) {
        let mut blocks = blocks.peekable();
        if blocks.peek().is_some() {
            self.push(&HEADERS[&(family.name, self.format)]);
            blocks.for_each(|block| self.push(block));
        }
    }

    /// Adds a block as it is.
    pub fn push(&mut self, block: &Block) {
        match self.encoding {
            Encoding::Identity => self.pieces.push_back(block.plain().clone()),
            Encoding::Gzip => {
                self.pieces.extend(block.deflated());
                self.checksum = self.checksum.then(block.checksum());
            }
        }
    }

    /// Ends the answer.
    pub fn finish(mut self) -> Body {
        if self.format == Format::OpenMetrics {
            self.push(&EOF);
        }
        if self.encoding == Encoding::Gzip {
            let mut end = DEFLATE_END.to_vec();
            end.extend_from_slice(&self.checksum.trailer());
            self.pieces.push_back(end.into());
        }
        let left = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        Body { pieces: self.pieces, left, held: Vec::new() }
    }
}

/// The lines `# HELP` and `# TYPE`. A counter's family is called without `_total` in OpenMetrics.
pub fn header(name: &str, kind: Kind, help: &str, format: Format) -> String {
    let family = match (format, kind) {
        (Format::OpenMetrics, Kind::Counter) => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    let mut escaped = help.replace('\\', "\\\\").replace('\n', "\\n");
    if format == Format::OpenMetrics {
        escaped = escaped.replace('"', "\\\"");
    }
    format!("# HELP {family} {escaped}\n# TYPE {family} {}\n", kind.as_str())
}

/// A body of ready pieces with a known length.
#[derive(Debug)]
pub struct Body {
    pieces: VecDeque<Bytes>,
    left: u64,
    /// Dropped when the body was sent, or its reader is gone.
    held: Vec<Box<dyn Any + Send + Sync>>,
}

impl Body {
    /// A body of one piece.
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        Body { left: bytes.len() as u64, pieces: VecDeque::from([bytes]), held: Vec::new() }
    }

    /// The same, which keeps something until it was sent.
    pub fn holding(mut self, thing: impl Any + Send + Sync) -> Body {
        self.held.push(Box::new(thing));
        self
    }

    /// Everything in one piece, copied; for tests and for `probe`.
    pub fn concat(self) -> Vec<u8> {
        self.pieces.iter().flat_map(|piece| piece.iter().copied()).collect()
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(piece) = self.pieces.pop_front() else { return Poll::Ready(None) };
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::catalogue::target;

    fn answer(format: Format, encoding: Encoding, blocks: &[Block]) -> Vec<u8> {
        let mut splice = Splice::new(format, encoding);
        splice.family(&target::UP, blocks.iter());
        splice.family(&target::POLLS, [].iter());
        splice.family(&target::POLLS, blocks.iter().take(1));
        splice.finish().concat()
    }

    #[test]
    fn a_gzip_answer_is_one_member_with_the_same_bytes() {
        let blocks: Vec<Block> =
            (0..50).map(|n| Block::new(format!("up{{target=\"{n}\"}} 1\n").repeat(n * 37))).collect();
        for format in [Format::Text, Format::OpenMetrics] {
            for some in [&blocks[..], &blocks[..1], &[]] {
                let plain = answer(format, Encoding::Identity, some);
                let packed = answer(format, Encoding::Gzip, some);
                let (mut unpacked, mut reader) = (Vec::new(), flate2::bufread::GzDecoder::new(&packed[..]));
                reader.read_to_end(&mut unpacked).expect("a valid member");
                assert_eq!(unpacked, plain);
                assert!(reader.into_inner().is_empty(), "nothing follows the member");
            }
        }
    }

    #[test]
    fn the_length_is_known_before_the_body() {
        let mut splice = Splice::new(Format::Text, Encoding::Gzip);
        splice.push(&Block::new("a 1\n"));
        let body = splice.finish();
        let hint = hyper::body::Body::size_hint(&body).exact();
        assert_eq!(hint, Some(body.concat().len() as u64));
    }

    #[test]
    fn formats_differ_in_headers_and_end_only() {
        let blocks = [Block::new("rollcall_polls_total{} 1\n")];
        let text = String::from_utf8(answer(Format::Text, Encoding::Identity, &blocks)).expect("text");
        let open = String::from_utf8(answer(Format::OpenMetrics, Encoding::Identity, &blocks)).expect("text");
        let samples = |text: &str| text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(samples(&text), samples(&open));
        assert!(text.contains("# TYPE rollcall_polls_total counter\n") && !text.contains("EOF"));
        assert!(open.contains("# TYPE rollcall_polls counter\n") && open.ends_with("# EOF\n"));
    }

    #[test]
    fn a_block_of_any_size_can_be_deflated() {
        for size in [0, 1, 100, 16_383, 65_536, 1_000_000] {
            let noise: Vec<u8> =
                (0..size as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
            let mut splice = Splice::new(Format::Text, Encoding::Gzip);
            splice.push(&Block::new(noise.clone()));
            let (packed, mut unpacked) = (splice.finish().concat(), Vec::new());
            flate2::bufread::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("a valid member");
            assert_eq!(unpacked, noise);
        }
    }
}
