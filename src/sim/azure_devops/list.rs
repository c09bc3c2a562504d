//! Lists: the `{count,value}` envelope, made in chunks, and continuation tokens.

use super::super::{Request, Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

/// A body that is made while it is sent: nothing of a list is kept but the chunk at hand.
const CHUNK: usize = 32 * 1024;

/// Which part of a list is requested: how many to skip, how many at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    skip: usize,
    take: usize,
}

impl Page {
    /// Reads `$top` and `continuationToken`; `size` is the service's own page size, 0 for none.
    pub(super) fn of(request: &Request, size: usize) -> Page {
        let skip = request
            .param("continuationToken")
            .and_then(|token| BASE64_STANDARD.decode(token).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| text.strip_prefix("after:")?.parse().ok())
            .unwrap_or(0);
        let top = request.param("$top").and_then(|top| top.parse().ok());
        let own = (size > 0).then_some(size);
        let take = top.into_iter().chain(own).min().unwrap_or(usize::MAX);
        Page { skip, take }
    }

    /// Answers with that part of `items`, of which there are `total`.
    pub(super) fn answer<I>(self, total: usize, items: I, extra: Option<String>, bare: bool) -> Response
    where
        I: Iterator<Item = String> + Send + 'static,
    {
        let left = total.saturating_sub(self.skip);
        let more = left > self.take;
        // What cannot be read comes once, on the first page.
        let extra = extra.filter(|_| self.skip == 0);
        let count = left.min(self.take) + usize::from(extra.is_some());
        let (head, tail) = match bare {
            true => ("[".to_owned(), "]"),
            false => (format!("{{\"count\":{count},\"value\":["), "]}"),
        };
        let chunks = Chunks {
            head: Some(head),
            items: extra.into_iter().chain(items.skip(self.skip).take(self.take)),
            first: true,
            tail: Some(tail),
        };
        let response = Response::stream("application/json; charset=utf-8; api-version=7.1", chunks);
        if more {
            let token = BASE64_STANDARD.encode(format!("after:{}", self.skip + self.take));
            return response.with_header("x-ms-continuationtoken", &token);
        }
        response
    }
}

struct Chunks<I> {
    head: Option<String>,
    items: I,
    first: bool,
    tail: Option<&'static str>,
}

impl<I: Iterator<Item = String>> Iterator for Chunks<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let tail = self.tail?;
        let mut chunk = self.head.take().unwrap_or_default();
        while chunk.len() < CHUNK {
            let Some(item) = self.items.next() else {
                chunk.push_str(tail);
                self.tail = None;
                break;
            };
            if !std::mem::take(&mut self.first) {
                chunk.push(',');
            }
            chunk.push_str(&item);
        }
        Some(chunk.into())
    }
}
