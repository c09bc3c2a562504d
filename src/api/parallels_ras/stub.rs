//! A vendor server for the tests of both Parallels rooms.

use bytes::Bytes;
use rollcall_test_server::{Request, Response};

use crate::api::stub::Stub;

/// In a body: a byte that is not UTF-8.
pub const BAD_BYTE: char = '\u{e0ff}';

/// `answer` turns a request into status, content type and body; status 0 never answers.
pub fn start(answer: impl Fn(&Request) -> (u16, &'static str, String) + Send + Sync + 'static) -> Stub {
    Stub::start(move |request| match answer(request) {
        (0, ..) => Response::silence(),
        (status, content_type, body) => Response::new(status, content_type, bytes(&body)),
    })
}

fn bytes(body: &str) -> Bytes {
    body.split(BAD_BYTE).map(str::as_bytes).collect::<Vec<_>>().join(&0xff).into()
}
