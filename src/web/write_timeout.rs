//! A connection that gives up on a reader who does not read, so that slow readers cannot keep scrapes from others.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::listener::Socket;

/// Without a byte taken for so long, the connection ends.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// What is ready to be sent must be taken within this time, however many bytes a second trickle away.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);

/// A stream whose writes fail with `TimedOut` where the other side does not read.
#[derive(Debug)]
pub struct WriteTimeout {
    stream: Socket,
    /// When the first byte was written that is not known to be taken.
    writing_since: Option<Instant>,
    stall_timer: Option<Pin<Box<Sleep>>>,
}

impl WriteTimeout {
    /// Guards a stream.
    pub fn new(stream: impl Into<Socket>) -> WriteTimeout {
        WriteTimeout { stream: stream.into(), writing_since: None, stall_timer: None }
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Socket>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let since = *self.writing_since.get_or_insert_with(Instant::now);
        if since.elapsed() > TOTAL_TIMEOUT {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        match write(Pin::new(&mut self.stream), cx) {
            Poll::Ready(result) => {
                self.stall_timer = None;
                Poll::Ready(result)
            }
            Poll::Pending => {
                let stall_timer = self.stall_timer.get_or_insert_with(|| Box::pin(sleep(STALL_TIMEOUT)));
                ready!(stall_timer.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for WriteTimeout {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for WriteTimeout {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when everything that it had was written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing_since = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    async fn pair() -> (WriteTimeout, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (WriteTimeout::new(accepted.expect("a connection").0), client.expect("a connection"))
    }

    #[tokio::test]
    async fn a_reader_who_never_reads_is_given_up() {
        let (mut server, _client) = pair().await;
        let chunk = vec![0; 1 << 20];
        let task = tokio::spawn(async move {
            loop {
                server.write_all(&chunk).await?;
            }
            #[allow(unreachable_code)]
            Ok::<(), io::Error>(())
        });
        // The socket's buffers are full by then; what follows is the timer alone.
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::time::pause();
        tokio::time::advance(STALL_TIMEOUT + Duration::from_secs(1)).await;
        let result = task.await.expect("no panic");
        assert_eq!(result.expect_err("it gave up").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_reader_who_reads_gets_everything() {
        let (mut server, mut client) = pair().await;
        let sent = tokio::spawn(async move {
            server.write_all(&vec![7; 5 << 20]).await?;
            server.shutdown().await
        });
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.expect("it is read");
        assert_eq!(read.len(), 5 << 20);
        sent.await.expect("no panic").expect("it was sent");
    }
}
