//! A body as it came over the wire, and what it says unpacked.

use std::{
    io::{self, Read},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use super::room::{Lease, Room};
use crate::{
    blocking::{LARGE_BODY, block_in_place_if},
    failure::{Failure, Reason},
};

/// A packed body may well be so many times as long when it is unpacked: lists of agents are mostly repetitions.
const RATIO: usize = 32;

/// A body that comes is kept in pieces of so many bytes, so that it is never copied to grow.
const PIECE: usize = 1 << 20;

/// How long a body may be, and which setting says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cap {
    bytes: u64,
    setting: &'static str,
}

impl Cap {
    /// At most `max_response_size`, and what there can ever be room for.
    pub(super) fn new(max_response_size: u64, room: &Room) -> Cap {
        match u64::try_from(room.longest()) {
            Ok(longest) if longest < max_response_size => Cap { bytes: longest, setting: "http.max_buffered" },
            _ => Cap { bytes: max_response_size, setting: "max_response_size" },
        }
    }

    /// Fails with `too_large` where so many bytes are more.
    pub(super) fn check(self, bytes: u64) -> Result<(), Failure> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let Cap { bytes, setting } = self;
        Err(Failure::new(Reason::TooLarge, format!("the answer is larger than {setting} ({bytes} bytes)")))
    }
}

/// A body while it comes.
#[derive(Debug)]
pub(super) struct Growing<'a> {
    lease: Lease,
    pieces: Vec<Vec<u8>>,
    len: usize,
    cap: Cap,
    /// Whether it waits for room.
    waits: &'a AtomicBool,
}

impl<'a> Growing<'a> {
    /// Nothing has come yet.
    pub(super) fn new(room: &Arc<Room>, cap: Cap, waits: &'a AtomicBool) -> Growing<'a> {
        Growing { lease: room.lease(), pieces: Vec::new(), len: 0, cap, waits }
    }

    /// Adds what has come, once there is room for it.
    pub(super) async fn push(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        self.take_room(bytes.len()).await?;
        while !bytes.is_empty() {
            if self.pieces.last().is_none_or(|piece| piece.len() >= PIECE) {
                let capacity = if self.pieces.is_empty() { bytes.len() } else { PIECE };
                self.pieces.push(Vec::with_capacity(capacity));
            }
            let Some(piece) = self.pieces.last_mut() else { break };
            let (now, rest) = bytes.split_at(bytes.len().min(PIECE - piece.len()));
            piece.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    /// Adds a whole piece.
    async fn add(&mut self, piece: Vec<u8>) -> Result<(), Failure> {
        self.take_room(piece.len()).await?;
        self.pieces.push(piece);
        Ok(())
    }

    async fn take_room(&mut self, more: usize) -> Result<(), Failure> {
        let len = self.len.saturating_add(more);
        self.cap.check(u64::try_from(len).unwrap_or(u64::MAX))?;
        self.lease.grow(len, self.waits).await;
        self.len = len;
        Ok(())
    }

    /// How long the next bytes may be waited for before it is asked again. Fails where it comes too slowly for those who wait.
    pub(super) fn patience(&mut self) -> Result<Option<Duration>, Failure> {
        self.lease.patience(self.len)
    }

    /// All of it in one. The room is given back when nobody has it any more.
    pub(super) fn finish(mut self) -> Bytes {
        let bytes = match self.pieces.len() {
            0 | 1 => {
                let mut only = self.pieces.pop().unwrap_or_default();
                only.shrink_to_fit();
                only
            }
            _ => {
                let mut all = Vec::with_capacity(self.len);
                // Each piece goes as soon as it is copied.
                self.pieces.drain(..).for_each(|piece| all.extend_from_slice(&piece));
                all
            }
        };
        Bytes::from_owner(Leased { bytes, _lease: self.lease })
    }
}

/// Bytes and the room that they take.
struct Leased {
    bytes: Vec<u8>,
    _lease: Lease,
}

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body that may still be packed. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Bytes,
    is_packed: bool,
    /// The most that it may be unpacked.
    cap: Cap,
}

impl Body {
    /// A body that is not packed.
    pub fn plain(bytes: impl Into<Bytes>) -> Body {
        Body { bytes: bytes.into(), is_packed: false, cap: Cap { bytes: u64::MAX, setting: "" } }
    }

    /// The body that these headers belong to; unpacked it may be as long as `cap`. It is packed where the headers name gzip;
    /// anything else was not asked for, and is taken as it is: some servers put there what belongs elsewhere.
    pub(super) fn new(headers: &HeaderMap, bytes: Bytes, cap: Cap) -> Body {
        let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
        let is_gzip = ["gzip", "x-gzip"].iter().any(|name| encoding.eq_ignore_ascii_case(name));
        // An answer without a body may say how it would be packed.
        Body { is_packed: is_gzip && !bytes.is_empty(), bytes, cap }
    }

    /// As it came: what is the same here is the same unpacked. The reverse does not hold, as one may pack in many ways.
    pub fn as_sent(&self) -> &Bytes {
        &self.bytes
    }

    /// About as many bytes there are to be read.
    pub fn weight(&self) -> usize {
        self.bytes.len() * if self.is_packed { RATIO } else { 1 }
    }

    /// Whether reading it takes a while.
    pub fn is_large(&self) -> bool {
        self.weight() >= LARGE_BODY
    }

    /// Reads what it says. What fails is a [`Failure`] inside of the error: `too_large`, or `decode` where it is not well
    /// packed.
    pub fn reader(&self) -> impl Read + '_ {
        let source = match self.is_packed {
            true => Source::Packed(Box::new(MultiGzDecoder::new(&*self.bytes))),
            false => Source::Plain(&self.bytes),
        };
        Reader { source, read: 0, cap: self.cap }
    }

    /// All of it, of an answer that is short by nature; `too_large` where it is longer than `most`.
    pub fn start(&self, most: usize) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        self.reader().take(most as u64 + 1).read_to_end(&mut all).map_err(failure)?;
        if all.len() > most {
            return Err(Failure::new(Reason::TooLarge, format!("the answer is longer than {most} bytes")));
        }
        Ok(all)
    }

