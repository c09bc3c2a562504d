//! What stands between a service's answer and the wire: faults, gzip, chunks.

use crate::{Body, Fault, Response};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    StatusCode,
    body::Frame,
    header::{CONTENT_ENCODING, VARY},
};
use std::{convert::Infallible, io::Write, iter};

/// Bodies below this many bytes are not worth compressing.
const GZIP_FROM: usize = 1_024;
/// Padding is made in pieces of this many bytes, so that a gigabyte costs no memory.
const PAD: usize = 65_536;

/// The page of a proxy or a sign-in that stands where data is expected.
const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n";

/// Turns the proper answer into the faulty one. [`Fault::Drop`], [`Fault::Hang`] and [`Fault::Slow`] are the
/// listener's: they give no answer or the proper one.
pub(super) fn apply(fault: Fault, proper: impl FnOnce() -> Response) -> Response {
    match fault {
        Fault::Drop | Fault::Hang | Fault::Slow(_) => proper(),
        Fault::Status(code, body, content_type) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Response::full(status, content_type, body)
        }
        Fault::Html => Response::full(StatusCode::OK, "text/html; charset=utf-8", HTML),
        Fault::Header(name, value) => proper().with_header(name, &value),
        Fault::Truncated => whole(proper(), |bytes| Body::Full(bytes.slice(..bytes.len() / 2))),
        Fault::Oversized(size) => whole(proper(), |bytes| pad(bytes, size)),
    }
}

fn whole(proper: Response, change: impl FnOnce(Bytes) -> Body) -> Response {
    let (status, headers) = (proper.status, proper.headers.clone());
    let body = change(proper.into_bytes());
    Response { status, headers, body }
}

/// White space before the last byte is legal in JSON (`]`, `}`) and in XML (`</a   >`).
fn pad(bytes: Bytes, size: usize) -> Body {
    let missing = size.saturating_sub(bytes.len());
    let last = bytes.len().saturating_sub(1);
    let blanks = Bytes::from(vec![b' '; PAD]);
    let full = iter::repeat_n(blanks.clone(), missing / PAD);
    let chunks =
        iter::once(bytes.slice(..last)).chain(full).chain([blanks.slice(..missing % PAD), bytes.slice(last..)]);
    Body::Stream(Box::new(chunks))
}

/// Compresses the body where it is worth it and nobody did so before.
pub(super) fn gzip(mut response: Response) -> Response {
    let small = matches!(&response.body, Body::Full(bytes) if bytes.len() < GZIP_FROM);
    if small || response.headers.contains_key(CONTENT_ENCODING) {
        return response;
    }
    response.body = match response.body {
        Body::Full(bytes) => {
            let mut all = Vec::new();
            Deflated::new(iter::once(bytes)).for_each(|chunk| all.extend_from_slice(&chunk));
            Body::Full(all.into())
        }
        Body::Stream(chunks) => Body::Stream(Box::new(Deflated::new(chunks))),
    };
    response.with_header(CONTENT_ENCODING.as_str(), "gzip").with_header(VARY.as_str(), "Accept-Encoding")
}

/// One gzip member made of chunks while they come.
struct Deflated<I> {
    chunks: I,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl<I> Deflated<I> {
    fn new(chunks: I) -> Deflated<I> {
        let encoder = GzEncoder::new(Vec::new(), Compression::fast());
        Deflated { chunks, encoder: Some(encoder) }
    }
}

impl<I: Iterator<Item = Bytes>> Iterator for Deflated<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        loop {
            let encoder = self.encoder.as_mut()?;
            let Some(chunk) = self.chunks.next() else {
                // Writing to a Vec cannot fail, so there is always a trailer.
                return self.encoder.take()?.finish().ok().map(Bytes::from);
            };
            encoder.write_all(&chunk).ok()?;
            // An empty chunk would end nothing, but costs a frame: wait until the compressor gives something.
            if !encoder.get_ref().is_empty() {
                return Some(std::mem::take(encoder.get_mut()).into());
            }
        }
    }
}

/// The body as hyper sends it.
pub(super) fn body(body: Body) -> UnsyncBoxBody<Bytes, Infallible> {
    match body {
        Body::Full(bytes) => Full::new(bytes).boxed_unsync(),
        Body::Stream(chunks) => {
            let frames = chunks.filter(|c| !c.is_empty()).map(|c| Ok(Frame::data(c)));
            StreamBody::new(stream::iter(frames)).boxed_unsync()
        }
    }
}
