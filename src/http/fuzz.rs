//! Answers and packed bodies made of any bytes, for [`fuzzing`](crate::fuzzing).

use std::{
    io::Read,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use reqwest::{
    StatusCode,
    header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue},
};

use super::{Answer, Body, body::Cap, room::Room};

impl Answer {
    /// An answer from a text like `200\nContent-Type: application/json\n\nbody`. What is no header is left out.
    pub fn of_bytes(bytes: &[u8]) -> Answer {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = end.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + 2..]));
        let mut lines = head.split(|byte| *byte == b'\n');
        let status = lines.next().and_then(|line| StatusCode::from_bytes(line).ok()).unwrap_or(StatusCode::OK);
        let mut headers = HeaderMap::new();
        for line in lines.take(100) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = (HeaderName::from_bytes(&line[..colon]), line[colon + 1..].trim_ascii());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
                headers.append(name, value);
            }
        }
        let (body, what) = (Bytes::copy_from_slice(body), "GET /x".to_owned());
        Answer { status, headers, body, packed: None, what, left: Duration::from_secs(10) }
    }
}

impl Body {
    /// What unpacking these bytes brings, at most `cap` bytes, read in pieces of all sizes.
    pub fn unpacked(bytes: &[u8], cap: u64) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let (room, waits) = (Arc::new(Room::new(usize::MAX)), AtomicBool::default());
        let body = Body::new(&headers, Bytes::copy_from_slice(bytes), Cap::new(cap, &room));
        let beginning = body.beginning(100);
        let whole = body.unpack(&room, &waits).now_or_never().expect("there is room for it").ok();
        let (mut reader, mut pieces) = (body.reader(), Vec::new());
        let is_whole = (1..).try_for_each(|size: usize| {
            let mut piece = vec![0; size];
            match reader.read(&mut piece) {
                Ok(0) => Err(true),
                Ok(count) => {
                    pieces.extend_from_slice(&piece[..count]);
                    Ok(())
                }
                Err(_) => Err(false),
            }
        });
        assert!(pieces.len() as u64 <= cap, "{} bytes are more than {cap}", pieces.len());
        assert_eq!(is_whole.is_err_and(|ended| ended), whole.is_some(), "both readings end alike");
        assert!(whole.as_ref().is_none_or(|whole| *whole == pieces), "both readings bring the same");
        assert!(beginning.len() <= 100 && pieces.starts_with(&beginning[..beginning.len().min(pieces.len())]));
        whole.map(Vec::from)
    }
}