    /// All of it, as fast as there is room for it; `waits` is true while there is none.
    pub(super) async fn unpack(&self, room: &Arc<Room>, waits: &AtomicBool) -> Result<Bytes, Failure> {
        if !self.is_packed {
            return Ok(self.bytes.clone());
        }
        let mut all = Growing::new(room, self.cap, waits);
        let mut reader = self.reader();
        loop {
            let mut piece = Vec::new();
            let read = || (&mut reader).take(PIECE as u64).read_to_end(&mut piece);
            block_in_place_if(self.is_large(), read).map_err(failure)?;
            if piece.is_empty() {
                return Ok(all.finish());
            }
            all.add(piece).await?;
        }
    }

    /// The first bytes of it, at most so many; fewer where it is not well packed.
    pub(super) fn beginning(&self, most: usize) -> Bytes {
        if self.is_packed { first(self.reader(), most).into() } else { self.bytes.slice(..most.min(self.bytes.len())) }
    }
}

/// The failure inside of an error of [`Body::reader`].
pub fn failure(error: io::Error) -> Failure {
    error.downcast::<Failure>().unwrap_or_else(|error| Failure::new(Reason::Decode, error.to_string()))
}

/// As much as can be read, up to so many bytes.
fn first(reader: impl Read, most: usize) -> Vec<u8> {
    let mut start = Vec::with_capacity(most);
    // What was read before an error stays.
    let _ = reader.take(most as u64).read_to_end(&mut start);
    start
}

struct Reader<'a> {
    source: Source<'a>,
    read: u64,
    cap: Cap,
}

