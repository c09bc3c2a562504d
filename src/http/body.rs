//! A body as it came over the wire, and what it says unpacked.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use crate::{
    blocking::{LARGE_BODY, block_in_place_if},
    failure::{Failure, Reason},
};

/// A packed body may well be so many times as long when it is unpacked: lists of agents are mostly repetitions.
const RATIO: usize = 32;

/// A body that may still be packed. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Bytes,
    is_packed: bool,
    /// The most that it may be unpacked, in bytes.
    cap: u64,
}

impl Body {
    /// A body that is not packed.
    pub fn plain(bytes: impl Into<Bytes>) -> Body {
        Body { bytes: bytes.into(), is_packed: false, cap: u64::MAX }
    }

    /// The body that these headers belong to; unpacked it may be as long as `cap`. It is packed where the headers name gzip;
    /// anything else was not asked for, and is taken as it is: some servers put there what belongs elsewhere.
    pub(super) fn new(headers: &HeaderMap, bytes: Bytes, cap: u64) -> Body {
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
        Reader { source, left: self.cap, cap: self.cap }
    }

    /// All of it.
    pub(super) fn unpack(&self) -> Result<Bytes, Failure> {
        if !self.is_packed {
            return Ok(self.bytes.clone());
        }
        block_in_place_if(self.is_large(), || {
            let mut all = Vec::with_capacity(self.bytes.len() * 2);
            self.reader().read_to_end(&mut all).map_err(failure)?;
            all.shrink_to_fit();
            Ok(all.into())
        })
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
    left: u64,
    cap: u64,
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
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(too_large(self.cap))),
        }
        Ok(count)
    }
}

/// The failure of a body that is longer than it may be.
pub(super) fn too_large(cap: u64) -> Failure {
    Failure::new(Reason::TooLarge, format!("the answer is larger than max_response_size ({cap} bytes)"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use reqwest::header::HeaderValue;

    use super::*;

    fn body(encoding: Option<&'static str>, bytes: &[u8], cap: u64) -> Body {
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        Body::new(&headers, Bytes::copy_from_slice(bytes), cap)
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).expect("memory takes everything");
        encoder.finish().expect("memory takes everything")
    }

    fn read(body: &Body) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        body.reader().read_to_end(&mut all).map_err(failure)?;
        assert_eq!(body.unpack().expect("it can be read"), all);
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
        let failures = [body.unpack().expect_err("too long"), read(&body).expect_err("too long")];
        for failure in failures {
            assert_eq!(failure.reason, Reason::TooLarge);
            assert!(failure.message.contains("max_response_size"), "{failure}");
        }
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
