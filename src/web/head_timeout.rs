//! A connection that gives up on a client who does not finish what it began to ask. How long a connection may be silent between
//! two requests is another matter, and takes longer.
//!
//! For HTTP/1: what comes over a connection of HTTP/2 need not be a request.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::connection::Connection;

/// From the first byte of a request to the end of its head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// From the connection to the first byte; browsers open some before they know what for.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(30);

/// A stream whose reads fail with `TimedOut` where a request does not come to its end.
#[derive(Debug)]
pub struct HeadTimeout<S> {
    stream: S,
    connection: Arc<Connection>,
    /// Runs while a head is under way, and before the first one.
    timer: Option<Pin<Box<Sleep>>>,
    /// How many requests there were when it began to run.
    requests: u64,
    is_first: bool,
}

impl<S> HeadTimeout<S> {
    /// Guards the stream of this connection, whose requests are counted.
    pub fn new(stream: S, connection: Arc<Connection>) -> HeadTimeout<S> {
        let timer = Some(Box::pin(sleep(FIRST_BYTE_TIMEOUT)));
        HeadTimeout { stream, requests: connection.requests(), connection, timer, is_first: true }
    }

    /// Bytes have come: of a head that has begun now, of one that is under way, or behind a request.
    fn received(&mut self) {
        let requests = self.connection.requests();
        if self.connection.is_active() {
            self.timer = None;
        } else if self.timer.is_none() || self.is_first || requests != self.requests {
            self.timer = Some(Box::pin(sleep(HEAD_TIMEOUT)));
        }
        (self.is_first, self.requests) = (false, requests);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadTimeout<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(cx, buf) {
            if buf.filled().len() > before {
                self.received();
            }
            return Poll::Ready(result);
        }
        // The head that was waited for has come, or one is being answered.
        if self.connection.is_active() || self.connection.requests() != self.requests {
            self.timer = None;
        }
        if let Some(timer) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::{Instant, timeout},
    };
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::web::{connection_limit::ActiveRequest, listener::Peer};

    fn pair() -> (HeadTimeout<DuplexStream>, Arc<Connection>, DuplexStream) {
        let (server, client) = duplex(1024);
        let connection = Arc::new(Connection::new(Peer::Local, &CancellationToken::new()));
        (HeadTimeout::new(server, Arc::clone(&connection)), connection, client)
    }

    /// When reading ended with `TimedOut`, though the client sends a byte a second.
    async fn given_up(server: &mut HeadTimeout<DuplexStream>, client: &mut DuplexStream, dripping: bool) -> Duration {
        let begun = Instant::now();
        loop {
            match timeout(Duration::from_secs(1), server.read(&mut [0; 64])).await {
                Ok(Err(error)) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    return begun.elapsed();
                }
                Ok(Ok(read)) => assert_eq!(read, 1),
                Err(_) if dripping => client.write_all(b"x").await.expect("it is open"),
                Err(_) => {}
            }
            assert!(begun.elapsed() < Duration::from_secs(600), "nobody gives up");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_of_a_byte_a_second_is_given_up() {
        let (mut server, _connection, mut client) = pair();
        let after = given_up(&mut server, &mut client, true).await;
        assert!((HEAD_TIMEOUT..HEAD_TIMEOUT + Duration::from_secs(3)).contains(&after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_asks_is_given_up() {
        let (mut server, _connection, mut client) = pair();
        let after = given_up(&mut server, &mut client, false).await;
        assert!((FIRST_BYTE_TIMEOUT..FIRST_BYTE_TIMEOUT + Duration::from_secs(2)).contains(&after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_asked_may_be_silent_and_its_next_head_has_its_own_time() {
        let (mut server, connection, mut client) = pair();
        for _ in 0..3 {
            client.write_all(b"GET / HTTP/1.1").await.expect("it is open");
            assert!(server.read(&mut [0; 64]).await.expect("it is read") > 0);
            tokio::time::advance(HEAD_TIMEOUT - Duration::from_secs(1)).await;
            client.write_all(b"\r\n\r\n").await.expect("it is open");
            assert!(server.read(&mut [0; 64]).await.expect("it is read") > 0);
            let active = ActiveRequest::new(&connection);
            assert!(timeout(Duration::from_secs(60), server.read(&mut [0; 64])).await.is_err());
            drop(active);
            assert!(timeout(Duration::from_secs(60), server.read(&mut [0; 64])).await.is_err());
        }
        let after = given_up(&mut server, &mut client, true).await;
        assert!((HEAD_TIMEOUT..HEAD_TIMEOUT + Duration::from_secs(3)).contains(&after), "{after:?}");
    }
}