enum Source<'a> {
    Plain(&'a [u8]),
    Packed(Box<MultiGzDecoder<&'a [u8]>>),
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.source {
            Source::Plain(bytes) => bytes.read(buffer)?,
            Source::Packed(decoder) => decoder.read(buffer).map_err(|error| {
                io::Error::other(Failure::new(Reason::Decode, format!("not well packed with gzip: {error}")))
            })?,
        };
        self.read = self.read.saturating_add(count as u64);
        self.cap.check(self.read).map_err(io::Error::other)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use futures_util::FutureExt;
    use reqwest::header::HeaderValue;

    use super::*;

    fn body(encoding: Option<&'static str>, bytes: &[u8], cap: u64) -> Body {
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        Body::new(&headers, Bytes::copy_from_slice(bytes), Cap::new(cap, &Room::new(usize::MAX)))
    }

    fn unpack(body: &Body) -> Result<Bytes, Failure> {
        let room = Arc::new(Room::new(1 << 30));
        body.unpack(&room, &AtomicBool::default()).now_or_never().expect("there is room")
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).expect("memory takes everything");
        encoder.finish().expect("memory takes everything")
    }

    fn read(body: &Body) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        body.reader().read_to_end(&mut all).map_err(failure)?;
        assert_eq!(unpack(body).expect("it can be read"), all);
        Ok(all)
    }

    #[test]
    fn a_body_says_the_same_packed_and_plain() {
        let text = b"[1,2]".repeat(40_000);
        for (encoding, bytes) in [
            (None, text.clone()),
            (Some("identity"), text.clone()),
            (Some("gzip"), packed(&text)),
            (Some(" X-GZIP"), packed(&text)),
            (Some("gzip"), [packed(&text[..9]), packed(b""), packed(&text[9..])].concat()),
            (Some("utf-8"), text.clone()),
        ] {
            let body = body(encoding, &bytes, text.len() as u64);
            assert!(read(&body).expect("it can be read") == text, "{encoding:?}");
            assert_eq!(body.beginning(7), &text[..7], "{encoding:?}");
        }
        assert!(read(&body(Some("gzip"), b"", 0)).expect("nothing to read").is_empty());
    }

    #[test]
    fn unpacked_it_is_no_longer_than_it_may_be() {
        let bomb = packed(&vec![b' '; 1 << 20]);
        assert!(bomb.len() < 32_768);
        let body = body(Some("gzip"), &bomb, (1 << 20) - 1);
        let failures = [unpack(&body).expect_err("too long"), read(&body).expect_err("too long")];
        for failure in failures {
            assert_eq!(failure.reason, Reason::TooLarge);
            assert!(failure.message.contains("max_response_size"), "{failure}");
        }
    }

    #[test]
    fn a_body_in_pieces_is_whole_and_gives_its_room_back() {
        let room = Arc::new(Room::new(1 << 30));
        let waits = AtomicBool::default();
        let bytes: Vec<u8> = (0..3 * PIECE + 77).map(|index| (index % 251) as u8).collect();
        for size in [1 << 16, PIECE, 2 * PIECE + 1, bytes.len()] {
            let mut growing = Growing::new(&room, Cap::new(u64::MAX, &room), &waits);
            for chunk in bytes.chunks(size) {
                growing.push(chunk).now_or_never().expect("there is room").expect("it is not too long");
            }
            let all = growing.finish();
            assert!(all == bytes, "{size}");
            let beginning = all.slice(..10);
            drop(all);
            assert!(room.used() >= bytes.len(), "somebody has some of it yet");
            drop(beginning);
            assert_eq!(room.used(), 0);
        }
        let mut growing = Growing::new(&room, Cap::new(10, &room), &waits);
        growing.push(&[0; 10]).now_or_never().expect("there is room").expect("just so long");
        let failure = growing.push(&[0]).now_or_never().expect("there is room").expect_err("too long");
        assert_eq!(failure.message, "the answer is larger than max_response_size (10 bytes)");
        let small = Room::new(5);
        let failure = Cap::new(10, &small).check(6).expect_err("there is no room for it");
        assert_eq!(failure.message, "the answer is larger than http.max_buffered (5 bytes)");
    }

    #[test]
    fn what_cannot_be_unpacked_is_a_failure() {
        let good = packed(b"{\"value\":[]}");
        let mut wrong = good.clone();
        let last = wrong.len() - 6;
        wrong[last] ^= 1;
        for bytes in [&good[..good.len() - 3], &good[..3], &wrong, b"{\"value\":[]}"] {
            let failure = read(&body(Some("gzip"), bytes, 1000)).expect_err("not well packed");
            assert_eq!(failure.reason, Reason::Decode, "{failure}");
        }
    }
}
