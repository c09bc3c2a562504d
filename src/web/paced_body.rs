//! A body that is sent in pieces: other connections have their turn between them, however large the pieces of the answer are and
//! however fast they are taken. Without this, a task that sends megabytes to a fast reader holds a thread for as long as that
//! takes, and whoever asks whether the daemon is healthy waits for several such tasks.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::{connection::Connection, connection_limit::ActiveRequest};
use crate::exposition::Body;

/// Bytes of one piece, and bytes until others have their turn: some tens of microseconds.
const PIECE: usize = 64 * 1024;

/// The body of one answer.
#[derive(Debug)]
pub struct PacedBody {
    body: Body,
    /// What is left of a piece that was too large.
    rest: Bytes,
    /// Bytes handed over since others had their turn.
    in_turn: usize,
    /// Dropped when the body was handed over, or its reader is gone.
    active: Option<ActiveRequest>,
}

impl PacedBody {
    /// Sends a body over a connection, which is active until the last piece was taken.
    pub fn new(body: Body, active: Option<ActiveRequest>) -> PacedBody {
        if let Some(active) = &active {
            active.connection().moves();
        }
        PacedBody { body, rest: Bytes::new(), in_turn: 0, active }
    }

    fn connection(&self) -> Option<&Arc<Connection>> {
        self.active.as_ref().map(ActiveRequest::connection)
    }
}

impl hyper::body::Body for PacedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.in_turn >= PIECE {
            self.in_turn = 0;
            // Woken while it runs, a task goes behind all that are ready.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => self.rest = frame.into_data().unwrap_or_default(),
                Poll::Ready(Some(Err(never))) => match never {},
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.in_turn += length;
        if let Some(connection) = self.connection() {
            connection.moves();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.size_hint().exact().unwrap_or(0);
        SizeHint::with_exact(body + self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use hyper::body::Body as _;

    use super::*;
    use crate::exposition::{Block, Encoding, Format, Splice};

    /// The pieces in order; nothing where others have their turn.
    fn pieces(mut body: PacedBody) -> Vec<Option<Bytes>> {
        let (mut pieces, mut cx) = (Vec::new(), Context::from_waker(Waker::noop()));
        loop {
            let left = body.size_hint().exact().expect("it is known");
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(None) => {
                    assert_eq!(left, 0);
                    return pieces;
                }
                Poll::Ready(Some(Ok(frame))) => {
                    let piece = frame.into_data().expect("data");
                    assert!(!piece.is_empty() && left >= piece.len() as u64);
                    assert_eq!(body.is_end_stream(), left == piece.len() as u64);
                    pieces.push(Some(piece));
                }
                Poll::Ready(Some(Err(never))) => match never {},
                Poll::Pending => pieces.push(None),
            }
        }
    }

    #[test]
    fn a_large_piece_is_cut_and_others_have_their_turn_in_between() {
        let whole: Vec<u8> = (0..5 * PIECE + 1).map(|n| (n % 251) as u8).collect();
        let pieces = pieces(PacedBody::new(Body::whole(whole.clone()), None));
        let lengths: Vec<Option<usize>> = pieces.iter().map(|piece| piece.as_ref().map(Bytes::len)).collect();
        let full = [Some(PIECE), None];
        assert_eq!(lengths, [&full.repeat(5)[..], &[Some(1)]].concat());
        assert_eq!(pieces.into_iter().flatten().flatten().collect::<Vec<u8>>(), whole);
    }

    #[test]
    fn others_have_their_turn_between_many_small_pieces_as_well() {
        let mut splice = Splice::new(Format::Text, Encoding::Identity);
        let block = Block::new("a 1\n".repeat(250));
        (0..1000).for_each(|_| splice.push(&block));
        let mut in_turn = 0;
        for piece in pieces(PacedBody::new(splice.finish(), None)) {
            in_turn = piece.map_or(0, |piece| in_turn + piece.len());
            assert!(in_turn < 2 * PIECE, "{in_turn}");
        }
    }

    #[test]
    fn an_empty_body_has_no_piece() {
        assert!(pieces(PacedBody::new(Body::whole(""), None)).into_iter().flatten().all(|piece| piece.is_empty()));
    }
}
